//! Starting a child: what is looked up and opened before the fork, and the fork itself.
//!
//! Looking up the command and opening log files may block, so a worker does it ([`prepare`]); the
//! daemon forks when the answer is in ([`Prepared`]). Whatever fails on the way is a spawn error
//! (D-331 to D-336) and has the text that clients and the activity log show.

use std::collections::HashMap;
use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use nix::errno::Errno;

use crate::config::schema::ProcessConfig;
use crate::config::words::split_command;
use crate::logs::channel::ChannelSpec;
use crate::logs::sink::FileSink;
use crate::model::pyrepr;
use crate::sys::command::{self, DEFAULT_PATH};
use crate::sys::kernel::Kernel;
use crate::sys::pipe::{self, ChildPipes};
use crate::sys::spawn::{ForkError, SpawnRequest, UserChange, c_string};

/// Why a child could not be started, as shown.
pub type SpawnError = Arc<str>;

/// What a worker needs to prepare a start.
#[derive(Debug)]
pub struct PrepareRequest {
    /// Whose start it is.
    pub config: Arc<ProcessConfig>,
    /// Where its command is looked up.
    pub search_path: String,
    /// What becomes of its output: stdout, and stderr unless that is redirected.
    pub channels: Vec<ChannelSpec>,
}

/// Everything a fork needs that had to be looked up.
#[derive(Debug)]
pub struct Prepared {
    file: CString,
    argv: Vec<CString>,
    /// The channels, each with its open log file.
    pub channels: Vec<(ChannelSpec, Option<FileSink>)>,
}

/// Splits the command, finds its file, opens the log files. May block.
pub fn prepare(request: PrepareRequest) -> Result<Prepared, SpawnError> {
    let command = &request.config.command;
    let words = split_command(command)
        .map_err(|error| SpawnError::from(format!("can't parse command {}: {error}", pyrepr::string(command))))?;
    let Some(word) = words.first() else { return Err("command is empty".into()) };
    let file = command::find(word, &request.search_path).map_err(|error| error.to_string())?;
    let name = request.config.name.name();
    let open = |spec: ChannelSpec| match spec.file.clone().map(FileSink::open).transpose() {
        Ok(file) => Ok((spec, file)),
        Err(error) => Err(descriptor_error(name, &error)),
    };
    Ok(Prepared {
        file: c_string(file),
        argv: words.iter().map(c_string).collect(),
        channels: request.channels.into_iter().map(open).collect::<Result<_, _>>()?,
    })
}

/// D-335
fn descriptor_error(name: &str, error: &io::Error) -> SpawnError {
    match error.raw_os_error() {
        Some(nix::libc::EMFILE) => format!("too many open files to spawn '{name}'").into(),
        code => {
            let errno = code.map_or_else(|| error.to_string(), |code| format!("{:?}", Errno::from_raw(code)));
            format!("unknown error making dispatchers for '{name}': {errno}").into()
        }
    }
}

/// D-336
fn fork_error(name: &str, ForkError(errno): ForkError) -> SpawnError {
    match errno {
        Errno::EAGAIN => format!("Too many processes in process table to spawn '{name}'").into(),
        errno => format!("unknown error during fork for '{name}': {errno:?}").into(),
    }
}

/// A child that runs, with the daemon's ends of its pipes.
pub struct Launched {
    /// The process.
    pub pid: i32,
    /// Write end of its stdin, unless it has a socket there.
    pub stdin: Option<OwnedFd>,
    /// Read ends, in the order of [`Prepared::channels`].
    pub outputs: Vec<OwnedFd>,
}

/// Forks. `socket` becomes the child's descriptor 0 where there is one (D-184).
pub fn launch(
    kernel: &dyn Kernel,
    config: &ProcessConfig,
    prepared: &Prepared,
    environment: &[CString],
    user: &UserChange,
    socket: Option<BorrowedFd<'_>>,
) -> Result<Launched, SpawnError> {
    let name = config.name.name();
    let pipes = pipe::open(socket.is_some(), config.redirect_stderr)
        .map_err(|error| descriptor_error(name, &error))?;
    let ChildPipes { stdin, stdout, stderr, child } = pipes;
    let zero = socket.or(child.stdin.as_ref().map(AsFd::as_fd));
    let zero = zero.expect("pipe::open makes a pipe where there is no socket");
    let directory = config.directory.as_ref().map(c_string);
    let request = SpawnRequest {
        file: &prepared.file,
        argv: &prepared.argv,
        environment,
        directory: directory.as_deref(),
        umask: config.umask,
        user,
        stdio: [zero, child.stdout.as_fd(), child.stderr.as_ref().unwrap_or(&child.stdout).as_fd()],
    };
    let pid = kernel.spawn(&request).map_err(|error| fork_error(name, error))?;
    Ok(Launched { pid, stdin, outputs: [Some(stdout), stderr].into_iter().flatten().collect() })
}

/// The environment that all children share: the daemon's own, and what it adds (D-344).
pub struct BaseEnvironment {
    own: Vec<(OsString, OsString)>,
    server_url: Option<String>,
}

impl BaseEnvironment {
    /// Over the daemon's environment; `server_url` as D-346 computes it.
    pub fn new(own: Vec<(OsString, OsString)>, server_url: Option<String>) -> Self {
        Self { own, server_url }
    }

    /// Where a program's command is looked up (D-332): PATH of its configured environment, else the
    /// daemon's, else a fixed one.
    pub fn search_path(&self, config: &ProcessConfig) -> String {
        let configured = config.environment.iter().rev().find(|(name, _)| name == "PATH");
        let own = || self.own.iter().find(|(name, _)| name == "PATH");
        configured
            .map(|(_, value)| value.clone())
            .or_else(|| own().map(|(_, value)| value.to_string_lossy().into_owned()))
            .unwrap_or_else(|| DEFAULT_PATH.to_owned())
    }

    /// `NAME=value` strings for one process; what is set later replaces what was set before.
    pub fn strings(&self, config: &ProcessConfig) -> Vec<CString> {
        let mut variables = Variables::default();
        for (name, value) in &self.own {
            variables.set(name.as_bytes(), value.as_bytes());
        }
        variables.set(b"SUPERVISOR_ENABLED", b"1");
        if let Some(url) = config.serverurl.as_ref().or(self.server_url.as_ref()) {
            variables.set(b"SUPERVISOR_SERVER_URL", url.as_bytes());
        }
        variables.set(b"SUPERVISOR_PROCESS_NAME", config.name.name().as_bytes());
        variables.set(b"SUPERVISOR_GROUP_NAME", config.name.group().as_bytes());
        for (name, value) in &config.environment {
            variables.set(name.as_bytes(), value.as_bytes());
        }
        variables.strings
    }
}

#[derive(Default)]
struct Variables {
    strings: Vec<CString>,
    places: HashMap<Vec<u8>, usize>,
}

impl Variables {
    fn set(&mut self, name: &[u8], value: &[u8]) {
        let text = std::ffi::OsStr::from_bytes(&[name, b"=", value].concat()).to_owned();
        let string = c_string(text);
        match self.places.get(name) {
            Some(place) => self.strings[*place] = string,
            None => {
                self.places.insert(name.to_vec(), self.strings.len());
                self.strings.push(string);
            }
        }
    }
}
