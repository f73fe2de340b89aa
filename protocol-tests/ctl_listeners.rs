//! `supervisor.getListenerPools` and `supervisorctl listeners`, which the reference does not have: pools
//! with a listener of every kind, and the figures that must come of it (M-063).

use std::process::{Command, Stdio};

use serde_json::Value as Json;

use super::harness::daemon::{Daemon, Implementation, Launch, environment};
use super::harness::reference;
use super::harness::rpc::{self, Value};
use super::harness::sandbox::Sandbox;

/// `obedient` answers OK; `sour` refuses its first event; `stalled` takes one and never answers, with room
/// for two more; `rude` breaks the protocol at once; `absent` is not started.
const POOLS: &str = "\
[supervisorctl]
serverurl=unix://@DIR@/s.sock
[eventlistener:obedient]
command=sh @DIR@/listener.sh OK
events=REMOTE_COMMUNICATION, TICK_3600
startsecs=0
[eventlistener:sour]
command=sh @DIR@/listener.sh NO OK
events=REMOTE_COMMUNICATION
startsecs=0
[eventlistener:stalled]
command=sh -c \"echo READY; sleep 1000\"
process_name=%(program_name)s_%(process_num)d
numprocs=1
events=REMOTE_COMMUNICATION
buffer_size=2
startsecs=0
[eventlistener:rude]
command=sh -c \"echo good morning; sleep 1000\"
events=PROCESS_GROUP_REMOVED
startsecs=0
[eventlistener:absent]
command=sh @DIR@/listener.sh OK
events=PROCESS_GROUP_REMOVED
autostart=false
";

/// Answers with its words, one after the other, the last of them for ever.
const LISTENER: &str = "\
while printf 'READY\\n' && read -r header; do
    dd bs=1 count=${header##*len:} >/dev/null 2>&1
    printf 'RESULT 2\\n%s' \"$1\"
    [ $# -eq 1 ] || shift
done
";

/// Events that are sent.
const SENT: usize = 5;

fn start(sandbox: &Sandbox) -> Daemon<'_> {
    sandbox.write("listener.sh", LISTENER);
    sandbox.configure(POOLS);
    let daemon = Launch::of(Implementation::Ours, sandbox).arg("-c").arg("supervisord.conf").start_up();
    let settled = |pool: &str, state: &str| {
        pools(sandbox)
            .iter()
            .any(|it| it.member("name") == pool && listener(it).member("protocol_state") == state)
    };
    let ready = [("obedient", "READY"), ("sour", "READY"), ("stalled", "READY"), ("rude", "UNKNOWN")];
    daemon.until("all listeners", || ready.iter().all(|(pool, state)| settled(pool, state)));
    for n in 0..SENT {
        rpc::call(&sandbox.path("s.sock"), "supervisor.sendRemoteCommEvent", &["n", &n.to_string()]).unwrap();
    }
    daemon.until("all answers", || {
        ["obedient", "sour"].iter().all(|name| pool(sandbox, name).member("acknowledged") == "5")
    });
    daemon
}

fn pools(sandbox: &Sandbox) -> Vec<Value> {
    rpc::call(&sandbox.path("s.sock"), "supervisor.getListenerPools", &[]).unwrap().elements().to_vec()
}

fn pool(sandbox: &Sandbox, name: &str) -> Value {
    pools(sandbox).into_iter().find(|it| it.member("name") == name).unwrap()
}

fn inner<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    match value {
        Value::Struct(members) => members[name].elements(),
        _ => &[],
    }
}

fn listener(pool: &Value) -> &Value {
    &inner(pool, "listeners")[0]
}

/// Exit status and stdout of our supervisorctl.
fn ctl(sandbox: &Sandbox, line: &str) -> (Option<i32>, String) {
    ctl_of(env!("CARGO_BIN_EXE_supervisorctl"), sandbox, line)
}

fn ctl_of(program: impl AsRef<std::ffi::OsStr>, sandbox: &Sandbox, line: &str) -> (Option<i32>, String) {
    let mut command = Command::new(program);
    command.current_dir(sandbox.dir()).env_clear().envs(environment(sandbox)).stdin(Stdio::null());
    let output = command.args(["-c", "supervisord.conf"]).args(line.split_whitespace()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

// E-082, E-087, E-110, E-118, M-063
#[test]
fn the_method_tells_all() {
    let sandbox = Sandbox::new();
    let _daemon = start(&sandbox);
    let names: Vec<String> = pools(&sandbox).iter().map(|it| it.member("name").to_owned()).collect();
    assert_eq!(names, ["absent", "obedient", "rude", "sour", "stalled"]);
    let events = |name| -> Vec<String> {
        inner(&pool(&sandbox, name), "events").iter().map(|it| it.text().to_owned()).collect()
    };
    assert_eq!(events("obedient"), ["REMOTE_COMMUNICATION", "TICK_3600"]);
    let figures = |name: &str, members: &str| -> String {
        let pool = pool(&sandbox, name);
        members.split(' ').map(|it| pool.member(it).to_owned()).collect::<Vec<_>>().join(" ")
    };
    let counts = "accepted delivered acknowledged rejected broken orphaned dropped queue_length buffer_size";
    assert_eq!(figures("obedient", counts), "5 5 5 0 0 0 0 0 10");
    assert_eq!(figures("sour", counts), "5 6 5 1 0 0 0 0 10");
    assert_eq!(figures("stalled", counts), "5 1 0 0 0 0 2 2 2");
    assert_eq!(figures("rude", counts), "0 0 0 0 0 0 0 0 10");
    assert_eq!(figures("obedient", "oldest_event_age"), "0.0");

    let stalled = pool(&sandbox, "stalled");
    let of = |pool: &Value, name: &str| listener(pool).member(name).to_owned();
    assert_eq!(of(&stalled, "name"), "stalled_0");
    assert_eq!(of(&stalled, "group"), "stalled");
    assert_eq!((of(&stalled, "state"), of(&stalled, "statename")), ("20".into(), "RUNNING".into()));
    assert_eq!((of(&stalled, "protocol_state"), of(&stalled, "serial")), ("BUSY".into(), "0".into()));
    let held = || listener(&pool(&sandbox, "stalled")).member("in_hand_seconds").parse::<f64>().unwrap();
    let before = held();
    super::harness::wait::until_true("time to pass", || held() > before);

    let rude = pool(&sandbox, "rude");
    assert_eq!(of(&rude, "serial"), "-1");
    assert!(of(&rude, "last_error").contains("good m"), "{rude:?}");
    let absent = pool(&sandbox, "absent");
    assert_eq!((of(&absent, "pid"), of(&absent, "statename")), ("0".into(), "STOPPED".into()));
}

#[test]
fn the_command_writes_json() {
    let sandbox = Sandbox::new();
    let _daemon = start(&sandbox);
    let (status, text) = ctl(&sandbox, "listeners --json stalled nope rude");
    assert_eq!(status, Some(1));
    let report: Json = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["schema"], &report["unknown"]), (&1.into(), &serde_json::json!(["nope"])));
    let stalled = &report["pools"][0];
    assert_eq!(
        (&stalled["name"], &stalled["dropped"], &stalled["queue_length"]),
        (&"stalled".into(), &2.into(), &2.into())
    );
    assert!(stalled["oldest_event_age"].as_f64().unwrap() > 0.0);
    let listener = &stalled["listeners"][0];
    assert_eq!((&listener["serial"], &listener["protocol_state"]), (&0.into(), &"BUSY".into()));
    assert!(listener["last_error"].is_null() && listener["last_error_age"].is_null());
    let listener = &report["pools"][1]["listeners"][0];
    assert!(listener["serial"].is_null() && listener["in_hand_seconds"].is_null());
    assert!(listener["last_error"].is_string() && listener["last_error_age"].is_f64());
    let (status, text) = ctl(&sandbox, "listeners --json");
    let report: Json = serde_json::from_str(&text).unwrap();
    assert_eq!((status, report["pools"].as_array().unwrap().len()), (Some(0), 5));
}

#[test]
fn the_command_shows_a_table() {
    let sandbox = Sandbox::new();
    let _daemon = start(&sandbox);
    let (status, text) = ctl(&sandbox, "listeners");
    assert_eq!(status, Some(0));
    for beginning in [
        "sour                 0 of 10 queued, 5 accepted, 5 acknowledged, 0 dropped, 1 rejected\n",
        "                     hears REMOTE_COMMUNICATION, TICK_3600\n",
        "  absent             STOPPED   -             0 delivered, 0 acknowledged\n",
        "stalled              2 of 2 queued for ",
        "  stalled:stalled_0  RUNNING   BUSY          pid ",
        "  rude               RUNNING   UNKNOWN       pid ",
        "                                             last error ",
    ] {
        assert!(text.contains(&format!("\n{beginning}")), "{beginning:?} in\n{text}");
    }
    let (status, text) = ctl(&sandbox, "listeners nope obedient");
    assert_eq!(status, Some(1));
    assert!(text.starts_with("nope: ERROR (no such pool)\nobedient    0 of 10 queued"), "{text}");
    assert_eq!(ctl(&sandbox, "listeners nope"), (Some(1), "nope: ERROR (no such pool)\n".to_owned()));
}

// C-485
#[test]
fn the_shell_completes_names_of_pools() {
    let sandbox = Sandbox::new();
    let _daemon = start(&sandbox);
    sandbox.write("type_at.py", include_str!("scripts/type_at.py"));
    let steps = [["supervisor> ", "listen\tsta\t\r"], ["2 of 2 queued", "\u{4}"]];
    sandbox.write("input", &serde_json::json!(steps).to_string());
    let mut command = Command::new(reference::program("python"));
    command.current_dir(sandbox.dir()).env_clear().envs(environment(&sandbox)).env("TERM", "xterm");
    command.arg("type_at.py").arg(env!("CARGO_BIN_EXE_supervisorctl")).args(["-c", "supervisord.conf"]);
    command.stdin(Stdio::from(std::fs::File::open(sandbox.path("input")).unwrap()));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The reference's daemon has no such method.
#[test]
fn a_daemon_without_the_method() {
    let sandbox = Sandbox::new();
    sandbox.configure("[supervisorctl]\nserverurl=unix://@DIR@/s.sock\n");
    let daemon = Launch::of(Implementation::Reference, &sandbox).arg("-c").arg("supervisord.conf").start_up();
    for line in ["listeners", "listeners --json", "listeners x"] {
        let (status, text) = ctl(&sandbox, line);
        assert_eq!(status, Some(1), "{line}");
        assert!(text.starts_with("listeners: ERROR (this supervisord does not tell"), "{text}");
    }
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_daemon_without_pools_and_no_daemon() {
    let sandbox = Sandbox::new();
    sandbox.configure("[supervisorctl]\nserverurl=unix://@DIR@/s.sock\n");
    let (status, text) = ctl(&sandbox, "listeners");
    assert_eq!((status, text), (Some(7), sandbox.fill("unix://@DIR@/s.sock no such file\n")));
    let _daemon = Launch::of(Implementation::Ours, &sandbox).arg("-c").arg("supervisord.conf").start_up();
    assert_eq!(ctl(&sandbox, "listeners"), (Some(0), "no event listener pools\n".to_owned()));
}

// C-490: the reference's list as it is, and ours under a heading of its own
#[test]
fn help_lists_what_is_added_apart() {
    let sandbox = Sandbox::new();
    sandbox.configure("[supervisorctl]\nserverurl=unix://@DIR@/s.sock\n");
    let theirs = ctl_of(reference::program("supervisorctl"), &sandbox, "help").1;
    let (status, ours) = ctl(&sandbox, "help");
    assert_eq!(status, Some(0));
    let added = ours.strip_prefix(theirs.as_str()).unwrap_or_else(|| panic!("{theirs}\n{ours}"));
    assert_eq!(
        added,
        "additional commands (type help <topic>):\n========================================\nevents  listeners\n\n"
    );
    assert!(ctl(&sandbox, "help listeners").1.starts_with("listeners\t"));
}
