//! The states of a process, their timing, and what the activity log says of them (daemon.md, section 7).

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::activity::Record;
use crate::harness::daemon::{Daemon, Launch};
use crate::harness::processes;
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

/// Allowed on top of a time that must pass, in milliseconds.
const LATE: i64 = 1500;

fn records_with(daemon: &Daemon<'_>, text: &str) -> Vec<Record> {
    daemon.log().into_iter().filter(|it| it.text.contains(text)).collect()
}

/// Milliseconds between one record and the next.
fn gaps(records: &[Record]) -> Vec<i64> {
    records.windows(2).map(|pair| pair[1].at - pair[0].at).collect()
}

#[track_caller]
fn assert_about(actual: i64, expected: i64) {
    assert!((expected..expected + LATE).contains(&actual), "{actual} ms instead of about {expected}");
}

// D-301, D-304
#[test]
fn a_process_is_running_once_it_stayed_up_for_longer_than_startsecs() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=sleep 1000\nstartsecs=1\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("x", "STARTING");
    let spawned = daemon.wait_for_log("spawned: 'x' with pid");
    let success = daemon.wait_for_log(
        "success: x entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)",
    );
    assert_about(success.at - spawned.at, 1000);
    let info = daemon.wait_for_state("x", "RUNNING");
    assert!(spawned.text.ends_with(info.member("pid")));
}

// D-303, D-310, D-311, D-320, D-478
#[test]
fn failures_are_retried_after_one_more_second_each_until_it_gives_up() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=true\nstartretries=2\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("x", "BACKOFF");
    let gave_up = daemon.wait_for_log("gave up: x entered FATAL state, too many start retries too quickly");
    assert_eq!(gave_up.level, "INFO");
    let spawned = records_with(&daemon, "spawned: 'x'");
    assert_eq!(spawned.len(), 3);
    let gaps = gaps(&spawned);
    assert_about(gaps[0], 1000);
    assert_about(gaps[1], 2000);
    assert_eq!(daemon.count_log("exited: x (exit status 0; not expected)"), 3);
    let info = daemon.wait_for_state("x", "FATAL");
    assert_eq!(info.member("spawnerr"), "Exited too quickly (process log may have details)");
}

// D-320
#[test]
fn startretries_zero_is_one_attempt() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=false\nstartretries=0\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("x", "FATAL");
    assert_eq!(daemon.count_log("spawned: 'x'"), 1);
}

// D-321: two failures, a run, then the delay is one second again
#[test]
fn the_count_of_failures_starts_anew_after_a_run() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "x.sh",
        "echo >> @DIR@/count\ncase $(wc -l < @DIR@/count) in 3) sleep 1.3; exit 1;; 5) exec sleep 1000;; esac\nexit 1\n",
    );
    sandbox.configure("[program:x]\ncommand=sh @DIR@/x.sh\nstartretries=5\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_nth_log(5, "spawned: 'x'");
    let spawned = records_with(&daemon, "spawned: 'x'");
    let exited = records_with(&daemon, "exited: x");
    assert_about(spawned[2].at - exited[1].at, 2000);
    assert_about(spawned[4].at - exited[3].at, 1000);
}

// D-305, D-322
#[test]
fn with_startsecs_zero_an_instant_exit_is_an_exit() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=sh -c 'exit 3'\nstartsecs=0\nautorestart=false\n");
    let daemon = Launch::new(&sandbox).start_up();
    let exited = daemon.wait_for_log("exited: x (exit status 3; not expected)");
    assert_eq!(exited.level, "WARN");
    let info = daemon.wait_for_state("x", "EXITED");
    assert_eq!(info.member("exitstatus"), "3");
    assert_eq!(info.member("spawnerr"), "Bad exit code 3"); // D-478
}

// D-322: a spawn error is a failed start all the same
#[test]
fn with_startsecs_zero_a_spawn_error_still_backs_off() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=nosuchprogram\nstartsecs=0\nstartretries=1\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("x", "FATAL");
    let errors = records_with(&daemon, "spawnerr: can't find command 'nosuchprogram'");
    assert_about(gaps(&errors)[0], 1000);
}

// D-309: a crash loop does not become a fork bomb
#[test]
fn an_instant_exit_is_restarted_at_most_once_a_second() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=true\nstartsecs=0\nautorestart=true\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_nth_log(4, "spawned: 'x'");
    for gap in gaps(&records_with(&daemon, "spawned: 'x'")) {
        assert_about(gap, 990);
    }
}

// D-309
#[test]
fn who_lived_longer_than_a_second_is_restarted_at_once() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=sleep 1.2\nstartsecs=0\nautorestart=true\n");
    let daemon = Launch::new(&sandbox).start_up();
    let again = daemon.wait_for_nth_log(2, "spawned: 'x'");
    let exited = daemon.wait_for_log("exited: x (exit status 0; expected)");
    assert!(again.at - exited.at < 200, "{} ms", again.at - exited.at);
}

// D-136, D-139, D-308, D-309
#[test]
fn autorestart_decides_who_comes_again() {
    let sandbox = Sandbox::new();
    let program = |name: &str, code: i32, restart: &str| {
        format!(
            "[program:{name}]\ncommand=sh -c 'sleep 1.1; exit {code}'\nstartsecs=0\nautorestart={restart}\nexitcodes=0,2\n"
        )
    };
    sandbox.configure(
        &[
            program("always", 0, "true"),
            program("unexpected", 1, "unexpected"),
            program("expected", 2, "unexpected"),
            program("never", 1, "false"),
        ]
        .concat(),
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_nth_log(2, "spawned: 'always'");
    daemon.wait_for_nth_log(2, "spawned: 'unexpected'");
    daemon.wait_for_log("exited: expected (exit status 2; expected)");
    daemon.wait_for_log("exited: never (exit status 1; not expected)");
    let stay = || ["expected", "never"].iter().all(|it| daemon.count_log(&format!("spawned: '{it}'")) == 1);
    assert!(wait::stays_true(Duration::from_millis(1500), stay));
}

// D-323
#[test]
fn death_by_signal_is_exit_code_minus_one() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=sleep 1000\nstartsecs=0\nautorestart=unexpected\n");
    let daemon = Launch::new(&sandbox).start_up();
    processes::send(daemon.pid_of("x"), Signal::SIGKILL);
    daemon.wait_for_log("exited: x (terminated by SIGKILL; not expected)");
    daemon.wait_for_nth_log(2, "spawned: 'x'");
}

// D-307: however it ended, and whatever autorestart says
#[test]
fn a_stop_ends_in_stopped() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:by_signal]\ncommand=sleep 1000\nautorestart=true\nstartsecs=0\n\
         [program:by_exit]\ncommand=sh -c \"trap 'exit 0' TERM; echo up; while :; do sleep 0.02; done\"\nautorestart=true\n\
         [program:bad_exit]\ncommand=sh -c \"trap 'exit 9' TERM; echo up; while :; do sleep 0.02; done\"\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("by_exit", "RUNNING");
    daemon.wait_for_state("bad_exit", "RUNNING");
    assert_eq!(daemon.stop().code(), Some(0));
    let log = sandbox.read("supervisord.log");
    assert!(log.contains("WARN stopped: by_signal (terminated by SIGTERM)"));
    assert!(log.contains("INFO stopped: by_exit (exit status 0)"));
    assert!(log.contains("WARN stopped: bad_exit (exit status 9)"));
}

// D-324
#[test]
fn who_does_not_stop_is_killed_after_stopwaitsecs() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[supervisord]\nloglevel=debug\n\
         [program:x]\ncommand=sh -c \"trap '' TERM; echo up; while :; do sleep 0.02; done\"\nstopwaitsecs=2\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    let pid = daemon.wait_for_state("x", "RUNNING").member("pid").to_owned();
    daemon.signal(Signal::SIGTERM);
    let asked = daemon.wait_for_log(&format!("killing x (pid {pid}) with signal SIGTERM")); // D-306
    let killed = daemon.wait_for_log(&format!("killing 'x' ({pid}) with SIGKILL"));
    assert_eq!((asked.level.as_str(), killed.level.as_str()), ("DEBG", "WARN"));
    assert_about(killed.at - asked.at, 2000);
    daemon.wait_for_log("stopped: x (terminated by SIGKILL)");
    assert_eq!(daemon.wait().code(), Some(0));
}

// D-324
#[test]
fn stopwaitsecs_zero_kills_at_once() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:x]\ncommand=sh -c \"trap '' TERM; echo up; while :; do sleep 0.02; done\"\nstopwaitsecs=0\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("x", "RUNNING");
    daemon.signal(Signal::SIGTERM);
    let asked = daemon.wait_for_log("received SIGTERM");
    let killed = daemon.wait_for_log("with SIGKILL");
    assert!(killed.at - asked.at < LATE);
}

/// A shell that lives on with a child of its own, whose pid it writes down.
fn with_grandchild(name: &str, trap: &str, options: &str) -> String {
    format!(
        "[program:{name}]\ncommand=sh -c \"{trap}sleep 1000 & echo $! > @DIR@/{name}.grandchild; while :; do sleep 0.02; done\"\n\
         stopwaitsecs=1\n{options}"
    )
}

fn grandchild(sandbox: &Sandbox, name: &str) -> i32 {
    wait::until("the grandchild's pid", || sandbox.read(&format!("{name}.grandchild")).trim().parse().ok())
}

// D-142, D-325, D-354, D-472
#[test]
fn stop_signals_go_to_the_process_or_to_its_group() {
    let sandbox = Sandbox::new();
    let deaf = "trap '' TERM; ";
    sandbox.configure(
        &[
            "[supervisord]\nloglevel=debug\n".to_owned(),
            with_grandchild("alone", "", ""),
            with_grandchild("group", "", "stopasgroup=true\n"),
            with_grandchild("killed", deaf, "stopsignal=TERM\n"),
            with_grandchild("killgroup", deaf, "killasgroup=true\n"),
        ]
        .concat(),
    );
    let daemon = Launch::new(&sandbox).start_up();
    let names = ["alone", "group", "killed", "killgroup"];
    let pids = names.map(|it| grandchild(&sandbox, it));
    let group = daemon.pid_of("group");
    let killgroup = daemon.pid_of("killgroup");
    names.iter().for_each(|it| drop(daemon.wait_for_state(it, "RUNNING")));
    assert_eq!(daemon.stop().code(), Some(0));
    wait::until_true("the groups' grandchildren to die", || {
        !processes::is_alive(pids[1]) && !processes::is_alive(pids[3])
    });
    assert!(processes::is_alive(pids[0]) && processes::is_alive(pids[2]));
    let log = sandbox.read("supervisord.log");
    assert!(log.contains(&format!("DEBG killing group (pid {group}) process group with signal SIGTERM")));
    assert!(log.contains(&format!("DEBG killing killgroup (pid {killgroup}) with signal SIGTERM")));
}

// D-349: the stop comes while the child may not have come to its exec
#[test]
fn a_stop_right_after_the_start_is_not_lost() {
    let sandbox = Sandbox::new();
    let programs: String =
        (0..10).map(|n| format!("[program:p{n}]\ncommand=sleep 1000\nstopwaitsecs=60\n")).collect();
    sandbox.configure(&programs);
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("spawned: ");
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(!sandbox.read("supervisord.log").contains("SIGKILL"));
}

// D-313, D-278
#[test]
fn a_shutdown_ends_a_backoff_and_starts_nothing() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:failing]\ncommand=false\nstartretries=50\npriority=1\n\
         [program:slow]\ncommand=sh -c \"trap 'sleep 2.5; exit 0' TERM; echo up; while :; do sleep 0.02; done\"\npriority=2\n\
         startsecs=2\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    // Two seconds after the start: an attempt of the other is due after one, and after three.
    daemon.wait_for_state("slow", "RUNNING");
    daemon.signal(Signal::SIGTERM);
    let asked = daemon.wait_for_log("received SIGTERM");
    daemon.wait_for_log("stopped: slow (exit status 0)");
    let late: Vec<Record> =
        records_with(&daemon, "spawned: ").into_iter().filter(|it| it.at > asked.at).collect();
    assert_eq!(late, []);
    assert_eq!(daemon.wait().code(), Some(0));
}

// D-275, D-276
#[test]
fn groups_stop_one_after_another_and_their_processes_at_once() {
    let sandbox = Sandbox::new();
    let slow = "command=sh -c \"trap 'sleep 0.4; exit 0' TERM; echo up; while :; do sleep 0.02; done\"\n";
    sandbox.configure(&format!(
        "[supervisord]\nloglevel=debug\n\
         [program:first]\n{slow}priority=1\n[program:alike_a]\n{slow}priority=2\n[program:alike_b]\n{slow}priority=2\n\
         [program:low]\n{slow}priority=10\n[program:high]\n{slow}priority=20\n[group:last]\nprograms=low,high\npriority=3\n"
    ));
    let daemon = Launch::new(&sandbox).start_up();
    for name in ["first", "alike_a", "alike_b", "low", "high"] {
        daemon.wait_for_state(name, "RUNNING");
    }
    assert_eq!(daemon.stop().code(), Some(0));
    let steps: Vec<String> = crate::harness::activity::records(&sandbox.read("supervisord.log"))
        .into_iter()
        .filter_map(|it| {
            let word = it.text.split(' ').take(2).collect::<Vec<_>>().join(" ");
            (word.starts_with("killing ") || word.starts_with("stopped: ")).then_some(word)
        })
        .collect();
    let in_group: Vec<&str> = steps.iter().take(2).map(String::as_str).collect();
    assert_eq!(in_group, ["killing high", "killing low"]);
    let rest: Vec<&str> = steps.iter().skip(4).map(String::as_str).collect();
    assert_eq!(
        rest,
        [
            "killing alike_b",
            "stopped: alike_b",
            "killing alike_a",
            "stopped: alike_a",
            "killing first",
            "stopped: first"
        ]
    );
}

// D-277
#[test]
fn who_is_waited_for_is_named_at_most_every_three_seconds() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:a]\ncommand=sleep 1000\n\
         [program:slow]\ncommand=sh -c \"trap 'sleep 3.6; exit 0' TERM; echo up; while :; do sleep 0.02; done\"\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("slow", "RUNNING");
    daemon.signal(Signal::SIGTERM);
    daemon.wait_for_log("stopped: slow");
    let waits = records_with(&daemon, " to die");
    assert_eq!(waits[0].line(), "INFO waiting for a, slow to die");
    gaps(&waits).into_iter().for_each(|gap| assert!(gap >= 2900, "{gap} ms"));
}

// D-285, D-174
#[test]
fn all_are_started_in_order_without_waiting() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:z]\ncommand=sleep 1000\npriority=1\nstartsecs=5\n[program:b]\ncommand=sleep 1000\n\
         [program:a]\ncommand=sleep 1000\nnumprocs=11\nprocess_name=%(program_name)s_%(process_num)d\n\
         [program:off]\ncommand=sleep 1000\nautostart=false\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("spawned: 'b'");
    let spawned = records_with(&daemon, "spawned: ");
    let names: Vec<&str> = spawned.iter().filter_map(|it| it.text.split('\'').nth(1)).collect();
    assert_eq!(
        names,
        ["z", "a_0", "a_1", "a_10", "a_2", "a_3", "a_4", "a_5", "a_6", "a_7", "a_8", "a_9", "b"]
    );
    assert!(spawned[12].at - spawned[0].at < LATE);
    assert_eq!(daemon.wait_for_state("off", "STOPPED").member("start"), "0"); // D-135, D-300
}
