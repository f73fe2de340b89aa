//! The status page: all processes by group, with what can be done to them (C-340 to C-347).

use askama::Template;

use super::figures::Used;
use super::page::{Frame, encoded, rendered};
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

    /// Fields that forms carry along beside their own, as HTML.
    fn more_fields(&self) -> String {
        if self.search.is_empty() { String::new() } else { hidden("q", &self.search) }
    }

    fn links_details(&self) -> bool {
        true
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
    pub(super) fn address(&self) -> String {
        encoded(&self.name)
    }

    /// C-342
    pub(super) fn state(&self) -> String {
        self.info.state.name().to_lowercase()
    }

    pub(super) fn class(&self) -> &'static str {
        class(self.info.state)
    }

    pub(super) fn description(&self) -> String {
        self.info.description()
    }

    /// When it was started, in Unix seconds, if it is up.
    pub(super) fn up_since(&self) -> Option<i64> {
        let running = self.info.state == ProcessState::Running;
        self.info.start.filter(|_| running).map(|start| start.secs())
    }

    pub(super) fn buttons(&self) -> &'static [Button] {
        buttons(self.info.state)
    }
}

/// A hidden field of a form.
pub(super) fn hidden(name: &'static str, value: &str) -> String {
    #[derive(Template)]
    #[template(source = r#"<input type="hidden" name="{{ name }}" value="{{ value }}">"#, ext = "html")]
    struct Field<'a> {
        name: &'static str,
        value: &'a str,
    }
    rendered(&Field { name, value })
}

/// How a row looks in each state, for scripts: JSON, by the state's name.
pub(super) fn states() -> String {
    let look = |state: ProcessState| {
        let buttons: Vec<_> = buttons(state).iter().map(|it| [it.action, it.label]).collect();
        (state.name().to_owned(), serde_json::json!({ "class": class(state), "buttons": buttons }))
    };
    serde_json::Value::Object(ProcessState::ALL.into_iter().map(look).collect()).to_string()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::ProcessName;
    use crate::model::time::WallTime;

    fn row(group: &str, name: &str, state: ProcessState) -> Row {
        let at = |seconds: i64| Some(WallTime::from_nanos(seconds * 1_000_000_000));
        let info = ProcessInfo {
            name: ProcessName::new(group.into(), name),
            state,
            start: at(1000),
            stop: None,
            now: WallTime::from_nanos(1_060_000_000_000),
            spawnerr: "<spawn> & \"error\"".into(),
            exitstatus: 0,
            stdout_logfile: None,
            stderr_logfile: None,
            pid: 7,
        };
        Row::new(info, 3, Used { cpu: "1.0%".into(), memory: "5.0 MiB".into() })
    }

    fn page(message: Option<&str>, search: &str, rows: Vec<Row>) -> String {
        let frame = Frame { identifier: "it's <me>".into(), token: "T0KEN".into() };
        rendered(&StatusPage::new(frame, message.map(str::to_owned), search.to_owned(), rows))
    }

    /// The text of each button and link in the first row.
    fn controls(html: &str) -> Vec<String> {
        let row = html.split("<tr data-name").nth(1).unwrap().split("</tr>").next().unwrap();
        let actions = row.split("class=\"actions\"").nth(1).unwrap();
        let ends = ["</button>", "</a>"].into_iter().flat_map(|end| {
            actions
                .match_indices(end)
                .map(|(at, _)| (at, actions[..at].rsplit('>').next().unwrap().to_owned()))
        });
        let mut found: Vec<_> = ends.collect();
        found.sort();
        found.into_iter().map(|(_, text)| text).filter(|text| text != "Details").collect()
    }

    // C-343
    #[test]
    fn actions_by_state() {
        use ProcessState::*;
        let tails = ["Clear Log", "Tail -f Stdout", "Tail -f Stderr"];
        for state in ProcessState::ALL {
            let before: &[&str] = match state {
                Running => &["Restart", "Stop"],
                Stopped | Exited | Fatal => &["Start"],
                Starting | Backoff | Stopping | Unknown => &[],
            };
            let html = page(None, "", vec![row("g", "p", state)]);
            assert_eq!(controls(&html), [before, &tails[..]].concat(), "{state}");
        }
    }

    // C-342, C-344, C-347
    #[test]
    fn a_row() {
        let html = page(None, "", vec![row("g", "a+b", ProcessState::Running)]);
        for part in [
            "<tr data-name=\"g:a+b\" data-state=\"RUNNING\" data-start=\"1000\" data-pid=\"7\">",
            "<span class=\"statusrunning\">running</span>",
            "<td class=\"description\">pid 7, uptime 0:01:00</td>",
            "<a href=\"tail.html?processname=g%3Aa%2Bb\">g:a+b</a>",
            "<input type=\"hidden\" name=\"token\" value=\"T0KEN\"><input type=\"hidden\" name=\"processname\" value=\"g:a+b\">",
            "href=\"logtail/g%3Aa%2Bb\"",
            "href=\"logtail/g%3Aa%2Bb/stderr\"",
            "<td class=\"number restarts\">3</td>",
            "<td class=\"number cpu\">1.0%</td>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(
            page(None, "", vec![row("g", "p", ProcessState::Fatal)]).contains("class=\"statuserror\">fatal<")
        );
    }

    // C-359
    #[test]
    fn what_comes_from_outside_is_text() {
        let evil = "<script>alert(1)</script>\"'&";
        let html = page(Some(evil), evil, vec![row(evil, evil, ProcessState::Fatal)]);
        let own = "<script src=\"";
        assert_eq!(html.matches("<script").count(), html.matches(own).count());
        assert!(!html.contains("alert(1)</script>") && !html.contains("<spawn>") && !html.contains("<me>"));
        let escaped = "&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;";
        assert!(html.matches(escaped).count() > 10, "{html}");
        assert!(html.contains(&format!("name=\"q\" value=\"{escaped}\"")));
    }

    // C-341, C-342, C-358
    #[test]
    fn empty_pages_and_messages() {
        let empty = page(None, "", vec![]);
        assert!(empty.contains("No programs to manage") && !empty.contains("<table"));
        assert!(empty.contains("<title>Supervisor Status: it&#39;s &#60;me&#62;</title>"), "{empty}");
        assert!(!empty.contains("status_msg") && empty.contains(Frame::VERSION));
        assert!(page(Some("done"), "", vec![]).contains("class=\"status_msg\">done<"));
    }

    #[test]
    fn groups_and_searches() {
        let rows = || {
            vec![
                row("alone", "alone", ProcessState::Running),
                row("pair", "a", ProcessState::Running),
                row("pair", "pair", ProcessState::Fatal),
                row("two", "one", ProcessState::Stopped),
            ]
        };
        let shown = |search: &str| {
            let groups = grouped(rows(), search);
            groups.iter().map(|it| (it.name.clone(), it.rows.len(), it.is_shown)).collect::<Vec<_>>()
        };
        let all = [("alone".into(), 1, false), ("pair".into(), 2, true), ("two".into(), 1, true)];
        assert_eq!(shown(""), all);
        assert_eq!(shown("FATAL"), [("pair".into(), 1, true)]);
        assert_eq!(shown("pair:A"), [("pair".into(), 1, true)]);
        assert!(shown("nothing").is_empty());
        let html = page(None, "nothing", rows());
        assert!(html.contains("Nothing is found") && html.contains("<b>2</b> running"));
    }
}
