//! A kernel whose children are played by a test (test-only).
//!
//! A spawn forks nothing: it gives the next pid, and the test gets the child's ends of the pipes as a
//! [`ScriptedChild`]. How and when children end is the test's to say.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::os::fd::BorrowedFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;

use super::kernel::{Kernel, SignalFailure};
use super::reaper::Reaped;
use super::spawn::{ForkError, SpawnRequest};
use crate::model::exit::ExitStatus;
use crate::model::signal::Signal;

/// The pid of the first child whose pid was not chosen.
const FIRST_PID: i32 = 101;

/// A kernel that does what it is told, and remembers what was asked of it.
#[derive(Default)]
pub struct ScriptedKernel {
    script: Mutex<Script>,
    changed: Condvar,
}

#[derive(Default)]
struct Script {
    spawns: VecDeque<Result<i32, Errno>>,
    spawned: i32,
    held: bool,
    children: VecDeque<ScriptedChild>,
    ends: VecDeque<Reaped>,
    failures: VecDeque<SignalFailure>,
    signals: Vec<SentSignal>,
    unclaimed: Vec<i32>,
}

/// A signal that was sent: to which pid, whether to its group, which.
pub type SentSignal = (i32, bool, Signal);

/// A child, as the test plays it.
#[derive(Debug)]
pub struct ScriptedChild {
    /// Its pid.
    pub pid: i32,
    /// The words of its command line.
    pub argv: Vec<String>,
    /// Its environment, `NAME=value`.
    pub environment: Vec<String>,
    /// Its descriptor 0.
    pub stdin: File,
    /// Its descriptor 1.
    pub stdout: File,
    /// Its descriptor 2.
    pub stderr: File,
}

impl ScriptedKernel {
    /// The next spawn gives this pid, or fails; without a script it gives the next number.
    pub fn script_spawn(&self, outcome: Result<i32, Errno>) {
        self.lock().spawns.push_back(outcome);
    }

    /// Spawns that begin from now on last until [`Self::release_spawns`].
    pub fn hold_spawns(&self) {
        self.lock().held = true;
    }

    /// Ends what [`Self::hold_spawns`] began.
    pub fn release_spawns(&self) {
        self.lock().held = false;
        self.changed.notify_all();
    }

    /// The child that was spawned first of those not taken yet.
    pub fn take_child(&self) -> Option<ScriptedChild> {
        self.lock().children.pop_front()
    }

    /// A child has ended: `reap` will tell.
    pub fn end(&self, pid: i32, status: ExitStatus) {
        self.push_end(Reaped::Child(pid, status));
    }

    /// What `reap` gives, after what it has still to give.
    pub fn push_end(&self, reaped: Reaped) {
        self.lock().ends.push_back(reaped);
    }

    /// The next signal that is sent fails like this.
    pub fn fail_signal(&self, failure: SignalFailure) {
        self.lock().failures.push_back(failure);
    }

    /// What was sent since the last look, failures too.
    pub fn take_signals(&self) -> Vec<SentSignal> {
        std::mem::take(&mut self.lock().signals)
    }

    /// The children that the daemon has not said it has heard of.
    pub fn unclaimed(&self) -> Vec<i32> {
        self.lock().unclaimed.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kernel for ScriptedKernel {
    fn spawn(&self, request: &SpawnRequest<'_>) -> Result<i32, ForkError> {
        let mut script = self.lock();
        while script.held {
            script = self.changed.wait(script).unwrap_or_else(PoisonError::into_inner);
        }
        script.spawned += 1;
        let next = FIRST_PID - 1 + script.spawned;
        let pid = script.spawns.pop_front().unwrap_or(Ok(next)).map_err(ForkError)?;
        script.children.push_back(ScriptedChild::new(pid, request));
        script.unclaimed.push(pid);
        Ok(pid)
    }

    fn claim(&self, pid: i32) {
        self.lock().unclaimed.retain(|other| *other != pid);
    }

    fn signal(&self, pid: i32, group: bool, signal: Signal) -> Result<(), SignalFailure> {
        let mut script = self.lock();
        script.signals.push((pid, group, signal));
        script.failures.pop_front().map_or(Ok(()), Err)
    }

    fn reap(&self) -> Reaped {
        self.lock().ends.pop_front().unwrap_or(Reaped::Nothing)
    }
}

impl ScriptedChild {
    fn new(pid: i32, request: &SpawnRequest<'_>) -> Self {
        let file = |fd: BorrowedFd<'_>| File::from(fd.try_clone_to_owned().unwrap());
        let [stdin, stdout, stderr] = request.stdio.map(file);
        Self {
            pid,
            argv: request.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
            environment: request.environment.iter().map(|s| s.to_string_lossy().into_owned()).collect(),
            stdin,
            stdout,
            stderr,
        }
    }

    /// Writes to its stdout; waits while the pipe is full.
    pub fn say(&mut self, text: impl AsRef<[u8]>) {
        self.stdout.write_all(text.as_ref()).unwrap();
    }
}
