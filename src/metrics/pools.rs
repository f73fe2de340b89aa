//! The families of event listener pools (M-051 to M-063).

use std::sync::Arc;
use std::time::Duration;

use super::text::{Kind, Text, Value, label};

/// A pool at one moment.
#[derive(Clone, Debug, Default)]
pub struct PoolFigures {
    /// Its name.
    pub name: Arc<str>,
    /// Events that entered the buffer for the first time.
    pub accepted: u64,
    /// Events handed to a listener, redeliveries included.
    pub delivered: u64,
    /// Answered OK.
    pub acknowledged: u64,
    /// Given back: another answer, a broken protocol, the listener's death.
    pub rejected: [u64; 3],
    /// Lost: to a full buffer, at the shutdown.
    pub dropped: [u64; 2],
    /// Buffered now.
    pub queue_length: u64,
    /// `buffer_size`.
    pub queue_capacity: u64,
    /// For how long the oldest of them has been there; zero if there is none.
    pub oldest_age: Duration,
    /// Listeners by state: ACKNOWLEDGED, READY, BUSY, UNKNOWN, DOWN.
    pub listeners: [u64; 5],
    /// Time that listeners spent BUSY, those still at it included.
    pub busy: Duration,
    /// Bytes that no stdin pipe has taken yet.
    pub unsent_bytes: u64,
}

const REJECTIONS: [&str; 3] = ["result", "protocol", "exit"];
const LOSSES: [&str; 2] = ["overflow", "shutdown"];
const STATES: [&str; 5] = ["ACKNOWLEDGED", "READY", "BUSY", "UNKNOWN", "DOWN"];

/// Writes all their families.
pub(super) fn write(pools: &[PoolFigures], text: &mut Text) {
    counters(pools, text);
    gauges(pools, text);
}

fn counters(pools: &[PoolFigures], text: &mut Text) {
    let mut each = |name, help, count: fn(&PoolFigures) -> Value| {
        self::each(pools, text, (Kind::Counter, name, help), count);
    };
    each("supervisor_event_pool_accepted_total", "Events that a pool took into its buffer.", |it| {
        it.accepted.into()
    });
    each(
        "supervisor_event_pool_delivered_total",
        "Events handed to a listener, redeliveries included.",
        |it| it.delivered.into(),
    );
    each("supervisor_event_pool_acknowledged_total", "Events that a listener answered with OK.", |it| {
        it.acknowledged.into()
    });
    each("supervisor_event_pool_busy_seconds_total", "Time that a pool's listeners were BUSY.", |it| {
        it.busy.as_secs_f64().into()
    });
    let rejected = (
        Kind::Counter,
        "supervisor_event_pool_rejected_total",
        "Events that a listener gave back: by its answer, by breaking the protocol, by its death.",
    );
    by(pools, text, rejected, "reason", REJECTIONS, |it| it.rejected);
    let dropped = (
        Kind::Counter,
        "supervisor_event_pool_dropped_total",
        "Events that no listener got: the buffer was full, or the daemon ended.",
    );
    by(pools, text, dropped, "reason", LOSSES, |it| it.dropped);
}

fn gauges(pools: &[PoolFigures], text: &mut Text) {
    let mut each = |name, help, value: fn(&PoolFigures) -> Value| {
        self::each(pools, text, (Kind::Gauge, name, help), value);
    };
    each("supervisor_event_pool_queue_length", "Events in a pool's buffer.", |it| it.queue_length.into());
    each("supervisor_event_pool_queue_capacity", "Events that a pool's buffer holds.", |it| {
        it.queue_capacity.into()
    });
    each(
        "supervisor_event_pool_oldest_event_age_seconds",
        "Age of the oldest event in a pool's buffer.",
        |it| it.oldest_age.as_secs_f64().into(),
    );
    each("supervisor_event_pool_unsent_bytes", "Bytes that no listener's stdin has taken yet.", |it| {
        it.unsent_bytes.into()
    });
    let listeners = (Kind::Gauge, "supervisor_event_pool_listeners", "Listeners of a pool by state.");
    by(pools, text, listeners, "state", STATES, |it| it.listeners);
}

fn each(
    pools: &[PoolFigures],
    text: &mut Text,
    (kind, name, help): (Kind, &'static str, &str),
    value: fn(&PoolFigures) -> Value,
) {
    text.family(kind, name, help);
    for pool in pools {
        text.sample(&label("pool", &pool.name), value(pool));
    }
}

fn by<const N: usize>(
    pools: &[PoolFigures],
    text: &mut Text,
    (kind, name, help): (Kind, &'static str, &str),
    more: &str,
    values: [&str; N],
    counts: fn(&PoolFigures) -> [u64; N],
) {
    text.family(kind, name, help);
    for pool in pools {
        for (value, count) in values.iter().zip(counts(pool)) {
            text.sample_with(&label("pool", &pool.name), &label(more, value), count);
        }
    }
}
