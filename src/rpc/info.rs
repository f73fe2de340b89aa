//! A process as the API describes it: fields and description (C-222 to C-234).

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{Local, TimeZone};

use crate::daemon::command::ProcessInfo;
use crate::model::state::ProcessState;
use crate::model::time::WallTime;
use crate::wire::xmlrpc::Value;

/// The struct that `getProcessInfo` and `getAllProcessInfo` give.
pub fn record(info: &ProcessInfo) -> Value {
    let stdout = path(info.stdout_logfile.as_ref());
    Value::record([
        ("name", info.name.name().into()),
        ("group", (&**info.name.group()).into()),
        ("start", seconds(info.start).into()),
        ("stop", seconds(info.stop).into()),
        ("now", info.now.secs().into()),
        ("state", info.state.code().into()),
        ("statename", info.state.name().into()),
        ("spawnerr", (&*info.spawnerr).into()),
        ("exitstatus", info.exitstatus.into()),
        ("logfile", stdout.as_str().into()),
        ("stdout_logfile", stdout.into()),
        ("stderr_logfile", path(info.stderr_logfile.as_ref()).into()),
        ("pid", info.pid.into()),
        ("description", description(info).into()),
    ])
}

/// What `status` shows behind the state (C-231 to C-234).
pub fn description(info: &ProcessInfo) -> String {
    match info.state {
        ProcessState::Running => {
            let up = info.now.secs().saturating_sub(seconds(info.start)).max(0);
            format!("pid {}, uptime {}", info.pid, uptime(up))
        }
        ProcessState::Fatal | ProcessState::Backoff if info.spawnerr.is_empty() => {
            format!("unknown error (try \"tail {}\")", info.name.name())
        }
        ProcessState::Fatal | ProcessState::Backoff => info.spawnerr.to_string(),
        ProcessState::Stopped | ProcessState::Exited => match info.start {
            None => "Not started".to_owned(),
            Some(_) => stop_time(seconds(info.stop)),
        },
        ProcessState::Starting | ProcessState::Stopping | ProcessState::Unknown => String::new(),
    }
}

fn seconds(time: Option<WallTime>) -> i64 {
    time.map_or(0, WallTime::secs)
}

fn path(file: Option<&Arc<PathBuf>>) -> String {
    file.map_or_else(String::new, |file| file.to_string_lossy().into_owned())
}

/// Seconds as `0:03:12`, `1 day, 2:03:04`, `2 days, 0:00:05`.
fn uptime(seconds: i64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    match days {
        0 => clock,
        1 => format!("1 day, {clock}"),
        n => format!("{n} days, {clock}"),
    }
}

/// Local time as `Nov 23 03:31 PM`; empty for times that no calendar has.
fn stop_time(seconds: i64) -> String {
    let local = Local.timestamp_opt(seconds, 0).single();
    local.map_or_else(String::new, |time| time.format("%b %d %I:%M %p").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::ProcessName;

    fn at(seconds: i64) -> WallTime {
        WallTime::from_nanos(seconds * 1_000_000_000)
    }

    fn process(state: ProcessState) -> ProcessInfo {
        ProcessInfo {
            name: ProcessName::new("g".into(), "p"),
            state,
            start: Some(at(1000)),
            stop: None,
            now: at(1192),
            spawnerr: "".into(),
            exitstatus: 0,
            stdout_logfile: Some(Arc::new("/l/o".into())),
            stderr_logfile: None,
            pid: 7,
        }
    }

    // C-231
    #[test]
    fn uptimes() {
        assert_eq!(description(&process(ProcessState::Running)), "pid 7, uptime 0:03:12");
        let rows =
            [(0, "0:00:00"), (86_399, "23:59:59"), (93_784, "1 day, 2:03:04"), (172_805, "2 days, 0:00:05")];
        for (seconds, text) in rows {
            assert_eq!(uptime(seconds), text);
        }
        let set_back = ProcessInfo { now: at(5), ..process(ProcessState::Running) };
        assert_eq!(description(&set_back), "pid 7, uptime 0:00:00");
    }

    // C-232
    #[test]
    fn failures() {
        let silent = process(ProcessState::Fatal);
        assert_eq!(description(&silent), "unknown error (try \"tail p\")");
        let told =
            ProcessInfo { spawnerr: "can't find command '/x'".into(), ..process(ProcessState::Backoff) };
        assert_eq!(description(&told), "can't find command '/x'");
    }

    // C-233
    #[test]
    fn stop_times() {
        let never = ProcessInfo { start: None, ..process(ProcessState::Stopped) };
        assert_eq!(description(&never), "Not started");
        let stopped = ProcessInfo { stop: Some(at(1_000_000_000)), ..process(ProcessState::Exited) };
        let local = Local.timestamp_opt(1_000_000_000, 0).unwrap();
        let text = description(&stopped);
        // 2001-09-09 01:46:40 UTC: the minute is the same in every zone of whole hours.
        assert_eq!(text, local.format("%b %d %I:%M %p").to_string());
        assert_eq!(text.len(), "Nov 23 03:31 PM".len());
        assert!(text.starts_with("Sep 0") && text.ends_with('M'), "{text}");
    }

    // C-234
    #[test]
    fn nothing_to_say() {
        for state in [ProcessState::Starting, ProcessState::Stopping, ProcessState::Unknown] {
            assert_eq!(description(&process(state)), "");
        }
    }

    // C-222 to C-230
    #[test]
    fn fields() {
        let value = record(&process(ProcessState::Running));
        let rows: [(&str, Value); 14] = [
            ("name", "p".into()),
            ("group", "g".into()),
            ("start", 1000.into()),
            ("stop", 0.into()),
            ("now", 1192.into()),
            ("state", 20.into()),
            ("statename", "RUNNING".into()),
            ("spawnerr", "".into()),
            ("exitstatus", 0.into()),
            ("logfile", "/l/o".into()),
            ("stdout_logfile", "/l/o".into()),
            ("stderr_logfile", "".into()),
            ("pid", 7.into()),
            ("description", "pid 7, uptime 0:03:12".into()),
        ];
        for (name, expected) in &rows {
            assert_eq!(value.member(name), Some(expected), "{name}");
        }
    }
}
