//! A daemon in the middle of its work: twenty programs, two pools, and observers; and what must hold after any
//! fault.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use super::ledger::{self, Account};
use super::observers::{self, Observers};
use super::report::{Report, Verdict, held};
use crate::failing_logs::must;
use crate::harness::daemon::{Daemon, Launch};
use crate::harness::rpc::{self, Value};
use crate::harness::sandbox::Sandbox;
use crate::harness::{ports, processes, wait};
use crate::listener_protocol::recording::{self, Heard};

/// The twenty: plain logs, rotated ones, output as events and on both channels, and two that crash.
const FLEET: &str = "\
[group:fleet]\nprograms=plain,rotated,talk,crash\n\
[program:plain]\ncommand=WRITER 0.02 0 1\nnumprocs=12\nLOGS\n\
[program:rotated]\ncommand=WRITER 0.05 0 1\nnumprocs=4\nstdout_logfile_maxbytes=500\nstdout_logfile_backups=1000\nLOGS\n\
[program:talk]\ncommand=WRITER 0.1 0 1 2\nnumprocs=2\nstdout_events_enabled=true\nstderr_logfile=LOG.err\nLOGS\n\
[program:crash]\ncommand=WRITER 0.05 20 1\nnumprocs=2\nautorestart=true\nstartretries=20\nLOGS\n";

const POOLS: &str = "\
[eventlistener:all]\ncommand=RECORDER all.json\nevents=EVENT\nbuffer_size=100000\nstartsecs=0\n\
[eventlistener:states]\ncommand=RECORDER states.json\nevents=PROCESS_STATE,REMOTE_COMMUNICATION\n\
buffer_size=100000\nstartsecs=0\n";

/// Both pools.
pub const RECORDERS: [&str; 2] = ["all", "states"];

/// Processes that stay RUNNING, and those that crash again and again.
const STEADY: [(&str, usize); 3] = [("plain", 12), ("rotated", 4), ("talk", 2)];
const CRASHING: (&str, usize) = ("crash", 2);

/// How long an answer to `getState` may take, whatever happens, waiting for a processor left out.
const BOUND: Duration = Duration::from_secs(1);

/// What may be in memory afterwards that was not before, in KiB: buffers and arenas that are kept.
const MARGIN: u64 = 4 * 1024;

/// What a fault may bring with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed {
    /// Everything is stopped and started anew, the control servers too.
    pub reloads: bool,
    /// New connections may have to wait for an answer.
    pub silence: bool,
    /// Output that the daemon has counted as dropped.
    pub counted_losses: bool,
    /// Output that is in no log any more.
    pub losses: bool,
}

/// The daemon with all that goes on around it.
#[derive(Debug)]
pub struct Scene<'s> {
    pub sandbox: &'s Sandbox,
    pub daemon: Daemon<'s>,
    /// Where it listens, beside its socket.
    pub port: u16,
    pub observers: Observers,
    /// Descriptors and memory while the fleet is stopped and nobody looks.
    idle: (usize, u64),
}

/// A sandbox for a scene.
pub fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("writer.py", include_str!("../scripts/writer.py"));
    sandbox.write("recorder.py", include_str!("../scripts/recorder.py"));
    for folder in [".", "auto", "logs", "ledger"] {
        sandbox.make_dir(folder);
        sandbox.set_mode(folder, 0o777);
    }
    sandbox
}

/// Writes the configuration of a scene, with more in it: `WRITER` is the command of a numbered writer, `LOGS`
/// the options of its logs, `PYTHON` an interpreter.
pub fn configure(sandbox: &Sandbox, port: u16, more: &str) {
    let text = format!("[inet_http_server]\nport=127.0.0.1:{port}\n{FLEET}{POOLS}{more}");
    let name = "%(program_name)s_%(process_num)02d";
    let text = text
        .replace("LOGS", "stdout_logfile=LOG.log\nprocess_name=NAME\nstartsecs=0\nstopwaitsecs=3")
        .replace("WRITER", "PYTHON @DIR@/writer.py NAME")
        .replace("RECORDER ", "PYTHON @DIR@/recorder.py @DIR@/")
        .replace("PYTHON", "/usr/bin/python3 -SEs")
        .replace("LOG.", "@DIR@/logs/NAME.")
        .replace("NAME", name);
    sandbox.configure(&text);
}

/// Names of the fleet's processes that stay RUNNING.
pub fn steady() -> Vec<String> {
    STEADY.iter().flat_map(names).collect()
}

fn crashing() -> Vec<String> {
    names(&CRASHING).collect()
}

fn names((program, count): &(&str, usize)) -> impl Iterator<Item = String> {
    let program = (*program).to_owned();
    (0..*count).map(move |n| format!("{program}_{n:02}"))
}

/// The books of the whole fleet.
pub fn account(sandbox: &Sandbox) -> Account {
    let mut account = Account::default();
    for name in steady().into_iter().chain(crashing()) {
        account.enter(sandbox, &name, &format!("logs/{name}.log"));
        if name.starts_with("talk") {
            account.enter(sandbox, &name, &format!("logs/{name}.err"));
        }
    }
    account
}

impl<'s> Scene<'s> {
    /// A scene with nothing special.
    pub fn new(sandbox: &'s Sandbox) -> Self {
        Self::with(sandbox, Launch::new(sandbox), "")
    }

    /// A scene whose daemon is started like this, with more in its configuration.
    pub fn with(sandbox: &'s Sandbox, launch: Launch<'s>, more: &str) -> Self {
        let port = ports::free();
        configure(sandbox, port, more);
        let daemon = launch.start_up();
        await_fleet(&daemon);
        // What is made at the first use is there before the first look.
        let early = Observers::start(&daemon, port, "fleet:plain_00");
        daemon.until("the observers", || early.look(|it| it.scrapes > 0 && it.answers > 0));
        drop(early);
        call(sandbox, "stopProcessGroup", &["fleet"]).unwrap();
        let idle = at_rest(&daemon);
        Self::observed(sandbox, daemon, port, idle)
    }

    /// Starts the fleet under the eyes of observers.
    fn observed(sandbox: &'s Sandbox, daemon: Daemon<'s>, port: u16, idle: (usize, u64)) -> Self {
        call(sandbox, "startProcessGroup", &["fleet"]).unwrap();
        let observers = Observers::start(&daemon, port, "fleet:plain_00");
        let scene = Self { sandbox, daemon, port, observers, idle };
        scene.daemon.until("the stream", || {
            scene.call("sendRemoteCommEvent", &["hello", ""]).unwrap();
            scene.observers.look(|seen| !seen.events.is_empty() && seen.tails.iter().any(|it| it.len() > 1))
        });
        scene.mark("begin");
        scene
    }

    /// From the beginning, with empty logs, when all was checked; tells descriptors and memory at rest.
    pub fn again(self) -> (Self, (usize, u64)) {
        let Self { sandbox, daemon, port, observers, idle } = self;
        drop(observers);
        let _more = wait::within(wait::PATIENCE, || (daemon.descriptors() <= idle.0).then_some(()));
        let rest = at_rest(&daemon);
        for folder in ["logs", "ledger"] {
            for name in sandbox.list(folder) {
                fs::remove_file(sandbox.path(&format!("{folder}/{name}"))).unwrap();
            }
        }
        RECORDERS.iter().for_each(|pool| fs::write(sandbox.path(&file_of(pool)), "").unwrap());
        (Self::observed(sandbox, daemon, port, idle), rest)
    }

    /// Calls a method of the API, by the socket.
    pub fn call(&self, method: &str, words: &[&str]) -> Result<Value, String> {
        call(self.sandbox, method, words)
    }

    /// A counter or gauge as it is now.
    pub fn metric(&self, series: &str) -> f64 {
        let scrape = observers::scrape(self.port).unwrap();
        *scrape.get(series).unwrap_or_else(|| panic!("no {series}"))
    }

    /// Bytes of output that were dropped and counted.
    pub fn dropped(&self) -> u64 {
        self.metric("supervisor_log_dropped_bytes_total") as u64
    }

    /// Sets limits of the running daemon, in the words of prlimit(1).
    pub fn limit(&self, limits: &str) {
        // As the daemon's own user: who is not may need a privilege that root lacks in some containers.
        let pid = self.daemon.pid();
        let of = |line: &str| -> u32 {
            let ids = processes::status_line(pid, line).unwrap();
            ids.split_whitespace().next().unwrap().parse().unwrap()
        };
        let mut prlimit = Command::new("prlimit");
        must(prlimit.arg(format!("--pid={pid}")).arg(limits).uid(of("Uid")).gid(of("Gid")));
    }

    /// Whether the daemon idles, more or less, over half a second.
    pub fn idles(&self) -> Verdict {
        let used = || processes::cpu_ticks(self.daemon.pid()).unwrap_or_default();
        let before = used();
        wait::stays_true(Duration::from_millis(500), || true);
        let ticks = used() - before;
        held(ticks < 25, format!("{ticks} ticks of CPU in half a second"))
    }

    /// Pids of what stays RUNNING.
    pub fn pids(&self) -> Vec<String> {
        let all = self.daemon.processes().unwrap();
        let steady = steady();
        let steady = all.iter().filter(|it| steady.contains(&it.member("name").to_owned()));
        steady.map(|it| it.member("pid").to_owned()).collect()
    }

    /// All programs are started and stopped: life goes on.
    pub fn crashes_go_on(&self) {
        let before = self.daemon.count_log("spawned: 'crash_00'");
        self.daemon.wait_for_nth_log(before + 2, "spawned: 'crash_00'");
    }

    /// Whoever looks on sees something new.
    pub fn observers_go_on(&self) {
        let seen = || {
            self.observers
                .look(|seen| (seen.tails.iter().map(Vec::len).sum::<usize>(), seen.scrapes, seen.answers))
        };
        let before = seen();
        self.daemon.until("tail, scrapes and answers to go on", || {
            let now = seen();
            now.0 > before.0 + 20 && now.1 > before.1 && now.2 > before.2
        });
    }

    fn mark(&self, which: &str) {
        self.call("sendRemoteCommEvent", &["mark", which]).unwrap();
        let payload = format!("type:mark\n{which}");
        let heard =
            |pool: &&str| recording::of(self.sandbox, &file_of(pool)).iter().any(|it| it.payload == payload);
        self.daemon.until("the recorders to hear a mark", || RECORDERS.iter().all(heard));
        self.daemon.until("the stream to hear a mark", || {
            self.observers.look(|seen| seen.events.iter().any(|line| is_mark(line, which)))
        });
    }

    /// What must hold after every fault; the fleet is stopped then.
    pub fn check(&self, allowed: Allowed) -> Vec<(&'static str, Verdict)> {
        await_fleet(&self.daemon);
        self.observers_go_on();
        self.mark("end");
        self.call("stopProcessGroup", &["fleet"]).unwrap();
        let mut verdicts = vec![
            ("every program is in its state", Ok(String::new())),
            ("every event is accounted for", self.events_add_up(allowed)),
            (logs_claim(allowed), self.logs_add_up(allowed)),
        ];
        if !allowed.silence {
            verdicts.push(("getState is answered within a second", self.was_answered(allowed)));
        }
        verdicts
    }

    /// Checks what must hold after every fault, and ends the daemon.
    pub fn end(self, report: &mut Report, allowed: Allowed) {
        self.check(allowed).into_iter().for_each(|(claim, verdict)| report.claim(claim, verdict));
        self.leave(report);
    }

    /// Ends the daemon, whose fleet is stopped.
    pub fn leave(self, report: &mut Report) {
        let Self { sandbox, daemon, observers, idle, .. } = self;
        drop(observers);
        report.claim("descriptors and memory are back", is_back(&daemon, idle));
        report.claim("it ends with 0 and leaves nothing", end(sandbox, daemon));
    }

    fn events_add_up(&self, allowed: Allowed) -> Verdict {
        let is_ours = |pool: &Value| RECORDERS.contains(&pool.member("name"));
        let is_quiet = |pool: &Value| settled(pool) && pool.member("dropped") == "0";
        let ours = || pools(self.sandbox).into_iter().filter(is_ours).collect::<Vec<_>>();
        let quiet = || Some(ours()).filter(|ours| ours.iter().all(is_quiet));
        let pools = wait::within(wait::PATIENCE, quiet).ok_or_else(|| format!("{:?}", ours()))?;
        let uneven = self.observers.look(|seen| std::mem::take(&mut seen.uneven));
        held(uneven.is_empty(), uneven.join("; "))?;
        let mut count = 0;
        for pool in &pools {
            let heard = recording::of(self.sandbox, &file_of(pool.member("name")));
            count += heard.len();
            has_no_gap(pool, &heard, allowed.reloads)?;
        }
        let events = self.observers.look(|seen| seen.events.clone());
        let lost = events.iter().find(|line| line.contains("CUT_OFF") || line.contains("\"GAP\""));
        held(lost.is_none(), format!("{lost:?}"))?;
        if !allowed.reloads {
            same(&events, &recording::of(self.sandbox, "states.json"))?;
        }
        Ok(format!("{count} heard, {} in the stream", events.len()))
    }

    fn logs_add_up(&self, allowed: Allowed) -> Verdict {
        let account = account(self.sandbox);
        // What was dropped is told from time to time.
        if allowed.counted_losses {
            let counted = || (self.dropped() >= account.missing()).then_some(());
            let _uncounted = wait::within(wait::PATIENCE, counted);
        }
        let dropped = self.dropped();
        let gap = self.observers.look(|seen| seen.tails.iter().find_map(|lines| ledger::gap(lines)));
        let told = format!("{} bytes, {} missing, {dropped} dropped", account.written, account.missing());
        if allowed.losses {
            return held(account.unfinished.is_empty(), format!("{told}; {:?}", account.unfinished));
        }
        if allowed.counted_losses {
            return held(account.missing() == dropped && dropped > 0, told);
        }
        held(account.faults.is_empty(), account.faults.join("; "))?;
        held(gap.is_none(), format!("tail: {gap:?}"))?;
        held(account.missing() == 0 && dropped == 0 && account.written > 0, told)
    }

    fn was_answered(&self, allowed: Allowed) -> Verdict {
        self.observers.look(|seen| {
            let [slowest, starved] = [seen.slowest, seen.starved].map(|it| it.as_millis());
            let told = format!(
                "{} answers in {slowest} ms at most, beside {starved} ms of waiting for a processor",
                seen.answers
            );
            held(seen.unanswered.is_empty() || allowed.reloads, format!("{:?}", seen.unanswered))?;
            held(seen.slowest < BOUND && seen.answers > 0, told)
        })
    }
}

fn logs_claim(allowed: Allowed) -> &'static str {
    match allowed {
        Allowed { losses: true, .. } => "once they can be opened again, logs have every line",
        Allowed { counted_losses: true, .. } => "what is missing in logs is counted, to the byte",
        _ => "logs and tail have every line, in order",
    }
}

/// Calls a method of the API.
pub fn call(sandbox: &Sandbox, method: &str, words: &[&str]) -> Result<Value, String> {
    rpc::call(&sandbox.path("s.sock"), &format!("supervisor.{method}"), words)
}

/// Waits until all are RUNNING, the crashing ones between two crashes.
pub fn await_fleet(daemon: &Daemon<'_>) {
    let names = [steady(), crashing(), RECORDERS.map(str::to_owned).into()].concat();
    let mut left = names.clone();
    daemon.until(&format!("all of {names:?} to be RUNNING"), || {
        let Ok(processes) = daemon.processes() else { return false };
        let runs = |name: &str| {
            processes.iter().any(|it| it.member("name") == name && it.member("statename") == "RUNNING")
        };
        // One that crashes need not run while another one does.
        left.retain(|name| !runs(name));
        left.is_empty()
    });
}

/// Descriptors and memory when they do not change any more.
fn at_rest(daemon: &Daemon<'_>) -> (usize, u64) {
    let steady = || {
        let open = daemon.descriptors();
        wait::stays_true(Duration::from_millis(300), || daemon.descriptors() == open).then_some(open)
    };
    let open = wait::until("the descriptors to stay as they are", steady);
    (open, daemon.memory())
}

fn is_back(daemon: &Daemon<'_>, (open, memory): (usize, u64)) -> Verdict {
    let back = || daemon.descriptors() <= open && daemon.memory() <= memory + MARGIN;
    let is_so = wait::within(wait::PATIENCE, || back().then_some(())).is_some();
    let now = (daemon.descriptors(), daemon.memory());
    held(is_so, format!("{open} descriptors and {memory} KiB before, {} and {} after", now.0, now.1))
}

/// Asks for the end.
pub fn end(sandbox: &Sandbox, daemon: Daemon<'_>) -> Verdict {
    let status = daemon.stop();
    held(status.code() == Some(0), format!("{status}: {}", sandbox.read("err")))?;
    is_clean(sandbox)
}

/// Nothing runs any more, and nothing went wrong inside.
pub fn is_clean(sandbox: &Sandbox) -> Verdict {
    let left = || processes::belonging_to(sandbox.dir());
    let gone = wait::within(wait::PATIENCE, || left().is_empty().then_some(()));
    held(gone.is_some(), format!("left: {:?}", left()))?;
    let said = sandbox.read("err");
    if said.contains("panicked") { Err(said) } else { Ok(String::new()) }
}

fn file_of(pool: &str) -> String {
    format!("{pool}.json")
}

/// The pools as `getListenerPools` tells of them.
pub fn pools(sandbox: &Sandbox) -> Vec<Value> {
    call(sandbox, "getListenerPools", &[]).unwrap().elements().to_vec()
}

/// All that it accepted is answered.
pub fn settled(pool: &Value) -> bool {
    pool.member("queue_length") == "0" && pool.member("accepted") == pool.member("acknowledged")
}

/// A pool's numbers follow upon each other, up to the last that it gave; they begin anew with a reload.
fn has_no_gap(pool: &Value, heard: &[Heard], reloads: bool) -> Result<(), String> {
    let numbers: Vec<u64> = heard.iter().map(|event| event.number("poolserial")).collect();
    let follows = |pair: &[u64]| pair[1] == pair[0] + 1 || reloads && pair[1] == 0;
    let gap = numbers.windows(2).find(|pair| !follows(pair));
    let last = numbers.last().map_or(0, |last| last + 1);
    let (name, accepted) = (pool.member("name"), pool.member("accepted").parse().unwrap());
    held(gap.is_none(), format!("{name}: {gap:?}"))?;
    // A tick may have come since.
    held(last >= accepted, format!("{name}: {last} of {accepted}")).map(drop)
}

fn is_mark(line: &str, which: &str) -> bool {
    observers::member(line, "remote_type").is_some_and(|it| it == "mark")
        && observers::member(line, "data").is_some_and(|it| it == which)
}

/// Between the marks the stream and the pool of the same events have heard the same.
fn same(stream: &[String], pool: &[Heard]) -> Result<(), String> {
    let shown = |line: &String| {
        let of = |name| observers::member(line, name).unwrap_or_default();
        format!("{} {} {}", of("type"), of("processname"), of("from_state"))
    };
    let is = |line: &String, which| is_mark(line, which);
    let streamed = between(stream, |line| is(line, "begin"), |line| is(line, "end")).iter().map(shown);
    let is = |event: &Heard, which: &str| event.payload == format!("type:mark\n{which}");
    let told = |event: &Heard| {
        let of = |name| event.token(name).unwrap_or_default();
        format!("{} {} {}", event.kind(), of("processname"), of("from_state"))
    };
    let heard = between(pool, |event| is(event, "begin"), |event| is(event, "end")).iter().map(told);
    let (streamed, heard): (Vec<String>, Vec<String>) = (streamed.collect(), heard.collect());
    let differs = streamed.iter().zip(&heard).position(|(a, b)| a != b);
    let told = format!("{} in the stream, {} in the pool, {differs:?}", streamed.len(), heard.len());
    held(streamed == heard, told).map(drop)
}

fn between<T>(all: &[T], begins: impl Fn(&T) -> bool, ends: impl Fn(&T) -> bool) -> &[T] {
    let begin = all.iter().position(begins).expect("marked");
    let end = all.iter().position(ends).expect("marked");
    &all[begin..end]
}
