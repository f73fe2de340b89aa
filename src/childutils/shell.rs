//! Shell commands that a listener runs, within a time limit: it must not stay busy for ever.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Bytes of output that are kept.
const MAX_OUTPUT: u64 = 1 << 20;

/// Where a command's stdout goes. Never to the listener's, which is the protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// To the listener's stderr.
    ToStderr,
    /// Kept.
    Kept,
}

/// A command that did not do well.
#[derive(Debug)]
pub enum ShellError {
    /// It could not be run.
    Run(io::Error),
    /// It ended otherwise than with 0.
    Failed(ExitStatus),
    /// It was killed after this time.
    TooLong(Duration),
}

impl fmt::Display for ShellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(error) => write!(f, "the command cannot be run: {error}"),
            Self::Failed(status) => write!(f, "the command ended with {status}"),
            Self::TooLong(limit) => write!(f, "the command was killed after {} s", limit.as_secs()),
        }
    }
}

impl std::error::Error for ShellError {}

/// Runs a command with this on its stdin, and gives what it printed, if that is kept, and how it ended.
pub fn run(
    command: &str,
    input: Vec<u8>,
    output: Output,
    limit: Duration,
) -> Result<(Vec<u8>, ExitStatus), ShellError> {
    let child = start(command, output).map_err(ShellError::Run)?;
    let group = Pid::from_raw(child.id().try_into().unwrap_or(i32::MAX));
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || sender.send(attend(child, &input)));
    match receiver.recv_timeout(limit) {
        Ok(ended) => ended.map_err(ShellError::Run),
        Err(_elapsed) => {
            let _gone = killpg(group, Signal::SIGKILL);
            Err(ShellError::TooLong(limit))
        }
    }
}

/// The same for a command that must end with 0.
pub fn succeed(
    command: &str,
    input: Vec<u8>,
    output: Output,
    limit: Duration,
) -> Result<Vec<u8>, ShellError> {
    let (printed, status) = run(command, input, output, limit)?;
    if status.success() { Ok(printed) } else { Err(ShellError::Failed(status)) }
}

/// In a process group of its own, so that all of it can be killed, and none of it is when the listener is:
/// a mail on its way shall arrive.
#[expect(clippy::disallowed_methods, reason = "the ban is on the daemon, which has a reaper of its own")]
fn start(command: &str, output: Output) -> io::Result<Child> {
    let stdout = match output {
        Output::ToStderr => Stdio::from(io::stderr().as_fd().try_clone_to_owned()?),
        Output::Kept => Stdio::piped(),
    };
    Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(stdout)
        .spawn()
}

/// Feeds the child, reads what it prints and waits for its end.
fn attend(mut child: Child, input: &[u8]) -> io::Result<(Vec<u8>, ExitStatus)> {
    if let Some(mut stdin) = child.stdin.take() {
        // A command need not read what it is given.
        let _unread = stdin.write_all(input);
    }
    let mut printed = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.by_ref().take(MAX_OUTPUT).read_to_end(&mut printed)?;
        io::copy(&mut stdout, &mut io::sink())?;
    }
    Ok((printed, child.wait()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn input_output_and_status() {
        let (printed, status) = run("cat; echo x; exit 3", b"in ".to_vec(), Output::Kept, LONG).unwrap();
        assert_eq!((printed.as_slice(), status.code()), (&b"in x\n"[..], Some(3)));
        let unread = succeed("exec true", vec![b'x'; 1 << 20], Output::ToStderr, LONG);
        assert_eq!(unread.unwrap(), b"");
        let failed = succeed("exit 7", vec![], Output::ToStderr, LONG).unwrap_err();
        assert!(failed.to_string().contains('7'), "{failed}");
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_all_it_started() {
        let error = run("sleep 1000 | cat", vec![], Output::Kept, Duration::from_millis(50)).unwrap_err();
        assert!(matches!(error, ShellError::TooLong(_)));
    }
}
