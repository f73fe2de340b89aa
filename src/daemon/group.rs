//! Groups: which processes belong together.

use std::collections::HashMap;
use std::io;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use super::process::{LogPaths, Process, Seat};
use super::table::ProcessKey;
use crate::config::schema::{ChannelConfig, GroupConfig, LogFile, ProcessConfig, SupervisordConfig};
use crate::logs::auto;
use crate::model::event::Channel;
use crate::pool::Pool;

/// A group of the configuration that is there.
pub struct Group {
    /// What it was made from.
    pub config: Arc<GroupConfig>,
    /// Its processes, in start order (D-174).
    pub processes: Vec<ProcessKey>,
}

/// All groups, in the order in which they were added.
#[derive(Default)]
pub struct Groups {
    list: Vec<Group>,
    /// By name: where in the list.
    places: HashMap<Arc<str>, usize>,
}

impl Groups {
    /// The group of this name.
    pub fn get(&self, name: &str) -> Option<&Group> {
        self.places.get(name).map(|place| &self.list[*place])
    }

    /// Adds a group; there is none of its name.
    pub fn add(&mut self, group: Group) {
        self.places.insert(Arc::clone(&group.config.name), self.list.len());
        self.list.push(group);
    }

    /// Takes a group out.
    pub fn remove(&mut self, name: &str) -> Option<Group> {
        let place = self.places.remove(name)?;
        self.places.values_mut().filter(|other| **other > place).for_each(|other| *other -= 1);
        Some(self.list.remove(place))
    }
}

impl Deref for Groups {
    type Target = [Group];

    fn deref(&self) -> &[Group] {
        &self.list
    }
}

/// AUTO log files of one group, made before its processes are (D-205).
pub type GroupLogs = Vec<LogPaths>;

/// Makes the AUTO log files of all processes of a group, also of those that do not start (D-205).
pub fn make_logs(group: &GroupConfig, settings: &SupervisordConfig) -> io::Result<GroupLogs> {
    let path = |process: &ProcessConfig, which, channel: &ChannelConfig| match &channel.logfile {
        LogFile::Auto => {
            let name = process.name.name();
            auto::create(&settings.childlogdir, name, which, &settings.identifier).map(|p| Some(Arc::new(p)))
        }
        LogFile::Path(path) => Ok(Some(Arc::new(path.clone()))),
        LogFile::None => Ok(None),
    };
    let logs = |process: &Arc<ProcessConfig>| {
        let stdout = path(process, Channel::Stdout, &process.stdout)?;
        let redirected = process.redirect_stderr;
        let stderr = if redirected { None } else { path(process, Channel::Stderr, &process.stderr)? };
        Ok(LogPaths { stdout, stderr })
    };
    group.processes.iter().map(logs).collect()
}

impl Group {
    /// A group of processes that were never started; `pool` is theirs if they are listeners.
    pub fn new(
        config: Arc<GroupConfig>,
        logs: GroupLogs,
        pool: Option<&Rc<Pool>>,
        mut key: impl FnMut() -> ProcessKey,
    ) -> (Self, Vec<Process>) {
        let seat = |listener| pool.map(|pool| Seat { pool: Rc::clone(pool), listener });
        let places = config.processes.iter().zip(logs).enumerate();
        let make = |(place, (config, logs)): (usize, (&Arc<ProcessConfig>, LogPaths))| {
            Process::new(key(), Arc::clone(config), logs, seat(place))
        };
        let processes: Vec<Process> = places.map(make).collect();
        let keys = processes.iter().map(Process::key).collect();
        (Self { config, processes: keys }, processes)
    }

    /// The order in which its processes get their stop signal: highest priority number first (D-276).
    pub fn stop_order(&self) -> Vec<ProcessKey> {
        let mut order: Vec<_> = self.processes.iter().copied().zip(&self.config.processes).collect();
        order.sort_by_key(|(_, process)| process.priority);
        order.into_iter().rev().map(|(key, _)| key).collect()
    }
}
