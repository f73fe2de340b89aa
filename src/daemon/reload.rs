//! A configuration that is read again while the daemon runs: for a restart, or for groups that come and
//! go (control.md, section 10). A bad one changes nothing.

use std::io;
use std::sync::Arc;

use super::command::{Difference, Refusal, ReplyTo};
use super::control::reply;
use super::group::{self, GroupLogs};
use super::host::Answer;
use super::supervisor::Supervisor;
use crate::config::diff::diff;
use crate::config::schema::{Config, GroupConfig};
use crate::machine::process::Input;
use crate::model::event::{Event, GroupChange};
use crate::model::notice::Level;
use crate::model::state::SupervisorState;
use crate::model::time::Now;

/// Why the configuration was read again.
#[derive(Debug)]
pub enum Occasion {
    /// SIGHUP: everything is to start anew.
    Signal,
    /// A client wants everything to start anew.
    Restart(ReplyTo<()>),
    /// A client wants to know what has changed.
    Reread(ReplyTo<Difference>),
}

impl Supervisor {
    /// D-263, ours: the whole new configuration is read and checked before anything is stopped.
    pub(super) fn load_configuration(&mut self, occasion: Occasion) {
        self.loading += 1;
        let loader = Arc::clone(&self.loader);
        self.host.ask(move || Answer::ConfigLoaded(loader(), occasion));
    }

    /// Once a shutdown or restart began, nobody's occasion counts any more, but for a restart of a restart.
    pub(super) fn on_configuration(
        &mut self,
        now: Now,
        result: Result<Box<Config>, Vec<String>>,
        occasion: Occasion,
    ) {
        self.loading -= 1;
        self.config_reading = self.config_reading.again(result.is_ok(), now.wall);
        match occasion {
            Occasion::Signal => match result {
                Ok(config) => self.restart_with(now, config),
                Err(problems) => self.say_problems(now, problems),
            },
            _ if self.state != SupervisorState::Running => {}
            Occasion::Restart(to) => {
                let config = result.map_err(bad_configuration);
                reply(to, config.map(|config| self.restart_with(now, config)));
            }
            Occasion::Reread(to) => {
                let config = result.map_err(bad_configuration);
                reply(to, config.map(|config| self.compare_with(config.groups)));
            }
        }
    }

    fn restart_with(&mut self, now: Now, config: Box<Config>) {
        if self.state != SupervisorState::Shutdown {
            self.next_config = Some(config);
            self.begin_stop(now, SupervisorState::Restarting);
        }
    }

    fn say_problems(&self, now: Now, problems: Vec<String>) {
        for problem in problems {
            self.host.say(now, Level::Error, format!("cannot reload the configuration: {problem}"));
        }
    }

    /// C-300. The groups that were read are those that can be added from now on.
    fn compare_with(&mut self, groups: Vec<Arc<GroupConfig>>) -> Difference {
        let active: Vec<_> = self.groups.iter().map(|group| Arc::clone(&group.config)).collect();
        let names =
            |groups: Vec<Arc<GroupConfig>>| groups.iter().map(|group| Arc::clone(&group.name)).collect();
        let found = diff(&active, &groups);
        self.configured = groups;
        Difference { added: names(found.added), changed: names(found.changed), removed: names(found.removed) }
    }

    /// C-303. AUTO logs come first (D-205), and making them may block.
    pub(super) fn make_group(&self, name: &str, to: ReplyTo<()>) {
        let Some(config) = self.configured.iter().find(|group| *group.name == *name) else {
            return reply(to, Err(Refusal::BadName));
        };
        if self.group(name).is_some() {
            return reply(to, Err(Refusal::AlreadyAdded));
        }
        let (config, settings) = (Arc::clone(config), self.host.settings.clone());
        self.host.ask(move || {
            let logs = group::make_logs(&config, &settings);
            Answer::LogsMade(config, logs, to)
        });
    }

    pub(super) fn on_logs_made(
        &mut self,
        now: Now,
        config: Arc<GroupConfig>,
        logs: io::Result<GroupLogs>,
        to: ReplyTo<()>,
    ) {
        let result = match logs {
            _ if self.state != SupervisorState::Running => Err(Refusal::ShuttingDown),
            _ if self.group(&config.name).is_some() => Err(Refusal::AlreadyAdded),
            Err(_) => Err(Refusal::FileFailed),
            Ok(logs) => {
                let name = Arc::clone(&config.name);
                self.add_group(config, logs);
                self.autostart(now, &name);
                Ok(())
            }
        };
        reply(to, result);
    }

    fn autostart(&mut self, now: Now, name: &str) {
        for key in self.group(name).map(|group| group.processes.clone()).unwrap_or_default() {
            self.step(key, now, Input::Autostart);
        }
    }

    /// C-304
    pub(super) fn remove_group(&mut self, now: Now, name: &str) -> Result<(), Refusal> {
        if self.groups.get(name).is_some() && !self.is_stopped(name) {
            return Err(Refusal::StillRunning);
        }
        let group = self.groups.remove(name).ok_or(Refusal::BadName)?;
        self.host.changes += 1;
        self.close_pool(now, name);
        for process in group.processes.iter().filter_map(|key| self.processes.remove(key)) {
            self.names.remove(&process.config().name);
            process.release(&mut self.host, now);
        }
        self.host.publish(now, Event::GroupChanged(GroupChange::Removed(Arc::clone(&group.config.name))));
        Ok(())
    }
}

/// All that is wrong, joined as C-302 has it.
fn bad_configuration(problems: Vec<String>) -> Refusal {
    Refusal::BadConfiguration(problems.join("; "))
}
