//! Requests to the daemon, and what it answers.
//!
//! A [`Command`] is what somebody wants; what has happened is a `model::event::Event`. Every command
//! carries the sender of its answer; an answer nobody waits for any more is dropped. Once a shutdown or
//! restart began, a command that would find nothing to work with is dropped unanswered (C-320).

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::figures::Figures;
use super::process::LogPaths;
use crate::config::schema::{GroupConfig, ProcessConfig};
use crate::logs::read::{Excerpt, Window};
use crate::machine::pool::PoolFigures;
use crate::model::event::{Channel, EventKind, RemoteCommunication};
use crate::model::name::{ProcessName, Target};
use crate::model::signal::Signal;
use crate::model::state::{ProcessState, SupervisorState};
use crate::model::time::WallTime;

/// Where the answer of a request goes that can be refused.
pub type ReplyTo<T> = oneshot::Sender<Result<T, Refusal>>;

/// A request to the daemon.
#[derive(Debug)]
pub enum Command {
    /// Tell the daemon's state.
    ReportState(oneshot::Sender<SupervisorState>),
    /// Tell the figures of everything, also during a shutdown.
    ReportFigures(oneshot::Sender<Figures>),
    /// Describe all processes, sorted by group name, then process name (C-221), unless the list is of this
    /// edition.
    ListProcesses(Option<Edition>, oneshot::Sender<Option<(Edition, Vec<ProcessInfo>)>>),
    /// Describe one process.
    DescribeProcess(ProcessName, ReplyTo<ProcessInfo>),
    /// Describe all event listener pools, in the order in which they were added.
    ListPools(oneshot::Sender<Vec<PoolInfo>>),
    /// Start processes: one, or those of several that are not started (C-250 to C-258).
    Start(Target, Patience, ReplyTo<Results>),
    /// Stop processes: one, or those of several that are started (C-256 to C-260).
    Stop(Target, Patience, ReplyTo<Results>),
    /// Send a signal to one process, or to those of several that can get one. `None` is no signal that
    /// there is, which is told of each process after its name was found (C-266).
    Signal(Target, Option<Signal>, ReplyTo<Results>),
    /// Write to a process' stdin (C-268).
    SendStdin(ProcessName, Bytes, ReplyTo<()>),
    /// Tell the listeners something (C-270).
    Communicate(RemoteCommunication, oneshot::Sender<()>),
    /// Read from a log (C-284 to C-291).
    ReadLog(LogSource, Window, ReplyTo<Excerpt>),
    /// Where a log is; [`Refusal::NoFile`] where there is none.
    LocateLog(LogSource, ReplyTo<Arc<PathBuf>>),
    /// Remove the activity log and begin a new one (C-216).
    ClearMainLog(ReplyTo<()>),
    /// Remove the logs of processes and begin new ones (C-292, C-293).
    ClearLogs(Target, ReplyTo<Vec<Done>>),
    /// Read the configuration again, and tell how it differs from what runs (C-300).
    Reread(ReplyTo<Difference>),
    /// Have a group of the configuration last read (C-303).
    AddGroup(Arc<str>, ReplyTo<()>),
    /// Have a stopped group no more (C-304).
    RemoveGroup(Arc<str>, ReplyTo<()>),
    /// All processes of the configuration last read, sorted by name alone (C-305).
    ListConfiguration(oneshot::Sender<Vec<ConfiguredProcess>>),
    /// Stop everything, and end.
    ShutDown(oneshot::Sender<()>),
    /// Read the configuration; if it is good, stop everything and start anew with it (D-263).
    Restart(ReplyTo<()>),
}

/// How long a start or stop is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Until it has led to what was wanted, or failed.
    Wait,
    /// Until it is under way.
    Hurry,
}

/// What became of a request to several processes, in the order in which that was known (C-257). The
/// end comes when the last is told.
pub type Results = mpsc::UnboundedReceiver<Done>;

/// What became of a request to one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The process.
    pub process: ProcessName,
    /// Whether it was done.
    pub result: Result<(), Refusal>,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The daemon ends, or starts anew.
    ShuttingDown,
    /// There is no such process or group.
    BadName,
    /// There is no such signal.
    BadSignal,
    /// The command's file does not exist; the text says which (C-250).
    CommandNotFound(Arc<str>),
    /// The command cannot be executed; the text says why (C-250).
    CommandUnusable(Arc<str>),
    /// It counts as started already.
    AlreadyStarted,
    /// Nobody knows what state it is in.
    UnknownState,
    /// It could not be started, or ended too quickly; the daemon may go on trying (C-255).
    StartFailed,
    /// It was stopped while its start was waited for.
    StartInterrupted,
    /// It is not started.
    NotRunning,
    /// A signal could not be sent.
    SignalFailed,
    /// It takes no input any more.
    StdinClosed,
    /// So much input is waiting that no more is taken.
    StdinFull,
    /// There is no such file: none is configured, or this one is missing.
    NoFile(Option<Arc<PathBuf>>),
    /// A file could not be read, removed or made.
    FileFailed,
    /// What was asked for makes no sense.
    BadWindow,
    /// The group is there already.
    AlreadyAdded,
    /// Something of the group is not stopped.
    StillRunning,
    /// What is wrong with the new configuration (C-302).
    BadConfiguration(String),
}

/// Whose log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogSource {
    /// The activity log.
    Main,
    /// A process' output channel.
    Process(ProcessName, Channel),
}

/// How the configuration last read differs from what runs: names of groups (C-300).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Not active yet.
    pub added: Vec<Arc<str>>,
    /// Active with other settings.
    pub changed: Vec<Arc<str>>,
    /// Active still.
    pub removed: Vec<Arc<str>>,
}

/// A process of the configuration last read (C-305).
#[derive(Clone, Debug)]
pub struct ConfiguredProcess {
    /// Its group.
    pub group: Arc<GroupConfig>,
    /// Itself.
    pub process: Arc<ProcessConfig>,
    /// Whether a group of that name is active.
    pub inuse: bool,
    /// Its log files, where these very settings are active: what AUTO became (C-307).
    pub logs: Option<LogPaths>,
}

/// An event listener pool as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolInfo {
    /// What it subscribes to, as configured.
    pub events: Vec<EventKind>,
    /// What it tells of itself.
    pub figures: PoolFigures,
    /// The processes of its listeners, in the same order.
    pub processes: Vec<ListenerProcess>,
}

/// The process of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerProcess {
    /// Its state.
    pub state: ProcessState,
    /// 0 when there is no process.
    pub pid: i32,
    /// Bytes of events that its stdin has not taken yet.
    pub unsent: usize,
}

/// Tells lists of all processes apart: two of one edition are the same, apart from fractions of a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edition {
    /// How much had happened to processes.
    pub changes: u64,
    /// When it was, in Unix seconds.
    pub second: i64,
}

/// One process as the API describes it (C-222 to C-230).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Group and name.
    pub name: ProcessName,
    /// Its state.
    pub state: ProcessState,
    /// When it was last started, if ever.
    pub start: Option<WallTime>,
    /// When it last ended, if ever.
    pub stop: Option<WallTime>,
    /// When this description was made.
    pub now: WallTime,
    /// The last start problem, or empty (D-478).
    pub spawnerr: Arc<str>,
    /// Exit code of the last run; -1 after a death by signal (C-226).
    pub exitstatus: i32,
    /// Path of the stdout log, if it is a file.
    pub stdout_logfile: Option<Arc<PathBuf>>,
    /// Path of the stderr log, if it is a file of its own.
    pub stderr_logfile: Option<Arc<PathBuf>>,
    /// 0 when there is no process.
    pub pid: i32,
}
