//! The loop: whatever wakes the daemon becomes one `Wake`, and one synchronous function handles it.
//!
//! Owner of all state of a generation (the time between two full reloads). Everything happens on one
//! thread, so the order of statements is the order of events; nothing here waits for a disk, a client
//! or a listener. What is due by the clock comes after what happened, in the same pass.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;

use super::command::Command;
use super::figures::ConfigReading;
use super::group::{Group, GroupLogs, Groups};
use super::host::{Answer, Host};
use super::launch::{Launched, SpawnError};
use super::pools::Pools;
use super::process::Process;
use super::reload::Occasion;
use super::table::{Ended, ProcessKey};
use crate::config::schema::{Config, GroupConfig};
use crate::logs::channels::Lookout;
use crate::machine::process::Input;
use crate::machine::shutdown::ShutdownPlan;
use crate::machine::tick::{self, TickClock};
use crate::model::event::{Event, GroupChange, SupervisorChange};
use crate::model::exit::ExitStatus;
use crate::model::name::ProcessName;
use crate::model::notice::{Level, Notice, SignalMeaning};
use crate::model::signal::Signal;
use crate::model::state::SupervisorState;
use crate::model::time::{Moment, Now};
use crate::sys::poller::Poller;
use crate::sys::reaper::Reaped;
use crate::sys::signals::Signals;
use crate::sys::timer::DeadlineTimer;

/// Answers of workers that are handled before anything else has a look in.
const ANSWERS_PER_PASS: usize = 32;

/// Passes of the loop, if each has something to do, before clients and listeners have a look in.
const PASSES_IN_A_ROW: u32 = 8;

/// Reads the configuration again; run by a worker. The errors are as shown.
pub type Loader = Arc<dyn Fn() -> Result<Box<Config>, Vec<String>> + Send + Sync>;

/// How a generation ended.
pub enum Outcome {
    /// The daemon is to end.
    Exit,
    /// Everything is to start anew with this configuration.
    Restart(Box<Config>),
}

/// What wakes the daemon.
enum Wake {
    /// A signal came.
    Signal(Signal),
    /// A quiet channel has something to tell.
    Output,
    /// Workers have something to tell.
    Workers,
    /// Somebody wants something.
    Command(Command),
    /// There may be more dead children.
    Children,
    /// Something is due.
    Deadline,
}

/// Where wakes come from.
pub struct Sources {
    /// Unix signals.
    pub signals: Signals,
    /// Rung by the workers.
    pub bell: Arc<Notify>,
    /// What the daemon reads itself.
    pub lookout: Lookout,
    /// Tells when there is something to see.
    pub sight: AsyncFd<Arc<Poller>>,
    /// Rings when something is due.
    pub timer: DeadlineTimer,
    /// The mailbox.
    pub commands: Receiver<Command>,
    /// What workers were asked for.
    pub answers: mpsc::Receiver<Answer>,
}

/// The daemon of one generation.
pub struct Supervisor {
    pub(super) host: Host,
    pub(super) processes: BTreeMap<ProcessKey, Process>,
    pub(super) groups: Groups,
    pub(super) state: SupervisorState,
    pub(super) shutdown: Option<ShutdownPlan>,
    /// All processes, sorted as C-221 has it.
    pub(super) names: BTreeMap<ProcessName, ProcessKey>,
    /// The groups of the configuration last read.
    pub(super) configured: Vec<Arc<GroupConfig>>,
    pub(super) loader: Loader,
    pub(super) config_reading: ConfigReading,
    pub(super) next_config: Option<Box<Config>>,
    pub(super) pools: Pools,
    ticks: TickClock,
    next_tick: Moment,
    next_key: u64,
    /// Configurations that are being read.
    pub(super) loading: usize,
    /// There may be more dead children than were reaped.
    reaping: bool,
}

impl Supervisor {
    /// A daemon without groups. `configured` are those of the configuration.
    pub fn new(host: Host, loader: Loader, configured: Vec<Arc<GroupConfig>>) -> Self {
        let now = host.clock.now().wall;
        let ticks = TickClock::new(now);
        Self {
            host,
            processes: BTreeMap::new(),
            groups: Groups::default(),
            state: SupervisorState::Running,
            shutdown: None,
            names: BTreeMap::new(),
            configured,
            loader,
            config_reading: ConfigReading::good(now),
            next_config: None,
            pools: Pools::default(),
            ticks,
            next_tick: Moment::default(),
            next_key: 0,
            loading: 0,
            reaping: false,
        }
    }

    /// Adds a group, unless there is one of this name (D-175).
    pub fn add_group(&mut self, config: Arc<GroupConfig>, logs: GroupLogs) {
        if self.groups.get(&config.name).is_some() {
            return;
        }
        let name = Arc::clone(&config.name);
        let pool = self.open_pool(&config);
        let next_key = &mut self.next_key;
        let (group, processes) = Group::new(config, logs, pool.as_ref().map(|(pool, _)| pool), || {
            *next_key += 1;
            ProcessKey(*next_key)
        });
        if let Some(pool) = pool {
            self.seat_pool(&name, pool, group.processes.clone());
        }
        self.groups.add(group);
        self.host.changes += 1;
        for process in processes {
            self.names.insert(process.config().name.clone(), process.key());
            self.processes.insert(process.key(), process);
        }
        self.host.publish(self.host.clock.now(), Event::GroupChanged(GroupChange::Added(name)));
    }

    /// Starts what is to be started, and supervises until everything is stopped again.
    pub async fn run(&mut self, sources: &mut Sources) -> Outcome {
        self.open();
        let mut passes = 0_u32;
        loop {
            self.settle();
            if !self.reaping && self.is_over() {
                return self.next_config.take().map_or(Outcome::Exit, Outcome::Restart);
            }
            let wake = self.next_wake(sources).await;
            self.handle(wake, sources);
            passes += 1;
            if passes.is_multiple_of(PASSES_IN_A_ROW) {
                // There may always be something to take from the workers: others want a turn.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Everything is stopped, and the configuration that was asked for last is there.
    fn is_over(&self) -> bool {
        let stopped = self.shutdown.as_ref().is_some_and(ShutdownPlan::is_done);
        stopped && (self.loading == 0 || self.state == SupervisorState::Shutdown)
    }

    /// E-051, D-285
    fn open(&mut self) {
        let now = self.host.clock.now();
        self.host.publish(now, Event::SupervisorChanged(SupervisorChange::Running));
        let order: Vec<_> = self.groups.iter().flat_map(|group| group.processes.clone()).collect();
        for key in order {
            self.step(key, now, Input::Autostart);
        }
    }

    async fn next_wake(&self, sources: &mut Sources) -> Wake {
        if self.reaping {
            return Wake::Children;
        }
        let deadline = self.next_deadline();
        tokio::select! {
            signal = sources.signals.next() => Wake::Signal(signal),
            () = sources.bell.notified() => Wake::Workers,
            Ok(mut ready) = sources.sight.readable() => {
                // All that is there is read.
                ready.clear_ready();
                Wake::Output
            }
            Some(command) = sources.commands.recv() => Wake::Command(command),
            () = sources.timer.until(deadline) => Wake::Deadline,
        }
    }

    fn next_deadline(&self) -> Moment {
        let tick = self.next_tick;
        let report = self.shutdown.as_ref().and_then(ShutdownPlan::report_deadline);
        [self.host.deadlines.next(), report, self.linger_deadline()]
            .into_iter()
            .flatten()
            .fold(tick, Moment::min)
    }

    fn handle(&mut self, wake: Wake, sources: &mut Sources) {
        let now = self.host.clock.now();
        match wake {
            Wake::Signal(signal) => self.on_signal(now, signal),
            Wake::Output => self.on_output(now, sources),
            Wake::Workers => self.on_workers(now, sources),
            Wake::Command(command) => self.on_command(command, now),
            Wake::Children => self.reap(now),
            Wake::Deadline => {}
        }
    }

    /// What is due by the clock, and the shutdown's next step; then the log is handed on.
    fn settle(&mut self) {
        let now = self.host.clock.now();
        let due = self.host.deadlines.due(now.mono);
        if !due.is_empty() {
            // What a log file has taken in time counts, though it was not yet told.
            self.take_reports(now);
        }
        for key in due {
            if let Some(process) = self.processes.get_mut(&key) {
                process.deadline_reached(&mut self.host, now);
            }
        }
        self.tick(now);
        self.advance_stop(now);
        self.serve_pools(now);
        self.host.journal.flush(self.host.channels.workers());
    }

    fn tick(&mut self, now: Now) {
        let mut ticks = Vec::new();
        self.ticks.advance(now.wall, &mut ticks);
        if self.next_tick <= now.mono || !ticks.is_empty() {
            self.next_tick = now.mono + tick::next_boundary(now.wall);
        }
        for tick in ticks {
            self.host.publish(now, Event::Ticked(tick));
        }
    }

    pub(super) fn step(&mut self, key: ProcessKey, now: Now, input: Input) {
        if let Some(process) = self.processes.get_mut(&key) {
            process.step(&mut self.host, now, input);
        }
    }

    fn on_signal(&mut self, now: Now, signal: Signal) {
        let meaning = match signal {
            Signal::CHLD => SignalMeaning::ChildQuit,
            Signal::HUP if self.state == SupervisorState::Shutdown => SignalMeaning::RestartIgnored,
            Signal::HUP => SignalMeaning::Restart,
            Signal::USR2 => SignalMeaning::Reopen,
            _ => SignalMeaning::Exit,
        };
        self.host.notice(now, Notice::SignalReceived(signal, meaning));
        match meaning {
            SignalMeaning::ChildQuit => self.reap(now),
            SignalMeaning::Exit => self.exit(now),
            SignalMeaning::Restart => self.load_configuration(Occasion::Signal),
            SignalMeaning::RestartIgnored => {}
            SignalMeaning::Reopen => self.reopen_logs(now),
        }
    }

    pub(super) fn exit(&mut self, now: Now) {
        self.next_config = None;
        self.begin_stop(now, SupervisorState::Shutdown);
    }

    /// SIGCHLD coalesces: until nothing is left. To find that out takes a look at every child, so while groups
    /// are stopped one after the other, the next one's turn comes first.
    fn reap(&mut self, now: Now) {
        self.reaping = false;
        loop {
            match self.host.kernel.reap() {
                Reaped::Child(pid, status) => {
                    self.reaped(now, pid, status);
                    if self.shutdown.is_some() {
                        self.reaping = true;
                        return;
                    }
                }
                Reaped::Nothing => return,
                Reaped::Failed(errno) => {
                    let text = format!("waitpid error {errno}; a process may not be cleaned up properly");
                    return self.host.say(now, Level::Critical, text);
                }
            }
        }
    }

    fn reaped(&mut self, now: Now, pid: i32, status: ExitStatus) {
        match self.host.table.reaped(pid, status) {
            Ended::Process(key) => self.died(key, now, status),
            Ended::Early => {}
            Ended::Stranger => self.host.notice(now, Notice::ReapedUnknown(pid, status)),
        }
    }

    fn died(&mut self, key: ProcessKey, now: Now, status: ExitStatus) {
        if let Some(process) = self.processes.get_mut(&key) {
            process.died(&mut self.host, now, status);
        }
        self.take_reports(now);
    }

    fn launched(&mut self, now: Now, key: ProcessKey, number: u64, result: Result<Launched, SpawnError>) {
        if let Ok(launched) = &result {
            self.host.kernel.claim(launched.pid);
        }
        let launch_over = self.host.table.launch_over(result.as_ref().ok().map(|launched| launched.pid));
        match self.processes.get_mut(&key) {
            Some(process) if process.awaits(number) => {
                if let Ok(launched) = &result
                    && launch_over.is_none()
                {
                    self.host.table.add_pid(launched.pid, key);
                }
                process.launched(&mut self.host, now, result);
                if let Some(status) = launch_over {
                    self.died(key, now, status);
                }
            }
            _ => self.end_unwanted(now, result, launch_over),
        }
        for (pid, status) in self.host.table.strangers() {
            self.host.notice(now, Notice::ReapedUnknown(pid, status));
        }
    }

    /// A launch that was given up has a child after all; it is killed, and reaped as a stranger's.
    fn end_unwanted(&mut self, now: Now, result: Result<Launched, SpawnError>, ended: Option<ExitStatus>) {
        let Ok(Launched { pid, .. }) = result else { return };
        match ended {
            Some(status) => self.host.notice(now, Notice::ReapedUnknown(pid, status)),
            // It may be ending by itself.
            None => drop(self.host.kernel.signal(pid, true, Signal::KILL)),
        }
    }

    fn on_output(&mut self, now: Now, sources: &mut Sources) {
        sources.lookout.look();
        self.take_reports(now);
    }

    fn on_workers(&mut self, now: Now, sources: &Sources) {
        self.take_reports(now);
        for _ in 0..ANSWERS_PER_PASS {
            match sources.answers.try_recv() {
                Ok(answer) => self.on_answer(self.host.clock.now(), answer),
                Err(_) => return,
            }
        }
        sources.bell.notify_one();
    }

    fn take_reports(&mut self, now: Now) {
        for (channel, report) in self.host.channels.take_reports() {
            let owner = self.host.table.owner_of_channel(channel.key);
            if let Some(process) = owner.and_then(|key| self.processes.get_mut(&key)) {
                process.reported(&mut self.host, now, &channel, report);
            }
        }
    }

    fn on_answer(&mut self, now: Now, answer: Answer) {
        match answer {
            Answer::Launched(key, number, result) => self.launched(now, key, number, result),
            Answer::ConfigLoaded(result, occasion) => self.on_configuration(now, result, occasion),
            Answer::CommandsChecked(checked, patience, results) => {
                self.start_checked(now, checked, patience, &results);
            }
            Answer::LogsMade(group, logs, reply) => self.on_logs_made(now, group, logs, reply),
            Answer::MainLogCleared(result, reply) => self.on_main_log_cleared(now, result, reply),
        }
    }

    /// D-264
    fn reopen_logs(&mut self, now: Now) {
        self.host.notice(now, Notice::LogReopening);
        self.host.journal.reopen(self.host.channels.workers());
        for channel in self.processes.values().flat_map(Process::channels) {
            self.host.channels.reopen(channel);
        }
    }

    /// The process ends: nobody waits for starts that were given up.
    pub fn end_unfinished_starts(&self) {
        self.host.kernel.end_unclaimed();
    }

    /// Ends the generation: what the log holds back is written, within a second.
    pub fn close(&mut self) {
        self.close_pools(self.host.clock.now());
        self.host.journal.settle(self.host.channels.workers(), Duration::from_secs(1));
    }
}

#[cfg(test)]
mod tests;
