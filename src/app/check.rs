//! `supervisord --check`: all that is to be said of a configuration, by reading it and by looking at what a
//! start would do with it. Nothing is started, made or written.
//!
//! What a start would open is looked at as the user it would be opened by: this process becomes that one, as a
//! start would (D-201). A server that is taken is no fault, as the configuration may be that of a daemon that runs.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::config::schema::{Config, LogFile, MainLog, ProcessConfig, ServerConfig};
use crate::config::{ConfigErrors, FCGI, HostFacts, LoadRequest, SUPERVISORD, Survey, survey};
use crate::daemon::launch::{BaseEnvironment, Launcher, SpawnError};
use crate::model::notice::{Level, Notice};
use crate::rpc;
use crate::sys::access;
use crate::sys::kernel::Unix;
use crate::sys::pidfile;
use crate::sys::privilege;
use crate::sys::rlimit::Minimum;
use crate::sys::sockets::{self, errno_text};

/// What there is to say of a configuration.
pub(super) struct Verdict {
    /// What would keep supervisord from starting.
    pub problems: Vec<String>,
    /// What would not, but is hardly meant.
    pub warnings: Vec<String>,
    /// The file.
    pub file: String,
}

/// Reads and checks a configuration. `Err`: its files cannot be read.
pub(super) fn check(request: &LoadRequest, facts: &HostFacts) -> Result<Verdict, ConfigErrors> {
    let mut survey = survey(request, facts)?;
    let config = survey.config().clone();
    check_process(&mut survey, &config);
    check_files(&mut survey, &config);
    check_sockets(&mut survey, &config);
    let launcher = Launcher::new(Arc::new(Unix), BaseEnvironment::new(std::env::vars_os().collect(), None));
    for process in config.groups.iter().flat_map(|group| &group.processes) {
        check_program(&mut survey, &launcher, process);
    }
    Ok(Verdict {
        problems: survey.problems().map(ToString::to_string).collect(),
        warnings: survey.warnings().into_iter().chain(unguarded(&config)).collect(),
        file: config.file.display().to_string(),
    })
}

/// D-201, D-202
fn check_process(survey: &mut Survey, config: &Config) {
    let settings = &config.supervisord;
    if let Some(Err(error)) = settings.user.map(privilege::drop_to) {
        survey.refuse(SUPERVISORD, "user", error.to_string());
    }
    let minima = [
        ("minfds", Minimum::Descriptors(settings.minfds)),
        ("minprocs", Minimum::Processes(settings.minprocs)),
    ];
    for (option, minimum) in minima {
        if let Err(error) = minimum.ensure() {
            survey.refuse(SUPERVISORD, option, error.to_string());
        }
    }
}

/// D-203, D-205, D-211, D-220
fn check_files(survey: &mut Survey, config: &Config) {
    let settings = &config.supervisord;
    if let MainLog::File(path) = &settings.logfile
        && let Err(error) = access::appendable(path)
    {
        survey.refuse(SUPERVISORD, "logfile", failed("could not open the log", path, &error));
    }
    if has_auto_logs(config)
        && let Err(error) = access::entries_can_be_made(&settings.childlogdir)
    {
        let text = failed("could not make a child log in", &settings.childlogdir, &error);
        survey.refuse(SUPERVISORD, "childlogdir", text);
    }
    if access::appendable(&settings.pidfile).is_err() {
        survey.warn(SUPERVISORD, "pidfile", pidfile::not_written(&settings.pidfile));
    }
    if let Some(directory) = &settings.directory
        && let Err(error) = access::enterable(directory)
    {
        survey.warn(SUPERVISORD, "directory", failed("can't chdir into", directory, &error));
    }
}

fn has_auto_logs(config: &Config) -> bool {
    let mut processes = config.groups.iter().flat_map(|group| &group.processes);
    processes.any(|it| it.stdout.logfile == LogFile::Auto || it.stderr.logfile == LogFile::Auto)
}

/// C-009 to C-017, D-185
fn check_sockets(survey: &mut Survey, config: &Config) {
    for server in servers(config) {
        if let Err(error) = sockets::probe(&server.address) {
            survey.refuse(&server.section, server.address.option(), error.to_string());
        }
    }
    let processes = config.groups.iter().flat_map(|group| &group.processes);
    let mut sockets: Vec<_> = processes.filter_map(|process| process.fcgi.as_ref()).collect();
    sockets.dedup();
    for socket in sockets {
        if let Err(error) = sockets::probe_fcgi(&socket.address) {
            let text = format!("Could not create FastCGI socket {}: {}", socket.address, errno_text(&error));
            survey.refuse(&format!("{FCGI}{}", socket.program), "socket", text);
        }
    }
}

/// What a start would go on without: the program alone does not run (D-331 to D-335, D-343, D-345).
fn check_program(survey: &mut Survey, launcher: &Launcher, process: &ProcessConfig) {
    let Some(section) = survey.section_of(&process.name).map(str::to_owned) else { return };
    if let Err(unusable) = launcher.check(process) {
        survey.warn(&section, "command", SpawnError::from(unusable).to_string());
    }
    for (option, channel) in [("stdout_logfile", &process.stdout), ("stderr_logfile", &process.stderr)] {
        if let LogFile::Path(path) = &channel.logfile
            && let Err(error) = access::appendable(path)
        {
            survey.warn(&section, option, failed("could not open the log", path, &error));
        }
    }
    // Whether another user could change to it cannot be told without becoming that user.
    if let (Some(directory), None) = (&process.directory, process.user)
        && let Err(error) = access::enterable(Path::new(directory))
    {
        survey.warn(&section, "directory", failed("couldn't chdir to", Path::new(directory), &error));
    }
    if let Some(Err(error)) = process.user.map(privilege::plan) {
        survey.warn(&section, "user", error.to_string());
    }
}

fn servers(config: &Config) -> impl Iterator<Item = &ServerConfig> {
    config.servers.iter().chain(&config.metrics.server)
}

/// Servers that ask for no password (C-022).
fn unguarded(config: &Config) -> Vec<String> {
    let notices = servers(config).flat_map(|server| rpc::opened(server, &[]));
    let criticals = notices.filter_map(|notice| match notice {
        Notice::Message(Level::Critical, text) => Some(text.to_string()),
        _ => None,
    });
    criticals.collect()
}

fn failed(what: &str, path: &Path, error: &io::Error) -> String {
    format!("{what} {}: {error}", path.display())
}
