//! Methods about processes (control.md, sections 7 and 8).

use std::rc::Rc;

use super::args::Args;
use super::info;
use super::methods::{Context, Reply};
use crate::daemon::command::{Done, Patience, Refusal, Results};
use crate::daemon::fault::{Fault, FaultCode};
use crate::model::event::RemoteCommunication;
use crate::model::fault::SUCCESS;
use crate::model::name::{ProcessName, Target};
use crate::wire::xmlrpc::Value;

/// The one process that a name means; a whole group is none (C-220).
pub(super) fn one_process(name: &str) -> Result<ProcessName, Fault> {
    match Target::of_spec(name) {
        Target::Process(process) => Ok(process),
        Target::Group(_) | Target::All => Err(Fault::with(FaultCode::BadName, name)),
    }
}

/// `getProcessInfo` (C-220).
pub(super) async fn info(context: Rc<Context>, mut args: Args) -> Reply {
    let name = args.text()?;
    let process = context.daemon.process(one_process(&name)?).await.map_err(|r| Fault::of(r, &name))?;
    Ok(info::record(&process))
}

/// `getAllProcessInfo` (C-221).
pub(super) async fn all_info(context: Rc<Context>, _: Args) -> Reply {
    Ok(Rc::clone(&context.listed).current(&context.daemon).await?)
}

/// `startProcess` (C-240).
pub(super) async fn start(context: Rc<Context>, mut args: Args) -> Reply {
    let (name, patience) = (args.text()?, patience(&mut args));
    let target = Target::of_spec(&name);
    let results = context.daemon.start(target.clone(), patience).await;
    of_target(&target, &name, &name, results).await
}

/// `startProcessGroup` (C-241).
pub(super) async fn start_group(context: Rc<Context>, mut args: Args) -> Reply {
    let (name, patience) = (args.text()?, patience(&mut args));
    let results = context.daemon.start(Target::Group(name.as_str().into()), patience).await;
    of_several(&name, None, results).await
}

/// `startAllProcesses` (C-241).
pub(super) async fn start_all(context: Rc<Context>, mut args: Args) -> Reply {
    let results = context.daemon.start(Target::All, patience(&mut args)).await;
    of_several("", None, results).await
}

/// `stopProcess` (C-242).
pub(super) async fn stop(context: Rc<Context>, mut args: Args) -> Reply {
    let (name, patience) = (args.text()?, patience(&mut args));
    let target = Target::of_spec(&name);
    let results = context.daemon.stop(target.clone(), patience).await;
    of_target(&target, &name, &name, results).await
}

/// `stopProcessGroup` (C-243).
pub(super) async fn stop_group(context: Rc<Context>, mut args: Args) -> Reply {
    let (name, patience) = (args.text()?, patience(&mut args));
    let results = context.daemon.stop(Target::Group(name.as_str().into()), patience).await;
    of_several(&name, None, results).await
}

/// `stopAllProcesses` (C-243).
pub(super) async fn stop_all(context: Rc<Context>, mut args: Args) -> Reply {
    let results = context.daemon.stop(Target::All, patience(&mut args)).await;
    of_several("", None, results).await
}

/// `signalProcess` (C-244, C-266).
pub(super) async fn signal(context: Rc<Context>, mut args: Args) -> Reply {
    let (name, (signal, given)) = (args.text()?, args.signal()?);
    let target = Target::of_spec(&name);
    let results = context.daemon.signal(target.clone(), signal).await;
    of_target(&target, &name, &given, results).await
}

/// `signalProcessGroup` (C-245).
pub(super) async fn signal_group(context: Rc<Context>, mut args: Args) -> Reply {
    let (name, (signal, given)) = (args.text()?, args.signal()?);
    let results = context.daemon.signal(Target::Group(name.as_str().into()), signal).await;
    of_several(&name, Some(&given), results).await
}

/// `signalAllProcesses` (C-245).
pub(super) async fn signal_all(context: Rc<Context>, mut args: Args) -> Reply {
    let (signal, given) = args.signal()?;
    let results = context.daemon.signal(Target::All, signal).await;
    of_several("", Some(&given), results).await
}

/// `sendProcessStdin` (C-246, C-268).
pub(super) async fn send_stdin(context: Rc<Context>, mut args: Args) -> Reply {
    let name = args.value();
    let text = args.bytes()?;
    let name = name.as_str().ok_or(FaultCode::IncorrectParameters)?;
    let sent = context.daemon.send_stdin(one_process(name)?, text).await;
    sent.map_err(|refusal| Fault::of(refusal, name))?;
    Ok(true.into())
}

/// `sendRemoteCommEvent` (C-247, C-270).
pub(super) async fn communicate(context: Rc<Context>, mut args: Args) -> Reply {
    let message = RemoteCommunication { kind: args.bytes()?, data: args.bytes()? };
    context.daemon.communicate(message).await?;
    Ok(true.into())
}

fn patience(args: &mut Args) -> Patience {
    if args.flag() { Patience::Wait } else { Patience::Hurry }
}

/// True or a fault for one process, an array for a whole group.
async fn of_target(target: &Target, name: &str, signal: &str, results: Result<Results, Refusal>) -> Reply {
    if !matches!(target, Target::Process(_)) {
        return of_several(name, Some(signal), results).await;
    }
    let mut results = results.map_err(|refusal| Fault::of(refusal, name))?;
    // Without a result the daemon is gone.
    let done = results.recv().await.ok_or(FaultCode::ShutdownState)?;
    done.result.map_err(|refusal| fault(refusal, name, Some(signal)))?;
    Ok(true.into())
}

/// A struct for each process, in the order in which they were done (C-206, C-257, C-258).
async fn of_several(name: &str, signal: Option<&str>, results: Result<Results, Refusal>) -> Reply {
    let mut results = results.map_err(|refusal| Fault::of(refusal, name))?;
    let mut records = Vec::new();
    while let Some(done) = results.recv().await {
        records.push(record(done, signal));
    }
    Ok(Value::Array(records))
}

/// C-206
pub(super) fn record(done: Done, signal: Option<&str>) -> Value {
    let Done { process, result } = done;
    let (status, description) = match result {
        Ok(()) => (SUCCESS, "OK".to_owned()),
        Err(refusal) => {
            let fault = fault(refusal, &process.to_string(), signal);
            (fault.code.number(), fault.to_string())
        }
    };
    Value::record([
        ("name", process.name().into()),
        ("group", (&**process.group()).into()),
        ("status", status.into()),
        ("description", description.into()),
    ])
}

/// A bad signal is told as it was given, everything else with the process' name.
fn fault(refusal: Refusal, name: &str, signal: Option<&str>) -> Fault {
    match (&refusal, signal) {
        (Refusal::BadSignal, Some(given)) => Fault::of(refusal, given),
        _ => Fault::of(refusal, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-206, C-266
    #[test]
    fn result_structs() {
        let process = ProcessName::new("crew".into(), "a");
        let of = |result| record(Done { process: process.clone(), result }, Some("NOPE"));
        let ok = of(Ok(()));
        assert_eq!(ok.member("status"), Some(&80.into()));
        assert_eq!(ok.member("description"), Some(&"OK".into()));
        assert_eq!((ok.member("name"), ok.member("group")), (Some(&"a".into()), Some(&"crew".into())));
        let failed = of(Err(Refusal::StartFailed));
        assert_eq!(failed.member("status"), Some(&50.into()));
        assert_eq!(failed.member("description"), Some(&"SPAWN_ERROR: crew:a".into()));
        assert_eq!(of(Err(Refusal::BadSignal)).member("description"), Some(&"BAD_SIGNAL: NOPE".into()));
    }

    // C-220
    #[test]
    fn whole_groups_are_no_process() {
        assert!(one_process("crew:a").is_ok());
        assert_eq!(one_process("crew:*").unwrap_err().to_string(), "BAD_NAME: crew:*");
    }
}
