//! What stands in for the daemon: it has one process, `g:p`, and does nothing.

use std::path::PathBuf;
use std::sync::Arc;

use supervisor::daemon::command::{
    Command, Difference, Done, Edition, LogSource, ProcessInfo, Refusal, Results,
};
use supervisor::daemon::figures::{ConfigReading, Figures};
use supervisor::logs::read::{Excerpt, ReadError, Window, read};
use supervisor::model::name::{ProcessName, Target};
use supervisor::model::state::{ProcessState, SupervisorState};
use supervisor::model::time::WallTime;
use tokio::sync::mpsc;

/// Answers each command as it comes; logs are all this file.
pub async fn answer_all(mut mailbox: mpsc::Receiver<Command>, log: PathBuf) {
    let log = Arc::new(log);
    while let Some(command) = mailbox.recv().await {
        answer(command, &log);
    }
}

/// Nobody waits for an answer whose client is gone.
fn answer(command: Command, log: &Arc<PathBuf>) {
    match command {
        Command::ReportState(to) => drop(to.send(SupervisorState::Running)),
        Command::ReportFigures(to) => drop(to.send(figures())),
        Command::ListProcesses(_, to) => drop(to.send(Some((Edition::default(), vec![process(log)])))),
        Command::DescribeProcess(name, to) => drop(to.send(known(&name).map(|()| process(log)))),
        Command::Start(target, _, to) | Command::Stop(target, _, to) => drop(to.send(results(&target))),
        Command::Signal(target, Some(_), to) => drop(to.send(results(&target))),
        Command::Signal(_, None, to) => drop(to.send(Err(Refusal::BadSignal))),
        Command::SendStdin(name, _, to) => drop(to.send(known(&name))),
        Command::Communicate(_, to) | Command::ShutDown(to) => drop(to.send(())),
        Command::ReadLog(source, window, to) => drop(to.send(excerpt(&source, window, log))),
        Command::LocateLog(_, to) => drop(to.send(Ok(Arc::clone(log)))),
        Command::ClearMainLog(to) | Command::Restart(to) => drop(to.send(Ok(()))),
        Command::ClearLogs(target, to) => drop(to.send(done(&target))),
        Command::Reread(to) => drop(to.send(Ok(Difference::default()))),
        Command::AddGroup(_, to) => drop(to.send(Err(Refusal::AlreadyAdded))),
        Command::RemoveGroup(_, to) => drop(to.send(Err(Refusal::StillRunning))),
        Command::ListConfiguration(to) => drop(to.send(Vec::new())),
        Command::ListPools(to) => drop(to.send(Vec::new())),
    }
}

fn figures() -> Figures {
    let config = ConfigReading::good(WallTime::from_nanos(0));
    Figures { state: SupervisorState::Running, config, processes: Vec::new(), pools: Vec::new() }
}

fn name() -> ProcessName {
    ProcessName::new("g".into(), "p")
}

fn known(asked: &ProcessName) -> Result<(), Refusal> {
    if *asked == name() { Ok(()) } else { Err(Refusal::BadName) }
}

fn done(target: &Target) -> Result<Vec<Done>, Refusal> {
    match target {
        Target::Process(asked) => known(asked)?,
        Target::Group(group) if **group != *"g" => return Err(Refusal::BadName),
        Target::Group(_) | Target::All => {}
    }
    Ok(vec![Done { process: name(), result: Err(Refusal::NotRunning) }])
}

fn results(target: &Target) -> Result<Results, Refusal> {
    let (sender, results) = mpsc::unbounded_channel();
    done(target)?.into_iter().for_each(|it| drop(sender.send(it)));
    Ok(results)
}

fn excerpt(source: &LogSource, window: Window, log: &Arc<PathBuf>) -> Result<Excerpt, Refusal> {
    if let LogSource::Process(asked, _) = source {
        known(asked)?;
    }
    read(log, window).map_err(|error| match error {
        ReadError::Missing => Refusal::NoFile(Some(Arc::clone(log))),
        ReadError::Failed(_) => Refusal::FileFailed,
        ReadError::BadWindow => Refusal::BadWindow,
    })
}

fn process(log: &Arc<PathBuf>) -> ProcessInfo {
    ProcessInfo {
        name: name(),
        state: ProcessState::Fatal,
        start: Some(WallTime::from_nanos(0)),
        stop: None,
        now: WallTime::from_nanos(i64::MAX),
        spawnerr: "<é\u{1b}>".into(),
        exitstatus: -1,
        stdout_logfile: Some(Arc::clone(log)),
        stderr_logfile: None,
        pid: 0,
    }
}
