//! Random walks of a [`ProcessMachine`] against a small model (test-only).
//!
//! The model knows nothing of the machine's insides. It keeps what an observer can know (the world: which
//! process there is, what was asked for) and judges every effect by it: the grammar of events, limits of
//! time, what must never happen. What an input must lead to it says for the cases that can be said
//! without a second machine.

use std::time::Duration;

use super::effect::Effect;
use super::policy::{Policy, RestartRule};
use super::process::{Input, ProcessMachine, SignalError};
use super::testkit::describe;
use crate::model::event::{Entered, Event, StateChange};
use crate::model::exit::ExitStatus;
use crate::model::name::ProcessName;
use crate::model::notice::Notice;
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

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()].clone()
    }

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
        let killed = ExitStatus::Signaled {
            signal: Signal::KILL,
            core: false,
        };
        self.pick(&[
            ExitStatus::Code(0),
            ExitStatus::Code(0),
            ExitStatus::Code(2),
            killed,
        ])
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
                World::Alive { .. } if random.one_in(3) => Input::Died {
                    status: random.status(),
                },
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
        let context = format!(
            "{input:?} at {:?} -> {what:?}\n{:?}\n{:?}",
            self.now, self.machine, self.model
        );
        self.model.take_in(self.now, &input, &effects, &context);
        assert_eq!(self.machine.state(), self.model.state, "{context}");
        assert_eq!(self.machine.pid(), self.model.world.pid(), "{context}");
        assert_eq!(
            self.machine.ever_started(),
            self.model.spawned_at_least_once,
            "{context}"
        );
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

/// What there is of the process outside of the machine.
#[derive(Clone, Copy, Debug, PartialEq)]
enum World {
    Nothing,
    /// A spawn is asked for.
    Asked,
    Alive {
        pid: i32,
        since: Moment,
    },
    /// Reaped, its output not handled.
    Dead {
        pid: i32,
        since: Moment,
        at: Moment,
        status: ExitStatus,
    },
}

impl World {
    fn pid(self) -> Option<i32> {
        match self {
            Self::Nothing | Self::Asked => None,
            Self::Alive { pid, .. } | Self::Dead { pid, .. } => Some(pid),
        }
    }
}

#[derive(Debug)]
struct Model {
    policy: Policy,
    state: S,
    world: World,
    tries: u32,
    halted: bool,
    spawned_at_least_once: bool,
    /// When a process was spawned last.
    last_spawn: Option<Moment>,
    /// When BACKOFF was entered last.
    backoff_at: Moment,
    /// When the last stop signal or SIGKILL went out.
    killed_at: Moment,
    /// How the last process ended.
    last_status: Option<ExitStatus>,
    /// An EXITED that may be left without being asked: no stop came since.
    restart_wanted: bool,
    /// A stop that waits.
    stop_waits: bool,
    last_deadline: Option<Moment>,
    entered: Vec<S>,
}

impl Model {
    fn new(policy: Policy) -> Self {
        Self {
            policy,
            state: S::Stopped,
            world: World::Nothing,
            tries: 0,
            halted: false,
            spawned_at_least_once: false,
            last_spawn: None,
            backoff_at: Moment::default(),
            killed_at: Moment::default(),
            last_status: None,
            restart_wanted: false,
            stop_waits: false,
            last_deadline: None,
            entered: Vec::new(),
        }
    }

    fn take_in(&mut self, now: Moment, input: &Input, effects: &[Effect], context: &str) {
        let before = (self.state, self.world);
        self.halted |= *input == Input::Halted;
        let expected = self.foretell(input);
        self.change_world(now, input);
        let decisions = self.entered.len();
        for effect in effects {
            match effect {
                Effect::Publish(Event::StateChanged(change)) => {
                    self.enter(now, input, before.1, change, context)
                }
                Effect::Publish(Event::Noticed(notice)) => self.hear(notice, context),
                Effect::Publish(event) => panic!("{event:?} {context}"),
                Effect::Spawn => self.spawn(now, input, before, context),
                Effect::Signal {
                    pid,
                    group,
                    signal,
                    kill,
                } => {
                    self.signal(now, before.0, (*pid, *group, *signal, *kill), context);
                }
            }
        }
        let entered = self.entered[decisions..].to_vec();
        self.check_decision(before.1, &entered, context);
        self.check_stop_requests(input, before, effects, context);
        if let Some(state) = expected {
            assert_eq!(self.state, state, "{context}");
        }
        if effects.is_empty() {
            assert_eq!(self.state, before.0, "{context}");
        }
    }

    /// The state that must come of the input, in the cases that are plain.
    fn foretell(&self, input: &Input) -> Option<S> {
        match (self.state, self.world, input) {
            (
                S::Starting | S::Running,
                World::Alive { .. },
                Input::StopRequested | Input::ShutdownRequested,
            ) => Some(S::Stopping),
            (S::Backoff, _, Input::StopRequested) => Some(S::Stopped),
            (S::Backoff, _, Input::ShutdownRequested) => Some(S::Fatal),
            (S::Stopped | S::Exited | S::Fatal, _, Input::StartRequested) if !self.halted => {
                Some(S::Starting)
            }
            (S::Stopped, _, Input::Autostart)
                if self.policy.autostart && !self.halted && !self.spawned_at_least_once =>
            {
                Some(S::Starting)
            }
            (_, World::Asked, Input::Spawned { .. }) => {
                Some(if self.stop_waits { S::Stopping } else { S::Starting })
            }
            (state, _, Input::Autostart | Input::Halted | Input::Died { .. } | Input::SignalRequested(_)) => {
                Some(state)
            }
            (S::Stopping, World::Dead { .. }, Input::Drained) => Some(S::Stopped),
            (S::Unknown, World::Dead { .. }, Input::Drained) => Some(S::Exited),
            (S::Running, World::Dead { .. }, Input::Drained) => Some(S::Exited),
            _ => None,
        }
    }

    fn change_world(&mut self, now: Moment, input: &Input) {
        self.world = match (self.world, input) {
            (World::Asked, Input::Spawned { pid }) => World::Alive {
                pid: *pid,
                since: now,
            },
            (World::Asked, Input::SpawnFailed { .. }) => World::Nothing,
            (World::Alive { pid, since }, Input::Died { status }) => World::Dead {
                pid,
                since,
                at: now,
                status: *status,
            },
            (World::Dead { .. }, Input::Drained) => World::Nothing,
            (world, _) => world,
        };
        if let World::Alive { since, .. } = self.world {
            self.last_spawn = Some(since);
        }
        match input {
            Input::StopRequested | Input::ShutdownRequested => {
                self.restart_wanted = false;
                self.stop_waits |= matches!(self.world, World::Asked | World::Dead { .. });
            }
            Input::Halted => self.restart_wanted = false,
            _ => {}
        }
    }

    /// The grammar of state changes, D-301 to D-315, with their limits of time and their figures.
    fn enter(&mut self, now: Moment, input: &Input, before: World, change: &StateChange, context: &str) {
        assert_eq!(change.from, self.state, "{context}");
        let pid = before.pid().or(self.world.pid());
        let dead = match before {
            World::Dead {
                since, at, status, ..
            } => Some((at.since(since), status)),
            World::Nothing | World::Asked | World::Alive { .. } => None,
        };
        let startsecs = Duration::from_secs(self.policy.startsecs.max(0).unsigned_abs());
        match (change.from, change.entered) {
            (S::Stopped | S::Exited | S::Fatal | S::Backoff, Entered::Starting { tries }) => {
                assert_eq!((tries, self.world), (self.tries, World::Nothing), "{context}");
            }
            (S::Starting, Entered::Running { pid: told }) => {
                assert_eq!(Some(told), pid, "{context}");
                let age = dead.map_or_else(|| now.since(self.last_spawn.unwrap()), |(age, _)| age);
                let enough = age > startsecs || startsecs.is_zero() || (dead.is_some() && age == startsecs);
                assert!(enough, "{context}");
            }
            (S::Starting, Entered::Backoff { tries }) => {
                assert_eq!(tries, self.tries + 1, "{context}");
                assert!(dead.is_none_or(|(age, _)| age < startsecs), "{context}");
                assert!(
                    dead.is_some() || matches!(input, Input::SpawnFailed { .. }),
                    "{context}"
                );
                self.backoff_at = now;
            }
            (S::Starting | S::Running, Entered::Stopping { pid: told }) => {
                assert_eq!((Some(told), dead), (pid, None), "{context}");
            }
            (S::Running | S::Unknown, Entered::Exited { expected, pid: told }) => {
                let (_, status) = dead.unwrap();
                assert_eq!(Some(told), pid, "{context}");
                assert_eq!(
                    expected,
                    self.policy.exitcodes.contains(&status.code()),
                    "{context}"
                );
                self.restart_wanted =
                    change.from == S::Running && !self.halted && self.rule_restarts(expected);
                self.last_status = Some(status);
            }
            (S::Stopping, Entered::Stopped { pid: told }) => {
                assert!(dead.is_some(), "{context}");
                assert_eq!(Some(told), pid, "{context}");
            }
            (S::Backoff, Entered::Stopped { pid: 0 }) => {
                assert!(*input == Input::StopRequested || self.stop_waits, "{context}");
            }
            (S::Backoff, Entered::Fatal) => {
                let spent = i64::from(self.tries) > self.policy.startretries;
                let shutdown = *input == Input::ShutdownRequested || self.stop_waits;
                assert!(spent || shutdown, "{context}");
            }
            (S::Starting | S::Running | S::Stopping, Entered::Unknown) => {
                let failed = Input::SignalFailed {
                    kill: true,
                    error: SignalError::NoSuchProcess,
                };
                assert_eq!(
                    std::mem::discriminant(input),
                    std::mem::discriminant(&failed),
                    "{context}"
                );
            }
            (from, entered) => panic!("{from:?} to {entered:?}: {context}"),
        }
        self.state = change.entered.state();
        self.entered.push(self.state);
        self.tries = match change.entered {
            Entered::Backoff { tries } | Entered::Starting { tries } => tries,
            Entered::Stopping { .. } | Entered::Unknown => self.tries,
            Entered::Running { .. } | Entered::Exited { .. } | Entered::Stopped { .. } | Entered::Fatal => 0,
        };
    }

    fn rule_restarts(&self, expected: bool) -> bool {
        match self.policy.autorestart {
            RestartRule::Never => false,
            RestartRule::Unexpected => !expected,
            RestartRule::Always => true,
        }
    }

    /// E-042: a line comes after the state it tells of (but that of a failed spawn, which tells of none).
    fn hear(&self, notice: &Notice, context: &str) {
        let state = match notice {
            Notice::StayedUp(..) => Some(S::Running),
            Notice::Exited { .. } if self.state == S::Backoff => Some(S::Backoff),
            Notice::Exited { .. } => Some(S::Exited),
            Notice::Stopped { .. } => Some(S::Stopped),
            Notice::GaveUp(_) => Some(S::Fatal),
            Notice::Spawned(..) | Notice::SpawnFailed(_) => Some(S::Starting),
            Notice::StoppedInBackoff(_) => Some(S::Backoff),
            _ => None,
        };
        assert!(
            state.is_none_or(|state| state == self.state),
            "{notice:?} {context}"
        );
    }

    fn spawn(&mut self, now: Moment, input: &Input, before: (S, World), context: &str) {
        assert_eq!(
            (self.state, self.world),
            (S::Starting, World::Nothing),
            "{context}"
        );
        assert!(!self.halted, "{context}");
        match (before.0, input) {
            (S::Stopped, Input::Autostart) => assert!(!self.spawned_at_least_once, "{context}"),
            (S::Stopped | S::Exited | S::Fatal, Input::StartRequested) => {}
            (S::Backoff, Input::DeadlineReached) => {
                assert!(
                    now.since(self.backoff_at) > Duration::from_secs(self.tries.into()),
                    "{context}"
                );
                assert!(i64::from(self.tries) <= self.policy.startretries, "{context}");
            }
            (S::Exited, Input::DeadlineReached) => {
                assert!(self.restart_wanted, "{context}");
                assert!(
                    now.since(self.last_spawn.unwrap()) >= Duration::from_secs(1),
                    "{context}"
                );
            }
            (state, input) => panic!("spawn in {state:?} after {input:?}: {context}"),
        }
        self.spawned_at_least_once = true;
        self.stop_waits = false;
        self.world = World::Asked;
    }

    fn signal(&mut self, now: Moment, before: S, effect: (i32, bool, Signal, bool), context: &str) {
        let World::Alive { pid, .. } = self.world else {
            panic!("signal to nobody: {context}")
        };
        let policy = &self.policy;
        match effect {
            (to, false, Signal::HUP, false) => assert_eq!(to, pid, "{context}"),
            (to, group, Signal::KILL, true) => {
                assert_eq!(
                    (to, group, before),
                    (pid, policy.killasgroup, S::Stopping),
                    "{context}"
                );
                let wait = Duration::from_secs(policy.stopwaitsecs.max(0).unsigned_abs());
                assert!(now.since(self.killed_at) >= wait, "{context}");
                self.killed_at = now;
            }
            (to, group, signal, kill) => {
                let expected = (pid, policy.stopasgroup, policy.stopsignal, true);
                assert_eq!((to, group, signal, kill), expected, "{context}");
                assert_eq!(self.state, S::Stopping, "{context}");
                assert_ne!(before, S::Stopping, "{context}");
                self.killed_at = now;
            }
        }
    }

    /// A process' end is decided once, when its output is handled, and then only.
    fn check_decision(&mut self, before: World, entered: &[S], context: &str) {
        let decided = entered
            .iter()
            .filter(|state| matches!(state, S::Exited | S::Stopped | S::Backoff))
            .count();
        let drained = matches!(before, World::Dead { .. }) && self.world == World::Nothing;
        let failed = before == World::Asked && self.world == World::Nothing;
        if drained || failed {
            // A stop that waited may follow: BACKOFF, STOPPED.
            let stopped_after = self.stop_waits && entered.ends_with(&[S::Backoff, S::Stopped]);
            assert_eq!(decided, 1 + usize::from(stopped_after), "{context}");
            assert!(!self.stop_waits || self.state != S::Backoff, "{context}");
            self.restart_wanted &= !self.stop_waits;
        } else if before != World::Nothing {
            assert_eq!(decided, 0, "{context}");
        }
        if !matches!(self.world, World::Asked | World::Dead { .. }) {
            self.stop_waits = false;
        }
    }

    /// A process that is to stop gets its signal in the same step.
    fn check_stop_requests(&self, input: &Input, before: (S, World), effects: &[Effect], context: &str) {
        let stop = matches!(input, Input::StopRequested | Input::ShutdownRequested);
        let stoppable = matches!(before, (S::Starting | S::Running, World::Alive { .. }));
        if stop && stoppable {
            assert!(
                matches!(effects.last(), Some(Effect::Signal { kill: true, .. })),
                "{context}"
            );
        }
    }

    /// There is a deadline in all states that must not last, and in no other.
    fn check_deadline(&self, deadline: Option<Moment>, context: &str) {
        let wanted = match (self.state, self.world) {
            (_, World::Asked | World::Dead { .. }) => false,
            (S::Starting | S::Stopping, _) => true,
            (S::Backoff, _) => !self.halted,
            (S::Exited, _) => self.restart_wanted,
            (S::Stopped | S::Running | S::Fatal | S::Unknown, _) => false,
        };
        assert_eq!(deadline.is_some(), wanted, "{context}");
    }
}
