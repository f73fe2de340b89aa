//! The narrow seam to the kernel's processes: spawn, signal, reap. Tests replace it.

use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::signal::{kill, killpg};
use nix::unistd::Pid;

use super::reaper::{self, Reaped};
use super::spawn::{self, ForkError, SpawnRequest};
use super::unclaimed;
use crate::model::signal::Signal;

/// What the daemon asks of the kernel for its children.
pub trait Kernel: Send + Sync {
    /// Forks and executes; the pid. May take as long as execve(2) does.
    fn spawn(&self, request: &SpawnRequest<'_>) -> Result<i32, ForkError>;

    /// The daemon has heard of this child.
    fn claim(&self, _pid: i32) {}

    /// Kills the children of which the daemon has not heard, some of which may not have executed yet.
    fn end_unclaimed(&self) {}

    /// Sends a signal to a process, or to its process group.
    fn signal(&self, pid: i32, group: bool, signal: Signal) -> Result<(), SignalFailure>;

    /// Reaps one dead child, without waiting.
    fn reap(&self) -> Reaped;
}

/// Why a signal could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalFailure {
    /// ESRCH: it is gone already.
    NoSuchProcess,
    /// Anything else, described.
    Other(Arc<str>),
}

/// The real kernel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unix;

impl Kernel for Unix {
    fn spawn(&self, request: &SpawnRequest<'_>) -> Result<i32, ForkError> {
        spawn::spawn(request)
    }

    fn claim(&self, pid: i32) {
        unclaimed::claim(pid);
    }

    fn end_unclaimed(&self) {
        unclaimed::end_all();
    }

    fn signal(&self, pid: i32, group: bool, signal: Signal) -> Result<(), SignalFailure> {
        send(pid, group, signal).map_err(|errno| match errno {
            Errno::ESRCH => SignalFailure::NoSuchProcess,
            other => SignalFailure::Other(format!("[Errno {}] {}", other as i32, other.desc()).into()),
        })
    }

    fn reap(&self) -> Reaped {
        reaper::reap()
    }
}

fn send(pid: i32, group: bool, signal: Signal) -> nix::Result<()> {
    // Real-time signals have no name in nix's enum; kill(2) takes any number.
    let number = nix::sys::signal::Signal::try_from(signal.number());
    match (number, group) {
        (Ok(named), false) => kill(Pid::from_raw(pid), named),
        (Ok(named), true) => killpg(Pid::from_raw(pid), named),
        (Err(_), group) => {
            let target = if group { -pid } else { pid };
            // SAFETY: kill takes plain numbers and touches no memory.
            Errno::result(unsafe { nix::libc::kill(target, signal.number()) }).map(drop)
        }
    }
}
