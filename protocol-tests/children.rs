//! What a child is given, and what becomes of those nobody started (daemon.md, section 8).
//!
//! Much of this is compared with the reference in `configs/run/children.cases`; here stands what the
//! comparison cannot see, or where ours differs.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::daemonize::privileged;
use crate::harness::daemon::{Implementation, Launch};
use crate::harness::helper::Helper;
use crate::harness::sandbox::Sandbox;
use crate::harness::{ports, processes, script_child, wait};

// D-347: as a program sees it that changes nothing itself
#[test]
fn no_signal_is_blocked_or_ignored() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=grep Sig /proc/self/status\nstdout_logfile=@DIR@/x.log\nstartsecs=0\nautorestart=false\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("exited: x");
    let text = sandbox.read("x.log");
    let mask = |name: &str| {
        let line = text.lines().find_map(|it| it.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    let of_the_c_library = 1 << 31 | 1 << 32;
    assert_eq!((mask("SigBlk:"), mask("SigIgn:") & !of_the_c_library), (0, 0), "{text}");
}

// D-341: also with many descriptors open in the daemon
#[test]
fn nothing_but_its_three_streams_reaches_a_child() {
    let sandbox = Sandbox::new();
    let others: String =
        (0..20).map(|n| format!("[program:p{n}]\ncommand=sleep 1000\npriority=1\n")).collect();
    sandbox.configure(&format!("{others}[program:x]\ncommand=ls -l /proc/self/fd\nstdout_logfile=@DIR@/x.log\nstartsecs=0\nautorestart=false\n"));
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("exited: x");
    let text = sandbox.read("x.log");
    let open: Vec<&str> = text.lines().filter(|it| it.contains(" -> ")).collect();
    assert_eq!(open.len(), 4, "{text}"); // the fourth is the listing itself
    assert!(open[..3].iter().all(|it| it.contains("pipe:")), "{text}");
}

// D-341: reading stdin blocks
#[test]
fn stdin_stays_open() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=cat\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("x", "RUNNING");
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(sandbox.read("supervisord.log").contains("stopped: x (terminated by SIGTERM)"));
}

// D-343, D-345
#[test]
fn a_user_it_cannot_become_is_told_on_stderr() {
    if !privileged() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.set_mode(".", 0o777);
    sandbox.set_mode("auto", 0o777);
    sandbox.configure(
        "[supervisord]\nuser=nobody\n[program:x]\ncommand=sleep 1000\nuser=root\nstderr_logfile=@DIR@/x.err\nstartretries=0\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("exited: x (exit status 127; not expected)");
    let expected = "supervisor: couldn't setuid to 0: Can't drop privilege as nonroot user\n\
                    supervisor: child process was not spawned\n";
    assert_eq!(sandbox.read("x.err"), expected);
}

// D-342: the folder must be reachable by the user
#[test]
fn the_user_comes_before_the_folder() {
    if !privileged() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.make_dir("closed");
    sandbox.set_mode("closed", 0o700);
    sandbox.configure(
        "[program:x]\ncommand=sleep 1000\nuser=nobody\ndirectory=@DIR@/closed\nstderr_logfile=@DIR@/x.err\nstartretries=0\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("gave up: x");
    let expected = sandbox.fill(
        "supervisor: couldn't chdir to @DIR@/closed: EACCES\nsupervisor: child process was not spawned\n",
    );
    assert_eq!(sandbox.read("x.err"), expected);
}

// D-334
#[test]
fn a_command_one_may_not_run() {
    if !privileged() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.set_mode(".", 0o777);
    sandbox.set_mode("auto", 0o777);
    sandbox.script("tool", "#!/bin/sh\n");
    sandbox.set_mode("tool", 0o700);
    sandbox.configure("[supervisord]\nuser=nobody\n[program:x]\ncommand=@DIR@/tool\nstartretries=0\n");
    let daemon = Launch::new(&sandbox).start_up();
    let told = daemon.wait_for_log("spawnerr: ");
    assert_eq!(told.line(), sandbox.fill("INFO spawnerr: no permission to run command '@DIR@/tool'"));
    let info = daemon.wait_for_state("x", "FATAL");
    assert_eq!(info.member("spawnerr"), sandbox.fill("no permission to run command '@DIR@/tool'")); // D-478
}

// D-352: the end is seen although somebody holds the pipe, and what was written before is kept
#[test]
fn an_exit_is_seen_while_grandchildren_hold_the_pipe() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:x]\ncommand=sh -c \"(trap '' TERM; while echo late; do sleep 0.01; done; echo broken > @DIR@/saw_epipe) & echo early; exit 0\"\n\
         stdout_logfile=@DIR@/x.log\nstartsecs=0\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("exited: x (exit status 0; expected)");
    assert!(sandbox.read("x.log").contains("early\n"));
    daemon.until("the grandchild's broken pipe", || sandbox.has("saw_epipe") || !still_writes(&sandbox));
}

fn still_writes(sandbox: &Sandbox) -> bool {
    processes::belonging_to(sandbox.dir()).into_iter().any(|pid| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|it| it.contains("echo late"))
    })
}

// D-352: all of what was written before the end, also when it is much and the end comes at once
#[test]
fn what_was_written_before_the_end_is_kept() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "x.py",
        "import os\nfor n in range(6):\n    os.write(1, b'x' * 10000)\nos.write(1, b'end')\nos._exit(0)\n",
    );
    sandbox.configure("[program:x]\ncommand=python3 @DIR@/x.py\nstdout_logfile=@DIR@/x.log\nstartsecs=0\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("exited: x");
    assert_eq!(sandbox.read_bytes("x.log").len(), 60_003);
}

// D-353
#[test]
fn closing_its_outputs_does_not_end_a_process() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[supervisord]\nloglevel=debug\n[program:x]\ncommand=sh -c \"exec 1>&- 2>&-; exec sleep 1000\"\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_nth_log(2, "closed, stopped monitoring <");
    daemon.wait_for_state("x", "RUNNING");
    let used = || processes::cpu_ticks(daemon.pid()).unwrap();
    let before = used();
    wait::stays_true(Duration::from_secs(1), || true);
    assert!(used() - before < 20, "it spins"); // D-541
}

// D-350: many at once
#[test]
fn a_hundred_children_that_die_at_once_are_all_reaped() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:p]\ncommand=sleep 1000\nnumprocs=100\nprocess_name=%(program_name)s_%(process_num)d\nstartsecs=0\nautorestart=false\n\
         stdout_logfile=NONE\nstderr_logfile=NONE\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_nth_log(100, "spawned: 'p_");
    let pids: Vec<i32> =
        daemon.processes().unwrap().iter().map(|it| it.member("pid").parse().unwrap()).collect();
    pids.iter().for_each(|pid| processes::send(*pid, Signal::SIGKILL));
    daemon.wait_for_nth_log(100, "terminated by SIGKILL; not expected");
    assert!(pids.iter().all(|pid| processes::state(*pid).is_none()), "a zombie is left");
}

/// Becomes a subreaper, then supervisord.
pub const SUBREAPER: &str =
    "import ctypes, os, sys\nctypes.CDLL(None).prctl(36, 1)\nos.execv(sys.argv[1], sys.argv[1:])\n";

// D-351
#[test]
fn orphans_are_reaped_and_told() {
    let sandbox = Sandbox::new();
    sandbox.write("subreaper.py", SUBREAPER);
    sandbox.configure(
        "[program:x]\ncommand=sh -c '(sleep 0.5; exit 3) & exec sleep 0.1'\nstartsecs=0\nautorestart=false\n",
    );
    let launch = Launch::program("python3", &sandbox).arg(sandbox.path("subreaper.py"));
    let launch = launch.arg(Implementation::under_test().supervisord()).arg("-c").arg("supervisord.conf");
    let daemon = launch.start_up();
    daemon.wait_for_log("exited: x (exit status 0; expected)");
    let record = daemon.wait_for_log("reaped unknown pid ");
    assert_eq!(record.level, "INFO");
    assert!(record.text.ends_with("(exit status 3)"), "{}", record.text);
    assert_eq!(daemon.stop().code(), Some(0));
}

// D-351: in a container it is process 1
#[test]
fn it_can_be_process_one() {
    if !privileged() {
        return;
    }
    let sandbox = Sandbox::new();
    script_child::install(&sandbox);
    sandbox.configure(
        "[program:x]\ncommand=sh -c '(sleep 0.5; exit 3) & exec sleep 0.1'\nstartsecs=0\nautorestart=false\n\
         [program:y]\ncommand=python3 @DIR@/report.py stay\n",
    );
    let launch = ["--fork", "--pid", "--mount-proc", "--kill-child"]
        .iter()
        .fold(Launch::program("unshare", &sandbox), Launch::arg);
    let launch = launch.arg(Implementation::under_test().supervisord()).arg("-c").arg("supervisord.conf");
    let daemon = launch.start();
    daemon.wait_for_log("supervisord started with pid 1");
    assert!(daemon.wait_for_log("reaped unknown pid ").text.ends_with("(exit status 3)"));
    daemon.wait_for_state("y", "RUNNING");
    let supervisord = wait::until("the daemon's pid outside", || {
        processes::belonging_to(sandbox.dir())
            .into_iter()
            .find(|it| processes::parent(*it) == Some(daemon.pid()))
    });
    processes::send(supervisord, Signal::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0));
}

// D-346: the second choice
#[test]
fn without_a_unix_server_the_url_is_that_of_the_inet_server() {
    let sandbox = Sandbox::new();
    script_child::install(&sandbox);
    let port = ports::free();
    sandbox.write(
        "supervisord.conf",
        &format!("[supervisord]\nnodaemon=true\n[inet_http_server]\nport=:{port}\n[program:x]\ncommand=python3 @DIR@/report.py stay\nstdout_logfile=NONE\nstderr_logfile=NONE\n"),
    );
    let daemon = Launch::new(&sandbox).stdout(Stdio::null()).start_up();
    let report = script_child::report(&sandbox, "x:x");
    assert_eq!(report["environment"]["SUPERVISOR_SERVER_URL"], format!("http://localhost:{port}"));
    assert_eq!(daemon.stop().code(), Some(0));
}

// D-336, D-335: out of descriptors the start fails, and succeeds when there are some again
#[test]
fn out_of_descriptors() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[supervisord]\nminfds=60\n[program:p]\ncommand=sleep 1000\nnumprocs=40\nprocess_name=%(program_name)s_%(process_num)d\nstartretries=0\n",
    );
    let command = format!(
        "ulimit -n 60; exec {} -c supervisord.conf",
        Implementation::under_test().supervisord().display()
    );
    let daemon = Launch::program("sh", &sandbox).arg("-c").arg(command).start_up();
    let record = daemon.wait_for_log("spawnerr: ");
    assert!(
        record.text.contains("too many open files to spawn 'p_")
            || record.text.contains("unknown error making dispatchers for 'p_"),
        "{}",
        record.text
    );
    assert_eq!(daemon.stop().code(), Some(0));
}

/// Holds a lease on a file, so that whoever executes it has to wait.
const LEASE: &str = "import fcntl, os, signal, sys\n\
    signal.signal(signal.SIGIO, signal.SIG_IGN)\n\
    fcntl.fcntl(os.open(sys.argv[1], os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)\n\
    open(sys.argv[2], 'w').close()\n\
    sys.stdin.read()\n";

// D-279: also one whose execve lasts
#[test]
#[cfg(target_os = "linux")]
fn a_start_that_is_stuck_does_not_outlive_the_daemon() {
    let sandbox = Sandbox::new();
    let program = sandbox.path("slow-to-start");
    std::fs::copy("/bin/sleep", &program).unwrap();
    let lease = sandbox.write("lease.py", LEASE);
    let words = [lease, program, sandbox.path("held")].map(Into::into);
    let _holder = Helper::start(&sandbox, "python3".as_ref(), &words);
    wait::until_true("the lease", || sandbox.has("held"));
    sandbox.configure("[program:x]\ncommand=@DIR@/slow-to-start 1000\n");
    let daemon = Launch::new(&sandbox).start_up();
    let child = wait::until("the child", || processes::child_of(daemon.pid()));
    assert_eq!(daemon.stop().code(), Some(0));
    wait::until_true("the end of what was begun", || !processes::is_alive(child));
}

// A table that grows while threads share it holds up whoever needs more room.
#[test]
#[cfg(target_os = "linux")]
fn there_is_room_for_all_descriptors_from_the_start() {
    let sandbox = Sandbox::new();
    let programs: String =
        (0..250).map(|n| format!("[program:p{n}]\ncommand=cat\nautostart=false\n")).collect();
    sandbox.configure(&format!("[supervisord]\nminfds=1400\n{programs}"));
    let daemon = Launch::new(&sandbox).start_up();
    let size: usize = processes::status_line(daemon.pid(), "FDSize").unwrap().parse().unwrap();
    assert!(size >= 128 + 5 * 250, "{size}");
    assert!(daemon.descriptors() < 64);
    assert_eq!(daemon.stop().code(), Some(0));
}
