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
        && a.processes.iter().zip(&b.processes).all(|(a, b)| same_process(a, b))
}

/// The order in which event types are listed means nothing.
fn same_pool(a: Option<&PoolConfig>, b: Option<&PoolConfig>) -> bool {
    let sorted = |pool: &PoolConfig| (pool.events.iter().copied().collect::<BTreeSet<_>>(), pool.buffer_size);
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

#[cfg(test)]
mod tests {
    use super::super::facts::testing::facts;
    use super::super::load::{LoadRequest, load};
    use super::*;

    fn groups(text: &str) -> Vec<Arc<GroupConfig>> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("s.conf"), format!("[supervisord]\n{text}")).unwrap();
        let request = LoadRequest { file: Some("s.conf".into()), ..Default::default() };
        load(&request, &facts(dir.path())).unwrap().groups
    }

    /// Names of added, changed and removed groups.
    fn difference(current: &str, new: &str) -> [String; 3] {
        let diff = diff(&groups(current), &groups(new));
        let names =
            |groups: &[Arc<GroupConfig>]| groups.iter().map(|g| &*g.name).collect::<Vec<_>>().join(" ");
        [names(&diff.added), names(&diff.changed), names(&diff.removed)]
    }

    fn program(name: &str, options: &str) -> String {
        format!("[program:{name}]\ncommand=x\n{options}\n")
    }

    // C-300
    #[test]
    fn added_changed_removed_in_their_orders() {
        let current =
            [program("d", ""), program("b", ""), program("a", ""), program("z", "priority=1")].concat();
        let new =
            [program("b", "umask=1"), program("c", ""), program("a", "umask=1\npriority=1000")].concat();
        assert_eq!(difference(&current, &new), ["c", "b a", "z d"]);
        assert_eq!(difference(&current, &current), ["", "", ""]);
    }

    // D-177
    #[test]
    fn any_option_counts_but_auto_is_equal_to_any_log() {
        let changed = |a: &str, b: &str| difference(&program("a", a), &program("a", b))[1] == "a";
        assert!(changed("stopwaitsecs=1", "stopwaitsecs=2"));
        assert!(changed("environment=A=1", "environment=A=2"));
        assert!(changed("stdout_logfile=a.log", "stdout_logfile=NONE"));
        assert!(changed("stdout_logfile=AUTO\numask=1", "stdout_logfile=NONE"));
        assert!(!changed("stdout_logfile=AUTO", "stdout_logfile=NONE"));
        assert!(!changed("stderr_logfile=a.log", ""));
        assert!(changed("", "numprocs=2\nprocess_name=%(process_num)d"));
    }

    // D-177
    #[test]
    fn pools_compare_events_without_their_order() {
        let pool = |options: &str| format!("[eventlistener:a]\ncommand=x\n{options}\n");
        let changed = |a: &str, b: &str| difference(&pool(a), &pool(b))[1] == "a";
        assert!(!changed("events=TICK_5,EVENT", "events=EVENT,TICK_5"));
        assert!(changed("events=TICK_5", "events=EVENT"));
        assert!(changed("events=EVENT", "events=EVENT\nbuffer_size=11"));
        assert_eq!(difference(&pool("events=EVENT"), &program("a", "priority=-1"))[1], "a");
    }
}
