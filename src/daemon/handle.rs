//! The way into the daemon for everybody else: a bounded mailbox.
//!
//! A request that was taken is carried out even if nobody waits for its answer any more (C-263).

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::command::{
    Command, ConfiguredProcess, Difference, Done, Edition, LogSource, Patience, PoolInfo, ProcessInfo,
    Refusal, ReplyTo, Results,
};
use super::figures::Figures;
use crate::logs::read::{Excerpt, Window};
use crate::model::event::RemoteCommunication;
use crate::model::name::{ProcessName, Target};
use crate::model::signal::Signal;
use crate::model::state::SupervisorState;

/// Commands that may wait in the mailbox; a sender waits while it is full.
const MAILBOX: usize = 256;

/// Sends commands to the daemon. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    mailbox: mpsc::Sender<Command>,
}

/// The daemon is gone, or going: it takes no more commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl From<Gone> for Refusal {
    fn from(Gone: Gone) -> Self {
        Self::ShuttingDown
    }
}

impl Handle {
    /// A handle, and the end of the mailbox that the daemon reads.
    pub fn new() -> (Self, mpsc::Receiver<Command>) {
        let (mailbox, commands) = mpsc::channel(MAILBOX);
        (Self { mailbox }, commands)
    }

    /// The daemon's state.
    pub async fn state(&self) -> Result<SupervisorState, Gone> {
        self.ask(Command::ReportState).await
    }

    /// The figures of everything, for metrics.
    pub async fn figures(&self) -> Result<Figures, Gone> {
        self.ask(Command::ReportFigures).await
    }

    /// All processes, in the order of C-221.
    pub async fn processes(&self) -> Result<Vec<ProcessInfo>, Gone> {
        self.processes_unless(None).await?.map(|(_, processes)| processes).ok_or(Gone)
    }

    /// The same with its edition, unless that is known.
    pub async fn processes_unless(
        &self,
        known: Option<Edition>,
    ) -> Result<Option<(Edition, Vec<ProcessInfo>)>, Gone> {
        self.ask(|answer| Command::ListProcesses(known, answer)).await
    }

    /// One process.
    pub async fn process(&self, name: ProcessName) -> Result<ProcessInfo, Refusal> {
        self.request(|answer| Command::DescribeProcess(name, answer)).await
    }

    /// All event listener pools.
    pub async fn pools(&self) -> Result<Vec<PoolInfo>, Gone> {
        self.ask(Command::ListPools).await
    }

    /// Starts one process, or those of several that are not started.
    pub async fn start(&self, target: Target, patience: Patience) -> Result<Results, Refusal> {
        self.request(|answer| Command::Start(target, patience, answer)).await
    }

    /// Stops one process, or those of several that are started.
    pub async fn stop(&self, target: Target, patience: Patience) -> Result<Results, Refusal> {
        self.request(|answer| Command::Stop(target, patience, answer)).await
    }

    /// Sends a signal to one process, or to those of several that can get one; `None` where what the
    /// client named is no signal.
    pub async fn signal(&self, target: Target, signal: Option<Signal>) -> Result<Results, Refusal> {
        self.request(|answer| Command::Signal(target, signal, answer)).await
    }

    /// Writes to a process' stdin; what its pipe does not take at once is written later.
    pub async fn send_stdin(&self, name: ProcessName, data: Bytes) -> Result<(), Refusal> {
        self.request(|answer| Command::SendStdin(name, data, answer)).await
    }

    /// Tells the event listeners something; also while the daemon shuts down.
    pub async fn communicate(&self, message: RemoteCommunication) -> Result<(), Gone> {
        self.ask(|answer| Command::Communicate(message, answer)).await
    }

    /// Reads from a log.
    pub async fn read_log(&self, source: LogSource, window: Window) -> Result<Excerpt, Refusal> {
        self.request(|answer| Command::ReadLog(source, window, answer)).await
    }

    /// The file of a log; whether it exists is not looked at.
    pub async fn locate_log(&self, source: LogSource) -> Result<Arc<PathBuf>, Refusal> {
        self.request(|answer| Command::LocateLog(source, answer)).await
    }

    /// Begins the activity log anew.
    pub async fn clear_main_log(&self) -> Result<(), Refusal> {
        self.request(Command::ClearMainLog).await
    }

    /// Begins the logs of processes anew; results in start order.
    pub async fn clear_logs(&self, target: Target) -> Result<Vec<Done>, Refusal> {
        self.request(|answer| Command::ClearLogs(target, answer)).await
    }

    /// Reads the configuration again.
    pub async fn reread(&self) -> Result<Difference, Refusal> {
        self.request(Command::Reread).await
    }

    /// Makes a group of the configuration last read an active one.
    pub async fn add_group(&self, name: Arc<str>) -> Result<(), Refusal> {
        self.request(|answer| Command::AddGroup(name, answer)).await
    }

    /// Ends a group that is stopped.
    pub async fn remove_group(&self, name: Arc<str>) -> Result<(), Refusal> {
        self.request(|answer| Command::RemoveGroup(name, answer)).await
    }

    /// The processes of the configuration last read, in the order of C-305.
    pub async fn configuration(&self) -> Result<Vec<ConfiguredProcess>, Gone> {
        self.ask(Command::ListConfiguration).await
    }

    /// Begins to shut down.
    pub async fn shut_down(&self) -> Result<(), Gone> {
        self.ask(Command::ShutDown).await
    }

    /// Begins to start anew, if the configuration is good.
    pub async fn restart(&self) -> Result<(), Refusal> {
        self.request(Command::Restart).await
    }

    async fn request<T>(&self, command: impl FnOnce(ReplyTo<T>) -> Command) -> Result<T, Refusal> {
        self.ask(command).await?
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Gone> {
        let (answer, ticket) = oneshot::channel();
        self.mailbox.send(command(answer)).await.map_err(|_| Gone)?;
        ticket.await.map_err(|_| Gone)
    }
}
