//! pidproxy: the real executable with a child that tells what it hears.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say so at once")]

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Says `ready` and its arguments, then each signal. Ends after 10 s, so that no test waits for ever.
const TELLER: &str = "#!/bin/sh
for name in HUP USR1 USR2; do trap \"echo $name\" $name; done
for name in INT QUIT TERM; do trap \"echo $name; exit 3\" $name; done
echo \"ready $$ $*\"
n=0
while [ $n -lt 200 ]; do sleep 0.05; n=$((n+1)); done
";

/// A running pidproxy.
struct Proxy {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// The pid of its child.
    child: Pid,
}

impl Proxy {
    /// Starts it in `dir` over the teller, and waits until that one listens. The pidfile `pid` is the
    /// test's business.
    fn start(dir: &Path) -> Self {
        let script = dir.join("teller");
        std::fs::write(&script, TELLER).unwrap();
        let mut command = command(dir, &["pid", "/bin/sh", "teller", "a b", "--c"]);
        #[allow(clippy::disallowed_methods, reason = "nothing else in this test waits for children")]
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = lines.next().unwrap().unwrap();
        let words: Vec<&str> = ready.splitn(3, ' ').collect();
        assert_eq!((words[0], words[2]), ("ready", "a b --c"));
        let child = Pid::from_raw(words[1].parse().unwrap());
        Self { process, lines, child }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id().try_into().unwrap()), signal).unwrap();
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = kill(self.child, Signal::SIGKILL);
    }
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pidproxy"));
    command.current_dir(dir).args(args);
    command
}

/// Exit status and stdout of a run.
fn output(dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = command(dir, args).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

// D-500
#[test]
fn usage() {
    let dir = tempfile::tempdir().unwrap();
    for args in [&[][..], &["pid"]] {
        let (code, text) = output(dir.path(), args);
        assert!(code == Some(1) && text.contains("Usage: "), "{code:?} {text}");
    }
}

// D-501
#[test]
fn the_command_is_a_path() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(output(dir.path(), &["pid", "sh", "-c", "true"]).0, Some(127));
    std::os::unix::fs::symlink("/bin/sh", dir.path().join("shell")).unwrap();
    let told = output(dir.path(), &["pid", "shell", "-c", "echo $0"]);
    assert_eq!(told, (Some(0), "shell\n".into()));
}

// D-502, D-503
#[test]
fn signals_go_to_the_pid_in_the_file() {
    for last in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let dir = tempfile::tempdir().unwrap();
        let mut proxy = Proxy::start(dir.path());
        std::fs::write(dir.path().join("pid"), format!(" {}\n", proxy.child)).unwrap();
        for signal in [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGHUP, last] {
            proxy.signal(signal);
            assert_eq!(format!("SIG{}", proxy.line()), signal.as_str());
        }
        assert_eq!(proxy.wait().code(), Some(0));
    }
}

// D-502: the pid in the file, not the child
#[test]
fn the_child_hears_nothing_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut proxy = Proxy::start(dir.path());
    let mut other = Proxy::start(dir.path());
    std::fs::write(dir.path().join("pid"), other.child.to_string()).unwrap();
    proxy.signal(Signal::SIGTERM);
    assert_eq!(other.line(), "TERM");
    assert_eq!(proxy.wait().code(), Some(0));
    assert!(kill(proxy.child, None).is_ok(), "its own child goes on");
}

// D-504
#[test]
fn a_pidfile_that_cannot_be_read_is_told_and_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut proxy = Proxy::start(dir.path());
    for text in [None, Some("x"), Some("")] {
        if let Some(text) = text {
            std::fs::write(dir.path().join("pid"), text).unwrap();
        }
        proxy.signal(Signal::SIGTERM);
        assert_eq!(proxy.line(), "Can't read child pidfile pid!");
    }
    assert_eq!(proxy.process.try_wait().unwrap(), None);
}

// D-505
#[test]
fn it_ends_with_its_child() {
    let dir = tempfile::tempdir().unwrap();
    let before = std::time::Instant::now();
    assert_eq!(output(dir.path(), &["pid", "/bin/sh", "-c", "exit 7"]).0, Some(0));
    assert!(before.elapsed().as_secs() < 4, "the reference takes 5 s");
}

// D-506
#[test]
fn a_pid_that_is_gone_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut proxy = Proxy::start(dir.path());
    std::fs::write(dir.path().join("pid"), i32::MAX.to_string()).unwrap();
    proxy.signal(Signal::SIGHUP);
    assert_eq!(proxy.wait().code(), Some(1));
}
