//! Whether configurations are taken: the reference is asked in one go, ours is started on each.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use serde_json::{Value, json};

use super::corpus::Case;
use super::for_each;
use crate::harness::daemon::{Daemon, Implementation, Launch, environment};
use crate::harness::reference;
use crate::harness::sandbox::Sandbox;

/// Judges all cases by both, and fails with all differences.
pub fn compare(cases: Vec<Case>) {
    let sandboxes: Vec<Sandbox> = cases.iter().map(|_| Sandbox::new()).collect();
    cases.iter().zip(&sandboxes).for_each(|(case, sandbox)| {
        let _port = case.install(sandbox);
    });
    let verdicts = ask_reference(&cases, &sandboxes);
    let place = |case: &Case| cases.iter().position(|it| it.name == case.name).expect("names are unique");
    let differences = for_each(cases.clone(), |case| {
        let index = place(case);
        difference(case, &sandboxes[index], &verdicts[index])
    });
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}

fn arguments(case: &Case, sandbox: &Sandbox) -> Vec<String> {
    let usual = ["-n", "-c", "supervisord.conf"].map(str::to_owned);
    usual.into_iter().chain(case.args.iter().map(|it| sandbox.fill(it))).collect()
}

fn ask_reference(cases: &[Case], sandboxes: &[Sandbox]) -> Vec<Value> {
    let questions: Vec<Value> =
        cases.iter().zip(sandboxes).map(|(case, sandbox)| question(case, sandbox)).collect();
    let questions = serde_json::to_vec(&questions).unwrap();
    let script: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "protocol-tests/oracle/check_config.py"].iter().collect();
    let mut command = Command::new(reference::program("python"));
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(&questions).unwrap();
    std::io::Seek::rewind(&mut input).unwrap();
    let output = command.arg(script).stdin(input).stderr(Stdio::inherit()).output().unwrap();
    let verdicts: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verdicts.len(), cases.len());
    verdicts
}

fn question(case: &Case, sandbox: &Sandbox) -> Value {
    let mut env = json!({});
    for (name, value) in environment(sandbox) {
        env[name] = value.into();
    }
    for (name, value) in &case.env {
        env[name] = value.as_str().into();
    }
    json!({"dir": sandbox.dir(), "args": arguments(case, sandbox), "env": env})
}

fn difference(case: &Case, sandbox: &Sandbox, verdict: &Value) -> Option<String> {
    let error = verdict["error"].as_str().unwrap_or_default();
    let taken = match (case.ours, verdict["status"].as_i64()) {
        (Some(taken), _) => taken,
        (None, Some(0)) => true,
        (None, Some(2)) => false,
        _ => return Some(format!("the reference crashes: {error}; say what ours is to do")),
    };
    let complaint = if taken { taken_by_ours(case, sandbox) } else { refused_by_ours(case, sandbox) };
    let expected = if taken { "" } else { reference::without_secrets(error).unwrap_or(error) };
    let complaint = complaint.or_else(|| {
        let said = sandbox.read("err");
        let is_missing = case.ours.is_none() && !said.contains(expected);
        is_missing.then(|| "the text differs".to_owned())
    });
    complaint.map(|it| format!("{it}\nreference: {error}\nours: {}", sandbox.read("err")))
}

fn launch<'s>(case: &Case, sandbox: &'s Sandbox) -> Launch<'s> {
    let launch = Launch::of(Implementation::under_test(), sandbox);
    let launch = arguments(case, sandbox).iter().fold(launch, Launch::arg);
    case.env.iter().fold(launch, |launch, (name, value)| launch.env(name, value))
}

/// It, and its end if it does not come up.
fn end_or_start<'s>(case: &Case, sandbox: &'s Sandbox) -> (Daemon<'s>, Option<ExitStatus>) {
    let mut daemon = launch(case, sandbox).start();
    let end = daemon.come_up();
    (daemon, end)
}

/// It must start, and end with 0 when told to.
fn taken_by_ours(case: &Case, sandbox: &Sandbox) -> Option<String> {
    let (daemon, end) = end_or_start(case, sandbox);
    let status = end.unwrap_or_else(|| daemon.stop());
    (status.code() != Some(0)).then(|| format!("taken by the reference only; {status}"))
}

/// It must end with 2 and two lines or more on stderr, and must have made nothing (D-008, D-200).
fn refused_by_ours(case: &Case, sandbox: &Sandbox) -> Option<String> {
    let (_daemon, end) = end_or_start(case, sandbox);
    let Some(status) = end else {
        return Some("refused by the reference only".to_owned());
    };
    let said = sandbox.read("err");
    if status.code() != Some(2) || !said.starts_with("Error: ") {
        return Some(format!("ours ends otherwise than with an error and 2: {status}"));
    }
    if !said.ends_with(" -h\n") {
        return Some("the line about help is missing".to_owned());
    }
    let made = ["supervisord.log", "supervisord.pid", "s.sock"].iter().any(|it| sandbox.has(it));
    (made || !sandbox.list("auto").is_empty()).then(|| "files were made before the refusal".to_owned())
}
