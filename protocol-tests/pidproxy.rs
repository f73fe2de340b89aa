//! pidproxy: signals for a daemon that it finds by a pidfile (daemon.md, section 11).

use std::path::PathBuf;
use std::process::Stdio;

use nix::sys::signal::Signal;

use crate::harness::daemon::{Daemon, Implementation, Launch};
use crate::harness::reference;
use crate::harness::sandbox::Sandbox;
use crate::harness::{processes, wait};

fn pidproxy() -> PathBuf {
    match Implementation::under_test() {
        Implementation::Ours => env!("CARGO_BIN_EXE_pidproxy").into(),
        Implementation::Reference => reference::program("pidproxy"),
    }
}

/// The command: starts what it stands for in the background.
const COMMAND: &str = "#!/bin/sh\npython3 @DIR@/daemon.py &\nwait\n";

/// Writes down its pid and the signals it gets.
const DAEMON: &str = "import os, signal, sys\n\
    def got(number, frame):\n    \
        open('@DIR@/got', 'a').write(signal.Signals(number).name + '\\n')\n    \
        if number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT): sys.exit()\n\
    for name in 'TERM', 'INT', 'QUIT', 'HUP', 'USR1', 'USR2': signal.signal(getattr(signal, 'SIG' + name), got)\n\
    open('@DIR@/fresh.pid', 'w').write('%d\\n' % os.getpid())\n\
    os.rename('@DIR@/fresh.pid', '@DIR@/daemon.pid')\n\
    while True: signal.pause()\n";

fn install(sandbox: &Sandbox) {
    sandbox.script("command", COMMAND);
    sandbox.write("daemon.py", DAEMON);
}

fn start(sandbox: &Sandbox) -> (Daemon<'_>, i32) {
    install(sandbox);
    let proxy = Launch::program(pidproxy(), sandbox).arg("daemon.pid").arg("./command").start();
    let pid = wait::until("the daemon's pid", || sandbox.read("daemon.pid").trim().parse().ok());
    (proxy, pid)
}

// D-500
#[test]
fn too_few_arguments() {
    let sandbox = Sandbox::new();
    for arguments in [&[][..], &["pidfile"]] {
        let launch = arguments.iter().fold(Launch::program(pidproxy(), &sandbox), Launch::arg);
        assert_eq!(launch.run().code(), Some(1));
    }
    assert!(sandbox.read("out").contains("pidproxy"), "the usage is on stdout");
}

// D-502, D-503
#[test]
fn signals_that_end_are_passed_on_and_end_it() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let sandbox = Sandbox::new();
        let (proxy, pid) = start(&sandbox);
        proxy.signal(signal);
        assert_eq!(proxy.wait().code(), Some(0));
        let told = || sandbox.read("got") == format!("{signal}\n");
        wait::until_true("the daemon's end", || told() && !processes::is_alive(pid));
    }
}

// D-502, D-503
#[test]
fn other_signals_are_passed_on_and_it_goes_on() {
    let sandbox = Sandbox::new();
    let (mut proxy, pid) = start(&sandbox);
    for signal in [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2] {
        proxy.signal(signal);
        wait::until_true("the signal", || sandbox.read("got").lines().any(|it| it == signal.as_str()));
    }
    assert!(proxy.status().is_none() && processes::is_alive(pid));
}

// D-504
#[test]
fn a_pidfile_that_says_nothing() {
    let sandbox = Sandbox::new();
    let (proxy, pid) = start(&sandbox);
    std::fs::remove_file(sandbox.path("daemon.pid")).unwrap();
    for n in 1..=2 {
        proxy.signal(Signal::SIGTERM);
        proxy.until("the complaint", || {
            sandbox.read("out").matches("Can't read child pidfile daemon.pid!\n").count() == n
        });
        sandbox.write("daemon.pid", "no number\n");
    }
    assert!(processes::is_alive(proxy.pid()) && processes::is_alive(pid));
    sandbox.write("daemon.pid", &format!("{pid}\n"));
    proxy.signal(Signal::SIGTERM);
    assert_eq!(proxy.wait().code(), Some(0));
}

// D-505
#[test]
fn it_ends_with_its_command() {
    let sandbox = Sandbox::new();
    sandbox.script("command", "#!/bin/sh\nexit 3\n");
    let proxy = Launch::program(pidproxy(), &sandbox).arg("nosuch.pid").arg("./command").start();
    proxy.wait();
}

// D-506
#[test]
fn a_pid_that_is_gone() {
    let sandbox = Sandbox::new();
    sandbox.script("command", "#!/bin/sh\ntouch @DIR@/up\nexec sleep 1000\n");
    sandbox.write("daemon.pid", "4194304\n"); // above the highest pid there can be
    let proxy = Launch::program(pidproxy(), &sandbox).arg("daemon.pid").arg("./command").start();
    proxy.until("the command", || sandbox.has("up"));
    proxy.signal(Signal::SIGHUP);
    assert_ne!(proxy.wait().code(), Some(0));
}

// D-501, D-507
#[test]
fn the_command_is_as_given() {
    let sandbox = Sandbox::new();
    sandbox.write("x.py", "import os, sys\nprint(sys.argv[1:], os.getpgid(0) == os.getppid(), os.environ['GIVEN'], flush=True)\n");
    let python = "/usr/bin/python3";
    let arguments = ["daemon.pid", python, "x.py", "one", "two words", "", "-n"];
    let launch = arguments.iter().fold(Launch::program("setsid", &sandbox).arg(pidproxy()), Launch::arg);
    launch.env("GIVEN", "kept").run();
    assert_eq!(sandbox.read("out"), "['one', 'two words', '', '-n'] True kept\n");
}

// D-501: PATH is not searched
#[test]
fn the_command_is_not_searched_in_path() {
    let sandbox = Sandbox::new();
    let launch = Launch::program(pidproxy(), &sandbox).arg("daemon.pid").arg("touch").arg("made");
    launch.stdout(Stdio::null()).run();
    assert!(!sandbox.has("made"));
}

// D-502, D-503 under supervisord, as the manual shows it
#[test]
fn a_stop_of_the_program_reaches_the_daemon_behind_it() {
    let sandbox = Sandbox::new();
    install(&sandbox);
    sandbox.configure(&format!(
        "[program:mysql]\ncommand={} @DIR@/daemon.pid @DIR@/command\n",
        pidproxy().display()
    ));
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("mysql", "RUNNING");
    let pid: i32 = sandbox.read("daemon.pid").trim().parse().unwrap();
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(sandbox.read("supervisord.log").contains("INFO stopped: mysql (exit status 0)"));
    wait::until_true("the daemon behind it to end", || !processes::is_alive(pid));
    assert_eq!(sandbox.read("got"), "SIGTERM\n");
}
