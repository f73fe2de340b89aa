//! Reaping: the only caller of waitpid in the daemon.

use nix::errno::Errno;
use nix::libc;

use crate::model::exit::ExitStatus;
use crate::model::signal::Signal;

/// A dead child, or news about one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaped {
    /// This child ended like this.
    Child(i32, ExitStatus),
    /// No child has ended (or there is none).
    Nothing,
    /// waitpid failed; a process may not be cleaned up (D-475).
    Failed(i32),
}

/// Reaps one dead child, without waiting. SIGCHLD coalesces: to be called until it says `Nothing`.
pub fn reap() -> Reaped {
    let mut status = 0;
    loop {
        // SAFETY: waitpid stores the status through a pointer that is valid for it.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        return match pid {
            0 => Reaped::Nothing,
            -1 if Errno::last() == Errno::EINTR => continue,
            -1 if Errno::last() == Errno::ECHILD => Reaped::Nothing,
            -1 => Reaped::Failed(Errno::last_raw()),
            pid => Reaped::Child(pid, decode(status)),
        };
    }
}

/// The wait status as a value; any number is some end of a process.
pub fn decode(status: i32) -> ExitStatus {
    if libc::WIFEXITED(status) {
        ExitStatus::Code(libc::WEXITSTATUS(status))
    } else {
        let signal = Signal::from_raw(libc::WTERMSIG(status));
        ExitStatus::Signaled { signal, core: libc::WCOREDUMP(status) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // D-308, D-323
    #[test]
    fn every_wait_status_decodes() {
        assert_eq!(decode(3 << 8), ExitStatus::Code(3));
        assert_eq!(decode(15), ExitStatus::Signaled { signal: Signal::TERM, core: false });
        assert_eq!(decode(11 | 0x80), ExitStatus::Signaled { signal: Signal::SEGV, core: true });
        for status in 0..=0xffff {
            decode(status);
        }
    }
}
