//! Events as pages show them, and the page of events.

use askama::Template;
use serde_json::Value;

use super::page::Frame;
use super::pools::Pool;
use crate::model::event::EventKind;
use crate::model::name::ProcessName;
use crate::model::time::WallTime;
use crate::sys::clock;

/// Fields of events that are shown as details, in this order; `data` comes after them.
const DETAILS: [&str; 8] =
    ["from_state", "tries", "restart", "expected", "pid", "channel", "when", "remote_type"];
/// How much of data is shown, in characters.
const SHOWN: usize = 200;
/// Thousands of millions: seconds in nanoseconds.
const NANOS: f64 = 1e9;

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Local time, to the millisecond.
    pub time: String,
    pub kind: String,
    /// The name spec of the process, or the name of the group, if it is about one.
    pub about: String,
    pub details: String,
}

/// The events of a page, and where its stream goes on.
pub(super) struct Events {
    pub rows: Vec<Row>,
    /// The id of the last event there was.
    pub last_id: String,
    /// What has to be added to UTC for local time, in seconds.
    pub offset: i32,
}

/// The page.
#[derive(Template)]
#[template(path = "events.html")]
pub(super) struct EventsPage {
    pub frame: Frame,
    /// What is wrong with the filter.
    pub problem: Option<&'static str>,
    /// The filter, as it was given.
    pub kind: String,
    pub process: String,
    pub group: String,
    pub events: Events,
    pub pools: Vec<Pool>,
}

impl EventsPage {
    /// Names of all event types.
    fn kinds(&self) -> impl Iterator<Item = &'static str> {
        EventKind::all().map(EventKind::name)
    }
}

/// Names of all event types, for scripts: separated by blanks.
pub(super) fn kinds() -> String {
    EventKind::all().map(EventKind::name).collect::<Vec<_>>().join(" ")
}

impl Events {
    /// From lines of the feed, at this time.
    pub(super) fn new(lines: &[String], last_id: String, now: WallTime) -> Self {
        let offset = clock::local(now).offset().local_minus_utc();
        Self { rows: lines.iter().filter_map(|line| Row::read(line)).collect(), last_id, offset }
    }
}

impl Row {
    fn read(line: &str) -> Option<Self> {
        let event: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| event[name].as_str();
        let about = match (text("groupname"), text("processname")) {
            (Some(group), Some(process)) => ProcessName::new(group.into(), process).to_string(),
            (group, _) => group.unwrap_or_default().to_owned(),
        };
        Some(Self {
            time: time(event["time"].as_f64()?),
            kind: text("type")?.to_owned(),
            about,
            details: details(&event),
        })
    }
}

/// Local time as `2026-11-23 15:40:11.123`.
fn time(seconds: f64) -> String {
    let at = WallTime::from_nanos((seconds * NANOS) as i64);
    clock::local(at).format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

fn details(event: &Value) -> String {
    let said = |name: &str| match &event[name] {
        Value::Null => None,
        Value::String(text) => Some(format!("{name}:{text}")),
        other => Some(format!("{name}:{other}")),
    };
    let mut parts: Vec<String> = DETAILS.iter().filter_map(|name| said(name)).collect();
    if let Some(data) = event["data"].as_str() {
        let cut: String = data.chars().take(SHOWN).collect();
        parts.push(if cut.len() < data.len() { format!("{cut}…") } else { cut });
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows() {
        let line = r#"{"id":"a-7","seq":7,"time":1.5,"type":"PROCESS_STATE_EXITED","processname":"<b>","groupname":"g",
            "from_state":"RUNNING","expected":false,"pid":9}"#;
        let row = Row::read(line).unwrap();
        assert_eq!((&*row.kind, &*row.about), ("PROCESS_STATE_EXITED", "g:<b>"));
        assert_eq!(row.details, "from_state:RUNNING expected:false pid:9");
        assert!(row.time.ends_with(":01.500"), "{}", row.time);
        let group = Row::read(r#"{"time":1,"type":"PROCESS_GROUP_ADDED","groupname":"g"}"#).unwrap();
        assert_eq!((&*group.about, &*group.details), ("g", ""));
        assert_eq!(Row::read("{}"), None);
        assert_eq!(Row::read("x"), None);
    }

    #[test]
    fn long_data_is_cut_between_characters() {
        let long = serde_json::json!({"data": "é".repeat(201)});
        assert_eq!(details(&long), format!("{}…", "é".repeat(200)));
        assert_eq!(details(&serde_json::json!({"remote_type": "t", "data": "x\ny"})), "remote_type:t x\ny");
    }
}
