//! Processes as /proc shows them, and the clearing away of those a test has left behind.
//!
//! Everything a test starts carries [`MARK`] in its environment, so it is found whatever its parent,
//! group or session has become.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::wait;

/// Environment variable that holds the directory of the test a process belongs to.
pub const MARK: &str = "PROTOCOL_TEST_DIR";

/// Whether there is such a process; a zombie is none.
pub fn is_alive(pid: i32) -> bool {
    !matches!(state(pid), None | Some('Z' | 'X'))
}

/// The state letter of a process.
pub fn state(pid: i32) -> Option<char> {
    stat_fields(pid)?.first()?.chars().next()
}

/// Parent of a process.
pub fn parent(pid: i32) -> Option<i32> {
    stat_fields(pid)?.get(1)?.parse().ok()
}

/// Process group of a process.
pub fn group(pid: i32) -> Option<i32> {
    stat_fields(pid)?.get(2)?.parse().ok()
}

/// Session of a process.
pub fn session(pid: i32) -> Option<i32> {
    stat_fields(pid)?.get(3)?.parse().ok()
}

/// CPU time that a process has used, in clock ticks.
pub fn cpu_ticks(pid: i32) -> Option<u64> {
    let fields = stat_fields(pid)?;
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

/// A living child of a process, if it has one.
pub fn child_of(parent_pid: i32) -> Option<i32> {
    pids().find(|pid| parent(*pid) == Some(parent_pid) && is_alive(*pid))
}

/// How many dead children a process has not waited for.
pub fn zombies_of(parent_pid: i32) -> usize {
    pids().filter(|pid| state(*pid) == Some('Z') && parent(*pid) == Some(parent_pid)).count()
}

/// One `Name:` line of /proc/PID/status.
pub fn status_line(pid: i32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

/// Sends a signal to one process; a process that is gone is no error.
pub fn send(pid: i32, signal: Signal) {
    let _gone = kill(Pid::from_raw(pid), signal);
}

/// Kills whatever belongs to the test of this directory, until nothing does.
pub fn clear(dir: &Path) {
    let _still_there = wait::within(wait::PATIENCE, || {
        let left = belonging_to(dir);
        left.iter().for_each(|pid| send(*pid, Signal::SIGKILL));
        left.is_empty().then_some(())
    });
}

/// The marked processes of a test and all their descendants.
pub fn belonging_to(dir: &Path) -> BTreeSet<i32> {
    let mark = format!("{MARK}={}", dir.display()).into_bytes();
    let all: Vec<i32> = pids().filter(|pid| is_alive(*pid)).collect();
    let mut found: BTreeSet<i32> = all.iter().copied().filter(|pid| carries(*pid, &mark)).collect();
    loop {
        let more: Vec<i32> = all
            .iter()
            .copied()
            .filter(|pid| !found.contains(pid) && parent(*pid).is_some_and(|it| found.contains(&it)))
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

fn carries(pid: i32, mark: &[u8]) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|it| it.split(|byte| *byte == 0).any(|it| it == mark))
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The fields of /proc/PID/stat from the state on.
fn stat_fields(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}
