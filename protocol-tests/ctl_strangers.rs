//! supervisorctl at servers that are not quite what it expects, and with files that hold more than it knows.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::harness::ctl::{PAIRS, Said, normal, run};
use crate::harness::daemon::{Implementation, Launch};
use crate::harness::processes;
use crate::harness::sandbox::Sandbox;

use Implementation::{Ours, Reference};

const COMMANDS: [&str; 6] = ["status", "pid", "start x", "tail x", "fg x", "version"];

/// A server that answers this to whatever it is asked, `times` times.
fn answer(times: usize, status: &'static str, body: &'static str) -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        for _ in 0..times {
            let (mut client, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"</methodCall>\n") && !request.ends_with(b"</methodCall>") {
                let mut buffer = [0; 4096];
                let n = client.read(&mut buffer).unwrap();
                assert!(n > 0, "no call in {request:?}");
                request.extend_from_slice(&buffer[..n]);
            }
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            );
            client.write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
    };
    (port, std::thread::spawn(serve))
}

/// What the commands say to such a server.
fn at(which: Implementation, status: &'static str, body: &'static str) -> Vec<Said> {
    let sandbox = Sandbox::new();
    sandbox.configure("[supervisorctl]\n");
    let (port, server) = answer(COMMANDS.len(), status, body);
    let said = COMMANDS.map(|line| run(which, &sandbox, &format!("-s http://127.0.0.1:{port} {line}"), ""));
    server.join().unwrap();
    said.into()
}

// C-426
#[test]
fn another_version_of_the_api() {
    let body = "<?xml version='1.0'?><methodResponse><params><param><value><string>2.0</string></value></param></params></methodResponse>";
    let theirs = at(Reference, "200 OK", body);
    assert_eq!(at(Ours, "200 OK", body), theirs);
    assert!(
        theirs[1].out.contains("the remote version is 2.0.") && theirs[1].status == Some(5),
        "{theirs:?}"
    );
}

// C-428: what is no answer is one line
#[test]
fn answers_that_are_none() {
    for (status, body) in [
        ("500 Internal Server Error", "oops"),
        ("404 Not Found", ""),
        ("200 OK", "<html>"),
        (
            "200 OK",
            "<methodResponse><params><param><value><array/></value></param></params></methodResponse>",
        ),
    ] {
        for said in at(Ours, status, body) {
            assert_eq!((said.status, said.out.lines().count()), (Some(1), 1), "{said:?}");
            assert!(said.out.starts_with("error: "), "{said:?}");
        }
    }
}

// C-427, C-371
#[test]
fn a_server_without_the_methods() {
    for daemon in [Ours, Reference] {
        let sandbox = Sandbox::new();
        sandbox.write(
            "supervisord.conf",
            "[supervisord]\nnodaemon=true\nlogfile=@DIR@/supervisord.log\npidfile=@DIR@/supervisord.pid\n\
             [unix_http_server]\nfile=@DIR@/s.sock\n[supervisorctl]\nserverurl=unix://@DIR@/s.sock\n",
        );
        let _daemon = Launch::of(daemon, &sandbox).arg("-c").arg("supervisord.conf").start_up();
        for line in COMMANDS {
            let [theirs, ours] = [Reference, Ours].map(|client| run(client, &sandbox, line, ""));
            assert_eq!(ours.status, theirs.status, "{line}: {ours:?}");
            assert!(
                ours.out.contains("[rpcinterface:supervisor]")
                    && theirs.out.contains("[rpcinterface:supervisor]")
            );
            assert_eq!(ours.out.lines().count(), theirs.out.lines().count());
        }
    }
}

// C-374: what a plugin's section asks for cannot be had, the rest can
#[test]
fn plugins() {
    let sandbox = Sandbox::new();
    let plugin = "[supervisorctl]\nserverurl=unix://@DIR@/s.sock\n[program:x]\ncommand=sleep 1000\nstartsecs=0\n[ctlplugin:p]\n";
    sandbox.configure(&format!("{plugin}supervisor.ctl_factory=some.module:factory\nanything=else\n"));
    let daemon = Launch::of(Ours, &sandbox).arg("-c").arg("supervisord.conf").start_up();
    daemon.wait_for_state("x", "RUNNING");
    let said = run(Ours, &sandbox, "status x", "");
    assert_eq!(said.status, Some(0), "{said:?}");
    assert!(said.out.contains("RUNNING"), "{said:?}");
    sandbox.configure(plugin);
    for client in [Ours, Reference] {
        assert_eq!(run(client, &sandbox, "status x", "").status, Some(2), "{client:?}");
    }
}

/// Sees to it that a process cannot be signalled: it takes on root's identity, the daemon gives its own up.
const UNTOUCHABLE: &str = "\
[supervisord]
user=nobody
[supervisorctl]
serverurl=unix://@DIR@/s.sock
[program:odd]
command=@DIR@/setpriv --reuid=0 --regid=0 --clear-groups sleep 1000
startsecs=0
stopwaitsecs=1
";

// C-204, C-234, C-250, C-259: a process that could not be signalled is UNKNOWN
#[test]
fn a_process_of_unknown_state() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can make a process that its supervisor may not signal");
        return;
    }
    let all = PAIRS.map(|(client, daemon)| {
        let sandbox = Sandbox::new();
        sandbox.set_mode(".", 0o777);
        sandbox.set_mode("auto", 0o777);
        std::fs::copy("/usr/bin/setpriv", sandbox.path("setpriv")).unwrap();
        sandbox.set_mode("setpriv", 0o4755);
        sandbox.configure(UNTOUCHABLE);
        let daemon = Launch::of(daemon, &sandbox).arg("-c").arg("supervisord.conf").start_up();
        let pid = daemon.pid_of("odd");
        daemon.until("another user", || {
            processes::status_line(pid, "Uid").is_some_and(|line| line.split_whitespace().all(|id| id == "0"))
        });
        let stop = run(client, &sandbox, "stop odd", "");
        daemon.wait_for_state("odd", "UNKNOWN");
        let lines = [
            "status odd",
            "pid odd",
            "signal CONT odd",
            "stop odd",
            "clear odd",
            "fg odd",
            "start odd",
            "restart odd",
            "signal CONT odd:*",
            "start odd:*",
            "stop all",
            "remove odd",
            "status odd",
        ];
        let said = lines.map(|line| {
            let Said { status, out } = run(client, &sandbox, line, "");
            (line, status, normal(&out, &sandbox))
        });
        (stop.status, said)
    });
    for (said, pair) in all.iter().zip(PAIRS).skip(1) {
        assert_eq!(said, &all[0], "{pair:?}");
    }
}
