//! Methods about logs (control.md, section 9). The daemon's workers read them.
//!
//! Answers hold them as bytes: what is not UTF-8, as where an excerpt cuts a character, is replaced when
//! the answer is written (C-076).

use std::rc::Rc;

use super::args::Args;
use super::methods::{Context, Reply};
use super::process::{one_process, record};
use crate::daemon::command::{LogSource, Refusal};
use crate::daemon::fault::{Fault, FaultCode};
use crate::logs::read::Window;
use crate::model::event::Channel;
use crate::model::name::Target;
use crate::wire::xmlrpc::Value;

/// `readLog`, `readMainLog` (C-215).
pub(super) async fn read_main(context: Rc<Context>, mut args: Args) -> Reply {
    let window = Window::Read { offset: args.int()?, length: args.int()? };
    let read = context.daemon.read_log(LogSource::Main, window).await;
    Ok(Value::Bytes(read.map_err(|refusal| Fault::of(refusal, ""))?.data))
}

/// `clearLog` (C-216).
pub(super) async fn clear_main(context: Rc<Context>, _: Args) -> Reply {
    context.daemon.clear_main_log().await.map_err(|refusal| match refusal {
        Refusal::FileFailed => FaultCode::Failed.into(),
        other => Fault::of(other, ""),
    })?;
    Ok(true.into())
}

/// `readProcessStdoutLog`, `readProcessLog` (C-280).
pub(super) async fn read_stdout(context: Rc<Context>, args: Args) -> Reply {
    read(context, args, Channel::Stdout).await
}

/// `readProcessStderrLog` (C-280).
pub(super) async fn read_stderr(context: Rc<Context>, args: Args) -> Reply {
    read(context, args, Channel::Stderr).await
}

async fn read(context: Rc<Context>, mut args: Args, channel: Channel) -> Reply {
    let (name, window) = (args.text()?, Window::Read { offset: args.int()?, length: args.int()? });
    let source = LogSource::Process(one_process(&name)?, channel);
    let read = context.daemon.read_log(source, window).await;
    // An unreadable file is told without a name (C-289).
    Ok(Value::Bytes(read.map_err(|refusal| unnamed(refusal, &name))?.data))
}

fn unnamed(refusal: Refusal, name: &str) -> Fault {
    match refusal {
        Refusal::FileFailed => FaultCode::Failed.into(),
        other => Fault::of(other, name),
    }
}

/// `tailProcessStdoutLog`, `tailProcessLog` (C-281).
pub(super) async fn tail_stdout(context: Rc<Context>, args: Args) -> Reply {
    tail(context, args, Channel::Stdout).await
}

/// `tailProcessStderrLog` (C-281).
pub(super) async fn tail_stderr(context: Rc<Context>, args: Args) -> Reply {
    tail(context, args, Channel::Stderr).await
}

async fn tail(context: Rc<Context>, mut args: Args, channel: Channel) -> Reply {
    let (name, offset, length) = (args.text()?, args.int()?, args.int()?);
    let source = LogSource::Process(one_process(&name)?, channel);
    match context.daemon.read_log(source, Window::Tail { offset, length }).await {
        Ok(excerpt) => {
            let size = i64::try_from(excerpt.size).unwrap_or(i64::MAX);
            Ok(Value::Array(vec![Value::Bytes(excerpt.data), size.into(), excerpt.overflow.into()]))
        }
        Err(Refusal::NoFile(_)) => Ok(Value::Array(vec!["".into(), 0.into(), false.into()])),
        Err(Refusal::FileFailed) => Ok(Value::Array(vec!["".into(), offset.into(), false.into()])),
        Err(refusal) => Err(Fault::of(refusal, &name)),
    }
}

/// `clearProcessLogs`, `clearProcessLog` (C-282, C-292 to C-294).
pub(super) async fn clear(context: Rc<Context>, mut args: Args) -> Reply {
    let name = args.text()?;
    let target = Target::Process(one_process(&name)?);
    let done = context.daemon.clear_logs(target).await.map_err(|refusal| Fault::of(refusal, &name))?;
    for done in done {
        done.result.map_err(|refusal| Fault::of(refusal, &name))?;
    }
    Ok(true.into())
}

/// `clearAllProcessLogs` (C-283).
pub(super) async fn clear_all(context: Rc<Context>, _: Args) -> Reply {
    let done = context.daemon.clear_logs(Target::All).await.map_err(|refusal| Fault::of(refusal, ""))?;
    Ok(Value::Array(done.into_iter().map(|done| record(done, None)).collect()))
}
