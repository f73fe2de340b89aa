//! The kinds of events: the tree that listeners know, and kinds of our own.

use super::{Channel, Output, TickPeriod};
use crate::model::notice::{Level, Notice};
use crate::model::state::ProcessState;

/// The tree of event types (events.md, section 1), and kinds of our own that no listener's
/// `events=` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are the protocol's")]
pub enum EventKind {
    Event,
    ProcessState,
    ProcessStateStarting,
    ProcessStateRunning,
    ProcessStateBackoff,
    ProcessStateStopping,
    ProcessStateExited,
    ProcessStateStopped,
    ProcessStateFatal,
    ProcessStateUnknown,
    ProcessCommunication,
    ProcessCommunicationStdout,
    ProcessCommunicationStderr,
    ProcessLog,
    ProcessLogStdout,
    ProcessLogStderr,
    RemoteCommunication,
    SupervisorStateChange,
    SupervisorStateChangeRunning,
    SupervisorStateChangeStopping,
    Tick,
    Tick5,
    Tick60,
    Tick3600,
    ProcessGroup,
    ProcessGroupAdded,
    ProcessGroupRemoved,
    /// Output of a channel without `std*_events_enabled`.
    Output,
    /// For the activity log.
    Notice,
    /// For an activity log that shows more than most do: level debug and below.
    Detail,
}

/// Kind, the protocol's name, parent; in the order of the enum.
const KINDS: [(EventKind, &str, Option<EventKind>); 30] = {
    use EventKind as K;
    [
        (K::Event, "EVENT", None),
        (K::ProcessState, "PROCESS_STATE", Some(K::Event)),
        (K::ProcessStateStarting, "PROCESS_STATE_STARTING", Some(K::ProcessState)),
        (K::ProcessStateRunning, "PROCESS_STATE_RUNNING", Some(K::ProcessState)),
        (K::ProcessStateBackoff, "PROCESS_STATE_BACKOFF", Some(K::ProcessState)),
        (K::ProcessStateStopping, "PROCESS_STATE_STOPPING", Some(K::ProcessState)),
        (K::ProcessStateExited, "PROCESS_STATE_EXITED", Some(K::ProcessState)),
        (K::ProcessStateStopped, "PROCESS_STATE_STOPPED", Some(K::ProcessState)),
        (K::ProcessStateFatal, "PROCESS_STATE_FATAL", Some(K::ProcessState)),
        (K::ProcessStateUnknown, "PROCESS_STATE_UNKNOWN", Some(K::ProcessState)),
        (K::ProcessCommunication, "PROCESS_COMMUNICATION", Some(K::Event)),
        (K::ProcessCommunicationStdout, "PROCESS_COMMUNICATION_STDOUT", Some(K::ProcessCommunication)),
        (K::ProcessCommunicationStderr, "PROCESS_COMMUNICATION_STDERR", Some(K::ProcessCommunication)),
        (K::ProcessLog, "PROCESS_LOG", Some(K::Event)),
        (K::ProcessLogStdout, "PROCESS_LOG_STDOUT", Some(K::ProcessLog)),
        (K::ProcessLogStderr, "PROCESS_LOG_STDERR", Some(K::ProcessLog)),
        (K::RemoteCommunication, "REMOTE_COMMUNICATION", Some(K::Event)),
        (K::SupervisorStateChange, "SUPERVISOR_STATE_CHANGE", Some(K::Event)),
        (K::SupervisorStateChangeRunning, "SUPERVISOR_STATE_CHANGE_RUNNING", Some(K::SupervisorStateChange)),
        (
            K::SupervisorStateChangeStopping,
            "SUPERVISOR_STATE_CHANGE_STOPPING",
            Some(K::SupervisorStateChange),
        ),
        (K::Tick, "TICK", Some(K::Event)),
        (K::Tick5, "TICK_5", Some(K::Tick)),
        (K::Tick60, "TICK_60", Some(K::Tick)),
        (K::Tick3600, "TICK_3600", Some(K::Tick)),
        (K::ProcessGroup, "PROCESS_GROUP", Some(K::Event)),
        (K::ProcessGroupAdded, "PROCESS_GROUP_ADDED", Some(K::ProcessGroup)),
        (K::ProcessGroupRemoved, "PROCESS_GROUP_REMOVED", Some(K::ProcessGroup)),
        (K::Output, "", None),
        (K::Notice, "", None),
        (K::Detail, "", None),
    ]
};

impl EventKind {
    /// How many kinds there are.
    pub const COUNT: usize = KINDS.len();

    /// The kind of this name in a listener's `events=`.
    pub fn from_name(name: &str) -> Option<Self> {
        KINDS.iter().find(|(_, n, _)| !n.is_empty() && *n == name).map(|(kind, _, _)| *kind)
    }

    /// The protocol's name; empty for the kinds of our own.
    pub const fn name(self) -> &'static str {
        KINDS[self as usize].1
    }

    /// The kind above it in the tree.
    pub const fn parent(self) -> Option<Self> {
        KINDS[self as usize].2
    }

    /// All kinds of the protocol's tree.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().filter(|(_, name, _)| !name.is_empty()).map(|(kind, _, _)| *kind)
    }

    /// Whether this kind is `other` or stands below it.
    pub fn is_a(self, other: Self) -> bool {
        let mut at = Some(self);
        while let Some(kind) = at {
            if kind == other {
                return true;
            }
            at = kind.parent();
        }
        false
    }

    /// Whether it is only a name for those below it (E-022).
    pub const fn is_abstract(self) -> bool {
        matches!(
            self,
            Self::Event
                | Self::ProcessState
                | Self::ProcessCommunication
                | Self::ProcessLog
                | Self::SupervisorStateChange
                | Self::Tick
                | Self::ProcessGroup
        )
    }

    pub(super) const fn of_state(state: ProcessState) -> Self {
        match state {
            ProcessState::Starting => Self::ProcessStateStarting,
            ProcessState::Running => Self::ProcessStateRunning,
            ProcessState::Backoff => Self::ProcessStateBackoff,
            ProcessState::Stopping => Self::ProcessStateStopping,
            ProcessState::Exited => Self::ProcessStateExited,
            ProcessState::Stopped => Self::ProcessStateStopped,
            ProcessState::Fatal => Self::ProcessStateFatal,
            ProcessState::Unknown => Self::ProcessStateUnknown,
        }
    }

    pub(super) const fn of_output(output: &Output) -> Self {
        match (output.announced, output.channel) {
            (false, _) => Self::Output,
            (true, Channel::Stdout) => Self::ProcessLogStdout,
            (true, Channel::Stderr) => Self::ProcessLogStderr,
        }
    }

    pub(super) fn of_notice(notice: &Notice) -> Self {
        if notice.level() > Level::Debug { Self::Notice } else { Self::Detail }
    }

    pub(super) const fn of_communication(channel: Channel) -> Self {
        match channel {
            Channel::Stdout => Self::ProcessCommunicationStdout,
            Channel::Stderr => Self::ProcessCommunicationStderr,
        }
    }

    pub(super) const fn of_tick(period: TickPeriod) -> Self {
        match period {
            TickPeriod::Five => Self::Tick5,
            TickPeriod::Minute => Self::Tick60,
            TickPeriod::Hour => Self::Tick3600,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_kinds_is_in_the_order_of_the_enum() {
        for (index, (kind, _, _)) in KINDS.iter().enumerate() {
            assert_eq!(*kind as usize, index);
        }
    }

    // E-022
    #[test]
    fn twenty_concrete_and_seven_abstract_kinds() {
        let (abstracts, concrete): (Vec<_>, Vec<_>) = EventKind::all().partition(|k| k.is_abstract());
        assert_eq!((concrete.len(), abstracts.len()), (20, 7));
        assert!(EventKind::all().all(|k| k.is_a(EventKind::Event)));
        assert_eq!(EventKind::from_name("TICK_60"), Some(EventKind::Tick60));
        assert_eq!(EventKind::from_name(""), None);
    }
}
