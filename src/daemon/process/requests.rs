//! What clients want of one process: checked against its state, then told to its machine.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::Process;
use crate::daemon::command::{Patience, Refusal};
use crate::daemon::host::Host;
use crate::daemon::waiters::{Goal, ResultSender};
use crate::machine::process::Input;
use crate::model::event::Channel;
use crate::model::signal::Signal;
use crate::model::state::ProcessState;
use crate::model::time::Now;

impl Process {
    /// Starts it, whose command was found to be executable (C-250 to C-255). The result is sent when it
    /// is known; an error here is the caller's to send.
    pub fn request_start(
        &mut self,
        host: &mut Host,
        now: Now,
        patience: Patience,
        results: &ResultSender,
    ) -> Result<(), Refusal> {
        match self.state() {
            ProcessState::Running | ProcessState::Starting | ProcessState::Backoff => {
                return Err(Refusal::AlreadyStarted);
            }
            ProcessState::Unknown => return Err(Refusal::UnknownState),
            ProcessState::Stopping => return Err(Refusal::StartInterrupted),
            ProcessState::Stopped | ProcessState::Exited | ProcessState::Fatal => {}
        }
        let goal = if patience == Patience::Wait { Goal::Running } else { Goal::Spawned };
        self.waiters.add(goal, results.clone());
        self.step(host, now, Input::StartRequested);
        Ok(())
    }

    /// Stops it (C-259, C-260). `Ok(true)`: done as far as the client wants to wait; `Ok(false)`: the result
    /// is sent later.
    pub fn request_stop(
        &mut self,
        host: &mut Host,
        now: Now,
        patience: Patience,
        results: &ResultSender,
    ) -> Result<bool, Refusal> {
        if !self.state().is_running() {
            return Err(Refusal::NotRunning);
        }
        if patience == Patience::Wait {
            self.waiters.add(Goal::Stopped, results.clone());
        }
        self.step(host, now, Input::StopRequested);
        match (patience, self.state()) {
            (Patience::Wait, _) => Ok(false),
            (Patience::Hurry, ProcessState::Unknown) => Err(Refusal::SignalFailed),
            (Patience::Hurry, _) => Ok(true),
        }
    }

    /// Sends it a signal (C-265 to C-267). While it is being spawned there is nothing yet to send it to.
    pub fn request_signal(
        &mut self,
        host: &mut Host,
        now: Now,
        signal: Option<Signal>,
    ) -> Result<(), Refusal> {
        let signal = signal.ok_or(Refusal::BadSignal)?;
        if !self.state().is_signallable() || self.machine.pid().is_none() {
            return Err(Refusal::NotRunning);
        }
        self.step(host, now, Input::SignalRequested(signal));
        if self.state() == ProcessState::Unknown { Err(Refusal::SignalFailed) } else { Ok(()) }
    }

    /// Writes to its stdin (C-268).
    pub fn send_stdin(&mut self, text: Bytes) -> Result<(), Refusal> {
        let stopping = self.state() == ProcessState::Stopping;
        let child = self.child.as_mut().filter(|child| child.drain_until.is_none() && !stopping);
        let stdin = &child.ok_or(Refusal::NotRunning)?.stdin;
        stdin.as_ref().ok_or(Refusal::StdinClosed)?.send(&text)
    }

    /// Bytes that its stdin has not taken yet.
    pub fn unsent(&self) -> usize {
        self.child.as_ref().and_then(|child| child.stdin.as_ref()).map_or(0, |stdin| stdin.waiting())
    }

    /// The log of one of its channels.
    pub fn log(&self, channel: Channel) -> Option<&Arc<PathBuf>> {
        match channel {
            Channel::Stdout => self.logs.stdout.as_ref(),
            Channel::Stderr => self.logs.stderr.as_ref(),
        }
    }
}
