//! listeners: event listener pools with what they hold and how each listener does; for people or as JSON.

use serde::Serialize;

use super::super::faults::{UNKNOWN_METHOD, exit};
use super::super::render::{Output, entry, name_spec};
use super::super::session::{Outcome, Session};
use crate::client::proxy::{CallError, ListenerInfo, Outcomes, PoolInfo};
use crate::model::state::{ListenerState, ProcessState};

/// Against a daemon that has no such method, as the reference.
const NOT_OFFERED: &str = "listeners: ERROR (this supervisord does not tell of its listeners: \
                           it has no method supervisor.getListenerPools)";

/// `listeners [--json] [pool...]`, a command of our own.
pub(super) async fn listeners(session: &mut Session, words: &[&str]) -> Outcome {
    let json = words.contains(&"--json");
    let names: Vec<&str> = words.iter().copied().filter(|word| *word != "--json").collect();
    if !session.is_up().await? {
        return Ok(());
    }
    let all = match session.server()?.pools().await {
        Err(CallError::Fault(fault)) if fault.code == UNKNOWN_METHOD => {
            session.refuse(exit::FAILURE, NOT_OFFERED);
            return Ok(());
        }
        answer => answer?,
    };
    let (pools, unknown) = select(&all, &names);
    if json {
        let report = Report { schema: 1, serverurl: &session.settings.serverurl, pools, unknown: &unknown };
        let text = serde_json::to_string(&report).expect("strings and numbers always become JSON");
        session.out.line(text);
    } else {
        for name in &unknown {
            session.out.line(format!("{name}: ERROR (no such pool)"));
        }
        if all.is_empty() && unknown.is_empty() {
            session.out.line("no event listener pools");
        }
        for line in table(&pools, &session.out) {
            session.out.line(line);
        }
    }
    if !unknown.is_empty() {
        session.fail(exit::FAILURE);
    }
    Ok(())
}

/// The pools of these names, in the order given, or all; and the names that are no pool's.
fn select<'a>(all: &'a [PoolInfo], names: &[&'a str]) -> (Vec<&'a PoolInfo>, Vec<&'a str>) {
    if names.is_empty() {
        return (all.iter().collect(), Vec::new());
    }
    let find = |name: &&str| all.iter().find(|pool| pool.name == *name);
    let unknown = names.iter().copied().filter(|name| find(name).is_none()).collect();
    (names.iter().filter_map(find).collect(), unknown)
}

/// What `--json` writes: docs/supervisorctl.md describes it, and it only ever grows.
#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: u32,
    serverurl: &'a str,
    pools: Vec<&'a PoolInfo>,
    unknown: &'a [&'a str],
}

/// Width of the column of process states.
const STATE: usize = 10;
/// Width of the column of protocol states.
const PROTOCOL: usize = 14;

/// Each pool, and below it its listeners.
fn table(pools: &[&PoolInfo], out: &Output) -> Vec<String> {
    let labels = pools.iter().flat_map(|pool| {
        let listeners = pool.listeners.iter().map(label);
        listeners.chain([pool.name.clone()])
    });
    let column = labels.map(|label| label.chars().count()).max().unwrap_or_default() + 2;
    pools.iter().flat_map(|pool| pool_lines(pool, column, out)).collect()
}

fn label(listener: &ListenerInfo) -> String {
    format!("  {}", name_spec(&listener.group, &listener.name))
}

fn pool_lines(pool: &PoolInfo, column: usize, out: &Output) -> Vec<String> {
    let lead = format!("{:<column$}", pool.name);
    let mut lines = entry(&lead, column, &pool_phrases(pool), out.width());
    lines.extend(entry("", column, &event_phrases(pool), out.width()));
    lines.extend(pool.listeners.iter().flat_map(|listener| listener_lines(listener, column, out)));
    lines
}

fn listener_lines(listener: &ListenerInfo, column: usize, out: &Output) -> Vec<String> {
    let state = out.tinted(&format!("{:<STATE$}", listener.statename), listener.state);
    let protocol = match listener.pid {
        Some(_) => out.tinted(&format!("{:<PROTOCOL$}", listener.protocol_state), likeness(listener)),
        None => format!("{:<PROTOCOL$}", "-"),
    };
    let lead = format!("{:<column$}{state}{protocol}", label(listener));
    let indent = column + STATE + PROTOCOL;
    let mut lines = entry(&lead, indent, &listener_phrases(listener), out.width());
    if let Some(error) = &listener.last_error {
        let ago = span(listener.last_error_age.unwrap_or_default());
        lines.extend(entry("", indent, &[format!("last error {ago} ago: {error}")], out.width()));
    }
    lines
}

/// The process state whose colour suits the state in the protocol: only a broken one catches the eye.
fn likeness(listener: &ListenerInfo) -> i64 {
    let broken = listener.protocol_state == ListenerState::Unknown.name();
    i64::from(if broken { ProcessState::Unknown } else { ProcessState::Stopped }.code())
}

fn pool_phrases(pool: &PoolInfo) -> Vec<String> {
    let queued = format!("{} of {} queued", pool.queue_length, pool.buffer_size);
    let queued = match pool.queue_length {
        0 => queued,
        _ => format!("{queued} for {}", span(pool.oldest_event_age)),
    };
    let mut phrases = vec![
        queued,
        format!("{} accepted", pool.accepted),
        format!("{} acknowledged", pool.outcomes.acknowledged),
        format!("{} dropped", pool.dropped),
    ];
    phrases.extend(troubles(&pool.outcomes));
    phrases
}

fn event_phrases(pool: &PoolInfo) -> Vec<String> {
    let mut phrases = pool.events.clone();
    if let Some(first) = phrases.first_mut() {
        *first = format!("hears {first}");
    }
    phrases
}

fn listener_phrases(listener: &ListenerInfo) -> Vec<String> {
    let mut phrases = Vec::new();
    phrases.extend(listener.pid.map(|pid| format!("pid {pid}")));
    phrases.extend(listener.serial.map(|serial| {
        let held = span(listener.in_hand_seconds.unwrap_or_default());
        format!("event {serial} in hand for {held}")
    }));
    phrases.push(format!("{} delivered", listener.outcomes.delivered));
    phrases.push(format!("{} acknowledged", listener.outcomes.acknowledged));
    phrases.extend(troubles(&listener.outcomes));
    phrases.extend(counted(listener.unsent_bytes, "bytes unsent"));
    phrases
}

/// What did not end well, if anything did not.
fn troubles(outcomes: &Outcomes) -> impl Iterator<Item = String> {
    let counts =
        [(outcomes.rejected, "rejected"), (outcomes.broken, "broken"), (outcomes.orphaned, "orphaned")];
    counts.into_iter().filter_map(|(count, what)| counted(count, what))
}

fn counted(count: i64, what: &str) -> Option<String> {
    (count > 0).then(|| format!("{count} {what}"))
}

/// Seconds as `4.2s`, `12m 5s`, `3h 20m`, `2d 7h`.
fn span(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        0..60 => format!("{seconds:.1}s"),
        60..3600 => format!("{}m {}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h {}m", whole / 3600, whole / 60 % 60),
        _ => format!("{}d {}h", whole / 86_400, whole / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(name: &str) -> PoolInfo {
        PoolInfo { name: name.into(), ..PoolInfo::default() }
    }

    #[test]
    fn pools_in_the_order_given() {
        let all = [pool("a"), pool("b")];
        let (shown, unknown) = select(&all, &["b", "x", "a"]);
        assert_eq!(shown, [&all[1], &all[0]]);
        assert_eq!(unknown, ["x"]);
        assert_eq!(select(&all, &[]).0.len(), 2);
    }

    #[test]
    fn what_is_zero_and_goes_without_saying_is_not_said() {
        let idle = PoolInfo { buffer_size: 10, accepted: 3, ..pool("a") };
        assert_eq!(pool_phrases(&idle).join(", "), "0 of 10 queued, 3 accepted, 0 acknowledged, 0 dropped");
        let outcomes = Outcomes { delivered: 5, broken: 1, orphaned: 2, ..Outcomes::default() };
        let busy = PoolInfo { queue_length: 2, oldest_event_age: 75.0, outcomes: outcomes.clone(), ..idle };
        assert_eq!(
            pool_phrases(&busy).join(", "),
            "2 of 10 queued for 1m 15s, 3 accepted, 0 acknowledged, 0 dropped, 1 broken, 2 orphaned"
        );
        let listener = ListenerInfo {
            pid: Some(7),
            serial: Some(0),
            in_hand_seconds: Some(1.25),
            unsent_bytes: 4,
            outcomes,
            ..ListenerInfo::default()
        };
        assert_eq!(
            listener_phrases(&listener).join(", "),
            "pid 7, event 0 in hand for 1.2s, 5 delivered, 0 acknowledged, 1 broken, 2 orphaned, 4 bytes unsent"
        );
    }

    #[test]
    fn spans() {
        let rows = [(0.0, "0.0s"), (59.9, "59.9s"), (60.0, "1m 0s"), (7265.0, "2h 1m"), (200_000.0, "2d 7h")];
        for (seconds, text) in rows {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn the_schema() {
        let listener = ListenerInfo { name: "l".into(), serial: Some(4), ..ListenerInfo::default() };
        let pool = PoolInfo { listeners: vec![listener], ..pool("a") };
        let report = Report { schema: 1, serverurl: "u", pools: vec![&pool], unknown: &["x"] };
        let report = serde_json::to_value(report).unwrap();
        assert_eq!((&report["schema"], &report["unknown"][0]), (&1.into(), &"x".into()));
        let pool = &report["pools"][0];
        assert_eq!((&pool["name"], &pool["delivered"]), (&"a".into(), &0.into()));
        let listener = &pool["listeners"][0];
        assert_eq!((&listener["serial"], &listener["orphaned"]), (&4.into(), &0.into()));
        assert!(listener["pid"].is_null() && listener["last_error"].is_null());
    }
}
