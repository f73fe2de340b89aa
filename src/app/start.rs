//! The first start: user, limits, log, sockets, daemon, in the order of D-200 to D-207.
//!
//! Up to the fork everything happens on the one thread there is, and errors reach the terminal.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tokio::runtime::{Builder, LocalOptions};

use super::generation::{self, Generation, Occasion, Runner};
use super::telemetry::Telemetry;
use crate::bus::EventBus;
use crate::config::schema::{Config, SupervisordConfig};
use crate::daemon::fcgi::FcgiError;
use crate::daemon::supervisor::Loader;
use crate::model::notice::Level;
use crate::sys::clock::Clock;
use crate::sys::daemonize;
use crate::sys::fd_table;
use crate::sys::memory;
use crate::sys::privilege::{self, PrivilegeError};
use crate::sys::rlimit::{LimitError, Minimum};
#[cfg(target_os = "linux")]
use crate::sys::slots;
use crate::sys::sockets::Unopened;

/// Room for so many descriptors is made in any case: connections and programs that are added later need some.
const FEWEST_DESCRIPTORS: usize = 1024;

/// What keeps the daemon from starting.
#[derive(Debug)]
pub(crate) enum StartError {
    /// It cannot become the configured user.
    Privilege(PrivilegeError),
    /// A limit is too low.
    Limit(LimitError),
    /// A control server cannot be opened.
    Server(Unopened),
    /// The activity log cannot be opened.
    Log(PathBuf, io::Error),
    /// An AUTO log file cannot be made.
    ChildLog(PathBuf, io::Error),
    /// A FastCGI socket cannot be opened.
    Fcgi(FcgiError),
    /// The system refuses something else.
    System(&'static str, io::Error),
    /// One of these, at a full reload, when everything is stopped already.
    Reload(Box<StartError>),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Privilege(error) => error.fmt(f),
            Self::Limit(error) => error.fmt(f),
            Self::Server(error) => error.fmt(f),
            Self::Log(path, error) => write!(f, "could not open the log {}: {error}", path.display()),
            Self::ChildLog(path, error) => {
                write!(f, "could not make a child log in {}: {error}", path.display())
            }
            Self::Fcgi(error) => error.fmt(f),
            Self::System(what, error) => write!(f, "could not {what}: {error}"),
            Self::Reload(error) => error.fmt(f),
        }
    }
}

/// Starts and supervises until told to end.
pub(super) fn run(mut config: Box<Config>, loader: Loader) -> Result<(), StartError> {
    let mut said = Vec::new();
    if let Some(uid) = config.supervisord.user {
        privilege::drop_to(uid).map_err(StartError::Privilege)?;
        said.push((Level::Info, privilege::dropped(uid)));
    }
    said.extend(raise_limits(&config.supervisord).map_err(StartError::Limit)?);
    config.messages.append(&mut said);
    let (bus, clock) = (EventBus::new(), Clock::new());
    let telemetry = Telemetry::new(&bus, clock.now().wall);
    telemetry.begin(&config);
    let generation = Generation::open(&config, &bus, clock, Occasion::Start)?;
    if !config.supervisord.nodaemon {
        daemonize(&config.supervisord, &generation)?;
    }
    memory::keep_little();
    #[cfg(target_os = "linux")]
    slots::reserve();
    fd_table::make_room(generation::descriptors(&config).max(FEWEST_DESCRIPTORS));
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(|error| StartError::System("make the runtime", error))?;
    let supervision = async move {
        let runner = Runner::new(loader, Rc::new(bus), telemetry, clock)?;
        generation::run_all(runner, config, generation).await
    };
    // A task like all others: waking what `block_on` itself waits for takes a write to an eventfd and two
    // more waits for events, each time.
    let supervised = runtime.block_on(async { tokio::task::spawn_local(supervision).await });
    supervised.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

fn raise_limits(settings: &SupervisordConfig) -> Result<Vec<(Level, String)>, LimitError> {
    let minima = [Minimum::Descriptors(settings.minfds), Minimum::Processes(settings.minprocs)];
    let raised = minima.into_iter().map(Minimum::ensure).collect::<Result<Vec<_>, _>>()?;
    Ok(raised.into_iter().flatten().map(|text| (Level::Info, text)).collect())
}

/// D-210 to D-214
fn daemonize(settings: &SupervisordConfig, generation: &Generation) -> Result<(), StartError> {
    let failed = |error| StartError::System("become a daemon", error);
    daemonize::fork_away().map_err(failed)?;
    generation.say(Level::Info, "daemonizing the supervisord process");
    let directory = settings.directory.as_deref();
    let entered = daemonize::settle(directory, settings.umask).map_err(failed)?;
    if let Some(directory) = directory {
        let (level, text) = told(directory, &entered);
        generation.say(level, text);
    }
    Ok(())
}

/// D-211
fn told(directory: &Path, entered: &io::Result<()>) -> (Level, String) {
    let shown = directory.display();
    match entered {
        Ok(()) => (Level::Info, format!("set current directory: '{shown}'")),
        Err(error) => (Level::Critical, format!("can't chdir into '{shown}': {error}")),
    }
}
