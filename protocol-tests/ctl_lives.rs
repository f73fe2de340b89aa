//! Commands that change what the daemon runs, or end it: reread, update, add, remove, reload, shutdown.
//! Both clients at both daemons, as in `ctl_matrix`.

use std::thread;

use nix::sys::signal::Signal;

use crate::harness::ctl::{Client, PAIRS, Said, assert_alike, normal, run};
use crate::harness::daemon::{Daemon, Implementation, Launch};
use crate::harness::processes;
use crate::harness::rpc;
use crate::harness::sandbox::Sandbox;

const BASE: &str = "\
[supervisorctl]
serverurl=unix://@DIR@/s.sock
[include]
files=@DIR@/extra.conf
[program:keep]
command=sleep 1000
startsecs=0
";

/// Does not mind its signal.
const STUBBORN: &str = "\
[program:stubborn]
command=sleep 1000
startsecs=0
stopsignal=CONT
stopwaitsecs=1000
";

/// One thing that happens to a daemon.
enum Step {
    Say(&'static str),
    /// A command line, and what is typed.
    Type(&'static str, &'static str),
    /// What `extra.conf` holds from now on.
    Write(&'static str),
    /// Waits until these processes run.
    Run(&'static [&'static str]),
    /// Kills what refuses to stop, and waits for the daemon's end.
    End,
    /// Waits for the daemon's n-th start.
    Again(usize),
}

use Step::{Again, End, Run, Say, Type, Write};

fn play(which: Implementation, daemon: Implementation, first: &str, steps: &[Step]) -> Vec<(String, Said)> {
    let sandbox = Sandbox::new();
    sandbox.configure(BASE);
    sandbox.write("extra.conf", first);
    let mut daemon = Some(Launch::of(daemon, &sandbox).arg("-c").arg("supervisord.conf").start_up());
    let mut client = Client::new(which, &sandbox);
    let mut said = Vec::new();
    for step in steps {
        match step {
            Say(line) => said.push(((*line).to_owned(), client.run(line))),
            Type(line, input) => {
                said.push((format!("{line} < {input:?}"), run(which, &sandbox, line, input)))
            }
            Write(text) => drop(sandbox.write("extra.conf", text)),
            Run(names) => names.iter().for_each(|name| {
                daemon.as_ref().unwrap().wait_for_state(name, "RUNNING");
            }),
            End => end(daemon.take().unwrap()),
            Again(n) => {
                let daemon = daemon.as_ref().unwrap();
                kill_stubborn(daemon);
                daemon.wait_for_nth_log(*n, "supervisord started with pid");
            }
        }
    }
    said.iter_mut().for_each(|(_, said)| said.out = normal(&said.out, &sandbox));
    said
}

/// Kills the stubborn one; the daemon tells nobody any more who that is, but its log does.
fn kill_stubborn(daemon: &Daemon<'_>) {
    let spawned =
        daemon.log().into_iter().rev().find(|it| it.text.starts_with("spawned: 'stubborn' with pid "));
    if let Some(pid) = spawned.and_then(|it| it.text.rsplit(' ').next()?.parse().ok()) {
        processes::send(pid, Signal::SIGKILL);
    }
}

fn end(daemon: Daemon<'_>) {
    kill_stubborn(&daemon);
    assert_eq!(daemon.wait().code(), Some(0));
}

fn alike(first: &str, steps: &[Step]) {
    let all: Vec<_> = thread::scope(|scope| {
        let running = PAIRS.map(|(client, daemon)| scope.spawn(move || play(client, daemon, first, steps)));
        running.into_iter().map(|it| it.join().unwrap()).collect()
    });
    for (said, (client, daemon)) in all.iter().zip(PAIRS).skip(1) {
        assert_alike(&format!("{client:?} client, {daemon:?} daemon"), said, &all[0]);
    }
}

const BEFORE: &str = "[program:old]\ncommand=sleep 1000\nstartsecs=0\n\
                 [program:same]\ncommand=sleep 1000\nprocess_name=%(process_num)d\nnumprocs=2\nstartsecs=0\n\
                 [program:idle]\ncommand=sleep 1000\nautostart=false\n\
                 [program:mute]\ncommand=sleep 1000\nstartsecs=0\nstdout_logfile=NONE\nredirect_stderr=true\n";

const AFTER: &str = "[program:same]\ncommand=sleep 1001\nprocess_name=%(process_num)d\nnumprocs=2\nstartsecs=0\n\
                        [program:idle]\ncommand=sleep 1001\nautostart=false\npriority=3\n\
                        [program:new]\ncommand=sleep 1000\nstartsecs=0\npriority=5\n\
                        [program:later]\ncommand=sleep 1000\nautostart=false\n\
                        [program:bad]\ncommand=/no/such/file\n\
                        [group:team]\nprograms=new,later\npriority=2\n";

/// What is asked while the configuration goes from the one to the other and on.
const CHANGES: [Step; 66] = [
    Run(&["keep", "old", "0", "1", "mute"]),
    Say("reread"),
    Say("update"),
    Say("update all"),
    Say("clear all"),
    Say("clear mute same:0 nope"),
    Say("tail mute"),
    Say("tail mute stderr"),
    Write(AFTER),
    Say("avail"),
    Say("add team"),
    Say("reread"),
    Say("reread"),
    Say("avail"),
    Say("add old keep nope"),
    Say("remove keep"),
    Say("remove team nope"),
    Say("remove idle"),
    Say("status"),
    Say("add idle"),
    Say("update nope same"),
    Say("update nope"),
    Say("update same:* keep"),
    Say("status"),
    Run(&["0", "1"]),
    Say("add team"),
    Run(&["new"]),
    Say("add team"),
    Say("remove team"),
    Say("stop team:*"),
    Say("remove team"),
    Say("status team:*"),
    Say("stop old"),
    Say("update"),
    Run(&["new"]),
    Say("status idle keep old same:* team:*"),
    Say("update"),
    Say("reread"),
    Write(""),
    Say("remove bad"),
    Say("update all nope"),
    Say("status"),
    Write("[program:new]\nautostart=true\n"),
    Say("update"),
    Say("update all"),
    Say("status"),
    Write("[program:again]\ncommand=sleep 1000\nautostart=false\n"),
    Say("update again"),
    Say("status"),
    Say("add"),
    Say("remove"),
    Say("pid again"),
    Say("open unix:///no/such/socket"),
    Say("open http://localhost:1"),
    Say("open nonsense"),
    Say("reload now"),
    Say("shutdown now"),
    Say("avail x"),
    Say("reread x"),
    Say("version x"),
    Say("quit"),
    Say("exit"),
    Say("EOF"),
    Say("restart"),
    Say("clear"),
    Say("stop"),
];

// C-453 to C-460, C-300 to C-305
#[test]
fn changes_of_the_configuration() {
    alike(BEFORE, &CHANGES);
}

/// Every command, for a daemon that ends or has ended.
const ANY: [&str; 19] = [
    "status",
    "status keep",
    "pid",
    "pid keep",
    "version",
    "start keep",
    "stop keep",
    "restart keep",
    "signal HUP keep",
    "clear keep",
    "tail keep",
    "maintail",
    "avail",
    "reread",
    "update",
    "add keep",
    "remove keep",
    "fg keep",
    "reload",
];

/// As steps, with `shutdown` at the end.
fn any() -> impl Iterator<Item = Step> {
    ANY.into_iter().chain(["shutdown"]).map(Say)
}

// C-420 to C-428, C-449, C-450, C-320: while it ends, and afterwards
#[test]
fn a_daemon_that_ends() {
    let mut steps = vec![Run(&["keep", "stubborn"]), Say("shutdown")];
    steps.extend(any().chain([End]).chain(any()));
    alike(STUBBORN, &steps);
}

// C-451, C-323: while it restarts, and afterwards
#[test]
fn a_daemon_that_restarts() {
    let mut steps = vec![Run(&["keep", "stubborn"]), Write(""), Say("reload")];
    steps.extend(any().chain([
        Again(2),
        Run(&["keep"]),
        Say("status"),
        Say("stop keep"),
        Say("shutdown"),
        End,
    ]));
    alike(STUBBORN, &steps);
}

// C-420, C-421, C-452: with and without a yes, one command or the shell
#[test]
fn what_is_asked_before() {
    let steps = [
        Run(&["keep"]),
        Type("-i shutdown", "n\n"),
        Type("-i shutdown", "\n"),
        Type("-i reload", "no\n"),
        Type("-i status", ""),
        Type("", "reload\n\nshutdown\nn\nreload x\n"),
        Type("", "reload\nYes\n"),
        Again(2),
        Run(&["keep"]),
        Type("-i reload", "y\n"),
        Again(3),
        Run(&["keep"]),
        Write("[program:new]\ncommand=sleep 1000\nstartsecs=0\n"),
        Type("", "reread\nupdate\nstop new\nremove new\nadd new\nstop keep\nfg nope\nshutdown\ny\n"),
        End,
        Type("", "status\npid\nshutdown\nyes\nreload\ny\nquit\n"),
    ];
    alike("", &steps);
}

// C-459, C-302: a bad file; its wording is the daemon's
#[test]
fn a_bad_file_is_told_and_changes_nothing() {
    for (client, daemon) in PAIRS {
        let sandbox = Sandbox::new();
        sandbox.configure(BASE);
        let daemon_started = Launch::of(daemon, &sandbox).arg("-c").arg("supervisord.conf").start_up();
        let before = daemon_started.pid_of("keep");
        sandbox.write("extra.conf", "[program:x]\n[program:keep]\ncommand=sleep 2000\n");
        let [reread, update] = ["reread", "update"].map(|line| run(client, &sandbox, line, ""));
        for (said, start) in [(reread, "ERROR: CANT_REREAD: "), (update, "error: ")] {
            assert_eq!(said.status, Some(1), "{client:?} {daemon:?} {said:?}");
            assert!(said.out.starts_with(start) && said.out.contains("CANT_REREAD: "), "{said:?}");
            assert_eq!(said.out.lines().count(), 1, "{said:?}");
        }
        assert_eq!(daemon_started.pid_of("keep"), before);
    }
}

// D-263: a restart with a bad file is refused before anything is stopped, with a good one it is carried out
#[test]
fn a_restart_reads_the_file_first() {
    let sandbox = Sandbox::new();
    sandbox.configure(BASE);
    let daemon = Launch::new(&sandbox).start_up();
    let before = daemon.pid_of("keep");
    sandbox.write("extra.conf", "[program:x]\n");
    for client in [Implementation::Ours, Implementation::Reference] {
        let said = run(client, &sandbox, "reload", "");
        assert_eq!(said.status, Some(1), "{said:?}");
        assert!(said.out.starts_with("error: ") && said.out.contains("CANT_REREAD: "), "{said:?}");
        assert!(said.out.contains("program:x"), "{said:?}");
        assert_eq!(daemon.pid_of("keep"), before);
    }
    let fault = rpc::call(&sandbox.path("s.sock"), "supervisor.restart", &[]).unwrap_err();
    assert!(fault.starts_with("92 CANT_REREAD: "), "{fault}");
    assert_eq!(daemon.count_log("supervisord started with pid"), 1);
    sandbox.write("extra.conf", "[program:x]\ncommand=sleep 1000\nstartsecs=0\n");
    assert_eq!(rpc::call(&sandbox.path("s.sock"), "supervisor.restart", &[]).unwrap().text(), "1");
    daemon.wait_for_nth_log(2, "supervisord started with pid");
    assert_ne!(daemon.wait_for_state("x", "RUNNING").member("pid"), before.to_string());
    assert_ne!(daemon.pid_of("keep"), before);
    assert_eq!(daemon.count_log("received SIGHUP"), 0);
}
