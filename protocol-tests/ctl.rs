//! supervisorctl: ours and the reference's drive the same daemon; stdout and exit status are compared.

use super::harness::ctl::{self, Said, run};
use super::harness::daemon::{Daemon, Implementation, Launch};
use super::harness::sandbox::Sandbox;

const PROGRAMS: &str = "\
[supervisorctl]
serverurl=unix://@DIR@/s.sock
[program:cat]
command=/bin/cat
startsecs=0
[program:off]
command=/bin/cat
autostart=false
[program:bad]
command=/nonexistent
autostart=false
[program:many]
command=/bin/cat
process_name=%(process_num)d
numprocs=2
startsecs=0
";

/// Commands that leave everything as it is, so that both clients find the same. The list of `help`, where
/// ours has more, is compared in `ctl_listeners`.
const HARMLESS: [&str; 33] = [
    "status many:* cat nope x:*",
    "status bad off",
    "start bad cat nope nope:*",
    "stop off nope nope:*",
    "restart nope bad",
    "signal HUP off nope x:*",
    "signal XX many:*",
    "signal HUP",
    "tail cat",
    "tail -0 nope",
    "tail -5 cat Foo",
    "tail -x cat",
    "tail -5",
    "tail -f nope",
    "maintail x",
    "avail",
    "reread",
    "update",
    "update nope",
    "pid",
    "pid all",
    "pid cat off nope",
    "version",
    "help nope",
    "add cat nope",
    "remove cat nope",
    "clear nope",
    "fg bad",
    "fg a b",
    "fg nope",
    "open ftp://x",
    "Status",
    "!ls",
];

/// Without times, which differ from call to call.
fn timeless(text: &str) -> String {
    text.lines().map(|line| line.split(", uptime").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

fn start(sandbox: &Sandbox) -> Daemon<'_> {
    sandbox.configure(PROGRAMS);
    let daemon = Launch::of(Implementation::Reference, sandbox).arg("-c").arg("supervisord.conf").start_up();
    daemon.wait_for_state("0", "RUNNING");
    daemon.wait_for_state("cat", "RUNNING");
    daemon
}

// C-420 to C-472
#[test]
fn commands_look_as_the_references_do() {
    let sandbox = Sandbox::new();
    let _daemon = start(&sandbox);
    for line in HARMLESS {
        let [theirs, ours] = [Implementation::Reference, Implementation::Ours].map(|which| {
            let Said { status, out: text } = run(which, &sandbox, line, "");
            // The explanations of the help are free (C-492).
            (
                status,
                timeless(&text).lines().map(|it| it.split('\t').next().unwrap_or(it).to_owned()).collect(),
            )
        });
        let theirs: (_, Vec<String>) = theirs;
        assert_eq!(ours, theirs, "{line}");
    }
}

// C-444 to C-448: what changes something is undone before the other client's turn
#[test]
fn starting_and_stopping_look_as_the_references_do() {
    let sandbox = Sandbox::new();
    let _daemon = start(&sandbox);
    let lines = [
        "stop many:*",
        "start many:*",
        "restart cat many:1",
        "stop all",
        "start all",
        "stop off",
        "clear all",
    ];
    let all = |which| {
        lines.map(|line| {
            let Said { status, out: text } = run(which, &sandbox, line, "");
            // Of several, whoever is done first comes first: that is not the client's doing.
            let mut text: Vec<String> = text.lines().map(str::to_owned).collect();
            if !line.starts_with("restart") {
                text.sort();
            }
            (status, text)
        })
    };
    let theirs = all(Implementation::Reference);
    assert_eq!(all(Implementation::Ours), theirs);
}

// C-480 to C-483
#[test]
fn the_shell_reads_from_a_pipe() {
    let sandbox = Sandbox::new();
    let _daemon = start(&sandbox);
    for input in ["status cat\n\n  pid off \nbogus\n? nope\nquit\n", "version", "shutdown\nn\n"] {
        let [theirs, ours] = [Implementation::Reference, Implementation::Ours].map(|which| {
            let Said { status, out: text } = run(which, &sandbox, "", input);
            (status, timeless(&text))
        });
        assert_eq!(ours, theirs, "{input}");
    }
}

// C-425: where there is no server
#[test]
fn no_server() {
    let sandbox = Sandbox::new();
    sandbox.configure(PROGRAMS);
    for line in ["status", "pid", "shutdown", "-s http://localhost:1 status", "-s http://localhost:1 start x"]
    {
        let theirs = run(Implementation::Reference, &sandbox, line, "");
        assert_eq!(run(Implementation::Ours, &sandbox, line, ""), theirs, "{line}");
    }
}

// C-464, C-466, C-483, C-485, C-486
#[test]
fn the_shell_in_a_terminal() {
    let sandbox = Sandbox::new();
    let _daemon = start(&sandbox);
    let steps = [
        ["supervisor> ", "status man\t\t"],
        ["many:1", "\u{15}tail -f cat\r"],
        ["exit <==", "\u{3}"],
        ["supervisor> ", "fg cat\r"],
        ["exit <==", "hallo\r"],
        ["hallo\r\nhallo", "\u{3}"],
        ["Exiting foreground", "versi\t\r"],
        ["4.3.0", "\u{4}"],
    ];
    let said = ctl::at_terminal(Implementation::Ours, &sandbox, "-r history", &steps);
    assert_eq!(said.status, Some(0), "{said:?}");
    assert_eq!(sandbox.read("history"), "tail -f cat\nfg cat\nversion \n");
}
