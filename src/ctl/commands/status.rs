//! status, and open, which shows it.

use serde::Serialize;

use super::super::faults::exit;
use super::super::render::{name_spec, split_spec};
use super::super::session::{Outcome, Session};
use crate::client::proxy::ProcessInfo;
use crate::model::state::ProcessState;

/// `status [--json] [all] [name...]` (C-440, C-441).
pub(super) async fn status(session: &mut Session, words: &[&str]) -> Outcome {
    let json = words.contains(&"--json");
    let names: Vec<&str> = words.iter().copied().filter(|word| *word != "--json").collect();
    if !session.is_up().await? {
        session.fail(exit::UNKNOWN);
        return Ok(());
    }
    let all = session.server()?.processes().await?;
    let Selection { shown, unknown } = select(&all, &names);
    if json {
        let report = Report::new(&session.settings.serverurl, &shown, &unknown);
        let text = serde_json::to_string(&report).expect("strings and numbers always become JSON");
        session.out.line(text);
    } else {
        for name in &unknown {
            session.out.line(match split_spec(name) {
                (group, None) => format!("{group}: ERROR (no such group)"),
                _ => format!("{name}: ERROR (no such process)"),
            });
        }
        session.out.statuses(&shown);
    }
    if !unknown.is_empty() {
        session.fail(exit::UNKNOWN);
    }
    if shown.iter().any(|info| is_stopped(info)) {
        session.fail(exit::SOME_STOPPED);
    }
    Ok(())
}

/// `open URL` (C-469).
pub(super) async fn open(session: &mut Session, url: &str) -> Outcome {
    if !url.starts_with("http:") && !url.starts_with("unix:") {
        session.refuse(exit::FAILURE, "ERROR: url must be http:// or unix://");
        return Ok(());
    }
    session.settings.serverurl = url.to_owned();
    session.disconnect();
    let before = session.status;
    let shown = status(session, &[]).await;
    session.status = before;
    shown
}

/// Whether nothing is left to stop (C-204).
fn is_stopped(info: &ProcessInfo) -> bool {
    ProcessState::ALL.iter().any(|state| i64::from(state.code()) == info.state && state.is_stopped())
}

/// What the names of a status command come to.
#[derive(Debug, PartialEq, Eq)]
struct Selection<'a> {
    shown: Vec<&'a ProcessInfo>,
    unknown: Vec<&'a str>,
}

fn select<'a>(all: &'a [ProcessInfo], names: &[&'a str]) -> Selection<'a> {
    let mut selection = Selection { shown: Vec::new(), unknown: Vec::new() };
    if names.is_empty() || names.contains(&"all") {
        selection.shown = all.iter().collect();
        return selection;
    }
    for spec in names {
        let (group, name) = split_spec(spec);
        let before = selection.shown.len();
        let matching = |info: &&ProcessInfo| info.group == group && name.is_none_or(|name| info.name == name);
        selection.shown.extend(all.iter().filter(matching));
        if selection.shown.len() == before {
            selection.unknown.push(spec);
        }
    }
    selection
}

/// What `--json` writes: docs/supervisorctl.md describes it, and it only ever grows.
#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: u32,
    serverurl: &'a str,
    processes: Vec<Row<'a>>,
    unknown: &'a [&'a str],
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    name: String,
    group: &'a str,
    process: &'a str,
    state: &'a str,
    statecode: i64,
    description: &'a str,
    pid: Option<i64>,
    uptime: Option<i64>,
    start: i64,
    stop: i64,
    now: i64,
    spawnerr: &'a str,
    exitstatus: i64,
    stdout_logfile: Option<&'a str>,
    stderr_logfile: Option<&'a str>,
}

impl<'a> Report<'a> {
    fn new(serverurl: &'a str, shown: &[&'a ProcessInfo], unknown: &'a [&'a str]) -> Self {
        Self { schema: 1, serverurl, processes: shown.iter().copied().map(Row::new).collect(), unknown }
    }
}

impl<'a> Row<'a> {
    fn new(info: &'a ProcessInfo) -> Self {
        let path = |path: &'a str| (!path.is_empty()).then_some(path);
        let runs = info.state == i64::from(ProcessState::Running.code());
        Self {
            name: name_spec(&info.group, &info.name),
            group: &info.group,
            process: &info.name,
            state: &info.statename,
            statecode: info.state,
            description: &info.description,
            pid: (info.pid != 0).then_some(info.pid),
            uptime: runs.then(|| info.now.saturating_sub(info.start).max(0)),
            start: info.start,
            stop: info.stop,
            now: info.now,
            spawnerr: &info.spawnerr,
            exitstatus: info.exitstatus,
            stdout_logfile: path(&info.stdout_logfile),
            stderr_logfile: path(&info.stderr_logfile),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(group: &str, name: &str) -> ProcessInfo {
        ProcessInfo { group: group.into(), name: name.into(), ..ProcessInfo::default() }
    }

    // C-441
    #[test]
    fn names_in_the_order_given() {
        let all = [info("a", "a"), info("g", "x"), info("g", "y")];
        let shown = |names: &[&str]| -> String {
            let selection = select(&all, names);
            let specs = selection.shown.iter().map(|it| name_spec(&it.group, &it.name));
            format!("{} / {}", specs.collect::<Vec<_>>().join(" "), names.len() - selection.unknown.len())
        };
        assert_eq!(shown(&[]), "a g:x g:y / 0");
        assert_eq!(shown(&["g:*", "a", "a"]), "g:x g:y a a / 3");
        assert_eq!(shown(&["nope", "all"]), "a g:x g:y / 2");
        assert_eq!(shown(&["x", "g", "h:*", "g:y"]), "g:y / 1");
    }

    #[test]
    fn the_schema() {
        let mut row = info("g", "p");
        (row.state, row.statename, row.pid, row.start, row.now) = (20, "RUNNING".into(), 7, 10, 15);
        let rows = [&row];
        let report = serde_json::to_value(Report::new("u", &rows, &["x"])).unwrap();
        assert_eq!((&report["schema"], &report["unknown"][0]), (&1.into(), &"x".into()));
        let process = &report["processes"][0];
        assert_eq!(
            (&process["name"], &process["pid"], &process["uptime"]),
            (&"g:p".into(), &7.into(), &5.into())
        );
        assert!(process["stdout_logfile"].is_null());
    }
}
