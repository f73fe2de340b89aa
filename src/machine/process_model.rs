//! Random walks of a [`ProcessMachine`] against a small model (test-only).
//!
//! The model knows nothing of the machine's insides. It keeps what an observer can know (the world: which
//! process there is, what was asked for) and judges every effect by it: the grammar of events, limits of
//! time, what must never happen. What an input must lead to it says for the cases that can be said
//! without a second machine.

mod model;

use std::time::Duration;

use self::model::{Model, World};
use super::policy::{Policy, RestartRule};
use super::process::{Input, ProcessMachine, SignalError};
use super::random::Random;
use super::testkit::describe;
use crate::model::exit::ExitStatus;
use crate::model::name::ProcessName;
use crate::model::signal::Signal;
use crate::model::state::ProcessState as S;
use crate::model::time::Moment;

const WALKS: u64 = 4000;
const STEPS: u32 = 100;

#[test]
fn random_walks_keep_to_the_model() {
    let entered: Vec<S> = (0..WALKS).flat_map(walk).collect();
    for state in S::ALL {
        let count = entered.iter().filter(|entered| **entered == state).count();
        assert!(count > 1000, "the walks came to {state} {count} times only");
    }
}

/// One walk; the states it entered.
fn walk(seed: u64) -> Vec<S> {
    let mut random = Random(seed);
    let policy = random.policy();
    let mut walker = Walker {
        _reporter: Reporter(seed),
        machine: ProcessMachine::new(ProcessName::new("g".into(), "p"), policy.clone()),
        model: Model::new(policy),
        now: Moment::from_nanos(random.below(3) * 1_000_000_000),
        deadlines_at_once: 0,
        pids: 0,
    };
    for _ in 0..STEPS {
        let input = walker.choose(&mut random);
        walker.step(input);
    }
    walker.model.entered
}

/// Says which walk failed.
struct Reporter(u64);

impl Drop for Reporter {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("random walk failed: walk({})", self.0);
        }
    }
}

impl Random {
    fn policy(&mut self) -> Policy {
        Policy {
            autostart: !self.one_in(4),
            autorestart: self.pick(&[RestartRule::Never, RestartRule::Unexpected, RestartRule::Always]),
            startsecs: self.pick(&[-1, 0, 1, 2]),
            startretries: self.pick(&[-1, 0, 1, 3]),
            exitcodes: self.pick(&[vec![0], vec![0, 2], vec![]]),
            stopsignal: self.pick(&[Signal::TERM, Signal::INT]),
            stopwaitsecs: self.pick(&[-1, 0, 1, 10]),
            stopasgroup: self.one_in(2),
            killasgroup: self.one_in(2),
        }
    }

    fn status(&mut self) -> ExitStatus {
        let killed = ExitStatus::Signaled { signal: Signal::KILL, core: false };
        self.pick(&[ExitStatus::Code(0), ExitStatus::Code(0), ExitStatus::Code(2), killed])
    }

    /// Any input at all, fitting or not.
    fn input(&mut self) -> Input {
        let failed = |kill, error| Input::SignalFailed { kill, error };
        let status = self.status();
        self.pick(&[
            Input::Autostart,
            Input::StartRequested,
            Input::StartRequested,
            Input::Spawned { pid: 999 },
            Input::SpawnFailed { error: "x".into() },
            Input::Died { status },
            Input::Drained,
            Input::StopRequested,
            Input::StopRequested,
            Input::ShutdownRequested,
            Input::SignalRequested(Signal::HUP),
            failed(true, SignalError::NoSuchProcess),
            failed(true, SignalError::Other("x".into())),
            failed(false, SignalError::Other("x".into())),
            Input::DeadlineReached,
        ])
    }
}

struct Walker {
    /// First, so that it speaks before anything else is dropped.
    _reporter: Reporter,
    machine: ProcessMachine,
    model: Model,
    now: Moment,
    deadlines_at_once: u32,
    pids: i32,
}

impl Walker {
    /// What happens next: mostly what the world would do, now and then anything.
    fn choose(&mut self, random: &mut Random) -> Input {
        let world = self.model.world;
        match random.below(20) {
            0 | 1 => random.input(),
            2 if random.one_in(20) => Input::Halted,
            2..6 => self.let_time_pass(random),
            6 => random.pick(&[Input::StopRequested, Input::StartRequested]),
            _ => match world {
                World::Nothing => self.wait_for_deadline(Input::StartRequested),
                World::Asked if random.one_in(3) => Input::SpawnFailed { error: "x".into() },
                World::Asked => {
                    self.pids += 1;
                    Input::Spawned { pid: self.pids }
                }
                World::Alive { .. } if random.one_in(3) => Input::Died { status: random.status() },
                World::Alive { .. } => self.wait_for_deadline(Input::DeadlineReached),
                World::Dead { .. } => Input::Drained,
            },
        }
    }

    fn wait_for_deadline(&mut self, otherwise: Input) -> Input {
        match self.machine.deadline() {
            Some(due) => {
                self.now = self.now.max(due);
                Input::DeadlineReached
            }
            None => otherwise,
        }
    }

    /// Time passes, just up to the deadline or by a random span; the deadline is claimed to be reached.
    fn let_time_pass(&mut self, random: &mut Random) -> Input {
        let spans = [0, 1, 400_000_000, 999_999_999, 1_000_000_000, 3_000_000_000];
        self.now = self.now + Duration::from_nanos(random.pick(&spans));
        Input::DeadlineReached
    }

    fn step(&mut self, input: Input) {
        self.watch_for_busy_loop(&input);
        let mut effects = Vec::new();
        self.machine.step(self.now, input.clone(), &mut effects);
        let what: Vec<_> = effects.iter().map(describe).collect();
        let context =
            format!("{input:?} at {:?} -> {what:?}\n{:?}\n{:?}", self.now, self.machine, self.model);
        self.model.take_in(self.now, &input, &effects, &context);
        assert_eq!(self.machine.state(), self.model.state, "{context}");
        assert_eq!(self.machine.pid(), self.model.world.pid(), "{context}");
        assert_eq!(self.machine.ever_started(), self.model.spawned_at_least_once, "{context}");
        self.model.check_deadline(self.machine.deadline(), &context);
    }

    /// A deadline that is reached must not be due again at the same moment, but for a few steps in a row
    /// (a start, RUNNING, SIGKILL).
    fn watch_for_busy_loop(&mut self, input: &Input) {
        let due = self.machine.deadline().is_some_and(|due| due <= self.now);
        if *input != Input::DeadlineReached || !due {
            return;
        }
        if self.model.last_deadline == Some(self.now) {
            self.deadlines_at_once += 1;
            assert!(self.deadlines_at_once < 10, "busy loop: {:?}", self.machine);
        } else {
            self.deadlines_at_once = 0;
        }
        self.model.last_deadline = Some(self.now);
    }
}
