//! A listener under test, ours or Superlance's: fed with events as a daemon would, heard to its end.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::daemon::{Implementation, environment};
use super::reference;
use super::sandbox::Sandbox;
use super::wait;

/// Path of a listener program.
pub fn program(implementation: Implementation, name: &str) -> PathBuf {
    match (implementation, name) {
        (Implementation::Reference, name) => reference::program(name),
        (Implementation::Ours, "memmon") => env!("CARGO_BIN_EXE_memmon").into(),
        (Implementation::Ours, "httpok") => env!("CARGO_BIN_EXE_httpok").into(),
        (Implementation::Ours, "crashmail") => env!("CARGO_BIN_EXE_crashmail").into(),
        (Implementation::Ours, "crashmailbatch") => env!("CARGO_BIN_EXE_crashmailbatch").into(),
        (Implementation::Ours, "fatalmailbatch") => env!("CARGO_BIN_EXE_fatalmailbatch").into(),
        (Implementation::Ours, "crashsms") => env!("CARGO_BIN_EXE_crashsms").into(),
        (Implementation::Ours, other) => panic!("no program {other}"),
    }
}

/// An event on the wire (E-060, E-062).
pub fn event(eventname: &str, payload: &str) -> String {
    let length = payload.chars().count();
    format!(
        "ver:3.0 server:supervisor serial:21 pool:listener poolserial:10 eventname:{eventname} len:{length}\n\
         {payload}"
    )
}

/// What a listener did with its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performance {
    /// Its tokens.
    pub stdout: String,
    /// What it said, up to the traceback with which the reference meets the end of its input.
    pub stderr: String,
    /// Its exit status, if it was not killed by a signal.
    pub status: Option<i32>,
}

impl Performance {
    /// The lines it said that users of the reference know: those not of our own.
    pub fn known_lines(&self, name: &str) -> Vec<&str> {
        let own = format!("{name}: ");
        self.stderr.lines().filter(|line| !line.starts_with(&own)).collect()
    }

    /// How many events it has answered with OK.
    pub fn answers(&self) -> usize {
        self.stdout.matches("RESULT 2\nOK").count()
    }
}

/// How a listener is to be run.
#[derive(Debug)]
pub struct Stage<'s> {
    sandbox: &'s Sandbox,
    command: Command,
}

impl<'s> Stage<'s> {
    /// A listener with these arguments, `@DIR@` filled in.
    pub fn new(sandbox: &'s Sandbox, implementation: Implementation, name: &str, words: &[&str]) -> Self {
        let mut command = Command::new(program(implementation, name));
        command.args(words.iter().map(|word| sandbox.fill(word)));
        command.current_dir(sandbox.dir()).env_clear().envs(environment(sandbox));
        Self { sandbox, command }
    }

    /// One more environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// The environment of a listener whose daemon is at this socket of the sandbox.
    pub fn of_daemon(self, socket: &str) -> Self {
        let url = format!("unix://{}", self.sandbox.path(socket).display());
        self.env("SUPERVISOR_SERVER_URL", &url).env("SUPERVISOR_ENABLED", "1")
    }

    /// Starts it.
    #[expect(clippy::disallowed_methods, reason = "the ban is on the daemon, which has a reaper of its own")]
    pub fn start(mut self) -> Player<'s> {
        let [out, err] =
            ["listener.out", "listener.err"].map(|it| File::create(self.sandbox.path(it)).unwrap());
        self.command.stdin(Stdio::piped()).stdout(out).stderr(err);
        let child = self.command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        Player { sandbox: self.sandbox, child }
    }

    /// Runs it with these events to the end.
    pub fn play(self, events: &[String]) -> Performance {
        let mut player = self.start();
        for event in events {
            player.feed(event);
        }
        player.finish()
    }
}

/// A listener that runs.
#[derive(Debug)]
pub struct Player<'s> {
    sandbox: &'s Sandbox,
    child: Child,
}

impl Player<'_> {
    /// Delivers an event, and does not wait for the answer. One that is gone need not be told.
    pub fn feed(&mut self, event: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is a pipe");
        let _gone = stdin.write_all(event.as_bytes());
    }

    /// What it has said on stdout so far.
    pub fn stdout(&self) -> String {
        self.sandbox.read("listener.out")
    }

    /// Waits until it has answered this many events.
    pub fn wait_for_answers(&self, n: usize) {
        wait::until_true(&format!("{n} answers"), || self.stdout().matches("RESULT 2\nOK").count() >= n);
    }

    /// Closes its input and waits for its end.
    pub fn finish(mut self) -> Performance {
        drop(self.child.stdin.take());
        let status = wait::within(wait::PATIENCE, || self.child.try_wait().unwrap());
        let stderr = self.sandbox.read("listener.err");
        let status = status.unwrap_or_else(|| panic!("the listener does not end; it said:\n{stderr}"));
        let said = stderr.split("Traceback (most recent call last)").next().unwrap_or_default().to_owned();
        Performance { stdout: self.stdout(), stderr: said, status: status.code() }
    }
}

impl Drop for Player<'_> {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The text with its time stamps (E-214) replaced by `STAMP`.
pub fn without_stamps(text: &str) -> String {
    const SHAPE: &[u8] = b"dddd-dd-dd dd:dd:dd,ddd";
    let fits = |at: usize| {
        text.as_bytes().get(at..at + SHAPE.len()).is_some_and(|piece| {
            piece.iter().zip(SHAPE).all(|(byte, shape)| match shape {
                b'd' => byte.is_ascii_digit(),
                other => byte == other,
            })
        })
    };
    let mut out = String::new();
    let mut at = 0;
    while at < text.len() {
        if fits(at) {
            out.push_str("STAMP");
            at += SHAPE.len();
        } else {
            let next = text[at..].chars().next().expect("not at the end");
            out.push(next);
            at += next.len_utf8();
        }
    }
    out
}
