//! The wall clock is set while everything runs.

use std::process::Command;
use std::time::{Duration, Instant};

use super::report::{Report, Verdict, held};
use super::scene::{self, Allowed, Scene};
use crate::failing_logs::must;
use crate::harness::daemon::{Daemon, Launch};
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;
use crate::listener_protocol::recording;
use crate::metrics::installed;

const DAY: i64 = 86_400;

/// Starts with a wall clock that the file `clock` sets, in seconds from now. Only the daemon has it.
fn with_clock(sandbox: &Sandbox) -> Launch<'_> {
    set(sandbox, 0);
    // The library is where `faketime` says.
    let library = must(Command::new("faketime").args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]));
    let file = sandbox.path("clock");
    Launch::new(sandbox)
        .env("LD_PRELOAD", &library)
        .env("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap())
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("NO_FAKE_STAT", "1")
}

fn set(sandbox: &Sandbox, seconds: i64) {
    sandbox.write("clock.new", &format!("{seconds:+}\n"));
    std::fs::rename(sandbox.path("clock.new"), sandbox.path("clock")).unwrap();
}

/// A program of two startsecs is started, and the clock set meanwhile: by how much it was early or late.
fn starts_in_time(scene: &Scene<'_>, seconds: i64) -> Verdict {
    let asked = Instant::now();
    scene.call("startProcess", &["slow", "false"])?;
    scene.daemon.pid_of("slow");
    set(scene.sandbox, seconds);
    scene.daemon.wait_for_state("slow", "RUNNING");
    let took = asked.elapsed();
    scene.call("stopProcess", &["slow"])?;
    let in_time = (Duration::from_secs(2)..Duration::from_millis(3500)).contains(&took);
    held(in_time, format!("RUNNING after {took:?} instead of 2 s"))
}

/// Seconds by which the clock of the activity log is ahead of what it was at its beginning.
fn ahead(daemon: &Daemon<'_>, began: Instant) -> i64 {
    let log = daemon.log();
    (log[log.len() - 1].at - log[0].at) / 1000 - began.elapsed().as_secs() as i64
}

pub fn wall_clock_set(report: &mut Report) {
    if installed("faketime").is_none() {
        return report.leave_out();
    }
    let sandbox = scene::sandbox();
    let began = Instant::now();
    let slow = "[supervisord]\nenvironment=LD_PRELOAD=\"\"\n\
                [program:slow]\ncommand=sleep 1000\nautostart=false\nstartsecs=2\n";
    let scene = Scene::with(&sandbox, with_clock(&sandbox), slow);
    let before = scene.pids();
    report.claim("a day forwards, startsecs stay what they are", starts_in_time(&scene, DAY));
    scene.crashes_go_on();
    let forwards = ahead(&scene.daemon, began);
    report.claim("a day back and one more, too", starts_in_time(&scene, -DAY));
    scene.crashes_go_on();
    let back = ahead(&scene.daemon, began);
    let follow = (forwards - DAY).abs() < 5 && (back + DAY).abs() < 5;
    report.claim("the log tells the time as it is set", held(follow, format!("{forwards} s, {back} s")));
    let ticks = || recording::of(&sandbox, "all.json").iter().filter(|it| it.kind() == "TICK_5").count();
    let sofar = ticks();
    let ticked = wait::within(Duration::from_secs(12), || (ticks() > sofar).then_some(()));
    report.claim("ticks go on", held(ticked.is_some(), format!("{sofar} before")));
    report.claim("nothing is stopped", held(scene.pids() == before, format!("{before:?}")));
    set(&sandbox, 0);
    scene.end(report, Allowed::default());
}
