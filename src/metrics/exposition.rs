//! All families of a scrape, in their order.

use prometheus::proto::MetricFamily;

use super::collector::{LEVELS, ProcessCounts, Totals};
use super::pools;
use super::programs::{Labels, Rows};
use super::resources::Readings;
use super::text::{Format, Kind, Leave, Text, label};
use crate::config::schema::MetricsConfig;
use crate::daemon::figures::Figures;
use crate::model::event::EventKind;
use crate::model::state::{ProcessState, SupervisorState};
use crate::model::time::WallTime;
use crate::sys::proc::Resources;

/// What a line of each process takes, about; and everything else.
const PER_PROCESS: usize = 3600;
const BASE: usize = 64 * 1024;

/// The states of the daemon; the last is one that it never has (C-205).
const STATES: [&str; 4] = ["RUNNING", "RESTARTING", "SHUTDOWN", "FATAL"];

/// All that a scrape is made of, copied by the thread that decides.
pub(super) struct Scrape {
    pub figures: Figures,
    pub totals: Totals,
    /// Of each process, in the order of the figures.
    pub counts: Vec<ProcessCounts>,
    pub bus: BusFigures,
    /// What the `prometheus` crate counts.
    pub gathered: Vec<MetricFamily>,
    pub now: WallTime,
    /// When the daemon was started.
    pub started: WallTime,
}

/// The bus and who reads it.
#[derive(Clone, Debug, Default)]
pub struct BusFigures {
    /// Facts published, those for the activity log alone included.
    pub published: u64,
    /// Readers with a place of their own, by what they are for, and how many events they have lost.
    pub subscriptions: Vec<(&'static str, u64, u64)>,
}

/// How long the text will be, at most but for unusual names, in bytes.
pub(super) fn estimate(scrape: &Scrape) -> usize {
    BASE + PER_PROCESS * scrape.figures.processes.len()
}

/// The whole text, in pieces, the first of which is given. Reads /proc, so it takes its time.
pub(super) fn render<'a>(
    scrape: &Scrape,
    wanted: &MetricsConfig,
    format: Format,
    first: Vec<u8>,
    leave: &'a mut Leave<'a>,
) {
    let readings = Readings::take(&scrape.figures.processes, wanted);
    let processes = &scrape.figures.processes;
    let mut text = Text::new(format, first, leave);
    daemon(scrape, &mut text);
    process(readings.own, scrape.started, &mut text);
    totals(&scrape.totals, &mut text);
    bus(&scrape.bus, &mut text);
    for family in &scrape.gathered {
        text.gathered(family);
    }
    pools::write(&scrape.figures.pools, &mut text);
    let labels = Labels::new(processes);
    Rows::new(processes, &labels, &scrape.counts, &readings).write(wanted, scrape.now, &mut text);
    text.finish();
}

/// M-020 to M-023
fn daemon(scrape: &Scrape, text: &mut Text<'_>) {
    let Figures { state, config, processes, .. } = &scrape.figures;
    text.family(Kind::Gauge, "supervisor_build_info", "1; the version is in the label.");
    text.sample(&label("version", env!("CARGO_PKG_VERSION")), 1_u64);
    text.family(Kind::Gauge, "supervisor_state", "1 for the state the daemon is in, 0 for the others.");
    for name in STATES {
        text.sample(&label("state", name), SupervisorState::name(*state) == name);
    }
    text.family(
        Kind::Gauge,
        "supervisor_config_last_reload_successful",
        "Whether the configuration was good when it was last read.",
    );
    text.sample("", config.successful);
    text.family(
        Kind::Gauge,
        "supervisor_config_last_reload_success_timestamp_seconds",
        "When the configuration was last read and good, in Unix seconds.",
    );
    text.sample("", config.last_success.secs());
    text.family(Kind::Gauge, "supervisor_processes", "Processes by state.");
    for state in ProcessState::ALL {
        let count = processes.iter().filter(|process| process.state == state).count() as u64;
        text.sample(&label("state", state.name()), count);
    }
}

/// M-025
fn process(own: Option<Resources>, started: WallTime, text: &mut Text<'_>) {
    text.family(Kind::Gauge, "process_start_time_seconds", "When the daemon was started, in Unix seconds.");
    text.sample("", (started.as_nanos() / 10_000_000) as f64 / 100.0);
    let Some(own) = own else { return };
    text.family(Kind::Counter, "process_cpu_seconds_total", "User and system time of the daemon.");
    text.sample("", own.usage.cpu_seconds);
    let gauges = [
        ("process_resident_memory_bytes", "Resident memory of the daemon.", Some(own.usage.resident_memory)),
        ("process_virtual_memory_bytes", "Address space of the daemon.", Some(own.virtual_memory)),
        ("process_open_fds", "Open descriptors of the daemon.", own.open_fds),
        ("process_max_fds", "How many descriptors the daemon may open.", own.max_fds),
    ];
    for (name, help, value) in gauges {
        if let Some(value) = value {
            text.family(Kind::Gauge, name, help);
            text.sample("", value);
        }
    }
}

/// M-024, M-050
fn totals(totals: &Totals, text: &mut Text<'_>) {
    text.family(Kind::Counter, "supervisor_log_messages_total", "Lines of the daemon's log by level.");
    for ((_, name), count) in LEVELS.iter().zip(totals.messages) {
        text.sample(&label("level", name), count);
    }
    text.family(
        Kind::Counter,
        "supervisor_log_dropped_bytes_total",
        "Bytes of output that did not get into the log they were for.",
    );
    text.sample("", totals.dropped_bytes);
    text.family(Kind::Counter, "supervisor_events_total", "Events by type, heard by anybody or not.");
    for kind in EventKind::all().filter(|kind| !kind.is_abstract()) {
        text.sample(&label("type", kind.name()), totals.events[kind as usize]);
    }
    text.family(
        Kind::Counter,
        "supervisor_exits_by_status_total",
        "Ends of processes by exit code, or by the signal that ended them.",
    );
    for (status, count) in totals.exits() {
        text.sample(&label("status", &status), count);
    }
}

fn bus(bus: &BusFigures, text: &mut Text<'_>) {
    text.family(
        Kind::Counter,
        "supervisor_bus_events_total",
        "Facts published on the bus, those for the log alone included.",
    );
    text.sample("", bus.published);
    text.family(Kind::Gauge, "supervisor_bus_subscriptions", "Readers of the bus that may be slow.");
    for (purpose, count, _) in &bus.subscriptions {
        text.sample(&label("subscription", purpose), *count);
    }
    text.family(
        Kind::Counter,
        "supervisor_bus_lost_events_total",
        "Events that readers of the bus missed because they were slow.",
    );
    for (purpose, _, lost) in &bus.subscriptions {
        text.sample(&label("subscription", purpose), *lost);
    }
}
