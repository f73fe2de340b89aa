//! Pipes between the daemon and its children. The daemon's ends never block; the children's do.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The pipes of one child: the daemon's ends and the child's.
#[derive(Debug)]
pub struct ChildPipes {
    /// Write end of its stdin, unless it has a socket there.
    pub stdin: Option<OwnedFd>,
    /// Read end of its stdout.
    pub stdout: OwnedFd,
    /// Read end of its stderr, unless that is its stdout.
    pub stderr: Option<OwnedFd>,
    /// What becomes the child's descriptors 0, 1 and 2; to be closed after the fork.
    pub child: ChildEnds,
}

/// The child's ends.
#[derive(Debug)]
pub struct ChildEnds {
    /// Descriptor 0; `None` where the caller puts a socket there.
    pub stdin: Option<OwnedFd>,
    /// Descriptor 1.
    pub stdout: OwnedFd,
    /// Descriptor 2; `None`: the same as 1.
    pub stderr: Option<OwnedFd>,
}

/// Opens the pipes of a child: with a stdin pipe unless `socket_stdin`, with a stderr pipe unless
/// `redirect_stderr` (D-341, D-184).
pub fn open(socket_stdin: bool, redirect_stderr: bool) -> io::Result<ChildPipes> {
    let stdin = if socket_stdin { None } else { Some(one()?) };
    let (stdout, child_stdout) = one()?;
    let stderr = if redirect_stderr { None } else { Some(one()?) };
    let (child_stdin, stdin) = stdin.unzip();
    let (stderr, child_stderr) = stderr.unzip();
    for end in [stdin.as_ref(), Some(&stdout), stderr.as_ref()].into_iter().flatten() {
        set_nonblocking(end.as_fd())?;
    }
    let child = ChildEnds { stdin: child_stdin, stdout: child_stdout, stderr: child_stderr };
    Ok(ChildPipes { stdin, stdout, stderr, child })
}

fn one() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe2(OFlag::O_CLOEXEC)?)
}

/// Sets O_NONBLOCK on a pipe's end just made: it has no other flag that could be lost.
fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

/// The daemon's end of a pipe, known to the runtime, which tells when it can be read.
pub fn readable(pipe: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` gives out the same descriptor, open, for as long as it lives.
    Ok(unsafe { AsyncFd::register_with_interest(pipe, Interest::READABLE) }?)
}

/// How many bytes can be read at once (FIONREAD); 0 where that cannot be told.
pub fn readable_bytes(fd: BorrowedFd<'_>) -> usize {
    let mut n: libc::c_int = 0;
    // SAFETY: FIONREAD stores one int through the pointer, which is valid for that.
    let rc = unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &raw mut n) };
    if rc == 0 { usize::try_from(n).unwrap_or(0) } else { 0 }
}

/// Gives a busy pipe more room, so that reader and writer take turns less often. Where there is none to be
/// had (a user's pipes share a quota), it stays as it is.
#[cfg(target_os = "linux")]
pub fn enlarge(fd: BorrowedFd<'_>, bytes: i32) {
    let _size = fcntl(fd, FcntlArg::F_SETPIPE_SZ(bytes));
}

/// Pipes cannot be enlarged here.
#[cfg(not(target_os = "linux"))]
pub fn enlarge(_: BorrowedFd<'_>, _: i32) {}

/// Whether nobody has the write end any more.
pub fn is_hung_up(fd: BorrowedFd<'_>) -> bool {
    let mut polled = [PollFd::new(fd, PollFlags::empty())];
    let asked = poll(&mut polled, PollTimeout::ZERO);
    asked.is_ok() && polled[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn readable_bytes_counts_what_was_written() {
        let (read, write) = one().unwrap();
        let mut write = std::fs::File::from(write);
        write.write_all(b"hello").unwrap();
        assert_eq!(readable_bytes(read.as_fd()), 5);
        assert!(!is_hung_up(read.as_fd()));
        drop(write);
        assert!(is_hung_up(read.as_fd()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_can_be_given_more_room() {
        let (read, _write) = one().unwrap();
        enlarge(read.as_fd(), 128 * 1024);
        assert!(fcntl(&read, FcntlArg::F_GETPIPE_SZ).unwrap() >= 128 * 1024);
    }

    // D-341
    #[test]
    fn a_socket_or_redirection_makes_fewer_pipes() {
        let pipes = open(true, true).unwrap();
        assert!(pipes.stdin.is_none() && pipes.stderr.is_none() && pipes.child.stderr.is_none());
        let pipes = open(false, false).unwrap();
        assert!(pipes.stdin.is_some() && pipes.child.stdin.is_some() && pipes.stderr.is_some());
    }
}
