//! Bodies of events, read back into what happened (events.md, section 1).

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::event::{
    Channel, Communication, Entered, Event, EventKind, GroupChange, Output, RemoteCommunication, StateChange,
    SupervisorChange, Tick, TickPeriod,
};
use crate::model::name::ProcessName;
use crate::model::state::ProcessState;
use crate::model::time::WallTime;

/// `name:value` pairs between blanks; words without a colon are passed over (E-201).
pub(super) fn tokens(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split_whitespace().filter_map(|word| word.split_once(':'))
}

/// What a body of this kind tells; `None` if it is not of the kind.
pub(super) fn read(kind: EventKind, payload: &str) -> Option<Event> {
    let (line, data) = payload.split_once('\n').unwrap_or((payload, ""));
    let fields = Fields(tokens(line).collect());
    match kind {
        EventKind::ProcessStateStarting
        | EventKind::ProcessStateRunning
        | EventKind::ProcessStateBackoff
        | EventKind::ProcessStateStopping
        | EventKind::ProcessStateExited
        | EventKind::ProcessStateStopped
        | EventKind::ProcessStateFatal
        | EventKind::ProcessStateUnknown => state_change(kind, &fields).map(Event::StateChanged),
        EventKind::ProcessCommunicationStdout => message(&fields, Channel::Stdout, data),
        EventKind::ProcessCommunicationStderr => message(&fields, Channel::Stderr, data),
        EventKind::ProcessLogStdout => output(&fields, Channel::Stdout, data),
        EventKind::ProcessLogStderr => output(&fields, Channel::Stderr, data),
        EventKind::RemoteCommunication => remote(line, data),
        EventKind::SupervisorStateChangeRunning => Some(Event::SupervisorChanged(SupervisorChange::Running)),
        EventKind::SupervisorStateChangeStopping => {
            Some(Event::SupervisorChanged(SupervisorChange::Stopping))
        }
        EventKind::Tick5 => tick(&fields, TickPeriod::Five),
        EventKind::Tick60 => tick(&fields, TickPeriod::Minute),
        EventKind::Tick3600 => tick(&fields, TickPeriod::Hour),
        EventKind::ProcessGroupAdded => Some(Event::GroupChanged(GroupChange::Added(fields.group()?))),
        EventKind::ProcessGroupRemoved => Some(Event::GroupChanged(GroupChange::Removed(fields.group()?))),
        EventKind::Event
        | EventKind::ProcessState
        | EventKind::ProcessCommunication
        | EventKind::ProcessLog
        | EventKind::SupervisorStateChange
        | EventKind::Tick
        | EventKind::ProcessGroup
        | EventKind::Output
        | EventKind::Notice
        | EventKind::Detail => None,
    }
}

/// The first line of a body.
struct Fields<'a>(HashMap<&'a str, &'a str>);

impl Fields<'_> {
    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.0.get(name)?.parse().ok()
    }

    fn group(&self) -> Option<Arc<str>> {
        self.0.get("groupname").map(|name| (*name).into())
    }

    fn process(&self) -> Option<ProcessName> {
        Some(ProcessName::new(self.group()?, self.0.get("processname")?))
    }

    fn state_before(&self) -> Option<ProcessState> {
        let name = self.0.get("from_state")?;
        ProcessState::ALL.into_iter().find(|state| state.name() == *name)
    }
}

fn state_change(kind: EventKind, fields: &Fields<'_>) -> Option<StateChange> {
    let entered = match kind {
        EventKind::ProcessStateStarting => starting(fields)?,
        EventKind::ProcessStateRunning => Entered::Running { pid: fields.number("pid")? },
        EventKind::ProcessStateBackoff => Entered::Backoff { tries: fields.number("tries")? },
        EventKind::ProcessStateStopping => Entered::Stopping { pid: fields.number("pid")? },
        EventKind::ProcessStateExited => {
            Entered::Exited { expected: fields.number::<u8>("expected")? != 0, pid: fields.number("pid")? }
        }
        EventKind::ProcessStateStopped => Entered::Stopped { pid: fields.number("pid")? },
        EventKind::ProcessStateFatal => Entered::Fatal,
        EventKind::ProcessStateUnknown => Entered::Unknown,
        _ => return None,
    };
    Some(StateChange { process: fields.process()?, from: fields.state_before()?, entered })
}

/// After an exit the wire does not tell who wanted the start; after BACKOFF it was the daemon.
fn starting(fields: &Fields<'_>) -> Option<Entered> {
    let restart = fields.state_before()? == ProcessState::Backoff;
    Some(Entered::Starting { tries: fields.number("tries")?, restart })
}

fn message(fields: &Fields<'_>, channel: Channel, data: &str) -> Option<Event> {
    let data = Bytes::copy_from_slice(data.as_bytes());
    Some(Event::Communicated(Communication {
        process: fields.process()?,
        pid: fields.number("pid")?,
        channel,
        data,
    }))
}

fn output(fields: &Fields<'_>, channel: Channel, data: &str) -> Option<Event> {
    Some(Event::OutputRead(Output {
        process: fields.process()?,
        pid: fields.number("pid")?,
        channel,
        bytes: data.len() as u64,
        lines: data.matches('\n').count() as u64,
        data: Some(Bytes::copy_from_slice(data.as_bytes())),
        announced: true,
        rotations: 0,
        write_errors: 0,
    }))
}

/// The type may be any text without a line feed (E-053).
fn remote(line: &str, data: &str) -> Option<Event> {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let kind = bytes(line.strip_prefix("type:")?);
    Some(Event::RemotelyCommunicated(RemoteCommunication { kind, data: bytes(data) }))
}

fn tick(fields: &Fields<'_>, period: TickPeriod) -> Option<Event> {
    let seconds: i64 = fields.number("when")?;
    Some(Event::Ticked(Tick { period, when: WallTime::from_nanos(seconds.checked_mul(1_000_000_000)?) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(entered: Entered) -> Event {
        let process = ProcessName::new("größe".into(), "it's");
        Event::StateChanged(StateChange { process, from: ProcessState::Backoff, entered })
    }

    // events.md, section 1: what is written is read back
    #[test]
    fn every_event_survives_the_wire() {
        let process = ProcessName::new("g".into(), "p");
        let data = Bytes::from_static(b"a\nb c:d\n");
        let events = [
            change(Entered::Starting { tries: 2, restart: true }),
            change(Entered::Running { pid: 3 }),
            change(Entered::Backoff { tries: 4 }),
            change(Entered::Stopping { pid: 5 }),
            change(Entered::Exited { expected: false, pid: 6 }),
            change(Entered::Exited { expected: true, pid: 7 }),
            change(Entered::Stopped { pid: 0 }),
            change(Entered::Fatal),
            change(Entered::Unknown),
            message(
                &Fields([("processname", "p"), ("groupname", "g"), ("pid", "1")].into()),
                Channel::Stderr,
                "x",
            )
            .unwrap(),
            Event::OutputRead(Output {
                process,
                pid: 9,
                channel: Channel::Stdout,
                bytes: 8,
                lines: 2,
                data: Some(data.clone()),
                announced: true,
                rotations: 0,
                write_errors: 0,
            }),
            Event::RemotelyCommunicated(RemoteCommunication { kind: Bytes::from_static(b"a b:c"), data }),
            Event::SupervisorChanged(SupervisorChange::Running),
            Event::SupervisorChanged(SupervisorChange::Stopping),
            Event::Ticked(Tick { period: TickPeriod::Hour, when: WallTime::from_nanos(3_600_000_000_000) }),
            Event::GroupChanged(GroupChange::Added("g".into())),
            Event::GroupChanged(GroupChange::Removed("g".into())),
        ];
        for event in events {
            let payload = event.payload(&mut String::new()).unwrap().to_string();
            assert_eq!(read(event.kind(), &payload).as_ref(), Some(&event), "{payload}");
        }
    }

    #[test]
    fn what_is_missing_or_no_number_gives_nothing() {
        for payload in
            ["", "processname:p groupname:g", "processname:p groupname:g from_state:RUNNING expected:x pid:1"]
        {
            assert_eq!(read(EventKind::ProcessStateExited, payload), None, "{payload}");
        }
        assert_eq!(read(EventKind::Tick5, "when:99999999999999999"), None);
        assert_eq!(read(EventKind::Tick, "when:5"), None);
    }
}
