//! The targets: what each is given, and the property that it tries to break.

mod ansi;
mod capture;
mod client;
mod config;
mod dialect;
mod environment;
mod expansion;
mod http;
mod listener;
mod paths;
mod rpc;
mod wait_status;
mod xmlrpc;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::Corpus;

/// Runs a target on one input, and says whether the input is worth keeping.
pub type Target = fn(&[u8]) -> Corpus;

/// All targets by their names.
pub const ALL: [(&str, Target); 13] = [
    ("ansi", |input| of(input, ansi::run)),
    ("capture", |input| of(input, capture::run)),
    ("client", |input| of(input, client::run)),
    ("config", |input| of(input, config::run)),
    ("dialect", |input| of(input, dialect::run)),
    ("environment", |input| of(input, environment::run)),
    ("expansion", |input| of(input, expansion::run)),
    ("http", |input| of(input, http::run)),
    ("listener", |input| of(input, listener::run)),
    ("paths", |input| of(input, paths::run)),
    ("rpc", |input| of(input, rpc::run)),
    ("wait_status", |input| of(input, wait_status::run)),
    ("xmlrpc", |input| of(input, xmlrpc::run)),
];

/// Runs a target on what it makes of the input; too little for that is not worth keeping.
fn of<'a, T: Arbitrary<'a>>(input: &'a [u8], run: fn(T)) -> Corpus {
    match T::arbitrary_take_rest(Unstructured::new(input)) {
        Ok(value) => {
            run(value);
            Corpus::Keep
        }
        Err(_) => Corpus::Reject,
    }
}
