//! Logs that go to syslog (D-441), read by a socket of the test's own: in a mount namespace its socket
//! is `/dev/log`.

use std::os::unix::net::UnixDatagram;

use nix::sys::signal::Signal;

use crate::daemonize::privileged;
use crate::harness::daemon::Launch;
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

/// Makes a `/dev` with little but the socket, then becomes the program.
const WITH_OWN_DEV: &str = r#"
set -e
mkdir dev
mount -t tmpfs none dev
for name in null zero full random urandom tty; do
    touch dev/$name
    mount --bind /dev/$name dev/$name
done
ln -s /proc/self/fd dev/fd
touch dev/log
mount --bind log.socket dev/log
mount --rbind dev /dev
exec "$@"
"#;

fn received(socket: &UnixDatagram, lines: &mut Vec<String>) {
    let mut buffer = [0; 4096];
    while let Ok(n) = socket.recv(&mut buffer) {
        lines.push(String::from_utf8_lossy(&buffer[..n]).trim_end_matches('\0').to_owned());
    }
}

// D-441, D-151
#[test]
fn child_and_main_logs_reach_syslog_line_by_line() {
    if !privileged() {
        return;
    }
    let sandbox = Sandbox::new();
    let socket = UnixDatagram::bind(sandbox.path("log.socket")).unwrap();
    socket.set_nonblocking(true).unwrap();
    sandbox.write(
        "supervisord.conf",
        "[supervisord]\nlogfile=syslog\npidfile=%(here)s/d.pid\nchildlogdir=%(here)s\n\
         [program:talker]\ncommand=sh -c 'printf \"one\\ntw\"; sleep 0.2; printf \"o\\n\\nthree\"'\n\
         stdout_syslog=true\nstdout_logfile=%(here)s/talker.log\nstartsecs=0\nautorestart=false\n",
    );
    let supervisord = env!("CARGO_BIN_EXE_supervisord");
    let daemon = ["-m", "sh", "-c", WITH_OWN_DEV, "sh", supervisord, "-n", "-c", "supervisord.conf"]
        .into_iter()
        .fold(Launch::program("unshare", &sandbox), Launch::arg)
        .start();
    let mut lines = Vec::new();
    let is_there = |lines: &[String], end: &str| lines.iter().any(|line| line.ends_with(end));
    let all = wait::within(wait::PATIENCE, || {
        received(&socket, &mut lines);
        let wanted = [
            ": talker one",
            ": talker two",
            ": talker ",
            ": talker three",
            "exited: talker (exit status 0; expected)",
        ];
        wanted.iter().all(|end| is_there(&lines, end)).then_some(())
    });
    assert!(all.is_some(), "{lines:#?}");
    // Facility user, priority info: 1 * 8 + 6. The main log's lines have its own format (D-460).
    assert!(lines.iter().all(|line| line.starts_with("<14>")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains(" INFO spawned: 'talker' with pid ")), "{lines:#?}");
    assert_eq!(sandbox.read("talker.log"), "one\ntwo\n\nthree");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0));
}
