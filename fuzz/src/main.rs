//! Hostile input for all that reads other people's bytes. One executable has all targets, so that everything is
//! linked once; `FUZZ_TARGET` in the environment says which of them runs.

#![no_main]

mod cuts;
mod facts;
mod server;
mod targets;

use std::env;
use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};

use targets::{ALL, Target};

static TARGET: LazyLock<Target> = LazyLock::new(chosen);

fn chosen() -> Target {
    let name = env::var("FUZZ_TARGET").unwrap_or_default();
    let found = ALL.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("FUZZ_TARGET is {name:?}, which is none of {:?}", ALL.map(|(it, _)| it))).1
}

fuzz_target!(|input: &[u8]| -> Corpus { TARGET(input) });
