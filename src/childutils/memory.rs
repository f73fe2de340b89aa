//! How much memory processes use, from /proc: what is resident, as `ps` counts it (E-230).

use std::collections::{BTreeMap, BTreeSet};

/// What is known of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Usage {
    parent: i32,
    bytes: u64,
}

/// The memory of all processes at one moment, with who is whose child.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<i32, Usage>);

impl Snapshot {
    /// The state of things now.
    pub fn take() -> Self {
        Self(proc::all())
    }

    /// A process and all its descendants; `None`: there is no such process.
    pub fn tree(&self, pid: i32) -> Option<u64> {
        let mut total = self.0.get(&pid)?.bytes;
        let mut seen = BTreeSet::from([pid]);
        let mut parents = vec![pid];
        while let Some(parent) = parents.pop() {
            for (child, usage) in self.0.iter().filter(|(_, usage)| usage.parent == parent) {
                // The snapshot was not taken in one moment: a pid may have changed its parent meanwhile.
                if seen.insert(*child) {
                    total = total.saturating_add(usage.bytes);
                    parents.push(*child);
                }
            }
        }
        Some(total)
    }
}

/// One process alone; `None`: there is no such process.
pub fn alone(pid: i32) -> Option<u64> {
    proc::one(pid).map(|usage| usage.bytes)
}

#[cfg(target_os = "linux")]
mod proc {
    use std::collections::BTreeMap;

    use procfs::process::{Process, all_processes};

    use super::Usage;

    pub(super) fn all() -> BTreeMap<i32, Usage> {
        let readable = all_processes().into_iter().flatten().flatten();
        readable.filter_map(|process| Some((process.pid(), usage(&process)?))).collect()
    }

    pub(super) fn one(pid: i32) -> Option<Usage> {
        usage(&Process::new(pid).ok()?)
    }

    fn usage(process: &Process) -> Option<Usage> {
        // Not from `stat`: newer kernels give only an estimate there, and ps does not look at it.
        let status = process.status().ok()?;
        let kilobytes = status.vmrss.unwrap_or_default();
        Some(Usage { parent: status.ppid, bytes: kilobytes.saturating_mul(1024) })
    }
}

/// Where there is no such /proc, nothing is known of any process.
#[cfg(not(target_os = "linux"))]
mod proc {
    use std::collections::BTreeMap;

    use super::Usage;

    pub(super) fn all() -> BTreeMap<i32, Usage> {
        BTreeMap::new()
    }

    pub(super) fn one(_pid: i32) -> Option<Usage> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(rows: &[(i32, i32, u64)]) -> Snapshot {
        Snapshot(
            rows.iter()
                .map(|(pid, parent, bytes)| (*pid, Usage { parent: *parent, bytes: *bytes }))
                .collect(),
        )
    }

    // E-223
    #[test]
    fn a_tree_is_the_sum_of_all_below() {
        let all = snapshot(&[(1, 0, 1), (5, 1, 10), (6, 5, 100), (7, 6, 1000), (8, 1, 10_000)]);
        assert_eq!(
            (all.tree(5), all.tree(1), all.tree(8), all.tree(9)),
            (Some(1110), Some(11_111), Some(10_000), None)
        );
        let circle = snapshot(&[(2, 3, 1), (3, 2, 10)]);
        assert_eq!(circle.tree(2), Some(11));
    }

    #[test]
    fn this_process_uses_memory() {
        let own = std::process::id().try_into().unwrap();
        let bytes = alone(own).unwrap();
        assert!(bytes > 100_000 && bytes.is_multiple_of(1024));
        assert!(Snapshot::take().tree(own).unwrap() > 100_000);
        assert_eq!(alone(i32::MAX), None);
    }
}
