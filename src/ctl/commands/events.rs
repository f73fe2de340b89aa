//! events: what has happened, and what happens. Our addition.

use serde_json::{Map, Value};

use super::super::faults::exit;
use super::super::render::{Output, name_spec, split_spec};
use super::super::session::{Outcome, Session, Trouble};
use super::help;
use super::logs::{BANNER, End, complain, escaped, stream};
use crate::client::transport::TransportError;
use crate::model::event::EventKind;
use crate::model::time::WallTime;
use crate::sys::clock;

/// The path as messages have it.
const PATH: &str = "/events";

/// Against a daemon that has no such path, as the reference.
const NOT_OFFERED: &str = "events: ERROR (this supervisord has no stream of events)";

/// `events [-f] [--json] [--type T]... [name]...`
pub(super) async fn events(session: &mut Session, words: &[&str]) -> Outcome {
    let mut wanted = match Wanted::read(words) {
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
    let mut unknown = unknown(session, &wanted.names).await?;
    if wanted.follow {
        // Nothing will ever come of these.
        deny(session, &unknown, raw);
        wanted.names.retain(|name| !unknown.contains(name));
        if wanted.names.is_empty() && !unknown.is_empty() {
            return Ok(());
        }
        unknown.clear();
        if !raw {
            session.out.line(BANNER);
            session.out.flush();
        }
    }
    let mut lines = Lines::default();
    let show = |out: &mut Output, bytes: &[u8]| {
        lines.push(bytes, |line| {
            unknown.retain(|name| !is_of(line, name));
            out.line(if raw { line.into() } else { shown(line) });
        })
    };
    match stream(session, &wanted.path(), show).await {
        Ok(End::Interrupted) if !raw => session.out.line(""),
        Ok(End::Over) if wanted.follow && !session.out.is_broken() => {
            session.out.flush();
            eprintln!("{}{PATH} ended: supervisord closed the stream", session.settings.serverurl);
            session.fail(exit::FAILURE);
        }
        // What is not there any more may have been heard of all the same.
        Ok(_) => deny(session, &unknown, raw),
        Err(error) => refused(session, &wanted, &error),
    }
    Ok(())
}

/// Why there is no stream.
fn refused(session: &mut Session, wanted: &Wanted<'_>, error: &TransportError) {
    match error {
        TransportError::Status(404) => session.refuse(exit::FAILURE, NOT_OFFERED),
        // The types are all that may be wrong with what is asked for here.
        TransportError::Status(400) => {
            let types = wanted.wrong_types().join(", ");
            session.refuse(exit::FAILURE, format!("events: ERROR (no such event type: {types})"));
        }
        error => {
            complain(session, PATH, error);
            session.fail(exit::FAILURE);
        }
    }
}

/// Those names that nothing has.
async fn unknown<'a>(session: &mut Session, names: &[&'a str]) -> Result<Vec<&'a str>, Trouble> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let all = session.server()?.processes().await?;
    let is_there = |name: &str| all.iter().any(|info| names_it(name, &info.group, Some(&info.name)));
    Ok(names.iter().copied().filter(|name| !is_there(name)).collect())
}

/// Says that there are no such processes or groups: beside the lines of JSON, if that is what stdout gets.
fn deny(session: &mut Session, names: &[&str], raw: bool) {
    for name in names {
        let text = match split_spec(name) {
            (group, None) => format!("{group}: ERROR (no such group)"),
            _ => format!("{name}: ERROR (no such process)"),
        };
        session.fail(exit::FAILURE);
        if raw {
            eprintln!("{text}");
        } else {
            session.out.line(text);
        }
    }
}

/// Whether a name on the command line means this process, or a group as such.
fn names_it(spec: &str, group: &str, process: Option<&str>) -> bool {
    let (wanted, name) = split_spec(spec);
    wanted == group && name.is_none_or(|name| process == Some(name))
}

/// Whether this event is about what has that name.
fn is_of(line: &str, spec: &str) -> bool {
    let Ok(event) = serde_json::from_str::<Value>(line) else { return false };
    event["groupname"].as_str().is_some_and(|group| names_it(spec, group, event["processname"].as_str()))
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
        let (mut wanted, mut all) = (Self::default(), false);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "-f" => wanted.follow = true,
                "--json" => wanted.json = true,
                "--type" => wanted.types.push(words.next().ok_or("Error: --type requires an event type")?),
                "all" => all = true,
                option if option.starts_with("--type=") => wanted.types.push(&option["--type=".len()..]),
                option if option.starts_with('-') => return Err(format!("Error: bad argument {option}")),
                name => wanted.names.push(name),
            }
        }
        if all {
            wanted.names.clear();
        }
        Ok(wanted)
    }

    /// Those types that there are not, as far as is known here.
    fn wrong_types(&self) -> Vec<&'a str> {
        let all = || self.types.iter().flat_map(|types| types.split(',')).map(str::trim);
        let is_wrong = |name: &&str| EventKind::from_name(&name.to_uppercase()).is_none();
        let wrong: Vec<_> = all().filter(is_wrong).collect();
        if wrong.is_empty() { all().collect() } else { wrong }
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

/// A text without quotes, if it can be told from what stands around it; otherwise as JSON, of which a terminal
/// obeys nothing.
fn plain(value: &Value) -> String {
    match value.as_str() {
        Some(text) if text.chars().all(|c| c.is_alphanumeric() || c == '_') && !text.is_empty() => {
            text.to_owned()
        }
        _ => {
            let mut text = String::new();
            for c in value.to_string().chars() {
                if c.is_control() {
                    text.push_str(&format!("\\u{:04x}", u32::from(c)));
                } else {
                    text.push(c);
                }
            }
            text
        }
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
        assert_eq!(of("x all"), of(""));
        assert_eq!(of("-x"), Err("Error: bad argument -x".into()));
        assert_eq!(of("--type"), Err("Error: --type requires an event type".into()));
    }

    #[test]
    fn types_that_there_are_not() {
        let of = |types: &[&'static str]| Wanted { types: types.to_vec(), ..Wanted::default() }.wrong_types();
        assert_eq!(of(&["TICK", "TOCK, process_state,PROCES"]), ["TOCK", "PROCES"]);
        assert_eq!(of(&["TICK", ""]), [""]);
        assert_eq!(of(&["NEWER"]), ["NEWER"]);
        assert_eq!(of(&["TICK"]), ["TICK"]);
    }

    #[test]
    fn whose_an_event_is() {
        let line = r#"{"type":"PROCESS_STATE_EXITED","groupname":"g","processname":"p"}"#;
        assert!(is_of(line, "g:p") && is_of(line, "g:*") && is_of(line, "g:"));
        assert!(!is_of(line, "g") && !is_of(line, "p") && !is_of(line, "h:*") && !is_of("{}", "g:p"));
        let line = r#"{"type":"PROCESS_GROUP_REMOVED","groupname":"g"}"#;
        assert!(is_of(line, "g:*") && !is_of(line, "g:p"));
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
        // What JSON leaves as it is, and some terminals obey.
        let line = r#"{"type":"PROCESS_LOG_STDOUT","data":"\u009b2J\u007fé\u0085"}"#;
        assert!(shown(line).ends_with(r#"data:"\u009b2J\u007fé\u0085""#), "{}", shown(line));
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
