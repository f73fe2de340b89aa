//! What clients want with log files. The daemon knows where they are; workers touch them.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::command::{Done, LogSource, Refusal, ReplyTo};
use super::control::reply;
use super::host::Answer;
use super::supervisor::Supervisor;
use crate::config::schema::MainLog;
use crate::logs::channel::Channel;
use crate::logs::read::{self, Excerpt, ReadError, Window};
use crate::logs::sink::begin_anew;
use crate::model::name::{ProcessName, Target};
use crate::model::notice::Level;
use crate::model::time::Now;

/// The logs of a process that are to begin anew.
struct Clearing {
    process: ProcessName,
    paths: Vec<Arc<PathBuf>>,
    channels: Vec<Arc<Channel>>,
}

impl Supervisor {
    pub(super) fn locate_log(&self, source: &LogSource) -> Result<Arc<PathBuf>, Refusal> {
        let path = match source {
            LogSource::Main => self.main_log().map(Arc::new),
            LogSource::Process(name, channel) => self.named(name)?.log(*channel).cloned(),
        };
        path.ok_or(Refusal::NoFile(None))
    }

    fn main_log(&self) -> Option<PathBuf> {
        match &self.host.settings.logfile {
            MainLog::File(path) => Some(path.clone()),
            MainLog::Syslog => None,
        }
    }

    pub(super) fn read_log(&self, source: &LogSource, window: Window, to: ReplyTo<Excerpt>) {
        let path = match self.locate_log(source) {
            Ok(path) => path,
            Err(refusal) => return reply(to, Err(refusal)),
        };
        // What was said so far is to be seen in it.
        self.host.journal.flush(self.host.channels.workers());
        self.host.channels.run(Box::new(move |_| {
            let read = read::read(&path, window).map_err(|error| match error {
                ReadError::Missing => Refusal::NoFile(Some(path)),
                ReadError::Failed(_) => Refusal::FileFailed,
                ReadError::BadWindow => Refusal::BadWindow,
            });
            reply(to, read);
        }));
    }

    /// C-216
    pub(super) fn clear_main_log(&self, to: ReplyTo<()>) {
        let Some(path) = self.main_log() else { return reply(to, Err(Refusal::NoFile(None))) };
        self.host.ask(move || {
            let cleared = if path.exists() { begin_anew(&path) } else { Err(io::ErrorKind::NotFound.into()) };
            Answer::MainLogCleared(cleared, to)
        });
    }

    pub(super) fn on_main_log_cleared(&self, now: Now, result: io::Result<()>, to: ReplyTo<()>) {
        let result = result.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Refusal::NoFile(None),
            _ => Refusal::FileFailed,
        });
        if result.is_ok() {
            // To the old file, as the reference has it.
            self.host.say(now, Level::Info, "reopening log file");
            self.host.journal.reopen(self.host.channels.workers());
        }
        reply(to, result);
    }

    /// C-292, C-293. A running child's channel is told to open its file again before anybody hears that
    /// it was cleared, so what comes after that is in the new one.
    pub(super) fn clear_logs(&self, target: &Target, to: ReplyTo<Vec<Done>>) {
        let keys = match self.select(target, |_| true) {
            Ok(keys) => keys,
            Err(refusal) => return reply(to, Err(refusal)),
        };
        let processes = keys.iter().filter_map(|key| self.processes.get(key));
        let clearings: Vec<_> = processes
            .map(|process| Clearing {
                process: process.config().name.clone(),
                paths: [&process.logs().stdout, &process.logs().stderr]
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect(),
                channels: process.channels().to_vec(),
            })
            .collect();
        let channels = self.host.channels.clone();
        self.host.channels.run(Box::new(move |_| {
            let clear = |clearing: Clearing| {
                let begun = clearing.paths.iter().try_for_each(|path| begin_anew(path));
                clearing.channels.iter().for_each(|channel| channels.reopen(channel));
                Done { process: clearing.process, result: begun.map_err(|_| Refusal::FileFailed) }
            };
            reply(to, Ok(clearings.into_iter().map(clear).collect()));
        }));
    }
}
