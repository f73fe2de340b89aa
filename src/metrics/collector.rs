//! Counts what happens while it is published.
//!
//! An event costs a look-up and a few additions; memory is taken when a process is first heard of. Counters
//! live as long as their process is configured, over full reloads as well.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use prometheus::Histogram;

use super::traffic::histogram;
use crate::bus::Observer;
use crate::config::schema::GroupConfig;
use crate::model::event::{
    Channel, Entered, Event, EventKind, EventRecord, GroupChange, Output, StateChange,
};
use crate::model::exit::ExitStatus;
use crate::model::interest::Interest;
use crate::model::name::ProcessName;
use crate::model::notice::{Level, Notice};
use crate::model::signal::Signal;
use crate::model::time::{Moment, Now};

/// From the decision to start to the child, in seconds.
const START_BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Exit codes there are.
const CODES: usize = 256;
/// Signals there may be, by number.
const SIGNALS: usize = 129;

/// The levels of the activity log, as its configuration names them.
pub(super) const LEVELS: [(Level, &str); 7] = [
    (Level::Critical, "critical"),
    (Level::Error, "error"),
    (Level::Warn, "warn"),
    (Level::Info, "info"),
    (Level::Debug, "debug"),
    (Level::Trace, "trace"),
    (Level::Blather, "blather"),
];

/// What was counted of one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessCounts {
    /// Successful spawns (M-034).
    pub starts: u64,
    /// Those of them that were the daemon's own idea (M-035).
    pub restarts: u64,
    /// Spawns that failed (M-037).
    pub spawn_failures: u64,
    /// Expected exits (M-036).
    pub exits_expected: u64,
    /// The others.
    pub exits_unexpected: u64,
    /// stdout (M-039, M-040).
    pub stdout: ChannelCounts,
    /// stderr.
    pub stderr: ChannelCounts,
    /// When the start that is under way was decided, and whether it is a restart.
    starting: Option<(Moment, bool)>,
}

/// What was counted of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounts {
    /// Bytes that were read.
    pub bytes: u64,
    /// Line feeds among them.
    pub lines: u64,
    /// Rotations of the log.
    pub rotations: u64,
    /// Writes that the log refused.
    pub write_errors: u64,
}

/// What was counted of everything together.
#[derive(Clone, Debug)]
pub struct Totals {
    /// Events by kind (M-050).
    pub events: [u64; EventKind::COUNT],
    /// Lines of the activity log, in the order of `LEVELS` (M-024).
    pub messages: [u64; LEVELS.len()],
    /// Bytes of output that no log has got.
    pub dropped_bytes: u64,
    exit_codes: [u64; CODES],
    exit_signals: [u64; SIGNALS],
}

/// All that was counted so far.
struct Counts {
    totals: Totals,
    /// Of each process that was heard of.
    processes: HashMap<ProcessName, ProcessCounts>,
}

/// The observer.
pub struct Collector {
    counts: RefCell<Counts>,
    /// The least level that the activity log writes.
    level: Cell<Level>,
    start_durations: Histogram,
}

impl Collector {
    /// Nothing is counted yet.
    pub fn new() -> Rc<Self> {
        Rc::new(Self {
            counts: RefCell::new(Counts { totals: Totals::new(), processes: HashMap::new() }),
            level: Cell::new(Level::Info),
            start_durations: histogram(
                "supervisor_process_start_duration_seconds",
                "Time from the decision to start a process until it was spawned.",
                &START_BUCKETS,
            ),
        })
    }

    /// A generation begins: with these groups, and an activity log of this level. Processes that are not
    /// among them are forgotten.
    pub fn begin(&self, groups: &[Arc<GroupConfig>], level: Level) {
        self.level.set(level);
        let processes = groups.iter().flat_map(|group| &group.processes);
        let configured: HashSet<&ProcessName> = processes.map(|process| &process.name).collect();
        self.counts.borrow_mut().processes.retain(|name, _| configured.contains(name));
    }

    /// What was counted of everything together.
    pub fn totals(&self) -> Totals {
        self.counts.borrow().totals.clone()
    }

    /// What was counted of each of these processes, in their order.
    pub fn counts<'a>(&self, processes: impl Iterator<Item = &'a ProcessName>) -> Vec<ProcessCounts> {
        let counts = &self.counts.borrow().processes;
        processes.map(|name| counts.get(name).copied().unwrap_or_default()).collect()
    }

    /// How often the daemon has restarted a process by itself.
    pub fn restarts(&self, process: &ProcessName) -> u64 {
        self.counts.borrow().processes.get(process).map_or(0, |counts| counts.restarts)
    }

    /// The histogram of starts.
    pub(super) fn start_durations(&self) -> &Histogram {
        &self.start_durations
    }

    fn entered(&self, at: Now, change: &StateChange, process: &mut ProcessCounts) {
        match change.entered {
            Entered::Starting { restart, .. } => process.starting = Some((at.mono, restart)),
            Entered::Exited { expected: true, .. } => process.exits_expected += 1,
            Entered::Exited { expected: false, .. } => process.exits_unexpected += 1,
            Entered::Running { .. }
            | Entered::Backoff { .. }
            | Entered::Stopping { .. }
            | Entered::Stopped { .. }
            | Entered::Fatal
            | Entered::Unknown => {}
        }
    }

    fn spawned(&self, at: Now, process: &mut ProcessCounts) {
        process.starts += 1;
        if let Some((since, restart)) = process.starting.take() {
            process.restarts += u64::from(restart);
            self.start_durations.observe((at.mono - since).as_secs_f64());
        }
    }

    fn noticed(&self, at: Now, notice: &Notice, counts: &mut Counts) {
        let level = notice.level();
        if level >= self.level.get() {
            counts.totals.say(level);
        }
        match notice {
            Notice::Spawned(name, _) => self.spawned(at, counts.process(name)),
            Notice::SpawnFailed(name, _) => counts.process(name).spawn_failures += 1,
            Notice::Exited { status, .. } | Notice::Stopped { status, .. } => counts.totals.exited(*status),
            Notice::OutputDropped(_, _, bytes) => counts.totals.dropped_bytes += bytes,
            _ => {}
        }
    }
}

impl Observer for Collector {
    /// Details only where the activity log shows them: making them costs more than counting.
    fn interest(&self) -> Interest {
        if self.level.get() > Level::Debug { Interest::ALL.without(EventKind::Detail) } else { Interest::ALL }
    }

    fn observe(&self, record: &Rc<EventRecord>) {
        let counts = &mut *self.counts.borrow_mut();
        counts.totals.events[record.event.kind() as usize] += 1;
        match &record.event {
            Event::StateChanged(change) => self.entered(record.at, change, counts.process(&change.process)),
            Event::OutputRead(output) => counts.process(&output.process).read(output),
            Event::GroupChanged(GroupChange::Removed(group)) => counts.forget(group),
            Event::Noticed(notice) => self.noticed(record.at, notice, counts),
            Event::Communicated(_)
            | Event::RemotelyCommunicated(_)
            | Event::SupervisorChanged(_)
            | Event::Ticked(_)
            | Event::GroupChanged(GroupChange::Added(_)) => {}
        }
    }
}

impl Counts {
    fn process(&mut self, name: &ProcessName) -> &mut ProcessCounts {
        if !self.processes.contains_key(name) {
            self.processes.insert(name.clone(), ProcessCounts::default());
        }
        self.processes.get_mut(name).expect("it was put in if it was not there")
    }

    /// M-006: what is removed loses its series.
    fn forget(&mut self, group: &Arc<str>) {
        self.processes.retain(|name, _| name.group() != group);
    }
}

impl ProcessCounts {
    fn read(&mut self, output: &Output) {
        let channel = match output.channel {
            Channel::Stdout => &mut self.stdout,
            Channel::Stderr => &mut self.stderr,
        };
        channel.bytes += output.bytes;
        channel.lines += output.lines;
        channel.rotations += output.rotations;
        channel.write_errors += output.write_errors;
    }
}

impl Totals {
    fn new() -> Self {
        Self {
            events: [0; EventKind::COUNT],
            messages: [0; LEVELS.len()],
            dropped_bytes: 0,
            exit_codes: [0; CODES],
            exit_signals: [0; SIGNALS],
        }
    }

    fn say(&mut self, level: Level) {
        if let Some(at) = LEVELS.iter().position(|(known, _)| *known == level) {
            self.messages[at] += 1;
        }
    }

    fn exited(&mut self, status: ExitStatus) {
        let (counts, number) = match status {
            ExitStatus::Code(code) => (&mut self.exit_codes[..], code),
            ExitStatus::Signaled { signal, .. } => (&mut self.exit_signals[..], signal.number()),
        };
        if let Some(count) = usize::try_from(number).ok().and_then(|number| counts.get_mut(number)) {
            *count += 1;
        }
    }

    /// How processes ended, and how many of them: a code, or the name of a signal. Only what has happened.
    pub fn exits(&self) -> impl Iterator<Item = (String, u64)> {
        let codes = self.exit_codes.iter().enumerate().map(|(code, count)| (code.to_string(), *count));
        let signals = (0..)
            .zip(&self.exit_signals)
            .map(|(number, count)| (Signal::from_raw(number).to_string(), *count));
        codes.chain(signals).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::EventBus;
    use crate::model::event::SupervisorChange;
    use crate::model::state::ProcessState;

    struct Fixture {
        bus: EventBus,
        collector: Rc<Collector>,
        at: Now,
    }

    impl Fixture {
        fn new() -> Self {
            let (bus, collector) = (EventBus::new(), Collector::new());
            bus.observe(Rc::clone(&collector) as Rc<_>);
            Self { bus, collector, at: Now::default() }
        }

        fn publish(&self, event: Event) {
            self.bus.publish(self.at, event);
        }

        fn notice(&self, notice: Notice) {
            self.publish(Event::Noticed(notice));
        }

        fn enter(&self, group: &str, entered: Entered) {
            let (process, from) = (name(group), ProcessState::Starting);
            self.publish(Event::StateChanged(StateChange { process, from, entered }));
        }

        fn of(&self, group: &str) -> ProcessCounts {
            self.collector.counts([&name(group)].into_iter())[0]
        }
    }

    fn name(group: &str) -> ProcessName {
        ProcessName::new(group.into(), "p")
    }

    // M-034, M-035, M-037: a restart counts when it has led to a child.
    #[test]
    fn starts() {
        let mut fixture = Fixture::new();
        for (restart, spawned) in [(false, true), (true, false), (true, true)] {
            fixture.enter("g", Entered::Starting { tries: 0, restart });
            fixture.at.mono = fixture.at.mono + std::time::Duration::from_millis(2);
            fixture.notice(match spawned {
                true => Notice::Spawned(name("g"), 7),
                false => Notice::SpawnFailed(name("g"), "x".into()),
            });
        }
        let counts = fixture.of("g");
        assert_eq!((counts.starts, counts.restarts, counts.spawn_failures), (2, 1, 1));
        let durations = fixture.collector.start_durations();
        assert_eq!(durations.get_sample_count(), 2);
        assert!((durations.get_sample_sum() - 0.004).abs() < 1e-9);
    }

    // M-006
    #[test]
    fn what_is_removed_is_forgotten() {
        let fixture = Fixture::new();
        for group in ["a", "b"] {
            fixture.notice(Notice::Spawned(name(group), 7));
        }
        fixture.publish(Event::GroupChanged(GroupChange::Removed("a".into())));
        assert_eq!((fixture.of("a").starts, fixture.of("b").starts), (0, 1));
        fixture.collector.begin(&[], Level::Info);
        assert_eq!(fixture.of("b").starts, 0);
    }

    // M-024, M-050
    #[test]
    fn totals() {
        let fixture = Fixture::new();
        fixture.collector.begin(&[], Level::Warn);
        for level in [Level::Info, Level::Warn, Level::Critical] {
            fixture.notice(Notice::Message(level, "x".into()));
        }
        fixture.notice(Notice::OutputDropped(name("g"), Channel::Stdout, 5));
        fixture.publish(Event::SupervisorChanged(SupervisorChange::Running));
        let exited = |status| Notice::Exited { process: name("g"), status, expected: true };
        fixture.notice(exited(ExitStatus::Code(3)));
        fixture.notice(exited(ExitStatus::Signaled { signal: Signal::SEGV, core: true }));
        fixture.notice(exited(ExitStatus::Code(-1)));
        let totals = fixture.collector.totals();
        assert_eq!(totals.messages, [1, 0, 2, 0, 0, 0, 0]);
        assert_eq!(totals.dropped_bytes, 5);
        assert_eq!(totals.events[EventKind::SupervisorStateChangeRunning as usize], 1);
        let exits: Vec<_> = totals.exits().collect();
        assert_eq!(exits, [("3".to_owned(), 1), ("SIGSEGV".to_owned(), 1)]);
    }

    // M-036
    #[test]
    fn exits() {
        let fixture = Fixture::new();
        for expected in [true, false, false] {
            fixture.enter("g", Entered::Exited { expected, pid: 7 });
        }
        assert_eq!((fixture.of("g").exits_expected, fixture.of("g").exits_unexpected), (1, 2));
    }
}
