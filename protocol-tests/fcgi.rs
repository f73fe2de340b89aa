//! fcgi-programs and the sockets they share (daemon.md, section 4.5).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;

use nix::sys::signal::Signal;

use crate::daemonize::privileged;
use crate::harness::daemon::Launch;
use crate::harness::sandbox::Sandbox;
use crate::harness::{ports, processes};

/// Accepts on descriptor 0 and answers with its name.
const SERVER: &str = "import os, socket\n\
    listener = socket.socket(fileno=0)\n\
    while True:\n    \
        connection, _ = listener.accept()\n    \
        connection.sendall(os.environ['SUPERVISOR_PROCESS_NAME'].encode())\n    \
        connection.close()\n";

fn pool(socket: &str, more: &str) -> String {
    format!(
        "[fcgi-program:f]\ncommand=python3 @DIR@/server.py\nsocket={socket}\nnumprocs=2\n\
         process_name=%(program_name)s_%(process_num)d\nstartsecs=0\n{more}"
    )
}

fn answer(mut stream: impl Read + Write) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

// D-184, D-185, D-186, D-187
#[test]
fn processes_share_one_unix_socket_as_descriptor_0() {
    let sandbox = Sandbox::new();
    sandbox.write("server.py", SERVER);
    sandbox.write("f.sock", "in the way");
    sandbox.configure(&pool("unix://%(here)s/%(program_name)s.sock", "socket_mode=0750\n"));
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_nth_log(2, "spawned: 'f_");
    let log: Vec<String> = daemon.log().iter().map(|it| it.line()).collect();
    let creating = sandbox.fill("INFO Creating socket unix://@DIR@/f.sock");
    let place = |text: &str| log.iter().rposition(|it| it.contains(text)).unwrap();
    assert_eq!(
        log.iter().filter(|it| **it == creating).count(),
        2,
        "once to find errors early, once for good"
    );
    assert!(place("Creating socket") < log.iter().position(|it| it.contains("spawned: ")).unwrap());
    assert_eq!(daemon.count_log("Closing socket unix://"), 1);
    assert_eq!(std::fs::metadata(sandbox.path("f.sock")).unwrap().permissions().mode() & 0o7777, 0o750);
    let name = answer(UnixStream::connect(sandbox.path("f.sock")).unwrap());
    assert!(["f_0", "f_1"].contains(&name.as_str()), "{name}");

    let links: Vec<_> = ["f_0", "f_1"]
        .map(|it| std::fs::read_link(format!("/proc/{}/fd/0", daemon.pid_of(it))).unwrap())
        .into();
    assert!(links[0].to_str().unwrap().starts_with("socket:"));
    assert_eq!(links[0], links[1]);
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(
        sandbox.read("supervisord.log").contains(&sandbox.fill("INFO Closing socket unix://@DIR@/f.sock"))
    );
    assert!(sandbox.has("f.sock"), "it is left behind");
}

// D-186
#[test]
fn the_socket_lives_while_one_process_does() {
    let sandbox = Sandbox::new();
    sandbox.write("server.py", SERVER);
    sandbox.configure(&pool("unix://@DIR@/f.sock", "autorestart=false\n"));
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_nth_log(2, "spawned: 'f_");
    let closed = daemon.count_log("Closing socket");
    processes::send(daemon.pid_of("f_0"), Signal::SIGKILL);
    daemon.wait_for_log("exited: f_0");
    assert_eq!(answer(UnixStream::connect(sandbox.path("f.sock")).unwrap()), "f_1");
    assert_eq!(daemon.count_log("Closing socket"), closed);
    processes::send(daemon.pid_of("f_1"), Signal::SIGKILL);
    daemon.wait_for_nth_log(closed + 1, "Closing socket");
    assert!(UnixStream::connect(sandbox.path("f.sock")).is_err());
}

// D-184: the address can be had again at once, D-186
#[test]
fn tcp_sockets_are_made_again_after_a_reload() {
    let sandbox = Sandbox::new();
    sandbox.write("server.py", SERVER);
    let port = ports::free();
    sandbox.configure(&pool(&format!("tcp://127.0.0.1:{port}"), ""));
    let daemon = Launch::new(&sandbox).start_up();
    for n in 1..=3 {
        daemon.wait_for_nth_log(2 * n, "spawned: 'f_");
        let name = answer(TcpStream::connect(("127.0.0.1", port)).unwrap());
        assert!(["f_0", "f_1"].contains(&name.as_str()), "{name}");
        daemon.signal(Signal::SIGHUP);
        daemon.wait_for_nth_log(n + 1, "supervisord started with pid");
    }
}

// D-033, D-185
#[test]
fn a_socket_that_cannot_be_had_ends_the_start() {
    let sandbox = Sandbox::new();
    sandbox.write("server.py", SERVER);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    sandbox.configure(&pool(&format!("tcp://127.0.0.1:{port}"), ""));
    let status = Launch::new(&sandbox).run();
    assert!(status.code().is_some_and(|it| it != 0), "{status}");
    let text =
        format!("Could not create FastCGI socket tcp://127.0.0.1:{port}: [Errno 98] Address already in use");
    assert!(sandbox.read("err").contains(&text), "{}", sandbox.read("err"));
}

// D-183, D-188
#[test]
fn the_owner_is_who_is_asked_for_or_the_programs_user() {
    if !privileged() {
        return;
    }
    for (more, uid) in [("socket_owner=nobody:nogroup\n", 65534), ("user=nobody\n", 65534), ("", 0)] {
        let sandbox = Sandbox::new();
        sandbox.write("server.py", SERVER);
        sandbox.configure(&pool("unix://@DIR@/f.sock", more));
        let daemon = Launch::new(&sandbox).start_up();
        daemon.wait_for_nth_log(2, "spawned: 'f_");
        let facts = std::fs::metadata(sandbox.path("f.sock")).unwrap();
        assert_eq!((facts.uid(), facts.gid()), (uid, uid), "{more}");
        assert_eq!(facts.permissions().mode() & 0o7777, 0o700);
    }
}

// D-176: ours has its socket in a group too
#[test]
fn a_member_of_a_group_keeps_its_socket() {
    let sandbox = Sandbox::new();
    sandbox.write("server.py", SERVER);
    sandbox.configure(&pool("unix://@DIR@/f.sock", "[group:g]\nprograms=f\n"));
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_nth_log(2, "spawned: 'f_");
    let name = answer(UnixStream::connect(sandbox.path("f.sock")).unwrap());
    assert!(["f_0", "f_1"].contains(&name.as_str()), "{name}");
    assert_eq!(daemon.wait_for_state("f_0", "RUNNING").member("group"), "g");
}
