//! Who is who: pids, channels and deadlines to processes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::exit::ExitStatus;
use crate::model::time::Moment;

/// A process of the daemon, for as long as it is configured; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessKey(pub u64);

/// Ends of unknown pids that are kept while a launch is under way.
const MAX_EARLY: usize = 4096;

/// The children that are not reaped yet, and the channels that are not closed yet.
///
/// A worker forks, so a child may be reaped before the daemon is told of its pid. While any launch is
/// under way, the end of a pid nobody knows is kept until it is clear whose it was.
#[derive(Debug, Default)]
pub struct Table {
    pids: HashMap<i32, ProcessKey>,
    channels: BTreeMap<usize, ProcessKey>,
    launching: usize,
    early: BTreeMap<i32, ExitStatus>,
}

/// Whose end it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// This process'.
    Process(ProcessKey),
    /// Nobody's that is known yet.
    Early,
    /// None of ours.
    Stranger,
}

impl Table {
    /// A launch is under way.
    pub fn launch_begun(&mut self) {
        self.launching += 1;
    }

    /// A launch is over, with this child or none; how the child ended, if it has been reaped already.
    pub fn launch_over(&mut self, pid: Option<i32>) -> Option<ExitStatus> {
        self.launching -= 1;
        pid.and_then(|pid| self.early.remove(&pid))
    }

    /// A child that was launched and is not reaped belongs to this process.
    pub fn add_pid(&mut self, pid: i32, process: ProcessKey) {
        self.pids.insert(pid, process);
    }

    /// A child was reaped: from now on its pid may be anybody's.
    pub fn reaped(&mut self, pid: i32, status: ExitStatus) -> Ended {
        match self.pids.remove(&pid) {
            Some(process) => Ended::Process(process),
            None if self.launching > 0 && self.early.len() < MAX_EARLY => {
                self.early.insert(pid, status);
                Ended::Early
            }
            None => Ended::Stranger,
        }
    }

    /// Ends that turned out to be none of ours.
    pub fn strangers(&mut self) -> BTreeMap<i32, ExitStatus> {
        if self.launching > 0 { BTreeMap::new() } else { std::mem::take(&mut self.early) }
    }

    /// A channel belongs to this process.
    pub fn add_channel(&mut self, channel: usize, process: ProcessKey) {
        self.channels.insert(channel, process);
    }

    /// A channel is closed.
    pub fn remove_channel(&mut self, channel: usize) {
        self.channels.remove(&channel);
    }

    /// Whose channel it is, if it is still open.
    pub fn owner_of_channel(&self, channel: usize) -> Option<ProcessKey> {
        self.channels.get(&channel).copied()
    }
}

/// What is due when: one sleep serves all.
#[derive(Debug, Default)]
pub struct Deadlines {
    queue: BTreeSet<(Moment, ProcessKey)>,
    of: HashMap<ProcessKey, Moment>,
}

impl Deadlines {
    /// Sets the one deadline of a process, or none.
    pub fn set(&mut self, process: ProcessKey, deadline: Option<Moment>) {
        let before = match deadline {
            Some(moment) => self.of.insert(process, moment),
            None => self.of.remove(&process),
        };
        if before == deadline {
            return;
        }
        if let Some(moment) = before {
            self.queue.remove(&(moment, process));
        }
        if let Some(moment) = deadline {
            self.queue.insert((moment, process));
        }
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Moment> {
        self.queue.first().map(|(moment, _)| *moment)
    }

    /// Those that are due now, earliest first.
    pub fn due(&self, now: Moment) -> Vec<ProcessKey> {
        self.queue.iter().take_while(|(moment, _)| *moment <= now).map(|(_, process)| *process).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_deadline() {
        let mut deadlines = Deadlines::default();
        let at = Moment::from_nanos;
        deadlines.set(ProcessKey(1), Some(at(5)));
        deadlines.set(ProcessKey(2), Some(at(3)));
        deadlines.set(ProcessKey(1), Some(at(2)));
        assert_eq!(deadlines.due(at(3)), [ProcessKey(1), ProcessKey(2)]);
        deadlines.set(ProcessKey(1), None);
        assert_eq!((deadlines.next(), deadlines.due(at(2))), (Some(at(3)), vec![]));
    }

    const DONE: ExitStatus = ExitStatus::Code(0);

    #[test]
    fn a_reaped_pid_is_nobodys() {
        let mut table = Table::default();
        table.launch_begun();
        assert_eq!(table.launch_over(Some(7)), None);
        table.add_pid(7, ProcessKey(1));
        assert_eq!(table.reaped(7, DONE), Ended::Process(ProcessKey(1)));
        assert_eq!(table.reaped(7, DONE), Ended::Stranger);
    }

    #[test]
    fn a_child_that_is_reaped_before_its_launch_is_told_is_not_lost() {
        let mut table = Table::default();
        table.launch_begun();
        table.launch_begun();
        assert_eq!((table.reaped(7, DONE), table.reaped(8, DONE)), (Ended::Early, Ended::Early));
        assert_eq!(table.launch_over(Some(7)), Some(DONE));
        assert!(table.strangers().is_empty());
        assert_eq!(table.launch_over(None), None);
        assert_eq!(table.strangers().into_keys().collect::<Vec<_>>(), [8]);
        assert_eq!(table.reaped(7, DONE), Ended::Stranger);
    }
}
