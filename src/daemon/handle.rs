//! The way into the daemon for everybody else: a bounded mailbox.

use tokio::sync::{mpsc, oneshot};

use super::command::{Command, ProcessInfo};
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

    /// All processes, in the order of C-221.
    pub async fn processes(&self) -> Result<Vec<ProcessInfo>, Gone> {
        self.ask(Command::ListProcesses).await
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Gone> {
        let (answer, ticket) = oneshot::channel();
        self.mailbox.send(command(answer)).await.map_err(|_| Gone)?;
        ticket.await.map_err(|_| Gone)
    }
}
