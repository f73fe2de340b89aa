//! Starts, exits, restarts, failures.

use nix::errno::Errno;

use super::super::*;
use super::harness::*;
use crate::config::schema::{AutoRestart, ProcessConfig};
use crate::model::event::EventKind;
use crate::model::interest::Interest;
use crate::model::time::WallTime;
use crate::sys::kernel::SignalFailure;

const SECOND: Duration = Duration::from_secs(1);

fn one(change: impl FnOnce(&mut ProcessConfig)) -> Vec<ProcessConfig> {
    let mut process = program("a", "a");
    change(&mut process);
    vec![process]
}

// D-285, D-300, E-049, E-051
#[test]
fn all_start_in_one_go_in_group_order() {
    let mut idle = program("one", "idle");
    idle.autostart = false;
    let mut daemon = Daemon::new(vec![program("one", "b"), program("one", "a"), idle, program("two", "c")]);
    daemon.open();
    let starts = ["b", "a", "c"].map(|name| format!("{name} STARTING tries:0"));
    let seen = daemon.seen();
    assert_eq!(seen[..3], ["group one added", "group two added", "supervisor RUNNING"]);
    assert_eq!(seen[3..], starts);
    for name in ["b", "a", "c"] {
        daemon.until_seen(&format!("log: spawned: '{name}' with pid"));
    }
    assert!(!daemon.saw("idle"));
}

// D-304, D-308, D-478, E-042
#[test]
fn from_start_to_an_expected_exit() {
    let mut daemon = Daemon::started(one(|_| {}));
    let child = daemon.child();
    assert_eq!(daemon.seen(), ["log: spawned: 'a' with pid 101"]);
    assert!(daemon.kernel.unclaimed().is_empty());
    daemon.pass(SECOND);
    assert_eq!(daemon.seen()[0], "a RUNNING pid:101");
    daemon.end_and_decide(child, DONE);
    assert_eq!(daemon.seen(), ["a EXITED expected:1 pid:101", "log: exited: a (exit status 0; expected)"]);
    daemon.pass(SECOND * 60);
    assert_eq!(daemon.states(), [""; 0]);
}

// D-309
#[test]
fn an_unexpected_exit_is_followed_by_a_start_after_a_second() {
    let mut daemon = Daemon::started(one(|a| a.startsecs = 0));
    let child = daemon.child();
    daemon.end_and_decide(child, FAILED);
    daemon.seen();
    let info = daemon.supervisor.list_processes(daemon.supervisor.host.clock.now()).remove(0);
    assert_eq!((&*info.spawnerr, info.exitstatus, info.pid), ("Bad exit code 3", 3, 0));
    daemon.pass(SECOND);
    assert_eq!(daemon.states(), ["a STARTING tries:0"]);
    assert_eq!(daemon.child().pid, 102);
}

// D-303, D-310, D-311, D-320
#[test]
fn quick_exits_lead_to_backoff_and_to_fatal() {
    let mut daemon = Daemon::started(one(|a| a.startretries = 2));
    for tries in 1..=2 {
        let child = daemon.child();
        daemon.end_and_decide(child, DONE);
        let seen = daemon.seen();
        assert!(seen.ends_with(&[
            format!("a BACKOFF tries:{tries}"),
            "log: exited: a (exit status 0; not expected)".to_owned()
        ]));
        daemon.pass(SECOND * tries - SECOND / 2);
        assert_eq!(daemon.states(), [""; 0]);
        daemon.pass(SECOND / 2);
        assert_eq!(daemon.states(), [format!("a STARTING tries:{tries}")]);
    }
    let child = daemon.child();
    daemon.end_and_decide(child, DONE);
    assert_eq!(daemon.states(), ["a BACKOFF tries:3", "a FATAL"]);
    daemon.pass(SECOND * 60);
    assert_eq!(daemon.seen(), [""; 0]);
}

// D-302, D-331, D-334, D-335, D-336
#[test]
fn what_cannot_be_spawned_is_told_and_tried_again() {
    let failures = [
        ("/bin/cat", Errno::EAGAIN, "Too many processes in process table to spawn 'a'"),
        ("/bin/cat", Errno::ENOMEM, "unknown error during fork for 'a': ENOMEM"),
        ("nosuch", Errno::EAGAIN, "can't find command 'nosuch'"),
        ("", Errno::EAGAIN, "command is empty"),
        ("'", Errno::EAGAIN, "can't parse command \"'\": No closing quotation"),
    ];
    for (command, errno, text) in failures {
        let mut daemon = Daemon::new(one(|a| a.command = command.into()));
        daemon.kernel.script_spawn(Err(errno));
        daemon.open();
        daemon.seen();
        daemon.until_seen("BACKOFF");
        assert_eq!(daemon.seen(), [format!("log: spawnerr: {text}"), "a BACKOFF tries:1".to_owned()]);
        daemon.pass(SECOND);
        assert_eq!(daemon.states(), ["a STARTING tries:1"]);
    }
}

// D-335
#[test]
fn a_log_that_cannot_be_opened_is_a_spawn_error() {
    let mut daemon = Daemon::started(one(|a| a.stdout = logged("/nosuch/log")));
    daemon.until_seen("log: spawnerr: unknown error making dispatchers for 'a': ENOENT");
    assert!(daemon.kernel.take_child().is_none());
}

// D-330, D-344
#[test]
fn a_child_gets_its_words_and_its_environment() {
    let mut daemon = Daemon::started(one(|a| {
        a.command = "cat 'x y' z".into();
        a.environment = vec![("K".into(), "v".into())];
    }));
    let child = daemon.child();
    assert_eq!(child.argv, ["cat", "x y", "z"]);
    let rest = ["SUPERVISOR_ENABLED=1", "SUPERVISOR_PROCESS_NAME=a", "SUPERVISOR_GROUP_NAME=a", "K=v"];
    assert_eq!(child.environment[0], "PATH=/bin");
    assert_eq!(child.environment[1..], rest);
}

#[test]
fn a_child_that_ends_before_its_launch_is_told_is_not_lost() {
    let mut daemon = Daemon::started(one(|a| a.startsecs = 0));
    let child = daemon.forked();
    daemon.end(child, DONE);
    assert_eq!(daemon.seen(), [""; 0]);
    daemon.until_seen("EXITED");
    assert_eq!(
        daemon.seen(),
        [
            "log: spawned: 'a' with pid 101",
            "a RUNNING pid:101",
            "a EXITED expected:1 pid:101",
            "log: exited: a (exit status 0; expected)"
        ]
    );
}

// D-351
#[test]
fn ends_of_strangers_are_told_once_it_is_clear_that_they_are() {
    let mut daemon = Daemon::started(one(|_| {}));
    let child = daemon.forked();
    daemon.kernel.end(9999, DONE);
    daemon.signal(Signal::CHLD);
    assert_eq!(daemon.seen(), [""; 0]);
    daemon.until_seen("spawned");
    assert_eq!(daemon.seen()[1], "log: reaped unknown pid 9999 (exit status 0)");
    daemon.kernel.end(9998, FAILED);
    daemon.end(child, DONE);
    assert!(daemon.saw("log: reaped unknown pid 9998 (exit status 3)"));
}

// SIGCHLD coalesces.
#[test]
fn one_signal_reaps_all_that_are_dead() {
    let mut daemon = Daemon::started(vec![program("a", "a"), program("b", "b"), program("c", "c")]);
    let children = [daemon.child(), daemon.child(), daemon.child()];
    daemon.seen();
    for child in &children {
        daemon.kernel.end(child.pid, DONE);
    }
    drop(children);
    daemon.signal(Signal::CHLD);
    daemon.until(|daemon| daemon.count("BACKOFF") == 3);
}

// D-475
#[test]
fn a_failing_waitpid_is_told() {
    let mut daemon = Daemon::started(Vec::new());
    daemon.kernel.push_end(Reaped::Failed(22));
    daemon.signal(Signal::CHLD);
    assert_eq!(daemon.seen(), ["log: waitpid error 22; a process may not be cleaned up properly"]);
}

// A pid may come again.
#[test]
fn a_pid_that_comes_again_is_the_new_childs() {
    let mut daemon = Daemon::new(one(|a| {
        a.startsecs = 0;
        a.autorestart = AutoRestart::Always;
    }));
    for _ in 0..3 {
        daemon.kernel.script_spawn(Ok(7));
    }
    daemon.open();
    for round in 1..=3 {
        daemon.until(|daemon| daemon.count("with pid 7") == round);
        let child = daemon.forked();
        daemon.end_and_decide(child, DONE);
        daemon.pass(SECOND);
    }
    assert_eq!(daemon.count("a EXITED expected:1 pid:7"), 3);
}

// D-324, D-325
#[test]
fn a_child_that_does_not_stop_is_killed() {
    let mut daemon = Daemon::started(one(|a| {
        a.stopwaitsecs = 2;
        a.stopsignal = Signal::INT;
        a.killasgroup = true;
    }));
    let child = daemon.child();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.signals(), [(101, false, Signal::INT)]);
    daemon.pass(SECOND);
    assert_eq!(daemon.signals(), []);
    daemon.pass(SECOND);
    assert_eq!(daemon.signals(), [(101, true, Signal::KILL)]);
    assert!(daemon.saw("log: killing 'a' (101) with SIGKILL"));
    daemon.pass(SECOND * 2);
    assert_eq!(daemon.signals(), [(101, true, Signal::KILL)]);
    daemon.seen();
    daemon.end_and_decide(child, ExitStatus::Signaled { signal: Signal::KILL, core: false });
    assert_eq!(daemon.seen(), ["a STOPPED pid:101", "log: stopped: a (terminated by SIGKILL)"]);
    assert!(daemon.is_over());
}

// D-315, D-474, E-041
#[test]
fn signals_that_fail() {
    let mut daemon = Daemon::started(vec![program("g", "a"), program("g", "b")]);
    let children = [daemon.child(), daemon.child()];
    daemon.kernel.fail_signal(SignalFailure::Other("[Errno 1] Operation not permitted".into()));
    daemon.kernel.fail_signal(SignalFailure::NoSuchProcess);
    daemon.seen();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.count("UNKNOWN"), 1);
    assert_eq!(daemon.count("log: unknown problem killing"), 1);
    assert_eq!(daemon.count("it probably just exited on its own"), 1);
    assert!(!daemon.is_over());
    for child in children {
        daemon.end(child, DONE);
    }
    daemon.until_seen("STOPPED");
    assert!(daemon.is_over());
}

// E-054, E-055
#[test]
fn ticks_come_once_a_slice() {
    let mut daemon = Daemon::started(Vec::new());
    let ticks = daemon.supervisor.host.bus.subscribe(
        Interest::in_kinds([EventKind::Tick]),
        10,
        crate::bus::Overflow::DropOldest,
    );
    let mono = daemon.supervisor.host.clock.mono();
    let at = |secs: i64| Now { mono, wall: WallTime::from_nanos(secs * 1_000_000_000) };
    daemon.supervisor.tick(at(7_200_000_003));
    while ticks.try_next().unwrap().is_some() {}
    for secs in [7_200_000_004, 7_200_000_005, 7_200_000_006, 7_200_000_060] {
        daemon.supervisor.tick(at(secs));
    }
    let told = std::iter::from_fn(|| ticks.try_next().unwrap());
    let told: Vec<_> =
        told.map(|record| record.event.payload(&mut String::new()).unwrap().to_string()).collect();
    assert_eq!(told, ["when:7200000005", "when:7200000060", "when:7200000060"]);
    assert_eq!(daemon.supervisor.next_tick, mono + SECOND * 5);
}

// C-221
#[test]
fn processes_are_listed_by_name_and_asked_for_by_command() {
    let mut daemon = Daemon::started(vec![program("b", "z"), program("b", "a"), program("a", "m")]);
    let (answer, mut ticket) = tokio::sync::oneshot::channel();
    daemon.wake(Wake::Command(Command::ListProcesses(None, answer)));
    let names: Vec<_> =
        ticket.try_recv().unwrap().unwrap().1.iter().map(|info| info.name.to_string()).collect();
    assert_eq!(names, ["a:m", "b:a", "b:z"]);
}

#[test]
fn workers_that_always_have_something_to_tell_keep_nobody_waiting() {
    let daemon = Daemon::new(Vec::new());
    let Daemon { mut supervisor, mut sources, handle, runtime, .. } = daemon;
    let bell = Arc::clone(&sources.bell);
    let (stop, stopped) = mpsc::channel::<()>();
    let ringer = std::thread::spawn(move || {
        let begin = std::time::Instant::now();
        while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) && begin.elapsed() < SECOND * 20 {
            bell.notify_one();
        }
        begin.elapsed()
    });
    let asked = runtime.block_on(async {
        tokio::select! {
            _ = supervisor.run(&mut sources) => panic!("ended"),
            state = async {
                handle.state().await.unwrap();
                handle.state().await
            } => state,
        }
    });
    drop(stop);
    assert_eq!(asked, Ok(SupervisorState::Running));
    assert!(ringer.join().unwrap() < SECOND * 20);
}
