//! `/events`, and `supervisorctl events`: what happens, as clients see it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::daemon::{Daemon, Launch, environment};
use crate::harness::http::Server;
use crate::harness::rpc;
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

const PROGRAMS: &str = "
[supervisorctl]
serverurl=unix://@DIR@/s.sock
[program:one]
command=sh -c 'printf \"\\377said\\n\"; sleep 1.2; exit 3'
autostart=false
autorestart=false
stdout_events_enabled=true
[program:cat]
command=cat
startsecs=0
";

fn start(sandbox: &Sandbox, more: &str) {
    sandbox.configure(&format!("{PROGRAMS}{more}"));
}

fn say(sandbox: &Sandbox, data: &str) {
    rpc::call(&sandbox.path("s.sock"), "supervisor.sendRemoteCommEvent", &["t", data]).unwrap();
}

fn parsed(lines: &[String]) -> Vec<Value> {
    lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

#[test]
fn a_life_is_shown_with_all_its_fields() {
    let sandbox = Sandbox::new();
    start(&sandbox, "");
    let daemon = Launch::new(&sandbox).start_up();
    let socket = sandbox.path("s.sock");
    let server = Server::Unix(&socket);
    let mut stream = server.get("/events?format=json&process=one", &[]);
    rpc::call(&socket, "supervisor.startProcess", &["one"]).unwrap();
    daemon.wait_for_state("one", "EXITED");
    daemon.until("the end of it", || {
        stream.read();
        stream.lines().iter().any(|line| line.contains("EXITED"))
    });
    let events = parsed(&stream.lines());
    let pid = &events[1]["pid"];
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let wanted =
        ["PROCESS_STATE_STARTING", "PROCESS_LOG_STDOUT", "PROCESS_STATE_RUNNING", "PROCESS_STATE_EXITED"];
    assert_eq!(types, wanted);
    assert_eq!((&events[0]["from_state"], &events[0]["tries"]), (&"STOPPED".into(), &0.into()));
    assert_eq!((&events[1]["data"], &events[1]["channel"]), (&"\u{fffd}said\n".into(), &"stdout".into()));
    assert_eq!((&events[3]["expected"], &events[3]["pid"]), (&false.into(), pid));
    assert!(events.is_sorted_by(|a, b| a["seq"].as_u64() < b["seq"].as_u64()));
    let names = |event: &Value| (event["groupname"] == "one", event["processname"] == "one");
    assert!(events.iter().all(|event| names(event) == (true, true)));

    let packed =
        parsed(&server.get("/events?recent&follow=no&format=json&data=base64&type=PROCESS_LOG", &[]).lines());
    assert_eq!(packed[0]["data"], "/3NhaWQK");
}

#[test]
fn server_sent_events_resume_after_the_last_one() {
    let sandbox = Sandbox::new();
    start(&sandbox, "");
    let daemon = Launch::new(&sandbox).start_up();
    let socket = sandbox.path("s.sock");
    let server = Server::Unix(&socket);
    let mut stream = server.get("/events?type=REMOTE_COMMUNICATION", &["Accept: text/event-stream"]);
    assert!(stream.head().to_lowercase().contains("content-type: text/event-stream"), "{}", stream.head());
    say(&sandbox, "first");
    say(&sandbox, "second");
    wait::until_true("two events", || {
        stream.read();
        stream.lines().iter().filter(|line| line.starts_with("data: ")).count() == 2
    });
    let lines = stream.lines();
    assert_eq!((lines[3].as_str(), lines[5].as_str()), ("event: REMOTE_COMMUNICATION", ""), "{lines:?}");
    let id_in = |line: &str| line.strip_prefix("id: ").unwrap().to_owned();
    let (place, id) = (id_in(&lines[0]), id_in(&lines[2]));
    assert_eq!(lines[1], "", "{lines:?}");
    drop(stream);
    say(&sandbox, "third");
    let path = "/events?type=REMOTE_COMMUNICATION&format=json&follow=no";
    let resumed = parsed(&server.get(path, &[&format!("Last-Event-ID: {id}")]).lines());
    assert_eq!(resumed.iter().map(|event| &event["data"]).collect::<Vec<_>>(), ["second", "third"]);
    assert_eq!(resumed[1]["remote_type"], "t");
    // Whoever had heard nothing yet.
    let whole = parsed(&server.get(path, &[&format!("Last-Event-ID: {place}")]).lines());
    let all: Vec<_> = whole.iter().map(|event| &event["data"]).collect();
    assert_eq!(all, ["first", "second", "third"]);
    let seq = resumed[0]["seq"].as_u64().unwrap();
    let resumed = parsed(&server.get(&format!("{path}&since={seq}"), &[]).lines());
    assert_eq!(resumed.iter().map(|event| &event["data"]).collect::<Vec<_>>(), ["third"]);
    // The id of another daemon's event.
    let strange = parsed(&server.get(&format!("{path}&since=1-{seq}"), &[]).lines());
    assert_eq!((&strange[0]["type"], &strange[0]["restarted"]), (&"GAP".into(), &true.into()));
    assert_eq!(server.get("/events?type=NONE", &[]).status(), 400);
    daemon.stop();
}

// A full reload is not the end of what was there before.
#[test]
fn events_outlive_a_reload_and_streams_end_with_their_server() {
    let sandbox = Sandbox::new();
    start(&sandbox, "");
    let daemon = Launch::new(&sandbox).start_up();
    let socket = sandbox.path("s.sock");
    say(&sandbox, "before");
    let mut stream = Server::Unix(&socket).get("/events?format=json&type=SUPERVISOR_STATE_CHANGE", &[]);
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    let last = parsed(&{
        stream.whole();
        stream.lines()
    });
    assert_eq!(last.last().unwrap()["type"], "SUPERVISOR_STATE_CHANGE_STOPPING");
    daemon.wait_for_nth_log(2, "supervisord started with pid");
    let types = "type=REMOTE_COMMUNICATION,SUPERVISOR_STATE_CHANGE";
    let all = wait::until("the next generation", || {
        std::os::unix::net::UnixStream::connect(&socket).ok()?;
        let path = format!("/events?recent&follow=no&format=json&{types}");
        Some(parsed(&Server::Unix(&socket).get(&path, &[]).lines())).filter(|it| it.len() == 4)
    });
    let wanted = [
        "SUPERVISOR_STATE_CHANGE_RUNNING",
        "REMOTE_COMMUNICATION",
        "SUPERVISOR_STATE_CHANGE_STOPPING",
        "SUPERVISOR_STATE_CHANGE_RUNNING",
    ];
    assert_eq!(all.iter().map(|event| &event["type"]).collect::<Vec<_>>(), wanted);
}

#[test]
fn many_clients_miss_nothing() {
    const CLIENTS: usize = 20;
    const EVENTS: usize = 5000;

    let sandbox = Sandbox::new();
    let emitter = format!(
        "import sys\nfor n in range({EVENTS}):\n    print('<!--XSUPERVISOR:BEGIN-->%d<!--XSUPERVISOR:END-->' % n, end='')\n\
         sys.stdout.flush()\ninput()\n"
    );
    sandbox.write("emit.py", &emitter);
    start(
        &sandbox,
        "[program:emit]\ncommand=/usr/bin/python3 @DIR@/emit.py\nautostart=false\nstdout_capture_maxbytes=1KB\n",
    );
    let _daemon = Launch::new(&sandbox).start_up();
    let socket = sandbox.path("s.sock");
    let path = "/events?format=json&type=PROCESS_COMMUNICATION";
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Server::Unix(&socket).get(path, &[])).collect();
    rpc::call(&socket, "supervisor.startProcess", &["emit"]).unwrap();
    for client in &mut clients {
        wait::until_true("all events", || {
            client.read();
            client.lines().len() >= EVENTS
        });
        let seen: Vec<usize> = parsed(&client.lines())
            .iter()
            .map(|event| event["data"].as_str().unwrap().parse().unwrap())
            .collect();
        assert!(seen.iter().copied().eq(0..EVENTS));
    }
}

/// Ten messages a millisecond, for five seconds, once it is told to begin.
const FLOOD: &str = "import os, sys, time
sys.stdin.readline()
begun = time.monotonic()
for n in range(5000):
    os.write(1, b''.join(b'<!--XSUPERVISOR:BEGIN-->message %d<!--XSUPERVISOR:END-->' % i for i in range(10)))
    time.sleep(max(0, begun + n / 1000 - time.monotonic()))
sys.stdin.readline()
";

/// Counts the messages that a stream brings, until there are so many or it ends.
fn messages(mut stream: UnixStream, wanted: usize) -> usize {
    const BEGINNING: &[u8] = b"message ";
    let (mut text, mut buffer, mut seen) = (Vec::new(), vec![0; 256 * 1024], 0);
    while seen < wanted {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(n) => text.extend_from_slice(&buffer[..n]),
        }
        seen += memchr::memmem::find_iter(&text, BEGINNING).count();
        text.drain(..text.len().saturating_sub(BEGINNING.len() - 1));
    }
    seen
}

#[test]
#[ignore = "a figure: for a release build on a quiet machine"]
fn fifty_clients_of_a_flood_hold_up_nobody() {
    let sandbox = Sandbox::new();
    sandbox.write("flood.py", FLOOD);
    sandbox.configure(
        "[program:flood]\ncommand=python3 @DIR@/flood.py\nstartsecs=0\nstdout_capture_maxbytes=1KB\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("flood", "RUNNING");
    let socket = sandbox.path("s.sock");
    let request = "GET /events?format=json&type=PROCESS_COMMUNICATION HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let client = |_| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.set_read_timeout(Some(wait::PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        std::thread::spawn(move || messages(stream, 50_000))
    };
    let clients: Vec<_> = (0..50).map(client).collect();
    rpc::call(&socket, "supervisor.sendProcessStdin", &["flood", "go\n"]).unwrap();
    let mut answers = Vec::new();
    while !clients.iter().all(std::thread::JoinHandle::is_finished) {
        let asked = Instant::now();
        rpc::call(&socket, "supervisor.getState", &[]).unwrap();
        answers.push(asked.elapsed());
    }
    let seen: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    assert_eq!(seen, [50_000; 50]);
    answers.sort();
    let p99 = answers[answers.len() * 99 / 100];
    println!("getState: {} calls, p99 {p99:?}", answers.len());
    assert!(cfg!(debug_assertions) || p99 < Duration::from_millis(5), "{p99:?}");
}

// C-042: what is kept while somebody reads
#[test]
fn memory_is_given_back_when_the_last_client_leaves() {
    let sandbox = Sandbox::new();
    start(
        &sandbox,
        "[program:flood]\ncommand=/bin/sh -c 'while :; do echo line line line line line line; done'\n\
         autostart=false\nstdout_logfile=NONE\nstdout_events_enabled=true\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    let socket = sandbox.path("s.sock");
    let before = daemon.memory();
    let client = Server::Unix(&socket).get("/events?format=json", &[]);
    rpc::call(&socket, "supervisor.startProcess", &["flood"]).unwrap();
    daemon.until("a flood to be kept", || daemon.memory() > before + 8 * 1024);
    rpc::call(&socket, "supervisor.stopProcess", &["flood"]).unwrap();
    drop(client);
    daemon.until("memory to be given back", || daemon.memory() < before + 4 * 1024);
}

fn command(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_supervisorctl"));
    command.current_dir(sandbox.dir()).env_clear().envs(environment(sandbox));
    command.args(["-c", "supervisord.conf", "events"]).args(arguments);
    command
}

/// What came of it, and what it said on stderr.
fn ctl_output(sandbox: &Sandbox, arguments: &[&str]) -> (Output, String) {
    let output = command(sandbox, arguments).output().unwrap();
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    (output, said)
}

fn ctl(sandbox: &Sandbox, arguments: &[&str]) -> (Option<i32>, String) {
    let output = command(sandbox, arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn supervisorctl_shows_the_last_events() {
    let sandbox = Sandbox::new();
    start(&sandbox, "");
    let daemon: Daemon<'_> = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("cat", "RUNNING");
    let lines = |text: String| parsed(&text.lines().map(str::to_owned).collect::<Vec<_>>());
    let (status, text) = ctl(&sandbox, &["cat"]);
    let types: Vec<Value> = lines(text).iter().map(|event| event["type"].clone()).collect();
    assert_eq!(
        (status, types),
        (Some(0), vec!["PROCESS_STATE_STARTING".into(), "PROCESS_STATE_RUNNING".into()])
    );
    let (_, text) = ctl(&sandbox, &["--type", "process_group", "--json"]);
    assert_eq!(lines(text).len(), 2);
    let refused = (Some(1), "events: ERROR (no such event type: NONE)\n".to_owned());
    assert_eq!(ctl(&sandbox, &["--type", "TICK", "--type", "NONE"]), refused);
    assert_eq!(ctl(&sandbox, &["-x"]).0, Some(1));
}

#[test]
fn supervisorctl_tells_of_names_that_nothing_has() {
    let sandbox = Sandbox::new();
    start(&sandbox, "");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("cat", "RUNNING");
    let (output, said) = ctl_output(&sandbox, &["nix", "cat", "web:*"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
    assert_eq!(said, "nix: ERROR (no such process)\nweb: ERROR (no such group)\n");
    let (output, said) = ctl_output(&sandbox, &["-f", "nix"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert_eq!(said, "nix: ERROR (no such process)\n");
    // What is removed has been there.
    rpc::call(&sandbox.path("s.sock"), "supervisor.stopProcess", &["cat"]).unwrap();
    rpc::call(&sandbox.path("s.sock"), "supervisor.removeProcessGroup", &["cat"]).unwrap();
    let (output, said) = ctl_output(&sandbox, &["cat"]);
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the ban is on the daemon, which has a reaper of its own")]
fn supervisorctl_tells_when_what_it_follows_is_gone() {
    let sandbox = Sandbox::new();
    start(&sandbox, "");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("cat", "RUNNING");
    let follower = command(&sandbox, &["-f"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    daemon.until("it to follow", || {
        let text = Server::Unix(&sandbox.path("s.sock")).get("/metrics", &[]).whole();
        String::from_utf8_lossy(&text).contains("supervisor_bus_subscriptions{subscription=\"events\"} 1\n")
    });
    daemon.stop();
    let output = follower.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.ends_with("/events ended: supervisord closed the stream\n"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

// What `curl -I` asks.
#[test]
fn heads_are_those_of_what_there_is() {
    let sandbox = Sandbox::new();
    start(&sandbox, "");
    let daemon = Launch::new(&sandbox).start_up();
    let socket = sandbox.path("s.sock");
    for (path, kind) in [
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ("/events", "text/event-stream"),
        ("/events?follow=no&format=json", "application/x-ndjson"),
    ] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(stream, "HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut head = String::new();
        stream.read_to_string(&mut head).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{path}: {head}");
        assert!(head.contains(&format!("content-type: {kind}\r\n")), "{path}: {head}");
    }
    daemon.until("nobody to read", || {
        let text = Server::Unix(&socket).get("/metrics", &[]).whole();
        String::from_utf8_lossy(&text).contains("supervisor_bus_subscriptions{subscription=\"events\"} 0\n")
    });
}
