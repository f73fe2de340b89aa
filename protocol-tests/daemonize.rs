//! Becoming a daemon, pidfile and socket, second instances, privileges, limits (daemon.md, section 5).

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;

use nix::sys::signal::Signal;

use crate::harness::daemon::{Daemon, Implementation, Launch};
use crate::harness::sandbox::Sandbox;
use crate::harness::{processes, rpc, script_child, wait};

/// Starts it as a daemon and tells its pid, once the pidfile is there (D-210).
fn daemonize(sandbox: &Sandbox, launch: Launch<'_>) -> i32 {
    assert_eq!(launch.run().code(), Some(0));
    wait::until("the pidfile", || sandbox.read("supervisord.pid").trim().parse().ok())
}

fn wait_for_log(sandbox: &Sandbox, text: &str) {
    wait::until_true(text, || sandbox.read("supervisord.log").contains(text));
}

fn end(sandbox: &Sandbox, pid: i32) {
    processes::send(pid, Signal::SIGTERM);
    wait::until_true("its end", || !processes::is_alive(pid));
    assert!(!sandbox.has("supervisord.pid"));
}

/// Another line in `[supervisord]` comes too late for `nodaemon=true` of the base to count.
const DAEMON: &str = "[supervisord]\nnodaemon=false\n";

// D-210, D-212, D-213
#[test]
fn it_leads_a_session_of_its_own_without_a_terminal() {
    let sandbox = Sandbox::new();
    sandbox.configure(DAEMON);
    let pid = daemonize(&sandbox, Launch::new(&sandbox));
    wait_for_log(&sandbox, "supervisord started with pid");
    assert!(sandbox.read("supervisord.log").contains("INFO daemonizing the supervisord process"));
    assert_eq!((processes::session(pid), processes::group(pid)), (Some(pid), Some(pid)));
    for fd in 0..3 {
        let target = std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap();
        assert_eq!(target.to_str(), Some("/dev/null"));
    }
    assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), sandbox.dir());
    end(&sandbox, pid);
}

// D-105, D-113, D-211, D-348
#[test]
fn umask_and_directory_count_when_daemonizing() {
    let sandbox = Sandbox::new();
    script_child::install(&sandbox);
    sandbox.make_dir("home");
    sandbox.configure(&format!(
        "{DAEMON}umask=077\ndirectory=@DIR@/home\n[program:x]\ncommand=python3 @DIR@/report.py stay\nstdout_logfile=x.log\n"
    ));
    let pid = daemonize(&sandbox, Launch::new(&sandbox));
    let report = script_child::report(&sandbox, "x:x");
    assert_eq!(report["umask"], "077");
    assert_eq!(report["cwd"], sandbox.path("home").to_str().unwrap());
    assert_eq!(processes::status_line(pid, "Umask").as_deref(), Some("0077"));
    wait_for_log(&sandbox, "supervisord started with pid");
    let home = format!("INFO set current directory: '{}'", sandbox.path("home").display());
    assert!(sandbox.read("supervisord.log").contains(&home));
    assert!(sandbox.has("home/x.log"), "D-214: relative log paths belong to the new folder");
    end(&sandbox, pid);
}

// D-214, D-267
#[test]
fn relative_paths_of_its_own_belong_to_the_folder_it_was_started_in() {
    let sandbox = Sandbox::new();
    sandbox.make_dir("home");
    sandbox.write(
        "supervisord.conf",
        "[supervisord]\nlogfile=supervisord.log\npidfile=supervisord.pid\nchildlogdir=auto\ndirectory=@DIR@/home\n\
         [unix_http_server]\nfile=s.sock\n\
         [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
         [program:x]\ncommand=sleep 1000\nstartsecs=0\n",
    );
    let pid = daemonize(&sandbox, Launch::new(&sandbox));
    wait_for_log(&sandbox, "spawned: 'x'");
    assert!(sandbox.has("s.sock"));
    assert_eq!(sandbox.list("auto").len(), 2);
    processes::send(pid, Signal::SIGHUP);
    wait::until_true("a second start", || {
        sandbox.read("supervisord.log").matches("spawned: 'x'").count() == 2
    });
    assert_eq!(sandbox.read("supervisord.log").matches("daemonizing").count(), 1); // D-261
    assert!(sandbox.list("home").is_empty());
    end(&sandbox, pid);
}

// D-211
#[test]
fn a_directory_it_cannot_enter_is_told() {
    if !privileged() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.set_mode(".", 0o777);
    sandbox.set_mode("auto", 0o777);
    sandbox.make_dir("closed");
    sandbox.set_mode("closed", 0o700);
    sandbox.configure(&format!("{DAEMON}user=nobody\ndirectory=@DIR@/closed\n"));
    let pid = daemonize(&sandbox, Launch::new(&sandbox));
    wait_for_log(&sandbox, &sandbox.fill("CRIT can't chdir into '@DIR@/closed'"));
    end(&sandbox, pid);
}

// D-220
#[test]
fn the_pidfile_is_overwritten() {
    let sandbox = Sandbox::new();
    sandbox.configure("");
    sandbox.write("supervisord.pid", "12345 and more\n");
    let daemon = Launch::new(&sandbox).start_up();
    assert_eq!(sandbox.read("supervisord.pid"), format!("{}\n", daemon.pid()));
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(!sandbox.has("supervisord.pid"));
}

// D-220
#[test]
fn a_pidfile_that_cannot_be_written_is_told() {
    let sandbox = Sandbox::new();
    sandbox.make_dir("folder");
    sandbox.configure("[supervisord]\npidfile=@DIR@/folder\n[program:x]\ncommand=sleep 1000\n");
    let daemon = Launch::new(&sandbox).start();
    let record = daemon.wait_for_log(&sandbox.fill("could not write pidfile @DIR@/folder"));
    assert_eq!(record.level, "CRIT");
    daemon.wait_for_log("spawned: 'x'");
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(sandbox.has("folder"));
}

const TAKEN: &str = "Error: Another program is already listening on a port that one of our HTTP servers is configured \
    to use.  Shut this program down first before starting supervisord.";

// D-032, D-221
#[test]
fn a_second_instance_leaves_the_first_alone() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=sh -c 'echo hello; exec sleep 1000'\nstartsecs=0\n");
    let first = Launch::new(&sandbox).start_up();
    let child = first.pid_of("x");
    let auto = sandbox.list("auto");
    let second = Launch::new(&sandbox).run();
    assert_eq!(second.code(), Some(2));
    assert!(sandbox.read("err").contains(TAKEN));
    assert_eq!(sandbox.read("supervisord.pid"), format!("{}\n", first.pid()));
    assert_eq!(first.pid_of("x"), child);
    assert_eq!(sandbox.list("auto"), auto, "its AUTO logs are still there");
    assert_eq!(first.stop().code(), Some(0));
}

// D-206, D-221: told on the terminal even when it would become a daemon
#[test]
fn a_port_that_is_taken_is_told_before_daemonizing() {
    let sandbox = Sandbox::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    sandbox.configure(&format!("{DAEMON}[inet_http_server]\nport=127.0.0.1:{port}\n"));
    assert_eq!(Launch::new(&sandbox).run().code(), Some(2));
    assert!(sandbox.read("err").contains(TAKEN));
    assert!(!sandbox.has("supervisord.pid"));
}

// D-222
#[test]
fn a_stale_socket_is_removed() {
    let sandbox = Sandbox::new();
    sandbox.configure("");
    drop(UnixListener::bind(sandbox.path("s.sock")).unwrap());
    let daemon = Launch::new(&sandbox).start_up();
    assert!(sandbox.read("err").contains(&sandbox.fill("Unlinking stale socket @DIR@/s.sock")));
    assert!(rpc::call(&sandbox.path("s.sock"), "supervisor.getState", &[]).is_ok());
    assert_eq!(daemon.stop().code(), Some(0));
}

// D-118
#[test]
fn the_socket_has_the_mode_that_is_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.configure("[unix_http_server]\nchmod=0750\n");
    let _daemon = Launch::new(&sandbox).start_up();
    let facts = std::fs::metadata(sandbox.path("s.sock")).unwrap();
    assert_eq!(facts.permissions().mode() & 0o7777, 0o750);
}

// D-223
#[test]
fn other_socket_errors_are_named() {
    let sandbox = Sandbox::new();
    sandbox.configure("[unix_http_server]\nfile=@DIR@/nosuch/s.sock\n");
    assert_eq!(Launch::new(&sandbox).run().code(), Some(2));
    let error = "Error: Cannot open an HTTP server: socket.error reported errno.ENOENT (2)";
    assert!(sandbox.read("err").contains(error));
}

// D-033
#[test]
fn a_main_log_that_cannot_be_opened_ends_the_start() {
    let sandbox = Sandbox::new();
    sandbox.make_dir("folder");
    sandbox.configure("[supervisord]\nlogfile=@DIR@/folder\n");
    let status = Launch::new(&sandbox).run();
    assert!(status.code().is_some_and(|it| it != 0), "{status}");
    assert!(sandbox.read("err").contains("Error"));
}

// D-107, D-224
#[test]
fn the_log_is_copied_to_stdout_in_the_foreground_unless_silent() {
    for (silent, copied) in [("false", true), ("true", false)] {
        let sandbox = Sandbox::new();
        sandbox.configure(&format!("[supervisord]\nsilent={silent}\n"));
        let daemon = Launch::new(&sandbox).start_up();
        assert_eq!(daemon.stop().code(), Some(0));
        let expected = if copied { sandbox.read("supervisord.log") } else { String::new() };
        assert_eq!(sandbox.read("out"), expected);
    }
}

/// Whether the test runs as root; without it, only a few tests are left out.
pub fn privileged() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("left out: this test needs root");
    }
    is_root
}

// D-201, D-203, D-245
#[test]
fn it_becomes_the_user_before_it_makes_files() {
    if !privileged() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.set_mode(".", 0o777);
    sandbox.set_mode("auto", 0o777);
    sandbox.configure("[supervisord]\nuser=nobody\n[program:x]\ncommand=sleep 1000\nstartsecs=0\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("Set uid to user 65534 succeeded");
    assert_eq!(daemon.count_log("running as root"), 0);
    for name in ["supervisord.log", "supervisord.pid", "s.sock"] {
        assert_eq!(std::fs::metadata(sandbox.path(name)).unwrap().uid(), 65534, "{name}");
    }
    let groups = processes::status_line(daemon.pid(), "Groups").unwrap();
    assert_eq!(groups.split_whitespace().collect::<Vec<_>>(), ["65534"]);
    assert_eq!(daemon.stop().code(), Some(0));
}

// D-203
#[test]
fn running_as_root_is_warned_of() {
    if !privileged() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.configure("");
    let daemon = Launch::new(&sandbox).start_up();
    let record = daemon.wait_for_log("Supervisor is running as root.");
    assert_eq!(
        record.line(),
        "CRIT Supervisor is running as root.  Privileges were not dropped because no user is specified in the config \
         file.  If you intend to run as root, you can set user=root in the config file to avoid this message."
    );
}

// D-032, D-245
#[test]
fn who_is_not_root_cannot_become_another() {
    if !privileged() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.configure("[supervisord]\nuser=root\n");
    let status = as_nobody(&sandbox, Implementation::under_test());
    assert_eq!(status.wait().code(), Some(2));
    assert!(sandbox.read("err").contains("Error: Can't drop privilege as nonroot user"));
}

/// Starts a copy of supervisord that nobody can reach, as nobody.
fn as_nobody(sandbox: &Sandbox, implementation: Implementation) -> Daemon<'_> {
    let program = match implementation {
        Implementation::Ours => {
            std::fs::copy(implementation.supervisord(), sandbox.path("supervisord")).unwrap();
            sandbox.path("supervisord")
        }
        Implementation::Reference => implementation.supervisord(),
    };
    let ids = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let launch = ids.iter().fold(Launch::program("setpriv", sandbox), Launch::arg);
    launch.arg(program).arg("-c").arg("supervisord.conf").start()
}

// D-202, D-250
#[test]
fn limits_are_raised_and_inherited() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[supervisord]\nminfds=500\n[program:x]\ncommand=sh -c 'ulimit -n > @DIR@/limit; exec sleep 1000'\n",
    );
    let command = format!(
        "ulimit -Sn 100; exec {} -c supervisord.conf",
        Implementation::under_test().supervisord().display()
    );
    let daemon = Launch::program("sh", &sandbox).arg("-c").arg(command).start_up();
    daemon.wait_for_log("Increased RLIMIT_NOFILE limit to 500");
    daemon.until("the child's limit", || sandbox.read("limit").trim() == "500");
}

// D-250: higher limits are left alone
#[test]
fn higher_limits_stay() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[supervisord]\nminfds=100\n[program:x]\ncommand=sh -c 'ulimit -n > @DIR@/limit; exec sleep 1000'\n",
    );
    let command = format!(
        "ulimit -Sn 300; exec {} -c supervisord.conf",
        Implementation::under_test().supervisord().display()
    );
    let daemon = Launch::program("sh", &sandbox).arg("-c").arg(command).start_up();
    daemon.until("the child's limit", || sandbox.read("limit").trim() == "300");
    assert_eq!(daemon.count_log("Increased RLIMIT"), 0);
}

// D-251
#[test]
fn limits_that_cannot_be_had_end_the_start() {
    if !privileged() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.set_mode(".", 0o777);
    sandbox.set_mode("auto", 0o777);
    sandbox.configure("[supervisord]\nminfds=999999999\n");
    let status = as_nobody(&sandbox, Implementation::under_test()).wait();
    assert_eq!(status.code(), Some(2));
    let error = sandbox.read("err");
    assert!(
        error.starts_with("Error: ") && error.contains("minfds") && error.contains("999999999"),
        "{error}"
    );
}
