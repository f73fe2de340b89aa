//! What its operators and clients do to it.

use nix::sys::signal::Signal;

use super::report::{Report, held};
use super::scene::{self, Allowed, Scene};
use crate::harness::daemon::Launch;

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
    let status = Launch::new(&sandbox).run();
    report.claim("the second one refuses to start", held(status.code() != Some(0), status.to_string()));
    let now = sandbox.read("supervisord.pid");
    report.claim("the pidfile is the first one's", held(now == pidfile, now));
    report.claim(
        "the socket is the first one's",
        held(scene.call("getPID", &[]).is_ok_and(|it| it.text() == pidfile.trim()), ""),
    );
    scene.end(report, Allowed::default());
}
