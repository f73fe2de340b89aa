//! The families of event listener pools (M-051 to M-063).

use std::time::Duration;

use prometheus::proto::{Bucket, Histogram};

use super::text::{Kind, Text, Value, label};
use crate::daemon::command::PoolInfo;
use crate::machine::pool::{ListenerFigures, PoolFigures, Spans};
use crate::model::state::ListenerState;

/// Listeners by state, as M-058 names them.
const STATES: [&str; 5] = ["ACKNOWLEDGED", "READY", "BUSY", "UNKNOWN", "DOWN"];

/// A family: its name, and what it says.
type Family = (&'static str, &'static str);

/// One pool, with what all its lines begin with.
struct Row<'a> {
    labels: String,
    pool: &'a PoolInfo,
}

/// Writes all their families.
pub(super) fn write(pools: &[PoolInfo], text: &mut Text<'_>) {
    let rows: Vec<_> = pools.iter().map(row).collect();
    counters(&rows, text);
    gauges(&rows, text);
    histograms(&rows, text);
}

fn row(pool: &PoolInfo) -> Row<'_> {
    Row { labels: label("pool", &pool.figures.name), pool }
}

/// M-051 to M-055, M-059
fn counters(rows: &[Row<'_>], text: &mut Text<'_>) {
    let mut each =
        |family, value: fn(&PoolInfo) -> Value| self::each(rows, text, Kind::Counter, family, value);
    let accepted = ("supervisor_event_pool_accepted_total", "Events that a pool took into its buffer.");
    each(accepted, |pool| pool.figures.counts.accepted.into());
    let delivered =
        ("supervisor_event_pool_delivered_total", "Events handed to a listener, redeliveries included.");
    each(delivered, |pool| pool.figures.counts.delivered.into());
    let acknowledged =
        ("supervisor_event_pool_acknowledged_total", "Events that a listener answered with OK.");
    each(acknowledged, |pool| pool.figures.counts.acknowledged.into());
    let busy =
        ("supervisor_event_pool_busy_seconds_total", "Time that a pool's listeners had events in hand.");
    each(busy, |pool| pool.figures.counts.busy.as_secs_f64().into());
    let rejected = (
        "supervisor_event_pool_rejected_total",
        "Events that a listener gave back: by its answer, by breaking the protocol, by its death.",
    );
    by(rows, text, Kind::Counter, rejected, "reason", |pool| {
        let counts = pool.figures.counts;
        vec![("result", counts.rejected), ("protocol", counts.broken), ("exit", counts.orphaned)]
    });
    let dropped = (
        "supervisor_event_pool_dropped_total",
        "Events that no listener has answered: the buffer was full, or the pool ended.",
    );
    by(rows, text, Kind::Counter, dropped, "reason", |pool| {
        // A pool that ends has no series any more: what it drops then is told by the log alone.
        vec![("overflow", pool.figures.counts.overflowed), ("shutdown", 0)]
    });
}

/// M-056 to M-058, M-062
fn gauges(rows: &[Row<'_>], text: &mut Text<'_>) {
    let mut each = |family, value: fn(&PoolInfo) -> Value| self::each(rows, text, Kind::Gauge, family, value);
    let length = ("supervisor_event_pool_queue_length", "Events in a pool's buffer.");
    each(length, |pool| (pool.figures.queued as u64).into());
    let capacity = ("supervisor_event_pool_queue_capacity", "Events that a pool's buffer is to hold.");
    each(capacity, |pool| (pool.figures.capacity as u64).into());
    let age =
        ("supervisor_event_pool_oldest_event_age_seconds", "Age of the oldest event in a pool's buffer.");
    each(age, |pool| pool.figures.oldest.as_secs_f64().into());
    let unsent = ("supervisor_event_pool_unsent_bytes", "Bytes that no listener's stdin has taken yet.");
    each(unsent, |pool| pool.processes.iter().map(|process| process.unsent as u64).sum::<u64>().into());
    let listeners = ("supervisor_event_pool_listeners", "Listeners of a pool by state.");
    by(rows, text, Kind::Gauge, listeners, "state", |pool| {
        let shown: Vec<_> = pool.figures.listeners.iter().map(state).collect();
        let count = |name| (name, shown.iter().filter(|it| **it == name).count() as u64);
        STATES.map(count).to_vec()
    });
}

/// Whoever has an event in hand is BUSY, also while its process is stopped: the sums of M-063 hold always.
fn state(listener: &ListenerFigures) -> &'static str {
    match listener.state {
        _ if listener.in_hand.is_some() => "BUSY",
        _ if !listener.running => "DOWN",
        ListenerState::Acknowledged => "ACKNOWLEDGED",
        ListenerState::Ready => "READY",
        ListenerState::Busy => "BUSY",
        ListenerState::Unknown => "UNKNOWN",
    }
}

/// M-060, M-061
fn histograms(rows: &[Row<'_>], text: &mut Text<'_>) {
    let mut each = |(name, help): Family, of: fn(&PoolFigures) -> &Spans| {
        text.family(Kind::Histogram, name, help);
        for row in rows {
            text.histogram(&row.labels, &histogram(of(&row.pool.figures)));
        }
    };
    let delivery = (
        "supervisor_event_pool_delivery_seconds",
        "Time from an event's emission until a listener got it first.",
    );
    each(delivery, |it| &it.delivery);
    let processing =
        ("supervisor_event_pool_processing_seconds", "Time from an event's hand-out until the answer.");
    each(processing, |it| &it.processing);
}

fn histogram(spans: &Spans) -> Histogram {
    let bucket = |(bound, count): (Duration, u64)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound.as_secs_f64());
        bucket.set_cumulative_count(count);
        bucket
    };
    let mut histogram = Histogram::default();
    histogram.set_bucket(spans.cumulative().map(bucket).collect());
    histogram.set_sample_count(spans.count());
    histogram.set_sample_sum(spans.sum().as_secs_f64());
    histogram
}

fn each(
    rows: &[Row<'_>],
    text: &mut Text<'_>,
    kind: Kind,
    (name, help): Family,
    value: fn(&PoolInfo) -> Value,
) {
    text.family(kind, name, help);
    for row in rows {
        text.sample(&row.labels, value(row.pool));
    }
}

fn by(
    rows: &[Row<'_>],
    text: &mut Text<'_>,
    kind: Kind,
    (name, help): Family,
    more: &str,
    counts: fn(&PoolInfo) -> Vec<(&'static str, u64)>,
) {
    text.family(kind, name, help);
    for row in rows {
        for (value, count) in counts(row.pool) {
            text.sample_with(&row.labels, &label(more, value), count);
        }
    }
}
