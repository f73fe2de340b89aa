//! The limits that govern a process' life: when a start counts, when it is tried again, how it is
//! stopped. The machine asks and has no numbers of its own; the daemon fills a [`Policy`] from the
//! configuration.

use std::time::Duration;

use crate::model::exit::ExitStatus;
use crate::model::signal::Signal;
use crate::model::time::{Moment, seconds};

/// The least time between two starts after an exit (D-309, ours), and between two SIGKILLs.
const PACE: Duration = Duration::from_secs(1);

/// Limits of one process. Spans are whole seconds, negative ones count as zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Start with the daemon.
    pub autostart: bool,
    /// Start again after an exit.
    pub autorestart: RestartRule,
    /// Seconds it must stay up to be RUNNING.
    pub startsecs: i64,
    /// Failures in a row before it is FATAL.
    pub startretries: i64,
    /// Exit codes that are expected.
    pub exitcodes: Vec<i32>,
    /// Asks it to stop.
    pub stopsignal: Signal,
    /// Seconds before SIGKILL follows.
    pub stopwaitsecs: i64,
    /// The stop signal goes to the process group (D-325).
    pub stopasgroup: bool,
    /// SIGKILL goes to the process group (D-325).
    pub killasgroup: bool,
}

/// When an exit is followed by a new start (D-309).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartRule {
    /// Never.
    Never,
    /// When the exit code is not an expected one.
    Unexpected,
    /// Always.
    Always,
}

impl Policy {
    /// Whether it is one of `exitcodes`; a death by signal never is (D-323).
    pub fn expects(&self, status: ExitStatus) -> bool {
        match status {
            ExitStatus::Code(code) => self.exitcodes.contains(&code),
            ExitStatus::Signaled { .. } => false,
        }
    }

    /// Whether an exit from RUNNING is followed by a new start (D-309).
    pub fn restart_after(&self, status: ExitStatus) -> bool {
        match self.autorestart {
            RestartRule::Never => false,
            RestartRule::Unexpected => !self.expects(status),
            RestartRule::Always => true,
        }
    }

    /// When a new start after an exit may come at the earliest (D-309, ours).
    pub fn restart_not_before(&self, started_at: Moment) -> Moment {
        started_at + PACE
    }

    /// Whether a process that ended at `ended_at` failed to start (D-303).
    pub fn ended_too_quickly(&self, started_at: Moment, ended_at: Moment) -> bool {
        ended_at.since(started_at) < seconds(self.startsecs)
    }

    /// When it is RUNNING: up for more than `startsecs` (D-304), at once if these are 0 (D-322).
    pub fn running_at(&self, started_at: Moment) -> Moment {
        let span = seconds(self.startsecs);
        if span.is_zero() {
            started_at
        } else {
            (started_at + span).next()
        }
    }

    /// How long to wait after this many failures in a row; the wait is over when more has passed (D-320).
    pub fn backoff_delay(&self, failures: u32) -> Duration {
        Duration::from_secs(failures.into())
    }

    /// Whether it is tried again after this many failures in a row (D-310, D-311).
    pub fn retries_left(&self, failures: u32) -> bool {
        i64::from(failures) <= self.startretries
    }

    /// How long the stop signal has before SIGKILL follows (D-324).
    pub fn stop_wait(&self) -> Duration {
        seconds(self.stopwaitsecs)
    }

    /// How long a SIGKILL has before the next (D-324): never so short that the daemon spins.
    pub fn kill_wait(&self) -> Duration {
        self.stop_wait().max(PACE)
    }
}
