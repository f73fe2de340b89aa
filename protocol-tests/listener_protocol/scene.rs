//! A daemon with puppets: listeners and programs that do what a test tells them to.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::harness::daemon::{Daemon, Implementation, Launch, environment};
use crate::harness::rpc::{self, Value};
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

/// What every scene is configured with.
const COMMON: &str = "[supervisord]\nloglevel=debug\n[supervisorctl]\nserverurl=unix://@DIR@/s.sock\n";

/// A sandbox in which puppets can be used; the daemon comes with [`Props::start`].
#[derive(Debug)]
pub struct Props {
    pub sandbox: Sandbox,
    orders: Mutex<BTreeMap<String, File>>,
}

impl Props {
    /// With this configuration, in which `PUPPET name` stands for the command of a puppet, and `LISTENER`
    /// for the options of a listener that is RUNNING at once.
    pub fn new(configuration: &str) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("puppet.py", include_str!("../scripts/puppet.py"));
        let props = Self { sandbox, orders: Mutex::default() };
        props.configure(configuration);
        props
    }

    /// Another configuration.
    pub fn configure(&self, configuration: &str) {
        let text = configuration
            .replace("PUPPET ", "/usr/bin/python3 -SEs @DIR@/puppet.py ")
            .replace("LISTENER", "startsecs=0\nstdout_logfile=@DIR@/%(program_name)s.out");
        self.sandbox.configure(&format!("{COMMON}{text}"));
    }

    /// Starts the daemon.
    pub fn start(&self, implementation: Implementation) -> Scene<'_> {
        let launch = Launch::of(implementation, &self.sandbox).arg("-c").arg("supervisord.conf");
        Scene { props: self, daemon: launch.start_up() }
    }

    /// Starts the one under test where its log says nothing; it is up when it has its pidfile.
    pub fn start_quietly(&self) -> Daemon<'_> {
        let launch =
            Launch::of(Implementation::under_test(), &self.sandbox).arg("-c").arg("supervisord.conf");
        let mut daemon = launch.start();
        assert_eq!(daemon.come_up(), None);
        daemon
    }

    /// Starts the one under test.
    pub fn start_ours(&self) -> Scene<'_> {
        self.start(Implementation::under_test())
    }

    /// Gives a puppet an order. One that does not live yet obeys as soon as it does.
    pub fn order(&self, puppet: &str, order: &str) {
        let mut orders = self.orders.lock().unwrap();
        let fifo = orders.entry(puppet.to_owned()).or_insert_with(|| {
            let path = self.sandbox.path(&format!("{puppet}.ctl"));
            let _made_before = mkfifo(&path, Mode::S_IRWXU);
            OpenOptions::new().read(true).write(true).open(path).unwrap()
        });
        fifo.write_all(format!("{order}\n").as_bytes()).unwrap();
    }

    /// What a puppet has got on its stdin, over all its lives.
    pub fn heard(&self, puppet: &str) -> String {
        self.sandbox.read(&format!("{puppet}.in"))
    }
}

/// A running daemon with its puppets.
#[derive(Debug)]
pub struct Scene<'p> {
    pub props: &'p Props,
    pub daemon: Daemon<'p>,
}

impl Scene<'_> {
    /// Waits until a process is RUNNING.
    pub fn await_running(&self, names: &[&str]) -> &Self {
        for name in names {
            self.daemon.wait_for_state(name, "RUNNING");
        }
        self
    }

    /// A puppet writes to its stdout, and the daemon has read it.
    pub fn say(&self, puppet: &str, words: impl AsRef<[u8]>) -> &Self {
        let read = format!("'{puppet}' stdout output:");
        let before = self.daemon.count_log(&read);
        self.props.order(puppet, &format!("say {}", hex(words.as_ref())));
        self.daemon.wait_for_nth_log(before + 1, &read);
        self
    }

    /// A puppet writes this in many pieces.
    pub fn say_each<'w>(&self, puppet: &str, pieces: impl IntoIterator<Item = &'w [u8]>) -> &Self {
        pieces.into_iter().for_each(|piece| _ = self.say(puppet, piece));
        self
    }

    /// Publishes REMOTE_COMMUNICATION events, one after the other.
    pub fn publish(&self, messages: &[&str]) -> &Self {
        for message in messages {
            self.call("sendRemoteCommEvent", &["t", message]).unwrap();
        }
        self
    }

    /// Calls a method of the API.
    pub fn call(&self, method: &str, words: &[&str]) -> Result<Value, String> {
        rpc::call(&self.props.sandbox.path("s.sock"), &format!("supervisor.{method}"), words)
    }

    /// Waits until a puppet has got this text.
    pub fn hears(&self, puppet: &str, text: &str) -> &Self {
        self.hears_times(1, puppet, text)
    }

    /// Waits until a puppet has got this text that often.
    pub fn hears_times(&self, n: usize, puppet: &str, text: &str) -> &Self {
        let enough = || (self.props.heard(puppet).matches(text).count() >= n).then_some(());
        if wait::within(wait::PATIENCE, enough).is_none() {
            let heard = self.props.heard(puppet);
            panic!("{puppet} has not heard {text:?} {n} times but\n{heard}\n{:#?}", self.lines(""));
        }
        self
    }

    /// What `supervisorctl listeners --json` tells of a pool.
    pub fn figures(&self, pool: &str) -> serde_json::Value {
        let sandbox = &self.props.sandbox;
        let mut command = Command::new(env!("CARGO_BIN_EXE_supervisorctl"));
        command.current_dir(sandbox.dir()).env_clear().envs(environment(sandbox)).stdin(Stdio::null());
        let output = command.args(["-c", "supervisord.conf", "listeners", "--json", pool]).output().unwrap();
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        told["pools"][0].clone()
    }

    /// Waits for a line of the activity log.
    pub fn log(&self, text: &str) -> &Self {
        self.daemon.wait_for_log(text);
        self
    }

    /// Lines of the activity log with this text.
    pub fn lines(&self, text: &str) -> Vec<String> {
        let records = self.daemon.log().into_iter().filter(|record| record.text.contains(text));
        records.map(|record| record.line()).collect()
    }

    /// Everything that was asked for is done; ends the daemon.
    pub fn end(self) -> ExitStatus {
        self.call("getState", &[]).unwrap();
        self.daemon.stop()
    }
}

/// Words as an order tells them.
pub fn hex(words: &[u8]) -> String {
    words.iter().map(|byte| format!("{byte:02x}")).collect()
}
