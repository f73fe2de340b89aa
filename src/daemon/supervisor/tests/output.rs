//! Output of children, until their end.

use std::fs::OpenOptions;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::super::*;
use super::harness::*;
use crate::config::schema::{ChannelConfig, ProcessConfig};
use crate::sys::pipe;

const SECOND: Duration = Duration::from_secs(1);

fn announced(channel: ChannelConfig) -> ChannelConfig {
    ChannelConfig { events_enabled: true, ..channel }
}

fn started(process: impl FnOnce(&Path) -> ProcessConfig) -> Daemon {
    let mut daemon = Daemon::at_level(Level::Info, |dir| vec![process(dir.path())]);
    daemon.open();
    daemon.seen();
    daemon
}

fn with_log(dir: &Path) -> ProcessConfig {
    ProcessConfig { stdout: logged(dir.join("out")), startsecs: 0, ..program("a", "a") }
}

/// The sum of the bytes in the lines `a stdout N`.
fn bytes(lines: &[String]) -> u64 {
    let figures = lines.iter().filter_map(|line| line.strip_prefix("a stdout "));
    figures.map(|rest| rest.split(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

// D-352, E-043, E-044
#[test]
fn the_last_words_come_before_the_exit() {
    let mut daemon = started(|dir| {
        let stderr = announced(logged(dir.join("err")));
        ProcessConfig {
            stdout: announced(logged(dir.join("out"))),
            stderr,
            startsecs: 0,
            ..program("a", "a")
        }
    });
    let mut child = daemon.child();
    daemon.seen();
    child.say("last words");
    daemon.end_and_decide(child, FAILED);
    let seen = daemon.seen();
    let place = |text: &str| seen.iter().position(|line| line.starts_with(text));
    let words = place("a stdout 10 \"last words\"");
    assert!(words.is_some() && words < place("a EXITED"), "{seen:?}");
    assert_eq!((daemon.file("out"), daemon.file("err")), ("last words".into(), String::new()));
}

// E-043, without anybody who wants the bytes: the figures.
#[test]
fn all_figures_come_before_the_exit() {
    let mut daemon = started(with_log);
    let mut child = daemon.child();
    for _ in 0..50 {
        child.say([b'x'; 1000]);
    }
    daemon.end_and_decide(child, DONE);
    let seen = daemon.seen();
    let exit = seen.iter().position(|line| line.starts_with("a EXITED")).unwrap();
    assert_eq!((bytes(&seen[..exit]), bytes(&seen[exit..])), (50_000, 0));
    assert_eq!(daemon.file("out").len(), 50_000);
}

// E-012, E-043
#[test]
fn a_last_message_comes_before_the_exit() {
    let mut daemon = started(|_| ProcessConfig {
        stdout: ChannelConfig { capture_maxbytes: 100, ..quiet() },
        startsecs: 0,
        ..program("a", "a")
    });
    let mut child = daemon.child();
    child.say("<!--XSUPERVISOR:BEGIN-->hello<!--XSUPERVISOR:END-->");
    daemon.end_and_decide(child, DONE);
    let seen = daemon.seen();
    let place = |text: &str| seen.iter().position(|line| line.starts_with(text));
    assert!(place("a says hello").is_some() && place("a says hello") < place("a EXITED"), "{seen:?}");
}

// D-352
#[test]
fn a_grandchild_that_has_the_pipe_does_not_delay_the_exit() {
    let mut daemon = started(with_log);
    let mut child = daemon.child();
    let grandchild = child.stdout.try_clone().unwrap();
    child.say("mine");
    daemon.end_and_decide(child, DONE);
    assert_eq!(daemon.file("out"), "mine");
    wait_for(|| std::io::Write::write(&mut &grandchild, b"late").err());
    assert_eq!(daemon.file("out"), "mine");
}

// A log that takes nothing: at most a second, and the rest is counted.
#[test]
fn a_stuck_log_delays_the_exit_for_a_second() {
    let mut fifo = None;
    let mut daemon = started(|dir| {
        nix::unistd::mkfifo(&dir.join("out"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut both = OpenOptions::new();
        both.read(true).write(true).custom_flags(nix::libc::O_NONBLOCK);
        fifo = Some(both.open(dir.join("out")).unwrap());
        with_log(dir)
    });
    let fifo = fifo.unwrap();
    let mut child = daemon.child();
    for _ in 0..100 {
        child.say([b'x'; 1000]);
    }
    let stuck = daemon.supervisor.processes.values().next().unwrap().channels()[0].clone();
    wait_for(|| daemon.supervisor.host.channels.waits_for_room(&stuck).then_some(()));
    daemon.end(child, DONE);
    assert!(!daemon.saw("EXITED"));
    daemon.pass(SECOND / 2);
    assert!(!daemon.saw("EXITED"));
    daemon.seen();
    daemon.pass(SECOND / 2);
    let dropped = 100_000 - pipe::readable_bytes(fifo.as_fd());
    let seen = daemon.seen();
    let place = |text: &str| seen.iter().position(|line| line.starts_with(text));
    let told = place(&format!("log: dropped {dropped} bytes of the stdout log of 'a'"));
    assert!(told.is_some() && told < place("a EXITED"), "{dropped} {seen:?}");
}

// What was written in time counts, however late the daemon looks.
#[test]
fn a_log_that_took_everything_in_time_loses_nothing_to_a_slow_daemon() {
    let mut daemon = started(|dir| ProcessConfig {
        stdout: announced(logged(dir.join("out"))),
        startsecs: 0,
        ..program("a", "a")
    });
    let mut child = daemon.child();
    child.say([b'x'; 60_000]);
    let pid = child.pid;
    drop(child);
    daemon.kernel.end(pid, DONE);
    daemon.signal(Signal::CHLD);
    wait_for(|| (daemon.file("out").len() == 60_000).then_some(()));
    let hub = daemon.supervisor.host.channels.clone();
    wait_for(|| (hub.open_channels() == 0).then_some(()));
    daemon.pass(SECOND);
    let seen = daemon.seen();
    assert_eq!(bytes(&seen), 60_000, "{seen:?}");
    assert!(daemon.saw("a EXITED") && !daemon.saw("dropped"));
}

// D-264, D-442
#[test]
fn log_files_are_opened_again() {
    let mut daemon = started(with_log);
    let mut child = daemon.child();
    let path = daemon.dir.path().to_owned();
    child.say("old");
    wait_for(|| (daemon.file("out") == "old").then_some(()));
    std::fs::rename(path.join("out"), path.join("out.old")).unwrap();
    std::fs::rename(path.join("main.log"), path.join("main.old")).unwrap();
    daemon.signal(Signal::USR2);
    let exists = |name: &str| path.join(name).exists().then_some(());
    wait_for(|| exists("out").and(exists("main.log")));
    child.say("new");
    daemon.end_and_decide(child, DONE);
    assert_eq!((daemon.file("out.old"), daemon.file("out")), ("old".into(), "new".into()));
    wait_for(|| daemon.file("main.log").contains("exited: a").then_some(()));
    let old = daemon.file("main.old");
    assert!(old.ends_with("supervisord logreopen\n") && old.contains("received SIGUSR2"), "{old}");
}

// D-406, E-044
#[test]
fn at_level_debug_output_is_in_the_activity_log() {
    let mut daemon =
        Daemon::at_level(Level::Debug, |_| vec![ProcessConfig { startsecs: 0, ..program("a", "a") }]);
    daemon.open();
    let mut child = daemon.child();
    child.say("hello");
    daemon.end_and_decide(child, DONE);
    wait_for(|| daemon.file("main.log").contains("exited: a").then_some(()));
    let log = daemon.file("main.log");
    let place = |text: &str| log.find(text).unwrap_or_else(|| panic!("no {text} in {log}"));
    assert!(place(" DEBG 'a' stdout output:\nhello\n") < place("exited: a"));
    assert!(place("closed, stopped monitoring <stdout of a>") < place("exited: a"));
}
