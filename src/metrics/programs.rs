//! The families that have a series for each process (M-030 to M-043, M-080, M-081).

use super::collector::{ChannelCounts, ProcessCounts};
use super::resources::{Readings, Tree};
use super::text::{Kind, Text, Value, label, write_label};
use crate::config::schema::MetricsConfig;
use crate::daemon::figures::ProcessFigures;
use crate::model::state::ProcessState;
use crate::model::time::WallTime;
use crate::sys::proc::Resources;

/// Usually enough for the labels of a process, in bytes.
const LABELS: usize = 64;

/// One process, with what all its lines begin with.
struct Row<'a> {
    labels: &'a str,
    figures: &'a ProcessFigures,
    counts: &'a ProcessCounts,
    resources: Option<Resources>,
    tree: Option<Tree>,
}

/// The labels that each process is told by, in one text.
pub(super) struct Labels {
    text: String,
    ends: Vec<usize>,
}

impl Labels {
    pub(super) fn new(figures: &[ProcessFigures]) -> Self {
        let mut text = String::with_capacity(figures.len() * LABELS);
        let mut write = |figures: &ProcessFigures| {
            write_label(&mut text, "group", figures.name.group());
            text.push(',');
            write_label(&mut text, "name", figures.name.name());
            text.len()
        };
        let ends = figures.iter().map(&mut write).collect();
        Self { text, ends }
    }

    fn of(&self, at: usize) -> &str {
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[begin..self.ends[at]]
    }
}

/// All processes.
pub(super) struct Rows<'a>(Vec<Row<'a>>);

impl<'a> Rows<'a> {
    /// Joins what was counted and what was read to what there is.
    pub(super) fn new(
        figures: &'a [ProcessFigures],
        labels: &'a Labels,
        counts: &'a [ProcessCounts],
        readings: &Readings,
    ) -> Self {
        let row = |(at, (figures, counts))| Row {
            labels: labels.of(at),
            figures,
            counts,
            resources: readings.processes.get(at).copied().flatten(),
            tree: readings.trees.get(at).copied().flatten(),
        };
        Self(figures.iter().zip(counts).enumerate().map(row).collect())
    }

    /// Writes all their families.
    pub(super) fn write(&self, wanted: &MetricsConfig, now: WallTime, text: &mut Text<'_>) {
        self.states(text);
        self.times(text);
        self.counters(text);
        self.logs(text);
        if wanted.process_resources {
            self.resources(text);
        }
        if wanted.process_tree {
            self.trees(text);
        }
        if wanted.node_supervisord {
            self.node_supervisord(text);
        }
        if wanted.supervisord_exporter {
            self.supervisord_exporter(now, text);
        }
    }

    /// One series for each process that has a value.
    fn each<V: Into<Value>>(
        &self,
        text: &mut Text<'_>,
        (kind, name, help): (Kind, &'static str, &str),
        value: impl Fn(&Row<'_>) -> Option<V>,
    ) {
        text.family(kind, name, help);
        for row in &self.0 {
            if let Some(value) = value(row) {
                text.sample(row.labels, value);
            }
        }
    }

    /// M-030, M-031, M-038
    fn states(&self, text: &mut Text<'_>) {
        let states = ProcessState::ALL.map(|state| (state, label("state", state.name())));
        text.family(
            Kind::Gauge,
            "supervisor_process_state",
            "1 for the state a process is in, 0 for the others.",
        );
        for row in &self.0 {
            for (state, label) in &states {
                text.sample_with(row.labels, label, row.figures.state == *state);
            }
        }
        let up = (Kind::Gauge, "supervisor_process_up", "Whether a process is RUNNING.");
        self.each(text, up, |row| Some(row.figures.state == ProcessState::Running));
        let tries = (
            Kind::Gauge,
            "supervisor_process_backoff_tries",
            "Starts of a process that failed in a row; 0 once it is up.",
        );
        self.each(text, tries, |row| Some(u64::from(row.figures.failures)));
    }

    /// M-032, M-033
    fn times(&self, text: &mut Text<'_>) {
        let start = (
            Kind::Gauge,
            "supervisor_process_start_time_seconds",
            "When a process was last started, in Unix seconds.",
        );
        self.each(text, start, |row| row.figures.start.map(WallTime::secs));
        let stop = (
            Kind::Gauge,
            "supervisor_process_stop_time_seconds",
            "When a process last ended, in Unix seconds.",
        );
        self.each(text, stop, |row| row.figures.stop.map(WallTime::secs));
        let status = (
            Kind::Gauge,
            "supervisor_process_exit_status",
            "Exit status of a process' last run; -1 after a death by a signal.",
        );
        self.each(text, status, |row| row.figures.exitstatus.map(i64::from));
    }

    /// M-034 to M-037
    fn counters(&self, text: &mut Text<'_>) {
        let starts = (Kind::Counter, "supervisor_process_starts_total", "Successful starts of a process.");
        self.each(text, starts, |row| Some(row.counts.starts));
        let restarts = (
            Kind::Counter,
            "supervisor_process_restarts_total",
            "Starts that the daemon made by itself, after an exit or a failed start.",
        );
        self.each(text, restarts, |row| Some(row.counts.restarts));
        let failures = (
            Kind::Counter,
            "supervisor_process_spawn_failures_total",
            "Starts of a process that could not be carried out.",
        );
        self.each(text, failures, |row| Some(row.counts.spawn_failures));
        text.family(Kind::Counter, "supervisor_process_exits_total", "Exits of a process that was RUNNING.");
        for row in &self.0 {
            text.sample_with(row.labels, "expected=\"true\"", row.counts.exits_expected);
            text.sample_with(row.labels, "expected=\"false\"", row.counts.exits_unexpected);
        }
    }

    /// M-039, M-040
    fn logs(&self, text: &mut Text<'_>) {
        let mut each = |name, help, count: fn(&ChannelCounts) -> u64| {
            text.family(Kind::Counter, name, help);
            for row in &self.0 {
                text.sample_with(row.labels, "channel=\"stdout\"", count(&row.counts.stdout));
                text.sample_with(row.labels, "channel=\"stderr\"", count(&row.counts.stderr));
            }
        };
        each("supervisor_process_log_bytes_total", "Bytes that a process has written.", |it| it.bytes);
        each("supervisor_process_log_lines_total", "Lines that a process has written.", |it| it.lines);
        each("supervisor_process_log_rotations_total", "Rotations of a process' log.", |it| it.rotations);
        each("supervisor_process_log_write_errors_total", "Writes that a process' log refused.", |it| {
            it.write_errors
        });
    }

    /// M-041, M-042
    fn resources(&self, text: &mut Text<'_>) {
        let cpu = (
            Kind::Counter,
            "supervisor_process_cpu_seconds_total",
            "User and system time of a process; starts anew with it.",
        );
        self.each(text, cpu, |row| row.resources.map(|it| it.usage.cpu_seconds));
        let mut each = |name, help, value: fn(&Resources) -> Option<u64>| {
            self.each(text, (Kind::Gauge, name, help), |row| row.resources.as_ref().and_then(value));
        };
        each("supervisor_process_resident_memory_bytes", "Resident memory of a process.", |it| {
            Some(it.usage.resident_memory)
        });
        each("supervisor_process_virtual_memory_bytes", "Address space of a process.", |it| {
            Some(it.virtual_memory)
        });
        each("supervisor_process_open_fds", "Open descriptors of a process.", |it| it.open_fds);
        each("supervisor_process_max_fds", "How many descriptors a process may open.", |it| it.max_fds);
        each("supervisor_process_threads", "Threads of a process.", |it| Some(it.threads));
    }

    /// M-043
    fn trees(&self, text: &mut Text<'_>) {
        let memory = (
            Kind::Gauge,
            "supervisor_process_tree_resident_memory_bytes",
            "Resident memory of a process and its descendants; shared pages count for each.",
        );
        self.each(text, memory, |row| row.tree.map(|tree| tree.resident_memory));
        let cpu = (
            Kind::Gauge,
            "supervisor_process_tree_cpu_seconds",
            "User and system time of a process and its living descendants.",
        );
        self.each(text, cpu, |row| row.tree.map(|tree| tree.cpu_seconds));
        let count =
            (Kind::Gauge, "supervisor_process_tree_processes", "A process and its descendants, counted.");
        self.each(text, count, |row| row.tree.map(|tree| tree.processes));
    }

    /// M-080: of the same meaning as in node_exporter, so that its alerts go on working.
    fn node_supervisord(&self, text: &mut Text<'_>) {
        let up = (Kind::Gauge, "node_supervisord_up", "1 if a process is STARTING, RUNNING or STOPPING.");
        self.each(text, up, |row| Some(row.figures.state.is_signallable()));
        let state = (Kind::Gauge, "node_supervisord_state", "Code of the state a process is in.");
        self.each(text, state, |row| Some(i64::from(row.figures.state.code())));
        let status = (Kind::Gauge, "node_supervisord_exit_status", "Exit status of a process' last run.");
        self.each(text, status, |row| Some(i64::from(row.figures.exitstatus.unwrap_or(0))));
        let start = (
            Kind::Gauge,
            "node_supervisord_start_time_seconds",
            "When a process that is up was started, in Unix seconds.",
        );
        self.each(text, start, |row| {
            row.figures.start.filter(|_| row.figures.state.is_signallable()).map(WallTime::secs)
        });
    }

    /// M-081
    fn supervisord_exporter(&self, now: WallTime, text: &mut Text<'_>) {
        text.family(Kind::Gauge, "supervisord_up", "1: supervisord answers.");
        text.sample("", 1_u64);
        text.family(Kind::Gauge, "supervisor_process_info", "1 if a process is RUNNING.");
        for Row { labels, figures, .. } in &self.0 {
            let status = figures.exitstatus.unwrap_or(0).to_string();
            let more = format!("{},{}", label("state", figures.state.name()), label("exit_status", &status));
            text.sample_with(labels, &more, figures.state == ProcessState::Running);
        }
        let uptime =
            (Kind::Gauge, "supervisor_process_uptime", "Seconds since a RUNNING process was started.");
        self.each(text, uptime, |Row { figures, .. }| {
            let running = figures.state == ProcessState::Running;
            let start = figures.start.filter(|_| running);
            Some(start.map_or(0, |start| (now.secs() - start.secs()).max(0)))
        });
    }
}
