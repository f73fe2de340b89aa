//! What clients want, carried out: one arm of the match, one call.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::command::{
    Command, ConfiguredProcess, Done, Edition, Patience, ProcessInfo, Refusal, ReplyTo, Results,
};
use super::group::Group;
use super::host::{Answer, Checked};
use super::launch::Unusable;
use super::process::Process;
use super::reload::Occasion;
use super::supervisor::Supervisor;
use super::table::ProcessKey;
use super::waiters::ResultSender;
use crate::config::schema::ProcessConfig;
use crate::model::event::{Event, RemoteCommunication};
use crate::model::name::{ProcessName, Target};
use crate::model::signal::Signal;
use crate::model::state::{ProcessState, SupervisorState};
use crate::model::time::Now;

/// Answers, if anybody still waits for it.
pub(super) fn reply<T>(to: ReplyTo<T>, result: Result<T, Refusal>) {
    drop(to.send(result));
}

impl Supervisor {
    /// What is not said here to go on during a shutdown is dropped then, unanswered (C-320).
    pub(super) fn on_command(&mut self, command: Command, now: Now) {
        match command {
            Command::ReportState(to) => drop(to.send(self.state)),
            Command::ReportFigures(to) => drop(to.send(self.figures(now))),
            Command::Communicate(message, to) => {
                self.communicate(now, message);
                let _gone = to.send(());
            }
            gated if self.state == SupervisorState::Running => self.on_gated(gated, now),
            _ => {}
        }
    }

    fn on_gated(&mut self, command: Command, now: Now) {
        match command {
            Command::ReportState(_) | Command::ReportFigures(_) | Command::Communicate(..) => {}
            Command::ListProcesses(known, to) => drop(to.send(self.list_processes_unless(known, now))),
            Command::DescribeProcess(name, to) => reply(to, self.named(&name).map(|p| p.info(now.wall))),
            Command::ListPools(to) => drop(to.send(self.list_pools(now))),
            Command::Start(target, patience, to) => reply(to, self.start(&target, patience)),
            Command::Stop(target, patience, to) => reply(to, self.stop(now, &target, patience)),
            Command::Signal(target, signal, to) => reply(to, self.signal(now, &target, signal)),
            Command::SendStdin(name, text, to) => {
                reply(to, self.named_mut(&name).and_then(|process| process.send_stdin(text)));
            }
            Command::ReadLog(source, window, to) => self.read_log(&source, window, to),
            Command::LocateLog(source, to) => reply(to, self.locate_log(&source)),
            Command::ClearMainLog(to) => self.clear_main_log(to),
            Command::ClearLogs(target, to) => self.clear_logs(&target, to),
            Command::Reread(to) => self.load_configuration(Occasion::Reread(to)),
            Command::AddGroup(name, to) => self.make_group(&name, to),
            Command::RemoveGroup(name, to) => reply(to, self.remove_group(now, &name)),
            Command::ListConfiguration(to) => drop(to.send(self.list_configuration())),
            Command::ShutDown(to) => {
                let _gone = to.send(());
                self.exit(now);
            }
            Command::Restart(to) => self.load_configuration(Occasion::Restart(to)),
        }
    }

    fn communicate(&self, now: Now, message: RemoteCommunication) {
        self.host.publish(now, Event::RemotelyCommunicated(message));
    }

    pub(super) fn list_processes(&self, now: Now) -> Vec<ProcessInfo> {
        let processes = self.names.values().filter_map(|key| self.processes.get(key));
        processes.map(|process| process.info(now.wall)).collect()
    }

    fn list_processes_unless(&self, known: Option<Edition>, now: Now) -> Option<(Edition, Vec<ProcessInfo>)> {
        let edition = Edition { changes: self.host.changes, second: now.wall.secs() };
        (known != Some(edition)).then(|| (edition, self.list_processes(now)))
    }

    /// Sorted by name alone, the order of the configuration among equals (C-305).
    fn list_configuration(&self) -> Vec<ConfiguredProcess> {
        let mut list = Vec::new();
        for group in &self.configured {
            let active = self.group(&group.name);
            let same = active.filter(|active| Arc::ptr_eq(&active.config, group));
            list.extend(group.processes.iter().map(|process| ConfiguredProcess {
                group: Arc::clone(group),
                process: Arc::clone(process),
                inuse: active.is_some(),
                logs: same.and_then(|_| self.named(&process.name).ok()).map(|p| p.logs().clone()),
            }));
        }
        list.sort_by(|a, b| a.process.name.name().cmp(b.process.name.name()));
        list
    }

    pub(super) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    pub(super) fn named(&self, name: &ProcessName) -> Result<&Process, Refusal> {
        self.names.get(name).and_then(|key| self.processes.get(key)).ok_or(Refusal::BadName)
    }

    fn named_mut(&mut self, name: &ProcessName) -> Result<&mut Process, Refusal> {
        self.names.get(name).and_then(|key| self.processes.get_mut(key)).ok_or(Refusal::BadName)
    }

    /// The processes of a request in the order of C-257; those of several that are in the `wanted` states.
    pub(super) fn select(
        &self,
        target: &Target,
        wanted: impl Fn(ProcessState) -> bool,
    ) -> Result<Vec<ProcessKey>, Refusal> {
        let groups: Vec<&Group> = match target {
            Target::Process(name) => return Ok(vec![self.named(name)?.key()]),
            Target::Group(name) => vec![self.group(name).ok_or(Refusal::BadName)?],
            Target::All => self.start_order(),
        };
        let wanted = |key: &ProcessKey| self.processes.get(key).is_some_and(|p| wanted(p.state()));
        Ok(groups.into_iter().flat_map(|group| group.processes.iter().copied()).filter(wanted).collect())
    }

    /// Groups by priority; those added later come after their equals (D-174).
    pub(super) fn start_order(&self) -> Vec<&Group> {
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|group| group.config.priority);
        groups
    }

    /// Has the commands looked at, which may block; then `start_checked` goes on.
    fn start(&self, target: &Target, patience: Patience) -> Result<Results, Refusal> {
        let keys = self.select(target, |state| !state.is_running())?;
        let (sender, results) = mpsc::unbounded_channel();
        let found = keys.into_iter().filter_map(|key| self.processes.get(&key));
        let configs: Vec<_> = found.map(|process| (process.key(), Arc::clone(process.config()))).collect();
        let launcher = Arc::clone(&self.host.launcher);
        let check = move |(key, config): (_, Arc<ProcessConfig>)| Checked {
            key,
            result: launcher.check(&config),
            config,
        };
        self.host
            .ask(move || Answer::CommandsChecked(configs.into_iter().map(check).collect(), patience, sender));
        Ok(results)
    }

    /// All at once, not one after the other (C-257).
    pub(super) fn start_checked(
        &mut self,
        now: Now,
        checked: Vec<Checked>,
        patience: Patience,
        results: &ResultSender,
    ) {
        for Checked { key, config, result } in checked {
            let result = match (result, self.processes.get_mut(&key)) {
                _ if self.state != SupervisorState::Running => Err(Refusal::ShuttingDown),
                (_, None) => Err(Refusal::BadName),
                (Err(Unusable::Missing(text)), _) => Err(Refusal::CommandNotFound(text)),
                (Err(Unusable::Refused(text)), _) => Err(Refusal::CommandUnusable(text)),
                (Ok(()), Some(process)) => process.request_start(&mut self.host, now, patience, results),
            };
            if result.is_err() {
                tell(results, config.name.clone(), result);
            }
        }
    }

    fn stop(&mut self, now: Now, target: &Target, patience: Patience) -> Result<Results, Refusal> {
        let keys = self.select(target, ProcessState::is_running)?;
        let (sender, results) = mpsc::unbounded_channel();
        for key in keys {
            let Some(process) = self.processes.get_mut(&key) else { continue };
            match process.request_stop(&mut self.host, now, patience, &sender) {
                Ok(false) => {}
                Ok(true) => tell(&sender, process.config().name.clone(), Ok(())),
                Err(refusal) => tell(&sender, process.config().name.clone(), Err(refusal)),
            }
        }
        Ok(results)
    }

    fn signal(&mut self, now: Now, target: &Target, signal: Option<Signal>) -> Result<Results, Refusal> {
        let keys = self.select(target, ProcessState::is_signallable)?;
        let (sender, results) = mpsc::unbounded_channel();
        for key in keys {
            let Some(process) = self.processes.get_mut(&key) else { continue };
            let result = process.request_signal(&mut self.host, now, signal);
            tell(&sender, process.config().name.clone(), result);
        }
        Ok(results)
    }
}

fn tell(results: &ResultSender, process: ProcessName, result: Result<(), Refusal>) {
    drop(results.send(Done { process, result }));
}
