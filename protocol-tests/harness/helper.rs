//! A process that helps a test: started with a pipe on its stdin, killed with the test.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::daemon::environment;
use super::sandbox::Sandbox;

/// The process.
#[derive(Debug)]
pub struct Helper(Child);

impl Helper {
    /// Starts a program in the sandbox.
    #[expect(clippy::disallowed_methods, reason = "the ban is on the daemon, which has a reaper of its own")]
    pub fn start(sandbox: &Sandbox, program: &Path, words: &[OsString]) -> Self {
        let mut command = Command::new(program);
        command.args(words).current_dir(sandbox.dir()).env_clear().envs(environment(sandbox));
        let log = std::fs::File::create(sandbox.path("helper.log")).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Its pid.
    pub fn pid(&self) -> i32 {
        self.0.id().try_into().expect("pids fit")
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}
