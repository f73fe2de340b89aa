//! Finding the configuration, the command line, errors, the sample (daemon.md, sections 1, 2 and 12).

use std::fs;
use std::process::{Command, Output, Stdio};

use crate::harness::daemon::{Implementation, Launch};
use crate::harness::reference;
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

/// Runs supervisord to its end; nothing that stays is to be started so.
fn run(sandbox: &Sandbox, arguments: &[&str]) -> (Option<i32>, String, String) {
    for name in ["out", "err"] {
        let _absent = fs::remove_file(sandbox.path(name));
    }
    let launch = Launch::of(Implementation::under_test(), sandbox);
    let status = arguments.iter().fold(launch, Launch::arg).run();
    (status.code(), sandbox.read("out"), sandbox.read("err"))
}

fn sample() -> Output {
    let program = match Implementation::under_test() {
        Implementation::Ours => env!("CARGO_BIN_EXE_echo_supervisord_conf").into(),
        Implementation::Reference => reference::program("echo_supervisord_conf"),
    };
    Command::new(program).args(["any", "-argument"]).stdin(Stdio::null()).output().unwrap()
}

// D-014, D-031
#[test]
fn help_names_every_option_on_stdout() {
    let sandbox = Sandbox::new();
    for argument in ["-h", "-?", "--help"] {
        let (code, out, err) = run(&sandbox, &[argument]);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        for option in [
            "configuration",
            "nodaemon",
            "silent",
            "help",
            "version",
            "user",
            "umask",
            "directory",
            "logfile",
            "logfile_maxbytes",
            "logfile_backups",
            "loglevel",
            "pidfile",
            "identifier",
            "childlogdir",
            "nocleanup",
            "minfds",
            "strip_ansi",
            "minprocs",
        ] {
            assert!(out.contains(&format!("--{option}")), "{option}");
        }
    }
}

// D-015
#[test]
fn version_is_the_bare_number() {
    let sandbox = Sandbox::new();
    for argument in ["-v", "--version", "--vers"] {
        let (code, out, err) = run(&sandbox, &[argument]);
        assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "4.3.0\n", ""));
    }
}

// D-008
#[test]
fn an_error_comes_with_a_line_about_help() {
    let sandbox = Sandbox::new();
    let (code, out, err) = run(&sandbox, &["--foo"]);
    let program = Implementation::under_test().supervisord();
    let expected = format!("Error: option --foo not recognized\nFor help, use {} -h\n", program.display());
    assert_eq!((code, out.as_str(), err), (Some(2), "", expected));
}

// D-008: ours tells all problems at once
#[test]
fn several_problems_are_a_line_each() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[supervisord]\nloglevel=loud\n[program:a]\ncommand=cat\npriority=high\n[program:b]\nnothing=1\n",
    );
    let (code, _, err) = run(&sandbox, &["-c", "supervisord.conf"]);
    assert_eq!(code, Some(2));
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines.len(), 4, "{err}");
    assert!(lines[0].starts_with("Error: bad logging level name 'loud'"));
    assert!(
        lines[1].starts_with("Error: invalid literal for int() with base 10: 'high' in section 'program:a'")
    );
    assert!(
        lines[2].starts_with(
            "Error: program section program:b does not specify a command in section 'program:b'"
        )
    );
    assert!(lines[3].starts_with("For help, use "));
}

// D-041
#[test]
fn nothing_found_at_the_default_places() {
    let sandbox = Sandbox::new();
    let (code, _, err) = run(&sandbox, &["-n"]);
    assert_eq!(code, Some(2));
    let error = err.lines().find(|it| it.starts_with("Error: ")).unwrap();
    assert!(error.starts_with("Error: No config file found at default paths ("));
    assert!(error.contains(
        "supervisord.conf, etc/supervisord.conf, /etc/supervisord.conf, /etc/supervisor/supervisord.conf)"
    ));
    assert!(error.ends_with("; use the -c option to specify a config file at a different path"));
}

// D-040, D-042
#[test]
fn the_default_places_are_searched_in_order() {
    let sandbox = Sandbox::new();
    sandbox.write("etc/supervisord.conf", "[supervisord]\nloglevel=second\n");
    let (_, _, err) = run(&sandbox, &["-n"]);
    assert!(err.contains("Error: bad logging level name 'second'"), "{err}");
    if nix::unistd::geteuid().is_root() {
        assert!(err.contains("-c") && err.contains("root"), "a warning that the search is unsafe: {err}");
    }
    sandbox.write("supervisord.conf", "[supervisord]\nloglevel=first\n");
    let (_, _, err) = run(&sandbox, &["-n"]);
    assert!(err.contains("Error: bad logging level name 'first'"), "{err}");
}

// D-040: beside the program's folder, as it was called
#[test]
fn the_folder_above_the_program_comes_first() {
    if Implementation::under_test() == Implementation::Reference {
        return; // its program cannot be copied
    }
    let sandbox = Sandbox::new();
    sandbox.make_dir("prefix/bin");
    let program = sandbox.path("prefix/bin/supervisord");
    fs::copy(Implementation::Ours.supervisord(), &program).unwrap();
    sandbox.write("supervisord.conf", "[supervisord]\nloglevel=here\n");
    sandbox.write("prefix/supervisord.conf", "[supervisord]\nloglevel=above\n");
    assert_eq!(Launch::program(&program, &sandbox).run().code(), Some(2));
    assert!(sandbox.read("err").contains("'above'"));
    sandbox.write("prefix/etc/supervisord.conf", "[supervisord]\nloglevel=above_etc\n");
    assert_eq!(Launch::program("prefix/bin/supervisord", &sandbox).run().code(), Some(2));
    assert!(sandbox.read("err").contains("'above_etc'"));
    let path = format!("{}:/usr/bin:/bin", sandbox.path("prefix/bin").display());
    assert_eq!(Launch::program("supervisord", &sandbox).env("PATH", &path).run().code(), Some(2));
    assert_eq!(sandbox.read("err").matches("'above_etc'").count(), 2, "found in PATH");
}

// D-043
#[test]
fn files_that_cannot_be_had() {
    let sandbox = Sandbox::new();
    let (code, _, err) = run(&sandbox, &["-c", "nosuch.conf"]);
    assert_eq!(code, Some(2));
    assert!(err.starts_with("Error: could not find config file nosuch.conf"), "{err}");
    sandbox.make_dir("folder");
    let (code, _, err) = run(&sandbox, &["-c", "folder"]);
    assert_eq!(code, Some(2));
    assert!(err.starts_with("Error: could not read config file folder"), "{err}");
}

// D-046
#[test]
fn bytes_that_are_not_utf_8_and_byte_order_marks_are_refused() {
    let sandbox = Sandbox::new();
    for bytes in
        [&b"[supervisord]\nidentifier=\xff\xfe\n"[..], b"\xef\xbb\xbf[supervisord]\n", b"\xff\xfe[\0s\0"]
    {
        fs::write(sandbox.path("supervisord.conf"), bytes).unwrap();
        let (code, _, err) = run(&sandbox, &["-n", "-c", "supervisord.conf"]);
        assert_eq!(code, Some(2), "{err}");
        assert!(err.starts_with("Error: "));
    }
}

// D-003, D-016 to D-029, D-009
#[test]
fn the_command_line_wins_over_the_file() {
    let sandbox = Sandbox::new();
    sandbox.make_dir("auto2");
    sandbox.configure(
        "[supervisord]\nloglevel=warn\nidentifier=file\n[program:x]\ncommand=sh -c \"echo -n '\x1b[1mx'; exec sleep 1000\"\nstdout_logfile=@DIR@/x.log\n",
    );
    let arguments =
        ["--logl", "debug", "-iline", "--childlogd=auto2", "-l", "line.log", "-j", "line.pid", "-t"];
    let daemon = arguments.iter().fold(Launch::new(&sandbox), Launch::arg).start();
    let log = || sandbox.read("line.log");
    daemon.until("the program to be spawned", || log().contains("spawned: 'x'"));
    assert!(sandbox.has("line.pid") && !sandbox.has("supervisord.log") && !sandbox.has("supervisord.pid"));
    assert!(sandbox.list("auto2").iter().all(|it| it.contains("---line-")));
    daemon.until("the stripped text", || sandbox.read("x.log") == "x");
    assert_eq!(daemon.stop().code(), Some(0));
}

// D-047
#[test]
fn what_the_file_says_comes_first_in_the_log() {
    let sandbox = Sandbox::new();
    sandbox.configure("[include]\nfiles=nosuch/*.ini more.ini\n");
    sandbox.write("more.ini", "[program:x]\ncommand=cat\nautostart=false\nstdout_logfile_maxbytes=0\n");
    let daemon = Launch::new(&sandbox).start_up();
    let lines: Vec<String> =
        daemon.log().iter().map(|it| it.line()).filter(|it| !it.contains("as root")).collect();
    assert!(lines[0].starts_with("WARN No file matches via include \""), "{lines:?}");
    assert_eq!(
        lines[1],
        "WARN For [program:x], AUTO logging used for stdout_logfile without rollover, set maxbytes > 0 to avoid \
         filling up filesystem unintentionally"
    );
    assert_eq!(lines[2], sandbox.fill("INFO Included extra file \"@DIR@/more.ini\" during parsing"));
    assert_eq!(lines[3], "INFO RPC interface 'supervisor' initialized");
}

// D-520, D-521
#[test]
fn the_sample_is_printed() {
    let output = sample();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("; Sample supervisor config file"));
    for section in ["unix_http_server", "supervisord", "rpcinterface:supervisor", "supervisorctl"] {
        assert!(text.contains(&format!("\n[{section}]\n")), "{section}");
    }
}

/// The sample with its paths in the sandbox, so that instances do not meet.
fn sample_in(sandbox: &Sandbox) -> String {
    let text = String::from_utf8(sample().stdout).unwrap();
    let text = text.replace("/tmp", sandbox.dir().to_str().unwrap());
    text.replace("nodaemon=false", "nodaemon=true").replace("127.0.0.1:9001", "127.0.0.1:0")
}

// D-522
#[test]
fn the_sample_is_usable_as_it_is() {
    let sandbox = Sandbox::new();
    let text = sample_in(&sandbox);
    sandbox.write("supervisord.conf", &text);
    let daemon = Launch::new(&sandbox).start_up();
    assert!(sandbox.has("supervisor.sock"));
    assert_eq!(daemon.stop().code(), Some(0));
}

// D-523
#[test]
fn every_line_of_the_sample_is_valid_without_its_semicolon() {
    let sandbox = Sandbox::new();
    sandbox.make_dir("relative/directory");
    let text = sample_in(&sandbox);
    let replacements = [
        ("=supervisord ", "=root "),
        ("chrism", "root"),
        ("/a/path", "AUTO"),
        ("127.0.0.1:0", "127.0.0.1:1"),
    ];
    let text = replacements.iter().fold(text, |text, (from, to)| text.replace(from, to));
    let text = text.replace(";programs=progname1,progname2", ";programs=theprogramname");
    let is_commented = |line: &str| {
        let word = line.strip_prefix(';').filter(|it| !it.starts_with([' ', '\t']));
        word.is_some_and(|it| it.starts_with('[') || it.contains('='))
    };
    let uncommented: String = text
        .lines()
        .map(|line| if is_commented(line) { format!("{}\n", &line[1..]) } else { format!("{line}\n") })
        .collect();
    assert!(uncommented.contains("\n[eventlistener:theeventlistenername]"));
    sandbox.write("supervisord.conf", &uncommented);
    let (_, _, err) = check(&sandbox);
    assert_eq!(err, "");
}

/// Whether a configuration is taken: with a program that cannot be had at the end, an error about
/// that alone says it was.
fn check(sandbox: &Sandbox) -> (Option<i32>, String, String) {
    let text = sandbox.read("supervisord.conf");
    sandbox.write("supervisord.conf", &format!("{text}\n[program:theveryend]\ncommand=cat\npriority=bad\n"));
    let (code, out, err) = run(sandbox, &["-n", "-c", "supervisord.conf"]);
    let others: Vec<&str> =
        err.lines().filter(|it| it.starts_with("Error: ") && !it.contains("theveryend")).collect();
    assert!(err.contains("theveryend"), "{err}");
    (code, out, others.join("\n"))
}

// D-110 to D-116 in the daemon's own behaviour: the identifier and the state are told to clients
#[test]
fn the_control_interface_tells_the_state() {
    let sandbox = Sandbox::new();
    sandbox.configure("");
    let daemon = Launch::new(&sandbox).start_up();
    let state = wait::until("an answer", || {
        crate::harness::rpc::call(&sandbox.path("s.sock"), "supervisor.getState", &[]).ok()
    });
    assert_eq!((state.member("statename"), state.member("statecode")), ("RUNNING", "1"));
    assert_eq!(daemon.stop().code(), Some(0));
}
