//! Event listener pools as pages show them.

use std::time::Duration;

use serde::Serialize;

use crate::daemon::command::{ListenerProcess, PoolInfo};
use crate::machine::pool::ListenerFigures;

/// A pool, as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Pool {
    pub name: String,
    /// What it subscribes to.
    #[serde(skip)]
    pub events: String,
    /// `2 of 10`.
    pub buffer: String,
    /// How long the oldest event is there: `1.5 s`.
    pub oldest: String,
    pub accepted: u64,
    pub acknowledged: u64,
    /// Answered with a failure.
    pub rejected: u64,
    /// Given back by a broken protocol or the end of a listener.
    pub returned: u64,
    /// Thrown out of a full buffer.
    pub dropped: u64,
    pub listeners: Vec<Listener>,
}

/// One of its listeners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Listener {
    /// The name spec.
    pub name: String,
    /// That of the process, in lower case.
    pub state: String,
    /// That in the protocol, in lower case.
    pub protocol: String,
    /// The event in hand: `event 7 for 1.5 s`.
    pub hand: String,
    pub delivered: u64,
    pub acknowledged: u64,
    /// How it last broke the protocol.
    pub error: String,
}

impl Pool {
    pub(super) fn new(PoolInfo { events, figures, processes }: &PoolInfo) -> Self {
        let counts = &figures.counts;
        let names: Vec<_> = events.iter().map(|kind| kind.name()).collect();
        Self {
            name: figures.name.to_string(),
            events: names.join(", "),
            buffer: format!("{} of {}", figures.queued, figures.capacity),
            oldest: if figures.queued == 0 { String::new() } else { seconds(figures.oldest) },
            accepted: counts.accepted,
            acknowledged: counts.acknowledged,
            rejected: counts.rejected,
            returned: counts.broken + counts.orphaned,
            dropped: counts.overflowed,
            listeners: figures.listeners.iter().zip(processes).map(|it| Listener::new(it.0, it.1)).collect(),
        }
    }
}

impl Listener {
    fn new(figures: &ListenerFigures, process: &ListenerProcess) -> Self {
        let hand = figures.in_hand.map(|(serial, held)| format!("event {serial} for {}", seconds(held)));
        let error =
            figures.last_error.as_ref().map(|(age, error)| format!("{error} ({} ago)", seconds(*age)));
        Self {
            name: figures.name.to_string(),
            state: process.state.name().to_lowercase(),
            protocol: figures.state.name().to_lowercase(),
            hand: hand.unwrap_or_default(),
            delivered: figures.counts.delivered,
            acknowledged: figures.counts.acknowledged,
            error: error.unwrap_or_default(),
        }
    }
}

fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::pool::{Counts, PoolFigures, Spans};
    use crate::model::event::EventKind;
    use crate::model::name::ProcessName;
    use crate::model::state::{ListenerState, ProcessState};

    #[test]
    fn a_pool_with_a_busy_listener() {
        let listener = ListenerFigures {
            name: ProcessName::new("p".into(), "l"),
            running: true,
            state: ListenerState::Busy,
            in_hand: Some((5, Duration::from_millis(1540))),
            counts: Counts { delivered: 7, acknowledged: 6, ..Counts::default() },
            last_error: Some((Duration::from_secs(60), "said <x>".into())),
        };
        let info = PoolInfo {
            events: vec![EventKind::Tick60, EventKind::ProcessState],
            figures: PoolFigures {
                name: "p".into(),
                capacity: 10,
                queued: 2,
                oldest: Duration::from_secs(2),
                counts: Counts { broken: 1, orphaned: 2, overflowed: 4, ..Counts::default() },
                delivery: Spans::default(),
                processing: Spans::default(),
                listeners: vec![listener],
            },
            processes: vec![ListenerProcess { state: ProcessState::Running, pid: 12, unsent: 3 }],
        };
        let pool = Pool::new(&info);
        assert_eq!((&*pool.buffer, &*pool.oldest, pool.returned, pool.dropped), ("2 of 10", "2.0 s", 3, 4));
        assert_eq!(pool.events, "TICK_60, PROCESS_STATE");
        let [listener] = &pool.listeners[..] else { panic!("{pool:?}") };
        assert_eq!((&*listener.hand, &*listener.error), ("event 5 for 1.5 s", "said <x> (60.0 s ago)"));
        assert_eq!((&*listener.name, &*listener.state, &*listener.protocol), ("p:l", "running", "busy"));
    }
}
