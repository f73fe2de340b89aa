//! What an observer can know of a process, and what it allows (test-only).

use std::time::Duration;

use crate::machine::effect::Effect;
use crate::machine::policy::{Policy, RestartRule};
use crate::machine::process::{Input, SignalError};
use crate::model::event::{Entered, Event, StateChange};
use crate::model::exit::ExitStatus;
use crate::model::notice::Notice;
use crate::model::signal::Signal;
use crate::model::state::ProcessState as S;
use crate::model::time::Moment;

/// What there is of the process outside of the machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum World {
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
    pub fn pid(self) -> Option<i32> {
        match self {
            Self::Nothing | Self::Asked => None,
            Self::Alive { pid, .. } | Self::Dead { pid, .. } => Some(pid),
        }
    }

    /// How long the process lived and how it ended, if that is not decided yet.
    fn death(self) -> Option<(Duration, ExitStatus)> {
        match self {
            Self::Dead { since, at, status, .. } => Some((at.since(since), status)),
            Self::Nothing | Self::Asked | Self::Alive { .. } => None,
        }
    }
}

/// What an observer knows.
#[derive(Debug)]
pub struct Model {
    policy: Policy,
    pub state: S,
    pub world: World,
    tries: u32,
    halted: bool,
    pub spawned_at_least_once: bool,
    /// When a process was spawned last.
    last_spawn: Option<Moment>,
    /// When BACKOFF was entered last.
    backoff_at: Moment,
    /// When the last stop signal or SIGKILL went out.
    killed_at: Moment,
    /// An EXITED that may be left without being asked: no stop came since.
    restart_wanted: bool,
    /// A stop that waits.
    stop_waits: bool,
    pub last_deadline: Option<Moment>,
    pub entered: Vec<S>,
}

impl Model {
    pub fn new(policy: Policy) -> Self {
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
            restart_wanted: false,
            stop_waits: false,
            last_deadline: None,
            entered: Vec::new(),
        }
    }

    pub fn take_in(&mut self, now: Moment, input: &Input, effects: &[Effect], context: &str) {
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
                Effect::Signal { pid, group, signal, kill } => {
                    self.signal(now, before.0, (*pid, *group, *signal, *kill), context);
                }
            }
        }
        let acts = effects.iter().position(|effect| !matches!(effect, Effect::Publish(_)));
        assert!(acts.is_none_or(|at| at + 1 == effects.len()), "{context}");
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
            (World::Asked, Input::Spawned { pid }) => World::Alive { pid: *pid, since: now },
            (World::Asked, Input::SpawnFailed { .. }) => World::Nothing,
            (World::Alive { pid, since }, Input::Died { status }) => {
                World::Dead { pid, since, at: now, status: *status }
            }
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

    fn enter(&mut self, now: Moment, input: &Input, before: World, change: &StateChange, context: &str) {
        assert_eq!(change.from, self.state, "{context}");
        assert!(self.allows(now, input, before, change.entered), "{context}");
        match change.entered {
            Entered::Starting { .. } | Entered::Stopping { .. } | Entered::Unknown => {}
            Entered::Backoff { tries } => {
                self.tries = tries;
                self.backoff_at = now;
            }
            Entered::Exited { expected, .. } => {
                self.tries = 0;
                self.restart_wanted =
                    self.state == S::Running && !self.halted && self.rule_restarts(expected);
            }
            Entered::Running { .. } | Entered::Stopped { .. } | Entered::Fatal => self.tries = 0,
        }
        self.state = change.entered.state();
        self.entered.push(self.state);
    }

    /// The grammar of state changes, D-301 to D-315, with their limits of time and their figures.
    fn allows(&self, now: Moment, input: &Input, before: World, entered: Entered) -> bool {
        let pid = before.pid().or(self.world.pid());
        let death = before.death();
        let startsecs = Duration::from_secs(self.policy.startsecs.max(0).unsigned_abs());
        match (self.state, entered) {
            (S::Stopped | S::Exited | S::Fatal | S::Backoff, Entered::Starting { tries, restart }) => {
                let by_itself = *input == Input::DeadlineReached;
                tries == self.tries && restart == by_itself && self.world == World::Nothing
            }
            (S::Starting, Entered::Running { pid: told }) => {
                let up = self.last_spawn.map(|since| now.since(since));
                let stayed_up = startsecs.is_zero() || up.is_some_and(|up| up > startsecs);
                Some(told) == pid && death.map_or(stayed_up, |(age, _)| age >= startsecs)
            }
            (S::Starting, Entered::Backoff { tries }) => {
                let failed = matches!(input, Input::SpawnFailed { .. });
                tries == self.tries + 1 && death.map_or(failed, |(age, _)| age < startsecs)
            }
            (S::Starting | S::Running, Entered::Stopping { pid: told }) => {
                Some(told) == pid && death.is_none()
            }
            (S::Running | S::Unknown, Entered::Exited { expected, pid: told }) => {
                let in_exitcodes = |status: ExitStatus| self.policy.exitcodes.contains(&status.code());
                Some(told) == pid && death.map(|(_, status)| in_exitcodes(status)) == Some(expected)
            }
            (S::Stopping, Entered::Stopped { pid: told }) => Some(told) == pid && death.is_some(),
            (S::Backoff, Entered::Stopped { pid }) => {
                pid == 0 && (*input == Input::StopRequested || self.stop_waits)
            }
            (S::Backoff, Entered::Fatal) => {
                let spent = i64::from(self.tries) > self.policy.startretries;
                spent || *input == Input::ShutdownRequested || self.stop_waits
            }
            (S::Starting | S::Running | S::Stopping, Entered::Unknown) => {
                matches!(input, Input::SignalFailed { error: SignalError::Other(_), .. })
            }
            (_, _) => false,
        }
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
            Notice::Spawned(..) | Notice::SpawnFailed(..) => Some(S::Starting),
            Notice::StoppedInBackoff(_) => Some(S::Backoff),
            _ => None,
        };
        assert!(state.is_none_or(|state| state == self.state), "{notice:?} {context}");
    }

    fn spawn(&mut self, now: Moment, input: &Input, before: (S, World), context: &str) {
        assert_eq!((self.state, self.world), (S::Starting, World::Nothing), "{context}");
        assert!(!self.halted, "{context}");
        match (before.0, input) {
            (S::Stopped, Input::Autostart) => assert!(!self.spawned_at_least_once, "{context}"),
            (S::Stopped | S::Exited | S::Fatal, Input::StartRequested) => {}
            (S::Backoff, Input::DeadlineReached) => {
                assert!(now.since(self.backoff_at) > Duration::from_secs(self.tries.into()), "{context}");
                assert!(i64::from(self.tries) <= self.policy.startretries, "{context}");
            }
            (S::Exited, Input::DeadlineReached) => {
                assert!(self.restart_wanted, "{context}");
                assert!(now.since(self.last_spawn.unwrap()) >= Duration::from_secs(1), "{context}");
            }
            (state, input) => panic!("spawn in {state:?} after {input:?}: {context}"),
        }
        self.spawned_at_least_once = true;
        self.stop_waits = false;
        self.world = World::Asked;
    }

    fn signal(&mut self, now: Moment, before: S, effect: (i32, bool, Signal, bool), context: &str) {
        let World::Alive { pid, .. } = self.world else { panic!("signal to nobody: {context}") };
        let policy = &self.policy;
        match effect {
            (to, false, Signal::HUP, false) => assert_eq!(to, pid, "{context}"),
            (to, group, Signal::KILL, true) => {
                assert_eq!((to, group, before), (pid, policy.killasgroup, S::Stopping), "{context}");
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
        let decided =
            entered.iter().filter(|state| matches!(state, S::Exited | S::Stopped | S::Backoff)).count();
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
            assert!(matches!(effects.last(), Some(Effect::Signal { kill: true, .. })), "{context}");
        }
    }

    /// There is a deadline in all states that must not last, and in no other.
    pub fn check_deadline(&self, deadline: Option<Moment>, context: &str) {
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
