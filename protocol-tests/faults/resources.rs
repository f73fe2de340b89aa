//! What the daemon needs runs out.

use std::fs;
use std::io::Read;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::ledger::Account;
use super::report::{Report, held};
use super::scene::{self, Allowed, Scene};
use crate::daemonize::privileged;
use crate::failing_logs::Mount;
use crate::harness::daemon::Launch;
use crate::harness::{processes, wait};

pub fn disk_full(report: &mut Report) {
    if !privileged() {
        return report.leave_out();
    }
    let sandbox = scene::sandbox();
    let _mount = Mount::tmpfs(&sandbox, "logs", "1m");
    sandbox.set_mode("logs", 0o777);
    let scene = Scene::new(&sandbox);
    // What is left is less than what the fleet writes in a second.
    let filler = sandbox.path("logs/filler");
    let _full = fs::write(&filler, vec![0; 2 << 20]);
    let told = scene.daemon.wait_for_log("No space left on device");
    report.claim(
        "the log says whose output and why",
        held(told.text.contains("the stdout log of '"), told.text),
    );
    scene.crashes_go_on();
    fs::remove_file(&filler).unwrap();
    let size = |name: &str| fs::metadata(sandbox.path(name)).map_or(0, |it| it.len());
    let before = size("logs/plain_05.log");
    scene.daemon.until("the logs to go on", || size("logs/plain_05.log") > before);
    scene.end(report, Allowed { counted_losses: true, ..Allowed::default() });
}

pub fn fork_fails(report: &mut Report) {
    if !privileged() {
        return report.leave_out();
    }
    let sandbox = scene::sandbox();
    let scene = Scene::with(&sandbox, Launch::new(&sandbox), "[supervisord]\nuser=nobody\n");
    let before = scene.pids();
    scene.limit("--nproc=1:");
    let told = scene.daemon.wait_for_log("spawnerr: ");
    report.claim(
        "the log says why nothing can be started",
        held(told.text.contains("Too many processes"), told.text),
    );
    let backoff = scene.daemon.wait_for_state("crash_00", "BACKOFF");
    let told = backoff.member("spawnerr").to_owned();
    report.claim("so does the program's status", held(told.contains("Too many processes"), told));
    scene.daemon.wait_for_nth_log(3, "spawnerr: ");
    report.claim("what runs already runs on", held(scene.pids() == before, format!("{before:?}")));
    let (_, hard) = getrlimit(Resource::RLIMIT_NPROC).unwrap();
    scene.limit(&format!("--nproc={hard}:"));
    scene.crashes_go_on();
    report.claim("it is tried again until it succeeds", Ok(String::new()));
    scene.end(report, Allowed::default());
}

pub fn descriptors_run_out(report: &mut Report) {
    let sandbox = scene::sandbox();
    let scene = Scene::new(&sandbox);
    let before = scene.pids();
    let tail = || scene.observers.look(|seen| seen.tails.iter().map(Vec::len).sum::<usize>());
    scene.limit(&format!("--nofile={}:", scene.daemon.descriptors().min(60) - 10));
    let told = scene.daemon.wait_for_log("spawnerr: ");
    let is_told = told.text.contains("too many open files") || told.text.contains("EMFILE");
    report.claim("the log says why nothing can be started", held(is_told, told.text));
    let told = scene.daemon.wait_for_log("cannot accept connections");
    report.claim("the log says that nobody is let in", Ok(told.text));
    report.claim("it does not spin", scene.idles());
    let sofar = tail();
    scene.daemon.until("the tail to go on", || tail() > sofar + 20);
    report.claim("streams that are open go on", Ok(String::new()));
    scene.limit("--nofile=1024:");
    scene.observers_go_on();
    report.claim("who was waiting is let in afterwards", Ok(String::new()));
    report.claim("what runs already runs on", held(scene.pids() == before, format!("{before:?}")));
    scene.crashes_go_on();
    report.claim("it is tried again until it succeeds", Ok(String::new()));
    scene.end(report, Allowed { silence: true, ..Allowed::default() });
}

pub fn log_folder_removed(report: &mut Report) {
    let sandbox = scene::sandbox();
    let scene = Scene::new(&sandbox);
    let before = scene.pids();
    fs::remove_dir_all(sandbox.path("logs")).unwrap();
    scene.daemon.signal(Signal::SIGUSR2);
    let told = scene.daemon.wait_for_log("log of 'plain_");
    report.claim("the log says whose output and why", held(told.text.contains("No such file"), told.text));
    scene.daemon.wait_for_log("unknown error making dispatchers for 'crash_00': ENOENT");
    report.claim("nothing is started without its log; it is tried again", Ok(String::new()));
    report.claim("what runs already runs on", held(scene.pids() == before, format!("{before:?}")));
    sandbox.make_dir("logs");
    scene.daemon.signal(Signal::SIGUSR2);
    scene.daemon.until("the logs to be there", || {
        scene::steady().iter().all(|it| sandbox.has(&format!("logs/{it}.log")))
    });
    scene.end(report, Allowed { losses: true, ..Allowed::default() });
}

pub fn log_becomes_a_blocked_fifo(report: &mut Report) {
    let sandbox = scene::sandbox();
    let gush = "[program:gush]\ncommand=WRITER 0 0 1\nautostart=false\nstdout_logfile_maxbytes=0\nLOGS\n";
    let scene = Scene::with(&sandbox, Launch::new(&sandbox), gush);
    scene.call("startProcess", &["gush:gush_00"]).unwrap();
    let pid = scene.daemon.pid_of("gush_00");
    let log = sandbox.path("logs/gush_00.log");
    scene.daemon.until("some output", || fs::metadata(&log).is_ok_and(|it| it.len() > 10_000));
    fs::rename(&log, sandbox.path("first")).unwrap();
    mkfifo(&log, Mode::S_IRWXU).unwrap();
    scene.daemon.signal(Signal::SIGUSR2);
    let used = || processes::cpu_ticks(pid).unwrap();
    scene.daemon.until("its child to be held up", || {
        let before = used();
        wait::stays_true(Duration::from_millis(300), || used() == before)
    });
    report.claim("its child waits", Ok(String::new()));
    report.claim("it does not spin", scene.idles());
    scene.crashes_go_on();
    scene.observers_go_on();
    report.claim("nobody else does", Ok(String::new()));
    // Whoever reads at last gets all of it, and what comes later is in a file again.
    let mut fifo = fs::File::open(&log).unwrap();
    let reader = std::thread::spawn(move || {
        let mut got = Vec::new();
        fifo.read_to_end(&mut got).map(|_| got)
    });
    scene.daemon.until("its child to go on", || used() > 0 && processes::state(pid) == Some('R'));
    fs::remove_file(&log).unwrap();
    scene.daemon.signal(Signal::SIGUSR2);
    scene.daemon.until("a file again", || fs::metadata(&log).is_ok_and(|it| it.len() > 10_000));
    scene.call("stopProcess", &["gush:gush_00"]).unwrap();
    let whole =
        [sandbox.read_bytes("first"), reader.join().unwrap().unwrap(), fs::read(&log).unwrap()].concat();
    fs::write(sandbox.path("whole"), whole).unwrap();
    let mut account = Account::default();
    account.enter(&sandbox, "gush_00", "whole");
    let is_whole = account.faults.is_empty() && account.missing() == 0;
    report.claim("file, FIFO and file have every line, in order", held(is_whole, format!("{account:.200?}")));
    scene.end(report, Allowed::default());
}
