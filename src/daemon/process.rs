//! One process: its machine, and what the machine asks for, performed.
//!
//! The machine decides; here its effects are carried out in order, and what comes of them (a pid, an
//! error, the end of the output) is told to it. After a death the exit waits, as `Input::Drained` not
//! yet given, until the log path has handled what was in the pipes, at most a second.

mod requests;

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::command::ProcessInfo;
use super::figures::ProcessFigures;
use super::host::{Answer, Host};
use super::launch::{LaunchRequest, Launched, SpawnError};
use super::replies::Replies;
use super::stdin::Stdin;
use super::table::ProcessKey;
use super::waiters::Waiters;
use crate::config::schema::{AutoRestart, ChannelConfig, LogFile, ProcessConfig};
use crate::logs::channel::{Channel, ChannelReport, ChannelSpec};
use crate::logs::sink::{FileSink, FileSpec};
use crate::machine::effect::{Effect, Effects};
use crate::machine::policy::{Policy, RestartRule};
use crate::machine::process::{Input, ProcessMachine, SignalError};
use crate::model::event::{Channel as Which, Communication, Entered, Event, Output};
use crate::model::exit::ExitStatus;
use crate::model::notice::{Level, Notice};
use crate::model::signal::Signal;
use crate::model::state::ProcessState;
use crate::model::time::{Moment, Now, WallTime};
use crate::pool::Pool;
use crate::sys::kernel::SignalFailure;

/// How long a log file may take for the last output of a dead child before the rest is dropped, and a
/// worker for a start that is not wanted any more.
const PATIENCE: Duration = Duration::from_secs(1);

/// A process of the configuration, running or not.
pub struct Process {
    key: ProcessKey,
    config: Arc<ProcessConfig>,
    machine: ProcessMachine,
    logs: LogPaths,
    child: Option<Child>,
    launch: Option<Launch>,
    /// Numbers launches.
    launches: u64,
    waiters: Waiters,
    /// Its place in its pool, if it is a listener.
    seat: Option<Seat>,
    started: Option<WallTime>,
    stopped: Option<WallTime>,
}

/// A listener's place.
#[derive(Clone)]
pub struct Seat {
    /// Its pool.
    pub pool: Rc<Pool>,
    /// How the pool knows it.
    pub listener: usize,
}

/// Where a process' output goes, AUTO resolved.
#[derive(Clone, Debug, Default)]
pub struct LogPaths {
    /// The stdout log.
    pub stdout: Option<Arc<PathBuf>>,
    /// The stderr log; none with `redirect_stderr`.
    pub stderr: Option<Arc<PathBuf>>,
}

/// A launch that a worker has not answered yet.
struct Launch {
    number: u64,
    /// Somebody wants it stopped; a worker that is stuck is waited for until then.
    give_up_at: Option<Moment>,
}

/// A child that is not reaped, or not drained yet.
struct Child {
    /// Held open: the child must not see an end of its input (D-341).
    stdin: Option<Rc<Stdin>>,
    open: Vec<Arc<Channel>>,
    /// What a listener says.
    replies: Option<Replies>,
    drain_until: Option<Moment>,
}

impl Process {
    /// A process that was never started.
    pub fn new(key: ProcessKey, config: Arc<ProcessConfig>, logs: LogPaths, seat: Option<Seat>) -> Self {
        let machine = ProcessMachine::new(config.name.clone(), policy(&config));
        Self {
            key,
            config,
            machine,
            logs,
            child: None,
            waiters: Waiters::default(),
            seat,
            launch: None,
            launches: 0,
            started: None,
            stopped: None,
        }
    }

    /// Its key.
    pub fn key(&self) -> ProcessKey {
        self.key
    }

    /// Its configuration.
    pub fn config(&self) -> &Arc<ProcessConfig> {
        &self.config
    }

    /// Its state.
    pub fn state(&self) -> ProcessState {
        self.machine.state()
    }

    /// Its process; 0 when there is none.
    pub fn pid(&self) -> i32 {
        self.machine.pid().unwrap_or(0)
    }

    /// Its log files.
    pub fn logs(&self) -> &LogPaths {
        &self.logs
    }

    /// The child's open channels.
    pub fn channels(&self) -> &[Arc<Channel>] {
        self.child.as_ref().map_or(&[], |child| &child.open)
    }

    /// As the API describes it (C-222 to C-229).
    pub fn info(&self, now: WallTime) -> ProcessInfo {
        ProcessInfo {
            name: self.config.name.clone(),
            state: self.state(),
            start: self.started,
            stop: self.stopped,
            now,
            spawnerr: Arc::clone(self.machine.spawnerr()),
            exitstatus: self.machine.exitstatus().unwrap_or(0),
            stdout_logfile: self.logs.stdout.clone(),
            stderr_logfile: self.logs.stderr.clone(),
            pid: self.pid(),
        }
    }

    /// As metrics show it.
    pub fn figures(&self) -> ProcessFigures {
        ProcessFigures {
            name: self.config.name.clone(),
            state: self.state(),
            start: self.started,
            stop: self.stopped,
            exitstatus: self.machine.exitstatus(),
            failures: self.machine.failures(),
            pid: self.machine.pid(),
        }
    }

    /// Tells the machine and does what it asks for.
    pub fn step(&mut self, host: &mut Host, now: Now, input: Input) {
        let stops = matches!(input, Input::StopRequested | Input::ShutdownRequested);
        if let (true, Some(launch)) = (stops, &mut self.launch) {
            launch.give_up_at.get_or_insert(now.mono + PATIENCE);
        }
        host.changes += 1;
        let mut effects = Effects::new();
        self.machine.step(now.mono, input, &mut effects);
        for effect in effects {
            self.perform(host, now, effect);
        }
        self.report_wait(host, now);
        host.deadlines.set(self.key, self.deadline());
    }

    fn perform(&mut self, host: &mut Host, now: Now, effect: Effect) {
        match effect {
            Effect::Publish(event) => self.publish(host, now, event),
            Effect::Spawn => self.launch(host, now),
            Effect::Signal { pid, group, signal, kill } => self.signal(host, now, (pid, group, signal), kill),
        }
    }

    fn publish(&mut self, host: &Host, now: Now, event: Event) {
        let entered = match &event {
            Event::StateChanged(change) => Some(change.entered),
            _ => None,
        };
        if matches!(entered, Some(Entered::Starting { .. })) {
            self.started = Some(now.wall);
        }
        if let (Some(entered), Some(seat)) = (entered, &self.seat) {
            seat.pool.running(now, seat.listener, entered.state() == ProcessState::Running);
        }
        host.publish(now, event);
        if let Some(entered) = entered {
            let failed = !self.machine.spawnerr().is_empty();
            self.waiters.entered(&self.config.name, entered.state(), failed);
        }
    }

    /// D-326
    fn report_wait(&mut self, host: &Host, now: Now) {
        if self.waiters.should_report(now.mono, self.state()) {
            host.notice(now, Notice::WaitingToStop(self.config.name.clone()));
        }
    }

    fn signal(&mut self, host: &mut Host, now: Now, target: (i32, bool, Signal), kill: bool) {
        let (pid, group, signal) = target;
        let Err(failure) = host.kernel.signal(pid, group, signal) else { return };
        let error = match failure {
            SignalFailure::NoSuchProcess => SignalError::NoSuchProcess,
            SignalFailure::Other(text) => SignalError::Other(text),
        };
        self.step(host, now, Input::SignalFailed { kill, error });
    }

    /// Has a worker start it.
    fn launch(&mut self, host: &mut Host, now: Now) {
        let socket = match host.acquire_socket(now, &self.config) {
            Ok(socket) => socket,
            Err(error) => return self.step(host, now, Input::SpawnFailed { error }),
        };
        let request =
            LaunchRequest { config: Arc::clone(&self.config), channels: self.channel_specs(host), socket };
        self.launches += 1;
        let number = self.launches;
        self.launch = Some(Launch { number, give_up_at: None });
        let (key, launcher) = (self.key, Arc::clone(&host.launcher));
        let work = move || Answer::Launched(key, number, launcher.launch(request));
        host.table.launch_begun();
        host.ask(work);
    }

    fn channel_specs(&self, host: &Host) -> Vec<ChannelSpec> {
        let spec = |which, config: &ChannelConfig, path: &Option<Arc<PathBuf>>| {
            // A listener's stdout is its protocol, and nothing else (E-134).
            let plain = self.speaks_protocol(which);
            let file = |path: &Arc<PathBuf>| FileSpec {
                path: path.to_path_buf(),
                maxbytes: config.maxbytes,
                backups: config.backups,
                private: config.logfile == LogFile::Auto,
            };
            ChannelSpec {
                process: self.config.name.clone(),
                channel: which,
                announced: config.events_enabled && !plain,
                copied: host.tells_details() && !plain,
                capture: usize::try_from(config.capture_maxbytes).ok().filter(|max| *max > 0 && !plain),
                strip_ansi: host.settings.strip_ansi,
                file: path.as_ref().map(file),
                syslog: config.syslog && !plain,
            }
        };
        let mut specs = vec![spec(Which::Stdout, &self.config.stdout, &self.logs.stdout)];
        if !self.config.redirect_stderr {
            specs.push(spec(Which::Stderr, &self.config.stderr, &self.logs.stderr));
        }
        specs
    }

    fn speaks_protocol(&self, which: Which) -> bool {
        self.seat.is_some() && which == Which::Stdout
    }

    /// Whether it still waits for this launch.
    pub fn awaits(&self, number: u64) -> bool {
        self.launch.as_ref().is_some_and(|launch| launch.number == number)
    }

    /// The worker's answer to the launch it waits for.
    pub fn launched(&mut self, host: &mut Host, now: Now, answer: Result<Launched, SpawnError>) {
        self.launch = None;
        match answer {
            Ok(launched) => {
                let pid = launched.pid;
                self.adopt(host, now, launched);
                self.waiters.spawned(&self.config.name);
                self.step(host, now, Input::Spawned { pid });
            }
            Err(error) => self.launch_failed(host, now, error),
        }
    }

    fn launch_failed(&mut self, host: &mut Host, now: Now, error: SpawnError) {
        host.release_socket(now, &self.config);
        self.step(host, now, Input::SpawnFailed { error });
    }

    /// From here on its output is read.
    fn adopt(&mut self, host: &mut Host, now: Now, launched: Launched) {
        let stdin = launched.stdin.map(|pipe| Rc::new(Stdin::new(pipe)));
        let open = Vec::with_capacity(launched.channels.len());
        if let Some(seat) = &self.seat {
            let envelopes = stdin.as_ref().map(|stdin| Rc::downgrade(stdin) as _);
            seat.pool.started(now, seat.listener, envelopes);
        }
        let mut child = Child { stdin, open, replies: None, drain_until: None };
        for (spec, file, pipe) in launched.channels {
            if let Err(error) = self.watch(host, &mut child, launched.pid, (spec, file, pipe)) {
                let text = format!("cannot watch the output of '{}': {error}", self.config.name);
                host.say(now, Level::Critical, text);
            }
        }
        self.child = Some(child);
    }

    fn watch(
        &self,
        host: &mut Host,
        child: &mut Child,
        pid: i32,
        (spec, file, pipe): (ChannelSpec, Option<FileSink>, OwnedFd),
    ) -> io::Result<()> {
        let channel = match &self.seat {
            Some(seat) if self.speaks_protocol(spec.channel) => {
                let channel = host.channels.attach_fed(spec, pid, file);
                child.replies = Some(Replies::read(pipe, seat.clone(), Arc::clone(&channel), host)?);
                channel
            }
            _ => host.channels.attach(spec, pid, pipe, file)?,
        };
        host.table.add_channel(channel.key, self.key);
        child.open.push(channel);
        Ok(())
    }

    /// It was reaped. What it left in its pipes comes first (D-352).
    pub fn died(&mut self, host: &mut Host, now: Now, status: ExitStatus) {
        self.stopped = Some(now.wall);
        self.step(host, now, Input::Died { status });
        if let Some(child) = &mut self.child {
            if let Some(replies) = &child.replies {
                replies.read_rest();
                // Its pool has nothing more for it.
                child.stdin = None;
            }
            child.drain_until = Some(now.mono + PATIENCE);
            for channel in &child.open {
                host.channels.finish(channel);
            }
        }
        host.deadlines.set(self.key, self.deadline());
        self.settle(host, now);
    }

    /// The log path tells of one of its channels.
    pub fn reported(&mut self, host: &mut Host, now: Now, channel: &Arc<Channel>, report: ChannelReport) {
        let (process, which, pid) = (channel.spec.process.clone(), channel.spec.channel, channel.pid);
        match report {
            ChannelReport::Output { bytes, lines, rotations, write_errors, data } => {
                if let (true, Some(data)) = (channel.spec.copied, &data) {
                    host.notice(now, Notice::OutputCopied(process.clone(), which, data.clone()));
                }
                // Figures alone are nobody's output.
                let announced = channel.spec.announced && data.is_some();
                let output = Output {
                    process,
                    pid,
                    channel: which,
                    bytes,
                    lines,
                    rotations,
                    write_errors,
                    data,
                    announced,
                };
                host.publish(now, Event::OutputRead(output));
            }
            ChannelReport::Message(data) => {
                let message = Communication { process: process.clone(), pid, channel: which, data };
                host.publish(now, Event::Communicated(message));
                if host.tells_details() {
                    host.notice(now, Notice::CommunicationEmitted(process, which));
                }
            }
            ChannelReport::Ended { fd } => host.notice(now, Notice::ChannelClosed(process, which, fd)),
            ChannelReport::LogFailed(error) => {
                host.notice(now, Notice::LogWriteFailed(process, which, error.into()));
            }
            ChannelReport::Dropped(bytes) => host.notice(now, Notice::OutputDropped(process, which, bytes)),
            ChannelReport::Finished => self.channel_finished(host, now, channel),
        }
    }

    fn channel_finished(&mut self, host: &mut Host, now: Now, channel: &Arc<Channel>) {
        host.table.remove_channel(channel.key);
        if let Some(child) = &mut self.child {
            child.open.retain(|open| open.key != channel.key);
        }
        self.settle(host, now);
    }

    /// Once a dead child's output is handled, its exit is decided.
    fn settle(&mut self, host: &mut Host, now: Now) {
        let over = |child: &Child| child.drain_until.is_some() && child.open.is_empty();
        if self.child.as_ref().is_some_and(over) {
            host.release_socket(now, &self.config);
            self.child = None;
            self.step(host, now, Input::Drained);
            if let Some(seat) = &self.seat {
                seat.pool.ended(now, seat.listener);
            }
        }
    }

    /// Its deadline is reached: the log file or a worker had its time, or the machine wants to look.
    pub fn deadline_reached(&mut self, host: &mut Host, now: Now) {
        let over = |until: Option<Moment>| until.is_some_and(|until| until <= now.mono);
        if over(self.drain_until()) {
            self.give_up_output(host, now);
        } else if over(self.give_up_launch_at()) {
            self.launch = None;
            self.launch_failed(host, now, "stopped before it could be started".into());
        } else {
            self.step(host, now, Input::DeadlineReached);
        }
    }

    /// Lets go of everything, for a process that will be no more (C-304). A child that nobody could end
    /// (UNKNOWN) is left to itself.
    pub fn release(mut self, host: &mut Host, now: Now) {
        if let Some(child) = self.child.take() {
            for channel in child.open {
                host.channels.abandon(&channel);
                host.table.remove_channel(channel.key);
            }
            host.release_socket(now, &self.config);
        }
        host.deadlines.set(self.key, None);
    }

    fn give_up_output(&mut self, host: &mut Host, now: Now) {
        let stuck = self.child.as_mut().map(|child| std::mem::take(&mut child.open)).unwrap_or_default();
        for channel in stuck {
            let dropped = host.channels.abandon(&channel);
            if let Some(figures) = channel.take_figures() {
                self.reported(host, now, &channel, figures);
            }
            host.table.remove_channel(channel.key);
            if dropped > 0 {
                let (process, which) = (channel.spec.process.clone(), channel.spec.channel);
                host.notice(now, Notice::OutputDropped(process, which, dropped));
            }
        }
        self.settle(host, now);
    }

    fn deadline(&self) -> Option<Moment> {
        let own = [self.drain_until(), self.give_up_launch_at()];
        let all = [self.machine.deadline(), self.waiters.report_deadline()].into_iter().chain(own);
        all.flatten().min()
    }

    fn drain_until(&self) -> Option<Moment> {
        self.child.as_ref().and_then(|child| child.drain_until)
    }

    fn give_up_launch_at(&self) -> Option<Moment> {
        self.launch.as_ref().and_then(|launch| launch.give_up_at)
    }
}

fn policy(config: &ProcessConfig) -> Policy {
    Policy {
        autostart: config.autostart,
        autorestart: match config.autorestart {
            AutoRestart::Never => RestartRule::Never,
            AutoRestart::Unexpected => RestartRule::Unexpected,
            AutoRestart::Always => RestartRule::Always,
        },
        startsecs: config.startsecs,
        startretries: config.startretries,
        exitcodes: config.exitcodes.clone(),
        stopsignal: config.stopsignal,
        stopwaitsecs: config.stopwaitsecs,
        stopasgroup: config.stopasgroup,
        killasgroup: config.killasgroup,
    }
}
