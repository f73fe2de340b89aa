//! Shutdown and restart.

use std::path::PathBuf;

use super::super::*;
use super::harness::*;

const SECOND: Duration = Duration::from_secs(1);

// D-260, D-275, D-276, D-277, D-279, E-052
#[test]
fn groups_stop_one_after_another_from_the_last() {
    let mut low = program("two", "low");
    low.priority = 1;
    let mut daemon = Daemon::started(vec![program("one", "a"), low, program("two", "high")]);
    let mut children = [daemon.child(), daemon.child(), daemon.child()];
    children.sort_by_key(|child| {
        child.environment.iter().find(|variable| variable.contains("PROCESS_NAME")).cloned()
    });
    let [a, high, low] = children;
    daemon.seen();
    daemon.signal(Signal::TERM);
    assert_eq!(
        daemon.seen(),
        [
            "log: received SIGTERM indicating exit request".to_owned(),
            "supervisor STOPPING".to_owned(),
            format!("log: killing high (pid {}) with signal SIGTERM", high.pid),
            format!("high STOPPING pid:{}", high.pid),
            format!("log: killing low (pid {}) with signal SIGTERM", low.pid),
            format!("low STOPPING pid:{}", low.pid),
            "log: waiting for a, low, high to die".to_owned(),
        ]
    );
    assert_eq!(daemon.signals(), [(high.pid, false, Signal::TERM), (low.pid, false, Signal::TERM)]);
    assert_eq!(daemon.supervisor.state, SupervisorState::Shutdown);
    daemon.end_and_decide(low, DONE);
    assert_eq!(daemon.signals(), []);
    daemon.end_and_decide(high, DONE);
    assert_eq!(daemon.signals(), [(a.pid, false, Signal::TERM)]);
    assert!(!daemon.is_over());
    daemon.end_and_decide(a, DONE);
    assert_eq!(daemon.outcome(), None);
}

// D-277
#[test]
fn who_is_waited_for_is_told_every_three_seconds() {
    let mut daemon = Daemon::started(vec![program("a", "a")]);
    let _child = daemon.child();
    daemon.signal(Signal::TERM);
    let told = |daemon: &Daemon| daemon.count("log: waiting for a to die");
    assert_eq!(told(&daemon), 1);
    daemon.pass(SECOND * 2);
    assert_eq!(told(&daemon), 1);
    daemon.pass(SECOND * 2);
    assert_eq!(told(&daemon), 2);
    daemon.signal(Signal::TERM);
    assert_eq!(told(&daemon), 2);
}

// D-276, D-278, D-309, D-313
#[test]
fn what_waits_for_its_next_start_does_not_get_it() {
    let mut again = program("g", "again");
    again.startsecs = 0;
    let mut daemon = Daemon::started(vec![program("g", "failing"), again, program("z", "z")]);
    let children = [daemon.child(), daemon.child(), daemon.child()];
    let is_z = |child: &crate::sys::scripted::ScriptedChild| {
        child.environment.contains(&"SUPERVISOR_PROCESS_NAME=z".to_owned())
    };
    let (z, others): (Vec<_>, Vec<_>) = children.into_iter().partition(is_z);
    for child in others {
        daemon.end_and_decide(child, FAILED);
    }
    daemon.seen();
    daemon.signal(Signal::TERM);
    daemon.pass(SECOND * 5);
    let stopping = format!("z STOPPING pid:{}", z[0].pid);
    assert_eq!(daemon.states(), [stopping]);
    for child in z {
        daemon.end(child, DONE);
    }
    daemon.until(Daemon::is_over);
    assert!(daemon.states().contains(&"failing FATAL".to_owned()));
    daemon.pass(SECOND * 60);
    assert_eq!(daemon.states(), [""; 0]);
}

// D-278
#[test]
fn a_launch_under_way_is_waited_for_and_stopped() {
    let mut daemon = Daemon::new(vec![program("a", "a")]);
    daemon.kernel.hold_spawns();
    daemon.open();
    daemon.signal(Signal::TERM);
    assert!(!daemon.is_over());
    assert!(daemon.saw("log: waiting for a to die"));
    daemon.kernel.release_spawns();
    let child = daemon.child();
    assert_eq!(daemon.signals(), [(child.pid, false, Signal::TERM)]);
    daemon.end_and_decide(child, DONE);
    assert_eq!(daemon.outcome(), None);
}

#[test]
fn a_launch_under_way_that_fails_ends_in_fatal() {
    let mut daemon = Daemon::new(vec![program("a", "a")]);
    daemon.kernel.hold_spawns();
    daemon.kernel.script_spawn(Err(nix::errno::Errno::EAGAIN));
    daemon.open();
    daemon.signal(Signal::TERM);
    daemon.kernel.release_spawns();
    daemon.until(Daemon::is_over);
    assert_eq!(daemon.states(), ["a STARTING tries:0", "a BACKOFF tries:1", "a FATAL"]);
}

// D-261, D-263
#[test]
fn a_good_configuration_restarts_everything() {
    let mut daemon = Daemon::started(vec![program("a", "a")]);
    let child = daemon.child();
    daemon.seen();
    daemon.script_load(Ok("new"));
    daemon.signal(Signal::HUP);
    assert_eq!(daemon.seen(), ["log: received SIGHUP indicating restart request"]);
    daemon.until_seen("a STOPPING");
    assert_eq!(daemon.supervisor.state, SupervisorState::Restarting);
    daemon.end_and_decide(child, DONE);
    assert_eq!(daemon.outcome(), Some(PathBuf::from("new")));
}

// D-263
#[test]
fn a_bad_configuration_changes_nothing() {
    let mut daemon = Daemon::started(vec![program("a", "a")]);
    let _child = daemon.child();
    daemon.script_load(Err(&["one thing", "another"]));
    daemon.signal(Signal::HUP);
    daemon.until_seen("another");
    let told = ["one thing", "another"].map(|text| format!("log: cannot reload the configuration: {text}"));
    assert!(daemon.seen().ends_with(&told));
    assert_eq!(daemon.signals(), []);
    assert_eq!(daemon.supervisor.state, SupervisorState::Running);
    daemon.script_load(Ok("new"));
    daemon.signal(Signal::HUP);
    daemon.until_seen("a STOPPING");
}

// D-262
#[test]
fn a_restart_during_a_shutdown_is_ignored() {
    let mut daemon = Daemon::started(vec![program("a", "a")]);
    let child = daemon.child();
    daemon.signal(Signal::TERM);
    daemon.signal(Signal::HUP);
    assert!(daemon.saw("log: ignored SIGHUP indicating restart request (shutdown in progress)"));
    daemon.end_and_decide(child, DONE);
    assert_eq!(daemon.outcome(), None);
}

// D-262
#[test]
fn a_shutdown_during_a_restart_wins() {
    let mut daemon = Daemon::started(vec![program("a", "a")]);
    let child = daemon.child();
    daemon.script_load(Ok("new"));
    daemon.signal(Signal::HUP);
    daemon.until_seen("a STOPPING");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.count("supervisor STOPPING"), 1);
    assert_eq!(daemon.count("a STOPPING"), 1);
    daemon.end_and_decide(child, DONE);
    assert_eq!(daemon.outcome(), None);
}

// D-262
#[test]
fn a_shutdown_while_the_configuration_is_read_wins() {
    let mut daemon = Daemon::started(vec![program("a", "a")]);
    let child = daemon.child();
    daemon.script_load(Ok("new"));
    daemon.signal(Signal::HUP);
    daemon.signal(Signal::TERM);
    daemon.until(|daemon| daemon.supervisor.loading == 0);
    daemon.end_and_decide(child, DONE);
    assert_eq!(daemon.outcome(), None);
}

// D-261
#[test]
fn two_restart_requests_are_one_restart_with_the_newest_configuration() {
    let mut daemon = Daemon::started(Vec::new());
    daemon.script_load(Ok("new"));
    daemon.script_load(Ok("new"));
    let loads = Arc::clone(&daemon.loads);
    let reading = loads.lock().unwrap();
    daemon.signal(Signal::HUP);
    daemon.signal(Signal::HUP);
    drop(reading);
    daemon.until(Daemon::is_over);
    assert_eq!(daemon.supervisor.loading, 0);
    assert_eq!(daemon.outcome(), Some(PathBuf::from("new")));
}
