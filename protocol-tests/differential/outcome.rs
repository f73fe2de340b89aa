//! Runs a case with one supervisord and writes down, as lines, all that can be seen of it.
//!
//! What may differ between two runs of the same program is made equal: pids, times, the random part
//! of log names, the directory. Records of one process keep their order; between processes only the
//! order of first starts and the order in which groups stop are kept. Whether a process with
//! startsecs=0 that ends at once is seen RUNNING before is a race in the reference: such lines go.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde_json::Value as Json;

use super::corpus::Case;
use crate::harness::activity::{self, Record};
use crate::harness::daemon::{Daemon, Implementation, Launch};
use crate::harness::processes::MARK;
use crate::harness::rpc::Value;
use crate::harness::sandbox::Sandbox;

/// Files longer than this are compared by size only.
const SHOWN: u64 = 4096;

/// What became of a case: sections of lines.
#[derive(Debug)]
pub struct Outcome {
    sections: BTreeMap<String, Vec<String>>,
}

impl Outcome {
    /// Runs the case.
    pub fn of(implementation: Implementation, case: &Case) -> Self {
        let sandbox = Sandbox::new();
        let port = case.install(&sandbox);
        let mut run = Run { sandbox: &sandbox, port, sections: BTreeMap::new(), groups: BTreeMap::new() };
        let mut daemon = launch(implementation, case, &sandbox).start();
        let status = match daemon.come_up() {
            Some(status) => status,
            None => {
                run.settle(case, &daemon);
                run.describe_processes(&daemon);
                daemon.stop()
            }
        };
        run.add("exit status", format!("{:?}", status.code()));
        run.describe_streams(status.success());
        run.describe_log();
        run.describe_reports();
        run.describe_files(sandbox.dir());
        run.sections.entry("files".to_owned()).or_default().sort();
        Self { sections: run.sections }
    }

    /// The lines that differ; this is the reference's outcome.
    pub fn difference(&self, ours: &Self) -> Option<String> {
        let names: std::collections::BTreeSet<_> = self.sections.keys().chain(ours.sections.keys()).collect();
        let none = Vec::new();
        let differing = names.into_iter().filter_map(|name| {
            let theirs = self.sections.get(name).unwrap_or(&none);
            let ours = ours.sections.get(name).unwrap_or(&none);
            let is_alike = theirs == ours || name == "stderr" && is_said(theirs, ours);
            (!is_alike).then(|| section_difference(name, theirs, ours))
        });
        let text: String = differing.collect();
        (!text.is_empty()).then_some(text)
    }
}

/// Ours adds option, file and line to the texts of the reference.
fn is_said(theirs: &[String], ours: &[String]) -> bool {
    theirs.len() == ours.len() && theirs.iter().zip(ours).all(|(theirs, ours)| ours.contains(theirs.as_str()))
}

/// Without the lines both begin and end with.
fn section_difference(name: &str, theirs: &[String], ours: &[String]) -> String {
    let head = theirs.iter().zip(ours).take_while(|(a, b)| a == b).count();
    let (theirs, ours) = (&theirs[head..], &ours[head..]);
    let tail = theirs.iter().rev().zip(ours.iter().rev()).take_while(|(a, b)| a == b).count();
    let show = |sign: char, lines: &[String]| -> String {
        lines[..lines.len() - tail].iter().map(|line| format!("  {sign} {line}\n")).collect()
    };
    format!("{name}, after {head} equal lines:\n{}{}", show('-', theirs), show('+', ours))
}

fn launch<'s>(implementation: Implementation, case: &Case, sandbox: &'s Sandbox) -> Launch<'s> {
    let launch = Launch::of(implementation, sandbox).arg("-n").arg("-c").arg("supervisord.conf");
    let launch = case.args.iter().fold(launch, Launch::arg);
    case.env.iter().fold(launch, |launch, (name, value)| launch.env(name, value))
}

struct Run<'s> {
    sandbox: &'s Sandbox,
    port: u16,
    sections: BTreeMap<String, Vec<String>>,
    groups: BTreeMap<String, String>,
}

impl Run<'_> {
    fn add(&mut self, section: &str, line: String) {
        self.sections.entry(section.to_owned()).or_default().push(line);
    }

    fn settle(&self, case: &Case, daemon: &Daemon<'_>) {
        self.settle_once(case, daemon);
        for name in &case.then {
            let starts = daemon.count_log("supervisord started with pid");
            daemon.signal(name.parse().unwrap());
            match name.as_str() {
                "SIGHUP" => drop(daemon.wait_for_nth_log(starts + 1, "supervisord started with pid")),
                _ => drop(daemon.wait_for_log(&format!("received {name}"))),
            }
            self.settle_once(case, daemon);
        }
    }

    fn settle_once(&self, case: &Case, daemon: &Daemon<'_>) {
        for (index, text) in case.until.iter().enumerate() {
            let n = case.until[..=index].iter().filter(|it| *it == text).count();
            daemon.wait_for_nth_log(n, &self.sandbox.fill(text));
        }
        if !case.idle {
            daemon.until("all processes to settle", || daemon.processes().is_ok_and(|it| is_settled(&it)));
        }
    }

    fn describe_processes(&mut self, daemon: &Daemon<'_>) {
        for process in daemon.processes().unwrap_or_default() {
            let member = |name: &str| process.member(name).to_owned();
            self.groups.insert(member("name"), member("group"));
            let shown =
                ["group", "name", "statename", "spawnerr", "exitstatus", "stdout_logfile", "stderr_logfile"];
            let line: Vec<String> = shown.iter().map(|it| format!("{it}={}", member(it))).collect();
            let line = self.plain(&line.join(" "));
            self.add("processes", line);
        }
    }

    /// What the terminal shows beside the copy of the log (D-224).
    fn describe_streams(&mut self, taken: bool) {
        let out = self.sandbox.read("out");
        let lines: Vec<String> =
            out.lines().filter(|it| activity::record(it).is_none()).map(str::to_owned).collect();
        lines.iter().for_each(|line| self.add("stdout", self.plain(line)));
        if !taken {
            let errors = self.plain(&self.sandbox.read("err"));
            let first = errors.split("\nError: ").next().unwrap_or_default();
            self.add("stderr", first.split("\nFor help").next().unwrap_or_default().to_owned());
        }
    }

    fn describe_log(&mut self) {
        let log = self.sandbox.read("supervisord.log");
        let errors = self.plain(&self.sandbox.read("err"));
        let mut waited = false;
        for record in activity::records(&log) {
            let record = Record { text: self.plain(&record.text), ..record };
            let is_wait = record.text.starts_with("waiting for ");
            let is_race = record.text.contains("> than 0 seconds");
            // Ours leaves the reason of a failed start in the log, too.
            let is_reason = errors.contains(&format!("Error: {}\n", record.text));
            // The folders of these tests are open to all, which only ours warns of.
            let is_rights =
                record.text.contains("others can write it") || record.text.contains("others can read it");
            if !(is_race || is_reason || is_rights || is_wait && std::mem::replace(&mut waited, true)) {
                self.describe_record(&record);
            }
        }
    }

    fn describe_record(&mut self, record: &Record) {
        let owner = subject(&record.text).filter(|it| self.groups.contains_key(*it)).map(str::to_owned);
        let Some(owner) = owner else {
            return self.add(
                if record.text.starts_with("spawnerr") { "spawn errors" } else { "log" },
                record.line(),
            );
        };
        self.add(&format!("log of {owner}"), record.line());
        let is_first = !self.sections.get("start order").is_some_and(|it| it.contains(&owner));
        if record.text.starts_with("spawned: ") && is_first {
            self.add("start order", owner.clone());
        }
        if record.text.starts_with("stopped: ") {
            let group = self.groups[&owner].clone();
            let stops = self.sections.entry("stop order".to_owned()).or_default();
            if stops.last() != Some(&group) {
                stops.push(group);
            }
        }
    }

    fn describe_reports(&mut self) {
        for name in self.sandbox.list("report") {
            let text = self.plain(&self.sandbox.read(&format!("report/{name}")));
            let Ok(mut report) = serde_json::from_str::<Json>(&text) else {
                continue;
            };
            if let Some(environment) = report["environment"].as_object_mut() {
                environment.remove(MARK);
            }
            let text = serde_json::to_string_pretty(&report).unwrap_or_default();
            text.lines().for_each(|line| self.add(&format!("report {name}"), line.to_owned()));
        }
    }

    fn describe_files(&mut self, folder: &Path) {
        let mut entries: Vec<_> =
            fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.path()).collect();
        entries.sort();
        for path in entries {
            let Ok(facts) = fs::symlink_metadata(&path) else {
                continue;
            };
            let shown = self
                .plain(path.strip_prefix(self.sandbox.dir()).unwrap_or(&path).to_str().unwrap_or_default());
            if ["report", "out", "err", "supervisord.log", "supervisord.conf"].contains(&shown.as_str()) {
                continue;
            }
            let kind = facts.file_type();
            self.add("files", format!("{shown} {:o} uid {}", facts.permissions().mode(), facts.uid()));
            if kind.is_dir() {
                self.describe_files(&path);
            } else if kind.is_file() {
                self.describe_content(&shown, &path, facts.len());
            }
        }
    }

    fn describe_content(&mut self, shown: &str, path: &Path, length: u64) {
        if length > SHOWN || shown.ends_with(".pid") {
            return self.add("files", format!("{shown}: {length} bytes"));
        }
        let text = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        let text = self.plain(&text);
        text.lines().for_each(|line| self.add(&format!("content of {shown}"), line.to_owned()));
    }

    fn plain(&self, text: &str) -> String {
        let text = text.replace(self.sandbox.dir().to_str().unwrap_or_default(), "@DIR@");
        let text = text.replace(&self.port.to_string(), "@PORT@");
        let text = without_number_after(&text, "pid ");
        let text = without_number_after(&text, "' (");
        let text = without_number_after(&text, "fd ");
        without_log_letters(&without_angles(&text))
    }
}

/// Nothing is about to change by itself, something was started, and every child has come to its exec:
/// the reference loses a signal that comes before (D-349).
fn is_settled(processes: &[Value]) -> bool {
    let changing = |it: &Value| ["STARTING", "BACKOFF", "STOPPING"].contains(&it.member("statename"));
    let cmdline =
        |it: &Value| fs::read_to_string(format!("/proc/{}/cmdline", it.member("pid"))).unwrap_or_default();
    let forking = |it: &Value| cmdline(it).contains("supervisord.conf");
    !processes.iter().any(|it| changing(it) || forking(it))
        && processes.iter().any(|it| !["", "0"].contains(&it.member("start")))
}

/// The process a record speaks of.
fn subject(text: &str) -> Option<&str> {
    for start in ["spawned: '", "process '", "killing '", "'"] {
        if let Some(rest) = text.strip_prefix(start) {
            return rest.split('\'').next();
        }
    }
    let starts =
        ["success: ", "exited: ", "stopped: ", "gave up: ", "killing ", "sending ", "unable to signal "];
    starts.iter().find_map(|start| text.strip_prefix(start)?.split(' ').next())
}

fn without_number_after(text: &str, mark: &str) -> String {
    let mut parts = text.split(mark);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| {
        let rest = part.trim_start_matches(|it: char| it.is_ascii_digit());
        let number = if rest.len() == part.len() { "" } else { "N" };
        done + mark + number + rest
    })
}

/// `monitoring <...>` may hold anything (D-353).
fn without_angles(text: &str) -> String {
    match text.split_once("stopped monitoring <") {
        Some((head, _)) => format!("{head}stopped monitoring <>"),
        None => text.to_owned(),
    }
}

/// `---supervisor-a1b2c3d4.log`: the letters are random (D-420).
fn without_log_letters(text: &str) -> String {
    let mut parts = text.split("---");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| match part.split_once(".log") {
        Some((stem, rest)) if stem.len() > 9 && stem.is_ascii() => {
            format!("{done}---{}RANDOM00.log{rest}", &stem[..stem.len() - 8])
        }
        _ => format!("{done}---{part}"),
    })
}
