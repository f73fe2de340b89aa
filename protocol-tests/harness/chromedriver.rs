//! A chromedriver with a Chromium below it, and the end of both, however the test ends.

use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::daemon::environment;
use super::ports;
use super::processes;
use super::sandbox::Sandbox;
use super::wait;

/// The process, its group, and its turn: Chromium wants a whole machine, so there is one at a time.
#[derive(Debug)]
pub struct Chromedriver {
    child: Child,
    port: u16,
    home: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Chromedriver {
    /// Starts one that keeps everything it writes within the sandbox, and waits until it listens.
    #[expect(clippy::disallowed_methods, reason = "the ban is on the daemon, which has a reaper of its own")]
    pub fn start(sandbox: &Sandbox) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let (home, port) = (sandbox.make_dir("browser"), ports::free());
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).process_group(0).current_dir(&home);
        command.env_clear().envs(environment(sandbox)).env("HOME", &home).env("TMPDIR", &home);
        command.env(processes::MARK, &home);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("chromedriver (chromium-driver): {error}"));
        let driver = Self { child, port, home, _turn: turn };
        wait::until_true("chromedriver", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        driver
    }

    /// Where it takes sessions.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A directory for a browser's profile.
    pub fn profile(&self) -> PathBuf {
        self.home.join("profile")
    }
}

impl Drop for Chromedriver {
    /// The browser's processes are in chromedriver's group and no longer show the environment they were
    /// given; its crash handlers have left the group, and do show it.
    fn drop(&mut self) {
        let group = self.child.id().try_into().expect("pids fit");
        let _gone = killpg(Pid::from_raw(group), Signal::SIGKILL);
        let _reaped = self.child.wait();
        processes::clear(&self.home);
    }
}
