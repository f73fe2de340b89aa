//! What can be wrong with a command line, and what may go wrong afterwards (E-211, E-213, E-229).

use super::super::harness::daemon::Implementation;
use super::super::harness::listener::{Performance, Stage};
use super::super::harness::rpc_server::{Mood, Pretended, RpcServer};
use super::super::harness::sandbox::Sandbox;
use super::super::harness::wait;
use super::tick;

const URL: &str = "http://127.0.0.1:1/";

fn end(implementation: Implementation, name: &str, words: &[&str], daemon: bool) -> Performance {
    let sandbox = Sandbox::new();
    let stage = Stage::new(&sandbox, implementation, name, words);
    if daemon { stage.of_daemon("none.sock").play(&[]) } else { stage.play(&[]) }
}

// E-211, E-213, E-229, E-240, E-275
#[test]
fn ends_as_the_original_does() {
    let addresses = ["-t", "a@x.example", "-f", "b@x.example"];
    let with = |words: &[&'static str]| [&addresses[..], words].concat();
    let cases: Vec<(&str, Vec<&str>, bool, i32)> = vec![
        ("memmon", vec![], true, 255),
        ("memmon", vec!["-h"], true, 0),
        ("memmon", vec!["--he", "-p", "a=1"], false, 0),
        ("memmon", vec!["-q"], true, 255),
        ("memmon", vec!["-p", "a"], true, 255),
        ("memmon", vec!["-p", "a=1=2"], true, 255),
        ("memmon", vec!["-g", "a=1TB"], true, 255),
        ("memmon", vec!["-a", "x"], true, 255),
        ("memmon", vec!["-u", "1w", "-a", "1"], true, 255),
        ("memmon", vec!["--groupname=a=1"], true, 255),
        ("memmon", vec!["-a", "1"], false, 1),
        ("httpok", vec![], true, 255),
        ("httpok", vec!["--help"], false, 0),
        ("httpok", vec![URL, "-p", "a"], true, 255),
        ("httpok", vec!["--n", "x", URL], true, 255),
        ("httpok", vec!["-t", "x", URL], true, 1),
        ("httpok", vec!["-c", "x", URL], true, 1),
        ("httpok", vec!["ftp://h/"], true, 1),
        ("httpok", vec!["h:80/"], true, 1),
        ("httpok", vec!["ftp://h/"], false, 0),
        ("crashmail", vec!["--help"], true, 0),
        ("crashmail", vec!["--fnord"], true, 255),
        ("crashmail", vec!["-m"], true, 255),
        ("crashmail", vec!["-a"], false, 0),
        ("crashmailbatch", vec![], true, 1),
        ("crashmailbatch", vec!["-h"], true, 0),
        ("fatalmailbatch", vec!["-t", "a@x.example"], true, 1),
        ("crashsms", vec!["-f", "a@x.example", "-t", ""], true, 1),
        ("crashsms", with(&["-Z"]), true, 2),
        ("crashsms", with(&["--t", "x"]), true, 2),
        ("crashsms", with(&["-i", "soon"]), true, 2),
        ("crashmailbatch", with(&["--tls=1"]), true, 2),
        ("crashmailbatch", with(&["-e", "PROCESS_STATE"]), true, 1),
        ("fatalmailbatch", with(&["-e", "TICK_x"]), true, 1),
        ("fatalmailbatch", with(&[]), false, 1),
    ];
    for (name, words, daemon, status) in cases {
        let [theirs, ours] = [Implementation::Reference, Implementation::Ours]
            .map(|implementation| end(implementation, name, &words, daemon));
        assert_eq!((theirs.status, ours.status), (Some(status), Some(status)), "{name} {words:?} {ours:?}");
        assert_eq!(ours.stdout.is_empty(), theirs.stdout.is_empty(), "{name} {words:?} {ours:?}");
        assert!(!ours.stdout.contains("READY"), "{name} {words:?}");
        if !daemon && status == 0 && ours.stdout.is_empty() || ours.stderr.starts_with("Must run") {
            assert_eq!(ours.stderr, theirs.stderr, "{name} {words:?}");
        }
    }
}

fn processes() -> [Pretended; 1] {
    let own = std::process::id().try_into().unwrap();
    [Pretended { group: "g", name: "p", pid: own, state: 20, uptime: 1 }]
}

#[test]
fn a_daemon_that_does_not_answer() {
    let sandbox = Sandbox::new();
    let play = |name: &str, words: &[&str]| {
        Stage::new(&sandbox, Implementation::Ours, name, words).of_daemon("rpc.sock").play(&[tick(), tick()])
    };
    let check = || {
        let memmon = play("memmon", &["-a", "1"]);
        assert_eq!((memmon.answers(), memmon.status), (2, Some(0)), "{memmon:?}");
        assert_eq!(memmon.stderr.matches("memmon: nothing was checked: ").count(), 2, "{memmon:?}");
        let httpok = play("httpok", &["-t", "1", "-p", "p", URL]);
        assert_eq!((httpok.answers(), httpok.status), (2, Some(0)), "{httpok:?}");
        assert_eq!(httpok.stderr.matches("Exception retrieving process info ").count(), 2, "{httpok:?}");
        let lazy = play("httpok", &["-E", "-p", "p", URL]);
        assert_eq!(lazy.stderr.matches("httpok: no check: it is not known what is running").count(), 2);
    };
    check();
    let _rude = RpcServer::start(&sandbox, &processes(), &[], Mood::Rude);
    check();
}

// E-202: a connection that was closed in the meantime is no failure
#[test]
fn a_daemon_that_closes_its_connections() {
    let sandbox = Sandbox::new();
    let curt = RpcServer::start(&sandbox, &processes(), &[], Mood::Curt);
    let stage = Stage::new(&sandbox, Implementation::Ours, "memmon", &["-a", "1"]).of_daemon("rpc.sock");
    let mut player = stage.start();
    player.feed(&tick());
    player.wait_for_answers(1);
    wait::until_true("the end of the connection", || curt.closed() == 1);
    player.feed(&tick());
    let performance = player.finish();
    let round = ["getAllProcessInfo()", "getProcessInfo(g:p)", "stopProcess(g:p)", "startProcess(g:p)"];
    assert_eq!(curt.calls(), [round, round].concat(), "{performance:?}");
}

// E-138
#[test]
fn credentials_come_from_the_environment() {
    let sandbox = Sandbox::new();
    let server = RpcServer::start(&sandbox, &processes(), &[], Mood::Good);
    let stage = Stage::new(&sandbox, Implementation::Ours, "memmon", &["-a", "1GB"]).of_daemon("rpc.sock");
    stage.env("SUPERVISOR_USERNAME", "me").env("SUPERVISOR_PASSWORD", "secret").play(&[tick()]);
    assert_eq!(server.authorizations(), ["Basic bWU6c2VjcmV0"]);
}

// E-210
#[test]
fn other_events_are_answered_and_that_is_all() {
    let events = ["PROCESS_STATE_FATAL", "PROCESS_STATE_EXITED", "NO_SUCH_EVENT", "PROCESS_LOG_STDOUT"]
        .map(|name| super::event(name, "from:n\u{fffd}body\n:\n \r\n::"));
    let mail = ["-t", "a@x.example", "-f", "b@x.example"];
    let programs: [(&str, &[&str]); 6] = [
        ("memmon", &["-a", "1"]),
        ("httpok", &["-a", URL]),
        ("crashmail", &["-m", "a@x.example"]),
        ("crashmailbatch", &mail),
        ("fatalmailbatch", &mail),
        ("crashsms", &mail),
    ];
    for (name, words) in programs {
        let performance = end_of(name, words, &events);
        assert_eq!(performance.stdout, format!("{}READY\n", "READY\nRESULT 2\nOK".repeat(4)), "{name}");
        assert_eq!((performance.stderr.as_str(), performance.status), ("", Some(0)), "{name}");
    }
}

fn end_of(name: &str, words: &[&str], events: &[String]) -> Performance {
    let sandbox = Sandbox::new();
    Stage::new(&sandbox, Implementation::Ours, name, words).of_daemon("none.sock").play(events)
}
