//! Going to the background (D-210 to D-214).
//!
//! Forking keeps only the thread that forks: this comes before the runtime and before every thread.
//! Descriptors that must live on (sockets, the log) do; the three standard ones are replaced.

use std::io::{self, Write};
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};

/// Forks once; the parent exits 0 at once, this returns in the child, which leads a session of its
/// own (D-210).
///
/// # Errors
///
/// fork(2) or setsid(2) failed.
pub fn fork_away() -> io::Result<()> {
    // What is buffered would else be written by both.
    io::stdout().flush()?;
    io::stderr().flush()?;
    // SAFETY: the caller has started no thread yet, so the child may do whatever the parent might.
    match unsafe { fork() }? {
        ForkResult::Parent { .. } => {
            // SAFETY: _exit(2) ends this process and has no other requirement. exit(3) would run
            // handlers and destructors that belong to the child now.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Child => {
            setsid()?;
            Ok(())
        }
    }
}

/// Gives the configured folder and mask, and /dev/null for the standard descriptors (D-211 to D-213).
/// The inner error is that of the folder, which does not hinder the start.
///
/// # Errors
///
/// /dev/null could not be opened.
pub fn settle(directory: Option<&Path>, mask: u32) -> io::Result<Result<(), io::Error>> {
    let entered = directory.map_or(Ok(()), std::env::set_current_dir);
    silence()?;
    umask(Mode::from_bits_truncate(mask));
    Ok(entered)
}

fn silence() -> io::Result<()> {
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    Ok(())
}
