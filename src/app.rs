//! supervisord: everything joined. Reads the command line and the configuration, becomes what it is to
//! be (user, limits, daemon), then runs one generation after the other until it is told to end.

mod generation;
mod start;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use crate::args::{self, Invocation};
use crate::config::{self, HostFacts, LoadRequest, render_errors};
use crate::config::schema::Config;
use crate::daemon::supervisor::Loader;
use crate::model::VERSION;
use crate::sys::accounts::SystemAccounts;
use crate::sys::privilege;
use start::StartError;

/// Usage or configuration error, privileges, limits, sockets (D-032).
const USAGE: u8 = 2;
/// Anything else that keeps it from starting (D-033).
const FAILURE: u8 = 1;

/// Where and how the program was started; what a full reload starts from again.
#[derive(Clone)]
pub(crate) struct Origin {
    argv0: String,
    environment: Vec<(OsString, OsString)>,
    current_dir: std::path::PathBuf,
    host_node_name: String,
}

impl Origin {
    fn now(argv0: &str) -> Self {
        Self {
            argv0: argv0.to_owned(),
            environment: std::env::vars_os().collect(),
            current_dir: std::env::current_dir().unwrap_or_else(|_| "/".into()),
            host_node_name: nix::unistd::gethostname()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
        }
    }

    /// The current folder is that of the start, also after a `directory=` (D-267).
    fn facts(&self) -> HostFacts {
        let text = |s: &OsString| s.to_string_lossy().into_owned();
        HostFacts {
            environment: self.environment.iter().map(|(name, value)| (text(name), text(value))).collect(),
            host_node_name: self.host_node_name.clone(),
            current_dir: self.current_dir.clone(),
            argv0: self.argv0.clone(),
            uid: privilege::current_uid(),
            accounts: Box::new(SystemAccounts),
        }
    }
}

/// Runs supervisord with the process' own arguments.
pub fn supervisord() -> ExitCode {
    let argv: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let argv0 = argv.first().map_or("supervisord", String::as_str);
    let origin = Origin::now(argv0);
    match args::parse(&argv[1.min(argv.len())..], &origin.facts()) {
        Ok(Invocation::Help(text)) => say(&text),
        Ok(Invocation::Version) => say(&format!("{VERSION}\n")),
        Ok(Invocation::Run(request)) => run(origin, request),
        Err(error) => refuse(argv0, USAGE, [error]),
    }
}

fn say(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

fn refuse<T: std::fmt::Display>(argv0: &str, status: u8, errors: impl IntoIterator<Item = T>) -> ExitCode {
    eprint!("{}", render_errors(argv0, errors));
    ExitCode::from(status)
}

fn run(origin: Origin, request: LoadRequest) -> ExitCode {
    let argv0 = origin.argv0.clone();
    let facts = origin.facts();
    if let Some(warning) = config::search_warning(&request, &facts) {
        eprintln!("{warning}");
    }
    let config = match config::load(&request, &facts) {
        Ok(config) => config,
        Err(errors) => return refuse(&argv0, USAGE, errors.iter()),
    };
    match start::run(origin.clone(), Box::new(config), loader(origin, request)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&argv0, status_of(&error), [error]),
    }
}

fn status_of(error: &StartError) -> u8 {
    match error {
        StartError::Privilege(_) | StartError::Limit(_) | StartError::Server(_) => USAGE,
        StartError::Log(..) | StartError::ChildLog(..) | StartError::Fcgi(_) | StartError::System(..) => FAILURE,
    }
}

/// Reads the same file again, with the same command line on top (D-261).
fn loader(origin: Origin, request: LoadRequest) -> Loader {
    Arc::new(move || -> Result<Box<Config>, Vec<String>> {
        let read = config::load(&request, &origin.facts());
        read.map(Box::new).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    })
}
