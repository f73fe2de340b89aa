//! `supervisord --check`: all that is wrong with a configuration or hardly meant, and nothing else done. An
//! addition to the reference.

use std::fs;

use crate::harness::daemon::{Implementation, Launch};
use crate::harness::sandbox::Sandbox;

/// What a check came to.
struct Checked {
    code: Option<i32>,
    out: String,
    errors: Vec<String>,
    warnings: Vec<String>,
}

/// Checks `supervisord.conf`; the sandbox's folder is not in the texts.
fn check(sandbox: &Sandbox) -> Checked {
    check_with(sandbox, &[])
}

fn check_with(sandbox: &Sandbox, arguments: &[&str]) -> Checked {
    for name in ["out", "err"] {
        let _absent = fs::remove_file(sandbox.path(name));
    }
    let launch = Launch::of(Implementation::Ours, sandbox).arg("--check").arg("-c").arg("supervisord.conf");
    let code = arguments.iter().fold(launch, Launch::arg).run().code();
    let plain = |name: &str| sandbox.read(name).replace(sandbox.dir().to_str().unwrap(), "DIR");
    let lines = |prefix: &str| {
        let text = plain("err");
        let all = text.lines().filter_map(|line| line.strip_prefix(prefix));
        // What the base configuration is told for, depending on who runs the tests.
        let ours =
            all.filter(|it| !it.starts_with("Supervisor is running as root.") && !it.starts_with("Server '"));
        ours.map(|it| it.replace(" (file: 'supervisord.conf')", "")).collect()
    };
    Checked { code, out: plain("out"), errors: lines("Error: "), warnings: lines("Warning: ") }
}

#[test]
fn a_good_configuration_has_nothing_done_with_it() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:cat]\ncommand=cat\n[eventlistener:l]\ncommand=cat\nevents=EVENT\n");
    let before = sandbox.list(".");
    let checked = check(&sandbox);
    assert_eq!((checked.code, checked.errors, checked.warnings), (Some(0), vec![], vec![]));
    assert!(checked.out.starts_with("DIR/supervisord.conf: no problems, "), "{}", checked.out);
    let made: Vec<String> = sandbox.list(".").into_iter().filter(|it| !before.contains(it)).collect();
    assert_eq!(made, ["err", "out"]);
    assert!(sandbox.list("auto").is_empty());
}

#[test]
fn the_daemon_that_runs_is_in_nobodys_way() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:cat]\ncommand=cat\n");
    let daemon = Launch::new(&sandbox).start_up();
    let checked = check(&sandbox);
    assert_eq!((checked.code, checked.errors), (Some(0), vec![]));
    daemon.wait_for_state("cat", "RUNNING");
    assert!(daemon.stop().success());
}

#[test]
fn every_problem_is_told_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.write("more.ini", "[program:b]\ncommand=cat\nuser=nobody-has-this-name\nautostart=perhaps\n");
    sandbox.configure(
        "[include]\nfiles=more.ini\n[supervisord]\nenvironment=A=x@y\nminfds=many\n[unix_http_server:far]\n\
         file=@DIR@/none/s.sock\n[program:a]\ncommand=%(ENV_A)s\nstdout_logfile=@DIR@/gone/a.log\nstartsecs=%(nosuch)s\n",
    );
    let checked = check(&sandbox);
    assert_eq!(checked.code, Some(2));
    let expected = [
        ("invalid literal for int() with base 10: 'many'", "section 'supervisord' (option minfds, line 14)"),
        (
            "Unexpected end of key/value pairs in value 'A=***'",
            "section 'supervisord' (option environment, line 13)",
        ),
        (
            "Format string '%(nosuch)s' for 'program:a.startsecs' contains names",
            "(option startsecs, line 20)",
        ),
        (
            "The directory named as part of the path DIR/gone/a.log does not exist",
            "section 'program:a' (option stdout_logfile, line 19)",
        ),
        (
            "not a valid boolean value: 'perhaps'",
            "section 'program:b' (file: 'DIR/more.ini') (option autostart, line 4)",
        ),
        ("Invalid user name nobody-has-this-name", "(file: 'DIR/more.ini') (option user, line 3)"),
        (
            "Cannot open an HTTP server: socket.error reported errno.ENOENT (2)",
            "section 'unix_http_server:far' (option file, line 16)",
        ),
    ];
    for ((start, end), error) in expected.iter().zip(&checked.errors) {
        assert!(error.starts_with(start) && error.ends_with(end), "{error}");
    }
    assert_eq!(checked.errors.len(), expected.len(), "{:#?}", checked.errors);
}

// D-059
#[test]
fn what_no_section_knows_is_told_with_the_nearest_name() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:a]\ncommand=cat\nauto_restart=true\n[metrics]\nproces_tree=true\n\
         [progam:b]\ncommand=cat\n[supervisorctl]\nserver_url=unix:///s\n",
    );
    let checked = check(&sandbox);
    assert_eq!((checked.code, checked.errors), (Some(0), vec![]));
    let mut warnings = checked.warnings;
    warnings.sort();
    assert_eq!(
        warnings,
        [
            "unknown option 'auto_restart', did you mean 'autorestart'? in section 'program:a' (option auto_restart, line 12)",
            "unknown option 'proces_tree', did you mean 'process_tree'? in section 'metrics' (option proces_tree, line 14)",
            "unknown option 'server_url', did you mean 'serverurl'? in section 'supervisorctl' (option server_url, line 18)",
            "unknown section, did you mean [program:b]? in section 'progam:b' (line 15)",
        ]
    );
}

// D-331 to D-335, D-345: a start goes on without such a program
#[test]
fn programs_that_would_not_run() {
    let sandbox = Sandbox::new();
    sandbox.make_dir("folder.log");
    sandbox.configure(
        "[program:a]\ncommand=no-such-command\n[program:b]\ncommand=cat 'x\n\
         [program:c]\ncommand=cat\ndirectory=@DIR@/none\nstdout_logfile=@DIR@/folder.log\n",
    );
    let checked = check(&sandbox);
    assert_eq!((checked.code, checked.errors), (Some(0), vec![]));
    assert_eq!(
        checked.warnings,
        [
            "can't find command 'no-such-command' in section 'program:a' (option command, line 11)",
            "can't parse command \"cat 'x\": No closing quotation in section 'program:b' (option command, line 13)",
            "could not open the log DIR/folder.log: Is a directory (os error 21) in section 'program:c' (option stdout_logfile, line 17)",
            "couldn't chdir to DIR/none: No such file or directory (os error 2) in section 'program:c' (option directory, line 16)",
        ]
    );
}

// D-250, D-251, C-011, C-013
#[test]
fn what_a_start_would_stumble_over() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "");
    sandbox.make_dir("folder");
    sandbox.configure(
        "[supervisord]\nlogfile=@DIR@/folder\nminfds=4000000000\npidfile=@DIR@/folder\n\
         [unix_http_server:file]\nfile=@DIR@/file\n[inet_http_server:host]\nport=no-such-host.invalid:1\n\
         [fcgi-program:f]\ncommand=cat\nsocket=unix://@DIR@/folder\n",
    );
    let checked = check(&sandbox);
    assert_eq!(checked.code, Some(2));
    let starts = [
        "The setting \"minfds\"",
        "could not open the log DIR/folder: ",
        "Cannot open an HTTP server: socket.error reported -",
        "Cannot open an HTTP server: DIR/file exists and is not a socket",
        "Could not create FastCGI socket unix://DIR/folder: [Errno 21] Is a directory",
    ];
    let errors = checked.errors.iter();
    assert!(errors.zip(starts).all(|(error, start)| error.starts_with(start)), "{:#?}", checked.errors);
    assert_eq!(checked.errors.len(), starts.len(), "{:#?}", checked.errors);
    assert!(checked.warnings[0].starts_with("could not write pidfile DIR/folder"), "{:?}", checked.warnings);
    assert!(fs::symlink_metadata(sandbox.path("folder")).unwrap().is_dir());
}

// D-201: what is looked at is what the configured user may do
#[test]
fn it_looks_as_the_configured_user() {
    let sandbox = Sandbox::new();
    sandbox.make_dir("closed");
    sandbox.set_mode("closed", 0o700);
    sandbox.configure("[supervisord]\nuser=nobody\nlogfile=@DIR@/closed/log\n[program:a]\ncommand=cat\n");
    let checked = check(&sandbox);
    assert_eq!(checked.code, Some(2));
    if nix::unistd::geteuid().is_root() {
        let starts = [
            "could not open the log DIR/closed/log: Permission denied",
            "could not make a child log in DIR/auto",
        ];
        assert!(
            checked.errors.iter().zip(starts).all(|(it, start)| it.starts_with(start)),
            "{:?}",
            checked.errors
        );
    } else {
        assert!(
            checked.errors[0].starts_with("Can't drop privilege as nonroot user"),
            "{:?}",
            checked.errors
        );
    }
}

#[test]
fn files_that_cannot_be_read_end_it() {
    let sandbox = Sandbox::new();
    assert_eq!(check(&sandbox).errors, ["could not find config file supervisord.conf"]);
    sandbox.write("more.ini", "a=1\n");
    sandbox.configure("[include]\nfiles=more.ini\n");
    let checked = check(&sandbox);
    assert_eq!(
        (checked.code, checked.errors),
        (Some(2), vec!["File contains no section headers.".to_owned()])
    );
    assert!(sandbox.read("err").contains("more.ini', line: 1"));
}

// Command line options count, as at a start (D-009)
#[test]
fn the_command_line_is_checked_too() {
    let sandbox = Sandbox::new();
    sandbox.configure("");
    let checked = check_with(&sandbox, &["-u", "nobody-has-this-name"]);
    assert_eq!(
        (checked.code, checked.errors),
        (Some(2), vec!["Invalid user name nobody-has-this-name".to_owned()])
    );
}

/// Warnings about the rights to files, from a check.
fn exposed(sandbox: &Sandbox) -> Vec<String> {
    check(sandbox).warnings
}

const WITH_PASSWORD: &str = "[inet_http_server]\nport=127.0.0.1:1\nusername=u\npassword=hunter2\n";

#[test]
fn a_password_is_for_the_owner_to_read() {
    let sandbox = Sandbox::new();
    sandbox.configure("[include]\nfiles=secret.ini\n");
    sandbox.write("secret.ini", WITH_PASSWORD);
    sandbox.set_mode("secret.ini", 0o644);
    assert_eq!(exposed(&sandbox), ["DIR/secret.ini holds a password, and others can read it (mode 0644)"]);
    sandbox.set_mode("secret.ini", 0o640);
    assert!(exposed(&sandbox).is_empty());
    sandbox.write("secret.ini", &WITH_PASSWORD.replace("hunter2", "%(ENV_HOME)s"));
    sandbox.set_mode("secret.ini", 0o644);
    assert!(exposed(&sandbox).is_empty());
}

#[test]
fn nobody_else_may_write_what_is_obeyed() {
    let sandbox = Sandbox::new();
    sandbox.make_dir("conf.d");
    sandbox.configure("[include]\nfiles=conf.d/*.conf\n");
    let nothing_there = "No file matches via include \"DIR/conf.d/*.conf\"".to_owned();
    let leads = |what: &str, mode: &str| {
        format!(
            "DIR/{what} is part of the configuration or leads to it, and others can write it (mode {mode})"
        )
    };
    assert_eq!(exposed(&sandbox), std::slice::from_ref(&nothing_there));
    sandbox.set_mode("conf.d", 0o1777);
    assert_eq!(exposed(&sandbox), [nothing_there, leads("conf.d", "1777")]);
    sandbox.write("conf.d/a.conf", "[program:a]\ncommand=cat\n");
    sandbox.set_mode("conf.d/a.conf", 0o666);
    sandbox.set_mode("conf.d", 0o755);
    assert_eq!(exposed(&sandbox), [leads("conf.d/a.conf", "0666")]);
    sandbox.set_mode("conf.d", 0o700);
    assert!(exposed(&sandbox).is_empty(), "others do not get there");
}

// D-047
#[test]
fn a_start_warns_of_the_rights_in_its_log() {
    let sandbox = Sandbox::new();
    sandbox.configure("[supervisorctl]\npassword=hunter2\n");
    sandbox.set_mode("supervisord.conf", 0o644);
    let daemon = Launch::of(Implementation::Ours, &sandbox).arg("-c").arg("supervisord.conf").start_up();
    let record = daemon.wait_for_log("holds a password, and others can read it (mode 0644)");
    assert_eq!(record.level, "WARN");
    assert!(daemon.stop().success());
}
