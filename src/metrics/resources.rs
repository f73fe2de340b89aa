//! What /proc tells: read at a scrape, once of each process.

use std::collections::HashMap;

use crate::config::schema::MetricsConfig;
use crate::daemon::figures::ProcessFigures;
use crate::sys::proc::{self, Resources, Usage};

/// What was read.
#[derive(Default)]
pub(super) struct Readings {
    /// Of the daemon itself.
    pub own: Option<Resources>,
    /// Of each process, in the order of the figures; none of those that do not run.
    pub processes: Vec<Option<Resources>>,
    /// Of each process with its descendants, likewise.
    pub trees: Vec<Option<Tree>>,
}

/// A process with all its descendants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tree {
    pub processes: u64,
    pub cpu_seconds: f64,
    pub resident_memory: u64,
}

impl Readings {
    /// Reads what is wanted. What was reaped meanwhile is not mistaken for a child of ours.
    pub(super) fn take(processes: &[ProcessFigures], wanted: &MetricsConfig) -> Self {
        let own = i32::try_from(std::process::id()).ok().and_then(proc::resources);
        let daemon = own.map(|own| own.usage.pid);
        let ours = |usage: &Usage| Some(usage.parent) == daemon;
        let mut readings = Self { own, ..Self::default() };
        if wanted.process_resources {
            let read = |pid| proc::resources(pid).filter(|resources| ours(&resources.usage));
            readings.processes = processes.iter().map(|process| process.pid.and_then(read)).collect();
        }
        if wanted.process_tree {
            let forest = Forest::new(proc::usages());
            let grown =
                |pid| forest.usages.get(&pid).filter(|usage| ours(usage)).map(|root| forest.tree(root));
            readings.trees = processes.iter().map(|process| process.pid.and_then(grown)).collect();
        }
        readings
    }
}

/// All processes of the machine, by parent.
struct Forest {
    usages: HashMap<i32, Usage>,
    children: HashMap<i32, Vec<i32>>,
}

impl Forest {
    fn new(all: Vec<Usage>) -> Self {
        let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
        for usage in &all {
            children.entry(usage.parent).or_default().push(usage.pid);
        }
        Self { usages: all.into_iter().map(|usage| (usage.pid, usage)).collect(), children }
    }

    fn tree(&self, root: &Usage) -> Tree {
        let mut tree = Tree::default();
        let mut todo = vec![root.pid];
        // As processes come and go while they are read, parents may seem to go in a circle.
        while let Some(pid) = todo.pop().filter(|_| tree.processes < self.usages.len() as u64) {
            if let Some(usage) = self.usages.get(&pid) {
                tree.processes += 1;
                tree.cpu_seconds += usage.cpu_seconds;
                tree.resident_memory += usage.resident_memory;
            }
            todo.extend(self.children.get(&pid).into_iter().flatten());
        }
        tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // M-043
    #[test]
    fn trees_are_summed_up() {
        let usage = |pid, parent| Usage { pid, parent, cpu_seconds: 0.5, resident_memory: 10 };
        let forest = Forest::new(vec![usage(2, 1), usage(3, 2), usage(4, 3), usage(5, 2), usage(6, 1)]);
        let tree = |pid| forest.tree(&forest.usages[&pid]);
        assert_eq!(tree(2), Tree { processes: 4, cpu_seconds: 2.0, resident_memory: 40 });
        assert_eq!(tree(6).processes, 1);
        let circle = Forest::new(vec![usage(2, 3), usage(3, 2)]);
        assert!(circle.tree(&circle.usages[&2]).processes <= 2);
    }
}
