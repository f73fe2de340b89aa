//! Actions: what a page can have done, and what is said when it is (C-345 to C-357).

use std::fmt;

use crate::daemon::command::{Done, Patience, Refusal, Results};
use crate::daemon::fault::{Fault, FaultCode};
use crate::daemon::handle::Handle;
use crate::http::Form;
use crate::model::name::{ProcessName, Target};
use crate::model::time::WallTime;
use crate::sys::clock;

/// Failures that a message about many processes names.
const NAMED: usize = 5;

/// What is wanted of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing but the page.
    Refresh,
    /// Something of all processes, or of a group's.
    Many(Verb, Scope),
    /// Something of the process with this name spec.
    One(Verb, String),
    /// New logs for it.
    ClearLog(String),
}

/// What can be done to processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Start,
    Stop,
    Restart,
}

/// Which processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    /// Those of this group.
    Group(String),
}

/// Why a request makes no sense (C-357).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Senseless(pub &'static str);

impl Action {
    /// The action that a form names, if it names one.
    pub(super) fn read(form: &Form) -> Option<Result<Self, Senseless>> {
        form.get("action").map(|action| Self::named(action, form))
    }

    fn named(action: &str, form: &Form) -> Result<Self, Senseless> {
        let process = || {
            let name = form.get("processname").ok_or(Senseless("The action needs a processname."));
            name.map(str::to_owned)
        };
        let group = || {
            let name = form.get("groupname").ok_or(Senseless("The action needs a groupname."));
            name.map(|name| Scope::Group(name.to_owned()))
        };
        Ok(match action {
            "refresh" => Self::Refresh,
            "startall" => Self::Many(Verb::Start, Scope::All),
            "stopall" => Self::Many(Verb::Stop, Scope::All),
            "restartall" => Self::Many(Verb::Restart, Scope::All),
            "startgroup" => Self::Many(Verb::Start, group()?),
            "stopgroup" => Self::Many(Verb::Stop, group()?),
            "restartgroup" => Self::Many(Verb::Restart, group()?),
            "start" => Self::One(Verb::Start, process()?),
            "stop" => Self::One(Verb::Stop, process()?),
            "restart" => Self::One(Verb::Restart, process()?),
            "clearlog" => Self::ClearLog(process()?),
            _ => return Err(Senseless("There is no such action.")),
        })
    }

    /// Has it done, and tells what became of it, when that is known.
    pub(super) async fn perform(&self, daemon: &Handle) -> String {
        match self {
            Self::Refresh => format!("Page refreshed at {}", ctime(clock::wall())),
            Self::Many(verb, scope) => {
                let failures = many(*verb, scope, daemon).await;
                told_of_many(*verb, scope, &failures, clock::wall())
            }
            Self::One(_, name) | Self::ClearLog(name) => match known(name, daemon).await {
                Ok(process) => self.perform_on(process, name, daemon).await,
                Err(message) => message,
            },
        }
    }

    async fn perform_on(&self, process: ProcessName, name: &str, daemon: &Handle) -> String {
        let target = Target::Process(process);
        match self {
            Self::One(Verb::Start, _) => told_of_start(name, start(target, daemon).await),
            Self::One(Verb::Stop, _) => told_of_stop(name, stop(target, daemon).await),
            Self::One(Verb::Restart, _) => {
                // Whatever they come to: C-354.
                let _stopped = stop(target.clone(), daemon).await;
                let _started = start(target, daemon).await;
                format!("Process {name} restarted")
            }
            Self::ClearLog(_) => told_of_clearing(name, clear_logs(target, daemon).await),
            Self::Refresh | Self::Many(..) => String::new(),
        }
    }
}

impl fmt::Display for Action {
    /// As a question: `Stop web:a`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refresh => f.write_str("Refresh the page"),
            Self::Many(verb, Scope::All) => write!(f, "{} all processes", verb.name()),
            Self::Many(verb, Scope::Group(name)) => {
                write!(f, "{} all processes of group {name}", verb.name())
            }
            Self::One(verb, name) => write!(f, "{} process {name}", verb.name()),
            Self::ClearLog(name) => write!(f, "Clear the log of process {name}"),
        }
    }
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Stop => "Stop",
            Self::Restart => "Restart",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Start => "started",
            Self::Stop => "stopped",
            Self::Restart => "restarted",
        }
    }
}

/// The process of this name, or what is said where there is none (C-356).
async fn known(name: &str, daemon: &Handle) -> Result<ProcessName, String> {
    let none = || format!("No such process named {name}");
    let Target::Process(process) = Target::of_spec(name) else { return Err(none()) };
    match daemon.process(process.clone()).await {
        Ok(_) => Ok(process),
        Err(Refusal::BadName) => Err(none()),
        Err(refusal) => Err(unexpected(&Fault::of(refusal, name))),
    }
}

async fn start(target: Target, daemon: &Handle) -> Result<(), Refusal> {
    only(daemon.start(target, Patience::Wait).await).await
}

async fn stop(target: Target, daemon: &Handle) -> Result<(), Refusal> {
    only(daemon.stop(target, Patience::Wait).await).await
}

async fn clear_logs(target: Target, daemon: &Handle) -> Result<(), Refusal> {
    daemon.clear_logs(target).await?.into_iter().try_for_each(|done| done.result)
}

/// The result for a single process; without one the daemon is gone.
async fn only(results: Result<Results, Refusal>) -> Result<(), Refusal> {
    results?.recv().await.ok_or(Refusal::ShuttingDown)?.result
}

/// Does something to many processes at once (C-257), and gives those that failed.
async fn many(verb: Verb, scope: &Scope, daemon: &Handle) -> Result<Vec<Done>, Refusal> {
    let target = match scope {
        Scope::All => Target::All,
        Scope::Group(name) => Target::Group(name.as_str().into()),
    };
    let mut failures = Vec::new();
    if verb != Verb::Start {
        failures.extend(failed(daemon.stop(target.clone(), Patience::Wait).await?).await);
    }
    if verb != Verb::Stop {
        failures.extend(failed(daemon.start(target, Patience::Wait).await?).await);
    }
    Ok(failures)
}

async fn failed(mut results: Results) -> Vec<Done> {
    let mut failures = Vec::new();
    while let Some(done) = results.recv().await {
        failures.extend(Some(done).filter(|done| done.result.is_err()));
    }
    failures
}

/// C-352
fn told_of_start(name: &str, result: Result<(), Refusal>) -> String {
    match result {
        Ok(()) => format!("Process {name} started"),
        Err(refusal) => format!("ERROR: Process {name}: {}", why_not_started(refusal, name)),
    }
}

fn why_not_started(refusal: Refusal, name: &str) -> String {
    let fault = Fault::of(refusal, name);
    match fault.code {
        FaultCode::NoFile => "no such file".into(),
        FaultCode::NotExecutable => "file not executable".into(),
        FaultCode::AlreadyStarted => "already started".into(),
        FaultCode::SpawnError => "spawn error".into(),
        FaultCode::AbnormalTermination => "abnormal termination".into(),
        _ => unexpected(&fault),
    }
}

/// C-353
fn told_of_stop(name: &str, result: Result<(), Refusal>) -> String {
    match result {
        Ok(()) => format!("Process {name} stopped"),
        Err(refusal) => unexpected(&Fault::of(refusal, name)),
    }
}

/// C-355
fn told_of_clearing(name: &str, result: Result<(), Refusal>) -> String {
    match result {
        Ok(()) => format!("Log for {name} cleared"),
        Err(refusal) => unexpected(&Fault::of(refusal, name)),
    }
}

/// What else a fault is told as; also where a page can do nothing about it.
pub(super) fn unexpected(fault: &Fault) -> String {
    format!("unexpected rpc fault [{}] {fault}", fault.code.number())
}

/// C-351; failures are named for groups only, which the reference does not know.
fn told_of_many(verb: Verb, scope: &Scope, failures: &Result<Vec<Done>, Refusal>, now: WallTime) -> String {
    let time = ctime(now);
    match (scope, failures) {
        (Scope::All, _) => format!("All {} at {time}", verb.done()),
        (Scope::Group(name), Err(Refusal::BadName)) => format!("No such group named {name}"),
        (Scope::Group(name), Err(refusal)) => unexpected(&Fault::of(refusal.clone(), name)),
        (Scope::Group(name), Ok(failures)) if failures.is_empty() => {
            format!("Group {name} {} at {time}", verb.done())
        }
        (Scope::Group(name), Ok(failures)) => {
            let named: Vec<_> = failures.iter().take(NAMED).map(one_failure).collect();
            let more = if failures.len() > NAMED { ", and others" } else { "" };
            format!("Group {name} {} at {time}, but for {}{more}", verb.done(), named.join(", "))
        }
    }
}

fn one_failure(Done { process, result }: &Done) -> String {
    let name = process.to_string();
    match result {
        Ok(()) => name,
        Err(refusal) => format!("{name} ({})", why_not_started(refusal.clone(), &name)),
    }
}

/// Local time as `Mon Nov 23 15:40:11 2026` (C-350).
fn ctime(at: WallTime) -> String {
    clock::local(at).format("%a %b %e %H:%M:%S %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Option<Result<Action, Senseless>> {
        let request = hyper::Request::get(format!("/?{query}")).body(bytes::Bytes::new()).unwrap();
        Action::read(&Form::of(&request))
    }

    // C-345, C-357, C-358
    #[test]
    fn what_forms_name() {
        let good = |query: &str| read(query).unwrap().unwrap();
        assert_eq!(good("action=refresh"), Action::Refresh);
        assert_eq!(good("action=stopall&processname=x"), Action::Many(Verb::Stop, Scope::All));
        assert_eq!(good("processname=a%3Ab&action=start"), Action::One(Verb::Start, "a:b".into()));
        assert_eq!(good("action=clearlog&processname=a"), Action::ClearLog("a".into()));
        let group = Action::Many(Verb::Restart, Scope::Group("g".into()));
        assert_eq!(good("action=restartgroup&groupname=g"), group);
        for none in ["", "action=", "message=x", "processname=a"] {
            assert_eq!(read(none), None, "{none}");
        }
        for bad in
            ["action=start", "action=start&processname=", "action=Start&processname=a", "action=startgroup"]
        {
            assert!(read(bad).unwrap().is_err(), "{bad}");
        }
    }

    // C-352
    #[test]
    fn starts() {
        let rows = [
            (Ok(()), "Process a started"),
            (Err(Refusal::CommandNotFound("x".into())), "ERROR: Process a: no such file"),
            (Err(Refusal::CommandUnusable("x".into())), "ERROR: Process a: file not executable"),
            (Err(Refusal::AlreadyStarted), "ERROR: Process a: already started"),
            (Err(Refusal::StartFailed), "ERROR: Process a: spawn error"),
            (Err(Refusal::StartInterrupted), "ERROR: Process a: abnormal termination"),
            (Err(Refusal::ShuttingDown), "ERROR: Process a: unexpected rpc fault [6] SHUTDOWN_STATE"),
        ];
        for (result, text) in rows {
            assert_eq!(told_of_start("a", result), text);
        }
    }

    // C-353, C-355
    #[test]
    fn stops_and_logs() {
        assert_eq!(told_of_stop("a", Ok(())), "Process a stopped");
        assert_eq!(told_of_stop("a", Err(Refusal::NotRunning)), "unexpected rpc fault [70] NOT_RUNNING: a");
        assert_eq!(told_of_clearing("g:a", Ok(())), "Log for g:a cleared");
        assert_eq!(told_of_clearing("a", Err(Refusal::FileFailed)), "unexpected rpc fault [30] FAILED: a");
    }

    // C-350, C-351
    #[test]
    fn many_processes() {
        let now = WallTime::from_nanos(1_790_000_000_000_000_000);
        let time = ctime(now);
        assert_eq!(time.len(), "Mon Nov 23 15:40:11 2026".len());
        let all = |failures| told_of_many(Verb::Restart, &Scope::All, &failures, now);
        assert_eq!(all(Err(Refusal::ShuttingDown)), format!("All restarted at {time}"));
        let group = |failures| told_of_many(Verb::Start, &Scope::Group("g".into()), &failures, now);
        assert_eq!(group(Ok(vec![])), format!("Group g started at {time}"));
        assert_eq!(group(Err(Refusal::BadName)), "No such group named g");
        let failure = Done { process: ProcessName::new("g".into(), "a"), result: Err(Refusal::StartFailed) };
        let one = group(Ok(vec![failure.clone()]));
        assert_eq!(one, format!("Group g started at {time}, but for g:a (spawn error)"));
        assert!(group(Ok(vec![failure; 6])).ends_with("(spawn error), and others"));
    }

    // C-603
    #[test]
    fn questions() {
        let rows = [
            (Action::One(Verb::Stop, "a:b".into()), "Stop process a:b"),
            (Action::Many(Verb::Restart, Scope::All), "Restart all processes"),
            (Action::Many(Verb::Start, Scope::Group("g".into())), "Start all processes of group g"),
            (Action::ClearLog("a".into()), "Clear the log of process a"),
        ];
        for (action, text) in rows {
            assert_eq!(action.to_string(), text);
        }
    }
}
