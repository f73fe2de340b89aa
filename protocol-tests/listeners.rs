//! The bundled listeners beside Superlance's, on the same events, and under a real supervisord
//! (events.md, section 12).

mod batches;
mod crashmail;
mod httpok;
mod manuals;
mod memmon;
mod real_daemon;
mod trouble;

use super::harness::daemon::Implementation;
use super::harness::listener::{Performance, Stage, event};
use super::harness::mail;
use super::harness::sandbox::Sandbox;

/// A crash as EXITED tells of it (E-007).
fn exited(group: &str, name: &str, expected: bool) -> String {
    let expected = u8::from(expected);
    event(
        "PROCESS_STATE_EXITED",
        &format!("processname:{name} groupname:{group} from_state:RUNNING expected:{expected} pid:58597"),
    )
}

/// A minute's tick.
fn tick() -> String {
    event("TICK_60", "when:1700000040")
}

/// What a listener did, and what mail it sent by command.
#[derive(Debug)]
struct Outcome {
    performance: Performance,
    mails: Vec<String>,
}

/// Runs a listener on these events, with a sendmail that keeps what it gets as `-s`.
fn play(implementation: Implementation, name: &str, words: &[&str], events: &[String]) -> Outcome {
    let sandbox = Sandbox::new();
    let sendmail = mail::sendmail(&sandbox);
    let words = [&["-s", &sendmail], words].concat();
    let stage = Stage::new(&sandbox, implementation, name, &words).of_daemon("none.sock");
    let performance = stage.play(events);
    Outcome { performance, mails: mail::sent(&sandbox) }
}
