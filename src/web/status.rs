//! The status page: all processes by group, with what can be done to them (C-340 to C-347).

use askama::Template;

use super::figures::Used;
use super::page::{Frame, encoded};
use crate::daemon::command::ProcessInfo;
use crate::model::state::ProcessState;

/// Everything the page shows.
#[derive(Template)]
#[template(path = "status.html")]
pub(super) struct StatusPage {
    pub frame: Frame,
    /// What became of the last action, or what else is to be told (C-358).
    pub message: Option<String>,
    /// What is searched for; empty: everything.
    pub search: String,
    pub groups: Vec<Group>,
    /// How many processes there are in each state, those that the search hides included.
    pub counts: Vec<(ProcessState, usize)>,
}

/// A group with the processes of it that are shown.
pub(super) struct Group {
    pub name: String,
    pub rows: Vec<Row>,
    /// Whether it has something of its own to show: it is more than one process of the same name.
    pub is_shown: bool,
}

/// A process.
pub(super) struct Row {
    pub info: ProcessInfo,
    /// The name spec (C-201).
    pub name: String,
    /// How often the daemon has restarted it by itself.
    pub restarts: u64,
    pub used: Used,
}

/// A button of a row: the action, and what is written on it.
pub(super) struct Button {
    pub action: &'static str,
    pub label: &'static str,
}

const START: Button = Button { action: "start", label: "Start" };
const STOP: Button = Button { action: "stop", label: "Stop" };
const RESTART: Button = Button { action: "restart", label: "Restart" };
const CLEAR: Button = Button { action: "clearlog", label: "Clear Log" };

impl StatusPage {
    /// The page for these processes, sorted by group and name.
    pub(super) fn new(frame: Frame, message: Option<String>, search: String, rows: Vec<Row>) -> Self {
        let counts =
            ProcessState::ALL.map(|state| (state, rows.iter().filter(|row| row.info.state == state).count()));
        let groups = grouped(rows, &search);
        Self { frame, message, search, groups, counts: counts.into() }
    }

    fn total(&self) -> usize {
        self.counts.iter().map(|(_, count)| count).sum()
    }
}

/// By group, in the order in which they come; only what the search finds.
fn grouped(rows: Vec<Row>, search: &str) -> Vec<Group> {
    let wanted = search.to_lowercase();
    let mut groups: Vec<Group> = Vec::new();
    let mut members = 0;
    for row in rows {
        let group = &**row.info.name.group();
        if groups.last().is_none_or(|last| last.name != group) {
            groups.push(Group { name: group.to_owned(), rows: Vec::new(), is_shown: false });
            members = 0;
        }
        let Some(last) = groups.last_mut() else { continue };
        members += 1;
        last.is_shown |= members > 1 || row.info.name.name() != group;
        if row.is_found(&wanted) {
            last.rows.push(row);
        }
    }
    groups.retain(|group| !group.rows.is_empty());
    groups
}

impl Row {
    pub(super) fn new(info: ProcessInfo, restarts: u64, used: Used) -> Self {
        Self { name: info.name.to_string(), info, restarts, used }
    }

    /// Whether a search, in lower case, finds it: by name, group or state.
    fn is_found(&self, wanted: &str) -> bool {
        let has = |text: &str| text.to_lowercase().contains(wanted);
        wanted.is_empty() || has(&self.name) || has(self.info.name.group()) || has(self.info.state.name())
    }

    /// The name spec as addresses have it.
    fn address(&self) -> String {
        encoded(&self.name)
    }

    /// C-342
    fn state(&self) -> String {
        self.info.state.name().to_lowercase()
    }

    fn class(&self) -> &'static str {
        class(self.info.state)
    }

    fn description(&self) -> String {
        self.info.description()
    }

    /// When it was started, in Unix seconds, if it is up.
    fn up_since(&self) -> Option<i64> {
        let running = self.info.state == ProcessState::Running;
        self.info.start.filter(|_| running).map(|start| start.secs())
    }

    fn buttons(&self) -> &'static [Button] {
        buttons(self.info.state)
    }
}

/// C-347
pub(super) const fn class(state: ProcessState) -> &'static str {
    match state {
        ProcessState::Running => "statusrunning",
        ProcessState::Fatal | ProcessState::Backoff => "statuserror",
        ProcessState::Stopped
        | ProcessState::Starting
        | ProcessState::Stopping
        | ProcessState::Exited
        | ProcessState::Unknown => "statusnominal",
    }
}

/// C-343
pub(super) const fn buttons(state: ProcessState) -> &'static [Button] {
    match state {
        ProcessState::Running => &[RESTART, STOP, CLEAR],
        ProcessState::Stopped | ProcessState::Exited | ProcessState::Fatal => &[START, CLEAR],
        ProcessState::Starting | ProcessState::Backoff | ProcessState::Stopping | ProcessState::Unknown => {
            &[CLEAR]
        }
    }
}
