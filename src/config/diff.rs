//! What a re-read configuration changes (D-177, C-300, C-301).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::schema::{ChannelConfig, GroupConfig, LogFile, PoolConfig, ProcessConfig};

/// The difference between the groups that run and those of a new configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupDiff {
    /// In the new configuration only, in its order.
    pub added: Vec<Arc<GroupConfig>>,
    /// In both, but not equal: the new ones, in the new order.
    pub changed: Vec<Arc<GroupConfig>>,
    /// Running only, in the order in which they run.
    pub removed: Vec<Arc<GroupConfig>>,
}

/// Compares the groups that run with those of a new configuration.
pub fn diff(current: &[Arc<GroupConfig>], new: &[Arc<GroupConfig>]) -> GroupDiff {
    let mut diff = GroupDiff::default();
    for candidate in new {
        match current.iter().find(|group| group.name == candidate.name) {
            None => diff.added.push(candidate.clone()),
            Some(running) if !same_group(running, candidate) => diff.changed.push(candidate.clone()),
            Some(_) => {}
        }
    }
    let gone = |group: &&Arc<GroupConfig>| !new.iter().any(|candidate| candidate.name == group.name);
    diff.removed = current.iter().filter(gone).cloned().collect();
    diff
}

fn same_group(a: &GroupConfig, b: &GroupConfig) -> bool {
    a.name == b.name
        && a.priority == b.priority
        && same_pool(a.pool.as_ref(), b.pool.as_ref())
        && a.processes.len() == b.processes.len()
        && a.processes
            .iter()
            .zip(&b.processes)
            .all(|(a, b)| same_process(a, b))
}

/// The order in which event types are listed means nothing.
fn same_pool(a: Option<&PoolConfig>, b: Option<&PoolConfig>) -> bool {
    let sorted = |pool: &PoolConfig| {
        (
            pool.events.iter().copied().collect::<BTreeSet<_>>(),
            pool.buffer_size,
        )
    };
    match (a, b) {
        (Some(a), Some(b)) => sorted(a) == sorted(b) && a.result_handler == b.result_handler,
        (None, None) => true,
        _ => false,
    }
}

/// All options are equal, where AUTO is equal to any log file.
fn same_process(a: &ProcessConfig, b: &ProcessConfig) -> bool {
    let mut b = b.clone();
    excuse_auto(&a.stdout, &mut b.stdout);
    excuse_auto(&a.stderr, &mut b.stderr);
    *a == b
}

fn excuse_auto(a: &ChannelConfig, b: &mut ChannelConfig) {
    if a.logfile == LogFile::Auto || b.logfile == LogFile::Auto {
        b.logfile = a.logfile.clone();
    }
}
