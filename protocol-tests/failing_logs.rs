//! Logs that cannot take what they are given: stuck, full, gone, hanging (daemon.md, section 9).
//!
//! What must hold: output may be lost, and then it is told; everything else goes on in time (D-407).

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::daemonize::privileged;
use crate::harness::daemon::{Daemon, Launch};
use crate::harness::processes;
use crate::harness::sandbox::Sandbox;

/// Starts a program that floods its log, a FIFO, beside one that comes again and again.
fn with_stuck_log(sandbox: &Sandbox) -> Daemon<'_> {
    sandbox.write("flood.py", include_str!("scripts/flood.py"));
    sandbox.configure(
        "[program:stuck]\ncommand=python3 @DIR@/flood.py 0\nstdout_logfile=@DIR@/fifo\nstdout_logfile_maxbytes=0\npriority=1\n\
         [program:other]\ncommand=sleep 1.1\nautorestart=true\nstdout_logfile=NONE\npriority=2\n",
    );
    Launch::new(sandbox).start_up()
}

fn fifo(sandbox: &Sandbox) -> std::path::PathBuf {
    let path = sandbox.path("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    path
}

/// The other program is started, ends and is started again in time.
fn assert_others_go_on(daemon: &Daemon<'_>) {
    daemon.wait_for_nth_log(4, "spawned: 'other'");
    let log = daemon.log();
    let at =
        |text: &str| log.iter().filter(|it| it.text.contains(text)).map(|it| it.at).collect::<Vec<i64>>();
    let (spawned, exited) = (at("spawned: 'other'"), at("exited: other"));
    for (exit, start) in exited.iter().zip(&spawned[1..]) {
        assert!(start - exit < 500, "restarted {} ms after its end", start - exit);
    }
    for (start, exit) in spawned.iter().zip(&exited) {
        assert!(exit - start < 2000, "its end was seen {} ms after its start", exit - start);
    }
    assert!(daemon.processes().is_ok());
}

// D-407: a FIFO whose reader does not read
#[test]
fn a_stuck_log_holds_up_nobody_else() {
    let sandbox = Sandbox::new();
    let _reader = fs::OpenOptions::new().read(true).write(true).open(fifo(&sandbox)).unwrap();
    let daemon = with_stuck_log(&sandbox);
    daemon.wait_for_log("spawned: 'stuck'");
    assert_others_go_on(&daemon);
    daemon.signal(Signal::SIGTERM);
    let asked = daemon.wait_for_log("received SIGTERM");
    let stopped = daemon.wait_for_log("stopped: stuck (terminated by SIGTERM)");
    assert!(stopped.at - asked.at < 3000, "stopped after {} ms", stopped.at - asked.at);
    assert_eq!(daemon.wait().code(), Some(0));
    assert_dropped(&sandbox, "stuck");
}

// D-403, D-407: a FIFO that nobody has opened to read
#[test]
fn a_log_without_a_reader_holds_up_nobody_else() {
    let sandbox = Sandbox::new();
    fifo(&sandbox);
    let daemon = with_stuck_log(&sandbox);
    assert_others_go_on(&daemon);
    let asked = Instant::now();
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "stopped after {:?}", asked.elapsed());
}

/// The loss is told, with how many bytes.
fn assert_dropped(sandbox: &Sandbox, process: &str) {
    let log = sandbox.read("supervisord.log");
    let told = log.lines().any(|line| {
        line.contains("dropped") && line.contains(process) && line[25..].chars().any(|it| it.is_ascii_digit())
    });
    assert!(told, "nothing tells of dropped output of {process}:\n{log}");
}

// D-407
#[test]
fn a_full_device_loses_output_and_nothing_else() {
    let sandbox = Sandbox::new();
    sandbox.write("flood.py", include_str!("scripts/flood.py"));
    sandbox.configure(
        "[program:x]\ncommand=python3 @DIR@/flood.py 1000000\nstdout_logfile=/dev/full\nstdout_logfile_maxbytes=0\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("all of it to be taken", || sandbox.has("done"));
    daemon.wait_for_state("x", "RUNNING");
    daemon.wait_for_log("dropped");
    assert_eq!(daemon.stop().code(), Some(0));
    assert_dropped(&sandbox, "x");
}

/// Mounts something on a folder of the sandbox until dropped.
pub struct Mount {
    target: std::path::PathBuf,
    image: Option<String>,
}

impl Mount {
    /// A small disk in memory.
    pub fn tmpfs(sandbox: &Sandbox, name: &str, size: &str) -> Self {
        let target = sandbox.make_dir(name);
        must(Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(&target));
        Self { target, image: None }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _lazily = Command::new("umount").arg("-l").arg(&self.target).stderr(Stdio::null()).status();
        if let Some(device) = &self.image {
            let _detached = Command::new("losetup").arg("-d").arg(device).status();
        }
    }
}

/// Runs a program that must succeed; what it said.
pub fn must(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

// D-407: and it goes on writing once there is room
#[test]
fn a_full_disk_loses_output_until_there_is_room() {
    if !privileged() {
        return;
    }
    let sandbox = Sandbox::new();
    let _mount = Mount::tmpfs(&sandbox, "small", "256k");
    sandbox.write("x.sh", "until test -e @DIR@/go; do echo some output that takes room on the small disk; done; echo and now there is room; exec sleep 1000\n");
    sandbox.configure(
        "[program:x]\ncommand=sh @DIR@/x.sh\nstdout_logfile=@DIR@/small/x.log\nstdout_logfile_maxbytes=0\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    let told = daemon.wait_for_log("No space left on device");
    assert!(["ERRO", "WARN", "CRIT"].contains(&told.level.as_str()));
    assert!(told.text.contains('x'));
    let pid = daemon.pid_of("x");
    fs::write(sandbox.path("small/x.log"), "").unwrap();
    sandbox.write("go", "");
    daemon
        .until("output in the file again", || sandbox.read("small/x.log").contains("and now there is room"));
    assert_eq!(daemon.pid_of("x"), pid);
    assert_eq!(daemon.stop().code(), Some(0));
    assert_dropped(&sandbox, "x");
}

// D-407, D-435
#[test]
fn the_folder_of_a_log_may_vanish() {
    let sandbox = Sandbox::new();
    sandbox.make_dir("folder");
    sandbox.write("flood.py", include_str!("scripts/flood.py"));
    sandbox.write(
        "x.sh",
        "echo before; until test -e @DIR@/go; do sleep 0.02; done; exec python3 @DIR@/flood.py 300000\n",
    );
    sandbox.configure(
        "[program:x]\ncommand=sh @DIR@/x.sh\nstdout_logfile=@DIR@/folder/x.log\nstdout_logfile_maxbytes=100KB\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("the first line", || sandbox.read("folder/x.log") == "before\n");
    fs::remove_dir_all(sandbox.path("folder")).unwrap();
    sandbox.write("go", "");
    daemon.until("all of it to be taken", || sandbox.has("done"));
    daemon.signal(Signal::SIGUSR2);
    daemon.wait_for_log("supervisord logreopen");
    daemon.wait_for_state("x", "RUNNING");
    assert_eq!(daemon.stop().code(), Some(0));
}

/// A file system of its own, in a file; `None` where there are no loop devices.
fn disk(sandbox: &Sandbox, name: &str) -> Option<Mount> {
    let image = sandbox.path("image");
    fs::File::create(&image).unwrap().set_len(8 << 20).unwrap();
    must(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
    let attach = Command::new("losetup").args(["--find", "--show"]).arg(&image).output().unwrap();
    if !attach.status.success() {
        eprintln!("left out: no loop devices here");
        return None;
    }
    let device = String::from_utf8(attach.stdout).unwrap().trim().to_owned();
    let mount = Mount { target: sandbox.make_dir(name), image: Some(device.clone()) };
    must(Command::new("mount").arg(device).arg(&mount.target));
    Some(mount)
}

/// A frozen file system: whoever writes to it hangs until this is dropped.
struct Frozen<'m>(&'m Mount);

impl<'m> Frozen<'m> {
    fn new(mount: &'m Mount) -> Self {
        must(Command::new("fsfreeze").arg("-f").arg(&mount.target));
        Self(mount)
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        let _thawed = Command::new("fsfreeze").arg("-u").arg(&self.0.target).stderr(Stdio::null()).status();
    }
}

// D-407: a disk that hangs
#[test]
fn a_hanging_disk_holds_up_nobody_else() {
    if !privileged() {
        return;
    }
    let sandbox = Sandbox::new();
    let Some(disk) = disk(&sandbox, "disk") else {
        return;
    };
    sandbox.write("flood.py", include_str!("scripts/flood.py"));
    sandbox.configure(
        "[program:hangs]\ncommand=sh -c \"until test -e @DIR@/go; do sleep 0.02; done; exec python3 @DIR@/flood.py 0\"\n\
         stdout_logfile=@DIR@/disk/x.log\nstdout_logfile_maxbytes=0\nautorestart=false\n\
         [program:other]\ncommand=sleep 1.1\nautorestart=true\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("spawned: 'hangs'");
    let frozen = Frozen::new(&disk); // dropped before the daemon, which could not die
    sandbox.write("go", "");
    let before = daemon.count_log("spawned: 'other'");
    daemon.wait_for_nth_log(before + 2, "spawned: 'other'");
    assert!(daemon.processes().is_ok());
    processes::send(daemon.pid_of("hangs"), Signal::SIGKILL);
    let exited = daemon.wait_for_log("exited: hangs (terminated by SIGKILL");
    assert_eq!(exited.level, "WARN");
    let again = daemon.count_log("spawned: 'other'");
    daemon.wait_for_nth_log(again + 2, "spawned: 'other'");
    drop(frozen);
    assert_eq!(daemon.stop().code(), Some(0));
}
