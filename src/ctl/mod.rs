//! Floor 10: supervisorctl. `args` is the command line as typed, `endpoint` what follows from it and the
//! configuration, `session` the state between commands, `commands` what they do, `shell` the prompt,
//! `render` how things look.

mod args;
mod commands;
mod complete;
mod endpoint;
mod faults;
mod history;
mod render;
mod session;
mod shell;

pub use args::command;
pub use commands::manual;

use std::process::ExitCode;

use crate::config::{HostFacts, load_client, render_errors};
use crate::sys::host::host_facts;
use args::Invocation;
use endpoint::Settings;
use session::Session;

/// A command line or configuration that cannot be used (C-404).
const USAGE: u8 = 2;

/// Runs supervisorctl with the process' own arguments.
pub fn supervisorctl() -> ExitCode {
    let argv: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let facts = host_facts();
    let typed = match args::parse(argv.get(1..).unwrap_or_default()) {
        Ok(Invocation::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Ok(Invocation::Run(typed)) => typed,
        Err(text) => return refuse(&facts, &[text]),
    };
    let config = match load_client(typed.configuration.as_deref(), &facts) {
        Ok(config) => config,
        Err(errors) => return refuse(&facts, &errors.iter().map(ToString::to_string).collect::<Vec<_>>()),
    };
    let words = typed.words.join(" ");
    let one_shot = !typed.words.is_empty();
    let session = Session::new(Settings::resolve(*typed, config));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&facts, &[format!("cannot set up: {error}")]),
    };
    if one_shot {
        runtime.block_on(commands::one_shot(session, &words))
    } else {
        shell::run(runtime, session)
    }
}

fn refuse(facts: &HostFacts, errors: &[String]) -> ExitCode {
    eprint!("{}", render_errors(&facts.argv0, errors));
    ExitCode::from(USAGE)
}
