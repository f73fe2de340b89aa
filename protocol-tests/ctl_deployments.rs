//! What others have built on the control surface works without knowing: Ansible's module, the collector of
//! Prometheus' node exporter. The real ones, at the reference and at ours.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

use crate::harness::ctl::{PAIRS, normal, program};
use crate::harness::daemon::{Implementation, Launch, environment};
use crate::harness::sandbox::Sandbox;
use crate::harness::{ports, reference, wait};

use Implementation::{Ours, Reference};

const PROGRAMS: &str = "\
[supervisorctl]
serverurl=unix://@DIR@/s.sock
[include]
files=@DIR@/extra.conf
[program:on]
command=sleep 1000
startsecs=0
[program:off]
command=sleep 1000
startsecs=0
autostart=false
[program:bad]
command=/no/such/file
startretries=0
[program:once]
command=sh -c 'exit 3'
startsecs=0
autorestart=false
[program:crew]
command=sleep 1000
process_name=%(process_num)d
numprocs=2
startsecs=0
";

/// What tasks ask for, one after the other; between some, `extra.conf` changes.
fn tasks() -> Vec<(Option<&'static str>, Value)> {
    let task = |name: &str, state: &str| (None, json!({"name": name, "state": state}));
    let new = "[program:new]\ncommand=sleep 1000\nstartsecs=0\n";
    vec![
        task("on", "started"),
        task("off", "started"),
        task("off", "stopped"),
        task("off", "stopped"),
        task("on", "restarted"),
        task("crew:", "restarted"),
        task("crew:", "stopped"),
        task("crew:", "started"),
        task("crew:0", "restarted"),
        (None, json!({"name": "on", "state": "signalled", "signal": "CONT"})),
        (None, json!({"name": "on", "state": "signalled", "signal": "NOPE"})),
        task("nope", "started"),
        task("nope:", "restarted"),
        task("bad", "started"),
        (Some(new), json!({"name": "new", "state": "present"})),
        task("new", "present"),
        task("nope", "present"),
        task("new", "absent"),
        (None, json!({"name": "new", "state": "absent", "stop_before_removing": true})),
        task("new", "absent"),
        (
            Some("[program:on]\ncommand=sleep 1001\nstartsecs=0\n"),
            json!({"name": "on", "state": "restarted"}),
        ),
        task("all", "stopped"),
    ]
}

/// The results of all tasks.
fn play(client: Implementation, daemon: Implementation) -> Vec<String> {
    let sandbox = Sandbox::new();
    sandbox.configure(PROGRAMS);
    sandbox.write("extra.conf", "");
    let daemon = Launch::of(daemon, &sandbox).arg("-c").arg("supervisord.conf").start_up();
    daemon.wait_for_state("bad", "FATAL");
    daemon.wait_for_state("once", "EXITED");
    let (module, folder) = reference::ansible_module();
    let mut results = Vec::new();
    for (extra, mut arguments) in tasks() {
        extra.into_iter().for_each(|text| drop(sandbox.write("extra.conf", text)));
        let told = arguments.to_string();
        arguments["config"] = sandbox.path("supervisord.conf").to_str().unwrap().into();
        arguments["supervisorctl_path"] = program(client).to_str().unwrap().into();
        sandbox.write("task.json", &json!({"ANSIBLE_MODULE_ARGS": arguments}).to_string());
        let mut python = Command::new(reference::program("python"));
        python.env_clear().envs(environment(&sandbox)).env("PYTHONPATH", &folder).current_dir(sandbox.dir());
        let run = python.arg(&module).arg("task.json").output().unwrap();
        let result: Value = serde_json::from_slice(&run.stdout)
            .unwrap_or_else(|_| panic!("{told}: {}", String::from_utf8_lossy(&run.stderr)));
        let shown = ["changed", "failed", "affected", "msg", "rc", "stdout"].map(|key| result[key].clone());
        results.push(format!("{told}: {}", normal(&json!(shown).to_string(), &sandbox)));
    }
    results
}

// C-420 to C-458
#[test]
fn ansible() {
    // Made before anybody waits for it.
    drop(reference::ansible_module());
    let results: Vec<_> = thread::scope(|scope| {
        let running = PAIRS.map(|(client, daemon)| scope.spawn(move || play(client, daemon)));
        running.into_iter().map(|it| it.join().unwrap()).collect()
    });
    for (result, pair) in results.iter().zip(PAIRS).skip(1) {
        assert_eq!(result, &results[0], "{pair:?}");
    }
    let changed = results[0].iter().filter(|it| it.contains(": [true,null,")).count();
    assert!(changed > 8, "{:?}", results[0]);
}

const EXPORTER: &str = "/usr/bin/prometheus-node-exporter";

/// What the exporter tells of a daemon at this URL; times are left out.
fn exported(sandbox: &Sandbox, url: &str) -> Vec<String> {
    let address = format!("127.0.0.1:{}", ports::free());
    let exporter = Launch::program(EXPORTER, sandbox)
        .arg("--collector.disable-defaults")
        .arg("--collector.supervisord")
        .arg(format!("--collector.supervisord.url={url}"))
        .arg(format!("--web.listen-address={address}"))
        .start();
    let page = wait::until("the exporter's page", || {
        let mut stream = TcpStream::connect(&address).ok()?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").ok()?;
        let mut page = String::new();
        stream.read_to_string(&mut page).ok()?;
        Some(page)
    });
    drop(exporter);
    assert!(page.contains("node_scrape_collector_success{collector=\"supervisord\"} 1"), "{page}");
    let lines = page.lines().filter(|line| line.starts_with("node_supervisord_"));
    lines.map(|line| timeless(line).to_owned()).collect()
}

/// The line, of times only what they are of.
fn timeless(line: &str) -> &str {
    match line.rsplit_once(' ') {
        Some((name, _)) if name.contains("_uptime{") || name.contains("_start_time_seconds{") => name,
        _ => line,
    }
}

// C-220 to C-229: over TCP and over the socket
#[test]
fn node_exporter() {
    if !Path::new(EXPORTER).exists() {
        eprintln!("skipped: {EXPORTER} is not there");
        return;
    }
    let [ours, theirs] = [Ours, Reference].map(|which| {
        let sandbox = Sandbox::new();
        let port = ports::free();
        sandbox.write("extra.conf", "");
        sandbox.configure(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n{PROGRAMS}"));
        let daemon = Launch::of(which, &sandbox).arg("-c").arg("supervisord.conf").start_up();
        daemon.wait_for_state("bad", "FATAL");
        daemon.wait_for_state("once", "EXITED");
        daemon.wait_for_state("on", "RUNNING");
        let urls = [format!("http://127.0.0.1:{port}/RPC2"), sandbox.fill("unix://@DIR@/s.sock")];
        urls.map(|url| exported(&sandbox, &url))
    });
    assert_eq!(ours, theirs);
    assert!(
        ours[0].iter().any(|it| it == "node_supervisord_exit_status{group=\"once\",name=\"once\"} 3"),
        "{ours:?}"
    );
    assert!(ours[0].len() > 20 && ours[0] == ours[1], "{ours:?}");
}
