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
        if span.is_zero() { started_at } else { (started_at + span).next() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::testkit::policy;

    const START: Moment = Moment::from_nanos(1000);

    fn after(millis: u64) -> Moment {
        START + Duration::from_millis(millis)
    }

    // D-308, D-323: not even `exitcodes=-1` expects a death by signal.
    #[test]
    fn expected_exits() {
        let policy = Policy { exitcodes: vec![0, 2, -1], ..policy() };
        assert!(policy.expects(ExitStatus::Code(2)));
        assert!(!policy.expects(ExitStatus::Code(1)));
        assert!(!policy.expects(ExitStatus::Signaled { signal: Signal::TERM, core: false }));
    }

    // D-303, D-304, D-322
    #[test]
    fn comparisons_with_startsecs_are_strict() {
        let policy = Policy { startsecs: 2, ..policy() };
        assert!(policy.ended_too_quickly(START, after(1999)));
        assert!(!policy.ended_too_quickly(START, after(2000)));
        assert_eq!(policy.running_at(START), after(2000).next());
        for startsecs in [0, -1, i64::MIN] {
            let policy = Policy { startsecs, ..policy.clone() };
            assert!(!policy.ended_too_quickly(START, START));
            assert_eq!(policy.running_at(START), START);
        }
        let never = Policy { startsecs: i64::MAX, ..policy };
        assert_eq!(never.running_at(START), Moment::from_nanos(u64::MAX));
    }

    // D-310, D-311, D-320
    #[test]
    fn retries() {
        let left = |startretries, failures| Policy { startretries, ..policy() }.retries_left(failures);
        assert!(left(3, 3) && !left(3, 4));
        assert!(!left(0, 1) && !left(-1, 1));
        assert!(left(i64::MAX, u32::MAX));
        assert_eq!(policy().backoff_delay(3), Duration::from_secs(3));
    }

    // D-324
    #[test]
    fn waits_for_a_stop() {
        let waits = |stopwaitsecs| {
            let policy = Policy { stopwaitsecs, ..policy() };
            (policy.stop_wait().as_secs(), policy.kill_wait().as_secs())
        };
        assert_eq!([waits(10), waits(0), waits(-1)], [(10, 10), (0, 1), (0, 1)]);
    }
}
