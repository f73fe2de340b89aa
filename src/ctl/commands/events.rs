//! events: what has happened, and what happens. Our addition.

use serde_json::{Map, Value};

use super::super::faults::exit;
use super::super::render::{Output, name_spec};
use super::super::session::{Outcome, Session};
use super::help;
use super::logs::{BANNER, complain, escaped, stream};
use crate::client::transport::TransportError;
use crate::model::time::WallTime;
use crate::sys::clock;

/// The path as messages have it.
const PATH: &str = "/events";

/// Against a daemon that has no such path, as the reference.
const NOT_OFFERED: &str = "events: ERROR (this supervisord has no stream of events)";

/// `events [-f] [--json] [--type T]... [name]...`
pub(super) async fn events(session: &mut Session, words: &[&str]) -> Outcome {
    let wanted = match Wanted::read(words) {
        Ok(wanted) => wanted,
        Err(text) => {
            session.refuse(exit::FAILURE, text);
            help::show(session, "events");
            return Ok(());
        }
    };
    if !session.is_up().await? {
        return Ok(());
    }
    let raw = wanted.json || !session.out.is_terminal();
    if wanted.follow && !raw {
        session.out.line(BANNER);
        session.out.flush();
    }
    let mut lines = Lines::default();
    let show = |out: &mut Output, bytes: &[u8]| {
        lines.push(bytes, |line| out.line(if raw { line.into() } else { shown(line) }))
    };
    match stream(session, &wanted.path(), show).await {
        Ok(_) => {}
        Err(TransportError::Status(404)) => session.refuse(exit::FAILURE, NOT_OFFERED),
        // The types are all that may be wrong with what is asked for here.
        Err(TransportError::Status(400)) => {
            let types = wanted.types.join(", ");
            session.refuse(exit::FAILURE, format!("events: ERROR (no such event type: {types})"));
        }
        Err(error) => {
            complain(session, PATH, &error);
            session.fail(exit::FAILURE);
        }
    }
    Ok(())
}

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted<'a> {
    follow: bool,
    json: bool,
    types: Vec<&'a str>,
    names: Vec<&'a str>,
}

impl<'a> Wanted<'a> {
    fn read(words: &[&'a str]) -> Result<Self, String> {
        let mut wanted = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "-f" => wanted.follow = true,
                "--json" => wanted.json = true,
                "--type" => wanted.types.push(words.next().ok_or("Error: --type requires an event type")?),
                "all" => {}
                option if option.starts_with("--type=") => wanted.types.push(&option["--type=".len()..]),
                option if option.starts_with('-') => return Err(format!("Error: bad argument {option}")),
                name => wanted.names.push(name),
            }
        }
        Ok(wanted)
    }

    fn path(&self) -> String {
        let mut path = format!("{PATH}?recent&format=json");
        if !self.follow {
            path.push_str("&follow=no");
        }
        let all = self.types.iter().map(|it| ("type", it)).chain(self.names.iter().map(|it| ("process", it)));
        for (parameter, value) in all {
            path.push_str(&format!("&{parameter}={}", escaped(value)));
        }
        path
    }
}

/// Lines out of pieces.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn push(&mut self, bytes: &[u8], mut show: impl FnMut(&str)) {
        self.0.extend_from_slice(bytes);
        let Some(end) = memchr::memrchr(b'\n', &self.0) else { return };
        for line in self.0[..end].split(|byte| *byte == b'\n') {
            show(&String::from_utf8_lossy(line));
        }
        self.0.drain(..=end);
    }
}

/// An event for a person: when, what, of whom, and whatever else is known of it.
fn shown(line: &str) -> String {
    let Ok(Value::Object(mut event)) = serde_json::from_str(line) else { return line.to_owned() };
    let kind = taken(&mut event, "type").unwrap_or_default();
    let name = match (taken(&mut event, "groupname"), taken(&mut event, "processname")) {
        (Some(group), Some(name)) => name_spec(&group, &name),
        (Some(group), None) => format!("{group}:*"),
        (None, _) => "-".to_owned(),
    };
    let at = event.remove("time").as_ref().and_then(Value::as_f64).map(time).unwrap_or_default();
    for known in ["id", "seq"] {
        event.remove(known);
    }
    let rest: Vec<String> = event.iter().map(|(name, value)| format!("{name}:{}", plain(value))).collect();
    format!("{at:<23} {kind:<24} {name:<20} {}", rest.join(" ")).trim_end().to_owned()
}

fn taken(event: &mut Map<String, Value>, name: &str) -> Option<String> {
    event.remove(name).and_then(|value| value.as_str().map(str::to_owned))
}

/// A text without quotes, if it can be told from what stands around it.
fn plain(value: &Value) -> String {
    match value.as_str() {
        Some(text) if text.chars().all(|c| c.is_alphanumeric() || c == '_') && !text.is_empty() => {
            text.to_owned()
        }
        _ => value.to_string(),
    }
}

fn time(seconds: f64) -> String {
    let at = WallTime::from_nanos((seconds * 1e6) as i64 * 1000);
    clock::local(at).format("%Y-%m-%d %H:%M:%S,%3f").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let of = |line: &str| Wanted::read(&line.split_whitespace().collect::<Vec<_>>()).map(|it| it.path());
        assert_eq!(of(""), Ok("/events?recent&format=json&follow=no".into()));
        assert_eq!(
            of("-f g:* --type TICK x&y --json --type=EVENT"),
            Ok("/events?recent&format=json&type=TICK&type=EVENT&process=g:*&process=x%26y".into())
        );
        assert_eq!(of("-x"), Err("Error: bad argument -x".into()));
        assert_eq!(of("--type"), Err("Error: --type requires an event type".into()));
    }

    #[test]
    fn what_a_person_sees() {
        let line = r#"{"id":"a-7","seq":7,"type":"PROCESS_STATE_EXITED","groupname":"g","processname":"p","pid":5,
            "expected":false,"from_state":"RUNNING"}"#;
        let pad = " ".repeat(24);
        assert_eq!(
            shown(line),
            format!(
                "{pad}PROCESS_STATE_EXITED     g:p                  expected:false from_state:RUNNING pid:5"
            )
        );
        let line = r#"{"type":"PROCESS_LOG_STDOUT","groupname":"g","processname":"g","data":"a b\u001b\n"}"#;
        assert!(shown(line).ends_with(r#" g                    data:"a b\u001b\n""#), "{}", shown(line));
        assert_eq!(shown("x"), "x");
    }

    #[test]
    fn lines_out_of_pieces() {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        for piece in ["a", "b\nc\nd", "", "e\n"] {
            lines.push(piece.as_bytes(), |line| seen.push(line.to_owned()));
        }
        assert_eq!(seen, ["ab", "c", "de"]);
    }
}
