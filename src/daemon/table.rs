//! Who is who: pids, channels and deadlines to processes.

use std::collections::{BTreeSet, HashMap};

use crate::model::time::Moment;

/// A process of the daemon, for as long as it is configured; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessKey(pub u64);

/// The children that are not reaped yet, and the channels that are not closed yet.
#[derive(Debug, Default)]
pub struct Table {
    pids: HashMap<i32, ProcessKey>,
    channels: HashMap<usize, ProcessKey>,
}

impl Table {
    /// A child was spawned. No await may lie between the fork and this.
    pub fn add_pid(&mut self, pid: i32, process: ProcessKey) {
        self.pids.insert(pid, process);
    }

    /// A child was reaped; from now on its pid may be anybody's. `None`: it is none of ours.
    pub fn remove_pid(&mut self, pid: i32) -> Option<ProcessKey> {
        self.pids.remove(&pid)
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

    #[test]
    fn a_reaped_pid_is_nobodys() {
        let mut table = Table::default();
        table.add_pid(7, ProcessKey(1));
        assert_eq!((table.remove_pid(7), table.remove_pid(7)), (Some(ProcessKey(1)), None));
    }
}
