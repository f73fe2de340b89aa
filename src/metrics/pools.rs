//! The families of event listener pools (M-051 to M-063).

use prometheus::Histogram;
use prometheus::core::Metric as _;
use prometheus::local::LocalHistogram;

use super::text::{Kind, Text, Value, label};
use super::traffic::histogram;
use crate::daemon::command::PoolInfo;
use crate::machine::pool::ListenerFigures;
use crate::model::state::ListenerState;

/// In seconds: a listener may answer at once, or work for minutes.
const BUCKETS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0];

/// Listeners by state, as M-058 names them.
const STATES: [&str; 5] = ["ACKNOWLEDGED", "READY", "BUSY", "UNKNOWN", "DOWN"];

/// A family: its name, and what it says.
type Family = (&'static str, &'static str);

/// How long the events of one pool took. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Durations {
    /// From the emission to the first hand-out.
    pub delivery: Histogram,
    /// From a hand-out to the answer.
    pub processing: Histogram,
}

impl Default for Durations {
    fn default() -> Self {
        let empty = || histogram("supervisor_event_pool_seconds", "Of one pool.", &BUCKETS);
        Self { delivery: empty(), processing: empty() }
    }
}

/// Measures them, on the one thread that decides.
pub(super) struct Stopwatch {
    durations: Durations,
    pub delivery: LocalHistogram,
    pub processing: LocalHistogram,
}

impl Default for Stopwatch {
    fn default() -> Self {
        let durations = Durations::default();
        let (delivery, processing) = (durations.delivery.local(), durations.processing.local());
        Self { durations, delivery, processing }
    }
}

impl Stopwatch {
    /// All that was measured so far.
    pub fn durations(&self) -> Durations {
        self.delivery.flush();
        self.processing.flush();
        self.durations.clone()
    }
}

/// One pool, with what all its lines begin with.
struct Row<'a> {
    labels: String,
    pool: &'a PoolInfo,
    durations: &'a Durations,
}

/// Writes all their families.
pub(super) fn write(pools: &[PoolInfo], durations: &[Durations], text: &mut Text<'_>) {
    let rows: Vec<_> = pools.iter().zip(durations).map(|(pool, durations)| row(pool, durations)).collect();
    counters(&rows, text);
    gauges(&rows, text);
    histograms(&rows, text);
}

fn row<'a>(pool: &'a PoolInfo, durations: &'a Durations) -> Row<'a> {
    Row { labels: label("pool", &pool.figures.name), pool, durations }
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
    let mut each = |(name, help): Family, of: fn(&Durations) -> &Histogram| {
        text.family(Kind::Histogram, name, help);
        for row in rows {
            text.histogram(&row.labels, of(row.durations).metric().get_histogram());
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
