//! What tells of the daemon to the outside: metrics, the event stream and what makes pages live. All hear of everything from the
//! first fact on, and outlive generations.

use std::rc::Rc;

use tokio_util::sync::CancellationToken;

use crate::bus::{EventBus, ObserverId};
use crate::config::schema::Config;
use crate::daemon::handle::Handle;
use crate::http::Budget;
use crate::http::events::{EventStream, Feed};
use crate::metrics::{Collector, Metrics, Sources, Traffic};
use crate::model::time::WallTime;
use crate::rpc;
use crate::web::{Live, Restarts};

/// Observers of the bus, and counters of what the servers are asked.
pub(super) struct Telemetry {
    bus: EventBus,
    collector: Rc<Collector>,
    /// The collector's.
    counting: ObserverId,
    traffic: Rc<Traffic>,
    feed: Rc<Feed>,
    live: Rc<Live>,
    started: WallTime,
}

impl Telemetry {
    /// Listens to the bus of a daemon that is started now.
    pub(super) fn new(bus: &EventBus, started: WallTime) -> Self {
        let (collector, feed, live) = (Collector::new(), Feed::new(started), Live::new());
        let counting = bus.observe(Rc::clone(&collector) as Rc<_>);
        bus.observe(Rc::clone(&feed) as Rc<_>);
        bus.observe(Rc::clone(&live) as Rc<_>);
        Self { bus: bus.clone(), collector, counting, traffic: Traffic::new(), feed, live, started }
    }

    /// A generation begins.
    pub(super) fn begin(&self, config: &Config) {
        self.collector.begin(&config.groups, config.supervisord.loglevel);
        self.bus.reconsider(self.counting);
        let namespaces = config.rpc_interfaces.iter().map(|interface| interface.name.as_str());
        self.traffic.expect(rpc::method_names(namespaces));
    }

    /// The counters of what the servers are asked.
    pub(super) fn traffic(&self) -> Rc<Traffic> {
        Rc::clone(&self.traffic)
    }

    /// `/metrics`
    pub(super) fn metrics(&self, daemon: Handle, config: &Config) -> Metrics {
        let sources = Sources {
            daemon,
            collector: Rc::clone(&self.collector),
            traffic: self.traffic(),
            bus: self.bus.clone(),
            feed: Rc::clone(&self.feed),
            started: self.started,
        };
        Metrics::new(sources, config.metrics.clone())
    }

    /// Tells how often a process was restarted.
    pub(super) fn restarts(&self) -> Restarts {
        let collector = Rc::clone(&self.collector);
        Rc::new(move |process| collector.restarts(process))
    }

    /// What tells open pages how things are.
    pub(super) fn live(&self) -> Rc<Live> {
        Rc::clone(&self.live)
    }

    /// The last events.
    pub(super) fn feed(&self) -> Rc<Feed> {
        Rc::clone(&self.feed)
    }

    /// `/events`
    pub(super) fn events(&self, budget: Budget, closing: CancellationToken) -> EventStream {
        EventStream::new(Rc::clone(&self.feed), self.live.board(), budget, closing)
    }
}
