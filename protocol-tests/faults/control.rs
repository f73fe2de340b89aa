//! What its operators and clients do to it.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::is_long;
use super::observers::{self, Observers};
use super::report::{Report, Verdict, held};
use super::scene::{self, Allowed, Scene};
use crate::harness::client::{Client, post};
use crate::harness::daemon::{Daemon, Implementation, Launch};
use crate::harness::sandbox::Sandbox;
use crate::harness::{ctl, ports, wait};

/// What a reload may bring with it.
const RELOADS: Allowed = Allowed { reloads: true, silence: false, counted_losses: false, losses: false };

pub fn reload_with_a_broken_file(report: &mut Report) {
    let sandbox = scene::sandbox();
    let scene = Scene::new(&sandbox);
    let before = scene.pids();
    let good = sandbox.read("supervisord.conf");
    sandbox.write("supervisord.conf", &good.replace("numprocs=12", "numprocs=many"));
    scene.daemon.signal(Signal::SIGHUP);
    scene.daemon.wait_for_log("numprocs");
    let told = scene.metric("supervisor_config_last_reload_successful");
    report.claim("the log and a metric tell it", held(told == 0.0, told.to_string()));
    scene.crashes_go_on();
    report.claim("nothing is stopped", held(scene.pids() == before, format!("{before:?}")));
    scene.end(report, Allowed::default());
}

pub fn second_daemon(report: &mut Report) {
    let sandbox = scene::sandbox();
    let scene = Scene::new(&sandbox);
    let pidfile = sandbox.read("supervisord.pid");
    // Nothing but the socket and the pidfile are shared; the log is its own.
    let same = "[supervisord]\nnodaemon=true\nlogfile=@DIR@/second.log\npidfile=@DIR@/supervisord.pid\n";
    let with_socket = format!("{same}[unix_http_server]\nfile=@DIR@/s.sock\n");
    sandbox.write("second.conf", &with_socket);
    let launch = || Launch::of(Implementation::Ours, &sandbox).arg("-c").arg("second.conf");
    let status = launch().run();
    report.claim("it refuses to start", held(status.code() == Some(2), status.to_string()));
    let now = sandbox.read("supervisord.pid");
    report.claim("the pidfile is the first one's", held(now == pidfile, now));
    let first_answers = || scene.call("getPID", &[]).is_ok_and(|it| it.text() == pidfile.trim());
    report.claim("the socket is the first one's", held(first_answers(), ""));
    // D-220
    sandbox.write("second.conf", same);
    let second = launch().start();
    let own = format!("{}\n", second.pid());
    scene.daemon.until("the second one's pidfile", || sandbox.read("supervisord.pid") == own);
    report.claim("sharing the pidfile alone, it only takes the pidfile", held(first_answers(), ""));
    assert_eq!(second.stop().code(), Some(0));
    scene.end(report, Allowed::default());
}

/// Waits until no reload is on its way.
fn settle(daemon: &Daemon<'_>) {
    let is_up = || {
        let log = daemon.log();
        let last = |text: &str| log.iter().rposition(|record| record.text.contains(text));
        last("supervisord started with pid") > last("received SIGHUP")
    };
    daemon.until("the reloads to be over", || is_up() && wait::stays_true(Duration::from_millis(500), is_up));
}

pub fn hundred_reloads(report: &mut Report) {
    let sandbox = scene::sandbox();
    let scene = Scene::new(&sandbox);
    for n in 0..100 {
        scene.daemon.signal(Signal::SIGHUP);
        if is_long() {
            scene.daemon.wait_for_nth_log(n + 2, "supervisord started with pid");
        } else {
            // At whatever stage the reload before is.
            wait::stays_true(Duration::from_millis(20), || true);
        }
    }
    settle(&scene.daemon);
    let reloads = scene.daemon.count_log("supervisord started with pid") - 1;
    let told = scene.daemon.count_log("received SIGHUP");
    report.claim(
        "the last of them is carried out",
        held(reloads > 0, format!("{reloads} reloads, {told} signals told")),
    );
    scene.end(report, RELOADS);
}

/// A daemon with the fleet, observed, that has just been started.
fn starting(sandbox: &Sandbox) -> (Daemon<'_>, Observers) {
    let port = ports::free();
    scene::configure(sandbox, port, "");
    let daemon = Launch::new(sandbox).start();
    let observers = Observers::start(&daemon, port, "fleet:plain_00");
    (daemon, observers)
}

/// Ends it with TERM: with 0, all programs ended, and not a line lost.
fn terminate(sandbox: &Sandbox, daemon: Daemon<'_>) -> Verdict {
    daemon.signal(Signal::SIGTERM);
    let status = daemon.wait();
    let log = sandbox.read("supervisord.log");
    // Before it can know of signals it has not started anything either.
    let too_early = status.signal() == Some(Signal::SIGTERM as i32) && !log.contains("spawned");
    held(status.code() == Some(0) || too_early, status.to_string())?;
    scene::is_clean(sandbox)?;
    let account = scene::account(sandbox);
    held(account.faults.is_empty() && account.missing() == 0, account.faults.join("; "))
}

pub fn term_during_start(report: &mut Report) {
    let step = if is_long() { 1 } else { 5 };
    let verdicts = (0..45).step_by(step).map(|lines| {
        let sandbox = scene::sandbox();
        let (daemon, _observers) = starting(&sandbox);
        daemon.until("some of the start", || daemon.log().len() >= lines);
        terminate(&sandbox, daemon).map_err(|why| format!("after {lines} lines: {why}"))
    });
    let all: Verdict = verdicts.collect::<Result<Vec<_>, _>>().map(|all| format!("at {} points", all.len()));
    report.claim("it ends with 0, every program and line with it", all);
}

pub fn term_during_reload(report: &mut Report) {
    let points = [
        (1, "received SIGHUP"),
        (1, "to die"),
        (1, "stopped: plain_00"),
        (2, "supervisord started with pid"),
        (2, "spawned: 'plain_05'"),
    ];
    let verdicts = points.map(|(n, text)| {
        let sandbox = scene::sandbox();
        let (daemon, _observers) = starting(&sandbox);
        daemon.wait_for_log("supervisord started with pid");
        scene::await_fleet(&daemon);
        daemon.signal(Signal::SIGHUP);
        daemon.wait_for_nth_log(n, text);
        terminate(&sandbox, daemon).map_err(|why| format!("after {text}: {why}"))
    });
    let all: Result<Vec<_>, _> = verdicts.into_iter().collect();
    report.claim(
        "it ends with 0, every program and line with it",
        all.map(|all| format!("at {} points", all.len())),
    );
}

pub fn socket_file_deleted(report: &mut Report) {
    let sandbox = scene::sandbox();
    let client = "[supervisorctl]\nserverurl=unix://@DIR@/s.sock\n";
    let scene = Scene::with(&sandbox, Launch::new(&sandbox), client);
    let before = scene.pids();
    fs::remove_file(sandbox.path("s.sock")).unwrap();
    scene.observers_go_on();
    report.claim("the other server goes on", held(observers::state(scene.port).is_ok(), ""));
    let said = ctl::run(Implementation::Ours, &sandbox, "status", "");
    let is_told = said.status == Some(4) && said.out.contains("no such file");
    report.claim("supervisorctl says what it lacks", held(is_told, said.out));
    scene.daemon.signal(Signal::SIGHUP);
    scene.daemon.wait_for_nth_log(2, "supervisord started with pid");
    scene.daemon.until("the socket", || sandbox.has("s.sock"));
    scene::await_fleet(&scene.daemon);
    report.claim("a reload makes it anew", held(scene.pids() != before, ""));
    scene.end(report, RELOADS);
}

pub fn clients_stall_at_every_byte(report: &mut Report) {
    let sandbox = scene::sandbox();
    let scene = Scene::new(&sandbox);
    let request = post("Host: localhost\r\nConnection: close\r\n");
    let lengths = 1..request.len();
    let stalled: Vec<_> =
        lengths.clone().map(|length| Client::unix(&sandbox).send(&request[..length])).collect();
    scene.observers_go_on();
    scene.crashes_go_on();
    report.claim("others are answered meanwhile", scene.call("getState", &[]).map(|_| String::new()));
    report.claim("it does not spin", scene.idles());
    let answered = stalled.into_iter().zip(lengths).filter_map(|(mut client, length)| {
        // Every other one goes on, the rest hangs up.
        let goes_on = length % 2 == 0;
        goes_on
            .then(|| client.stream.write_all(&request.as_bytes()[length..]).map(|()| client.until_closed()))
    });
    let answers: Vec<_> = answered.collect();
    let all = answers.iter().all(|it| it.as_ref().is_ok_and(|text| text.contains("RUNNING")));
    report.claim("each is answered when it has said all", held(all, format!("{} clients", answers.len())));
    scene.end(report, Allowed::default());
}
