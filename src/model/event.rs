//! Events: facts about what has happened, as the bus carries them.
//!
//! An [`Event`] is a plain value in the past tense; requests are `daemon::command::Command`. What can
//! change later (pid, tries) is fixed here when the event is made (E-032). The text that listeners
//! get is rendered at the edge, by [`Event::payload`]; the bus number `seq` has nothing to do with the
//! listener protocol's serials.

mod kind;
mod payload;

use std::fmt::{self, Write};
use std::sync::Arc;

use bytes::Bytes;

use super::name::ProcessName;
use super::notice::Notice;
use super::state::ProcessState;
use super::time::{Now, WallTime};

pub use kind::EventKind;
pub use payload::Payload;
use payload::text;

/// An event as published: numbered and dated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Place in the one total order, from 1, without gaps, over the daemon's whole life.
    pub seq: u64,
    /// When it was published.
    pub at: Now,
    /// What happened.
    pub event: Event,
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A process entered another state.
    StateChanged(StateChange),
    /// A process wrote to stdout or stderr.
    OutputRead(Output),
    /// A process sent a message between capture tokens.
    Communicated(Communication),
    /// Somebody called `sendRemoteCommEvent`.
    RemotelyCommunicated(RemoteCommunication),
    /// The daemon began or ended to supervise.
    SupervisorChanged(SupervisorChange),
    /// A slice of the wall clock began.
    Ticked(Tick),
    /// A process group came or went.
    GroupChanged(GroupChange),
    /// Something that only the activity log tells of.
    Noticed(Notice),
}

/// A process entered the state [`StateChange::entered`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Which process.
    pub process: ProcessName,
    /// The state it was in.
    pub from: ProcessState,
    /// The state it is in now, with what belongs to it.
    pub entered: Entered,
}

/// A state just entered, with the figures that its event carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// STARTING after this many failures in a row (E-033).
    Starting {
        /// Failures so far.
        tries: u32,
        /// Whether the daemon restarts it by itself, after EXITED or BACKOFF.
        restart: bool,
    },
    /// RUNNING.
    Running {
        /// The process.
        pid: i32,
    },
    /// BACKOFF after this many failures in a row (E-033).
    Backoff {
        /// Failures so far, this one included.
        tries: u32,
    },
    /// STOPPING.
    Stopping {
        /// The process.
        pid: i32,
    },
    /// EXITED.
    Exited {
        /// Whether the exit code is one of `exitcodes` (E-040).
        expected: bool,
        /// The process that was.
        pid: i32,
    },
    /// STOPPED.
    Stopped {
        /// The process that was; 0 after BACKOFF (E-037).
        pid: i32,
    },
    /// FATAL.
    Fatal,
    /// UNKNOWN.
    Unknown,
}

impl Entered {
    /// The state itself.
    pub const fn state(self) -> ProcessState {
        match self {
            Self::Starting { .. } => ProcessState::Starting,
            Self::Running { .. } => ProcessState::Running,
            Self::Backoff { .. } => ProcessState::Backoff,
            Self::Stopping { .. } => ProcessState::Stopping,
            Self::Exited { .. } => ProcessState::Exited,
            Self::Stopped { .. } => ProcessState::Stopped,
            Self::Fatal => ProcessState::Fatal,
            Self::Unknown => ProcessState::Unknown,
        }
    }
}

/// One of a process' two output channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Descriptor 1 (and 2 with `redirect_stderr`).
    Stdout,
    /// Descriptor 2.
    Stderr,
}

impl Channel {
    /// `stdout` or `stderr`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Output that was read from a channel and, where it has a log file, is in it (E-044).
///
/// Where nobody asked for the bytes, one event may stand for several reads and has no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Who wrote it.
    pub process: ProcessName,
    /// Its pid at the time.
    pub pid: i32,
    /// Where it was written to.
    pub channel: Channel,
    /// How many bytes were read, before anything was stripped.
    pub bytes: u64,
    /// How many line feeds are among them.
    pub lines: u64,
    /// How often the log was rotated meanwhile.
    pub rotations: u64,
    /// How many writes the log refused meanwhile.
    pub write_errors: u64,
    /// The data, after `strip_ansi`, if anybody asked for it.
    pub data: Option<Bytes>,
    /// Whether `std*_events_enabled` is on for the channel: a PROCESS_LOG event (E-045).
    pub announced: bool,
}

/// What stood between two capture tokens (E-012).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Communication {
    /// Who wrote it.
    pub process: ProcessName,
    /// Its pid at the time.
    pub pid: i32,
    /// Where it was written to.
    pub channel: Channel,
    /// The message, at most the newest `capture_maxbytes` bytes.
    pub data: Bytes,
}

/// The arguments of `sendRemoteCommEvent`, as given (E-053).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteCommunication {
    /// The type.
    pub kind: Bytes,
    /// The data.
    pub data: Bytes,
}

/// The daemon began or ended to supervise (E-051, E-052).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupervisorChange {
    /// Sockets are open, the pidfile is written, nothing is started yet.
    Running,
    /// Everything will be stopped now.
    Stopping,
}

/// A slice of the wall clock began (E-054).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Which clock.
    pub period: TickPeriod,
    /// When the slice began.
    pub when: WallTime,
}

/// The three tick periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TickPeriod {
    /// Every 5 seconds.
    Five,
    /// Every minute.
    Minute,
    /// Every hour.
    Hour,
}

impl TickPeriod {
    /// All, in the order of emission.
    pub const ALL: [Self; 3] = [Self::Five, Self::Minute, Self::Hour];

    /// Length in seconds.
    pub const fn secs(self) -> i64 {
        match self {
            Self::Five => 5,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }
}

/// A process group came or went (E-049).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// It is there now.
    Added(Arc<str>),
    /// It is gone.
    Removed(Arc<str>),
}

impl Event {
    /// The most specific kind.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::StateChanged(change) => EventKind::of_state(change.entered.state()),
            Self::OutputRead(output) => EventKind::of_output(output),
            Self::Communicated(c) => EventKind::of_communication(c.channel),
            Self::RemotelyCommunicated(_) => EventKind::RemoteCommunication,
            Self::SupervisorChanged(SupervisorChange::Running) => EventKind::SupervisorStateChangeRunning,
            Self::SupervisorChanged(SupervisorChange::Stopping) => EventKind::SupervisorStateChangeStopping,
            Self::Ticked(tick) => EventKind::of_tick(tick.period),
            Self::GroupChanged(GroupChange::Added(_)) => EventKind::ProcessGroupAdded,
            Self::GroupChanged(GroupChange::Removed(_)) => EventKind::ProcessGroupRemoved,
            Self::Noticed(notice) => EventKind::of_notice(notice),
        }
    }

    /// The body of the event as listeners get it (events.md, section 1), or `None` for kinds that
    /// listeners never hear of; `head` is the room for what has to be written. Data that is not UTF-8 is shown
    /// as Python shows bytes (E-064).
    pub fn payload<'a>(&'a self, head: &'a mut String) -> Option<Payload<'a>> {
        head.clear();
        let written = match self {
            Self::Communicated(c) => return Some(Payload::said(&c.process, c.pid, [""; 2], &c.data, head)),
            Self::OutputRead(output) => return output.payload(head),
            Self::Noticed(_) => return None,
            Self::StateChanged(change) => change.write_payload(head),
            Self::RemotelyCommunicated(r) => write!(head, "type:{}\n{}", text(&r.kind), text(&r.data)),
            Self::SupervisorChanged(_) => Ok(()),
            Self::Ticked(tick) => write!(head, "when:{}", tick.when.secs()),
            Self::GroupChanged(GroupChange::Added(name) | GroupChange::Removed(name)) => {
                writeln!(head, "groupname:{name}")
            }
        };
        written.expect("writing to a String cannot fail");
        Some(Payload::whole(head))
    }
}

impl Event {
    /// The same with no more data than this, in bytes, if it has more.
    pub fn shortened(&self, limit: usize) -> Option<Self> {
        let cut = |data: &Bytes| data.slice(..limit.min(data.len()));
        match self {
            Self::OutputRead(it) if it.data.as_ref().is_some_and(|data| data.len() > limit) => {
                Some(Self::OutputRead(Output { data: it.data.as_ref().map(cut), ..it.clone() }))
            }
            Self::Communicated(it) if it.data.len() > limit => {
                Some(Self::Communicated(Communication { data: cut(&it.data), ..it.clone() }))
            }
            Self::RemotelyCommunicated(it) if it.kind.len().max(it.data.len()) > limit => {
                let (kind, data) = (cut(&it.kind), cut(&it.data));
                Some(Self::RemotelyCommunicated(RemoteCommunication { kind, data }))
            }
            _ => None,
        }
    }
}

impl StateChange {
    fn write_payload(&self, text: &mut String) -> fmt::Result {
        let (name, group) = (self.process.name(), self.process.group());
        write!(text, "processname:{name} groupname:{group} from_state:{}", self.from)?;
        match self.entered {
            Entered::Starting { tries, .. } | Entered::Backoff { tries } => write!(text, " tries:{tries}"),
            Entered::Running { pid } | Entered::Stopping { pid } | Entered::Stopped { pid } => {
                write!(text, " pid:{pid}")
            }
            Entered::Exited { expected, pid } => write!(text, " expected:{} pid:{pid}", u8::from(expected)),
            Entered::Fatal | Entered::Unknown => Ok(()),
        }
    }
}

impl Output {
    fn payload<'a>(&'a self, head: &'a mut String) -> Option<Payload<'a>> {
        let channel = [" channel:", self.channel.name()];
        let data = self.data.as_deref().unwrap_or_default();
        self.announced.then(|| Payload::said(&self.process, self.pid, channel, data, head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(from: ProcessState, entered: Entered) -> Event {
        Event::StateChanged(StateChange { process: ProcessName::new("g".into(), "p"), from, entered })
    }

    fn text(event: &Event) -> String {
        event.payload(&mut String::new()).unwrap().to_string()
    }

    // E-003 to E-010
    #[test]
    fn payloads_of_state_changes() {
        use ProcessState as S;
        let rows = [
            (S::Stopped, Entered::Starting { tries: 0, restart: false }, "from_state:STOPPED tries:0"),
            (S::Starting, Entered::Running { pid: 7 }, "from_state:STARTING pid:7"),
            (S::Starting, Entered::Backoff { tries: 1 }, "from_state:STARTING tries:1"),
            (S::Running, Entered::Stopping { pid: 7 }, "from_state:RUNNING pid:7"),
            (S::Running, Entered::Exited { expected: false, pid: 7 }, "from_state:RUNNING expected:0 pid:7"),
            (S::Stopping, Entered::Stopped { pid: 7 }, "from_state:STOPPING pid:7"),
            (S::Backoff, Entered::Fatal, "from_state:BACKOFF"),
            (S::Stopping, Entered::Unknown, "from_state:STOPPING"),
        ];
        for (from, entered, tail) in rows {
            assert_eq!(text(&change(from, entered)), format!("processname:p groupname:g {tail}"));
        }
    }

    // E-012, E-014, E-015, E-017, E-019, E-021, E-064
    #[test]
    fn payloads_of_the_others() {
        let process = ProcessName::new("g".into(), "p");
        let output = Output {
            process: process.clone(),
            pid: 7,
            channel: Channel::Stderr,
            bytes: 2,
            lines: 1,
            rotations: 0,
            write_errors: 0,
            data: Some(Bytes::from_static(b"x\n")),
            announced: true,
        };
        assert_eq!(
            text(&Event::OutputRead(output.clone())),
            "processname:p groupname:g pid:7 channel:stderr\nx\n"
        );
        assert_eq!(
            Event::OutputRead(Output { announced: false, ..output }).payload(&mut String::new()),
            None
        );
        let message =
            Communication { process, pid: 7, channel: Channel::Stdout, data: Bytes::from_static(b"hi") };
        assert_eq!(text(&Event::Communicated(message.clone())), "processname:p groupname:g pid:7\nhi");
        let message = Communication { data: Bytes::from_static(b"\xc3\xa9\xff"), ..message };
        let shown = text(&Event::Communicated(message));
        assert_eq!(shown, "processname:p groupname:g pid:7\nUndecodable: b'\\xc3\\xa9\\xff'");
        let remote = RemoteCommunication { kind: Bytes::from_static(b"t"), data: Bytes::from_static(b"d") };
        assert_eq!(text(&Event::RemotelyCommunicated(remote)), "type:t\nd");
        assert_eq!(text(&Event::SupervisorChanged(SupervisorChange::Running)), "");
        let tick = Tick { period: TickPeriod::Five, when: WallTime::from_nanos(1_000_000_000) };
        assert_eq!(text(&Event::Ticked(tick)), "when:1");
        assert_eq!(text(&Event::GroupChanged(GroupChange::Added("g".into()))), "groupname:g\n");
    }

    #[test]
    fn events_are_shortened_where_they_are_long() {
        let event = |kind: &'static [u8], data: &'static [u8]| {
            let (kind, data) = (Bytes::from_static(kind), Bytes::from_static(data));
            Event::RemotelyCommunicated(RemoteCommunication { kind, data })
        };
        assert_eq!(event(b"four", b"data").shortened(4), None);
        assert_eq!(event(b"four", b"longer").shortened(4), Some(event(b"four", b"long")));
        assert_eq!(event(b"longer", b"").shortened(4), Some(event(b"long", b"")));
        assert_eq!(Event::SupervisorChanged(SupervisorChange::Running).shortened(0), None);
    }
}
