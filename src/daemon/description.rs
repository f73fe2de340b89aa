//! What is said of a process behind its state (C-231 to C-234).

use chrono::{Local, TimeZone};

use super::command::ProcessInfo;
use crate::model::state::ProcessState;
use crate::model::time::WallTime;

impl ProcessInfo {
    /// What is shown behind the state (C-231 to C-234).
    pub fn description(&self) -> String {
        match self.state {
            ProcessState::Running => {
                let up = self.now.secs().saturating_sub(seconds(self.start)).max(0);
                running(self.pid, up)
            }
            ProcessState::Fatal | ProcessState::Backoff if self.spawnerr.is_empty() => {
                format!("unknown error (try \"tail {}\")", self.name.name())
            }
            ProcessState::Fatal | ProcessState::Backoff => self.spawnerr.to_string(),
            ProcessState::Stopped | ProcessState::Exited => match self.start {
                None => "Not started".to_owned(),
                Some(_) => stop_time(seconds(self.stop)),
            },
            ProcessState::Starting | ProcessState::Stopping | ProcessState::Unknown => String::new(),
        }
    }
}

fn seconds(time: Option<WallTime>) -> i64 {
    time.map_or(0, WallTime::secs)
}

/// `pid 7, uptime 0:03:12`. Made for each running process of each list, so without the formatting
/// machinery.
fn running(pid: i32, seconds: i64) -> String {
    let mut text = String::with_capacity(48);
    text.push_str("pid ");
    text.push_str(itoa::Buffer::new().format(pid));
    text.push_str(", uptime ");
    push_uptime(&mut text, seconds);
    text
}

/// Seconds as `0:03:12`, `1 day, 2:03:04`, `2 days, 0:00:05`.
fn push_uptime(text: &mut String, seconds: i64) {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    if days > 0 {
        text.push_str(itoa::Buffer::new().format(days));
        text.push_str(if days == 1 { " day, " } else { " days, " });
    }
    text.push_str(itoa::Buffer::new().format(rest / 3600));
    for part in [rest / 60 % 60, rest % 60] {
        text.push_str(if part < 10 { ":0" } else { ":" });
        text.push_str(itoa::Buffer::new().format(part));
    }
}

/// Local time as `Nov 23 03:31 PM`; empty for times that no calendar has.
fn stop_time(seconds: i64) -> String {
    let local = Local.timestamp_opt(seconds, 0).single();
    local.map_or_else(String::new, |time| time.format("%b %d %I:%M %p").to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
        assert_eq!(process(ProcessState::Running).description(), "pid 7, uptime 0:03:12");
        let rows =
            [(0, "0:00:00"), (86_399, "23:59:59"), (93_784, "1 day, 2:03:04"), (172_805, "2 days, 0:00:05")];
        for (seconds, text) in rows {
            assert_eq!(running(7, seconds), format!("pid 7, uptime {text}"));
        }
        let set_back = ProcessInfo { now: at(5), ..process(ProcessState::Running) };
        assert_eq!(set_back.description(), "pid 7, uptime 0:00:00");
    }

    // C-232
    #[test]
    fn failures() {
        let silent = process(ProcessState::Fatal);
        assert_eq!(silent.description(), "unknown error (try \"tail p\")");
        let told =
            ProcessInfo { spawnerr: "can't find command '/x'".into(), ..process(ProcessState::Backoff) };
        assert_eq!(told.description(), "can't find command '/x'");
    }

    // C-233
    #[test]
    fn stop_times() {
        let never = ProcessInfo { start: None, ..process(ProcessState::Stopped) };
        assert_eq!(never.description(), "Not started");
        let stopped = ProcessInfo { stop: Some(at(1_000_000_000)), ..process(ProcessState::Exited) };
        let local = Local.timestamp_opt(1_000_000_000, 0).unwrap();
        let text = stopped.description();
        // 2001-09-09 01:46:40 UTC: the minute is the same in every zone of whole hours.
        assert_eq!(text, local.format("%b %d %I:%M %p").to_string());
        assert_eq!(text.len(), "Nov 23 03:31 PM".len());
        assert!(text.starts_with("Sep 0") && text.ends_with('M'), "{text}");
    }

    // C-234
    #[test]
    fn nothing_to_say() {
        for state in [ProcessState::Starting, ProcessState::Stopping, ProcessState::Unknown] {
            assert_eq!(process(state).description(), "");
        }
    }
}
