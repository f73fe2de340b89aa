//! What supervisord makes of signals: shutdown, reload, reopening (daemon.md, section 6).

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::daemon::Launch;
use crate::harness::processes;
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

const SLOW: &str = "command=sh -c \"trap 'sleep 2; exit 0' TERM; echo up; while :; do sleep 0.02; done\"\n";

// D-031, D-260, D-268
#[test]
fn term_int_and_quit_shut_down() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let sandbox = Sandbox::new();
        sandbox.configure("[program:x]\ncommand=sleep 1000\nstartsecs=0\n");
        let daemon = Launch::new(&sandbox).start_up();
        let child = daemon.pid_of("x");
        assert!(sandbox.has("supervisord.pid") && sandbox.has("s.sock"));
        daemon.signal(signal);
        let record = daemon.wait_for_log(&format!("received {signal} indicating exit request"));
        assert_eq!(record.level, "WARN");
        assert_eq!(daemon.wait().code(), Some(0));
        assert!(!processes::is_alive(child));
        assert!(!sandbox.has("supervisord.pid") && !sandbox.has("s.sock"));
    }
}

// D-261, D-268
#[test]
fn hup_starts_everything_anew_in_the_same_process() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:gone]\ncommand=sleep 1000\n[program:stays]\ncommand=sleep 1000\n");
    let daemon = Launch::new(&sandbox).arg("-i").arg("from_the_command_line").start_up();
    let old = daemon.pid_of("stays");
    sandbox.configure("[program:fresh]\ncommand=sleep 1000\n[program:stays]\ncommand=sleep 1000\n");
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_log("received SIGHUP indicating restart request");
    let started = daemon.wait_for_nth_log(2, "supervisord started with pid");
    assert!(started.text.ends_with(&format!(" {}", daemon.pid())));
    daemon.wait_for_log("spawned: 'fresh'");
    assert!(!processes::is_alive(old));
    assert_ne!(daemon.pid_of("stays"), old);
    assert!(daemon.process("gone").is_none());
    assert_eq!(sandbox.read("supervisord.pid"), format!("{}\n", daemon.pid()));
    let auto = sandbox.list("auto");
    assert!(auto.iter().all(|it| it.contains("---from_the_command_line-")), "{auto:?}");
    assert_eq!(auto.len(), 4); // D-421, D-422
    assert_eq!(daemon.stop().code(), Some(0));
}

// D-263: nothing is touched, all problems are told
#[test]
fn hup_with_a_broken_file_leaves_everything_running() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=sleep 1000\nstartsecs=0\n");
    let daemon = Launch::new(&sandbox).start_up();
    let child = daemon.pid_of("x");
    sandbox.configure(
        "[program:x]\ncommand=sleep 1000\npriority=bad\n[program:y]\ncommand=cat\nstartsecs=worse\n",
    );
    daemon.signal(Signal::SIGHUP);
    let first = daemon.wait_for_log("invalid literal for int() with base 10: 'bad'");
    let second = daemon.wait_for_log("invalid literal for int() with base 10: 'worse'");
    assert_eq!((first.level.as_str(), second.level.as_str()), ("ERRO", "ERRO"));
    assert!(processes::is_alive(child));
    assert_eq!(daemon.pid_of("x"), child);
    assert!(sandbox.has("supervisord.pid") && sandbox.has("s.sock"));

    sandbox.configure("[program:z]\ncommand=sleep 1000\n");
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_log("spawned: 'z'");
    assert_eq!(daemon.stop().code(), Some(0));
}

// D-263: a file that is gone is as bad as a broken one
#[test]
fn hup_without_a_file_leaves_everything_running() {
    let sandbox = Sandbox::new();
    let file = sandbox.configure("[program:x]\ncommand=sleep 1000\nstartsecs=0\n");
    let daemon = Launch::new(&sandbox).start_up();
    let child = daemon.pid_of("x");
    std::fs::remove_file(file).unwrap();
    daemon.signal(Signal::SIGHUP);
    let record = daemon.wait_for_log("could not find config file");
    assert_eq!(record.level, "ERRO");
    assert_eq!(daemon.pid_of("x"), child);
    assert!(processes::is_alive(child));
}

// D-262
#[test]
fn hup_is_ignored_while_shutting_down() {
    let sandbox = Sandbox::new();
    sandbox.configure(&format!("[program:x]\n{SLOW}"));
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("x", "RUNNING");
    daemon.signal(Signal::SIGTERM);
    daemon.wait_for_log("received SIGTERM");
    daemon.signal(Signal::SIGHUP);
    let record = daemon.wait_for_log("ignored SIGHUP indicating restart request (shutdown in progress)");
    assert_eq!(record.level, "WARN");
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(!sandbox.has("supervisord.pid"));
}

// D-262
#[test]
fn term_turns_a_reload_into_a_shutdown() {
    let sandbox = Sandbox::new();
    sandbox.configure(&format!("[program:x]\n{SLOW}"));
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("x", "RUNNING");
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_log("received SIGHUP");
    daemon.signal(Signal::SIGTERM);
    daemon.wait_for_log("received SIGTERM");
    assert_eq!(daemon.wait().code(), Some(0));
    assert_eq!(sandbox.read("supervisord.log").matches("supervisord started with pid").count(), 1);
}

// D-261: the port can be had again at once
#[test]
fn many_reloads_in_a_row() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=sleep 1000\nstartsecs=0\n");
    let daemon = Launch::new(&sandbox).start_up();
    for n in 1..=5 {
        daemon.wait_for_nth_log(n, "spawned: 'x'");
        daemon.signal(Signal::SIGHUP);
        daemon.wait_for_nth_log(n + 1, "supervisord started with pid");
    }
    daemon.wait_for_nth_log(6, "spawned: 'x'");
    assert_eq!(daemon.stop().code(), Some(0));
}

// D-264, D-442
#[test]
fn usr2_opens_the_logs_again() {
    let sandbox = Sandbox::new();
    sandbox.write("x.sh", "n=0; while :; do echo $n; n=$((n + 1)); sleep 0.02; done\n");
    sandbox.configure("[program:x]\ncommand=sh @DIR@/x.sh\nstdout_logfile=@DIR@/x.log\nstartsecs=0\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("some lines", || sandbox.read("x.log").contains("\n5\n"));
    std::fs::rename(sandbox.path("x.log"), sandbox.path("old.log")).unwrap();
    std::fs::rename(sandbox.path("supervisord.log"), sandbox.path("old_main.log")).unwrap();
    daemon.signal(Signal::SIGUSR2);
    daemon.until("lines in the new file", || sandbox.read("x.log").lines().count() > 5);
    let told = sandbox.read("old_main.log");
    assert!(told.contains("INFO received SIGUSR2 indicating log reopen request"));
    assert!(told.ends_with("INFO supervisord logreopen\n"));
    assert_eq!(daemon.stop().code(), Some(0));
    let all = sandbox.read("old.log") + &sandbox.read("x.log");
    let expected: String = (0..all.lines().count()).map(|n| format!("{n}\n")).collect();
    assert_eq!(all, expected);
    assert!(sandbox.read("supervisord.log").contains("received SIGTERM"));
    assert_eq!(sandbox.list("auto").len(), 1, "the stderr log's name stays");
}

// D-265, D-461
#[test]
fn chld_is_told_at_debug() {
    let sandbox = Sandbox::new();
    sandbox.configure("[supervisord]\nloglevel=debug\n[program:x]\ncommand=true\nstartsecs=0\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("exited: x");
    let record = daemon.wait_for_log("received SIGCHLD indicating a child quit");
    assert_eq!(record.level, "DEBG");
}

// D-269
#[test]
fn other_signals_keep_their_meaning() {
    let sandbox = Sandbox::new();
    sandbox.configure("");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.signal(Signal::SIGPIPE);
    assert!(wait::stays_true(Duration::from_millis(300), || { processes::is_alive(daemon.pid()) }));
    daemon.signal(Signal::SIGUSR1);
    let status = daemon.wait();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(Signal::SIGUSR1 as i32));
}

// D-281
#[test]
fn children_outlive_a_killed_daemon_and_see_the_end_of_their_pipes() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:stays]\ncommand=sleep 1000\nstartsecs=0\n\
         [program:reads]\ncommand=sh -c 'cat; echo end > @DIR@/saw_the_end'\nstartsecs=0\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    let child = daemon.pid_of("stays");
    daemon.pid_of("reads");
    daemon.signal(Signal::SIGKILL);
    wait::until_true("the end of stdin", || sandbox.has("saw_the_end"));
    assert!(processes::is_alive(child));
    assert!(sandbox.has("supervisord.pid")); // D-220
    drop(daemon);
    let again = Launch::new(&sandbox).start();
    again.wait_for_nth_log(2, "supervisord started with pid"); // D-222
    assert_ne!(again.pid_of("stays"), child);
    assert!(processes::is_alive(child));
}
