//! A machine, a clock and a scripted child, stepped without sleeping (test-only).

use std::collections::VecDeque;
use std::time::Duration;

use super::effect::Effect;
use super::policy::{Policy, RestartRule};
use super::process::{Input, ProcessMachine};
use crate::model::event::Event;
use crate::model::exit::ExitStatus;
use crate::model::name::ProcessName;
use crate::model::signal::Signal;
use crate::model::time::Moment;

/// What becomes of a start.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// It cannot be spawned.
    Fails(&'static str),
    /// It lives until it gets a signal that is meant to end it.
    Lives,
    /// It lives until SIGKILL.
    Ignores,
    /// It ends by itself after this many milliseconds.
    Ends(u64, ExitStatus),
    /// The spawn is not answered before the test does.
    Unanswered,
}

/// Steps a [`ProcessMachine`] and writes down what it asks for, with the time in milliseconds.
pub struct Kit {
    pub machine: ProcessMachine,
    now: Moment,
    script: VecDeque<Start>,
    child: Option<Child>,
    pids: i32,
    trace: Vec<String>,
}

struct Child {
    pid: i32,
    heeds_stop: bool,
    end: Option<(Moment, ExitStatus)>,
}

/// The reference's defaults.
pub fn policy() -> Policy {
    Policy {
        autostart: true,
        autorestart: RestartRule::Unexpected,
        startsecs: 1,
        startretries: 3,
        exitcodes: vec![0],
        stopsignal: Signal::TERM,
        stopwaitsecs: 10,
        stopasgroup: false,
        killasgroup: false,
    }
}

impl Kit {
    /// A new process `p` of group `g`, at time 0. Where the script ends, starts live.
    pub fn new(policy: Policy, script: &[Start]) -> Self {
        Self {
            machine: ProcessMachine::new(ProcessName::new("g".into(), "p"), policy),
            now: Moment::default(),
            script: script.iter().copied().collect(),
            child: None,
            pids: 0,
            trace: Vec::new(),
        }
    }

    /// The machine takes `input` in now, and what it asks for is done.
    pub fn give(&mut self, input: Input) -> &mut Self {
        let mut effects = Vec::new();
        self.machine.step(self.now, input, &mut effects);
        for effect in effects {
            self.perform(effect);
        }
        self
    }

    /// The process ends now, and its output is handled.
    pub fn end(&mut self, status: ExitStatus) -> &mut Self {
        self.child = None;
        self.give(Input::Died { status }).give(Input::Drained)
    }

    /// Lets this many milliseconds pass, with everything that is due meanwhile and now.
    pub fn pass(&mut self, millis: u64) -> &mut Self {
        let until = self.now + Duration::from_millis(millis);
        let mut at_once = 0;
        while let Some(next) = self.next_at().filter(|next| *next <= until) {
            at_once = if next <= self.now { at_once + 1 } else { 0 };
            assert!(at_once < 10, "busy loop: {:?} {:?}", self.machine, self.trace);
            self.now = self.now.max(next);
            match self.child.as_ref().and_then(|child| child.end) {
                Some((at, status)) if at <= self.now => self.end(status),
                _ => self.give(Input::DeadlineReached),
            };
        }
        self.now = until;
        self
    }

    /// What was asked for since the last look.
    pub fn trace(&mut self) -> Vec<String> {
        std::mem::take(&mut self.trace)
    }

    fn next_at(&self) -> Option<Moment> {
        let end = self.child.as_ref().and_then(|child| child.end).map(|(at, _)| at);
        [end, self.machine.deadline()].into_iter().flatten().min()
    }

    fn perform(&mut self, effect: Effect) {
        self.trace.push(format!("{} {}", self.now.as_nanos() / 1_000_000, describe(&effect)));
        match effect {
            Effect::Publish(_) => {}
            Effect::Spawn => self.spawn(),
            Effect::Signal { signal, kill, pid, .. } => self.signal(pid, signal, kill),
        }
    }

    fn spawn(&mut self) {
        assert!(self.child.is_none(), "two processes at once");
        match self.script.pop_front().unwrap_or(Start::Lives) {
            Start::Fails(error) => self.give(Input::SpawnFailed { error: error.into() }),
            Start::Lives => self.run(true, None),
            Start::Ignores => self.run(false, None),
            Start::Ends(after, status) => {
                self.run(true, Some((self.now + Duration::from_millis(after), status)))
            }
            Start::Unanswered => self,
        };
    }

    fn run(&mut self, heeds_stop: bool, end: Option<(Moment, ExitStatus)>) -> &mut Self {
        self.pids += 1;
        let pid = self.pids;
        self.child = Some(Child { pid, heeds_stop, end });
        self.give(Input::Spawned { pid })
    }

    fn signal(&mut self, pid: i32, signal: Signal, kill: bool) {
        if let Some(child) = self.child.as_mut().filter(|child| child.pid == pid)
            && kill
            && (child.heeds_stop || signal == Signal::KILL)
        {
            child.end = Some((self.now, ExitStatus::Signaled { signal, core: false }));
        }
    }
}

/// An effect in one line: `STARTING from STOPPED tries:0`, `INFO spawned: 'p' with pid 1`, `spawn`,
/// `kill 1 SIGTERM`, `signal 1 SIGHUP`.
pub fn describe(effect: &Effect) -> String {
    match effect {
        Effect::Publish(Event::StateChanged(change)) => {
            let payload =
                Event::StateChanged(change.clone()).payload(&mut String::new()).unwrap().to_string();
            let (_, rest) = payload.split_once("from_state:").unwrap();
            format!("{} from {rest}", change.entered.state())
        }
        Effect::Publish(Event::Noticed(notice)) => format!("{} {notice}", notice.level().code()),
        Effect::Publish(event) => panic!("not a machine's event: {event:?}"),
        Effect::Spawn => "spawn".to_owned(),
        Effect::Signal { pid, group, signal, kill } => {
            let verb = if *kill { "kill" } else { "signal" };
            let group = if *group { "group " } else { "" };
            format!("{verb} {group}{pid} {signal}")
        }
    }
}
