//! What recorders (`scripts/recorder.py`) have heard, made comparable.

use std::collections::BTreeMap;

use super::golden::without_numbers_behind;
use crate::harness::sandbox::Sandbox;

/// An event as a listener got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The header line.
    pub header: String,
    /// What followed it.
    pub payload: String,
}

impl Heard {
    /// The value of a token of the header, or of the first line of the payload.
    pub fn token(&self, name: &str) -> Option<&str> {
        let head = self.payload.lines().next().unwrap_or_default();
        let mut tokens = self.header.split_whitespace().chain(head.split(' '));
        tokens.find_map(|token| token.strip_prefix(name)?.strip_prefix(':'))
    }

    /// A token that is a number.
    pub fn number(&self, name: &str) -> u64 {
        self.token(name)
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("{name} in {self:?}"))
    }

    /// The event's type.
    pub fn kind(&self) -> &str {
        self.token("eventname").unwrap_or_default()
    }

    /// Type and payload without pids.
    fn line(&self) -> String {
        without_numbers_behind(&format!("{} {}", self.kind(), self.payload), "pid:")
    }
}

/// What a recorder has heard so far, whole lines only.
pub fn of(sandbox: &Sandbox, name: &str) -> Vec<Heard> {
    let text = sandbox.read(name);
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let pairs = whole.lines().map(|line| serde_json::from_str::<(String, String)>(line).unwrap());
    pairs.map(|(header, payload)| Heard { header, payload }).collect()
}

/// The events between marks, which are messages of the type `mark`, and between the lives of a pool.
pub fn parts(heard: &[Heard]) -> Vec<&[Heard]> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, event) in heard.iter().enumerate() {
        if event.number("poolserial") == 0 && at > 0 {
            parts.push(&heard[start..at]);
            start = at;
        }
        if event.payload.starts_with("type:mark\n") {
            parts.push(&heard[start..at]);
            start = at + 1;
        }
    }
    parts.push(&heard[start..]);
    parts
}

/// Each event once, in the order in which they happened, without those that the pool did not ask for.
pub fn put_in_order(heard: &[Heard], subscribed: &str) -> Vec<Heard> {
    let wanted =
        |event: &&Heard| subscribed.split(',').any(|name| name == "EVENT" || event.kind().starts_with(name));
    let by_serial: BTreeMap<u64, &Heard> =
        heard.iter().filter(wanted).map(|event| (event.number("serial"), event)).collect();
    by_serial.into_values().cloned().collect()
}

/// The streams that must be the same: what happened to each process, and what else is told. Between
/// independent ones there is no order; of output, only the whole is defined (E-046).
pub fn streams(heard: &[Heard]) -> BTreeMap<String, Vec<String>> {
    let mut streams = BTreeMap::<String, Vec<String>>::new();
    for event in heard.iter().filter(|event| !event.kind().starts_with("TICK")) {
        match (event.token("processname"), event.token("channel")) {
            (Some(process), Some(channel)) => {
                add_output(streams.entry(format!("{process} {channel}")).or_default(), &event.line());
            }
            (Some(process), None) => {
                for stream in ["", " stdout", " stderr"] {
                    streams.entry(format!("{process}{stream}")).or_default().push(event.line());
                }
            }
            (None, _) => streams.entry("others".to_owned()).or_default().push(event.line()),
        }
    }
    streams
}

fn add_output(stream: &mut Vec<String>, line: &str) {
    let (head, data) = line.split_once('\n').unwrap_or((line, ""));
    match stream.last_mut() {
        Some(last) if last.starts_with(head) => last.push_str(data),
        _ => stream.push(line.to_owned()),
    }
}
