//! Who waits for what a start or stop leads to.
//!
//! They are told at the very moment of the change, so nobody takes a later life of the process for the
//! one that was meant (C-262). Only a request that was granted waits, and a granted start or stop ends
//! what others could be granted: there are never more than a few.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::command::{Done, Refusal};
use crate::model::name::ProcessName;
use crate::model::state::ProcessState;
use crate::model::time::Moment;

/// While a stop is waited for, that is said this often (D-326).
const REPORT_EVERY: Duration = Duration::from_secs(2);

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The child runs, whether or not it stays up (C-253).
    Spawned,
    /// It is RUNNING (C-252).
    Running,
    /// It is dead and reaped (C-259).
    Stopped,
}

/// Where the results of one request go.
pub type ResultSender = UnboundedSender<Done>;

/// Those that wait for one process.
#[derive(Debug, Default)]
pub struct Waiters {
    list: Vec<(Goal, ResultSender)>,
    next_report: Option<Moment>,
}

impl Waiters {
    /// One more.
    pub fn add(&mut self, goal: Goal, results: ResultSender) {
        self.list.push((goal, results));
    }

    /// The child runs.
    pub fn spawned(&mut self, process: &ProcessName) {
        self.tell(process, |goal| (goal == Goal::Spawned).then_some(Ok(())));
    }

    /// The process entered a state; `failed` tells whether it has a `spawnerr`.
    pub fn entered(&mut self, process: &ProcessName, state: ProcessState, failed: bool) {
        if self.list.is_empty() {
            return;
        }
        self.tell(process, |goal| match goal {
            Goal::Spawned | Goal::Running => start_result(state, failed),
            Goal::Stopped => stop_result(state),
        });
    }

    fn tell(&mut self, process: &ProcessName, result: impl Fn(Goal) -> Option<Result<(), Refusal>>) {
        self.list.retain(|(goal, results)| {
            let Some(result) = result(*goal) else { return true };
            // Who has gone away needs no answer.
            drop(results.send(Done { process: process.clone(), result }));
            false
        });
    }

    /// Whether it is to be said now that the process is waited for (D-326): at the beginning of
    /// STOPPING, then again and again.
    pub fn should_report(&mut self, now: Moment, state: ProcessState) -> bool {
        let waited_for =
            |(goal, results): &(Goal, ResultSender)| *goal == Goal::Stopped && !results.is_closed();
        if state != ProcessState::Stopping || !self.list.iter().any(waited_for) {
            self.next_report = None;
            return false;
        }
        let due = self.next_report.is_none_or(|at| at <= now);
        if due {
            self.next_report = Some(now + REPORT_EVERY);
        }
        due
    }

    /// When to ask that again.
    pub fn report_deadline(&self) -> Option<Moment> {
        self.next_report
    }
}

/// C-252, C-255
fn start_result(state: ProcessState, failed: bool) -> Option<Result<(), Refusal>> {
    match state {
        ProcessState::Running => Some(Ok(())),
        ProcessState::Starting => None,
        _ if failed => Some(Err(Refusal::StartFailed)),
        _ => Some(Err(Refusal::StartInterrupted)),
    }
}

fn stop_result(state: ProcessState) -> Option<Result<(), Refusal>> {
    match state {
        ProcessState::Unknown => Some(Err(Refusal::SignalFailed)),
        state => state.is_stopped().then_some(Ok(())),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::daemon::command::Results;

    fn waiting(goal: Goal) -> (Waiters, Results) {
        let (sender, results) = mpsc::unbounded_channel();
        let mut waiters = Waiters::default();
        waiters.add(goal, sender);
        (waiters, results)
    }

    fn name() -> ProcessName {
        ProcessName::new("g".into(), "p")
    }

    /// What is told after these states, each with whether the start has failed.
    fn told(goal: Goal, states: &[(ProcessState, bool)]) -> Option<Result<(), Refusal>> {
        let (mut waiters, mut results) = waiting(goal);
        for &(state, failed) in states {
            waiters.entered(&name(), state, failed);
        }
        results.try_recv().ok().map(|done| done.result)
    }

    // C-252, C-255
    #[test]
    fn starts() {
        use ProcessState as S;
        let starting = (S::Starting, false);
        assert_eq!(told(Goal::Running, &[starting]), None);
        assert_eq!(told(Goal::Running, &[starting, (S::Running, false), (S::Exited, true)]), Some(Ok(())));
        for state in [S::Backoff, S::Fatal] {
            assert_eq!(told(Goal::Running, &[starting, (state, true)]), Some(Err(Refusal::StartFailed)));
        }
        for state in [S::Stopping, S::Unknown] {
            assert_eq!(
                told(Goal::Running, &[starting, (state, false)]),
                Some(Err(Refusal::StartInterrupted))
            );
        }
    }

    // C-253
    #[test]
    fn a_hurried_start_is_done_when_the_child_runs() {
        let (mut waiters, mut results) = waiting(Goal::Spawned);
        waiters.spawned(&name());
        assert_eq!(results.try_recv().map(|done| done.result), Ok(Ok(())));
        assert!(results.is_closed());
    }

    // C-259, C-262
    #[test]
    fn stops() {
        use ProcessState as S;
        assert_eq!(told(Goal::Stopped, &[(S::Stopping, false)]), None);
        let again = [(S::Stopping, false), (S::Stopped, false), (S::Starting, false)];
        assert_eq!(told(Goal::Stopped, &again), Some(Ok(())));
        assert_eq!(told(Goal::Stopped, &[(S::Unknown, false)]), Some(Err(Refusal::SignalFailed)));
    }

    // D-326
    #[test]
    fn waiting_for_a_stop_is_reported_every_two_seconds() {
        let at = |millis: u64| Moment::from_nanos(millis * 1_000_000);
        let (mut waiters, results) = waiting(Goal::Stopped);
        assert!(!waiters.should_report(at(0), ProcessState::Running));
        assert!(waiters.should_report(at(100), ProcessState::Stopping));
        assert!(!waiters.should_report(at(2099), ProcessState::Stopping));
        assert_eq!(waiters.report_deadline(), Some(at(2100)));
        assert!(waiters.should_report(at(2100), ProcessState::Stopping));
        drop(results);
        assert!(!waiters.should_report(at(9000), ProcessState::Stopping));
        assert_eq!(waiters.report_deadline(), None);
    }
}
