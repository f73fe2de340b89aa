//! httpok (E-240 to E-256).

use std::net::TcpStream;

use super::super::harness::daemon::Implementation;
use super::super::harness::helper::Helper;
use super::super::harness::http_server::HttpServer;
use super::super::harness::listener::{Performance, Stage};
use super::super::harness::rpc_server::{Mood, Pretended, RpcServer};
use super::super::harness::sandbox::Sandbox;
use super::super::harness::{mail, ports, reference, wait};
use super::{exited, tick};

const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell";
const BAD: &str = "HTTP/1.1 503 Much Too Busy\r\nContent-Length: 3\r\n\r\nsad";

struct Outcome {
    performance: Performance,
    mails: Vec<String>,
    calls: Vec<String>,
    requests: usize,
}

fn processes() -> Vec<Pretended> {
    let process = |group, name, state| Pretended { group, name, pid: 77, state, uptime: 9 };
    vec![
        process("a", "a", 20),
        process("g", "one", 20),
        process("g", "two", 100),
        process("it's", "three", 20),
    ]
}

fn play(
    implementation: Implementation,
    words: &[&str],
    server: &HttpServer,
    page: &str,
    faults: &[(&str, i32, &str)],
) -> Outcome {
    let sandbox = Sandbox::new();
    let sendmail = mail::sendmail(&sandbox);
    let before = server.requests().len();
    let rpc = RpcServer::start(&sandbox, &processes(), faults, Mood::Good);
    let url = server.url(page);
    let words = [&["-s", &sendmail], words, &[url.as_str()]].concat();
    let stage = Stage::new(&sandbox, implementation, "httpok", &words).of_daemon("rpc.sock");
    let performance = stage.play(&[exited("g", "p", false), tick()]);
    let requests = server.requests().len() - before;
    Outcome { performance, mails: mail::sent(&sandbox), calls: rpc.calls(), requests }
}

/// The text with the error that a contact ended with left out, be it of one line or more.
fn without_error(text: &str) -> String {
    let mut within = false;
    let kept = text.lines().filter(|line| {
        within &= !line.starts_with("Restarting ");
        let kept = !within;
        within |= line.starts_with("error contacting ");
        kept
    });
    kept.collect::<Vec<_>>().join("\n")
}

fn compare(words: &[&str], server: &HttpServer, page: &str, faults: &[(&str, i32, &str)]) -> Outcome {
    let [theirs, ours] = [Implementation::Reference, Implementation::Ours]
        .map(|implementation| play(implementation, words, server, page, faults));
    assert_eq!(ours.performance.stdout, theirs.performance.stdout, "{words:?}");
    assert_eq!(ours.performance.answers(), 2, "{words:?}");
    assert_eq!(ours.calls, theirs.calls, "{words:?}");
    assert_eq!(ours.requests, theirs.requests, "{words:?}");
    let mails = |outcome: &Outcome| outcome.mails.iter().map(|it| without_error(it)).collect::<Vec<_>>();
    assert_eq!(mails(&ours), mails(&theirs), "{words:?}");
    let said = |outcome: &Outcome| without_error(&outcome.performance.known_lines("httpok").join("\n"));
    assert_eq!(said(&ours), said(&theirs), "{words:?}");
    ours
}

// E-240 to E-252
#[test]
fn restarts_as_the_original_does() {
    let (good, bad) = (HttpServer::start(GOOD), HttpServer::start(BAD));
    let mail = ["-m", "x@y.example"];
    let matrix: [&[&str]; 9] = [
        &["-p", "a"],
        &["-p", "g:one", "-p", "two", "-p", "nobody", "-n", "us"],
        &["-a", "-p", "a", "-p", "it's"],
        &["-p", "three", "-p", "it's:three"],
        &["-c", "404", "-c", "503"],
        &["-E", "-p", "two"],
        &["-E", "-p", "a", "-e", "--name=us"],
        &["--not", "--prog=a", "-d", "/cores", "-g", "echo core"],
        &["-d", "/cores/", "--gcore", "exit 3; echo", "-a", "-t", "3"],
    ];
    for words in matrix {
        let words = [&mail, words].concat();
        compare(&words, &bad, "/a/b?c=d", &[]);
    }
    for page in ["", "/", "?c#d"] {
        compare(&["-p", "a"], &good, page, &[]);
    }
    assert_eq!(bad.requests()[0], "get /a/b?c=d http/1.1; user-agent: httpok");
    let plain = "get / http/1.1; user-agent: httpok";
    assert_eq!(good.requests()[..4], [plain; 4]);
    compare(&["-p", "a"], &bad, "/", &[]);
}

// E-250, E-252
#[test]
fn faults_and_no_answer() {
    let faults = [
        ("stopProcess(a)", 70, "NOT_RUNNING: a"),
        ("startProcess(a)", 60, "ALREADY_STARTED: a"),
        ("startProcess(g:one)", 50, "it's \"bad\""),
    ];
    let words = ["-a", "-t", "1", "-m", "x@y.example"];
    let ours = compare(&words, &HttpServer::start(BAD), "/", &faults);
    assert!(ours.mails[0].contains("Failed to stop process a: <Fault 70: 'NOT_RUNNING: a'>\n"));
    for answer in ["", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nwell"] {
        let ours = compare(&words, &HttpServer::start(answer), "/", &[]);
        assert!(
            ours.mails[0].contains(": bad status returned\n\nerror contacting http://"),
            "{:?}",
            ours.mails
        );
    }
}

// E-254
#[test]
fn bodies() {
    let server = HttpServer::start("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ngr\u{fc}n!");
    let play = |text: &str| {
        let words = ["-p", "a", "-m", "x@y.example", "-b", text];
        play(Implementation::Ours, &words, &server, "/", &[]).mails
    };
    assert!(play("grün").is_empty());
    let mails = play("rot");
    assert!(mails[0].contains(": bad body returned\n\nstatus contacting http://"), "{mails:?}");
}

// E-255
#[test]
fn not_eager_honours_any_and_qualified_names() {
    let bad = HttpServer::start(BAD);
    for (words, checks) in [(&["-E", "-a"][..], 1), (&["-E", "-p", "g:one"], 1), (&["-E", "-p", "g:two"], 0)]
    {
        assert_eq!(play(Implementation::Ours, words, &bad, "/", &[]).requests, checks, "{words:?}");
    }
}

#[test]
fn a_dry_run_only_tells() {
    let bad = HttpServer::start(BAD);
    let dry = play(Implementation::Ours, &["--dry-run", "-a", "-m", "x@y.example"], &bad, "/", &[]);
    assert_eq!(dry.calls, ["getAllProcessInfo()", "getAllProcessInfo()"]);
    assert!(dry.mails.is_empty() && dry.requests == 1);
    assert_eq!(dry.performance.stderr.matches("httpok: dry run, not done: restart ").count(), 3);
}

#[test]
fn https_and_whose_certificate() {
    let sandbox = Sandbox::new();
    let authority = mail::certificates(&sandbox);
    let port = ports::free();
    let script = sandbox.write("https.py", include_str!("../scripts/https_server.py"));
    let words = [script.into(), port.to_string().into(), "cert.pem".into(), "key.pem".into()];
    let _server = Helper::start(&sandbox, &reference::program("python"), &words);
    wait::until_true("an HTTPS server", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let _rpc = RpcServer::start(&sandbox, &processes(), &[], Mood::Good);
    let empty = sandbox.write("none.pem", "");
    let url = format!("https://localhost:{port}/");
    let said = |words: &[&str], file: &std::path::Path| {
        let words = [words, &["-b", "well", &url]].concat();
        let stage = Stage::new(&sandbox, Implementation::Ours, "httpok", &words).of_daemon("rpc.sock");
        stage.env("SSL_CERT_FILE", file.to_str().unwrap()).play(&[tick()]).stderr
    };
    assert_eq!(said(&[], &authority), "");
    assert_eq!(said(&["-k"], &empty), "");
    let unknown = said(&[], &empty);
    assert!(unknown.contains("httpok: error contacting ") && unknown.contains("certificate"), "{unknown}");
}
