//! What the commands do: taking a line apart and handing it to its command.

mod configuration;
mod daemon;
mod events;
mod foreground;
mod help;
mod lifecycle;
mod listeners;
mod logs;
mod status;
mod watch;

use std::process::ExitCode;

use super::faults::exit;
use super::session::{Session, Trouble};

pub use help::manual;
pub(super) use help::topics;

/// Whether the shell goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Continue,
    Quit,
}

/// Runs one command for a program's exit status (C-420).
pub(super) async fn one_shot(mut session: Session, line: &str) -> ExitCode {
    execute(&mut session, line).await;
    ExitCode::from(session.status)
}

/// Does what a line says, and says what goes wrong.
pub(super) async fn execute(session: &mut Session, line: &str) -> Flow {
    let (name, argument, line) = split(line);
    if line.is_empty() {
        return Flow::Continue;
    }
    loop {
        let trouble = match dispatch(session, &name, &argument, &line).await {
            Ok(flow) => return end(session, flow),
            Err(trouble) => trouble,
        };
        let mut trouble = trouble;
        if trouble.is_unauthorized() {
            session.out.line("Server requires authentication");
            if session.settings.interactive {
                match session.ask_credentials().await {
                    Ok(()) => continue,
                    Err(other) => trouble = other,
                }
            }
        }
        session.refuse(exit::FAILURE, format!("error: {trouble}"));
        return end(session, Flow::Continue);
    }
}

fn end(session: &mut Session, flow: Flow) -> Flow {
    session.disconnect();
    session.out.flush();
    flow
}

/// The command's name, its argument, and the line without blanks around it (C-402). `?` is help.
fn split(line: &str) -> (String, String, String) {
    let mut line = line.trim().to_owned();
    if let Some(topic) = line.strip_prefix('?') {
        line = format!("help {topic}");
    }
    let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(line.len());
    let (name, argument) = line.split_at(end);
    (name.to_owned(), argument.trim().to_owned(), line)
}

async fn dispatch(session: &mut Session, name: &str, argument: &str, line: &str) -> Result<Flow, Trouble> {
    let words: Vec<&str> = argument.split_whitespace().collect();
    match name {
        "add" => configuration::add(session, &words).await,
        "avail" => configuration::avail(session, &words).await,
        "clear" => lifecycle::clear(session, &words).await,
        "events" => events::events(session, &words).await,
        "fg" => foreground::fg(session, &words).await,
        "help" => {
            help::help(session, argument);
            Ok(())
        }
        "listeners" => listeners::listeners(session, &words).await,
        "maintail" => logs::maintail(session, &words).await,
        "open" => status::open(session, argument).await,
        "pid" => daemon::pid(session, &words).await,
        "reload" => daemon::reload(session, &words).await,
        "remove" => configuration::remove(session, &words).await,
        "reread" => configuration::reread(session, &words).await,
        "restart" => lifecycle::restart(session, &words).await,
        "shutdown" => daemon::shutdown(session, &words).await,
        "signal" => lifecycle::signal(session, &words).await,
        "start" => lifecycle::start(session, &words).await,
        "status" => status::status(session, &words).await,
        "stop" => lifecycle::stop(session, &words).await,
        "tail" => logs::tail(session, &words).await,
        "update" => configuration::update(session, &words).await,
        "version" => daemon::version(session, &words).await,
        "quit" | "exit" | "EOF" => {
            session.out.line("");
            return Ok(Flow::Quit);
        }
        _ => {
            session.refuse(exit::FAILURE, format!("*** Unknown syntax: {line}"));
            Ok(())
        }
    }
    .map(|()| Flow::Continue)
}

/// Whether the command has no words after it; refuses them (C-460).
fn has_no_arguments(session: &mut Session, command: &str, words: &[&str]) -> bool {
    if !words.is_empty() {
        session.refuse(exit::FAILURE, format!("Error: {command} accepts no arguments"));
        help::show(session, command);
    }
    words.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-402, C-472
    #[test]
    fn lines_are_taken_apart() {
        let of = |line| {
            let (name, argument, _) = split(line);
            format!("{name}|{argument}")
        };
        assert_eq!(of("  tail  -f x "), "tail|-f x");
        assert_eq!(of("tail-f x"), "tail|-f x");
        assert_eq!(of("? start"), "help|start");
        assert_eq!(of("!ls"), "|!ls");
        assert_eq!(of(""), "|");
    }
}
