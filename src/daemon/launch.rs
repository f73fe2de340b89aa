//! Starting a child: the command is looked up, the log files are opened, then it is forked.
//!
//! All of this may block (a hung disk, a slow user database), so a worker does it; the daemon gets a
//! [`Launched`] child, or the error (D-331 to D-336) with the text that clients and the activity log
//! show.

use std::collections::HashMap;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, PoisonError};

use nix::errno::Errno;

use crate::config::schema::ProcessConfig;
use crate::config::words::split_command;
use crate::logs::channel::ChannelSpec;
use crate::logs::sink::FileSink;
use crate::model::pyrepr;
use crate::sys::command::{self, CommandError, DEFAULT_PATH};
use crate::sys::kernel::Kernel;
use crate::sys::pipe::{self, ChildPipes};
use crate::sys::spawn::{ForkError, NulByte, SpawnRequest, UserChange, c_string};

/// Why a child could not be started, as shown.
pub type SpawnError = Arc<str>;

/// Why a command cannot be executed, as shown (D-330 to D-334).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// There is no such file.
    Missing(SpawnError),
    /// It cannot be parsed, or its file cannot be executed.
    Refused(SpawnError),
}

impl From<Unusable> for SpawnError {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Missing(text) | Unusable::Refused(text) => text,
        }
    }
}

/// What a worker needs to start a child.
#[derive(Debug)]
pub struct LaunchRequest {
    /// Whose start it is.
    pub config: Arc<ProcessConfig>,
    /// What becomes of its output: stdout, and stderr unless that is redirected.
    pub channels: Vec<ChannelSpec>,
    /// Its descriptor 0, where that is not a pipe (D-184).
    pub socket: Option<OwnedFd>,
}

/// A child that runs, with the daemon's ends of its pipes.
#[derive(Debug)]
pub struct Launched {
    /// The process.
    pub pid: i32,
    /// Write end of its stdin, unless it has a socket there.
    pub stdin: Option<OwnedFd>,
    /// Its channels, each with its open log file and the read end of its pipe.
    pub channels: Vec<(ChannelSpec, Option<FileSink>, OwnedFd)>,
}

/// Starts children; shared by all workers.
pub struct Launcher {
    kernel: Arc<dyn Kernel>,
    environment: BaseEnvironment,
    /// What is to be done about each user, looked up once.
    users: Mutex<HashMap<u32, UserChange>>,
}

impl Launcher {
    /// Starts children of this kernel in this environment.
    pub fn new(kernel: Arc<dyn Kernel>, environment: BaseEnvironment) -> Self {
        Self { kernel, environment, users: Mutex::default() }
    }

    /// Starts a child. May block.
    pub fn launch(&self, request: LaunchRequest) -> Result<Launched, SpawnError> {
        let config = &request.config;
        let (file, argv) = self.resolve(config)?;
        let name = config.name.name();
        let files = request.channels.iter().map(|spec| spec.file.clone().map(FileSink::open).transpose());
        let files = files.collect::<io::Result<Vec<_>>>().map_err(|error| descriptor_error(name, &error))?;
        let pipes = pipe::open(request.socket.is_some(), config.redirect_stderr)
            .map_err(|error| descriptor_error(name, &error))?;
        let ChildPipes { stdin, stdout, stderr, child } = pipes;
        let pid =
            self.fork(config, &file, &argv, request.socket.or(child.stdin), &child.stdout, &child.stderr)?;
        let outputs = [Some(stdout), stderr].into_iter().flatten();
        let channels = request.channels.into_iter().zip(files).zip(outputs);
        Ok(Launched {
            pid,
            stdin,
            channels: channels.map(|((spec, file), pipe)| (spec, file, pipe)).collect(),
        })
    }

    /// Whether the command can be executed, as far as that can be told without trying (C-250). May block.
    pub fn check(&self, config: &ProcessConfig) -> Result<(), Unusable> {
        self.resolve(config).map(drop)
    }

    fn fork(
        &self,
        config: &ProcessConfig,
        file: &CStr,
        argv: &[CString],
        stdin: Option<OwnedFd>,
        stdout: &OwnedFd,
        stderr: &Option<OwnedFd>,
    ) -> Result<i32, SpawnError> {
        let stdin = stdin.expect("pipe::open makes a pipe where there is no socket");
        let directory = config.directory.as_ref().map(c_string).transpose()?;
        let added = self.environment.added(config)?;
        let request = SpawnRequest {
            file,
            argv,
            environment: &self.environment.with(&added),
            directory: directory.as_deref(),
            umask: config.umask,
            user: &self.user_change(config.user),
            stdio: [stdin.as_fd(), stdout.as_fd(), stderr.as_ref().unwrap_or(stdout).as_fd()],
        };
        self.kernel.spawn(&request).map_err(|error| fork_error(config.name.name(), error))
    }

    /// The file to execute and the words of the command (D-330 to D-334).
    fn resolve(&self, config: &ProcessConfig) -> Result<(CString, Vec<CString>), Unusable> {
        let command = &config.command;
        let words = split_command(command).map_err(|error| {
            Unusable::Refused(format!("can't parse command {}: {error}", pyrepr::string(command)).into())
        })?;
        let Some(word) = words.first() else { return Err(Unusable::Refused("command is empty".into())) };
        let search_path = self.environment.search_path(config);
        let file = command::find(word, search_path).map_err(|error| match error {
            CommandError::NotFound(_) => Unusable::Missing(error.to_string().into()),
            _ => Unusable::Refused(error.to_string().into()),
        })?;
        let argv = words.iter().map(c_string).collect::<Result<_, _>>();
        let refused = |nul: NulByte| Unusable::Refused(nul.into());
        Ok((c_string(file.as_os_str()).map_err(refused)?, argv.map_err(refused)?))
    }

    /// What a child does to become this user (D-343).
    fn user_change(&self, uid: Option<u32>) -> UserChange {
        let Some(uid) = uid else { return UserChange::Keep };
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.entry(uid).or_insert_with(|| UserChange::to(uid)).clone()
    }
}

impl From<NulByte> for SpawnError {
    fn from(NulByte: NulByte) -> Self {
        "embedded null byte in the command, directory or environment".into()
    }
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

/// The environment that all children share: the daemon's own, and what it adds (D-344).
pub struct BaseEnvironment {
    /// Name and `NAME=value` of the daemon's own variables.
    own: Vec<(Vec<u8>, CString)>,
    search_path: Option<String>,
    server_url: Option<String>,
}

impl BaseEnvironment {
    /// Over the daemon's environment; `server_url` as D-346 computes it.
    pub fn new(own: Vec<(OsString, OsString)>, server_url: Option<String>) -> Self {
        let path = own.iter().find(|(name, _)| name == "PATH");
        Self {
            search_path: path.map(|(_, value)| value.to_string_lossy().into_owned()),
            own: own
                .iter()
                .filter_map(|(name, value)| Some((name.as_bytes().to_vec(), assignment(name, value).ok()?)))
                .collect(),
            server_url,
        }
    }

    /// Where a program's command is looked up (D-332): PATH of its configured environment, else the
    /// daemon's, else a fixed one.
    fn search_path<'a>(&'a self, config: &'a ProcessConfig) -> &'a str {
        let configured = config.environment.iter().rev().find(|(name, _)| name == "PATH");
        let configured = configured.map(|(_, value)| value.as_str());
        configured.or(self.search_path.as_deref()).unwrap_or(DEFAULT_PATH)
    }

    /// What a process has beyond the daemon's own variables, or in place of them; the last of a name
    /// counts.
    fn added(&self, config: &ProcessConfig) -> Result<Vec<(String, CString)>, NulByte> {
        let url = config.serverurl.as_ref().or(self.server_url.as_ref());
        let url = url.filter(|url| !url.is_empty()).map(|url| ("SUPERVISOR_SERVER_URL", url.as_str()));
        let fixed = [
            Some(("SUPERVISOR_ENABLED", "1")),
            url,
            Some(("SUPERVISOR_PROCESS_NAME", config.name.name())),
            Some(("SUPERVISOR_GROUP_NAME", &**config.name.group())),
        ];
        let configured = config.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut added: Vec<(String, CString)> = Vec::new();
        for (name, value) in fixed.into_iter().flatten().chain(configured) {
            let string = assignment(name, value)?;
            match added.iter_mut().find(|(other, _)| other == name) {
                Some(entry) => entry.1 = string,
                None => added.push((name.to_owned(), string)),
            }
        }
        Ok(added)
    }

    /// The whole environment of a process with these additions.
    fn with<'a>(&'a self, added: &'a [(String, CString)]) -> Vec<&'a CStr> {
        let replaced = |name: &[u8]| added.iter().any(|(other, _)| other.as_bytes() == name);
        let own = self.own.iter().filter(|(name, _)| !replaced(name)).map(|(_, string)| &**string);
        own.chain(added.iter().map(|(_, string)| &**string)).collect()
    }
}

fn assignment(name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Result<CString, NulByte> {
    let parts = [name.as_ref().as_bytes(), b"=", value.as_ref().as_bytes()];
    c_string(OsStr::from_bytes(&parts.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // D-344
    #[test]
    fn the_programs_environment_overrides_all() {
        let own = vec![("HOME".into(), "/root".into()), ("SUPERVISOR_ENABLED".into(), "no".into())];
        let base = BaseEnvironment::new(own, Some("unix:///s".into()));
        let added =
            [("A", "1"), ("HOME", "/x"), ("A", "2")].map(|(n, v)| (n.to_owned(), assignment(n, v).unwrap()));
        let shown = |list: Vec<&CStr>| -> Vec<String> {
            list.iter().map(|s| s.to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(shown(base.with(&added[..1])), ["HOME=/root", "SUPERVISOR_ENABLED=no", "A=1"]);
        assert_eq!(shown(base.with(&added[1..2])), ["SUPERVISOR_ENABLED=no", "HOME=/x"]);
    }
}
