//! Event listener pools within the daemon: each beside its group, served at the end of every pass.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_local};

use super::command::{ListenerProcess, PoolInfo};
use super::host::Host;
use super::supervisor::Supervisor;
use super::table::ProcessKey;
use crate::bus::{EventBus, ObserverId};
use crate::config::schema::GroupConfig;
use crate::logs::journal::Journal;
use crate::logs::workers::Workers;
use crate::model::event::Event;
use crate::model::notice::Notice;
use crate::model::pool_notice::PoolNotice;
use crate::model::time::{Moment, Now};
use crate::pool::{Outside, Pool};
use crate::sys::clock::Clock;

/// How long pools whose turn to stop has come may go on with what they have, all together (E-183).
const LINGER: Duration = Duration::from_secs(1);

/// What each has of it at the least: time to hear of the end of those before, though they took it all (E-184).
const LAST_WORD: Duration = Duration::from_millis(100);

/// A pool of the daemon.
pub(super) struct SeatedPool {
    group: Arc<str>,
    pool: Rc<Pool>,
    observer: ObserverId,
    /// Its listeners, in the pool's order.
    listeners: Vec<ProcessKey>,
    /// Goes on with it when listeners have answered.
    server: AbortHandle,
}

/// All pools, and the one that is let finish before it is stopped, with the moment at which its turn came.
#[derive(Default)]
pub(super) struct Pools {
    seated: Vec<SeatedPool>,
    lingering: Option<(Arc<str>, Moment)>,
    /// How long those before it have lingered.
    lingered: Duration,
}

/// The rest of the world, as pools see it.
struct Stage {
    bus: EventBus,
    journal: Rc<Journal>,
}

impl Outside for Stage {
    fn wants_details(&self) -> bool {
        self.journal.tells_details()
    }

    fn publish(&self, now: Now, notice: PoolNotice) {
        self.bus.publish(now, Event::Noticed(Notice::Pool(notice)));
    }

    fn print(&self, text: &[u8], to_stderr: bool) {
        self.journal.print(text, to_stderr);
    }
}

/// What serving a pool beside the loop needs.
pub(super) struct Desk {
    clock: Clock,
    journal: Rc<Journal>,
    workers: Workers,
    /// Rung for those who wait until a pool has its answers.
    bell: Arc<Notify>,
}

impl Desk {
    pub fn of(host: &Host) -> Self {
        Self {
            clock: host.clock,
            journal: Rc::clone(&host.journal),
            workers: host.channels.workers().clone(),
            bell: Arc::clone(&host.bell),
        }
    }

    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// A listener has answered. Where there are others, all that there is to read now is read before events
    /// go out: fewer listeners have to be woken then.
    pub fn answered(&self, pool: &Pool, now: Now) {
        if pool.has_one_listener() {
            self.go_on(pool, now);
        } else {
            pool.answered().notify_one();
        }
    }

    /// Hands out events.
    fn go_on(&self, pool: &Pool, now: Now) {
        pool.settle(now);
        self.journal.flush(&self.workers);
        if pool.is_awaited() {
            self.bell.notify_one();
        }
    }
}

/// Goes on when listeners have answered: the next event waits for nothing else.
async fn serve(pool: Rc<Pool>, desk: Desk) {
    loop {
        pool.answered().notified().await;
        desk.go_on(&pool, desk.now());
    }
}

impl Pools {
    /// How long the next one may linger.
    fn linger_allowance(&self) -> Duration {
        LINGER.saturating_sub(self.lingered).max(LAST_WORD)
    }
}

impl Supervisor {
    /// The pool of a group that is about to be added, if it is one; it hears of the group itself (E-050).
    pub(super) fn open_pool(&self, config: &GroupConfig) -> Option<(Rc<Pool>, ObserverId)> {
        let stage = Stage { bus: self.host.bus.clone(), journal: Rc::clone(&self.host.journal) };
        let pool = Pool::new(config, &self.host.settings.identifier, &self.host.serials, Rc::new(stage))?;
        let observer = self.host.bus.observe(Rc::clone(&pool) as Rc<_>);
        Some((pool, observer))
    }

    /// Its listeners are there.
    pub(super) fn seat_pool(
        &mut self,
        group: &Arc<str>,
        (pool, observer): (Rc<Pool>, ObserverId),
        listeners: Vec<ProcessKey>,
    ) {
        let group = Arc::clone(group);
        let server = spawn_local(serve(Rc::clone(&pool), Desk::of(&self.host))).abort_handle();
        self.pools.seated.push(SeatedPool { group, pool, observer, listeners, server });
    }

    /// Hands out events to listeners that can take them.
    pub(super) fn serve_pools(&mut self, now: Now) {
        for SeatedPool { pool, .. } in &self.pools.seated {
            pool.settle(now);
        }
    }

    /// A group is no more; if it was a pool, what that holds is lost (E-095).
    pub(super) fn close_pool(&mut self, now: Now, group: &str) {
        if let Some(at) = self.pools.seated.iter().position(|seated| *seated.group == *group) {
            let seated = self.pools.seated.remove(at);
            self.end_pool(now, seated);
        }
    }

    /// All groups are no more.
    pub(super) fn close_pools(&mut self, now: Now) {
        for seated in std::mem::take(&mut self.pools.seated) {
            self.end_pool(now, seated);
        }
    }

    fn end_pool(&self, now: Now, SeatedPool { pool, observer, server, .. }: SeatedPool) {
        server.abort();
        self.host.bus.dismiss(observer);
        pool.end(now);
    }

    /// Whether a group whose turn to stop has come may still go on, since its listeners have events to
    /// answer; to be asked again and again (E-183).
    pub(super) fn lingers(&mut self, now: Moment, group: &str) -> bool {
        let allowed = self.pools.linger_allowance();
        let since = match &self.pools.lingering {
            Some((name, since)) if **name == *group => *since,
            _ => now,
        };
        let seated = self.pools.seated.iter().find(|seated| *seated.group == *group);
        let serving = seated.filter(|seated| seated.pool.is_serving() && now < since + allowed);
        if let Some(seated) = serving {
            seated.pool.set_awaited();
        }
        let lingers = serving.is_some();
        if !lingers {
            self.pools.lingered += now - since;
        }
        self.pools.lingering = lingers.then(|| (group.into(), since));
        lingers
    }

    /// The group that lingered when it was last looked at.
    pub(super) fn linger_group(&self) -> Option<Arc<str>> {
        self.pools.lingering.as_ref().map(|(group, _)| Arc::clone(group))
    }

    /// When the group that lingers is to be looked at again.
    pub(super) fn linger_deadline(&self) -> Option<Moment> {
        self.pools.lingering.as_ref().map(|(_, since)| *since + self.pools.linger_allowance())
    }

    pub(super) fn list_pools(&self, now: Now) -> Vec<PoolInfo> {
        self.pools.seated.iter().map(|seated| self.describe_pool(now, seated)).collect()
    }

    fn describe_pool(&self, now: Now, seated: &SeatedPool) -> PoolInfo {
        let processes = seated.listeners.iter().filter_map(|key| self.processes.get(key));
        let processes = processes.map(|process| ListenerProcess {
            state: process.state(),
            pid: process.pid(),
            unsent: process.unsent(),
        });
        let pool = self.group(&seated.group).and_then(|group| group.config.pool.as_ref());
        let events = pool.map(|pool| pool.events.clone()).unwrap_or_default();
        PoolInfo { events, figures: seated.pool.figures(now.mono), processes: processes.collect() }
    }
}
