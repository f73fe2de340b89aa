//! States of processes, of the daemon and of listeners: codes, names, classes.

use std::fmt;

/// State of a process (D-300 to D-315).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProcessState {
    /// Never started, or stopped on request.
    Stopped,
    /// Spawned (or about to be), not yet up for `startsecs`.
    Starting,
    /// Up for longer than `startsecs`.
    Running,
    /// Ended too quickly or could not be spawned; waits for the next attempt.
    Backoff,
    /// Told to stop, not yet reaped.
    Stopping,
    /// Ended by itself after it was RUNNING.
    Exited,
    /// Given up after too many attempts.
    Fatal,
    /// A signal could not be sent to it.
    Unknown,
}

impl ProcessState {
    /// All states, in the order of their codes.
    pub const ALL: [Self; 8] = [
        Self::Stopped,
        Self::Starting,
        Self::Running,
        Self::Backoff,
        Self::Stopping,
        Self::Exited,
        Self::Fatal,
        Self::Unknown,
    ];

    /// The number that the API gives (C-203).
    pub const fn code(self) -> i32 {
        match self {
            Self::Stopped => 0,
            Self::Starting => 10,
            Self::Running => 20,
            Self::Backoff => 30,
            Self::Stopping => 40,
            Self::Exited => 100,
            Self::Fatal => 200,
            Self::Unknown => 1000,
        }
    }

    /// The name in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "STOPPED",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Backoff => "BACKOFF",
            Self::Stopping => "STOPPING",
            Self::Exited => "EXITED",
            Self::Fatal => "FATAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Nothing is left to stop: STOPPED, EXITED, FATAL, UNKNOWN (C-204).
    pub const fn is_stopped(self) -> bool {
        matches!(self, Self::Stopped | Self::Exited | Self::Fatal | Self::Unknown)
    }

    /// Counts as started: RUNNING, STARTING, BACKOFF (C-204).
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::Starting | Self::Backoff)
    }

    /// Can be sent a signal: RUNNING, STARTING, STOPPING (C-204).
    pub const fn is_signallable(self) -> bool {
        matches!(self, Self::Running | Self::Starting | Self::Stopping)
    }
}

impl fmt::Display for ProcessState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// State of the daemon, the reference's "mood" (C-205).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupervisorState {
    /// Programs are supervised.
    Running,
    /// Everything is being stopped, to start anew.
    Restarting,
    /// Everything is being stopped for good.
    Shutdown,
}

impl SupervisorState {
    /// The number that the API gives.
    pub const fn code(self) -> i32 {
        match self {
            Self::Running => 1,
            Self::Restarting => 0,
            Self::Shutdown => -1,
        }
    }

    /// The name in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Restarting => "RESTARTING",
            Self::Shutdown => "SHUTDOWN",
        }
    }
}

/// State of a listener in the event listener protocol (events.md, section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerState {
    /// Has said what became of its event (or nothing yet), not yet READY.
    Acknowledged,
    /// Waits for an event.
    Ready,
    /// Has an event in hand.
    Busy,
    /// Broke the protocol; gets nothing until it is restarted.
    Unknown,
}

impl ListenerState {
    /// The name in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Ready => "READY",
            Self::Busy => "BUSY",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl fmt::Display for ListenerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-204
    #[test]
    fn stopping_is_neither_running_nor_stopped() {
        let s = ProcessState::Stopping;
        assert!(!s.is_running() && !s.is_stopped() && s.is_signallable());
    }

    // C-203
    #[test]
    fn codes_grow_in_order() {
        let codes: Vec<_> = ProcessState::ALL.iter().map(|s| s.code()).collect();
        assert_eq!(codes, [0, 10, 20, 30, 40, 100, 200, 1000]);
    }
}
