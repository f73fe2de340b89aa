//! What our supervisorctl can besides: not to wait, to wait for so long, to tell the status as JSON; at both
//! daemons. docs/supervisorctl.md describes it.

use std::collections::BTreeSet;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::ctl::{Said, normal, run};
use crate::harness::daemon::{Daemon, Implementation, Launch};
use crate::harness::processes;
use crate::harness::sandbox::Sandbox;

use Implementation::{Ours, Reference};

const PROGRAMS: &str = "\
[supervisorctl]
serverurl=unix://@DIR@/s.sock
[program:quick]
command=sleep 1000
startsecs=0
[program:slow]
command=sleep 1000
startsecs=1000
autostart=false
[program:stubborn]
command=sleep 1000
startsecs=0
stopsignal=CONT
stopwaitsecs=1000
[program:x]
command=sleep 1000
startsecs=0
[program:y]
command=sleep 1000
startsecs=0
stopsignal=CONT
stopwaitsecs=1000
[group:pair]
programs=x,y
";

fn start(which: Implementation, sandbox: &Sandbox) -> Daemon<'_> {
    sandbox.configure(PROGRAMS);
    let daemon = Launch::of(which, sandbox).arg("-c").arg("supervisord.conf").start_up();
    ["quick", "stubborn", "x", "y"].iter().for_each(|name| drop(daemon.wait_for_state(name, "RUNNING")));
    daemon
}

#[track_caller]
fn assert_said(sandbox: &Sandbox, line: &str, status: i32, text: &str) {
    let said = run(Ours, sandbox, line, "");
    assert_eq!(said, Said { status: Some(status), out: text.to_owned() }, "{line}");
}

#[test]
fn waiting_is_as_long_as_asked_for() {
    for which in [Ours, Reference] {
        let sandbox = Sandbox::new();
        let daemon = start(which, &sandbox);
        assert_said(&sandbox, "start --no-wait slow", 0, "slow: start requested\n");
        daemon.wait_for_state("slow", "STARTING");
        assert_said(&sandbox, "stop --timeout 30 slow quick", 0, "slow: stopped\nquick: stopped\n");
        assert_said(&sandbox, "start slow --timeout 0.2", 1, "slow: ERROR (timed out, STARTING)\n");
        assert_said(&sandbox, "restart --no-wait slow", 0, "slow: stopped\nslow: start requested\n");
        daemon.wait_for_state("slow", "STARTING");
        let pids = ["stubborn", "y"].map(|name| daemon.pid_of(name));
        assert_said(&sandbox, "stop --timeout=0.2 stubborn", 1, "stubborn: ERROR (timed out, STOPPING)\n");
        assert_said(&sandbox, "stop --no-wait stubborn", 0, "stubborn: ERROR (not running)\n");
        // Long enough for the one that does stop.
        let text = "pair:x: stopped\npair:y: ERROR (timed out, STOPPING)\n";
        assert_said(&sandbox, "stop pair:* --timeout 5", 1, text);
        assert_said(
            &sandbox,
            "start --no-wait quick pair:x",
            0,
            "quick: start requested\npair:x: start requested\n",
        );
        for bad in ["--timeout x quick", "--timeout=-1 quick", "quick --timeout"] {
            assert_eq!(run(Ours, &sandbox, &format!("stop {bad}"), "").status, Some(2), "{bad}");
        }
        daemon.wait_for_state("quick", "RUNNING");
        // What was asked for goes on.
        pids.iter().for_each(|pid| processes::send(*pid, Signal::SIGKILL));
        ["stubborn", "y"].iter().for_each(|name| drop(daemon.wait_for_state(name, "STOPPED")));
    }
}

/// The members that the page names in a line of code, such as `name`.
fn documented() -> BTreeSet<&'static str> {
    let page = include_str!("../docs/supervisorctl.md");
    let section = page.split("## Waiting").next().unwrap();
    section.split('`').skip(1).step_by(2).collect()
}

#[track_caller]
fn json(sandbox: &Sandbox, line: &str, status: i32) -> Value {
    let Said { status: ended, out } = run(Ours, sandbox, line, "");
    assert_eq!((ended, out.lines().count()), (Some(status), 1), "{line}: {out}");
    serde_json::from_str(&out).unwrap()
}

// The schema, and that it says what the table says
#[test]
fn status_as_json() {
    for which in [Ours, Reference] {
        let sandbox = Sandbox::new();
        let daemon = start(which, &sandbox);
        let all = json(&sandbox, "status --json", 3);
        let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(members(&all), ["schema", "serverurl", "processes", "unknown"].map(str::to_owned).into());
        assert_eq!((&all["schema"], &all["unknown"]), (&1.into(), &Value::Array(vec![])));
        assert_eq!(all["serverurl"], sandbox.fill("unix://@DIR@/s.sock"));
        let processes = all["processes"].as_array().unwrap();
        let expected = [
            "description",
            "exitstatus",
            "group",
            "name",
            "now",
            "pid",
            "process",
            "spawnerr",
            "start",
            "state",
            "statecode",
            "stderr_logfile",
            "stdout_logfile",
            "stop",
            "uptime",
        ];
        for process in processes {
            assert_eq!(members(process), expected.map(str::to_owned).into());
        }
        let named = documented();
        assert!(
            expected
                .iter()
                .chain(&["schema", "serverurl", "processes", "unknown"])
                .all(|it| named.contains(it))
        );
        let table: String = processes
            .iter()
            .map(|it| {
                let [name, state, text] =
                    ["name", "state", "description"].map(|key| it[key].as_str().unwrap());
                format!("{name:<33}{state:<10}{text}\n")
            })
            .collect();
        assert_eq!(normal(&table, &sandbox), normal(&run(Ours, &sandbox, "status", "").out, &sandbox));
        types(&processes[0], &processes[3], daemon.pid_of("x"));
        let some = json(&sandbox, "status nope --json pair:y none:*", 4);
        assert_eq!(some["unknown"], serde_json::json!(["nope", "none:*"]));
        assert_eq!(some["processes"].as_array().unwrap().len(), 1);
        assert_eq!(json(&sandbox, "status --json quick", 0)["processes"][0]["name"], "quick");
    }
    let sandbox = Sandbox::new();
    sandbox.configure(PROGRAMS);
    let gone = sandbox.fill("unix://@DIR@/s.sock no such file\n");
    assert_said(&sandbox, "status --json", 4, &gone);
}

fn types(running: &Value, off: &Value, pid: i32) {
    assert_eq!(
        (&running["name"], &running["group"], &running["process"]),
        (&"pair:x".into(), &"pair".into(), &"x".into())
    );
    assert_eq!((&running["pid"], &running["statecode"]), (&pid.into(), &20.into()));
    assert!(running["uptime"].is_u64() && running["start"].is_u64() && running["now"].is_u64());
    assert!(running["stdout_logfile"].is_string() && running["stderr_logfile"].is_string());
    assert_eq!(
        (&off["name"], &off["pid"], &off["uptime"], &off["start"]),
        (&"slow".into(), &Value::Null, &Value::Null, &0.into())
    );
    assert_eq!((&off["spawnerr"], &off["exitstatus"], &off["stop"]), (&"".into(), &0.into(), &0.into()));
}
