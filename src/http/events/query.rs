//! What a client of `/events` asks for: parameters and headers.

use hyper::header::{ACCEPT, HeaderMap, HeaderName};

use super::frame::{Encoding, Format, Syntax};
use crate::http::accept::choices;
use crate::http::{Request, form};
use crate::model::event::{Event, EventKind, GroupChange};
use crate::model::interest::Interest;
use crate::model::name::{ProcessName, Target};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What asks for lines of JSON.
const LINES: [&str; 4] =
    ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/json"];

/// A request's wishes.
#[derive(Debug, PartialEq)]
pub(super) struct Query {
    pub start: Since,
    pub filter: Filter,
    pub format: Format,
    /// Whether it goes on after what there is already.
    pub follow: bool,
    /// Whether it wants to hear how things are now, beside events.
    pub status: bool,
}

/// Where to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// With the next event.
    Now,
    /// With the oldest that is kept.
    Oldest,
    /// Behind the event with this number; if it is said, of the daemon with this life.
    Event { life: Option<String>, seq: u64 },
}

/// Which events.
#[derive(Debug, PartialEq)]
pub struct Filter {
    /// None: all.
    types: Interest,
    /// None: of everybody, and of nobody.
    targets: Vec<Target>,
}

impl Query {
    /// The wishes, or what is wrong with them.
    pub(super) fn read(request: &Request) -> Result<Self, &'static str> {
        let headers = request.headers();
        let mut query = Self {
            start: Since::Now,
            filter: Filter::ALL,
            format: Format { syntax: syntax(headers), encoding: Encoding::Text },
            follow: true,
            status: false,
        };
        for (name, value) in form::fields(request.uri().query().unwrap_or_default()) {
            query.set(&name, &value)?;
        }
        if let Some(id) = headers.get(LAST_EVENT_ID) {
            let id = id.to_str().ok().and_then(since);
            query.start = id.ok_or("Last-Event-ID is not an id of this stream.")?;
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        if self.filter.set(name, value)? {
            return Ok(());
        }
        match (name, value) {
            ("since", id) => self.start = since(id).ok_or("since is not the id or number of an event.")?,
            ("recent", "" | "yes") => self.start = Since::Oldest,
            ("follow", "no") => self.follow = false,
            ("follow", "" | "yes") => self.follow = true,
            ("status", "" | "yes") => self.status = true,
            ("format", "json") => self.format.syntax = Syntax::Lines,
            ("format", "sse") => self.format.syntax = Syntax::Sse,
            ("data", "text") => self.format.encoding = Encoding::Text,
            ("data", "base64") => self.format.encoding = Encoding::Base64,
            _ => {
                return Err(
                    "Parameters are type, process, group, since, recent, follow=no, status, format=json or \
                            sse, data=text or base64.",
                );
            }
        }
        Ok(())
    }
}

/// Names of event types, separated by commas; a type stands for all below it (E-001).
fn types(names: &str) -> Result<Interest, &'static str> {
    let kinds: Option<Vec<EventKind>> =
        names.split(',').map(|name| EventKind::from_name(&name.trim().to_uppercase())).collect();
    kinds.map(Interest::in_kinds).ok_or("There is no such event type.")
}

/// `LIFE-SEQ`, or `SEQ`.
fn since(id: &str) -> Option<Since> {
    let (life, seq) = id.split_once('-').map_or((None, id), |(life, seq)| (Some(life.to_owned()), seq));
    let life_is_said = life.as_deref() != Some("");
    let seq = seq.trim().parse().ok().filter(|_| life_is_said)?;
    Some(Since::Event { life, seq })
}

/// What is accepted most gladly; of equals the first.
fn syntax(headers: &HeaderMap) -> Syntax {
    let mut best = (Syntax::Sse, 0.0);
    for choice in choices(headers, ACCEPT) {
        let syntax = match choice.name.to_ascii_lowercase().as_str() {
            "text/event-stream" => Syntax::Sse,
            kind if LINES.contains(&kind) => Syntax::Lines,
            _ => continue,
        };
        if choice.weight > best.1 {
            best = (syntax, choice.weight);
        }
    }
    best.0
}

impl Filter {
    /// Everything.
    pub const ALL: Self = Self { types: Interest::NONE, targets: Vec::new() };

    /// What is about this process.
    pub fn of(process: ProcessName) -> Self {
        Self { targets: vec![Target::Process(process)], ..Self::ALL }
    }

    /// What `type`, `process` and `group` of a query say; fields that are empty or of other names say nothing.
    pub fn read(query: &str) -> Result<Self, &'static str> {
        let mut filter = Self::ALL;
        for (name, value) in form::fields(query).filter(|(_, value)| !value.is_empty()) {
            filter.set(&name, &value)?;
        }
        Ok(filter)
    }

    /// Takes one more field, if it is for a filter.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, &'static str> {
        match name {
            "type" => self.types = self.types.union(types(value)?),
            "process" => self.targets.push(Target::of_spec(value)),
            "group" => self.targets.push(Target::Group(value.into())),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether somebody with these wishes wants to see this.
    pub(super) fn admits(&self, event: &Event) -> bool {
        let types = if self.types == Interest::NONE { Interest::ALL } else { self.types };
        types.contains(event.kind()) && (self.targets.is_empty() || self.names(event))
    }

    fn names(&self, event: &Event) -> bool {
        match event {
            Event::StateChanged(change) => self.names_process(&change.process),
            Event::OutputRead(output) => self.names_process(&output.process),
            Event::Communicated(message) => self.names_process(&message.process),
            Event::GroupChanged(GroupChange::Added(name) | GroupChange::Removed(name)) => {
                self.targets.iter().any(|target| matches!(target, Target::Group(group) if group == name))
            }
            Event::RemotelyCommunicated(_)
            | Event::SupervisorChanged(_)
            | Event::Ticked(_)
            | Event::Noticed(_) => false,
        }
    }

    fn names_process(&self, process: &ProcessName) -> bool {
        self.targets.iter().any(|target| match target {
            Target::Process(name) => name == process,
            Target::Group(group) => group == process.group(),
            Target::All => true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(path: &str, headers: &[(&str, &str)]) -> Result<Query, &'static str> {
        let builder =
            headers.iter().fold(hyper::Request::get(path), |it, (name, value)| it.header(*name, *value));
        Query::read(&builder.body(bytes::Bytes::new()).unwrap())
    }

    #[test]
    fn formats_and_places() {
        let plain = query("/events", &[]).unwrap();
        assert_eq!((plain.format.syntax, plain.start, plain.follow), (Syntax::Sse, Since::Now, true));
        let lines =
            query("/events?recent&follow=no", &[("accept", "application/x-ndjson;q=1, */*")]).unwrap();
        assert_eq!((lines.format.syntax, lines.start, lines.follow), (Syntax::Lines, Since::Oldest, false));
        let again = query("/events?since=3&format=json&data=base64", &[("last-event-id", "ab-7")]).unwrap();
        assert_eq!(again.start, Since::Event { life: Some("ab".into()), seq: 7 });
        assert_eq!(again.format, Format { syntax: Syntax::Lines, encoding: Encoding::Base64 });
        assert_eq!(query("/events?since=3", &[]).unwrap().start, Since::Event { life: None, seq: 3 });
    }

    #[test]
    fn accepted_kinds() {
        let rows = [
            ("*/*", Syntax::Sse),
            ("Application/JSON", Syntax::Lines),
            ("text/event-stream, application/x-ndjson", Syntax::Sse),
            ("text/event-stream;q=0.1, application/x-ndjson; q=0.9", Syntax::Lines),
            ("application/x-ndjson;q=0", Syntax::Sse),
            ("application/x-ndjson;q=x", Syntax::Sse),
        ];
        for (accepted, wanted) in rows {
            let query = query("/events", &[("accept", accepted)]).unwrap();
            assert_eq!(query.format.syntax, wanted, "{accepted}");
        }
    }

    #[test]
    fn what_is_no_wish() {
        for bad in [
            "type=TOCK",
            "since=x",
            "since=",
            "since=-",
            "since=-1",
            "format=xml",
            "data=hex",
            "x",
            "follow=maybe",
            "status=1",
        ] {
            assert!(query(&format!("/events?{bad}"), &[]).is_err(), "{bad}");
        }
        for id in ["new", "", "caf\u{e9}"] {
            assert!(query("/events?&", &[("last-event-id", id)]).is_err(), "{id}");
        }
    }

    #[test]
    fn filters_of_forms() {
        assert_eq!(Filter::read("type=&process=&x=y&follow=maybe").unwrap(), Filter::ALL);
        let filter = Filter::read("type=tick&type=&group=g").unwrap();
        assert_eq!(filter, query("/events?group=g&type=TICK", &[]).unwrap().filter);
        assert!(Filter::read("type=TOCK").is_err());
    }

    // E-001, C-202
    #[test]
    fn filters() {
        let of = |text: &str| query(&format!("/events?{text}"), &[]).unwrap().filter;
        let said = |group: &str, name| {
            let process = ProcessName::new(group.into(), name);
            let (pid, channel) = (1, crate::model::event::Channel::Stdout);
            Event::Communicated(crate::model::event::Communication {
                process,
                pid,
                channel,
                data: "x".into(),
            })
        };
        let added = Event::GroupChanged(GroupChange::Added("g".into()));
        assert!(
            of("type=process_group&type=TICK").admits(&added)
                && !of("type=TICK,EVENT&process=g").admits(&added)
        );
        assert!(of("group=g").admits(&added) && !of("group=h").admits(&added));
        assert!(of("process=g%3Ap").admits(&said("g", "p")) && of("process=g:*").admits(&said("g", "p")));
        assert!(!of("process=p").admits(&said("g", "p")) && of("process=p&group=g").admits(&said("g", "p")));
        assert!(
            !of("type=TICK").admits(&said("g", "p"))
                && of("type=PROCESS_COMMUNICATION").admits(&said("g", "p"))
        );
    }
}
