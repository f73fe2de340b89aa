//! The control servers as their clients see them (control.md, sections 2, 3, 13 and 22).
//!
//! Everything here speaks plain bytes over sockets: what a client may send is more than a library would.

use std::fs;
use std::io::Write;
use std::net::{Shutdown, TcpListener};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;

use crate::harness::client::{Client, answers, get, post};
use crate::harness::daemon::{Implementation, Launch};
use crate::harness::processes;
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The chunks of a body that is sent so, joined.
fn dechunked(reply: &str) -> String {
    let mut rest = reply.split_once("\r\n\r\n").unwrap().1;
    let mut text = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        text.push_str(&after[..size]);
        rest = after.get(size + 2..).unwrap_or_default();
    }
    text
}

// C-033 to C-035, C-041, C-044
#[test]
fn requests_good_and_bad() {
    let sandbox = Sandbox::new();
    sandbox.configure("");
    let daemon = Launch::new(&sandbox).start_up();
    let close = post("Connection: close\r\n");
    let ahead = Client::unix(&sandbox).send(&format!("{}{}{close}", post(""), post(""))).until_closed();
    assert_eq!(ahead.matches("RUNNING").count(), 3, "{ahead}");
    let old = Client::unix(&sandbox).send(&post("").replace("/1.1", "/1.0")).until_closed();
    assert!(old.contains("RUNNING"), "{old}");
    let mut kept =
        Client::unix(&sandbox).send(&post("Connection: Keep-Alive\r\n").replace("/1.1", "/1.0")).send(&close);
    kept.until("keep-alive");
    assert_eq!(kept.until_closed().matches("RUNNING").count(), 2);
    let rows = [
        ("\0\r\n\r\n".to_owned(), " 400 "),
        ("GET\r\n\r\n".to_owned(), " 400 "),
        ("POST /RPC2 HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), " 411 "),
        ("POST /RPC2 HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n".to_owned(), " 413 "),
        ("POST /RPC2 HTTP/1.1\r\nConnection: close\r\nContent-Length: 3\r\n\r\n<x>".to_owned(), " 400 "),
        (format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(70_000)), " 431 "),
    ];
    for (request, status) in rows {
        let reply = Client::unix(&sandbox).send(&request).until_closed();
        assert!(reply.lines().next().unwrap_or_default().contains(status), "{request:.40}: {reply}");
    }
    assert_eq!(daemon.stop().code(), Some(0));
}

// C-042
#[test]
fn clients_that_stop_or_vanish_hold_up_nobody() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=sh -c 'echo hi; exec sleep 1000'\nstdout_logfile=@DIR@/x.log\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("output", || sandbox.read("x.log") == "hi\n");
    answers(&sandbox);
    let before = daemon.descriptors();
    let half: Vec<_> = ["", "POST", "POST /RPC2 HTTP/1.1\r\nContent-Length: 1000\r\n\r\n<method"]
        .map(|start| Client::unix(&sandbox).send(start))
        .into();
    let mut tails: Vec<_> = (0..20).map(|_| Client::unix(&sandbox).send(&get("/logtail/x"))).collect();
    tails.iter_mut().for_each(|tail| tail.until("hi\n"));
    answers(&sandbox);
    for _ in 0..20 {
        drop(Client::unix(&sandbox).send(&post("")));
    }
    // Half of them only say that they are done.
    for (n, tail) in tails.iter().enumerate() {
        tail.stream.shutdown(if n % 2 == 0 { Shutdown::Write } else { Shutdown::Both }).unwrap();
    }
    drop(half);
    daemon.until("all descriptors to be closed", || daemon.descriptors() == before);
    answers(&sandbox);
}

// C-043; the test holds a thousand sockets itself
#[test]
fn a_thousand_idle_clients() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard.min(4096)), hard).unwrap();
    let sandbox = Sandbox::new();
    sandbox.configure("[supervisord]\nminfds=4096\n");
    let daemon = Launch::new(&sandbox).start_up();
    answers(&sandbox);
    let (before, open) = (daemon.memory(), daemon.descriptors());
    let mut clients: Vec<_> = (0..1000).map(|_| Client::unix(&sandbox).send(&post(""))).collect();
    clients.iter_mut().for_each(|client| client.until("RUNNING"));
    answers(&sandbox);
    let cost = daemon.memory().saturating_sub(before);
    assert!(cost < 16 * 1024, "{cost} KiB for a thousand clients");
    for client in &mut clients {
        client.got.clear();
        client.stream.write_all(post("").as_bytes()).unwrap();
    }
    clients.iter_mut().for_each(|client| client.until("RUNNING"));
    drop(clients);
    daemon.until("all descriptors to be closed", || daemon.descriptors() == open);
    daemon.until("memory to be given back", || daemon.memory() < before + 3 * 1024);
}

// C-042
#[test]
fn bodies_of_many_clients_are_bounded_together() {
    const BODY: usize = 10 << 20;
    let sandbox = Sandbox::new();
    sandbox.configure("");
    let daemon = Launch::new(&sandbox).start_up();
    answers(&sandbox);
    let before = daemon.memory();
    // None is complete but for one byte.
    let body = "x".repeat(BODY - 1);
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client =
            Client::unix(&sandbox).send(&format!("POST /RPC2 HTTP/1.1\r\nContent-Length: {BODY}\r\n\r\n"));
        client.stream.set_write_timeout(Some(wait::PATIENCE)).unwrap();
        // Those who are refused cannot send all of it.
        let _refused = client.stream.write_all(body.as_bytes());
        clients.push(client);
        answers(&sandbox);
    }
    let refused = clients.split_off(12);
    for client in refused {
        let reply = client.until_closed();
        assert!(reply.starts_with("HTTP/1.1 503 "), "{reply}");
    }
    daemon.wait_for_log("unix_http_server: refused '/RPC2': requests and answers take all the memory");
    let held = daemon.memory() - before;
    assert!((100 << 10..200 << 10).contains(&held), "{held} KiB");
    drop(clients);
    daemon.until("memory to be given back", || daemon.memory() < before + 3 * 1024);
    answers(&sandbox);
}

// C-042: reading a call of a million values takes a while
#[test]
fn a_large_call_holds_up_nobody() {
    let sandbox = Sandbox::new();
    sandbox.configure("");
    let daemon = Launch::new(&sandbox).start_up();
    let call = format!(
        "<methodCall><methodName>supervisor.nosuch</methodName><params><param><value><array><data>{}\
         </data></array></value></param></params></methodCall>",
        "<value/>".repeat(1_000_000)
    );
    let request =
        format!("POST /RPC2 HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{call}", call.len());
    let mut large = Client::unix(&sandbox).send(&request);
    answers(&sandbox);
    assert!(!large.read() || large.got.is_empty(), "the large one was answered first");
    assert!(large.until_closed().contains("UNKNOWN_METHOD"));
    assert_eq!(daemon.stop().code(), Some(0));
}

// C-050 to C-057
#[test]
fn passwords() {
    let sandbox = Sandbox::new();
    let (clear, hashed) = (free_port(), free_port());
    sandbox.configure(&format!(
        "[inet_http_server:a]\nport=127.0.0.1:{clear}\nusername=u\npassword=te:st\n[inet_http_server:b]\n\
         port=127.0.0.1:{hashed}\nusername=u\npassword={{SHA}}a94a8fe5ccb19ba61c4c0873d391e987982fbbd3\n"
    ));
    let _daemon = Launch::new(&sandbox).start_up();
    let rows = [
        (clear, "Basic dTp0ZTpzdA==", 200),
        (clear, "basic dTp0ZTpzdA==", 200),
        (clear, "Basic dTp0ZXN0", 401),
        (clear, "Basic !", 401),
        (clear, "Bearer dTp0ZTpzdA==", 401),
        (hashed, "Basic dTp0ZXN0", 200),
        (hashed, "Basic dTp0ZTpzdA==", 401),
    ];
    for (port, header, status) in rows {
        let reply = Client::tcp(port)
            .send(&post(&format!("Connection: close\r\nAuthorization: {header}\r\n")))
            .until_closed();
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{header}: {reply}");
    }
    for path in ["/mainlogtail", "/logtail/x", "/none"] {
        let reply = Client::tcp(clear).send(&get(path)).until_closed();
        assert!(reply.contains(" 401 ") && reply.contains("Basic realm=\"default\""), "{path}: {reply}");
    }
}

// C-600 to C-605
#[test]
fn pages_of_other_sites_are_refused() {
    let sandbox = Sandbox::new();
    let (port, open) = (free_port(), free_port());
    sandbox.configure(&format!(
        "[inet_http_server:a]\nport=127.0.0.1:{port}\nallowed_hosts=friend.example, other.example\n\
         [inet_http_server:b]\nport=127.0.0.1:{open}\nusername=u\npassword=\n"
    ));
    let daemon = Launch::new(&sandbox).start_up();
    let own = format!("Host: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n");
    let rows = [
        ("", 200),
        (own.as_str(), 200),
        ("Host: other.example\r\nOrigin: https://friend.example\r\n", 200),
        ("Host: localhost\r\nOrigin: http://evil.example\r\n", 403),
        ("Host: localhost\r\nReferer: http://evil.example/x\r\n", 403),
        ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403),
        ("Host: evil.example\r\n", 403),
    ];
    for (headers, status) in rows {
        let reply = Client::tcp(port).send(&post(&format!("Connection: close\r\n{headers}"))).until_closed();
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{headers}: {reply}");
        assert_eq!(reply.contains("allowed_hosts"), status == 403, "{reply}");
        let asked = Client::tcp(open).send(&post(&format!("Connection: close\r\n{headers}"))).until_closed();
        assert!(asked.starts_with("HTTP/1.1 401 "), "{headers}: {asked}");
    }
    let record = daemon.wait_for_log("refused '/RPC2': Origin 'http://evil.example'");
    assert_eq!(record.level, "WARN");
    let exempt = "Connection: close\r\nHost: evil.example\r\nOrigin: null\r\n";
    assert!(Client::unix(&sandbox).send(&post(exempt)).until_closed().contains("RUNNING"));
}

/// Does not mind its signal.
const STUBBORN: &str = "[program:x]\ncommand=sleep 1000\nstartsecs=0\nstopsignal=CONT\nstopwaitsecs=1000\n";

fn stop_x(headers: &str) -> String {
    let call = "<methodCall><methodName>supervisor.stopProcess</methodName><params><param><value>x</value></param></params></methodCall>";
    format!("POST /RPC2 HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n{call}", call.len())
}

// C-263, C-042, D-326: whoever waits for a stop and hangs up has still asked for it
#[test]
fn clients_hang_up_while_they_wait() {
    for implementation in [Implementation::Ours, Implementation::Reference] {
        let sandbox = Sandbox::new();
        let config = sandbox.configure(STUBBORN);
        let daemon = Launch::of(implementation, &sandbox).arg("-c").arg(config).start_up();
        let pid = daemon.pid_of("x");
        let waiting = Client::unix(&sandbox).send(&stop_x(""));
        let told = [1, 2, 3].map(|n| daemon.wait_for_nth_log(n, "waiting for x to stop"));
        assert!(told.iter().all(|record| record.level == "INFO"), "{told:?}");
        // Every two seconds; a busy machine may be late.
        assert!(told.windows(2).all(|pair| pair[1].at - pair[0].at >= 1900), "{told:?}");
        waiting.stream.shutdown(Shutdown::Both).unwrap();
        drop(waiting);
        answers(&sandbox);
        assert_eq!(daemon.wait_for_state("x", "STOPPING").member("pid"), pid.to_string());
        processes::send(pid, Signal::SIGKILL);
        daemon.wait_for_state("x", "STOPPED");
    }
}

// C-042, C-263: one that has only said all it has to say gets its answer
#[test]
fn clients_half_close_while_they_wait() {
    let sandbox = Sandbox::new();
    sandbox.configure(STUBBORN);
    let daemon = Launch::new(&sandbox).start_up();
    let pid = daemon.pid_of("x");
    let before = daemon.descriptors();
    let waiting = Client::unix(&sandbox).send(&stop_x("Connection: close\r\n"));
    waiting.stream.shutdown(Shutdown::Write).unwrap();
    daemon.wait_for_state("x", "STOPPING");
    let gone: Vec<_> = (0..20).map(|_| Client::unix(&sandbox).send(&stop_x(""))).collect();
    drop(gone);
    answers(&sandbox);
    processes::send(pid, Signal::SIGKILL);
    let reply = waiting.until_closed();
    assert!(reply.contains("<boolean>1</boolean>"), "{reply}");
    daemon.until("all descriptors to be closed", || daemon.descriptors() <= before);
}

const WRITER: &str = "[program:w]\ncommand=sh -c 'n=0; while [ $n -lt 400 ]; do echo line$n; n=$((n+1)); done; \
                      exec sleep 1000'\nautostart=true\nstdout_logfile=@DIR@/w.log\n";

// C-330 to C-332, C-335, C-336
#[test]
fn tails_begin_near_the_end_and_go_on() {
    for implementation in [Implementation::Ours, Implementation::Reference] {
        let sandbox = Sandbox::new();
        let config = sandbox.configure(&format!("{WRITER}[group:g]\nprograms=w\n"));
        let daemon = Launch::of(implementation, &sandbox).arg("-c").arg(config).start_up();
        daemon.until("all lines", || sandbox.read("w.log").ends_with("line399\n"));
        let mut tail = Client::unix(&sandbox).send(&get("/logtail/g%3Aw/stdout"));
        tail.until("line399\n");
        let mut log = fs::OpenOptions::new().append(true).open(sandbox.path("w.log")).unwrap();
        log.write_all(b"\xff added\n").unwrap();
        tail.until(" added\n");
        assert!(tail.got.windows(3).any(|it| it == b"\xff a"), "{:?}", tail.text());
        let text = tail.text();
        let head = text.split_once("\r\n\r\n").unwrap().0.to_lowercase();
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        for header in [
            "transfer-encoding: chunked",
            "x-accel-buffering: no",
            "last-modified: ",
            "text/plain;charset=utf-8",
        ] {
            assert!(head.contains(header), "{implementation:?} {header}: {head}");
        }
        let all = sandbox.read_bytes("w.log");
        let begin = all.len() - b"\xff added\n".len() - 1024;
        let expected = String::from_utf8_lossy(&all[begin..]).into_owned();
        // The byte that is no text became a longer character, so only what comes before it is compared.
        let body = tail.got.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
        let first = String::from_utf8_lossy(&tail.got[body..]).into_owned();
        let first = first.split_once("\r\n").unwrap().1;
        assert_eq!(first[..1024], expected[..1024], "{implementation:?}");
        for path in ["/logtail/w", "/logtail/g", "/logtail/g:*", "/logtail/none", "/logtail/g:w/none"] {
            let reply = Client::unix(&sandbox).send(&get(path).replace("Host", "Connection: close\r\nHost"));
            assert!(reply.until_closed().starts_with("HTTP/1.1 404 "), "{implementation:?} {path}");
        }
        let wrong = post("Connection: close\r\n").replace("/RPC2", "/logtail/g:w");
        assert!(Client::unix(&sandbox).send(&wrong).until_closed().starts_with("HTTP/1.1 400 "));
        Client::unix(&sandbox).send(&get("/mainlogtail")).until("spawned: 'w'");
    }
}

// C-333, C-334, C-336, C-337, C-019
#[test]
fn tails_across_rotation_removal_emptying_and_the_end() {
    let sandbox = Sandbox::new();
    sandbox
        .configure("[program:x]\ncommand=sh -c 'echo first; exec sleep 1000'\nstdout_logfile=@DIR@/x.log\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("output", || sandbox.read("x.log") == "first\n");
    let mut tail = Client::unix(&sandbox).send(&get("/logtail/x"));
    let mut old = Client::unix(&sandbox).send("GET /logtail/x HTTP/1.0\r\n\r\n");
    tail.until("first\n");
    let append = |name: &str, text: &str| {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(sandbox.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    fs::rename(sandbox.path("x.log"), sandbox.path("x.log.1")).unwrap();
    append("x.log.1", "last of the old\n");
    append("x.log", "new\n");
    tail.until("new\n");
    old.until("new\n");
    fs::remove_file(sandbox.path("x.log")).unwrap();
    daemon.signal(Signal::SIGUSR2);
    daemon.until("a new file", || sandbox.has("x.log"));
    append("x.log", "after USR2\n");
    tail.until("after USR2\n");
    old.until("after USR2\n");
    fs::write(sandbox.path("x.log"), "").unwrap();
    tail.until("==> File truncated <==\n");
    append("x.log", "again\n");
    tail.until("again\n");
    old.until("again\n");
    daemon.signal(Signal::SIGHUP);
    let text = dechunked(&tail.until_closed());
    assert!(text.contains("first\nlast of the old\nnew\nafter USR2\n"), "{text}");
    let plain = old.until_closed();
    let (head, body) = plain.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200 ") && !head.contains("chunked"), "{head}");
    assert!(body.starts_with("first\nlast of the old\nnew\n"), "{body}");
    daemon.wait_for_nth_log(2, "supervisord started with pid");
    answers(&sandbox);
}

// C-042: what nobody reads is not read from the file either
#[test]
fn a_tail_that_is_not_read_costs_little() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:x]\ncommand=sh -c 'echo go; exec yes'\nstdout_logfile=@DIR@/x.log\n\
         stdout_logfile_maxbytes=1MB\nstdout_logfile_backups=1\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("a rotation", || sandbox.has("x.log.1"));
    let mut tails: Vec<_> = (0..20).map(|_| Client::unix(&sandbox).send(&get("/logtail/x"))).collect();
    tails.iter_mut().for_each(|tail| tail.until("200 OK"));
    daemon.wait_for_state("x", "RUNNING");
    answers(&sandbox);
    let memory = daemon.memory();
    assert!(memory < 32 * 1024, "{memory} KiB");
}
