//! Commands about the configuration: reread, avail, add, remove, update.

use std::collections::BTreeMap;

use super::super::faults::{
    ALREADY_ADDED, BAD_NAME, CANT_REREAD, FAILED, SHUTDOWN_STATE, STILL_RUNNING, exit,
};
use super::super::render::name_spec;
use super::super::session::{Outcome, Session};
use super::has_no_arguments;
use super::watch::{Goal, Scope, Watch};
use crate::client::proxy::{CallError, Changes, Fault};
use crate::wire::xmlrpc::Value;

/// `reread` (C-453).
pub(super) async fn reread(session: &mut Session, words: &[&str]) -> Outcome {
    if !has_no_arguments(session, "reread", words) {
        return Ok(());
    }
    let changes = match session.server()?.reload_config().await {
        Ok(changes) => changes,
        Err(CallError::Fault(Fault { code: SHUTDOWN_STATE, .. })) => {
            session.refuse(exit::FAILURE, "ERROR: supervisor shutting down");
            return Ok(());
        }
        Err(CallError::Fault(Fault { code: CANT_REREAD, text })) => {
            session.refuse(exit::FAILURE, format!("ERROR: {text}"));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    for line in change_lines(&changes) {
        session.out.line(line);
    }
    Ok(())
}

fn change_lines(changes: &Changes) -> Vec<String> {
    let kinds =
        [(&changes.added, "available"), (&changes.changed, "changed"), (&changes.removed, "disappeared")];
    let named = kinds.into_iter().flat_map(|(names, what)| names.iter().map(move |name| (name, what)));
    let sorted: BTreeMap<&String, &str> = named.collect();
    if sorted.is_empty() {
        return vec!["No config updates to processes".to_owned()];
    }
    sorted.into_iter().map(|(name, what)| format!("{name}: {what}")).collect()
}

/// `avail` (C-454).
pub(super) async fn avail(session: &mut Session, words: &[&str]) -> Outcome {
    if !has_no_arguments(session, "avail", words) {
        return Ok(());
    }
    let all = match session.server()?.call("supervisor.getAllConfigInfo", &[]).await {
        Ok(Value::Array(all)) => all,
        Ok(_) => return Err(CallError::Unexpected("list of processes").into()),
        Err(CallError::Fault(Fault { code: SHUTDOWN_STATE, .. })) => {
            session.refuse(exit::FAILURE, "ERROR: supervisor shutting down");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    for info in all {
        let line = avail_line(&info).ok_or(CallError::Unexpected("list of processes"))?;
        session.out.line(line);
    }
    Ok(())
}

fn avail_line(info: &Value) -> Option<String> {
    let spec = name_spec(info.member("group")?.as_str()?, info.member("name")?.as_str()?);
    let in_use = if info.member("inuse")?.is_true() { "in use" } else { "avail" };
    let autostart = if info.member("autostart")?.is_true() { "auto" } else { "manual" };
    let (group, process) = (info.member("group_prio")?.as_int()?, info.member("process_prio")?.as_int()?);
    Some(format!("{spec:<32} {in_use:<9} {autostart:<9} {group}:{process}"))
}

/// `add name...` (C-455).
pub(super) async fn add(session: &mut Session, names: &[&str]) -> Outcome {
    for name in names {
        match session.server()?.call("supervisor.addProcessGroup", &[(*name).into()]).await {
            Ok(_) => session.out.line(format!("{name}: added process group")),
            Err(CallError::Fault(fault)) => match fault.code {
                SHUTDOWN_STATE => session.refuse(exit::FAILURE, "ERROR: shutting down"),
                ALREADY_ADDED => session.out.line("ERROR: process group already active"),
                BAD_NAME => session.refuse(exit::FAILURE, format!("ERROR: no such process/group: {name}")),
                _ => return Err(CallError::Fault(fault).into()),
            },
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// `remove name...` (C-456).
pub(super) async fn remove(session: &mut Session, names: &[&str]) -> Outcome {
    for name in names {
        match session.server()?.call("supervisor.removeProcessGroup", &[(*name).into()]).await {
            Ok(_) => session.out.line(format!("{name}: removed process group")),
            Err(CallError::Fault(fault)) => {
                let what = match fault.code {
                    STILL_RUNNING => "process/group still running",
                    BAD_NAME => "no such process/group",
                    _ => return Err(CallError::Fault(fault).into()),
                };
                session.refuse(exit::FAILURE, format!("ERROR: {what}: {name}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// `update [all] [group...]` (C-457 to C-459).
pub(super) async fn update(session: &mut Session, names: &[&str]) -> Outcome {
    let changes = match session.server()?.reload_config().await {
        Ok(changes) => changes,
        Err(CallError::Fault(Fault { code: SHUTDOWN_STATE, .. })) => {
            session.refuse(exit::FAILURE, "ERROR: already shutting down");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let named = if names.contains(&"all") { &[] } else { names };
    if !named.is_empty() {
        refuse_unknown(session, named, &changes.added).await?;
    }
    let wanted = |group: &&String| named.is_empty() || named.contains(&group.as_str());
    for group in changes.removed.iter().filter(wanted) {
        if !stop_group(session, group).await? {
            session.refuse(exit::FAILURE, format!("{group}: has problems; not removing"));
            continue;
        }
        group_call(session, "remove", group).await?;
        session.out.line(format!("{group}: removed process group"));
    }
    for group in changes.changed.iter().filter(wanted) {
        stop_group(session, group).await?;
        group_call(session, "remove", group).await?;
        group_call(session, "add", group).await?;
        session.out.line(format!("{group}: updated process group"));
    }
    for group in changes.added.iter().filter(wanted) {
        group_call(session, "add", group).await?;
        session.out.line(format!("{group}: added process group"));
    }
    Ok(())
}

/// Says which names are neither active nor new (C-458).
async fn refuse_unknown(session: &mut Session, names: &[&str], added: &[String]) -> Outcome {
    let active = session.server()?.processes().await?;
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        let known = active.iter().any(|info| info.group == *name) || added.iter().any(|group| group == name);
        if !known && !seen.contains(name) {
            session.refuse(exit::FAILURE, format!("ERROR: no such group: {name}"));
        }
        seen.push(name);
    }
    Ok(())
}

/// Stops a group; false if a member could not be stopped (C-459).
async fn stop_group(session: &mut Session, group: &str) -> Result<bool, super::super::session::Trouble> {
    let watch = Watch { goal: Goal::Stopped, scope: Scope::Group(group), deadline: None };
    let results = watch.results(session, "supervisor.stopProcessGroup", &[group.into()]).await?;
    session.out.line(format!("{group}: stopped"));
    Ok(results.is_some_and(|results| results.iter().all(|result| result.status != FAILED)))
}

async fn group_call(session: &mut Session, verb: &str, group: &str) -> Outcome {
    let method = format!("supervisor.{verb}ProcessGroup");
    session.server()?.call(&method, &[group.into()]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-453
    #[test]
    fn changes_are_sorted_by_name() {
        let changes = Changes {
            added: vec!["z".into(), "a".into()],
            changed: vec!["m".into()],
            removed: vec!["b".into()],
        };
        let lines = ["a: available", "b: disappeared", "m: changed", "z: available"];
        assert_eq!(change_lines(&changes), lines);
        assert_eq!(change_lines(&Changes::default()), ["No config updates to processes"]);
    }

    // C-454
    #[test]
    fn lines_of_avail() {
        let info = Value::record([
            ("group", "g".into()),
            ("name", "p".into()),
            ("inuse", true.into()),
            ("autostart", false.into()),
            ("group_prio", 999.into()),
            ("process_prio", 5.into()),
        ]);
        let line = format!("{:<32} in use    manual    999:5", "g:p");
        assert_eq!(avail_line(&info), Some(line));
    }
}
