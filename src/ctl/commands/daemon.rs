//! Commands about the daemon itself: pid, version, shutdown, reload.

use std::io::ErrorKind;

use super::super::faults::{BAD_NAME, SHUTDOWN_STATE, exit};
use super::super::session::{Outcome, Session, Trouble};
use super::has_no_arguments;
use crate::client::proxy::CallError;
use crate::client::transport::TransportError;

/// `pid [all] [name...]` (C-442).
pub(super) async fn pid(session: &mut Session, names: &[&str]) -> Outcome {
    if !session.is_up().await? {
        return Ok(());
    }
    if names.is_empty() {
        let pid = session.server()?.number("supervisor.getPID").await?;
        session.out.line(pid.to_string());
    } else if names.contains(&"all") {
        for info in session.server()?.processes().await? {
            session.out.line(info.pid.to_string());
        }
    } else {
        for name in names {
            pid_of(session, name).await?;
        }
    }
    Ok(())
}

async fn pid_of(session: &mut Session, name: &str) -> Outcome {
    match session.server()?.process(name).await {
        Ok(info) => {
            session.out.line(info.pid.to_string());
            if info.pid == 0 {
                session.fail(exit::NOT_RUNNING);
            }
            Ok(())
        }
        Err(CallError::Fault(fault)) if fault.code == BAD_NAME => {
            session.refuse(exit::FAILURE, format!("No such process {name}"));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// `version` (C-443).
pub(super) async fn version(session: &mut Session, words: &[&str]) -> Outcome {
    if !has_no_arguments(session, "version", words) || !session.is_up().await? {
        return Ok(());
    }
    let version = session.server()?.text("supervisor.getSupervisorVersion", &[]).await?;
    session.out.line(version);
    Ok(())
}

/// `shutdown` (C-449, C-450, C-452).
pub(super) async fn shutdown(session: &mut Session, words: &[&str]) -> Outcome {
    if !has_no_arguments(session, "shutdown", words)
        || !confirmed(session, "Really shut the remote supervisord process down y/N? ").await?
    {
        return Ok(());
    }
    match session.server()?.call("supervisor.shutdown", &[]).await {
        Ok(_) => session.out.line("Shut down"),
        Err(CallError::Fault(fault)) if fault.code == SHUTDOWN_STATE => {
            session.out.line("ERROR: already shutting down");
        }
        Err(CallError::Transport(TransportError::Connect(error))) => {
            let what = match error.kind() {
                ErrorKind::ConnectionRefused => "refused connection",
                ErrorKind::NotFound => "no such file",
                _ => return Err(CallError::from(TransportError::Connect(error)).into()),
            };
            let text = format!("ERROR: {} {what} (already shut down?)", session.settings.serverurl);
            session.refuse(exit::FAILURE, text);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// `reload` (C-451, C-452).
pub(super) async fn reload(session: &mut Session, words: &[&str]) -> Outcome {
    if !has_no_arguments(session, "reload", words)
        || !confirmed(session, "Really restart the remote supervisord process y/N? ").await?
    {
        return Ok(());
    }
    match session.server()?.call("supervisor.restart", &[]).await {
        Ok(_) => session.out.line("Restarted supervisord"),
        Err(CallError::Fault(fault)) if fault.code == SHUTDOWN_STATE => {
            session.refuse(exit::FAILURE, "ERROR: already shutting down");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn confirmed(session: &mut Session, question: &str) -> Result<bool, Trouble> {
    Ok(!session.settings.interactive || session.ask(question).await?.starts_with(['y', 'Y']))
}
