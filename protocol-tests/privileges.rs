//! Who may do what: the user and groups that are dropped to, what children inherit and what they do not, the
//! modes of files, planted links, and secrets that nobody gets to see.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};
use nix::sys::signal::Signal;

use crate::harness::ctl;
use crate::harness::daemon::{Daemon, Implementation, Launch};
use crate::harness::http::Server;
use crate::harness::ports;
use crate::harness::processes;
use crate::harness::rpc;
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

/// Ours, behind a few words of shell.
fn behind<'s>(sandbox: &'s Sandbox, shell: &str) -> Launch<'s> {
    let words = ["-c", &format!("{shell}; exec \"$@\""), "sh", env!("CARGO_BIN_EXE_supervisord")];
    let launch = words.iter().fold(Launch::program("sh", sandbox), Launch::arg);
    launch.arg("-c").arg("supervisord.conf")
}

fn mode(sandbox: &Sandbox, name: &str) -> u32 {
    fs::symlink_metadata(sandbox.path(name)).unwrap().mode() & 0o7777
}

fn groups(pid: i32) -> Vec<String> {
    let line = processes::status_line(pid, "Groups").unwrap();
    let mut groups: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    groups.sort();
    groups
}

/// In a mount namespace whose user `nobody` is a member of the groups 4242 and 4243 too.
const WITH_OWN_GROUPS: &str = "\
cp /etc/group group
printf 'one:x:4242:nobody\\ntwo:x:4243:root,nobody\\nthree:x:4244:root\\n' >>group
mount --bind group /etc/group
exec \"$@\"
";

fn with_own_groups<'s>(sandbox: &'s Sandbox) -> Daemon<'s> {
    let words = ["-m", "sh", "-ec", WITH_OWN_GROUPS, "sh", env!("CARGO_BIN_EXE_supervisord")];
    let launch = words.iter().fold(Launch::program("unshare", sandbox), Launch::arg);
    launch.arg("-c").arg("supervisord.conf").start_up()
}

// D-245, D-343
#[test]
fn a_user_comes_with_all_groups() {
    let sandbox = Sandbox::new();
    sandbox.set_mode(".", 0o777);
    sandbox.set_mode("auto", 0o777);
    sandbox.configure("[program:a]\ncommand=sleep 1000\nuser=nobody\nstartsecs=0\nstartretries=0\nstderr_logfile=@DIR@/a.err\n");
    if !nix::unistd::geteuid().is_root() {
        // D-343: nobody else can become another user, and the program is told so.
        let _daemon = Launch::new(&sandbox).start_up();
        wait::until_true("the refusal", || {
            sandbox.read("a.err").contains("Can't drop privilege as nonroot user")
        });
        return;
    }
    let ids = |pid| ["Uid", "Gid"].map(|name| processes::status_line(pid, name).unwrap());
    let nobody = ["65534\t65534\t65534\t65534", "65534\t65534\t65534\t65534"];
    let daemon = with_own_groups(&sandbox);
    daemon.wait_for_state("a", "RUNNING");
    let pid = daemon.pid_of("a");
    assert_eq!(ids(pid), nobody);
    assert_eq!(groups(pid), ["4242", "4243", "65534"]);
    assert!(daemon.stop().success());
    // D-201: the same for the daemon itself, and its children have what it has.
    let text = sandbox.read("supervisord.conf").replacen("nodaemon=true", "nodaemon=true\nuser=nobody", 1);
    ["supervisord.log", "a.err"].iter().for_each(|name| fs::remove_file(sandbox.path(name)).unwrap());
    sandbox.write("supervisord.conf", &text);
    let daemon = with_own_groups(&sandbox);
    daemon.wait_for_state("a", "RUNNING");
    for pid in [daemon.pid(), daemon.pid_of("a")] {
        assert_eq!(ids(pid), nobody);
        assert_eq!(groups(pid), ["4242", "4243", "65534"]);
    }
    // Nothing brings root back.
    assert_eq!(processes::status_line(daemon.pid(), "CapPrm").unwrap(), "0000000000000000");
    assert_eq!(processes::status_line(daemon.pid(), "CapEff").unwrap(), "0000000000000000");
    assert!(daemon.stop().success());
}

/// What `ls -l` shows of its own descriptors, without its own look at the folder.
fn descriptors(listing: &str) -> Vec<String> {
    let links = listing.lines().filter_map(|line| line.split_once(" -> "));
    let named = links.map(|(left, to)| (left.rsplit(' ').next().unwrap_or_default(), to));
    let shown = named
        .filter(|(_, to)| !to.starts_with("/proc/"))
        .map(|(number, to)| format!("{number} {}", to.split(':').next().unwrap_or_default()));
    shown.collect()
}

// D-340, D-341, C-020
#[test]
fn a_child_has_no_descriptor_but_its_own_three() {
    let sandbox = Sandbox::new();
    let ports = [ports::free(), ports::free()];
    sandbox.configure(&format!(
        "[inet_http_server]\nport=127.0.0.1:{}\n[metrics]\nport=127.0.0.1:{}\n\
         [program:noisy]\ncommand=sh -c 'while echo x; do sleep 0.1; done'\n\
         [program:file]\ncommand=cat\nstdout_logfile=@DIR@/file.log\nstdout_capture_maxbytes=1KB\n\
         [eventlistener:pool]\ncommand=sh -c 'printf \"READY\\n\"; exec cat'\nevents=EVENT\n\
         [program:look]\ncommand=ls -l /proc/self/fd\nautostart=false\nautorestart=false\nstartsecs=0\n\
         stdout_logfile=@DIR@/look.log\n\
         [fcgi-program:web]\ncommand=ls -l /proc/self/fd\nsocket=unix://@DIR@/web.sock\nautostart=false\n\
         autorestart=false\nstartsecs=0\nstdout_logfile=@DIR@/web.log\n\
         [eventlistener:heard]\ncommand=sh -c 'ls -l /proc/self/fd >heard.log; printf \"READY\\n\"; exec cat'\n\
         events=TICK_3600\nautostart=false\n",
        ports[0], ports[1]
    ));
    // What the daemon inherited must not be passed on either.
    let daemon = behind(&sandbox, "exec 7<supervisord.conf 8>inherited").start_up();
    daemon.wait_for_state("noisy", "RUNNING");
    let unix = sandbox.path("s.sock");
    let open = [
        Server::Unix(&unix).get("/logtail/noisy", &[]),
        Server::Tcp(ports[0]).get("/mainlogtail", &[]),
        Server::Tcp(ports[0]).get("/events", &[]),
        Server::Tcp(ports[1]).get("/metrics", &[]),
    ];
    assert_eq!(open.map(|answer| answer.status()), [200; 4]);
    for name in ["look", "web", "heard"] {
        rpc::call(&unix, "supervisor.startProcess", &[name]).unwrap();
    }
    let seen =
        |name: &str| wait::until(name, || Some(descriptors(&sandbox.read(name))).filter(|it| it.len() >= 3));
    assert_eq!(seen("look.log"), ["0 pipe", "1 pipe", "2 pipe"]);
    assert_eq!(seen("web.log"), ["0 socket", "1 pipe", "2 pipe"]);
    let heard = seen("heard.log");
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(daemon.stop().success());
}

// D-344
#[test]
fn a_child_has_no_variable_of_another() {
    let sandbox = Sandbox::new();
    let port = ports::free();
    sandbox.configure(&format!(
        "[supervisord]\nenvironment=SHARED=\"s\"\n\
         [inet_http_server]\nport=127.0.0.1:{port}\nusername=u\npassword=hunter2\n\
         [program:one]\ncommand=env\nenvironment=OWN_ONE=\"1\"\nstdout_logfile=@DIR@/one.log\nstartsecs=0\nautorestart=false\n\
         [program:two]\ncommand=env\nenvironment=OWN_TWO=\"2\"\nstdout_logfile=@DIR@/two.log\nstartsecs=0\nautorestart=false\n"
    ));
    let daemon = Launch::new(&sandbox).start_up();
    wait::until_true("the second one", || sandbox.read("two.log").contains("SUPERVISOR_GROUP_NAME=two"));
    let mut names: Vec<String> =
        sandbox.read("two.log").lines().filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect();
    names.sort();
    let expected = [
        "HOME",
        "LC_ALL",
        "OWN_TWO",
        "PATH",
        processes::MARK,
        "SHARED",
        "SUPERVISOR_ENABLED",
        "SUPERVISOR_GROUP_NAME",
        "SUPERVISOR_PROCESS_NAME",
        "SUPERVISOR_SERVER_URL",
    ];
    assert_eq!(names, expected);
    assert!(!sandbox.read("two.log").contains("hunter2"));
    assert!(daemon.stop().success());
}

const FILES: &str = "[program:x]\ncommand=cat\nstdout_logfile=@DIR@/x.log\nstderr_logfile=@DIR@/x.err\n\
    [program:auto]\ncommand=cat\n[fcgi-program:web]\ncommand=sleep 1000\nsocket=unix://@DIR@/web.sock\nsocket_mode=0770\n";

fn modes(sandbox: &Sandbox) -> Vec<(String, u32)> {
    let auto =
        sandbox.list("auto").into_iter().map(|it| format!("auto/{it}")).find(|it| it.contains("auto-stdout"));
    let names = ["supervisord.log", "supervisord.pid", "s.sock", "web.sock", "x.log", "x.err"];
    let all = names.map(str::to_owned).into_iter().chain(auto);
    all.map(|name| (name.split('-').next().unwrap_or_default().to_owned(), mode(sandbox, &name))).collect()
}

fn expected(modes: [u32; 7]) -> Vec<(String, u32)> {
    let names = ["supervisord.log", "supervisord.pid", "s.sock", "web.sock", "x.log", "x.err", "auto/auto"];
    names.iter().zip(modes).map(|(name, mode)| ((*name).to_owned(), mode)).collect()
}

// D-105, D-118, D-183, D-220, D-401, D-420: in the foreground the inherited mask stays
#[test]
fn modes_in_the_foreground_follow_the_inherited_mask() {
    for (mask, modes_of) in [
        ("0", [0o666, 0o644, 0o700, 0o770, 0o666, 0o666, 0o600]),
        ("022", [0o644, 0o644, 0o700, 0o770, 0o644, 0o644, 0o600]),
        ("077", [0o600, 0o600, 0o700, 0o770, 0o600, 0o600, 0o600]),
    ] {
        let sandbox = Sandbox::new();
        sandbox.configure(FILES);
        let daemon = behind(&sandbox, &format!("umask {mask}")).start_up();
        ["x", "auto", "web"].iter().for_each(|name| drop(daemon.wait_for_state(name, "RUNNING")));
        assert_eq!(modes(&sandbox), expected(modes_of), "umask {mask}");
        assert!(daemon.stop().success());
    }
}

// D-105, D-203, D-212: a daemon takes the configured mask when it goes to the background, behind its log
#[test]
fn modes_in_the_background_follow_the_configured_mask() {
    let sandbox = Sandbox::new();
    sandbox.configure(&format!("[supervisord]\nnodaemon=false\numask=027\n{FILES}"));
    assert!(behind(&sandbox, "umask 0").run().success());
    let pid = wait::until("a pidfile", || sandbox.read("supervisord.pid").trim().parse::<i32>().ok());
    let unix = sandbox.path("s.sock");
    wait::until_true("the programs", || {
        let all = rpc::call(&unix, "supervisor.getAllProcessInfo", &[]);
        all.is_ok_and(|all| all.elements().iter().all(|it| it.member("statename") == "RUNNING"))
    });
    assert_eq!(modes(&sandbox), expected([0o666, 0o640, 0o700, 0o770, 0o640, 0o640, 0o600]));
    processes::send(pid, Signal::SIGTERM);
    wait::until_true("its end", || !processes::is_alive(pid));
}

// D-184, D-220, C-013
#[test]
fn planted_links_are_not_followed() {
    let sandbox = Sandbox::new();
    let precious = sandbox.write("precious", "precious");
    let plant = |name: &str| symlink(&precious, sandbox.path(name)).unwrap();
    let untouched = || {
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
        assert_eq!(mode(&sandbox, "precious"), 0o644);
    };
    sandbox.set_mode("precious", 0o644);
    sandbox.configure(
        "[fcgi-program:web]\ncommand=sleep 1000\nsocket=unix://@DIR@/web.sock\nsocket_mode=0777\n",
    );
    plant("s.sock");
    assert_eq!(Launch::new(&sandbox).run().code(), Some(2));
    assert!(sandbox.read("err").contains("s.sock exists and is not a socket"));
    untouched();
    fs::remove_file(sandbox.path("s.sock")).unwrap();
    ["supervisord.pid", "web.sock"].iter().for_each(|name| plant(name));
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("web", "RUNNING");
    untouched();
    let is_link = |name: &str| fs::symlink_metadata(sandbox.path(name)).unwrap().is_symlink();
    assert!(!is_link("supervisord.pid") && !is_link("web.sock"));
    assert_eq!(sandbox.read("supervisord.pid"), format!("{}\n", daemon.pid()));
    assert!(daemon.stop().success());
    untouched();
}

/// Every secret of the configuration below, and what the header of a client makes of one.
const SECRETS: [&str; 9] = [
    "inet-s3cret",
    "unix-s3cret",
    "metrics-s3cret",
    "client-s3cret",
    "shared-s3cret",
    "program-s3cret",
    "wrong-s3cret",
    "broken-s3cret",
    "dTppbmV0LXMzY3JldA==",
];

fn assert_silent(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {what}:\n{text}");
    }
}

/// Everything below a folder but configuration files.
fn written(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            let name = path.display().to_string();
            match fs::symlink_metadata(&path).unwrap().file_type() {
                kind if kind.is_dir() => written(&path),
                kind if kind.is_file() && !name.ends_with(".conf") => {
                    vec![(name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned())]
                }
                _ => Vec::new(),
            }
        })
        .collect()
}

/// A configuration with secrets wherever there can be any.
fn secretive(ports: [u16; 2]) -> String {
    format!(
        "[supervisord]\nloglevel=blather\nenvironment=SHARED=\"shared-s3cret\"\n\
         [unix_http_server]\nusername=u\npassword=unix-s3cret\n\
         [inet_http_server]\nport=127.0.0.1:{}\nusername=u\npassword=inet-s3cret\n\
         [metrics]\nport=127.0.0.1:{}\nusername=u\npassword=metrics-s3cret\n\
         [supervisorctl]\nserverurl=http://127.0.0.1:{}\nusername=u\npassword=client-s3cret\n\
         [program:x]\ncommand=sleep 1000\nenvironment=TOKEN=\"program-s3cret\",B=\"x\"\n\
         [program:y]\ncommand=no-such-command\nenvironment=TOKEN=\"program-s3cret\"\nstartretries=0\n",
        ports[0], ports[1], ports[0]
    )
}

// D-047, D-061, D-093, D-406: at the level that tells most
#[test]
fn secrets_are_in_no_log_no_error_and_no_metric() {
    let sandbox = Sandbox::new();
    let ports = [ports::free(), ports::free()];
    let good = secretive(ports);
    sandbox.configure(&good);
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("gave up: y");
    let server = Server::Tcp(ports[0]);
    let login =
        |secret: &str| format!("Authorization: Basic {}", BASE64_STANDARD.encode(format!("u:{secret}")));
    let allowed = [login("inet-s3cret")];
    for (path, secret, status) in [
        ("/metrics", "inet-s3cret", 200),
        ("/metrics", "wrong-s3cret", 401),
        ("/nothing", "inet-s3cret", 404),
        ("/logtail/x", "wrong-s3cret", 401),
    ] {
        let mut answer = server.get(path, &[&login(secret)]);
        assert_eq!(answer.status(), status, "{path}");
        assert_silent(path, &String::from_utf8_lossy(&answer.whole()));
    }
    let mut metrics = Server::Tcp(ports[1]).get("/metrics", &[&login("metrics-s3cret")]);
    assert_silent("/metrics", &String::from_utf8_lossy(&metrics.whole()));
    let mut events = server.get("/events", &[&allowed[0]]);

    // Clients that are refused, and one that is not.
    for line in
        ["status", "-u u -p inet-s3cret status", "-u u -p inet-s3cret reread", "-u u -p wrong-s3cret avail"]
    {
        assert_silent(line, &ctl::run(Implementation::Ours, &sandbox, line, "").out);
    }

    // A reload of a file in which everything that holds a secret is wrong.
    let bad = good
        .replace("SHARED=\"shared-s3cret\"", "SHARED=\"shared-s3cret\",PW=broken-s3cret@x")
        .replace("password=inet-s3cret", "password=50%broken-s3cret")
        .replace("TOKEN=\"program-s3cret\",B", "TOKEN=\"program-s3cret\",PW=broken-s3cret@x,B")
        .replace("password=metrics-s3cret", "password=%(broken-s3cret)s");
    sandbox.configure(&bad);
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_log("Unexpected end of key/value pairs in value 'SHARED=***,***'");
    assert_silent("reread", &ctl::run(Implementation::Ours, &sandbox, "-u u -p inet-s3cret reread", "").out);
    events.read();
    assert_silent("/events", &String::from_utf8_lossy(&events.body()));
    let check = |status| {
        let launch =
            Launch::of(Implementation::Ours, &sandbox).arg("--check").arg("-c").arg("supervisord.conf");
        assert_eq!(launch.run().code(), Some(status));
    };
    check(2);
    assert_eq!(sandbox.read("err").matches("Error: ").count(), 4, "{}", sandbox.read("err"));
    sandbox.configure(&good);
    check(0);
    assert!(daemon.stop().success());
    for (name, text) in written(sandbox.dir()) {
        assert_silent(&name, &text);
    }
}
