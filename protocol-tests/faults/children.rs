//! Programs that do what nobody wants them to.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::ledger::Account;
use super::report::{Report, held};
use super::scene::{self, Allowed, Scene};
use crate::children::SUBREAPER;
use crate::harness::daemon::{Implementation, Launch};
use crate::harness::{processes, wait};

/// Orphans that die at once.
const ORPHANS: usize = 10_000;

pub fn child_ignores_term(report: &mut Report) {
    let sandbox = scene::sandbox();
    let stubborn = "[program:stubborn]\ncommand=sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.1; done'\n\
                    autostart=false\nstartsecs=0\nstopwaitsecs=1\nkillasgroup=true\nstdout_logfile=@DIR@/stubborn\n";
    let scene = Scene::with(&sandbox, Launch::new(&sandbox), stubborn);
    scene.call("startProcess", &["stubborn"]).unwrap();
    scene.daemon.until("the trap to be set", || sandbox.read("stubborn").contains("up"));
    let asked = Instant::now();
    scene.call("stopProcess", &["stubborn"]).unwrap();
    let took = asked.elapsed();
    let told = scene.daemon.wait_for_log("killing 'stubborn'");
    report.claim("the log says that it is killed", held(told.level == "WARN", told.line()));
    let in_time = (Duration::from_secs(1)..Duration::from_millis(2500)).contains(&took);
    report.claim("it is gone after stopwaitsecs", held(in_time, format!("after {took:?}")));
    scene.end(report, Allowed::default());
}

pub fn child_floods_both_outputs(report: &mut Report) {
    let sandbox = scene::sandbox();
    let flood = "[program:flood]\ncommand=WRITER 0 150000 1 2\nautostart=false\nautorestart=false\nexitcodes=3\n\
                 stdout_logfile_maxbytes=1MB\nstdout_logfile_backups=9\nstderr_logfile=LOG.err\n\
                 stderr_logfile_maxbytes=300KB\nstderr_logfile_backups=99\nLOGS\n";
    let scene = Scene::with(&sandbox, Launch::new(&sandbox), flood);
    scene.call("startProcess", &["flood:flood_00"]).unwrap();
    scene.daemon.wait_for_log("exited: flood_00 (exit status 3; expected)");
    let mut account = Account::default();
    account.enter(&sandbox, "flood_00", "logs/flood_00.log");
    account.enter(&sandbox, "flood_00", "logs/flood_00.err");
    let is_whole = account.faults.is_empty() && account.missing() == 0 && account.written == 2 * 150_000 * 16;
    report.claim(
        "both logs have every line, in order, over rotations",
        held(is_whole, format!("{} bytes", account.written)),
    );
    scene.end(report, Allowed::default());
}

pub fn child_closes_its_outputs(report: &mut Report) {
    let sandbox = scene::sandbox();
    let mute =
        "[program:mute]\ncommand=sh -c 'exec >&- 2>&-; exec sleep 1000'\nautostart=false\nstartsecs=0\n";
    let scene = Scene::with(&sandbox, Launch::new(&sandbox), mute);
    scene.call("startProcess", &["mute"]).unwrap();
    report.claim("it does not spin", scene.idles());
    let state = scene.daemon.process("mute").unwrap().member("statename").to_owned();
    report.claim("it stays RUNNING", held(state == "RUNNING", state));
    scene.call("stopProcess", &["mute"]).unwrap();
    scene.end(report, Allowed::default());
}

pub fn grandchildren_keep_the_pipes(report: &mut Report) {
    let sandbox = scene::sandbox();
    let parent = "[program:parent]\ncommand=sh -c 'sleep 1000 & echo $! >> @DIR@/holders; echo said; exit 0'\n\
                  directory=@DIR@\nautostart=false\nautorestart=false\nstartsecs=0\nstdout_logfile=@DIR@/parent.log\n";
    let scene = Scene::with(&sandbox, Launch::new(&sandbox), parent);
    let mut slowest = Duration::ZERO;
    for n in 1..=10 {
        let asked = Instant::now();
        scene.call("startProcess", &["parent"]).unwrap();
        scene.daemon.wait_for_nth_log(n, "exited: parent (exit status 0; expected)");
        slowest = slowest.max(asked.elapsed());
    }
    report.claim(
        "the end is seen at once",
        held(slowest < Duration::from_secs(1), format!("after {slowest:?}")),
    );
    let said = sandbox.read("parent.log");
    report.claim("what was written before is kept", held(said == "said\n".repeat(10), said));
    let holders = sandbox.read("holders");
    let holders: Vec<i32> = holders.lines().map(|line| line.parse().unwrap()).collect();
    let live = holders.len() == 10 && holders.iter().all(|pid| processes::is_alive(*pid));
    report.claim("grandchildren are let live", held(live, format!("{holders:?}")));
    holders.iter().for_each(|pid| processes::send(*pid, Signal::SIGKILL));
    scene.end(report, Allowed::default());
}

pub fn ten_thousand_orphans(report: &mut Report) {
    let sandbox = scene::sandbox();
    sandbox.write("subreaper.py", SUBREAPER);
    // They stay zombies until their parent ends; then they are the daemon's, all at once.
    sandbox.write(
        "bomb.py",
        &format!(
            "import os\nfor n in range({ORPHANS}):\n    if not os.fork():\n        os._exit(7)\nos._exit(0)\n"
        ),
    );
    let bomb =
        "[program:bomb]\ncommand=PYTHON @DIR@/bomb.py\nautostart=false\nautorestart=false\nstartsecs=0\n";
    let launch = Launch::program("python3", &sandbox).arg(sandbox.path("subreaper.py"));
    let launch = launch.arg(Implementation::Ours.supervisord()).arg("-c").arg("supervisord.conf");
    let scene = Scene::with(&sandbox, launch, bomb);
    scene.call("startProcess", &["bomb"]).unwrap();
    scene.daemon.wait_for_log("exited: bomb (exit status 0; expected)");
    let reaped = || scene.daemon.count_log("reaped unknown pid");
    let all = wait::within(wait::PATIENCE, || (reaped() == ORPHANS).then_some(()));
    report.claim("each is reaped and told in the log", held(all.is_some(), format!("{} of them", reaped())));
    let zombies = processes::zombies_of(scene.daemon.pid());
    report.claim("no zombie is left", held(zombies <= 2, format!("{zombies}")));
    scene.end(report, Allowed::default());
}

pub fn sigchld_storm(report: &mut Report) {
    let sandbox = scene::sandbox();
    let scene = Scene::new(&sandbox);
    let killed = || scene.daemon.count_log("(terminated by SIGKILL; not expected)");
    for round in 1..=3 {
        for _ in 0..10_000 {
            processes::send(scene.daemon.pid(), Signal::SIGCHLD);
        }
        scene.pids().iter().for_each(|pid| processes::send(pid.parse().unwrap(), Signal::SIGKILL));
        scene.daemon.until("each end to be seen", || killed() == round * scene::steady().len());
        scene::await_fleet(&scene.daemon);
    }
    report.claim("each end is seen, each program started again", Ok(format!("{} ends", killed())));
    scene.end(report, Allowed::default());
}
