//! memmon (E-220 to E-235).

use super::super::harness::daemon::Implementation;
use super::super::harness::helper::Helper;
use super::super::harness::listener::{Performance, Stage, event};
use super::super::harness::rpc_server::{Mood, Pretended, RpcServer};
use super::super::harness::sandbox::Sandbox;
use super::super::harness::{mail, processes, wait};
use super::{exited, tick};

struct Outcome {
    performance: Performance,
    mails: Vec<String>,
    calls: Vec<String>,
}

/// Three that run, the second with two children, and one that does not.
fn processes(single: i32, parent: i32) -> Vec<Pretended> {
    let process = |group, name, pid, uptime| Pretended { group, name, pid, state: 20, uptime };
    vec![
        process("a", "a", single, 30),
        process("g", "one", parent, 100),
        process("g", "two", single, 4000),
        process("off", "off", 0, 0),
        process("gone", "gone", 4_194_303, 5),
    ]
}

/// Helpers that use memory: one alone, and one with two children.
fn helpers(sandbox: &Sandbox) -> (Helper, Helper) {
    let start = |script: &str| Helper::start(sandbox, "/bin/sh".as_ref(), &["-c".into(), script.into()]);
    let helpers = (start("exec sleep 1000"), start("sleep 1000 & sleep 1000 & wait"));
    let sleeping = || {
        let all = processes::belonging_to(sandbox.dir());
        let named =
            |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|it| it == "sleep\n");
        all.iter().filter(|pid| named(pid) && processes::state(**pid) == Some('S')).count()
    };
    wait::until_true("three that sleep", || sleeping() == 3);
    helpers
}

fn play(implementation: Implementation, words: &[&str], faults: &[(&str, i32, &str)]) -> Outcome {
    let sandbox = Sandbox::new();
    let helpers = helpers(&sandbox);
    watch(implementation, words, faults, &helpers)
}

/// Has it watch these helpers.
fn watch(
    implementation: Implementation,
    words: &[&str],
    faults: &[(&str, i32, &str)],
    (single, parent): &(Helper, Helper),
) -> Outcome {
    let sandbox = Sandbox::new();
    let sendmail = mail::sendmail(&sandbox);
    let server = RpcServer::start(&sandbox, &processes(single.pid(), parent.pid()), faults, Mood::Good);
    let words = [&["-s", &sendmail], words].concat();
    let stage = Stage::new(&sandbox, implementation, "memmon", &words).of_daemon("rpc.sock");
    let performance = stage.play(&[exited("g", "p", false), tick(), event("TICK_5", "when:5")]);
    Outcome { performance, mails: mail::sent(&sandbox), calls: server.calls() }
}

/// Two runs of one and the same program may differ by some pages: sizes are left out.
fn without_sizes(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive([' ', '\n', '(', ')']) {
        let digits = word.chars().take_while(char::is_ascii_digit).count();
        out.push_str(if digits >= 5 { "SIZE" } else { "" });
        out.push_str(if digits >= 5 { &word[digits..] } else { word });
    }
    out
}

/// Without the time in the mail either.
fn mail_text(text: &str) -> String {
    let text = without_sizes(text);
    match (text.split_once(" at "), text.split_once(" because ")) {
        (Some((before, _)), Some((_, after))) => format!("{before} at TIME because {after}"),
        _ => text,
    }
}

// E-220 to E-232, E-235
#[test]
fn restarts_as_the_original_does() {
    let matrix: [&[&str]; 10] = [
        &["-a", "1"],
        &["-p", "a=1KB", "-m", "x@y.example"],
        &["-g", "g=1kb", "-m", "x@y.example", "-n", "us", "-u", "2m"],
        &["-p", "one=1GB", "-p", "a=2gb", "-g", "a=1GB", "-a", "3GB"],
        &["-c", "-g", "g=1", "-u", "1h", "-m", "x@y.example"],
        &["--cumulative", "--any=1GB"],
        &["--prog", "two=1", "--name=us", "--up", "0", "--em", "x@y.example"],
        &["-g", "g=1GB"],
        &["-p", "nobody=1"],
        &["-p", "off=1", "-p", "gone=1", "word"],
    ];
    for words in matrix {
        // The reference takes the name of -p and -g for that of -n (E-233).
        let named = [words, &["-n", "us"]].concat();
        let [theirs, ours] = [Implementation::Reference, Implementation::Ours]
            .map(|implementation| play(implementation, &named, &[]));
        assert_eq!(ours.performance.stdout, theirs.performance.stdout, "{words:?}");
        assert_eq!(ours.performance.answers(), 3, "{words:?}");
        assert_eq!(ours.calls, theirs.calls, "{words:?}");
        let said = |outcome: &Outcome| {
            let lines = outcome.performance.known_lines("memmon");
            lines.into_iter().map(without_sizes).collect::<Vec<_>>()
        };
        assert_eq!(said(&ours), said(&theirs), "{words:?}");
        let mails = |outcome: &Outcome| outcome.mails.iter().map(|it| mail_text(it)).collect::<Vec<_>>();
        assert_eq!(mails(&ours), mails(&theirs), "{words:?}");
    }
}

/// The sizes that were told of a process.
fn sizes(performance: &Performance, process: &str) -> Vec<u64> {
    let prefix = format!("RSS of {process} is ");
    performance.stderr.lines().filter_map(|line| line.strip_prefix(&prefix)?.parse().ok()).collect()
}

// E-223, E-230
#[test]
fn memory_is_what_ps_tells() {
    let sandbox = Sandbox::new();
    let helpers = helpers(&sandbox);
    let measured = |implementation, words: &[&str]| {
        let performance = watch(implementation, words, &[], &helpers).performance;
        ["a:a", "g:one"].map(|process| sizes(&performance, process)[0])
    };
    for words in [&["-a", "1GB"][..], &["-c", "-a", "1GB"]] {
        let [theirs, ours] = [Implementation::Reference, Implementation::Ours].map(|it| measured(it, words));
        for (theirs, ours) in theirs.iter().zip(&ours) {
            // The kernel may take pages away at any time.
            assert!(theirs.abs_diff(*ours) <= theirs / 20, "{theirs} {ours}");
        }
    }
    let [_, alone] = measured(Implementation::Ours, &["-a", "1GB"]);
    let [_, tree] = measured(Implementation::Ours, &["-c", "-a", "1GB"]);
    assert!(tree > alone * 2, "{tree} {alone}");
}

// E-231: where the reference ends, it goes on
#[test]
fn a_process_that_cannot_be_restarted() {
    let faults = [
        ("stopProcess(a:a)", 70, "NOT_RUNNING: a:a"),
        ("startProcess(g:one)", 50, "SPAWN_ERROR: g:one"),
        ("getProcessInfo(g:two)", 10, "BAD_NAME: g:two"),
    ];
    let ours = play(Implementation::Ours, &["-a", "1", "-m", "x@y.example"], &faults);
    let round = [
        "getAllProcessInfo()",
        "getProcessInfo(a:a)",
        "stopProcess(a:a)",
        "getProcessInfo(g:one)",
        "stopProcess(g:one)",
        "startProcess(g:one)",
        "getProcessInfo(g:two)",
    ];
    assert_eq!(ours.calls, [round, round].concat());
    assert_eq!((ours.performance.answers(), ours.mails.len()), (3, 4));
    let mails: Vec<String> = ours.mails.iter().map(|it| without_sizes(it)).collect();
    let head = "To: x@y.example\nSubject: memmon: failed to";
    assert_eq!(
        mails[0],
        format!(
            "{head} stop process a:a, exiting\n\nFailed to stop process a:a (RSS SIZE), exiting: <Fault 70: 'NOT_RUNNING: a:a'>"
        )
    );
    assert_eq!(
        mails[1],
        format!(
            "{head} start process g:one, exiting\n\nFailed to start process g:one after stopping it, exiting: <Fault 50: 'SPAWN_ERROR: g:one'>"
        )
    );
    let theirs = play(Implementation::Reference, &["-a", "1", "-m", "x@y.example"], &faults[..1]);
    assert_eq!(theirs.mails.iter().map(|it| without_sizes(it)).collect::<Vec<_>>(), mails[..1]);
}

// E-233, E-234
#[test]
fn qualified_names_have_limits_too() {
    let ours = play(Implementation::Ours, &["-p", "g:two=1", "-m", "x@y.example"], &[]);
    assert!(
        ours.calls.contains(&"startProcess(g:two)".to_owned()) && ours.calls.len() == 8,
        "{:?}",
        ours.calls
    );
    assert!(ours.mails[0].contains("Subject: memmon: process g:two restarted\n"), "{:?}", ours.mails);
}

#[test]
fn a_dry_run_only_tells() {
    let dry = play(Implementation::Ours, &["--dry-run", "-a", "1", "-m", "x@y.example"], &[]);
    assert_eq!(dry.calls, ["getAllProcessInfo()", "getAllProcessInfo()"]);
    assert!(dry.mails.is_empty());
    assert!(dry.performance.stderr.contains("memmon: dry run, not done: restart g:two: its "));
}
