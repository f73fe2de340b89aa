//! Child output, its files, and their rotation (daemon.md, section 9).

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::daemon::Launch;
use crate::harness::sandbox::Sandbox;

// D-205, D-420, D-421, D-422
#[test]
fn auto_logs_are_made_at_the_start_and_anew_at_a_reload() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[supervisord]\nidentifier=ident\n[program:both]\ncommand=sleep 1000\nautostart=false\n\
         [program:merged]\ncommand=sleep 1000\nredirect_stderr=true\n",
    );
    for old in [
        "x-stdout---ident-abcdefgh.log",
        "x-stderr---ident-abcdefgh.log.12",
        "y---ident-x.log",
        "y---ident-x.log.txt",
    ] {
        sandbox.write(&format!("auto/{old}"), "old");
    }
    let kept = ["x-stdout---other-abcdefgh.log", "x-stdout--ident-abcdefgh.log"];
    kept.iter().for_each(|it| drop(sandbox.write(&format!("auto/{it}"), "kept")));
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("spawned: 'merged'");
    let made = auto_logs(&sandbox, &kept);
    let stems: Vec<&str> = made.iter().filter_map(|it| it.split("---ident-").next()).collect();
    assert_eq!(stems, ["both-stderr", "both-stdout", "merged-stdout"]);
    for name in &made {
        let letters = name.split("---ident-").nth(1).unwrap().strip_suffix(".log").unwrap();
        assert!(
            letters.len() == 8
                && letters.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_')
        );
        let mode = fs::metadata(sandbox.path(&format!("auto/{name}"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_nth_log(2, "spawned: 'merged'");
    let again = auto_logs(&sandbox, &kept);
    assert_eq!(again.len(), 3);
    assert!(again.iter().all(|it| !made.contains(it)));
    assert_eq!(daemon.stop().code(), Some(0));
    assert_eq!(auto_logs(&sandbox, &kept), again, "they stay at exit");
}

/// AUTO logs but for these, which must be there too.
fn auto_logs(sandbox: &Sandbox, kept: &[&str]) -> Vec<String> {
    let all = sandbox.list("auto");
    assert!(kept.iter().all(|it| all.iter().any(|name| name == it)), "{all:?}");
    all.into_iter().filter(|it| !kept.contains(&it.as_str())).collect()
}

// D-110, D-423
#[test]
fn nocleanup_keeps_old_auto_logs() {
    let sandbox = Sandbox::new();
    sandbox.configure("[supervisord]\nnocleanup=true\n");
    sandbox.write("auto/x-stdout---supervisor-abcdefgh.log", "old");
    let daemon = Launch::new(&sandbox).start_up();
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(sandbox.has("auto/x-stdout---supervisor-abcdefgh.log"));
}

// D-400, D-401
#[test]
fn bytes_come_as_they_are_and_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write("x.log", "before\n");
    sandbox.configure("[program:x]\ncommand=sh -c \"printf 'a\\377\\000\\nb'; exec sleep 1000\"\nstdout_logfile=@DIR@/x.log\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("the bytes", || sandbox.read_bytes("x.log") == b"before\na\xff\0\nb");
}

// D-403: as in a container, where stdout is a pipe
#[test]
fn output_can_appear_on_the_daemons_own_streams() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[supervisord]\nsilent=true\n\
         [program:out]\ncommand=sh -c \"echo spoken; exec sleep 1000\"\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n\
         [program:err]\ncommand=sh -c \"echo cried >&2; exec sleep 1000\"\nstderr_logfile=/dev/fd/2\nstderr_logfile_maxbytes=0\n",
    );
    let (mut out, out_end) = std::io::pipe().unwrap();
    let (mut err, err_end) = std::io::pipe().unwrap();
    let daemon = Launch::new(&sandbox).stdout(out_end).stderr(err_end).start_with_its_streams();
    daemon.wait_for_log("success: out");
    daemon.wait_for_log("success: err");
    assert_eq!(daemon.stop().code(), Some(0));
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    assert_eq!(text, "spoken\n");
    text.clear();
    err.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("cried\n"), "{text}");
}

// D-403: where stdout is a file, the daemon's own lines do not cover what programs append to it
#[test]
fn output_on_a_stdout_that_is_a_file_is_kept() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:out]\ncommand=sh -c \"i=0; while [ $i -lt 20 ]; do echo spoken $i; i=$((i+1)); done\"\n\
         stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nstartsecs=0\nautorestart=false\n",
    );
    let stdout = std::fs::File::create(sandbox.path("out")).unwrap();
    let daemon = Launch::new(&sandbox).stdout(stdout).start_with_its_streams();
    daemon.wait_for_log("exited: out");
    assert_eq!(daemon.stop().code(), Some(0));
    let out = sandbox.read("out");
    assert_eq!(out.lines().filter(|line| line.starts_with("spoken ")).count(), 20, "{out}");
    assert!(out.contains("INFO exited: out"), "{out}");
}

// D-405
#[test]
fn one_pipe_keeps_the_order_of_both_streams() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "x.sh",
        "n=0; while test $n -lt 200; do echo $n; echo $n >&2; n=$((n + 1)); done; exec sleep 1000\n",
    );
    sandbox
        .configure("[program:x]\ncommand=sh @DIR@/x.sh\nredirect_stderr=true\nstdout_logfile=@DIR@/x.log\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("all lines", || sandbox.read("x.log").lines().count() == 400);
    let expected: String = (0..200).map(|n| format!("{n}\n{n}\n")).collect();
    assert_eq!(sandbox.read("x.log"), expected);
}

// D-402
#[test]
fn output_without_a_log_is_thrown_away() {
    let sandbox = Sandbox::new();
    sandbox.write("flood.py", include_str!("scripts/flood.py"));
    sandbox.configure(
        "[program:x]\ncommand=python3 @DIR@/flood.py 5000000\nstdout_logfile=NONE\nstderr_logfile=\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("all of it to be taken", || sandbox.has("done"));
    assert!(sandbox.list("auto").is_empty());
}

// D-440
#[test]
fn escape_sequences_are_stripped_from_file_and_main_log() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[supervisord]\nstrip_ansi=true\nloglevel=debug\n\
         [program:x]\ncommand=sh -c \"printf '\\033[1;31mred\\033[0m and plain\\n'; exec sleep 1000\"\nstdout_logfile=@DIR@/x.log\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("the text", || sandbox.read("x.log") == "red and plain\n");
    let record = daemon.wait_for_log("'x' stdout output:"); // D-406
    assert_eq!(record.line(), "DEBG 'x' stdout output:\nred and plain\n");
}

// D-406
#[test]
fn at_debug_all_output_is_in_the_main_log_too() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[supervisord]\nloglevel=debug\n[program:x]\ncommand=sh -c \"printf 'ok\\n'; sleep 0.3; printf '\\210x' >&2; exec sleep 1000\"\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    assert_eq!(daemon.wait_for_log("'x' stdout output:").line(), "DEBG 'x' stdout output:\nok\n");
    assert_eq!(
        daemon.wait_for_log("'x' stderr output:").line(),
        "DEBG 'x' stderr output:\nUndecodable: b'\\x88x'"
    );
}

// D-443, D-444
#[test]
fn what_is_captured_stays_out_of_the_file() {
    let sandbox = Sandbox::new();
    let parts = ["before<!--XSUPER", "VISOR:BEGIN-->with", "in<!--XSUPERVISOR:E", "ND-->after"];
    let script: String = parts.iter().map(|it| format!("printf '%s' '{it}'; sleep 0.1\n")).collect();
    sandbox.write("x.sh", &format!("{script}exit 0\n"));
    sandbox.configure(
        "[supervisord]\nloglevel=debug\n\
         [program:x]\ncommand=sh @DIR@/x.sh\nstdout_logfile=@DIR@/x.log\nstdout_capture_maxbytes=1MB\nstartsecs=0\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("'x' stdout emitted a comm event");
    daemon.wait_for_log("exited: x");
    assert_eq!(sandbox.read("x.log"), "beforeafter");
}

/// Files of a log from the oldest to the newest.
fn rotated(sandbox: &Sandbox, name: &str) -> Vec<String> {
    let mut numbers: Vec<u32> = sandbox
        .list(".")
        .iter()
        .filter_map(|it| it.strip_prefix(name)?.strip_prefix('.')?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let old = numbers.into_iter().rev().map(|n| format!("{name}.{n}"));
    old.chain([name.to_owned()]).collect()
}

/// Checks that the files hold the end of the stream of `flood.py`, unbroken; tells its first line.
fn assert_unbroken_end(sandbox: &Sandbox, name: &str, bytes: usize) -> usize {
    let all: Vec<u8> = rotated(sandbox, name).iter().flat_map(|it| sandbox.read_bytes(it)).collect();
    let lines: Vec<&[u8]> = all.split_inclusive(|it| *it == b'\n').collect();
    let number = |line: &[u8]| std::str::from_utf8(line).unwrap().trim().parse::<usize>().unwrap();
    // The oldest file may begin within a line.
    let whole: Vec<usize> = lines.iter().skip_while(|it| it.len() < 100).map(|it| number(it)).collect();
    let first = *whole.first().expect("some lines");
    for (at, n) in whole.iter().enumerate() {
        assert_eq!(*n, first + at, "the stream is broken");
    }
    assert_eq!(first + whole.len(), bytes / 100, "the end is missing");
    first
}

// D-430, D-431, D-442: 100 MB through rotation while the logs are reopened again and again
#[test]
fn no_byte_is_lost_or_repeated_by_rotation_and_reopening() {
    const BYTES: usize = 100_000_000;
    let sandbox = Sandbox::new();
    sandbox.write("flood.py", include_str!("scripts/flood.py"));
    sandbox.configure(&format!(
        "[supervisord]\nloglevel=warn\n[program:x]\ncommand=python3 @DIR@/flood.py {BYTES}\nstartsecs=0\n\
         stdout_logfile=@DIR@/x.log\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=10\n"
    ));
    let mut daemon = Launch::new(&sandbox).start();
    assert_eq!(daemon.come_up(), None);
    let mut next = Instant::now();
    daemon.until_within(Duration::from_secs(120), "100 MB to be taken", || {
        if Instant::now() >= next {
            daemon.signal(Signal::SIGUSR2);
            next = Instant::now() + Duration::from_millis(50);
        }
        sandbox.has("done")
    });
    assert_eq!(daemon.stop().code(), Some(0));
    let files = rotated(&sandbox, "x.log");
    assert_eq!(files.len(), 11);
    assert_unbroken_end(&sandbox, "x.log", BYTES);
    for name in &files[..10] {
        let length = sandbox.read_bytes(name).len();
        assert!((1 << 20..(1 << 20) + (128 << 10)).contains(&length), "{name} has {length} bytes");
    }
}

// D-432
#[test]
fn without_backups_a_full_file_is_emptied() {
    let sandbox = Sandbox::new();
    sandbox.write("flood.py", include_str!("scripts/flood.py"));
    sandbox.configure(
        "[program:x]\ncommand=python3 @DIR@/flood.py 3000000\nstartsecs=0\n\
         stdout_logfile=@DIR@/x.log\nstdout_logfile_maxbytes=500KB\nstdout_logfile_backups=0\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("all of it to be taken", || sandbox.has("done"));
    assert_eq!(daemon.stop().code(), Some(0));
    assert_eq!(rotated(&sandbox, "x.log").len(), 1);
    if !sandbox.read_bytes("x.log").is_empty() {
        assert_unbroken_end(&sandbox, "x.log", 3_000_000);
    }
    assert!(sandbox.read_bytes("x.log").len() < 500 << 10);
}

// D-431, D-434, D-435
#[test]
fn rotation_copes_with_files_that_are_there_or_gone() {
    let sandbox = Sandbox::new();
    sandbox.write("x.log", &"o".repeat(2000)); // larger than the limit from the start
    sandbox.write("x.log.1", "one");
    sandbox.write("x.log.2", "two");
    sandbox.write("x.log.7", "from an earlier setting");
    sandbox.write(
        "x.sh",
        "echo first; until test -e @DIR@/go; do sleep 0.02; done; printf '%01000d' 0; exec sleep 1000\n",
    );
    sandbox.configure(
        "[program:x]\ncommand=sh @DIR@/x.sh\nstdout_logfile=@DIR@/x.log\nstdout_logfile_maxbytes=1000\nstdout_logfile_backups=2\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("the first rotation", || sandbox.read("x.log.1").ends_with("ofirst\n"));
    assert_eq!(sandbox.read("x.log.2"), "one");
    daemon.until("an empty new file", || sandbox.has("x.log") && sandbox.read("x.log").is_empty()); // D-436
    fs::remove_file(sandbox.path("x.log.1")).unwrap();
    fs::remove_file(sandbox.path("x.log")).unwrap();
    sandbox.write("go", "");
    daemon.wait_for_state("x", "RUNNING");
    assert_eq!(sandbox.read("x.log.7"), "from an earlier setting");
    assert!(!sandbox.has("x.log.3"));
}

// D-460, D-463, D-101
#[test]
fn the_main_log_rotates_too() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[supervisord]\nlogfile_maxbytes=2000\nlogfile_backups=3\nloglevel=debug\n\
         [program:x]\ncommand=sh -c \"while :; do echo some more; sleep 0.01; done\"\nstdout_logfile=NONE\n",
    );
    let mut daemon = Launch::new(&sandbox).start();
    assert_eq!(daemon.come_up(), None);
    daemon.until("three old files", || sandbox.has("supervisord.log.3"));
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(!sandbox.has("supervisord.log.4"));
    let length = sandbox.read_bytes("supervisord.log.1").len();
    assert!((2000..3000).contains(&length), "{length}");
}
