//! Input that nobody means well with: the daemon starts, or refuses with an error; it never falls over.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::ExitStatus;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::client::{Client, answers, get, post};
use crate::harness::daemon::{Daemon, Implementation, Launch};
use crate::harness::ports;
use crate::harness::random::Random;
use crate::harness::rpc;
use crate::harness::sandbox::Sandbox;

/// A configuration with something of everything; nothing in it is started.
const WHOLE: &str = "\
[supervisord]
nodaemon = true ; a comment
environment = A=\"1, 2\",B='%(here)s',
  C=\"%(ENV_HOME)s\"
[unix_http_server]
file = %(here)s/s.sock
chmod = 0700
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:one]
command = /bin/sh -c \"echo %(program_name)s %%d\" 'and more'
process_name = %(program_name)s_%(process_num)02d
numprocs = 3
autostart = false
exitcodes = 0,2
stopsignal = SIGUSR1
stdout_logfile = %(here)s/auto/%(program_name)s.log
stdout_logfile_maxbytes = 10 KB
[program:two]
command : cat
autostart: no
umask=022
[group:both]
programs = one , two
priority = 5
[include]
files = *.ini
";

/// Starts on these bytes: it must come up and stop with 0, or refuse with 2 and an error.
fn judge(bytes: &[u8]) -> Result<(), String> {
    let sandbox = Sandbox::new();
    sandbox.write("more.ini", "[program:three]\ncommand=cat\nautostart=false\n");
    fs::write(sandbox.path("supervisord.conf"), bytes).unwrap();
    let mut daemon = Launch::new(&sandbox).arg("-n").start();
    let end = daemon.come_up();
    let came_up = end.is_none();
    let status: ExitStatus = end.unwrap_or_else(|| daemon.stop());
    let said = sandbox.read("err");
    let is_fine = match status.code() {
        Some(0) => came_up,
        Some(code) => code < 100 && said.contains("Error: "),
        None => false,
    };
    if is_fine && !said.contains("panicked") { Ok(()) } else { Err(format!("{status}: {said}")) }
}

fn judge_all(texts: impl Iterator<Item = (String, Vec<u8>)>) {
    let bad: Vec<String> = texts
        .filter_map(|(name, bytes)| {
            let error = judge(&bytes).err()?;
            Some(format!("{name}: {error}\n{}", String::from_utf8_lossy(&bytes)))
        })
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n----\n"));
}

// D-200
#[test]
fn truncated_configurations() {
    judge_all(
        (0..WHOLE.len())
            .step_by(23)
            .map(|length| (format!("{length} bytes"), WHOLE.as_bytes()[..length].to_vec())),
    );
}

/// Bytes that mean something in a configuration.
const SPECIAL: &[u8] = b"%()[]=:;#\"'\n\r\t \\,-\0";

// D-200; `SEED` in the environment repeats a run
#[test]
fn configurations_with_bytes_changed() {
    let mut random = Random::seeded();
    let seed = random.seed();
    judge_all((0..60).map(|n| {
        let mut bytes = WHOLE.as_bytes().to_vec();
        for _ in 0..=random.below(6) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
                1 => bytes.insert(at, SPECIAL[random.below(SPECIAL.len())]),
                2 => drop(bytes.remove(at)),
                _ => bytes.splice(at..at, b"%(".iter().copied()).for_each(drop),
            }
        }
        (format!("SEED={seed} number {n}"), bytes)
    }));
}

// D-046, D-200
#[test]
fn random_bytes() {
    let mut random = Random::seeded();
    let seed = random.seed();
    judge_all((0..10).map(|n| {
        let bytes = (0..random.below(3000)).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
        (format!("SEED={seed} number {n}"), bytes)
    }));
}

/// Sizes and depths nobody reckons with.
fn out_of_all_proportion() -> Vec<(&'static str, String)> {
    let program = "[supervisord]\n[program:x]\ncommand=cat\nautostart=false\n";
    let with = |options: &str| format!("{program}{options}\n");
    let many_options: String = (0..5000).map(|n| format!("o{n}=v\n")).collect();
    vec![
        ("a long line", format!("[supervisord]\nidentifier={}\n", "x".repeat(1 << 20))),
        ("a long name", format!("[supervisord]\n[program:{}]\ncommand=cat\n", "x".repeat(10_000))),
        ("many options", with(&many_options)),
        ("many continuation lines", with(&format!("environment=A=1\n{}", "  ,\n".repeat(50_000)))),
        ("a wide format", with("command=%(process_num)999999999999d")),
        ("a wide format of text", with("directory=%(program_name)2000000000s")),
        ("a large number", with("priority=99999999999999999999999999")),
        ("a large size", with("stdout_logfile_maxbytes=99999999999GB")),
        ("a large first number", with("numprocs_start=9223372036854775807")),
        ("negative sizes", with("stdout_logfile_maxbytes=-1\nstdout_logfile_backups=-5")),
        ("long waits", with("startsecs=999999999999\nstopwaitsecs=999999999999\nstartretries=99999999999")),
        ("only brackets", "[".repeat(100_000)),
    ]
}

// D-200
#[test]
fn configurations_out_of_all_proportion() {
    let texts = out_of_all_proportion().into_iter();
    judge_all(texts.map(|(name, text)| (name.to_owned(), text.into_bytes())));
}

// The control socket takes whatever comes, and answers others all the while
#[test]
fn noise_on_the_control_socket() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=sleep 1000\nstartsecs=0\n");
    let daemon = Launch::new(&sandbox).start_up();
    let mut random = Random::seeded();
    let mut open = Vec::new();
    for n in 0..100 {
        let Ok(mut stream) = UnixStream::connect(sandbox.path("s.sock")) else {
            continue;
        };
        let noise: Vec<u8> =
            (0..random.below(4000)).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
        let body = "<methodCall>".repeat(random.below(500));
        let length = [body.len(), 0, 1 << 40][n % 3];
        let request = format!("POST /RPC2 HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}");
        let _refused =
            if n % 2 == 0 { stream.write_all(&noise) } else { stream.write_all(request.as_bytes()) };
        open.push(stream);
    }
    assert_eq!(daemon.pid_of("x"), daemon.pid_of("x"));
    for mut stream in open {
        stream.set_nonblocking(true).unwrap();
        let _nothing_yet = stream.read(&mut [0; 1000]);
    }
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(!sandbox.read("err").contains("panicked"));
}

// A child may write what it likes, capture tokens without end included
#[test]
fn noise_from_a_child() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "x.py",
        "import os, random\nrandom.seed(7)\n\
         pieces = [b'<!--XSUPERVISOR:BEGIN-->', b'<!--XSUPERVISOR:END-->', b'<!--XSUPER', b'\\x1b[', b'\\x1b[31m', b'\\xff\\xfe', b'x' * 5000, b'\\0']\n\
         for n in range(3000):\n    os.write(random.choice([1, 2]), random.choice(pieces))\n",
    );
    sandbox.configure(
        "[supervisord]\nloglevel=blather\nstrip_ansi=true\n[program:x]\ncommand=python3 @DIR@/x.py\nstartsecs=0\n\
         stdout_capture_maxbytes=1KB\nstderr_capture_maxbytes=10\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_log("exited: x (exit status 0; expected)");
    assert_eq!(daemon.stop().code(), Some(0));
}

/// What bad clients may leave behind in the daemon's memory, in KiB: buffers that are kept, not what came in.
const LEFT: u64 = 32 * 1024;

/// Lets these bad clients in; afterwards the daemon answers, and has as much open and in memory as before.
fn endure(sandbox: &Sandbox, daemon: &Daemon<'_>, clients: impl FnOnce()) {
    answers(sandbox);
    let (open, memory) = (daemon.descriptors(), daemon.memory());
    clients();
    answers(sandbox);
    daemon.until("all descriptors to be closed", || daemon.descriptors() == open);
    daemon.until("memory to be given back", || daemon.memory() < memory + LEFT);
}

/// A request of which nobody knows whether it is served whole; all that comes of it.
fn whatever(sandbox: &Sandbox, request: &[u8]) -> String {
    let mut client = Client::unix(sandbox);
    // The daemon may have hung up by then, and the answer still be there.
    let _refused = client.stream.write_all(request);
    let _closed = client.stream.shutdown(Shutdown::Write);
    client.until_closed()
}

fn call(body: &str) -> Vec<u8> {
    format!("POST /RPC2 HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into()
}

const MULTICALL: &str = "<?xml version='1.0'?><methodCall><methodName>system.multicall</methodName><params><param>\
    <value><array><data><value><struct><member><name>methodName</name><value>supervisor.getState</value></member>\
    <member><name>params</name><value><array><data/></array></value></member></struct></value></data></array>\
    </value></param></params></methodCall>";

// C-033, C-042, C-066
#[test]
fn requests_cut_off_anywhere() {
    let sandbox = Sandbox::new();
    sandbox.configure("");
    let daemon = Launch::new(&sandbox).start_up();
    let whole = call(MULTICALL);
    endure(&sandbox, &daemon, || {
        for length in (0..whole.len()).step_by(7) {
            let reply = whatever(&sandbox, &whole[..length]);
            assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400 "), "{length}: {reply}");
        }
        for length in (0..MULTICALL.len()).step_by(7) {
            let reply = whatever(&sandbox, &call(&MULTICALL[..length]));
            assert!(reply.starts_with("HTTP/1.1 400 "), "{length}: {reply}");
        }
    });
    assert!(whatever(&sandbox, &whole).contains("RUNNING"));
}

/// Bodies nobody reckons with, and what is the answer to each.
fn huge_bodies() -> Vec<(&'static str, String, &'static str)> {
    let with = |value: &str| {
        format!(
            "<methodCall><methodName>supervisor.getState</methodName><params><param><value>{value}</value></param>\
             </params></methodCall>"
        )
    };
    let array = |item: &str, count| with(&format!("<array><data>{}</data></array>", item.repeat(count)));
    let nested = |count| {
        with(&format!("{}{}", "<array><data><value>".repeat(count), "</value></data></array>".repeat(count)))
    };
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;\">]>";
    let all = "<value><struct><member><name>methodName</name><value>supervisor.getAllProcessInfo</value></member>\
               </struct></value>";
    let many = array(all, 20_000).replace("supervisor.getState", "system.multicall");
    vec![
        ("a long text", with(&"x".repeat(16 << 20)), "INCORRECT_PARAMETERS"),
        ("many values", array("<value><int>1</int></value>", 500_000), "INCORRECT_PARAMETERS"),
        ("too many values", array("<value/>", (1 << 20) + 1), "HTTP/1.1 400 "),
        ("deep values", nested(100_000), "HTTP/1.1 400 "),
        ("deep tags", "<methodCall>".repeat(1 << 20), "HTTP/1.1 400 "),
        ("many entities", with(&"&amp;".repeat(1 << 20)), "INCORRECT_PARAMETERS"),
        ("entities of its own", format!("{bomb}{}", with("&c;")), "HTTP/1.1 400 "),
        ("a long number", with(&format!("<int>{}</int>", "9".repeat(1 << 20))), "INCORRECT_PARAMETERS"),
        ("a long name", with("").replace("getState", &"x".repeat(1 << 20)), "UNKNOWN_METHOD"),
        ("many calls", many, "HTTP/1.1 200 "),
        ("not even XML", "\0".repeat(8 << 20), "HTTP/1.1 400 "),
    ]
}

// C-041, C-066, C-079, C-316
#[test]
fn requests_out_of_all_proportion() {
    let sandbox = Sandbox::new();
    sandbox
        .configure("[program:x]\ncommand=cat\nautostart=false\nnumprocs=20\nprocess_name=%(process_num)d\n");
    let daemon = Launch::new(&sandbox).start_up();
    endure(&sandbox, &daemon, || {
        for (name, body, expected) in huge_bodies() {
            let reply = whatever(&sandbox, &call(&body));
            assert!(reply.contains(expected), "{name}: {reply:.400}");
        }
        let chunk = format!("1;{}\r\n", "x".repeat(1 << 20));
        let chunked = format!("POST /RPC2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
        assert!(whatever(&sandbox, chunked.as_bytes()).contains(" 400 "));
        let headers = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(100_000));
        assert!(whatever(&sandbox, headers.as_bytes()).contains(" 431 "));
        let line = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20));
        assert!(whatever(&sandbox, line.as_bytes()).starts_with("HTTP/1.1 4"));
        let long = "POST /RPC2 HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n";
        assert!(whatever(&sandbox, long.as_bytes()).contains(" 413 "));
    });
}

// C-042: a byte at a time, and others are answered between any two
#[test]
fn clients_that_are_slow() {
    let sandbox = Sandbox::new();
    sandbox.configure("");
    let daemon = Launch::new(&sandbox).start_up();
    endure(&sandbox, &daemon, || {
        let mut clients: Vec<_> = (0..50).map(|_| Client::unix(&sandbox)).collect();
        for (n, byte) in call(MULTICALL).chunks(1).enumerate() {
            for client in &mut clients {
                client.stream.write_all(byte).unwrap();
            }
            if n % 8 == 0 {
                answers(&sandbox);
            }
        }
        clients.iter_mut().for_each(|client| client.until("RUNNING"));
    });
}

// C-042, C-263, C-337: what was asked for is done, also for those who do not wait for it
#[test]
fn clients_that_vanish_while_they_wait() {
    let sandbox = Sandbox::new();
    sandbox.script("stubborn", "#!/bin/sh\ntrap '' TERM\necho up\nwhile :; do sleep 1; done\n");
    sandbox.configure(
        "[program:x]\ncommand=@DIR@/stubborn\nstopwaitsecs=3\nstdout_logfile=@DIR@/x.log\n[program:y]\n\
         command=sleep 1000\n",
    );
    let daemon = Launch::new(&sandbox).start_up();
    daemon.until("the trap to be set", || sandbox.read("x.log").contains("up"));
    daemon.wait_for_state("x", "RUNNING");
    daemon.wait_for_state("y", "RUNNING");
    let stop =
        MULTICALL.replace("getState", "stopProcess").replace("<data/>", "<data><value>x</value></data>");
    endure(&sandbox, &daemon, || {
        let stop = String::from_utf8(call(&stop)).unwrap();
        let waiting: Vec<_> = (0..50).map(|_| Client::unix(&sandbox).send(&stop)).collect();
        let mut tails: Vec<_> = (0..50).map(|_| Client::unix(&sandbox).send(&get("/logtail/x"))).collect();
        tails.iter_mut().for_each(|tail| tail.until("up"));
        let ahead: Vec<_> = (0..50).map(|_| Client::unix(&sandbox).send(&post("").repeat(20))).collect();
        daemon.wait_for_state("x", "STOPPING");
        drop((waiting, tails, ahead));
        answers(&sandbox);
        daemon.wait_for_state("x", "STOPPED");
        rpc::call(&sandbox.path("s.sock"), "supervisor.startProcess", &["x"]).unwrap();
    });
    daemon.wait_for_state("y", "RUNNING");
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(!sandbox.read("err").contains("panicked"));
}

/// How many connections there may be at the least, however few descriptors there are (C-043).
const CONNECTIONS: usize = 16;

/// A daemon that has no more.
fn with_few_connections<'s>(sandbox: &'s Sandbox) -> Daemon<'s> {
    let supervisord = Implementation::under_test().supervisord();
    let command = format!("ulimit -n 150; exec {} -c supervisord.conf", supervisord.display());
    Launch::program("sh", sandbox).arg("-c").arg(command).start_up()
}

/// `system.multicall` of a method with one parameter each.
fn calls(calls: &[(&str, &str)]) -> String {
    let (before, rest) = MULTICALL.split_once("<value><struct>").unwrap();
    let (one, after) = rest.split_once("</struct></value>").unwrap();
    let items = calls.iter().map(|(method, parameter)| {
        let value = format!("<data><value>{parameter}</value></data>");
        let one = one.replace("supervisor.getState", method).replace("<data/>", &value);
        format!("<value><struct>{one}</struct></value>")
    });
    format!("{before}{}{after}", items.collect::<String>())
}

// C-042, C-043, C-263: those who are gone take nobody's place, and all that they asked for is done
#[test]
fn clients_that_vanish_make_room() {
    let sandbox = Sandbox::new();
    let port = ports::free();
    sandbox.script("stubborn", "#!/bin/sh\ntrap '' TERM\necho up\nwhile :; do sleep 1; done\n");
    sandbox.configure(&format!(
        "[supervisord]\nminfds=150\n[inet_http_server]\nport=127.0.0.1:{port}\n[program:x]\n\
         command=@DIR@/stubborn\nstopwaitsecs=1000\nstdout_logfile=@DIR@/x.log\n[program:y]\n\
         command=sleep 1000\nautostart=false\nstartsecs=0\n"
    ));
    let daemon = with_few_connections(&sandbox);
    daemon.until("the trap to be set", || sandbox.read("x.log").contains("up"));
    daemon.wait_for_state("x", "RUNNING");
    let x = daemon.pid_of("x");

    let stop = calls(&[("supervisor.stopProcess", "x")]);
    let restart = calls(&[("supervisor.stopProcess", "x"), ("supervisor.startProcess", "y")]);
    let [stop, restart] = [stop, restart].map(|body| String::from_utf8(call(&body)).unwrap());
    let gone: Vec<_> = (0..9).map(|_| Client::unix(&sandbox).send(&restart)).collect();
    let gone_far: Vec<_> = (0..6).map(|_| Client::tcp(port).send(&stop)).collect();
    daemon.wait_for_state("x", "STOPPING");
    let mut listening = Client::unix(&sandbox).send(&stop);
    listening.stream.shutdown(Shutdown::Write).unwrap();
    drop((gone, gone_far));
    // Those who wait and are there are let in, and one more each time. The one that listens goes last.
    let mut waiting: Vec<_> = (2..CONNECTIONS).map(|_| Client::unix(&sandbox).send(&stop)).collect();
    answers(&sandbox);
    assert_eq!(daemon.process("x").unwrap().member("statename"), "STOPPING");
    kill(Pid::from_raw(x), Signal::SIGKILL).unwrap();
    listening.until("</methodResponse>");
    waiting.iter_mut().for_each(|client| client.until("</methodResponse>"));
    daemon.wait_for_state("y", "RUNNING");
    assert_eq!(daemon.stop().code(), Some(0));
}
