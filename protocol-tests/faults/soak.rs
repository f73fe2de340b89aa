//! A long life at random: crashes, floods, calls, streams, reloads, listeners that come and go. It is lived in rounds,
//! after each of which everything must add up; descriptors and memory must stay where they are.
//!
//! `SOAK=1800` in the environment makes it half an hour, `SEED` repeats one.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::Turn;
use super::ledger::Account;
use super::report::{Report, held};
use super::scene::{self, Allowed, Scene};
use crate::harness::client::{Client, get};
use crate::harness::daemon::Launch;
use crate::harness::random::Random;
use crate::harness::{processes, wait};

/// What lives beside the fleet: a flood now and then, a listener and a program that come and go.
const MORE: &str = "\
[program:burst]\ncommand=WRITER 0 20000 1 2\nautostart=false\nautorestart=false\nexitcodes=3\n\
stdout_logfile_maxbytes=100KB\nstdout_logfile_backups=1000\nstderr_logfile=LOG.err\nLOGS\n\
[eventlistener:guest]\ncommand=RECORDER guest.json\nevents=EVENT\nbuffer_size=10\nstartsecs=0\nautostart=false\n\
[program:late]\ncommand=sleep 1000\nautostart=false\n";

/// A round's length.
const ROUND: Duration = Duration::from_secs(4);

/// Growth of memory that is none, in KiB a minute: over an hour that would be two megabytes.
const FLAT: f64 = 32.0;

/// Rounds from which on a slope says something: some quarter of an hour. Before, the heap finds its size.
const ENOUGH: usize = 150;

struct Life<'a, 's> {
    scene: &'a Scene<'s>,
    random: &'a mut Random,
    streams: Vec<Client<TcpStream>>,
    reloads: bool,
}

impl Life<'_, '_> {
    /// Calls what may be refused: a program may just be in another state.
    fn call(&self, method: &str, words: &[&str]) {
        let _refused = self.scene.call(method, words);
    }

    fn act(&mut self) {
        let names = scene::steady();
        let name = &names[self.random.below(names.len())];
        let process = format!("fleet:{name}");
        match self.random.below(40) {
            0..4 => self.kill(name),
            4..6 => self.call("startProcess", &["burst:burst_00", "false"]),
            6..8 => {
                self.call("stopProcess", &[&process]);
                self.call("startProcess", &[&process]);
            }
            8..12 => self.call("getAllProcessInfo", &[]),
            12..15 => self.call("tailProcessStdoutLog", &[&process, "0", "1000"]),
            15..18 => self.call("sendProcessStdin", &[&process, "hello\n"]),
            18..21 => self.call("sendRemoteCommEvent", &["some", "thing"]),
            21..23 => self.call("noSuchMethod", &[name]),
            23..27 => self.open_stream(&process),
            27..30 => self.streams.truncate(self.random.below(3)),
            30..33 => self.call("startProcess", &["guest", "false"]),
            33..35 => self.kill("guest"),
            35..37 => self.scene.daemon.signal(Signal::SIGUSR2),
            37..39 => self.come_and_go(),
            _ => self.reload(),
        }
    }

    fn kill(&self, name: &str) {
        let pid = self.scene.daemon.process(name).and_then(|it| it.member("pid").parse().ok());
        if let Some(pid) = pid.filter(|pid| *pid > 0) {
            processes::send(pid, Signal::SIGKILL);
        }
    }

    fn open_stream(&mut self, process: &str) {
        let path = match self.random.below(3) {
            0 => format!("/logtail/{process}"),
            1 => "/events?recent".to_owned(),
            _ => "/metrics".to_owned(),
        };
        self.streams.push(Client::tcp(self.scene.port).send(&get(&path)));
    }

    /// Groups are removed and added again.
    fn come_and_go(&self) {
        for group in ["guest", "late"] {
            self.call("stopProcessGroup", &[group]);
            self.call("removeProcessGroup", &[group]);
            self.call("reloadConfig", &[]);
            self.call("addProcessGroup", &[group]);
        }
    }

    /// At most once in a round, since a pool's end keeps its last events for itself.
    fn reload(&mut self) {
        if !std::mem::replace(&mut self.reloads, true) {
            self.streams.clear();
            let before = self.scene.daemon.count_log("supervisord started with pid");
            self.scene.daemon.signal(Signal::SIGHUP);
            self.scene.daemon.wait_for_nth_log(before + 1, "supervisord started with pid");
        }
    }

    /// What is not part of the scene is stopped; what it has written is all there.
    fn tidy_up(self) -> Result<(), String> {
        drop(self.streams);
        // One that was killed cannot be stopped before it was started again.
        let is_stopped = |name: &str| {
            let _not_running = self.scene.call("stopProcess", &[name]);
            let process = self.scene.daemon.process(name);
            process.is_none_or(|it| ["STOPPED", "FATAL"].contains(&it.member("statename")))
        };
        let _not_running = self.scene.call("stopProcess", &["burst:burst_00"]);
        self.scene.daemon.until("the others to be stopped", || ["guest", "late"].into_iter().all(is_stopped));
        let mut account = Account::default();
        for log in ["logs/burst_00.log", "logs/burst_00.err"] {
            account.enter(self.scene.sandbox, "burst_00", log);
        }
        held(account.faults.is_empty() && account.missing() == 0, format!("{account:.300?}")).map(drop)
    }
}

/// One round; what does not add up is the error.
fn live(scene: &Scene<'_>, random: &mut Random) -> Result<(), String> {
    let mut life = Life { scene, random, streams: Vec::new(), reloads: false };
    let end = Instant::now() + ROUND;
    while Instant::now() < end {
        life.act();
        let pause = Duration::from_millis(life.random.below(60) as u64);
        wait::stays_true(pause, || true);
        for stream in &mut life.streams {
            let _closed = stream.read();
            stream.got.clear();
        }
    }
    let reloads = life.reloads;
    life.tidy_up()?;
    let verdicts = scene.check(Allowed { reloads, ..Allowed::default() });
    let broken =
        verdicts.into_iter().filter_map(|(claim, verdict)| Some(format!("{claim}: {}", verdict.err()?)));
    broken.reduce(|all, more| format!("{all}; {more}")).map_or(Ok(()), Err)
}

/// Growth a minute, by least squares.
fn slope(samples: &[(Duration, f64)]) -> f64 {
    let count = samples.len() as f64;
    let minutes = |sample: &(Duration, f64)| sample.0.as_secs_f64() / 60.0;
    let (x, y) = (
        samples.iter().map(minutes).sum::<f64>() / count,
        samples.iter().map(|it| it.1).sum::<f64>() / count,
    );
    let covariance: f64 = samples.iter().map(|it| (minutes(it) - x) * (it.1 - y)).sum();
    let variance: f64 = samples.iter().map(|it| (minutes(it) - x).powi(2)).sum();
    if variance > 0.0 { covariance / variance } else { 0.0 }
}

#[test]
fn soak() {
    let _turn = Turn::take();
    let length = std::env::var("SOAK").ok().and_then(|it| it.parse().ok()).unwrap_or(15);
    let mut random = Random::seeded();
    let seed = random.seed();
    let sandbox = scene::sandbox();
    let began = Instant::now();
    let mut scene = Scene::with(&sandbox, Launch::new(&sandbox), MORE);
    let (mut open, mut memory) = (Vec::new(), Vec::new());
    while began.elapsed() < Duration::from_secs(length) {
        let round = live(&scene, &mut random);
        assert_eq!(round, Ok(()), "SEED={seed}, round {}\n{}", open.len(), sandbox.read("supervisord.log"));
        let (next, rest) = scene.again();
        open.push((began.elapsed(), rest.0 as f64));
        memory.push((began.elapsed(), rest.1 as f64));
        println!(
            "round {} after {} s: {} descriptors, {} KiB",
            open.len(),
            began.elapsed().as_secs(),
            rest.0,
            rest.1
        );
        scene = next;
    }
    let [slopes, later] =
        [0, open.len() / 2].map(|first| [&open, &memory].map(|samples| slope(&samples[first..])));
    let told = format!(
        "soak: {length} s, SEED={seed}, {} rounds; a minute: {:+.3} descriptors and {:+.1} KiB of memory, in the second half \
         {:+.3} and {:+.1}; at last {} and {}",
        open.len(),
        slopes[0],
        slopes[1],
        later[0],
        later[1],
        open[open.len() - 1].1,
        memory[memory.len() - 1].1
    );
    let _unseen = writeln!(std::io::stderr(), "{told}");
    let mut report = Report::new("soak");
    scene.check(Allowed::default()).into_iter().for_each(|(claim, verdict)| report.claim(claim, verdict));
    scene.leave(&mut report);
    assert_eq!(report.broken(), [""; 0], "{told}");
    assert!(open.len() < ENOUGH || later[0].abs() < 0.1 && later[1] < FLAT, "{told}");
}
