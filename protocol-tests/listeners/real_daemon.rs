//! The listeners at work: under a real supervisord, with programs that fail.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::super::harness::daemon::{Daemon, Implementation, Launch};
use super::super::harness::listener::program;
use super::super::harness::mail::{self, SmtpServer};
use super::super::harness::sandbox::Sandbox;
use super::super::harness::{ports, reference, wait};

/// A sandbox with a sendmail, and a configuration with a listener that is heard from the start.
fn configure(sandbox: &Sandbox, name: &str, words: &str, events: &str, programs: &str) {
    let command = program(Implementation::Ours, name);
    sandbox.configure(&format!(
        "[eventlistener:{name}]\ncommand={} {words}\nevents={events}\nstartsecs=0\n\
         stderr_logfile=@DIR@/{name}.err\n{programs}",
        command.display()
    ));
}

fn python() -> String {
    reference::program("python").display().to_string()
}

/// Waits for something that takes a tick or two.
fn until(
    daemon: &Daemon<'_>,
    sandbox: &Sandbox,
    listener: &str,
    what: &str,
    condition: impl FnMut() -> bool,
) {
    let said = || sandbox.read(&format!("{listener}.err"));
    let mut condition = condition;
    let come = wait::within(2 * wait::PATIENCE, || condition().then_some(()));
    assert!(come.is_some(), "no {what}; the listener said:\n{}{:?}", said(), daemon.processes());
}

#[test]
fn memmon_restarts_a_program_that_grows() {
    let sandbox = Sandbox::new();
    let sendmail = mail::sendmail(&sandbox);
    // Its second life is modest.
    let script = "import os, sys, time\n\
                  first = not os.path.exists('grown')\n\
                  open('grown', 'a').close()\n\
                  hoard = bytearray(os.urandom(1) * (100 << 20 if first else 1))\n\
                  time.sleep(1000)\n";
    sandbox.write("grow.py", script);
    let words = format!("-p grow=60MB -g small=1GB -m a@x.example -s '{sendmail}'");
    let programs = format!(
        "[program:grow]\ncommand={0} @DIR@/grow.py\ndirectory=@DIR@\n\
         [program:small]\ncommand=/bin/sleep 1000\n",
        python()
    );
    configure(&sandbox, "memmon", &words, "TICK_5", &programs);
    let daemon = Launch::new(&sandbox).start_up();
    let (first, small) = (daemon.pid_of("grow"), daemon.pid_of("small"));
    until(&daemon, &sandbox, "memmon", "mail", || !mail::sent(&sandbox).is_empty());
    let mails = mail::sent(&sandbox);
    assert!(
        mails[0].starts_with("To: a@x.example\nSubject: memmon: process grow:grow restarted\n\n"),
        "{mails:?}"
    );
    assert_ne!(daemon.pid_of("grow"), first);
    let said = sandbox.read("memmon.err");
    let checks = said.matches("Checking programs grow=62914560").count();
    // It looks again, over the connection that it has kept, and finds nothing.
    until(&daemon, &sandbox, "memmon", "second look", || {
        sandbox.read("memmon.err").matches("RSS of small:small is ").count() > checks
    });
    assert_eq!(mail::sent(&sandbox).len(), 1);
    assert_eq!(daemon.pid_of("small"), small);
}

#[test]
fn crashmail_tells_of_a_crash() {
    let sandbox = Sandbox::new();
    let sendmail = mail::sendmail(&sandbox);
    let words = format!("-a -m a@x.example -s '{sendmail}'");
    let programs = "[program:crash]\ncommand=/bin/sh -c 'sleep 1.2; exit 3'\nautorestart=false\n\
                    [program:quiet]\ncommand=/bin/sh -c 'sleep 1.1'\nautorestart=false\n";
    configure(&sandbox, "crashmail", &words, "PROCESS_STATE", programs);
    let daemon = Launch::new(&sandbox).start_up();
    let pid = daemon.pid_of("crash");
    until(&daemon, &sandbox, "crashmail", "mail", || !mail::sent(&sandbox).is_empty());
    until(&daemon, &sandbox, "crashmail", "word of the other", || {
        sandbox.read("crashmail.err").contains("no mail: quiet:quiet has exited as expected")
    });
    let mails = mail::sent(&sandbox);
    assert_eq!(mails.len(), 1, "{mails:?}");
    let body = format!("Process crash in group crash exited unexpectedly (pid {pid}) from state RUNNING");
    assert!(
        mails[0].starts_with("To: a@x.example\nSubject:  crash crashed at ") && mails[0].ends_with(&body)
    );
}

#[test]
fn httpok_restarts_a_service_that_fails() {
    let sandbox = Sandbox::new();
    let sendmail = mail::sendmail(&sandbox);
    let port = ports::free();
    // Its second life is well.
    let script = format!(
        "import http.server, os\n\
         first = not os.path.exists('failed')\n\
         open('failed', 'a').close()\n\
         class Handler(http.server.BaseHTTPRequestHandler):\n\
         \x20   def do_GET(self):\n\
         \x20       self.send_response(500 if first else 200)\n\
         \x20       self.end_headers()\n\
         http.server.HTTPServer(('127.0.0.1', {port}), Handler).serve_forever()\n"
    );
    sandbox.write("service.py", &script);
    let words = format!("-p service -E -m a@x.example -s '{sendmail}' http://127.0.0.1:{port}/");
    let programs = format!("[program:service]\ncommand={} @DIR@/service.py\ndirectory=@DIR@\n", python());
    configure(&sandbox, "httpok", &words, "TICK_5", &programs);
    let daemon = Launch::new(&sandbox).start_up();
    let first = daemon.pid_of("service");
    until(&daemon, &sandbox, "httpok", "mail", || !mail::sent(&sandbox).is_empty());
    let mails = mail::sent(&sandbox);
    assert!(
        mails[0].contains("/: bad status returned\n\n") && mails[0].ends_with("\nservice restarted"),
        "{mails:?}"
    );
    assert_ne!(daemon.pid_of("service"), first);
}

#[test]
fn batches_arrive_once_a_period() {
    let sandbox = Sandbox::new();
    let smtp = SmtpServer::start(&sandbox, &[]);
    let words = format!("-t a@x.example -f b@x.example -H {} -e TICK_5 -i 0.08", smtp.address());
    let programs = "[program:crash]\ncommand=/bin/sh -c 'exit 3'\nstartsecs=0\nautorestart=true\n";
    configure(&sandbox, "crashmailbatch", &words, "PROCESS_STATE_EXITED,TICK_5", programs);
    let daemon = Launch::new(&sandbox).start_up();
    until(&daemon, &sandbox, "crashmailbatch", "first mail", || !smtp.mails().is_empty());
    let start = Instant::now();
    until(&daemon, &sandbox, "crashmailbatch", "three mails", || smtp.mails().len() >= 3);
    // Two periods of five seconds; what is told may be told late.
    assert!(start.elapsed() > Duration::from_secs(7), "{:?}", start.elapsed());
    let bodies: Vec<String> = smtp.mails().iter().map(|it| it["body"].as_str().unwrap().to_owned()).collect();
    let lines: Vec<&str> = bodies.iter().flat_map(|it| it.lines()).collect();
    let told = sandbox.read("crashmailbatch.err");
    let gathered: Vec<&str> = told.lines().filter(|line| line.ends_with(") died unexpectedly")).collect();
    // The digests on stderr repeat the first line of each mail.
    let mut distinct = gathered.clone();
    distinct.dedup();
    assert!(lines.len() >= 3 && lines.is_sorted(), "{lines:?}");
    assert!(
        lines.iter().all(|line| line.contains("-- Process crash:crash (pid ") && distinct.contains(line))
    );
}

/// The example, built where the programs under test are: cargo builds it for a run of all tests only.
fn example() -> PathBuf {
    let folder = program(Implementation::Ours, "memmon").parent().unwrap().to_owned();
    let profile = if folder.ends_with("debug") { "dev" } else { "release" };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", "listener", "--profile", profile, "--target-dir"]);
    cargo.arg(folder.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(cargo.status().unwrap().success());
    folder.join("examples/listener")
}

#[test]
fn the_example_is_a_listener() {
    let sandbox = Sandbox::new();
    sandbox.configure(&format!(
        "[eventlistener:watcher]\ncommand={}\nevents=PROCESS_STATE_EXITED\nstartsecs=0\n\
         stderr_logfile=@DIR@/watcher.err\n\
         [program:crash]\ncommand=/bin/sh -c 'exit 3'\nstartsecs=0\nautorestart=false\n",
        example().display()
    ));
    let daemon = Launch::new(&sandbox).start_up();
    until(&daemon, &sandbox, "watcher", "word of it", || {
        sandbox.read("watcher.err").contains("crash (pid ")
            && sandbox.read("watcher.err").contains("unexpectedly")
    });
}
