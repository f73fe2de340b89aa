//! What the arms of the machine's table do: each move of [`ProcessMachine::step`] is one function here.
//!
//! Which move belongs to which pair of phase and input is the table's business.

use std::sync::Arc;

use super::{Child, Death, Input, Life, Phase, ProcessMachine, SignalError};
use crate::machine::effect::{Effect, Effects};
use crate::model::event::{Entered, Event, StateChange};
use crate::model::exit::ExitStatus;
use crate::model::name::ProcessName;
use crate::model::notice::Notice;
use crate::model::signal::Signal;
use crate::model::time::Moment;

/// What clients are told of a process that ended before `startsecs` were over (D-478).
const TOO_QUICK: &str = "Exited too quickly (process log may have details)";

/// Starts.
impl ProcessMachine {
    pub(super) fn autostart(&mut self, effects: &mut Effects) {
        if self.policy.autostart && !self.ever_started {
            self.start(effects);
        }
    }

    pub(super) fn start(&mut self, effects: &mut Effects) {
        self.begin(false, effects);
    }

    fn begin(&mut self, restart: bool, effects: &mut Effects) {
        if self.halted {
            return;
        }
        self.ever_started = true;
        self.spawnerr = "".into();
        self.exitstatus = None;
        self.enter(Phase::Spawning, Entered::Starting { tries: self.failures, restart }, effects);
        effects.push(Effect::Spawn);
    }

    pub(super) fn refuse_start(&self, effects: &mut Effects) {
        self.notice(Notice::AlreadyRunning, effects);
    }

    pub(super) fn spawned(&mut self, now: Moment, pid: i32, effects: &mut Effects) {
        self.phase = Phase::Alive(Life::Starting, Child { pid, started_at: now });
        self.due = Some(self.policy.running_at(now));
        self.notice(|name| Notice::Spawned(name, pid), effects);
        self.take_up_waiting(now, effects);
    }

    pub(super) fn spawn_failed(&mut self, now: Moment, error: Arc<str>, effects: &mut Effects) {
        self.spawnerr = Arc::clone(&error);
        self.notice(|name| Notice::SpawnFailed(name, error), effects);
        self.enter_backoff(now, effects);
        self.give_up_if_spent(effects);
        self.take_up_waiting(now, effects);
    }

    pub(super) fn stayed_up(&mut self, now: Moment, child: Child, effects: &mut Effects) {
        if self.is_due(now) {
            self.enter_running(Phase::Alive(Life::Running, child), child.pid, effects);
            let startsecs = self.policy.startsecs;
            self.notice(|name| Notice::StayedUp(name, startsecs), effects);
        }
    }

    pub(super) fn waited(&mut self, now: Moment, effects: &mut Effects) {
        if self.is_due(now) {
            self.begin(true, effects);
        }
    }

    fn enter_running(&mut self, phase: Phase, pid: i32, effects: &mut Effects) {
        self.failures = 0;
        self.enter(phase, Entered::Running { pid }, effects);
    }

    fn enter_backoff(&mut self, now: Moment, effects: &mut Effects) {
        self.failures = self.failures.saturating_add(1);
        self.enter(Phase::Backoff, Entered::Backoff { tries: self.failures }, effects);
        if !self.halted {
            self.due = Some((now + self.policy.backoff_delay(self.failures)).next());
        }
    }

    fn give_up_if_spent(&mut self, effects: &mut Effects) {
        if !self.policy.retries_left(self.failures) {
            self.enter_fatal(effects);
            self.notice(Notice::GaveUp, effects);
        }
    }

    fn enter_fatal(&mut self, effects: &mut Effects) {
        self.failures = 0;
        self.enter(Phase::Fatal, Entered::Fatal, effects);
    }
}

/// Ends.
impl ProcessMachine {
    pub(super) fn died(&mut self, now: Moment, life: Life, child: Child, status: ExitStatus) {
        self.phase = Phase::Ended(life, child, Death { at: now, status });
        self.due = None;
    }

    pub(super) fn decide(
        &mut self,
        now: Moment,
        life: Life,
        child: Child,
        death: Death,
        effects: &mut Effects,
    ) {
        match life {
            Life::Starting if self.policy.ended_too_quickly(child.started_at, death.at) => {
                self.ended_too_quickly(now, death.status, effects);
            }
            Life::Starting => {
                self.enter_running(Phase::Ended(Life::Running, child, death), child.pid, effects);
                self.exited(child, death.status, effects);
                self.plan_restart(child, death.status);
            }
            Life::Running => {
                self.exited(child, death.status, effects);
                self.plan_restart(child, death.status);
            }
            Life::Stopping => self.stopped(child, death.status, effects),
            Life::Unknown => self.exited(child, death.status, effects),
        }
        self.take_up_waiting(now, effects);
    }

    fn ended_too_quickly(&mut self, now: Moment, status: ExitStatus, effects: &mut Effects) {
        self.spawnerr = TOO_QUICK.into();
        self.enter_backoff(now, effects);
        self.notice(|process| Notice::Exited { process, status, expected: false }, effects);
        self.give_up_if_spent(effects);
    }

    fn exited(&mut self, child: Child, status: ExitStatus, effects: &mut Effects) {
        let expected = self.policy.expects(status);
        self.failures = 0;
        self.exitstatus = Some(status.code());
        if !expected {
            self.spawnerr = format!("Bad exit code {}", status.code()).into();
        }
        self.enter(Phase::Exited, Entered::Exited { expected, pid: child.pid }, effects);
        self.notice(|process| Notice::Exited { process, status, expected }, effects);
    }

    fn plan_restart(&mut self, child: Child, status: ExitStatus) {
        if !self.halted && self.policy.restart_after(status) {
            self.due = Some(self.policy.restart_not_before(child.started_at));
        }
    }

    fn stopped(&mut self, child: Child, status: ExitStatus, effects: &mut Effects) {
        self.exitstatus = Some(status.code());
        self.enter_stopped(child.pid, effects);
        let expected = self.policy.expects(status);
        self.notice(|process| Notice::Stopped { process, status, expected }, effects);
    }

    fn enter_stopped(&mut self, pid: i32, effects: &mut Effects) {
        self.failures = 0;
        self.enter(Phase::Stopped, Entered::Stopped { pid }, effects);
    }
}

/// Stops.
impl ProcessMachine {
    pub(super) fn stop(&mut self, now: Moment, child: Child, effects: &mut Effects) {
        let (signal, group) = (self.policy.stopsignal, self.policy.stopasgroup);
        self.notice(|process| Notice::Killing { process, pid: child.pid, signal, group }, effects);
        self.enter(Phase::Alive(Life::Stopping, child), Entered::Stopping { pid: child.pid }, effects);
        self.due = Some(now + self.policy.stop_wait());
        effects.push(Effect::Signal { pid: child.pid, group, signal, kill: true });
    }

    pub(super) fn overstayed(&mut self, now: Moment, child: Child, effects: &mut Effects) {
        if !self.is_due(now) {
            return;
        }
        let (pid, signal, group) = (child.pid, Signal::KILL, self.policy.killasgroup);
        self.due = Some(now + self.policy.kill_wait());
        self.notice(|name| Notice::KillEscalated(name, pid), effects);
        self.notice(|process| Notice::Killing { process, pid, signal, group }, effects);
        effects.push(Effect::Signal { pid, group, signal, kill: true });
    }

    pub(super) fn stop_without_process(&mut self, effects: &mut Effects) {
        self.cancel_restart();
        let signal = self.policy.stopsignal;
        self.notice(|name| Notice::NothingToKill(name, signal), effects);
    }

    pub(super) fn stop_in_backoff(&mut self, effects: &mut Effects) {
        self.notice(Notice::StoppedInBackoff, effects);
        self.enter_stopped(0, effects);
    }

    pub(super) fn shut_down_in_backoff(&mut self, effects: &mut Effects) {
        self.enter_fatal(effects);
    }

    pub(super) fn cancel_restart(&mut self) {
        self.due = None;
    }

    pub(super) fn halt(&mut self) {
        self.halted = true;
    }

    pub(super) fn halt_waiting(&mut self) {
        self.halt();
        self.cancel_restart();
    }

    pub(super) fn let_wait(&mut self, request: Input) {
        self.waiting.get_or_insert(request);
    }

    fn take_up_waiting(&mut self, now: Moment, effects: &mut Effects) {
        if let Some(request) = self.waiting.take() {
            self.step(now, request, effects);
        }
    }
}

/// Signals.
impl ProcessMachine {
    pub(super) fn signal(&mut self, child: Child, signal: Signal, effects: &mut Effects) {
        self.signalled = signal;
        self.notice(|name| Notice::Signalling(name, child.pid, signal), effects);
        effects.push(Effect::Signal { pid: child.pid, group: false, signal, kill: false });
    }

    pub(super) fn signal_too_late(&self, child: Child, effects: &mut Effects) {
        self.notice(|name| Notice::GoneBeforeSignal(name, child.pid), effects);
    }

    pub(super) fn signal_without_process(&self, signal: Signal, effects: &mut Effects) {
        self.notice(|name| Notice::NothingToSignal(name, signal), effects);
    }

    pub(super) fn signal_failed(
        &mut self,
        child: Child,
        kill: bool,
        error: SignalError,
        effects: &mut Effects,
    ) {
        self.report_failed_signal(child, kill, &error, effects);
        match error {
            SignalError::NoSuchProcess => {}
            SignalError::Other(_) => {
                self.enter(Phase::Alive(Life::Unknown, child), Entered::Unknown, effects);
            }
        }
    }

    pub(super) fn report_failed_signal(
        &self,
        child: Child,
        kill: bool,
        error: &SignalError,
        effects: &mut Effects,
    ) {
        let signal = self.signalled;
        let report = |name| match (error, kill) {
            (SignalError::NoSuchProcess, _) => Notice::GoneBeforeSignal(name, child.pid),
            (SignalError::Other(text), true) => Notice::KillFailed(name, child.pid, Arc::clone(text)),
            (SignalError::Other(text), false) => {
                Notice::SignalFailed(name, child.pid, signal, Arc::clone(text))
            }
        };
        self.notice(report, effects);
    }
}

/// Common.
impl ProcessMachine {
    /// Enters a state, without a deadline, and tells of it.
    fn enter(&mut self, phase: Phase, entered: Entered, effects: &mut Effects) {
        let from = self.state();
        self.phase = phase;
        self.due = None;
        let change = StateChange { process: self.name.clone(), from, entered };
        effects.push(Effect::Publish(Event::StateChanged(change)));
    }

    fn notice(&self, notice: impl FnOnce(ProcessName) -> Notice, effects: &mut Effects) {
        effects.push(Effect::Publish(Event::Noticed(notice(self.name.clone()))));
    }

    fn is_due(&self, now: Moment) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}
