//! The checked configuration as values: one struct per kind of section.
//!
//! Everything here has passed every check of daemon.md, sections 2 to 4; nothing here reads or checks.

use std::path::PathBuf;
use std::sync::Arc;

use crate::machine::result::ResultHandler;
use crate::model::event::EventKind;
use crate::model::name::ProcessName;
use crate::model::notice::Level;
use crate::model::signal::Signal;

/// A whole configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `[supervisord]`, with the command line's options on top.
    pub supervisord: SupervisordConfig,
    /// All groups, in start order (D-174).
    pub groups: Vec<Arc<GroupConfig>>,
    /// Control servers: inet first, then unix, each in file order (C-009).
    pub servers: Vec<ServerConfig>,
    /// `[metrics]`.
    pub metrics: MetricsConfig,
    /// `[rpcinterface:x]` sections, in file order.
    pub rpc_interfaces: Vec<RpcInterfaceConfig>,
    /// What reading it had to say, for the activity log (D-047).
    pub messages: Vec<(Level, String)>,
    /// The file that was read, absolute.
    pub file: PathBuf,
}

/// `[supervisord]` (D-100 to D-116).
#[derive(Clone, Debug, PartialEq)]
pub struct SupervisordConfig {
    /// Where the activity log goes.
    pub logfile: MainLog,
    /// Rotate at this size; 0: never.
    pub logfile_maxbytes: u64,
    /// Rotated files to keep.
    pub logfile_backups: u32,
    /// Least level that is written.
    pub loglevel: Level,
    /// Absolute.
    pub pidfile: PathBuf,
    /// Applied when daemonizing.
    pub umask: u32,
    /// Stay in the foreground.
    pub nodaemon: bool,
    /// No copy of the log on stdout.
    pub silent: bool,
    /// RLIMIT_NOFILE is raised to at least this.
    pub minfds: u64,
    /// RLIMIT_NPROC is raised to at least this.
    pub minprocs: u64,
    /// Keep AUTO logs of earlier runs.
    pub nocleanup: bool,
    /// Where AUTO logs are made; absolute.
    pub childlogdir: PathBuf,
    /// Become this user.
    pub user: Option<u32>,
    /// Working folder when daemonized.
    pub directory: Option<PathBuf>,
    /// Strip ANSI escapes from child output.
    pub strip_ansi: bool,
    /// Names AUTO logs and the daemon to its clients.
    pub identifier: String,
    /// `environment=`: what every child gets beyond the daemon's own; in order.
    pub environment: Vec<(String, String)>,
}

/// Where the activity log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MainLog {
    /// A file; absolute.
    File(PathBuf),
    /// The local syslog.
    Syslog,
}

/// A group of processes that are started and stopped together.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupConfig {
    /// Its name.
    pub name: Arc<str>,
    /// Orders groups (D-174).
    pub priority: i64,
    /// Its processes, in start order (D-174).
    pub processes: Vec<Arc<ProcessConfig>>,
    /// Set for `[eventlistener:x]`.
    pub pool: Option<PoolConfig>,
}

/// What `[eventlistener:x]` has beyond a program (D-160).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// The event types it subscribes to, as named.
    pub events: Vec<EventKind>,
    /// Events kept while no listener is free.
    pub buffer_size: usize,
    /// Judges results.
    pub result_handler: ResultHandler,
}

/// One process of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessConfig {
    /// Group and process name.
    pub name: ProcessName,
    /// The command line, not yet split (D-330).
    pub command: String,
    /// Orders processes within the group.
    pub priority: i64,
    /// Start with the daemon.
    pub autostart: bool,
    /// Start again after an exit.
    pub autorestart: AutoRestart,
    /// Seconds it must stay up to be RUNNING.
    pub startsecs: i64,
    /// Failures in a row before it is FATAL.
    pub startretries: i64,
    /// Exit codes that are expected.
    pub exitcodes: Vec<i32>,
    /// Asks it to stop.
    pub stopsignal: Signal,
    /// Seconds before SIGKILL follows.
    pub stopwaitsecs: i64,
    /// The stop signal goes to its process group.
    pub stopasgroup: bool,
    /// SIGKILL goes to its process group.
    pub killasgroup: bool,
    /// Run as this user.
    pub user: Option<u32>,
    /// One pipe for stdout and stderr.
    pub redirect_stderr: bool,
    /// What becomes of its stdout.
    pub stdout: ChannelConfig,
    /// What becomes of its stderr.
    pub stderr: ChannelConfig,
    /// `[supervisord]`'s and its own `environment`, the own on top, in order.
    pub environment: Vec<(String, String)>,
    /// Working folder.
    pub directory: Option<String>,
    /// File mode mask.
    pub umask: Option<u32>,
    /// SUPERVISOR_SERVER_URL, where it is not the computed one.
    pub serverurl: Option<String>,
    /// The listening socket that is its descriptor 0; the same value for all that share it (D-184).
    pub fcgi: Option<Arc<FcgiSocket>>,
}

/// `autorestart`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoRestart {
    /// `false`.
    Never,
    /// `unexpected`: after an exit whose code is not in `exitcodes`.
    Unexpected,
    /// `true`.
    Always,
}

/// What becomes of one output channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// The file.
    pub logfile: LogFile,
    /// Rotate at this size; 0: never.
    pub maxbytes: u64,
    /// Rotated files to keep.
    pub backups: u32,
    /// Size of the capture buffer; 0: no capture.
    pub capture_maxbytes: u64,
    /// Announce output as PROCESS_LOG events.
    pub events_enabled: bool,
    /// Also send lines to syslog.
    pub syslog: bool,
}

/// `std*_logfile` (D-094).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFile {
    /// Read and thrown away.
    None,
    /// A file of the daemon's making in `childlogdir`.
    Auto,
    /// This file, as written.
    Path(PathBuf),
}

/// A control server (control.md, section 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// The section's name, such as `inet_http_server`.
    pub section: String,
    /// Where it listens.
    pub address: ServerAddress,
    /// User name and password (clear or `{SHA}`), if it asks for them.
    pub credentials: Option<(String, String)>,
    /// `allowed_hosts`: hosts by whose names it may be called and whose pages may use it, in lower case;
    /// `*` is any (C-601, C-602). Always empty for unix sockets.
    pub allowed_hosts: Vec<String>,
}

/// Where a control server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerAddress {
    /// Host (empty: all addresses) and port.
    Inet {
        /// As written, lower case; empty for all.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
    /// A unix socket.
    Unix {
        /// Absolute.
        path: PathBuf,
        /// Mode of the file.
        mode: u32,
        /// Owner of the file.
        owner: Option<Owner>,
    },
}

impl ServerAddress {
    /// The option that sets it.
    pub const fn option(&self) -> &'static str {
        match self {
            Self::Inet { .. } => "port",
            Self::Unix { .. } => "file",
        }
    }
}

impl std::fmt::Display for ServerAddress {
    /// As written in that option; a path absolute.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inet { host, port } => write!(f, "{host}:{port}"),
            Self::Unix { path, .. } => write!(f, "{}", path.display()),
        }
    }
}

/// `user:group`, as numbers; a group that was not given is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: Option<u32>,
}

/// `[metrics]`, our addition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsConfig {
    /// A server for metrics alone.
    pub server: Option<ServerConfig>,
    /// The path there; control servers have `/metrics`.
    pub path: String,
    /// What /proc tells of each process (M-041, M-042).
    pub process_resources: bool,
    /// The same of processes with all their descendants (M-043).
    pub process_tree: bool,
    /// The names of node_exporter's collector (M-080).
    pub node_supervisord: bool,
    /// The names of supervisord_exporter (M-081).
    pub supervisord_exporter: bool,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            server: None,
            path: "/metrics".to_owned(),
            process_resources: true,
            process_tree: false,
            node_supervisord: true,
            supervisord_exporter: false,
        }
    }
}

/// `[rpcinterface:x]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcInterfaceConfig {
    /// The x: the namespace.
    pub name: String,
    /// `supervisor.rpcinterface_factory`.
    pub factory: String,
}

/// A FastCGI socket (D-180 to D-188).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FcgiSocket {
    /// The fcgi-program section's name, for messages.
    pub program: String,
    /// Where it listens.
    pub address: FcgiAddress,
    /// listen(2) backlog; `None`: the system's maximum.
    pub backlog: Option<u32>,
}

/// Where a FastCGI socket listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FcgiAddress {
    /// A unix socket.
    Unix {
        /// Absolute.
        path: PathBuf,
        /// Mode of the file.
        mode: u32,
        /// Owner of the file: user and group id; a group id of all ones leaves the group as it is.
        owner: Option<(u32, u32)>,
    },
    /// A TCP address.
    Tcp {
        /// Host, as written.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
}

impl std::fmt::Display for FcgiAddress {
    /// As written in `socket=`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix { path, .. } => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}
