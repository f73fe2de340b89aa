//! What the daemon needs runs out.

use std::fs;

use super::report::{Report, held};
use super::scene::{self, Allowed, Scene};
use crate::daemonize::privileged;
use crate::failing_logs::Mount;

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
