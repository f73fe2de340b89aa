//! Methods about the configuration (control.md, section 10).

use std::rc::Rc;
use std::sync::Arc;

use super::args::Args;
use super::methods::{Context, Reply};
use crate::config::schema::{ChannelConfig, LogFile};
use crate::daemon::command::ConfiguredProcess;
use crate::daemon::fault::Fault;
use crate::daemon::process::LogPaths;
use crate::wire::xmlrpc::Value;

/// What is not set (C-307).
const NONE: &str = "none";

/// `reloadConfig`: an array of one array of three (C-300).
pub(super) async fn reread(context: Rc<Context>, _: Args) -> Reply {
    let found = context.daemon.reread().await.map_err(|refusal| Fault::of(refusal, ""))?;
    let names = |groups: Vec<Arc<str>>| Value::Array(groups.iter().map(|name| (&**name).into()).collect());
    let difference = [names(found.added), names(found.changed), names(found.removed)];
    Ok(Value::Array(vec![Value::Array(difference.into())]))
}

/// `addProcessGroup` (C-303).
pub(super) async fn add_group(context: Rc<Context>, mut args: Args) -> Reply {
    let name = args.text()?;
    let added = context.daemon.add_group(name.as_str().into()).await;
    added.map_err(|refusal| Fault::of(refusal, &name))?;
    Ok(true.into())
}

/// `removeProcessGroup` (C-304).
pub(super) async fn remove_group(context: Rc<Context>, mut args: Args) -> Reply {
    let name = args.text()?;
    let removed = context.daemon.remove_group(name.as_str().into()).await;
    removed.map_err(|refusal| Fault::of(refusal, &name))?;
    Ok(true.into())
}

/// `getAllConfigInfo` (C-305).
pub(super) async fn all_info(context: Rc<Context>, _: Args) -> Reply {
    let processes = context.daemon.configuration().await?;
    Ok(Value::Array(processes.iter().map(record).collect()))
}

/// C-306, C-307
fn record(configured: &ConfiguredProcess) -> Value {
    let ConfiguredProcess { group, process, inuse, logs } = configured;
    let redirected = process.redirect_stderr;
    let stderr_log = if redirected { NONE.into() } else { log(&process.stderr, logs, |logs| &logs.stderr) };
    Value::record([
        ("autostart", process.autostart.into()),
        ("directory", process.directory.as_deref().unwrap_or(NONE).into()),
        ("uid", process.user.map_or_else(|| NONE.into(), |uid| i64::from(uid).into())),
        ("command", process.command.as_str().into()),
        ("exitcodes", Value::Array(process.exitcodes.iter().map(|code| (*code).into()).collect())),
        ("group", (&*group.name).into()),
        ("group_prio", group.priority.into()),
        ("inuse", (*inuse).into()),
        ("killasgroup", process.killasgroup.into()),
        ("name", process.name.name().into()),
        ("process_prio", process.priority.into()),
        ("redirect_stderr", redirected.into()),
        ("startretries", process.startretries.into()),
        ("startsecs", process.startsecs.into()),
        ("stdout_capture_maxbytes", size(process.stdout.capture_maxbytes)),
        ("stdout_events_enabled", process.stdout.events_enabled.into()),
        ("stdout_logfile", log(&process.stdout, logs, |logs| &logs.stdout)),
        ("stdout_logfile_backups", i64::from(process.stdout.backups).into()),
        ("stdout_logfile_maxbytes", size(process.stdout.maxbytes)),
        ("stdout_syslog", process.stdout.syslog.into()),
        ("stopsignal", process.stopsignal.number().into()),
        ("stopwaitsecs", process.stopwaitsecs.into()),
        ("stderr_capture_maxbytes", size(process.stderr.capture_maxbytes)),
        ("stderr_events_enabled", process.stderr.events_enabled.into()),
        ("stderr_logfile", stderr_log),
        ("stderr_logfile_backups", i64::from(process.stderr.backups).into()),
        ("stderr_logfile_maxbytes", size(process.stderr.maxbytes)),
        ("stderr_syslog", process.stderr.syslog.into()),
        ("serverurl", process.serverurl.as_deref().unwrap_or(NONE).into()),
    ])
}

fn size(bytes: u64) -> Value {
    i64::try_from(bytes).unwrap_or(i64::MAX).into()
}

fn log(
    channel: &ChannelConfig,
    logs: &Option<LogPaths>,
    made: impl Fn(&LogPaths) -> &Option<Arc<std::path::PathBuf>>,
) -> Value {
    match (&channel.logfile, logs.as_ref().and_then(|logs| made(logs).as_ref())) {
        (LogFile::None, _) => NONE.into(),
        (LogFile::Path(path), _) => path.to_string_lossy().as_ref().into(),
        (LogFile::Auto, Some(path)) => path.to_string_lossy().as_ref().into(),
        (LogFile::Auto, None) => "auto".into(),
    }
}
