//! Events as clients get them: JSON objects, as lines or in server-sent events.

use std::fmt::Write as _;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::model::event::{Entered, Event, EventRecord, GroupChange, StateChange};
use crate::model::name::ProcessName;

/// How what a client gets is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub syntax: Syntax,
    pub encoding: Encoding,
}

/// What stands around the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// Server-sent events.
    Sse,
    /// One object a line.
    Lines,
}

/// How data is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As text; U+FFFD stands for what is not UTF-8.
    Text,
    /// In base64.
    Base64,
}

/// Events between two numbers that nobody can be told of any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Gap {
    /// The last one that the client has seen.
    pub after: u64,
    /// The first one that it will see, if there is one yet.
    pub before: Option<u64>,
    /// The first number is of a daemon that was here before.
    pub restarted: bool,
}

/// An event, encoded for every syntax.
pub(super) struct Frame {
    /// As a server-sent event; the JSON in it is followed by a line feed.
    text: String,
    line: Range<usize>,
}

impl Frame {
    pub(super) fn new(record: &EventRecord, life: &str, encoding: Encoding) -> Self {
        let mut text = String::with_capacity(256);
        let name = record.event.kind().name();
        let head = write!(text, "id: {life}-{}\nevent: {name}\ndata: ", record.seq);
        head.expect("writing to a String cannot fail");
        let begin = text.len();
        text.push_str(&json(&Shown::new(record, life, encoding)));
        text.push('\n');
        let line = begin..text.len();
        text.push('\n');
        text.shrink_to_fit();
        Self { text, line }
    }

    /// What a client of this syntax gets.
    pub(super) fn part(&self, syntax: Syntax) -> &[u8] {
        match syntax {
            Syntax::Sse => self.text.as_bytes(),
            Syntax::Lines => self.line().as_bytes(),
        }
    }

    /// The line of JSON.
    pub(super) fn line(&self) -> &str {
        &self.text[self.line.clone()]
    }
}

impl Format {
    pub(super) const fn content_type(self) -> &'static str {
        match self.syntax {
            Syntax::Sse => "text/event-stream",
            Syntax::Lines => "application/x-ndjson",
        }
    }

    /// Events are missing here.
    pub(super) fn gap(self, gap: &Gap, out: &mut Vec<u8>) {
        self.note("GAP", gap, out);
    }

    /// The stream ends because the client was too slow.
    pub(super) fn cut_off(self, missed: u64, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct CutOff {
            missed: u64,
        }
        self.note("CUT_OFF", &CutOff { missed }, out);
    }

    /// All up to here is told, where that can be said without an event: a client that comes back begins
    /// behind it, though nothing that passes its filter has happened.
    pub(super) fn place(self, id: &str, out: &mut Vec<u8>) {
        match self.syntax {
            Syntax::Sse => out.extend_from_slice(format!("id: {id}\n\n").as_bytes()),
            Syntax::Lines => {}
        }
    }

    /// Something about the stream itself. It has no id: the last event's goes on to hold.
    fn note<T: Serialize>(self, kind: &'static str, content: &T, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Note<'a, T> {
            r#type: &'static str,
            #[serde(flatten)]
            content: &'a T,
        }
        self.told(kind, &json(&Note { r#type: kind, content }), out);
    }

    /// How things are now, as [`super::Board`] has it.
    pub(super) fn status(self, json: &str, out: &mut Vec<u8>) {
        self.told("STATUS", json, out);
    }

    fn told(self, kind: &'static str, json: &str, out: &mut Vec<u8>) {
        let text = match self.syntax {
            Syntax::Sse => format!("event: {kind}\ndata: {json}\n\n"),
            Syntax::Lines => format!("{json}\n"),
        };
        out.extend_from_slice(text.as_bytes());
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a struct of texts and numbers")
}

/// An event's fields by the names that listeners know (events.md, section 1).
#[derive(Default, Serialize)]
struct Shown<'a> {
    id: String,
    seq: u64,
    time: f64,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    processname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groupname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

impl<'a> Shown<'a> {
    fn new(record: &'a EventRecord, life: &str, encoding: Encoding) -> Self {
        let micros = record.at.wall.as_nanos().div_euclid(1000);
        let shown = Self {
            id: format!("{life}-{}", record.seq),
            seq: record.seq,
            time: micros as f64 / 1e6,
            r#type: record.event.kind().name(),
            ..Self::default()
        };
        let data = |bytes: &[u8]| Some(encoding.show(bytes));
        match &record.event {
            Event::StateChanged(change) => shown.about(&change.process).with_state(change),
            Event::OutputRead(output) => Self {
                pid: Some(output.pid),
                channel: Some(output.channel.name()),
                data: data(output.data.as_deref().unwrap_or_default()),
                ..shown.about(&output.process)
            },
            Event::Communicated(message) => Self {
                pid: Some(message.pid),
                channel: Some(message.channel.name()),
                data: data(&message.data),
                ..shown.about(&message.process)
            },
            Event::RemotelyCommunicated(message) => Self {
                remote_type: Some(Encoding::Text.show(&message.kind)),
                data: data(&message.data),
                ..shown
            },
            Event::Ticked(tick) => Self { when: Some(tick.when.secs()), ..shown },
            Event::GroupChanged(GroupChange::Added(name) | GroupChange::Removed(name)) => {
                Self { groupname: Some(name), ..shown }
            }
            Event::SupervisorChanged(_) | Event::Noticed(_) => shown,
        }
    }

    fn about(self, process: &'a ProcessName) -> Self {
        Self { processname: Some(process.name()), groupname: Some(process.group()), ..self }
    }

    fn with_state(self, change: &StateChange) -> Self {
        let shown = Self { from_state: Some(change.from.name()), ..self };
        match change.entered {
            Entered::Starting { tries, restart } => {
                Self { tries: Some(tries), restart: Some(restart), ..shown }
            }
            Entered::Backoff { tries } => Self { tries: Some(tries), ..shown },
            Entered::Running { pid } | Entered::Stopping { pid } | Entered::Stopped { pid } => {
                Self { pid: Some(pid), ..shown }
            }
            Entered::Exited { expected, pid } => Self { expected: Some(expected), pid: Some(pid), ..shown },
            Entered::Fatal | Entered::Unknown => shown,
        }
    }
}

impl Encoding {
    fn show(self, bytes: &[u8]) -> String {
        match self {
            Self::Text => String::from_utf8_lossy(bytes).into_owned(),
            Self::Base64 => STANDARD.encode(bytes),
        }
    }
}
