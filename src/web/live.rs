//! Tells the pages that are open how things are: states as they change, what processes use every five seconds.
//!
//! It hears of changes on the bus, asks the daemon for what changed, and posts that for all pages at once
//! (`http::events::Board`). Without a page nothing is asked and nothing is read. Files in /proc are a
//! worker's to read.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::figures::{Samples, Shown, Used};
use super::pools::Pool;
use super::site::Restarts;
use crate::bus::Observer;
use crate::daemon::command::{ProcessInfo, Refusal};
use crate::daemon::handle::{Gone, Handle};
use crate::http::events::Board;
use crate::logs::turns::Turns;
use crate::logs::workers::Workers;
use crate::model::event::{Event, EventKind, EventRecord};
use crate::model::interest::Interest;
use crate::model::name::ProcessName;
use crate::sys::clock::{self, Clock};
use crate::sys::proc;

/// Between two looks at what processes use.
const PERIOD: Duration = Duration::from_secs(5);
/// So long after a change others are gathered.
const GATHER: Duration = Duration::from_millis(50);
/// More changes than these are asked for by one question about everything.
const FEW: usize = 16;

/// What it asks.
pub struct Sources {
    /// The way into the daemon.
    pub daemon: Handle,
    /// Read /proc.
    pub workers: Workers,
    /// Counts restarts.
    pub restarts: Restarts,
    /// For the time between two looks.
    pub clock: Clock,
}

/// The one who tells; an observer of the bus.
pub struct Live {
    board: Rc<Board>,
    /// Whoever has changed since it was told.
    changed: RefCell<HashSet<ProcessName>>,
    bell: Notify,
    samples: RefCell<Samples>,
    /// When they were taken.
    sampled: Cell<Option<Instant>>,
}

/// What pages get.
#[derive(Serialize)]
struct Note {
    r#type: &'static str,
    /// In Unix seconds.
    now: i64,
    /// Those that differ from what was told last.
    processes: Vec<Shown>,
    /// The name specs of those that are there no more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gone: Vec<String>,
    /// All of them, at a look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pools: Option<Vec<Pool>>,
}

/// What a round is about.
struct Round {
    /// Everything is to be told, whether it has changed or not.
    everything: bool,
    /// It is time for a look at what processes use.
    look: bool,
}

impl Live {
    /// Nobody is told anything yet.
    pub fn new() -> Rc<Self> {
        Rc::new(Self {
            board: Rc::default(),
            changed: RefCell::default(),
            bell: Notify::new(),
            samples: RefCell::default(),
            sampled: Cell::new(None),
        })
    }

    /// Where pages read.
    pub fn board(&self) -> Rc<Board> {
        Rc::clone(&self.board)
    }

    /// What a process uses, if a page is open that has it told.
    pub(super) fn used(&self, process: &ProcessInfo) -> Used {
        self.samples.borrow().of(process)
    }

    /// Goes on until the daemon is gone. Must be called within a local runtime.
    pub async fn run(&self, sources: Sources) {
        let readers = Turns::new(sources.workers.clone(), 1);
        let mut told = HashMap::new();
        loop {
            let round = self.next_round().await;
            if round.everything {
                told.clear();
            }
            if self.tell(&round, &sources, &readers, &mut told).await.is_err() {
                return;
            }
        }
    }

    async fn next_round(&self) -> Round {
        if self.board.readers() == 0 {
            self.samples.borrow_mut().forget();
            self.sampled.set(None);
            self.changed.borrow_mut().clear();
            self.board.wanted().await;
        }
        let due = self.sampled.get().map_or_else(Instant::now, |at| at + PERIOD);
        tokio::select! {
            biased;
            () = self.board.wanted() => {}
            () = sleep_until(due) => {}
            () = self.bell.notified() => sleep(GATHER).await,
        }
        Round { everything: self.board.take_asked(), look: Instant::now() >= due }
    }

    async fn tell(
        &self,
        round: &Round,
        sources: &Sources,
        readers: &Turns,
        told: &mut HashMap<ProcessName, Shown>,
    ) -> Result<(), Gone> {
        let changed = std::mem::take(&mut *self.changed.borrow_mut());
        let whole = round.everything || round.look || changed.len() > FEW;
        let (processes, gone) = if whole { all(told, sources).await? } else { few(changed, sources).await };
        if round.look {
            self.look(&processes, sources, readers).await;
        }
        let pools = if whole { Some(sources.daemon.pools().await?) } else { None };
        gone.iter().for_each(|name| drop(told.remove(name)));
        let processes = self.news(&processes, &sources.restarts, told);
        let pools = pools.map(|pools| pools.iter().map(Pool::new).collect::<Vec<_>>());
        let note = Note {
            r#type: "STATUS",
            now: clock::wall().secs(),
            processes,
            gone: gone.iter().map(ProcessName::to_string).collect(),
            pools: pools.filter(|pools| !pools.is_empty()),
        };
        let told_of = note.processes.len() + note.gone.len();
        if round.everything || told_of > 0 || note.pools.is_some() {
            self.board.post(&note);
        }
        Ok(())
    }

    /// Has a worker read what these processes use.
    async fn look(&self, processes: &[ProcessInfo], sources: &Sources, readers: &Turns) {
        let running: Vec<_> =
            processes.iter().filter(|it| it.pid != 0).map(|it| (it.name.clone(), it.pid)).collect();
        let work = readers.work(move |_| {
            let used = |(name, pid)| proc::usage_of_child(pid).map(|usage| (name, usage));
            running.into_iter().filter_map(used).collect::<Vec<_>>()
        });
        let read = work.await.unwrap_or_default();
        self.samples.borrow_mut().renew(read, sources.clock.mono());
        self.sampled.set(Some(Instant::now()));
    }

    /// Those of them that differ from what was told.
    fn news(
        &self,
        processes: &[ProcessInfo],
        restarts: &Restarts,
        told: &mut HashMap<ProcessName, Shown>,
    ) -> Vec<Shown> {
        let samples = self.samples.borrow();
        let mut news = Vec::new();
        for process in processes {
            let shown = Shown::new(process, restarts(&process.name), samples.of(process));
            if told.get(&process.name) != Some(&shown) {
                told.insert(process.name.clone(), shown.clone());
                news.push(shown);
            }
        }
        news
    }
}

/// All processes, and those that are gone of the ones that were told.
async fn all(
    told: &HashMap<ProcessName, Shown>,
    sources: &Sources,
) -> Result<(Vec<ProcessInfo>, Vec<ProcessName>), Gone> {
    let processes = sources.daemon.processes().await?;
    let there: HashSet<_> = processes.iter().map(|process| &process.name).collect();
    let gone = told.keys().filter(|name| !there.contains(name)).cloned().collect();
    Ok((processes, gone))
}

/// These processes, and those of them that are gone meanwhile.
async fn few(changed: HashSet<ProcessName>, sources: &Sources) -> (Vec<ProcessInfo>, Vec<ProcessName>) {
    let (mut processes, mut gone) = (Vec::with_capacity(changed.len()), Vec::new());
    for name in changed {
        match sources.daemon.process(name.clone()).await {
            Ok(process) => processes.push(process),
            Err(Refusal::BadName) => gone.push(name),
            // It is not known how it is.
            Err(_) => {}
        }
    }
    (processes, gone)
}

impl Observer for Live {
    fn interest(&self) -> Interest {
        Interest::in_kinds([EventKind::ProcessState])
    }

    fn observe(&self, record: &Rc<EventRecord>) {
        let Event::StateChanged(change) = &record.event else { return };
        if self.board.readers() > 0 {
            self.changed.borrow_mut().insert(change.process.clone());
            self.bell.notify_one();
        }
    }
}
