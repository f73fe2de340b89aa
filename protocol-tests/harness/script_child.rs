//! Child programs for the tests, as scripts in the sandbox.

use serde_json::Value;

use super::sandbox::Sandbox;
use super::wait;

/// Puts `report.py` into the sandbox: a child that tells what it was given (see its head).
pub fn install(sandbox: &Sandbox) {
    sandbox.write("report.py", include_str!("../scripts/report.py"));
    sandbox.make_dir("report");
    sandbox.set_mode("report", 0o777);
}

/// Waits for the report of a process, named as `group:process`.
pub fn report(sandbox: &Sandbox, process: &str) -> Value {
    let name = format!("report/{process}.json");
    let text = wait::until(&name, || sandbox.has(&name).then(|| sandbox.read(&name)));
    serde_json::from_str(&text).unwrap()
}
