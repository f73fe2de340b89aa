//! What `scripts/writer.py` has written against what its log files hold, to the byte.

use std::collections::BTreeMap;

use crate::harness::sandbox::Sandbox;

/// Bytes of a line.
const LINE: u64 = 16;

/// The books of some programs' outputs.
#[derive(Debug, Default)]
pub struct Account {
    /// Bytes that the programs wrote; of lives that were killed, those of which the log knows.
    pub written: u64,
    /// Bytes in the logs.
    pub kept: u64,
    /// Lines that are not where they should be.
    pub faults: Vec<String>,
    /// Logs that have a gap within, or lack the last line; whatever they lack at the beginning.
    pub unfinished: Vec<String>,
}

impl Account {
    /// Enters one log of a program: `FILE`, and before it `FILE.1` and so on.
    pub fn enter(&mut self, sandbox: &Sandbox, program: &str, file: &str) {
        let log = whole(sandbox, file);
        let lives = lives(&log, file, &mut self.faults);
        let ledger = ledger(sandbox, program);
        self.unfinished.extend(unfinished(&log, &ledger).map(|why| format!("{file}: {why}")));
        self.kept += log.len() as u64;
        self.written += ledger.values().sum::<u64>() * LINE;
        let unentered = lives.iter().filter(|(pid, _)| !ledger.contains_key(pid));
        self.written += unentered.map(|(_, lines)| lines * LINE).sum::<u64>();
        for (pid, lines) in ledger {
            let kept = lives.get(&pid).copied().unwrap_or(0);
            if kept != lines {
                self.faults.push(format!("{file}: {kept} of {lines} lines of {pid}"));
            }
        }
    }

    /// Bytes that were written and are in no log.
    pub fn missing(&self) -> u64 {
        self.written.saturating_sub(self.kept)
    }
}

/// A log with its rotated files, oldest first.
pub fn whole(sandbox: &Sandbox, file: &str) -> Vec<u8> {
    let rotated = (1..).map(|n| format!("{file}.{n}")).take_while(|name| sandbox.has(name));
    let mut names: Vec<String> = rotated.collect();
    names.reverse();
    names.push(file.to_owned());
    names.iter().flat_map(|name| sandbox.read_bytes(name)).collect()
}

/// How many lines each life has, which must be numbered without a gap.
fn lives(log: &[u8], file: &str, faults: &mut Vec<String>) -> BTreeMap<i32, u64> {
    let mut lives = BTreeMap::new();
    for line in String::from_utf8_lossy(log).lines() {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(pid)), Some(Ok(n)), None) = (numbers.next(), numbers.next(), numbers.next()) else {
            faults.push(format!("{file}: {line:?}"));
            continue;
        };
        let next = lives.entry(i32::try_from(pid).unwrap_or_default()).or_insert(0);
        if n != *next {
            faults.push(format!("{file}: line {n} of {pid} instead of {next}"));
        }
        *next = n + 1;
    }
    lives
}

fn unfinished(log: &[u8], ledger: &BTreeMap<i32, u64>) -> Option<String> {
    let lines: Vec<String> = String::from_utf8_lossy(log).lines().map(str::to_owned).collect();
    let (pid, lines_written) = ledger.last_key_value()?;
    let last = format!("{pid:7} {:7}", lines_written.saturating_sub(1));
    gap(&lines).or_else(|| (lines.last() != Some(&last)).then(|| format!("{:?}, not {last:?}", lines.last())))
}

/// Lines of the lives that were entered.
fn ledger(sandbox: &Sandbox, program: &str) -> BTreeMap<i32, u64> {
    let text = sandbox.read(&format!("ledger/{program}"));
    let entries = text.lines().filter_map(|line| line.split_once(' '));
    entries.map(|(pid, lines)| (pid.parse().unwrap(), lines.parse().unwrap())).collect()
}

/// Complains of numbered lines that do not follow upon each other; they may begin anywhere.
pub fn gap(lines: &[String]) -> Option<String> {
    let mut last = BTreeMap::<&str, u64>::new();
    for line in lines {
        let Some((pid, n)) = line.trim().split_once(' ') else { return Some(format!("{line:?}")) };
        let Ok(n) = n.trim().parse::<u64>() else { return Some(format!("{line:?}")) };
        if let Some(before) = last.insert(pid, n)
            && n != before + 1
        {
            return Some(format!("{n} of {pid} follows {before}"));
        }
    }
    None
}
