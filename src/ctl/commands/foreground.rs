//! fg: a process as if it ran in this terminal (C-466 to C-468).

use super::super::faults::{BAD_NAME, NOT_RUNNING, exit};
use super::super::session::{Outcome, Session, Trouble};
use super::help;
use super::logs::{BANNER, Channel, complain, log_path};
use crate::client::proxy::CallError;
use crate::client::transport::Stream;
use crate::model::state::ProcessState;
use crate::sys::interrupts::Interrupts;

/// `fg name`.
pub(super) async fn fg(session: &mut Session, words: &[&str]) -> Outcome {
    if !session.is_up().await? {
        return Ok(());
    }
    let name = match words {
        [] => {
            session.refuse(exit::FAILURE, "ERROR: no process name supplied");
            help::show(session, "fg");
            return Ok(());
        }
        [name] => *name,
        _ => {
            session.refuse(exit::FAILURE, "ERROR: too many process names supplied");
            return Ok(());
        }
    };
    match runs(session, name).await {
        Ok(true) => {}
        Ok(false) => {
            session.refuse(exit::FAILURE, "ERROR: process not running");
            return Ok(());
        }
        Err(Trouble::Call(CallError::Fault(fault))) => {
            let text = if fault.code == BAD_NAME { "bad process name supplied" } else { &fault.text };
            session.refuse(exit::FAILURE, format!("ERROR: {text}"));
            return Ok(());
        }
        Err(trouble) => return Err(trouble),
    }
    session.out.line(BANNER);
    session.out.flush();
    if session.interrupts.is_none() {
        session.interrupts = Interrupts::install().ok();
    }
    let stdout = open(session, name, Channel::Stdout).await?;
    let stderr = open(session, name, Channel::Stderr).await?;
    talk(session, name, [stdout, stderr]).await
}

async fn runs(session: &mut Session, name: &str) -> Result<bool, Trouble> {
    let info = session.server()?.process(name).await?;
    Ok(info.state == i64::from(ProcessState::Running.code()))
}

async fn open(session: &mut Session, name: &str, channel: Channel) -> Result<Option<Stream>, Trouble> {
    let path = log_path(name, channel);
    match session.server()?.follow(&path).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => {
            complain(session, &path, &error);
            Ok(None)
        }
    }
}

/// Something to do.
enum Turn {
    Output(usize, Option<Vec<u8>>),
    Typed(Option<String>),
    Interrupted,
}

async fn talk(session: &mut Session, name: &str, mut streams: [Option<Stream>; 2]) -> Outcome {
    loop {
        let mut interrupts = session.interrupts.clone();
        let [stdout, stderr] = &mut streams;
        let turn = tokio::select! {
            biased;
            () = Session::interrupted(&mut interrupts) => Turn::Interrupted,
            piece = next(stdout) => Turn::Output(0, piece),
            piece = next(stderr) => Turn::Output(1, piece),
            line = session.line() => Turn::Typed(line),
        };
        match turn {
            Turn::Output(_, Some(bytes)) => {
                session.out.raw(&bytes);
                session.out.flush();
            }
            Turn::Output(at, None) => {
                if let Some(ended) = streams.get_mut(at) {
                    *ended = None;
                }
            }
            Turn::Typed(Some(line)) => {
                let mut interrupts = session.interrupts.clone();
                let end = tokio::select! {
                    biased;
                    () = Session::interrupted(&mut interrupts) => break,
                    end = hand_over(session, name, line) => end?,
                };
                if let Some(end) = end {
                    session.out.line(end);
                    break;
                }
            }
            Turn::Typed(None) | Turn::Interrupted => break,
        }
    }
    session.out.line("Exiting foreground");
    Ok(())
}

/// The stream's next piece; waits for ever where there is none.
async fn next(stream: &mut Option<Stream>) -> Option<Vec<u8>> {
    match stream {
        Some(stream) => stream.next().await?.ok().map(|bytes| bytes.to_vec()),
        None => std::future::pending().await,
    }
}

/// Sends a typed line to the process; gives what to say where that was the last one (C-467).
async fn hand_over(session: &mut Session, name: &str, line: String) -> Result<Option<String>, Trouble> {
    let params = [name.into(), format!("{line}\n").into()];
    match session.server()?.call("supervisor.sendProcessStdin", &params).await {
        Ok(_) => {}
        Err(CallError::Fault(fault)) if fault.code == NOT_RUNNING => {
            return Ok(Some("Process got killed".to_owned()));
        }
        Err(CallError::Fault(fault)) => return Ok(Some(format!("ERROR: {}", fault.text))),
        Err(error) => return Err(error.into()),
    }
    let gone = !runs(session, name).await?;
    Ok(gone.then(|| "Process got killed".to_owned()))
}
