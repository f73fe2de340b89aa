//! Listeners that are stopped, killed, or write garbage, at each point of the protocol; each in a pool of its own.

use std::collections::BTreeSet;

use nix::sys::signal::Signal;

use super::report::{Report, Verdict, held};
use super::scene::{self, Allowed, Scene};
use crate::harness::daemon::Launch;
use crate::harness::processes;
use crate::harness::rpc::Value;
use crate::harness::sandbox::Sandbox;

/// The points, as `scripts/pointed.py` names them.
const POINTS: [&str; 10] = [
    "before-ready",
    "ready",
    "header-begun",
    "header",
    "payload-begun",
    "payload",
    "result-begun",
    "result-line",
    "body-begun",
    "body",
];

/// Events that are published while the listeners are in trouble.
const EVENTS: usize = 30;

fn sandbox() -> Sandbox {
    let sandbox = scene::sandbox();
    sandbox.write("pointed.py", include_str!("../scripts/pointed.py"));
    sandbox
}

/// A scene with a pool for each point; each listener has done its wrong.
fn in_trouble<'s>(sandbox: &'s Sandbox, action: &str) -> Scene<'s> {
    let pool = |point: &&str| {
        format!(
            "[eventlistener:{point}]\ncommand=PYTHON @DIR@/pointed.py {point} {point} {action}\ndirectory=@DIR@\n\
             events=REMOTE_COMMUNICATION\nbuffer_size=1000\nautostart=false\nautorestart=true\nstartsecs=0\n"
        )
    };
    let pools: String = POINTS.iter().map(pool).collect();
    let scene = Scene::with(sandbox, Launch::new(sandbox), &pools);
    POINTS.iter().for_each(|point| _ = scene.call("startProcess", &[&process(point)]).unwrap());
    for n in 0..EVENTS {
        scene.call("sendRemoteCommEvent", &["n", &n.to_string()]).unwrap();
    }
    scene
        .daemon
        .until("all to be in trouble", || POINTS.iter().all(|point| sandbox.has(&format!("{point}.done"))));
    scene
}

fn process(point: &str) -> String {
    format!("{point}:{point}")
}

fn pool(scene: &Scene<'_>, point: &str) -> Value {
    let pools = scene::pools(scene.sandbox);
    pools.into_iter().find(|pool| pool.member("name") == point).unwrap()
}

/// What a listener is in the protocol.
fn protocol_state(pool: &Value) -> String {
    match pool {
        Value::Struct(members) => members["listeners"].elements()[0].member("protocol_state").to_owned(),
        _ => String::new(),
    }
}

/// Every event that a pool accepted was acknowledged and heard; `again`: how many may have been heard twice.
fn all_heard(scene: &Scene<'_>, again: usize) -> Verdict {
    let answered = |point: &&str| scene::settled(&pool(scene, point));
    scene.daemon.until("all events to be answered", || POINTS.iter().all(answered));
    let (mut accepted, mut repeated) = (0, 0);
    for point in POINTS {
        let text = scene.sandbox.read(&format!("{point}.heard"));
        let numbers: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
        let different: BTreeSet<usize> = numbers.iter().copied().collect();
        let pool = pool(scene, point);
        let all: usize = pool.member("accepted").parse().unwrap();
        let is_whole = different.iter().copied().eq(0..all) && pool.member("dropped") == "0";
        let told =
            format!("{point}: {} of {all}, {} again", different.len(), numbers.len() - different.len());
        held(is_whole && all >= EVENTS && numbers.len() <= all + again, told)?;
        (accepted, repeated) = (accepted + all, repeated + numbers.len() - different.len());
    }
    Ok(format!("{accepted} events, {repeated} of them twice"))
}

fn end(scene: Scene<'_>, report: &mut Report) {
    POINTS.iter().for_each(|point| _ = scene.call("stopProcess", &[&process(point)]).unwrap());
    scene.end(report, Allowed::default());
}

pub fn listener_stopped(report: &mut Report) {
    let sandbox = sandbox();
    let scene = in_trouble(&sandbox, "stop");
    scene.crashes_go_on();
    scene.observers_go_on();
    report.claim("it waits for none of them", scene.idles());
    POINTS.iter().for_each(|point| processes::send(scene.daemon.pid_of(point), Signal::SIGCONT));
    report.claim("afterwards each hears every event, once", all_heard(&scene, 0));
    end(scene, report);
}

pub fn listener_killed(report: &mut Report) {
    let sandbox = sandbox();
    let scene = in_trouble(&sandbox, "kill");
    report.claim("the next life hears every event; the one in hand may come again", all_heard(&scene, 1));
    end(scene, report);
}

pub fn listener_writes_garbage(report: &mut Report) {
    let sandbox = sandbox();
    let scene = in_trouble(&sandbox, "garbage");
    let is_unknown = |point: &&str| protocol_state(&pool(&scene, point)) == "UNKNOWN";
    scene.daemon.until("all to be UNKNOWN", || POINTS.iter().all(is_unknown));
    let all = scene.daemon.count_log("entered the UNKNOWN state") == POINTS.len();
    report.claim("it is UNKNOWN then, and the log says so", held(all, ""));
    for point in POINTS {
        scene.call("stopProcess", &[&process(point)]).unwrap();
        scene.call("startProcess", &[&process(point)]).unwrap();
    }
    report.claim("once restarted it hears every event; the one in hand may come again", all_heard(&scene, 1));
    end(scene, report);
}
