//! A supervisord under test, ours or the reference's: started, watched, signalled, waited for.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::activity::{self, Record};
use super::processes;
use super::reference;
use super::rpc::{self, Value};
use super::sandbox::Sandbox;
use super::wait;

/// What every supervisord is given: little, and the mark of its test.
pub fn environment(sandbox: &Sandbox) -> [(&'static str, String); 4] {
    let dir = sandbox.dir().to_str().expect("temporary folders have plain names");
    [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
        ("HOME", dir.to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
        (processes::MARK, dir.to_owned()),
    ]
}

/// Which supervisord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Implementation {
    /// The one of this package.
    Ours,
    /// Supervisor 4.3.0.
    Reference,
}

impl Implementation {
    /// Ours; the reference with `TEST_REFERENCE=1`, which shows whether a test asks for what it does.
    pub fn under_test() -> Self {
        match std::env::var_os("TEST_REFERENCE") {
            Some(_) => Self::Reference,
            None => Self::Ours,
        }
    }

    /// Path of its supervisord.
    pub fn supervisord(self) -> PathBuf {
        match self {
            Self::Ours => env!("CARGO_BIN_EXE_supervisord").into(),
            Self::Reference => reference::program("supervisord"),
        }
    }
}

/// How a supervisord is to be started.
#[derive(Debug)]
pub struct Launch<'s> {
    sandbox: &'s Sandbox,
    command: Command,
}

impl<'s> Launch<'s> {
    /// The one under test, on `supervisord.conf`.
    pub fn new(sandbox: &'s Sandbox) -> Self {
        Self::of(Implementation::under_test(), sandbox).arg("-c").arg("supervisord.conf")
    }

    /// One of both, in the sandbox's directory with a small environment, no arguments yet.
    pub fn of(implementation: Implementation, sandbox: &'s Sandbox) -> Self {
        Self::program(implementation.supervisord(), sandbox)
    }

    /// Any program, for instance one that wraps a supervisord.
    pub fn program(program: impl AsRef<std::ffi::OsStr>, sandbox: &'s Sandbox) -> Self {
        let mut command = Command::new(program);
        command.current_dir(sandbox.dir()).env_clear().stdin(Stdio::null());
        command.envs(environment(sandbox));
        Self { sandbox, command }
    }

    /// One more argument.
    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// One more environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it; what it says goes into the files `out` and `err` of the sandbox.
    pub fn start(mut self) -> Daemon<'s> {
        self.command.stdout(append(self.sandbox, "out")).stderr(append(self.sandbox, "err"));
        self.start_with_its_streams()
    }

    /// Starts it with the streams the caller has set.
    #[expect(clippy::disallowed_methods, reason = "the ban is on the daemon, which has a reaper of its own")]
    pub fn start_with_its_streams(mut self) -> Daemon<'s> {
        let child = self.command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        Daemon { sandbox: self.sandbox, child }
    }

    /// Sets its stdout.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout);
        self
    }

    /// Sets its stderr.
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.command.stderr(stderr);
        self
    }

    /// Starts it and waits for its end; for a daemonizing one that is the parent's.
    pub fn run(self) -> ExitStatus {
        self.start().wait()
    }

    /// Starts it in the foreground and waits until it runs (D-220).
    pub fn start_up(self) -> Daemon<'s> {
        let daemon = self.start();
        daemon.wait_for_log("supervisord started with pid");
        daemon
    }
}

fn append(sandbox: &Sandbox, name: &str) -> File {
    OpenOptions::new().create(true).append(true).open(sandbox.path(name)).unwrap()
}

/// A supervisord that was started; killed when dropped.
#[derive(Debug)]
pub struct Daemon<'s> {
    sandbox: &'s Sandbox,
    child: Child,
}

impl Daemon<'_> {
    /// Its pid.
    pub fn pid(&self) -> i32 {
        self.child.id().try_into().expect("pids fit")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        processes::send(self.pid(), signal);
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    /// Its private memory in KiB.
    pub fn memory(&self) -> u64 {
        let line = processes::status_line(self.pid(), "RssAnon").unwrap();
        line.trim_end_matches(" kB").parse().unwrap()
    }

    /// Whether it has ended.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits until it runs, with a pidfile (D-207), or has ended: then how.
    pub fn come_up(&mut self) -> Option<ExitStatus> {
        let has_pidfile = |sandbox: &Sandbox| sandbox.list(".").iter().any(|it| it.ends_with(".pid"));
        let come = wait::within(wait::PATIENCE, || {
            self.status().map(Some).or_else(|| has_pidfile(self.sandbox).then_some(None))
        });
        come.unwrap_or_else(|| self.fail("a start or an end"))
    }

    /// Waits for its end.
    pub fn wait(mut self) -> ExitStatus {
        let status = wait::within(wait::PATIENCE, || self.child.try_wait().unwrap());
        status.unwrap_or_else(|| self.fail("its end"))
    }

    /// Asks it to stop and waits for its end.
    pub fn stop(self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    /// The records of its activity log.
    pub fn log(&self) -> Vec<Record> {
        activity::records(&self.sandbox.read("supervisord.log"))
    }

    /// Waits for a record whose message contains this text.
    pub fn wait_for_log(&self, text: &str) -> Record {
        self.wait_for_nth_log(1, text)
    }

    /// Waits for the n-th record (from 1) whose message contains this text.
    pub fn wait_for_nth_log(&self, n: usize, text: &str) -> Record {
        let found = wait::within(wait::PATIENCE, || {
            self.log().into_iter().filter(|it| it.text.contains(text)).nth(n - 1)
        });
        found.unwrap_or_else(|| self.fail(&format!("log record {n} with {text:?}")))
    }

    /// How many records contain this text.
    pub fn count_log(&self, text: &str) -> usize {
        self.log().iter().filter(|it| it.text.contains(text)).count()
    }

    /// What `getAllProcessInfo` says; the error is what went wrong.
    pub fn processes(&self) -> Result<Vec<Value>, String> {
        let answer = rpc::call(&self.sandbox.path("s.sock"), "supervisor.getAllProcessInfo", &[])?;
        Ok(answer.elements().to_vec())
    }

    /// What `getAllProcessInfo` says of one process.
    pub fn process(&self, name: &str) -> Option<Value> {
        self.processes().ok()?.into_iter().find(|it| it.member("name") == name)
    }

    /// Waits until a process is in a state, and tells its description.
    pub fn wait_for_state(&self, name: &str, state: &str) -> Value {
        let found =
            wait::within(wait::PATIENCE, || self.process(name).filter(|it| it.member("statename") == state));
        found.unwrap_or_else(|| self.fail(&format!("{name} to be {state} (is {:?})", self.process(name))))
    }

    /// Waits until a process runs, whether yet RUNNING or not, and tells its pid.
    pub fn pid_of(&self, name: &str) -> i32 {
        let found = wait::within(wait::PATIENCE, || {
            self.process(name)?.member("pid").parse().ok().filter(|pid| *pid > 0)
        });
        found.unwrap_or_else(|| self.fail(&format!("a pid of {name}")))
    }

    /// Waits this long at most for a condition, and fails with the log.
    pub fn until_within(&self, limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
        if wait::within(limit, || condition().then_some(())).is_none() {
            self.fail(what)
        }
    }

    /// Waits for a condition, and fails with the log.
    pub fn until(&self, what: &str, condition: impl FnMut() -> bool) {
        self.until_within(wait::PATIENCE, what, condition);
    }

    fn fail(&self, what: &str) -> ! {
        panic!(
            "waited in vain for {what}\n--- activity log\n{}--- stdout\n{}--- stderr\n{}",
            self.sandbox.read("supervisord.log"),
            self.sandbox.read("out"),
            self.sandbox.read("err")
        )
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
