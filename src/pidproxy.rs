//! pidproxy: runs a command and passes signals on to the process named in a pidfile (daemon.md,
//! section 11).
//!
//! All signals are held back from before the command is started and then taken one by one, so none
//! is lost and none interrupts anything.

use std::ffi::{CString, OsString};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::model::bytesize;
use crate::sys::held;

/// Passed on (D-502).
const FORWARDED: [Signal; 6] =
    [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGQUIT];

/// Passed on, and then it ends (D-503).
const FINAL: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT];

/// Runs the program with these arguments, its own name first; gives the exit status.
pub fn run(args: Vec<OsString>) -> i32 {
    let Some(Arguments { pidfile, command }) = Arguments::read(&args) else {
        let name = args.first().map(|name| name.to_string_lossy()).unwrap_or_default();
        say(&format!(
            "Runs a command, and passes the signals it gets on to the process whose pid is in a file.\n\n\
             Usage: {name} PIDFILE COMMAND [ARG ...]"
        ));
        return 1;
    };
    let signals: SigSet = FORWARDED.into_iter().chain([Signal::SIGCHLD]).collect();
    let child = held::hold(&signals).and_then(|mask| spawn(&command, &mask));
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            complain(&format!("cannot run {}: {error}", command[0].to_string_lossy()));
            return 127;
        }
    };
    loop {
        match signals.wait() {
            Ok(Signal::SIGCHLD) if has_ended(child) => return 0,
            Ok(Signal::SIGCHLD) | Err(Errno::EINTR) => {}
            Ok(signal) => match forward(signal, &pidfile) {
                Ok(true) if FINAL.contains(&signal) => return 0,
                Ok(_) => {}
                Err(text) => {
                    complain(&text);
                    return 1;
                }
            },
            Err(error) => {
                complain(&format!("cannot wait for signals: {error}"));
                return 1;
            }
        }
    }
}

/// What the command line says.
struct Arguments {
    pidfile: PathBuf,
    /// The command and its arguments; not empty.
    command: Vec<CString>,
}

impl Arguments {
    fn read(args: &[OsString]) -> Option<Self> {
        let [_, pidfile, command @ ..] = args else {
            return None;
        };
        if command.is_empty() {
            return None;
        }
        let words: Option<Vec<CString>> =
            command.iter().map(|word| CString::new(word.as_bytes()).ok()).collect();
        Some(Self { pidfile: pidfile.into(), command: words? })
    }
}

/// Starts the command, with `mask` as its signal mask. It is a path as it stands: PATH is not
/// searched (D-501).
fn spawn(command: &[CString], mask: &SigSet) -> nix::Result<Pid> {
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK)?;
    attributes.set_sigmask(mask)?;
    let path = command.first().ok_or(Errno::EINVAL)?;
    posix_spawn(path.as_c_str(), &PosixSpawnFileActions::init()?, &attributes, command, &environment())
}

fn environment() -> Vec<CString> {
    let pairs = std::env::vars_os().map(|(mut pair, value)| {
        pair.push("=");
        pair.push(value);
        pair
    });
    pairs.filter_map(|pair| CString::new(pair.into_vec()).ok()).collect()
}

fn has_ended(child: Pid) -> bool {
    !matches!(waitpid(child, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive) | Err(Errno::EINTR))
}

/// Sends the signal to the process in the pidfile. `Ok(false)`: there is no pid in it, which is said
/// on stdout (D-504).
fn forward(signal: Signal, pidfile: &Path) -> Result<bool, String> {
    let Some(pid) = std::fs::read_to_string(pidfile).ok().and_then(|text| pid_in(&text)) else {
        say(&format!("Can't read child pidfile {}!", pidfile.display()));
        return Ok(false);
    };
    kill(pid, signal).map_err(|error| format!("cannot signal process {pid}: {error}"))?;
    Ok(true)
}

/// The pid in a pidfile. Numbers below one would mean whole groups of processes.
fn pid_in(text: &str) -> Option<Pid> {
    let number = bytesize::integer(text).ok()?;
    i32::try_from(number).ok().filter(|pid| *pid > 0).map(Pid::from_raw)
}

/// A line on stdout. If nobody can read it there is nobody to tell.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line on stderr, likewise.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "pidproxy: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Option<Arguments> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        Arguments::read(&words)
    }

    // D-500, D-501
    #[test]
    fn a_pidfile_and_a_command() {
        let read = arguments("pidproxy f cmd -a --b").unwrap();
        assert_eq!(read.pidfile, Path::new("f"));
        assert_eq!(read.command, [c"cmd", c"-a", c"--b"].map(CString::from));
        assert!(arguments("pidproxy f").is_none() && arguments("pidproxy").is_none());
    }

    // D-504
    #[test]
    fn pids_are_numbers_above_zero() {
        assert_eq!(pid_in(" 12\n"), Some(Pid::from_raw(12)));
        assert_eq!(["", "x", "0", "-1", "99999999999"].map(pid_in), [None; 5]);
    }
}
