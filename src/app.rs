//! supervisord: everything joined. Reads the command line and the configuration, becomes what it is to
//! be (user, limits, daemon), then runs one generation after the other until it is told to end.

mod check;
mod generation;
mod start;
mod telemetry;

use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;

use crate::args::{self, Invocation};
use crate::config::{self, Config, HostFacts, LoadRequest, render_errors};
use crate::daemon::supervisor::Loader;
use crate::sys::host::host_facts;
use start::StartError;

/// Usage or configuration error, privileges, limits, sockets (D-032).
const USAGE: u8 = 2;
/// Anything else that keeps it from starting (D-033).
const FAILURE: u8 = 1;

/// Runs supervisord with the process' own arguments.
pub fn supervisord() -> ExitCode {
    let argv: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let facts = host_facts();
    match args::parse(argv.get(1..).unwrap_or_default(), &facts) {
        Ok(Invocation::Print(text)) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Ok(Invocation::Run(request)) => run(&facts, *request),
        Ok(Invocation::Check(request)) => check(&facts, &request),
        Err(error) => refuse(&facts, USAGE, [error]),
    }
}

fn run(facts: &HostFacts, request: LoadRequest) -> ExitCode {
    if let Some(warning) = config::search_warning(&request, facts) {
        eprintln!("{warning}");
    }
    let config = match config::load(&request, facts) {
        Ok(config) => config,
        Err(errors) => return refuse(facts, USAGE, errors.iter()),
    };
    match start::run(Box::new(config), loader(facts, request)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(facts, status_of(&error), [error]),
    }
}

/// Says all there is to say of the configuration; warnings do not change the status.
fn check(facts: &HostFacts, request: &LoadRequest) -> ExitCode {
    if let Some(warning) = config::search_warning(request, facts) {
        eprintln!("{warning}");
    }
    let verdict = match check::check(request, facts) {
        Ok(verdict) => verdict,
        Err(errors) => return refuse(facts, USAGE, errors.iter()),
    };
    for warning in &verdict.warnings {
        eprintln!("Warning: {warning}");
    }
    if !verdict.problems.is_empty() {
        return refuse(facts, USAGE, verdict.problems);
    }
    println!("{}: no problems, {} warnings", verdict.file, verdict.warnings.len());
    ExitCode::SUCCESS
}

fn refuse<T: Display>(facts: &HostFacts, status: u8, errors: impl IntoIterator<Item = T>) -> ExitCode {
    eprint!("{}", render_errors(&facts.argv0, errors));
    ExitCode::from(status)
}

fn status_of(error: &StartError) -> u8 {
    match error {
        StartError::Privilege(_) | StartError::Limit(_) | StartError::Server(_) => USAGE,
        StartError::Reload(_) => USAGE,
        StartError::Log(..) | StartError::ChildLog(..) | StartError::Fcgi(_) | StartError::System(..) => {
            FAILURE
        }
    }
}

/// Reads the same file again, with the same command line on top (D-261). Relative paths start where the
/// daemon was started, also after a `directory=` (D-267).
fn loader(facts: &HostFacts, request: LoadRequest) -> Loader {
    let current_dir = facts.current_dir.clone();
    Arc::new(move || -> Result<Box<Config>, Vec<String>> {
        let facts = HostFacts { current_dir: current_dir.clone(), ..host_facts() };
        let read = config::load(&request, &facts);
        read.map(Box::new).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    })
}
