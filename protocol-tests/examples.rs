//! The example listeners, each run with its configuration as it stands.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::harness::daemon::{Daemon, Implementation, Launch, environment};
use super::harness::rpc;
use super::harness::sandbox::Sandbox;

/// A sandbox with these files of `examples/`, and the folder of their logs.
fn sandbox_of(files: [&str; 2]) -> Sandbox {
    let sandbox = Sandbox::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for file in files {
        fs::copy(examples.join(file), sandbox.path(file)).unwrap();
    }
    sandbox.make_dir("log");
    sandbox
}

fn start<'s>(sandbox: &'s Sandbox, configuration: &str) -> Daemon<'s> {
    Launch::of(Implementation::under_test(), sandbox).arg("-n").arg("-c").arg(configuration).start()
}

// E-187
#[test]
fn the_listener_in_sh_ends_the_daemon() {
    let sandbox = sandbox_of(["listener.sh", "listener-sh.conf"]);
    let daemon = start(&sandbox, "listener-sh.conf");
    assert_eq!(daemon.wait().code(), Some(0));
    assert_eq!(sandbox.read("log/listener-sh.log"), "hopeless was given up: ending supervisord\n");
    let log = sandbox.read("log/supervisord.log");
    assert!(log.contains("received SIGQUIT"), "{log}");
    assert!(!log.contains("entered the UNKNOWN state"), "{log}");
}

#[test]
fn the_listener_in_python_reports_crashes() {
    let sandbox = sandbox_of(["listener.py", "listener-py.conf"]);
    let daemon = start(&sandbox, "listener-py.conf");
    let report = || sandbox.read("log/listener-py.log");
    daemon.until("two reports", || report().matches("    crasher: out of luck\n").count() >= 2);
    let rest = report().split_off("2026-01-31 13:05:09".len());
    assert!(rest.starts_with(" crasher:crasher has ended unexpectedly; its last words:\n"), "{rest}");
    if Implementation::under_test() == Implementation::Ours {
        let pools = rpc::call(&sandbox.path("log/supervisor.sock"), "supervisor.getListenerPools", &[]);
        let pools = pools.unwrap();
        assert_eq!(pools.elements()[0].member("name"), "crashlog");
        assert_eq!(pools.elements()[0].member("orphaned"), "0");
    }
    assert_eq!(daemon.stop().code(), Some(0));
}

/// What a listener writes to its stdout when it is given this input.
fn answers(sandbox: &Sandbox, program: &str, script: &str, input: &str) -> String {
    sandbox.write("input", input);
    let mut command = Command::new(program);
    command.current_dir(sandbox.dir()).env_clear().envs(environment(sandbox)).arg(script);
    command.env("SUPERVISOR_ENABLED", "1").env("SUPERVISOR_SERVER_URL", "http://localhost:1");
    let output = command.stdin(Stdio::from(fs::File::open(sandbox.path("input")).unwrap())).output().unwrap();
    std::io::stderr().write_all(&output.stderr).unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// An event, whose length is counted in characters.
fn event(kind: &str, payload: &str) -> String {
    let count = payload.chars().count();
    let header = "ver:3.0 server:supervisor serial:0 pool:p poolserial:0";
    format!("{header} eventname:{kind} len:{count}\n{payload}")
}

const TWO_ANSWERS: &str = "READY\nRESULT 2\nOKREADY\nRESULT 2\nOKREADY\n";

// E-062, E-200
#[test]
fn the_listeners_stay_in_step() {
    let sandbox = sandbox_of(["listener.sh", "listener.py"]);
    let exited = "processname:a groupname:a from_state:RUNNING expected:1 pid:1";
    let plain = event("TICK_5", "when:5") + &event("PROCESS_STATE_EXITED", exited);
    assert_eq!(answers(&sandbox, "sh", "listener.sh", &plain), TWO_ANSWERS);
    assert_eq!(answers(&sandbox, "python3", "listener.py", &plain), TWO_ANSWERS);
    let message = "processname:a groupname:a pid:1\nhé\r\n\r中\u{0}\n\n";
    let any = event("PROCESS_COMMUNICATION_STDOUT", message) + &event("SUPERVISOR_STATE_CHANGE_RUNNING", "");
    assert_eq!(answers(&sandbox, "python3", "listener.py", &any), TWO_ANSWERS);
}

#[test]
fn the_listeners_refuse_to_be_run_by_hand() {
    let sandbox = sandbox_of(["listener.sh", "listener.py"]);
    for (program, script) in [("sh", "listener.sh"), ("python3", "listener.py")] {
        let mut command = Command::new(program);
        command.current_dir(sandbox.dir()).env_clear().envs(environment(&sandbox)).arg(script);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{script}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("to be run by supervisord"), "{script}");
    }
}
