//! Superlance's own programs under our daemon, with a mail server, a mail command and a web server
//! (events.md, section 12).

use std::net::TcpStream;

use serde_json::Value;

use crate::harness::daemon::{Daemon, Launch};
use crate::harness::ports;
use crate::harness::reference;
use crate::harness::rpc;
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

/// Keeps every mail in a file of its own.
const SENDMAIL: &str = "#!/bin/sh\ncat > @DIR@/mail.$$.new && mv @DIR@/mail.$$.new @DIR@/mail.$$\n";

/// Answers 500 in its first life, 200 in the next ones.
const WEB: &str = "\
import http.server, os, sys
first = not os.path.exists('@DIR@/web.lived')
open('@DIR@/web.lived', 'w').close()

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500 if first else 200)
        self.end_headers()

http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
";

/// Takes much memory in its first life.
const GROWER: &str = "\
import os, time
first = not os.path.exists('@DIR@/grown')
open('@DIR@/grown', 'w').close()
hoard = b'x' * (80_000_000 if first else 1)
time.sleep(1000)
";

/// Puts one of Superlance's programs into a configuration.
fn listener(name: &str, options: &str, events: &str) -> String {
    format!(
        "[eventlistener:{name}]\ncommand={} {options}\nevents={events}\nstartsecs=0\nbuffer_size=100\n\
         stderr_logfile=@DIR@/{name}.err\n",
        reference::program(name).display()
    )
}

fn python() -> String {
    reference::program("python").display().to_string()
}

/// The mails that the command has got.
fn mails(sandbox: &Sandbox) -> Vec<String> {
    let files =
        sandbox.list(".").into_iter().filter(|name| name.starts_with("mail.") && !name.ends_with(".new"));
    files.map(|name| sandbox.read(&name)).collect()
}

/// Waits for a mail with this text, and fails with what the listener said.
fn await_mail(daemon: &Daemon<'_>, sandbox: &Sandbox, text: &str) -> String {
    let come = wait::within(wait::PATIENCE, || mails(sandbox).into_iter().find(|mail| mail.contains(text)));
    come.unwrap_or_else(|| {
        let said: String =
            sandbox.list(".").iter().filter(|it| it.ends_with(".err")).map(|it| sandbox.read(it)).collect();
        panic!("no mail with {text:?} but {:#?}\n{said}\n{:#?}", mails(sandbox), daemon.log())
    })
}

fn with_sendmail() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.script("sendmail", SENDMAIL);
    sandbox
}

// E-202, E-210, E-212, E-220, E-230 to E-233
#[test]
fn memmon_restarts_what_grows() {
    let sandbox = with_sendmail();
    sandbox.write("grow.py", GROWER);
    let memmon = listener("memmon", "-p grow=60MB -m a@example.org -s @DIR@/sendmail", "TICK_5");
    let python = python();
    sandbox.configure(&format!("{memmon}[program:grow]\ncommand={python} @DIR@/grow.py\nstartsecs=0\n"));
    let daemon = Launch::new(&sandbox).start_up();
    let first = daemon.pid_of("grow");
    let mail = await_mail(&daemon, &sandbox, "process grow:grow restarted");
    assert!(
        mail.starts_with("To: a@example.org\nSubject: memmon [grow]: process grow:grow restarted\n\n"),
        "{mail}"
    );
    assert!(mail.contains("memmon.py restarted the process named grow:grow at "), "{mail}");
    assert_ne!(daemon.pid_of("grow"), first);
    assert!(daemon.stop().success());
    assert!(!sandbox.read("supervisord.log").contains("UNKNOWN"));
}

// E-240, E-241, E-250, E-251
#[test]
fn httpok_restarts_what_does_not_answer() {
    let sandbox = with_sendmail();
    sandbox.write("web.py", WEB);
    let port = ports::free();
    let url = format!("http://127.0.0.1:{port}/page");
    let options = format!("-p web -t 5 -m a@example.org -s @DIR@/sendmail {url}");
    let httpok = listener("httpok", &options, "TICK_5");
    let python = python();
    sandbox.configure(&format!("{httpok}[program:web]\ncommand={python} @DIR@/web.py {port}\nstartsecs=0\n"));
    let daemon = Launch::new(&sandbox).start_up();
    let first = daemon.pid_of("web");
    let mail = await_mail(&daemon, &sandbox, "bad status returned");
    assert!(
        mail.starts_with(&format!("To: a@example.org\nSubject: httpok: {url}: bad status returned\n\n")),
        "{mail}"
    );
    assert!(mail.contains("web is in RUNNING state, restarting\nweb restarted"), "{mail}");
    assert_ne!(daemon.pid_of("web"), first);
    assert!(daemon.stop().success());
}

// E-260, E-261
#[test]
fn crashmail_mails_a_crash() {
    let sandbox = with_sendmail();
    let crashmail = listener("crashmail", "-a -m a@example.org -s @DIR@/sendmail", "PROCESS_STATE_EXITED");
    sandbox.configure(&format!(
        "{crashmail}[program:crash]\ncommand=sh -c 'exit 3'\nstartsecs=0\nautorestart=false\n\
         [program:fine]\ncommand=true\nstartsecs=0\nautorestart=false\n"
    ));
    let daemon = Launch::new(&sandbox).start_up();
    let mail = await_mail(&daemon, &sandbox, "crash crashed at");
    assert!(mail.contains("Process crash in group crash exited unexpectedly (pid "), "{mail}");
    assert!(mail.ends_with(") from state RUNNING"), "{mail}");
    daemon.wait_for_state("fine", "EXITED");
    assert!(daemon.stop().success());
    assert_eq!(mails(&sandbox).len(), 1);
}

// E-270 to E-279
#[test]
fn batches_go_by_mail_with_a_tick() {
    let sandbox = Sandbox::new();
    sandbox.write("smtp_server.py", include_str!("scripts/smtp_server.py"));
    let port = ports::free();
    let batch = |name: &str, more: &str| {
        let options = format!(
            "--toEmail=a@example.org,b@example.org --fromEmail={name}@example.org --smtpHost=127.0.0.1:{port} \
             --tickEvent=TICK_5 --interval=0.05 {more}"
        );
        listener(name, &options, "PROCESS_STATE,TICK_5")
    };
    let listeners = [
        batch("crashmailbatch", ""),
        batch("fatalmailbatch", "--subject=\"so it ends\""),
        batch("crashsms", ""),
    ];
    // The server's input stays open as long as the daemon lives.
    sandbox.configure(&format!(
        "{}[program:smtp]\ncommand={} @DIR@/smtp_server.py {port} @DIR@/mails\nstartsecs=0\n\
         [program:crash]\ncommand=sh -c 'exit 3'\nstartsecs=0\nautorestart=false\nautostart=false\n\
         [program:fatal]\ncommand=false\nstartretries=0\nstartsecs=9\nautostart=false\n",
        listeners.concat(),
        python()
    ));
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("the mail server", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let start = |name| rpc::call(&sandbox.path("s.sock"), "supervisor.startProcess", &[name]);
    assert!(start("crash").is_ok());
    assert!(start("fatal").is_err());
    let mails = || -> Vec<Value> {
        let text = sandbox.read("mails");
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    daemon.until("three mails", || mails().len() == 3);
    for (name, subject, body) in [
        ("crashmailbatch", Value::from("Crash alert from supervisord"), "-- Process crash:crash (pid "),
        (
            "fatalmailbatch",
            Value::from("so it ends"),
            "-- Process fatal:fatal failed to start too many times",
        ),
        ("crashsms", Value::Null, "[crash:crash]("),
    ] {
        let sender = format!("{name}@example.org");
        let mail = mails().into_iter().find(|mail| mail["sender"] == sender.as_str()).unwrap();
        assert_eq!(mail["recipients"], serde_json::json!(["a@example.org", "b@example.org"]));
        assert_eq!(mail["subject"], subject);
        assert!(mail["body"].as_str().unwrap().contains(body), "{mail}");
    }
    assert!(daemon.stop().success());
}
