//! One process' life as decisions: what happens to it goes in, what to do about it comes out.
//!
//! # States
//!
//! The states that users see are those of [`ProcessState`]. The machine splits two of them:
//!
//! - STARTING begins as *spawning*: the spawn is asked for and not yet answered (log files are opened
//!   by another thread). Only with the answer is there a pid.
//! - STARTING, RUNNING, STOPPING and UNKNOWN end as *ended*: the process is reaped, but what it wrote
//!   is not handled yet. Users see the state before; no deadline fires (E-057).
//!
//! From STOPPED, EXITED and FATAL a start leads to STARTING. A failed spawn, or an end before
//! `startsecs` are over, leads to BACKOFF, and from there to the next attempt or to FATAL. After more
//! than `startsecs` it is RUNNING; an end after exactly `startsecs`, or (`startsecs=0`) before anybody
//! looked, passes through RUNNING. From RUNNING an end by itself leads to EXITED, which is left again
//! if the restart rule says so. A stop leads to STOPPING, and its end to STOPPED, however it came about.
//! A signal that cannot be sent leads to UNKNOWN: the process is out of our hands, but when it ends
//! after all that is an exit (EXITED) without a restart. The reference's assertions fail there.
//!
//! # Interruptions
//!
//! - A stop while spawning waits for the answer: a spawned process is stopped at once, a failed spawn is
//!   a BACKOFF that is stopped at once.
//! - A stop of an ended process waits for the decision and is applied to what came of it: a BACKOFF is
//!   stopped, a restart is cancelled.
//! - A stop of a process that is already STOPPING, or UNKNOWN, changes nothing.
//! - A start while there is a process, or in BACKOFF (which counts as running, C-251), changes nothing.
//! - Inputs that answer nothing the machine asked for are ignored.
//!
//! # Precedence
//!
//! Of two requests that have to wait, the first counts. `Halted` is above all starts: once it came,
//! neither a request nor a deadline starts anything (D-278); a spawn already asked for goes on, and is
//! stopped when its group's turn comes. A time limit holds from the moment of the fact it is about:
//! whether an exit was too quick is judged by the moment of death, not by that of the decision.
//!
//! Failures in a row are counted over BACKOFF and STARTING, and forgotten in RUNNING, EXITED, FATAL
//! (D-321) and, ours, in STOPPED.

mod moves;

use std::sync::Arc;

use super::effect::Effects;
use super::policy::Policy;
use crate::model::exit::ExitStatus;
use crate::model::name::ProcessName;
use crate::model::signal::Signal;
use crate::model::state::ProcessState;
use crate::model::time::Moment;

/// Decides over one process. See the module's head for the meaning of its states.
#[derive(Clone, Debug)]
pub struct ProcessMachine {
    name: ProcessName,
    policy: Policy,
    phase: Phase,
    /// When [`Input::DeadlineReached`] means something in this phase.
    due: Option<Moment>,
    /// Failures in a row.
    failures: u32,
    /// Nothing starts any more.
    halted: bool,
    ever_started: bool,
    /// A stop or shutdown that waits for the spawn's answer or for the decision about an end.
    waiting: Option<Input>,
    /// The last signal that a client had sent, for the message should it fail.
    signalled: Signal,
    spawnerr: Arc<str>,
    exitstatus: Option<i32>,
}

/// Something that happened, or is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The daemon, or the group, begins: start if configured so and never started before (D-301).
    Autostart,
    /// A client wants it started.
    StartRequested,
    /// Answers [`Spawn`](super::effect::Effect::Spawn): it runs.
    Spawned {
        /// The process.
        pid: i32,
    },
    /// Answers [`Spawn`](super::effect::Effect::Spawn): it cannot run.
    SpawnFailed {
        /// Why (D-331 to D-336).
        error: Arc<str>,
    },
    /// It was reaped. What is left in its pipes is not handled yet: the decision waits.
    Died {
        /// How it ended.
        status: ExitStatus,
    },
    /// All its output is handled: the end is decided now.
    Drained,
    /// A client wants it stopped (D-306, D-312).
    StopRequested,
    /// Its group's turn in a shutdown or reload has come (D-276).
    ShutdownRequested,
    /// A shutdown or reload began: nothing starts any more (D-278).
    Halted,
    /// A client wants a signal sent, to the process alone (D-325).
    SignalRequested(Signal),
    /// Answers [`Signal`](super::effect::Effect::Signal): it could not be sent.
    SignalFailed {
        /// It was to end the process (the effect's `kill`).
        kill: bool,
        /// Why.
        error: SignalError,
    },
    /// [`ProcessMachine::deadline`] is reached.
    DeadlineReached,
}

/// Why a signal could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalError {
    /// There is no such process: it has just ended by itself, and will be reaped (D-474).
    NoSuchProcess,
    /// Anything else: the process is out of our hands (D-315, D-475).
    Other(Arc<str>),
}

/// The states inside: those that users see, with two of them split, and what belongs to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Stopped,
    Spawning,
    Backoff,
    Exited,
    Fatal,
    Alive(Life, Child),
    Ended(Life, Child, Death),
}

/// The states in which there is a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Starting,
    Running,
    Stopping,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Child {
    pid: i32,
    started_at: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Death {
    at: Moment,
    status: ExitStatus,
}

impl ProcessMachine {
    /// A process that was never started: STOPPED (D-300).
    pub fn new(name: ProcessName, policy: Policy) -> Self {
        Self {
            name,
            policy,
            phase: Phase::Stopped,
            due: None,
            failures: 0,
            halted: false,
            ever_started: false,
            waiting: None,
            signalled: Signal::TERM,
            spawnerr: "".into(),
            exitstatus: None,
        }
    }

    /// Takes in what happened at `now` and appends to `effects` what is to be done about it.
    ///
    /// A `Spawn` or `Signal` is the last of a step's effects: its answer may be taken in at once.
    /// Every pair of phase and input has its arm.
    #[rustfmt::skip]
    pub fn step(&mut self, now: Moment, input: Input, effects: &mut Effects) {
        use Input as I;
        use Life as L;
        use Phase as P;
        match (self.phase, input) {
            (P::Stopped, I::Autostart) => self.autostart(effects),
            (P::Spawning | P::Backoff | P::Exited | P::Fatal | P::Alive(..) | P::Ended(..),
                I::Autostart) => {}

            (P::Stopped | P::Exited | P::Fatal, I::StartRequested) => self.start(effects),
            (P::Spawning | P::Backoff | P::Alive(..) | P::Ended(..), I::StartRequested) =>
                self.refuse_start(effects),

            (P::Spawning, I::Spawned { pid }) => self.spawned(now, pid, effects),
            (P::Spawning, I::SpawnFailed { error }) => self.spawn_failed(now, error, effects),
            (P::Stopped | P::Backoff | P::Exited | P::Fatal | P::Alive(..) | P::Ended(..),
                I::Spawned { .. } | I::SpawnFailed { .. }) => {}

            (P::Alive(life, child), I::Died { status }) => self.died(now, life, child, status),
            (P::Stopped | P::Spawning | P::Backoff | P::Exited | P::Fatal | P::Ended(..),
                I::Died { .. }) => {}
            (P::Ended(life, child, death), I::Drained) => self.decide(now, life, child, death, effects),
            (P::Stopped | P::Spawning | P::Backoff | P::Exited | P::Fatal | P::Alive(..), I::Drained) => {}

            (P::Alive(L::Starting | L::Running, child), I::StopRequested | I::ShutdownRequested) =>
                self.stop(now, child, effects),
            (P::Spawning | P::Ended(..), request @ (I::StopRequested | I::ShutdownRequested)) =>
                self.let_wait(request),
            (P::Alive(L::Stopping | L::Unknown, _), I::StopRequested | I::ShutdownRequested) => {}
            (P::Stopped | P::Exited | P::Fatal, I::StopRequested) => self.stop_without_process(effects),
            (P::Backoff, I::StopRequested) => self.stop_in_backoff(effects),
            (P::Backoff, I::ShutdownRequested) => self.shut_down_in_backoff(effects),
            (P::Stopped | P::Exited | P::Fatal, I::ShutdownRequested) => self.cancel_restart(),

            (P::Backoff | P::Exited, I::Halted) => self.halt_waiting(),
            (P::Stopped | P::Spawning | P::Fatal | P::Alive(..) | P::Ended(..), I::Halted) => self.halt(),

            (P::Alive(L::Starting | L::Running | L::Stopping, child), I::SignalRequested(signal)) =>
                self.signal(child, signal, effects),
            (P::Alive(L::Unknown, _), I::SignalRequested(_)) => {}
            (P::Ended(_, child, _), I::SignalRequested(_)) => self.signal_too_late(child, effects),
            (P::Stopped | P::Spawning | P::Backoff | P::Exited | P::Fatal, I::SignalRequested(signal)) =>
                self.signal_without_process(signal, effects),

            (P::Alive(L::Starting | L::Running | L::Stopping, child), I::SignalFailed { kill, error }) =>
                self.signal_failed(child, kill, error, effects),
            (P::Alive(L::Unknown, child) | P::Ended(_, child, _), I::SignalFailed { kill, error }) =>
                self.report_failed_signal(child, kill, &error, effects),
            (P::Stopped | P::Spawning | P::Backoff | P::Exited | P::Fatal, I::SignalFailed { .. }) => {}

            (P::Alive(L::Starting, child), I::DeadlineReached) => self.stayed_up(now, child, effects),
            (P::Alive(L::Stopping, child), I::DeadlineReached) => self.overstayed(now, child, effects),
            (P::Backoff | P::Exited, I::DeadlineReached) => self.waited(now, effects),
            (P::Stopped | P::Spawning | P::Fatal | P::Alive(L::Running | L::Unknown, _) | P::Ended(..),
                I::DeadlineReached) => {}
        }
    }

    /// When [`Input::DeadlineReached`] is due, if ever. It may lie in the past: then it is due at once.
    pub fn deadline(&self) -> Option<Moment> {
        self.due
    }

    /// Its state, as users see it.
    pub fn state(&self) -> ProcessState {
        match self.phase {
            Phase::Stopped => ProcessState::Stopped,
            Phase::Spawning => ProcessState::Starting,
            Phase::Backoff => ProcessState::Backoff,
            Phase::Exited => ProcessState::Exited,
            Phase::Fatal => ProcessState::Fatal,
            Phase::Alive(life, _) | Phase::Ended(life, _, _) => life.state(),
        }
    }

    /// The process, from its spawn until its end is decided.
    pub fn pid(&self) -> Option<i32> {
        match self.phase {
            Phase::Alive(_, child) | Phase::Ended(_, child, _) => Some(child.pid),
            Phase::Stopped | Phase::Spawning | Phase::Backoff | Phase::Exited | Phase::Fatal => None,
        }
    }

    /// The last start problem, or empty (C-225).
    pub fn spawnerr(&self) -> &Arc<str> {
        &self.spawnerr
    }

    /// Exit code of the last run, -1 after a death by signal; none before, while it runs, and after too
    /// quick an exit (C-226).
    pub fn exitstatus(&self) -> Option<i32> {
        self.exitstatus
    }

    /// Failures in a row so far (D-321).
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether a start was ever tried.
    pub fn ever_started(&self) -> bool {
        self.ever_started
    }
}

impl Life {
    const fn state(self) -> ProcessState {
        match self {
            Self::Starting => ProcessState::Starting,
            Self::Running => ProcessState::Running,
            Self::Stopping => ProcessState::Stopping,
            Self::Unknown => ProcessState::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
