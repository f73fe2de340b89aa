//! supervisorctl with a person at a terminal: passwords, logs that are followed, Ctrl-C, progress.

use std::fs::File;
use std::process::Stdio;

use nix::sys::signal::Signal;

use crate::harness::ctl::{self, PAIRS, Shown, at_terminal, normal, run};
use crate::harness::daemon::{Daemon, Implementation, Launch};
use crate::harness::sandbox::Sandbox;
use crate::harness::{ports, processes, wait};

use Implementation::{Ours, Reference};

/// Writes a numbered line every few milliseconds.
const COUNTER: &str = "\
[supervisorctl]
serverurl=unix://@DIR@/s.sock
[program:count]
command=sh -c 'n=100; while :; do echo line$n; echo err$n >&2; n=$((n+1)); [ $n = 300 ] && n=100; sleep 0.01; done'
startsecs=0
[program:quiet]
command=cat
startsecs=0
[program:stubborn]
command=sleep 1000
startsecs=0
stopsignal=CONT
stopwaitsecs=1000
";

fn start<'s>(which: Implementation, sandbox: &'s Sandbox, text: &str) -> Daemon<'s> {
    sandbox.configure(text);
    Launch::of(which, sandbox).arg("-c").arg("supervisord.conf").start_up()
}

/// What is shown before the first prompt; the rest is the line editor's.
fn before_the_prompt(said: &Shown, sandbox: &Sandbox) -> String {
    normal(said.text.split("supervisor> ").next().unwrap_or_default(), sandbox)
}

// C-425, C-428 to C-430, C-484
#[test]
fn passwords() {
    let mut seen = Vec::new();
    for (client, daemon) in PAIRS {
        let sandbox = Sandbox::new();
        let port = ports::free();
        let text = format!(
            "[inet_http_server]\nport=127.0.0.1:{port}\nusername=u\npassword=se:cret\n\
             [supervisorctl]\nserverurl=http://127.0.0.1:{port}\n[program:x]\ncommand=sleep 1000\nstartsecs=0\n"
        );
        let daemon = start(daemon, &sandbox, &text);
        daemon.wait_for_state("x", "RUNNING");
        let steps = [
            ["Username:", "u\r"],
            ["Password:", "wrong\r"],
            ["Username:", "u\r"],
            ["Password:", "se:cret\r"],
            ["supervisor> ", "version\r"],
            ["4.3.0", "\u{4}"],
        ];
        let shell = at_terminal(client, &sandbox, "", &steps);
        assert!(!shell.text.contains("cret") && !shell.text.contains("wrong"), "{client:?} {shell:?}");
        let asked =
            at_terminal(client, &sandbox, "-i pid x", &[["Username:", "u\r"], ["Password:", "se:cret\r"]]);
        let mut all = vec![
            (shell.status, before_the_prompt(&shell, &sandbox)),
            (asked.status, normal(&asked.text, &sandbox)),
        ];
        let lines = [
            "status",
            "start x",
            "-u u pid",
            "-p se:cret version",
            "-u u -p wrong status",
            "-u u -p se:cret status",
        ];
        for line in lines {
            let said = run(client, &sandbox, line, "");
            all.push((said.status, normal(&said.out, &sandbox)));
        }
        seen.push(all);
    }
    for (all, pair) in seen.iter().zip(PAIRS).skip(1) {
        assert_eq!(all, &seen[0], "{pair:?}");
    }
}

/// The numbers of whole lines `PREFIXn` in a text, which must follow each other.
fn count(text: &str, prefix: &str) -> usize {
    let lines = text.lines().filter_map(|line| line.strip_prefix(prefix)?.parse::<usize>().ok());
    let numbers: Vec<usize> = lines.collect();
    // A stream begins within a line (C-332), which may look like a whole one.
    let whole = numbers.get(1..).unwrap_or_default();
    assert!(whole.windows(2).all(|pair| pair[1] == pair[0] + 1 || *pair == [299, 100]), "{text}");
    whole.len()
}

// C-464: at a terminal, until Ctrl-C
#[test]
fn logs_are_followed_at_a_terminal() {
    for (client, daemon) in PAIRS {
        let sandbox = Sandbox::new();
        let daemon = start(daemon, &sandbox, COUNTER);
        daemon.wait_for_state("count", "RUNNING");
        let banner = "==> Press Ctrl-C to exit <==\n";
        for (line, prefix) in [("tail -f count", "line"), ("tail -f count stderr", "err")] {
            // A round is longer than what a stream begins with, however late the client comes.
            let [one, next_round] = [150, 149].map(|n| format!("{prefix}{n}\r"));
            let said = at_terminal(client, &sandbox, line, &[[&one, ""], [&next_round, "\u{3}"]]);
            assert_eq!(said.status, Some(0), "{client:?} {said:?}");
            assert!(said.text.starts_with(banner) && said.text.ends_with('\n'), "{client:?} {said:?}");
            assert!(count(&said.text, prefix) > 50, "{client:?} {said:?}");
        }
        let said = at_terminal(client, &sandbox, "maintail -f", &[["spawned: 'quiet'", "\u{3}"]]);
        assert!(said.status == Some(0) && said.text.starts_with(banner), "{client:?} {said:?}");
    }
}

// C-464, C-465: into a file; until the daemon's end; errors
#[test]
#[expect(clippy::disallowed_methods, reason = "the ban is on the daemon, which has a reaper of its own")]
fn logs_are_followed_into_a_file() {
    for (client, daemon) in PAIRS {
        let sandbox = Sandbox::new();
        let daemon = start(daemon, &sandbox, COUNTER);
        daemon.wait_for_state("count", "RUNNING");
        let follow = |name: &str, line: &str| {
            let mut command = ctl::command(client, &sandbox, line);
            command.stdin(Stdio::null()).stdout(File::create(sandbox.path(name)).unwrap());
            command.spawn().unwrap()
        };
        let until = |name: &str, text: &str| daemon.until(text, || sandbox.read(name).contains(text));
        let mut interrupted = follow("a", "tail -f count");
        let mut ended = follow("b", "maintail -f");
        let missing = ctl::command(client, &sandbox, "tail -f nope").stderr(Stdio::piped()).output().unwrap();
        let told = String::from_utf8(missing.stderr).unwrap();
        let expected = sandbox.fill("unix://@DIR@/s.sock/logtail/nope/stdout Cannot read, status code 404");
        assert_eq!((told.trim_end(), missing.status.code()), (expected.as_str(), Some(0)), "{client:?}");
        // By then it has seen lines enough, however early it came.
        until("a", "line150\n");
        processes::send(i32::try_from(interrupted.id()).unwrap(), Signal::SIGINT);
        assert_eq!(interrupted.wait().unwrap().code(), Some(0), "{client:?}");
        assert!(count(&sandbox.read("a"), "line") > 0);
        until("b", "spawned: 'count'");
        daemon.signal(Signal::SIGKILL);
        let status = wait::until("the end of maintail", || ended.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "{client:?}");
    }
}

// C-263, C-466, C-467, C-481: what is typed and interrupted; the daemon carries on
#[test]
fn a_person_loses_patience() {
    for which in [Ours, Reference] {
        let sandbox = Sandbox::new();
        let daemon = start(which, &sandbox, COUNTER);
        let pid = daemon.pid_of("stubborn");
        let pid_shown = pid.to_string();
        let steps = [
            ["supervisor> ", "stop stubborn\r"],
            ["stop stubborn", ""],
            ["supervisor> ", "pid stubborn\r"],
            [&pid_shown, "\u{4}"],
        ];
        // Only once the stop has begun does Ctrl-C interrupt the wait for it.
        let waiting = std::thread::scope(|scope| {
            let shell = scope.spawn(|| at_terminal(Ours, &sandbox, "", &steps));
            daemon.wait_for_state("stubborn", "STOPPING");
            let shells = processes::belonging_to(sandbox.dir()).into_iter().filter(|pid| {
                std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|it| it == "supervisorctl\n")
            });
            shells.for_each(|shell| processes::send(shell, Signal::SIGINT));
            shell.join().unwrap()
        });
        assert_eq!(waiting.status, Some(0), "{waiting:?}");
        daemon.wait_for_state("stubborn", "STOPPING");
        processes::send(pid, Signal::SIGKILL);
        daemon.wait_for_state("stubborn", "STOPPED");
    }
}

// A command that shows no progress leaves the terminal's line alone; a long one shows what is left
#[test]
fn progress() {
    let sandbox = Sandbox::new();
    let daemon = start(Ours, &sandbox, COUNTER);
    let pid = daemon.pid_of("stubborn");
    let said = at_terminal(Ours, &sandbox, "stop quiet:*", &[["quiet: stopped", ""]]);
    // A busy machine may be slow enough for progress.
    assert!(said.raw == "quiet: stopped\r\n" || said.raw.contains("stopping: "), "{said:?}");
    let shown = std::thread::scope(|scope| {
        let stop = scope.spawn(|| {
            at_terminal(
                Ours,
                &sandbox,
                "stop stubborn:*",
                &[["waiting for stubborn", ""], ["stubborn: stopped", ""]],
            )
        });
        daemon.wait_for_log("waiting for stubborn to stop");
        daemon.wait_for_nth_log(2, "waiting for stubborn to stop");
        processes::send(pid, Signal::SIGKILL);
        stop.join().unwrap()
    });
    assert!(shown.text.contains("stopping: 0 of 1 done, waiting for stubborn"), "{shown:?}");
    assert!(shown.text.ends_with("stubborn: stopped\n"), "{shown:?}");
}
