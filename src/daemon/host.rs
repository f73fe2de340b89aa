//! What a process needs of the daemon around it: the kernel, the clock, the bus, the log path.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;

use tokio::sync::Notify;

use super::command::{Patience, ReplyTo};
use super::fcgi::FcgiSockets;
use super::group::GroupLogs;
use super::launch::{Launched, Launcher, SpawnError, Unusable};
use super::reload::Occasion;
use super::table::{Deadlines, ProcessKey, Table};
use super::waiters::ResultSender;
use crate::bus::EventBus;
use crate::config::schema::{Config, GroupConfig, ProcessConfig, SupervisordConfig};
use crate::logs::channels::Channels;
use crate::logs::journal::Journal;
use crate::model::event::Event;
use crate::model::notice::{Level, Notice};
use crate::model::time::Now;
use crate::pool::Serials;
use crate::sys::clock::Clock;
use crate::sys::kernel::Kernel;

/// What a worker was asked for.
pub enum Answer {
    /// A start: whose, the how-manieth, with what result.
    Launched(ProcessKey, u64, Result<Launched, SpawnError>),
    /// The configuration was read again; the errors as they are shown.
    ConfigLoaded(Result<Box<Config>, Vec<String>>, Occasion),
    /// Commands of processes that somebody wants to start were looked at.
    CommandsChecked(Vec<Checked>, Patience, ResultSender),
    /// The AUTO logs of a group that somebody wants to have were made.
    LogsMade(Arc<GroupConfig>, io::Result<GroupLogs>, ReplyTo<()>),
    /// The activity log was removed, and an empty one made.
    MainLogCleared(io::Result<()>, ReplyTo<()>),
}

/// A process that somebody wants to start, and whether its command can be executed.
pub struct Checked {
    /// The process.
    pub key: ProcessKey,
    /// Its configuration.
    pub config: Arc<ProcessConfig>,
    /// What was found.
    pub result: Result<(), Unusable>,
}

/// The daemon's surroundings, shared by all its processes.
pub struct Host {
    /// Signals and reaps.
    pub kernel: Arc<dyn Kernel>,
    /// Reads the time.
    pub clock: Clock,
    /// Hears of everything.
    pub bus: EventBus,
    /// The activity log.
    pub journal: Rc<Journal>,
    /// Numbers the events that listeners get.
    pub serials: Rc<Serials>,
    /// Rung when there is something for the loop to look at.
    pub bell: Arc<Notify>,
    /// The log path.
    pub channels: Channels,
    /// `[supervisord]`.
    pub settings: SupervisordConfig,
    /// Starts children.
    pub launcher: Arc<Launcher>,
    /// Listening sockets of FastCGI programs.
    pub fcgi: FcgiSockets,
    /// Pids and channels of processes.
    pub table: Table,
    /// When which process is to be looked at.
    pub deadlines: Deadlines,
    /// Grows with whatever may change how processes are described, but for the time.
    pub changes: u64,
    /// Where workers send answers.
    pub answers: mpsc::Sender<Answer>,
}

impl Host {
    /// Publishes a fact.
    pub fn publish(&self, now: Now, event: Event) {
        self.bus.publish(now, event);
    }

    /// Publishes a fact for the activity log.
    pub fn notice(&self, now: Now, notice: Notice) {
        self.publish(now, Event::Noticed(notice));
    }

    /// Publishes a line for the activity log.
    pub fn say(&self, now: Now, level: Level, text: impl Into<Arc<str>>) {
        self.notice(now, Notice::Message(level, text.into()));
    }

    /// Has a worker do something; the answer comes with the others.
    pub fn ask(&self, work: impl FnOnce() -> Answer + Send + 'static) {
        self.channels.ask(work, self.answers.clone());
    }

    /// Whether the activity log shows details, such as what children write (D-406).
    pub fn tells_details(&self) -> bool {
        self.journal.tells_details()
    }

    /// One more process has its program's FastCGI socket, if the program has one.
    pub fn acquire_socket(
        &mut self,
        now: Now,
        config: &ProcessConfig,
    ) -> Result<Option<OwnedFd>, SpawnError> {
        let Some(socket) = &config.fcgi else { return Ok(None) };
        let bus = &self.bus;
        let acquired = self.fcgi.acquire(socket, |notice| {
            bus.publish(now, Event::Noticed(notice));
        });
        acquired.map_err(|error| SpawnError::from(error.to_string()))?;
        let fd = self.fcgi.fd(socket).map(|fd| fd.try_clone_to_owned()).transpose();
        fd.map_err(|error| {
            self.release_socket(now, config);
            error.to_string().into()
        })
    }

    /// One process less has it.
    pub fn release_socket(&mut self, now: Now, config: &ProcessConfig) {
        let bus = &self.bus;
        if let Some(socket) = &config.fcgi {
            self.fcgi.release(socket, |notice| {
                bus.publish(now, Event::Noticed(notice));
            });
        }
    }
}
