//! Requests to the daemon, and what it answers.
//!
//! A [`Command`] is what somebody wants; what has happened is a `model::event::Event`. Every command
//! carries the sender of its answer; an answer nobody waits for any more is dropped.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::model::name::ProcessName;
use crate::model::state::{ProcessState, SupervisorState};
use crate::model::time::WallTime;

/// A request to the daemon.
#[derive(Debug)]
pub enum Command {
    /// Tell the daemon's state.
    ReportState(oneshot::Sender<SupervisorState>),
    /// Describe all processes, sorted by group name, then process name (C-221).
    ListProcesses(oneshot::Sender<Vec<ProcessInfo>>),
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
