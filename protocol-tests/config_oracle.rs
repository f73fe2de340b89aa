//! The configuration against the reference: the same files and command lines to both, and whatever
//! is not the same is shown.
//!
//! Cases stand in `config_cases.txt`; beside them a generator makes configurations from tables of
//! options. `oracle/parse_config.py` says what the reference makes of them.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use supervisor::args::{self, Invocation};
use supervisor::config::schema::{
    AutoRestart, ChannelConfig, Config, FcgiAddress, FcgiSocket, GroupConfig, LogFile, MainLog,
    ProcessConfig, ServerAddress, ServerConfig, SupervisordConfig,
};
use supervisor::config::{HostFacts, load};
use supervisor::sys::host::host_facts;

/// The whole environment of both sides.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("HOME", "/root"),
    ("PATH", "/usr/bin:/bin"),
    ("LANG", "C.UTF-8"),
    ("X", "x y"),
    ("PCT", "50%"),
];

/// A command line, and the folder it is given in.
struct Request {
    title: String,
    directory: PathBuf,
    args: Vec<String>,
    expected: Expected,
}

/// How far the reference's answer is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// Both refuse, ours with the reference's text in it; or both give the same values.
    Same,
    /// Both refuse, with different texts.
    OtherText,
    /// Only the reference refuses.
    OnlyOursAccepts,
    /// Only the reference accepts.
    OnlyOursRefuses,
}

/// Every hand-written case.
#[test]
fn written_cases() {
    let dir = tempfile::tempdir().unwrap();
    let requests = read_cases(include_str!("config_cases.txt"), dir.path());
    assert!(requests.len() >= 60);
    compare(&requests, dir.path());
}

/// Configurations made at random. `CONFIG_SEED` and `CONFIG_CASES` choose others.
#[test]
fn generated_cases() {
    let number = |name: &str, default| {
        std::env::var(name)
            .ok()
            .and_then(|n| n.parse().ok())
            .unwrap_or(default)
    };
    let seed = number("CONFIG_SEED", 20_240_607);
    println!("CONFIG_SEED={seed}");
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(seed);
    let requests: Vec<_> = (0..number("CONFIG_CASES", 400) as usize)
        .map(|n| generate(&mut random, n, dir.path()))
        .collect();
    compare(&requests, dir.path());
}

/// Broken files end in errors, never in a panic.
#[test]
fn mutated_files_do_not_panic() {
    let dir = tempfile::tempdir().unwrap();
    let requests = read_cases(include_str!("config_cases.txt"), dir.path());
    let mut random = Random(7);
    let file = dir.path().join("mutated.conf");
    for round in 0..3000 {
        let request = &requests[random.below(requests.len())];
        let Ok(mut bytes) = std::fs::read(request.directory.join("supervisord.conf")) else {
            continue;
        };
        for _ in 0..=random.below(4) {
            mutate(&mut random, &mut bytes);
        }
        std::fs::write(&file, &bytes).unwrap();
        let args = vec!["-c".to_owned(), file.to_str().unwrap().to_owned()];
        let outcome = std::panic::catch_unwind(|| ours(&args, &request.directory));
        assert!(
            outcome.is_ok(),
            "round {round}: {:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    const PIECES: [&[u8]; 12] = [
        b"%", b"%(", b"\n[", b"]", b"=", b" ;", b"'", b"\"", b"\\", b"\xff", b"\x00", b"\n ",
    ];
    let at = random.below(bytes.len() + 1);
    match random.below(4) {
        0 => bytes.truncate(at),
        1 => {
            let piece = PIECES[random.below(PIECES.len())];
            bytes.splice(at..at, piece.iter().copied());
        }
        2 if at < bytes.len() => bytes[at] = random.next() as u8,
        _ => {
            let end = (at + random.below(9)).min(bytes.len());
            bytes.drain(at..end);
        }
    }
}

/// Asks both sides and shows all differences at once.
fn compare(requests: &[Request], dir: &Path) {
    let theirs = ask_reference(requests, dir);
    let mut report = String::new();
    for (request, theirs) in requests.iter().zip(&theirs) {
        let ours = ours(&request.args, &request.directory);
        if let Some(difference) = judge(request.expected, &ours, theirs) {
            let text = std::fs::read(request.directory.join("supervisord.conf")).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            writeln!(
                report,
                "=== {}\n{text}\nargs: {:?}\n{difference}",
                request.title, request.args
            )
            .unwrap();
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

fn judge(expected: Expected, ours: &Result<Value, Vec<String>>, theirs: &Value) -> Option<String> {
    let refused = theirs.get("error").and_then(Value::as_str);
    match (expected, ours, refused) {
        (Expected::Same, Ok(ours), None) => differences(ours, theirs),
        (Expected::Same, Err(errors), Some(text)) if errors[0].contains(comparable(text)) => None,
        (Expected::OtherText, Err(_), Some(_)) => None,
        (Expected::OnlyOursAccepts, Ok(_), Some(_)) => None,
        (Expected::OnlyOursRefuses, Err(_), None) => None,
        (_, ours, _) => {
            let ours = ours
                .as_ref()
                .map_or_else(|errors| errors.join("\n      "), |_| "accepted".to_owned());
            Some(format!(
                "{expected:?} expected\nours: {ours}\ntheirs: {}",
                refused.unwrap_or("accepted")
            ))
        }
    }
}

/// The part of the reference's text that ours must have: after its first good member the reference
/// names that one instead of the group (D-172).
fn comparable(text: &str) -> &str {
    text.find("names unknown program")
        .and_then(|at| text.get(at..))
        .unwrap_or(text)
}

/// The innermost values that are not the same.
fn differences(ours: &Value, theirs: &Value) -> Option<String> {
    let mut out = String::new();
    collect_differences("", ours, theirs, &mut out);
    (!out.is_empty()).then_some(out)
}

fn collect_differences(path: &str, ours: &Value, theirs: &Value, out: &mut String) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, value) in a {
                collect_differences(&format!("{path}.{key}"), value, &b[key], out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                collect_differences(&format!("{path}[{n}]"), a, b, out);
            }
        }
        _ if ours != theirs => writeln!(out, "{path}\n  ours:   {ours}\n  theirs: {theirs}").unwrap(),
        _ => {}
    }
}

/// What the reference says to each request.
fn ask_reference(requests: &[Request], dir: &Path) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines: String = requests
        .iter()
        .map(|r| json!({"args": r.args, "directory": r.directory}).to_string() + "\n")
        .collect();
    let file = dir.join("requests");
    std::fs::write(&file, lines).unwrap();
    let output = Command::new(crate::harness::reference::program("python"))
        .arg(root.join("protocol-tests/oracle/parse_config.py"))
        .arg(&file)
        .env_clear()
        .envs(ENVIRONMENT)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        answers.len(),
        requests.len(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    answers
}

/// What this project says to a request.
fn ours(args: &[String], directory: &Path) -> Result<Value, Vec<String>> {
    let pairs = ENVIRONMENT.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let facts = HostFacts {
        environment: pairs.into(),
        current_dir: directory.into(),
        argv0: "supervisord".into(),
        ..host_facts()
    };
    let request = match args::parse(args, &facts) {
        Err(error) => return Err(vec![error.to_string()]),
        Ok(Invocation::Print(_)) => return Err(vec!["(help) (version)".into()]),
        Ok(Invocation::Run(request)) => request,
    };
    load(&request, &facts)
        .map(|config| configuration(&config))
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn configuration(config: &Config) -> Value {
    json!({
        "supervisord": supervisord(&config.supervisord),
        "groups": config.groups.iter().map(|g| group(g)).collect::<Vec<_>>(),
        "servers": config.servers.iter().map(server).collect::<Vec<_>>(),
        "rpc_interfaces": config.rpc_interfaces.iter().map(|i| &i.name).collect::<Vec<_>>(),
        "messages": config.messages.iter().map(|(l, t)| json!([format!("{l:?}"), t])).collect::<Vec<_>>(),
    })
}

fn supervisord(s: &SupervisordConfig) -> Value {
    let logfile = match &s.logfile {
        MainLog::File(path) => json!(path),
        MainLog::Syslog => json!("syslog"),
    };
    json!({
        "logfile": logfile, "pidfile": s.pidfile, "umask": s.umask, "directory": s.directory,
        "identifier": s.identifier, "logfile_maxbytes": s.logfile_maxbytes, "logfile_backups": s.logfile_backups,
        "minfds": s.minfds, "minprocs": s.minprocs, "nodaemon": s.nodaemon, "silent": s.silent,
        "nocleanup": s.nocleanup, "strip_ansi": s.strip_ansi, "loglevel": s.loglevel as i32,
        "childlogdir": s.childlogdir, "user": s.user, "environment": s.environment,
    })
}

fn group(g: &GroupConfig) -> Value {
    let pool = g.pool.as_ref().map(|pool| {
        let mut events: Vec<&str> = pool.events.iter().map(|kind| kind.name()).collect();
        events.sort_unstable();
        json!({"events": events, "buffer_size": pool.buffer_size, "result_handler": pool.result_handler})
    });
    // In the reference a member of another group has no socket (D-176).
    let own = |process: &&std::sync::Arc<ProcessConfig>| {
        process
            .fcgi
            .as_ref()
            .is_some_and(|socket| *socket.program == *g.name)
    };
    let socket = g
        .processes
        .iter()
        .find(own)
        .and_then(|process| process.fcgi.as_deref());
    json!({
        "name": &*g.name, "priority": g.priority, "pool": pool, "fcgi": socket.map(fcgi),
        "processes": g.processes.iter().map(|p| process(p)).collect::<Vec<_>>(),
    })
}

fn fcgi(socket: &FcgiSocket) -> Value {
    let mut shown = json!({"url": socket.address.to_string(), "backlog": socket.backlog});
    if let FcgiAddress::Unix { mode, owner, .. } = &socket.address {
        shown["mode"] = json!(mode);
        shown["owner"] = json!(owner);
    }
    shown
}

fn process(p: &ProcessConfig) -> Value {
    let autorestart = match p.autorestart {
        AutoRestart::Never => "never",
        AutoRestart::Unexpected => "unexpected",
        AutoRestart::Always => "always",
    };
    json!({
        "name": p.name.name(), "command": p.command, "priority": p.priority, "autostart": p.autostart,
        "startsecs": p.startsecs, "startretries": p.startretries, "exitcodes": p.exitcodes,
        "stopwaitsecs": p.stopwaitsecs, "stopasgroup": p.stopasgroup, "killasgroup": p.killasgroup,
        "redirect_stderr": p.redirect_stderr, "directory": p.directory, "umask": p.umask,
        "serverurl": p.serverurl, "autorestart": autorestart, "stopsignal": p.stopsignal.number(),
        "user": p.user, "environment": p.environment, "stdout": channel(&p.stdout), "stderr": channel(&p.stderr),
    })
}

fn channel(c: &ChannelConfig) -> Value {
    let logfile = match &c.logfile {
        LogFile::None => json!("none"),
        LogFile::Auto => json!("auto"),
        LogFile::Path(path) => json!(path),
    };
    json!({
        "logfile": logfile, "maxbytes": c.maxbytes, "backups": c.backups, "capture_maxbytes": c.capture_maxbytes,
        "events_enabled": c.events_enabled, "syslog": c.syslog,
    })
}

fn server(s: &ServerConfig) -> Value {
    let mut shown = match &s.address {
        ServerAddress::Inet { host, port } => json!({"host": host, "port": port}),
        ServerAddress::Unix { path, mode, owner } => {
            json!({"file": path, "mode": mode, "owner": owner.map(|o| json!([o.uid, o.gid]))})
        }
    };
    shown["section"] = json!(s.section);
    shown["credentials"] = json!(s.credentials);
    shown
}

/// Reads cases: `=== title` (with `!text`, `!accept`, `!refuse` for an expected difference), `--- args`
/// with the words of the command line, `--- file NAME`, then the file. In files `@DIR@` is the folder,
/// and `\x` with two digits a byte.
fn read_cases(text: &str, dir: &Path) -> Vec<Request> {
    let cases = text.split("\n=== ").skip(1).enumerate();
    cases
        .map(|(n, case)| read_case(case, &dir.join(format!("case{n}"))))
        .collect()
}

fn read_case(case: &str, directory: &Path) -> Request {
    std::fs::create_dir_all(directory.join("logs")).unwrap();
    let mut parts = case.split("\n--- ");
    let title = parts.next().unwrap().trim_end().to_owned();
    let expected = match title.split_whitespace().find(|word| word.starts_with('!')) {
        Some("!text") => Expected::OtherText,
        Some("!accept") => Expected::OnlyOursAccepts,
        Some("!refuse") => Expected::OnlyOursRefuses,
        _ => Expected::Same,
    };
    let mut args = vec!["-c".to_owned(), "supervisord.conf".to_owned()];
    for part in parts {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        let body = body.replace("@DIR@", directory.to_str().unwrap());
        match head.split_once(' ') {
            Some(("args", line)) => args = words(&line.replace("@DIR@", directory.to_str().unwrap())),
            Some(("file", name)) => {
                let path = directory.join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, unescape(&body)).unwrap();
            }
            _ => panic!("unknown part {head:?} in {title}"),
        }
    }
    Request {
        title,
        directory: directory.into(),
        args,
        expected,
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// Undoes `\x..`.
fn unescape(text: &str) -> Vec<u8> {
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    bytes
}

/// Numbers that come again with the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

/// An option with values; those that begin with `!` are refused, or may be.
type Option_ = (&'static str, &'static [&'static str]);

const SUPERVISORD: &[Option_] = &[
    (
        "logfile",
        &[
            "logs/s.log",
            "syslog",
            "%(here)s/s.log",
            "s.log",
            "!/nonexistent/s.log",
        ],
    ),
    ("logfile_maxbytes", &["0", "1MB", "2 kb", "1GB", "!10q"]),
    ("logfile_backups", &["0", "3", "-1", "!x"]),
    ("loglevel", &["debug", "WARN", "Trace", "blather", "!warning"]),
    (
        "pidfile",
        &["s.pid", "./logs/../s.pid", "%(ENV_HOME)s/s.pid", "~/s.pid"],
    ),
    ("umask", &["022", "27", "0o77", "!9"]),
    ("nodaemon", &["true", "OFF", "1", "!maybe"]),
    ("silent", &["yes", "no"]),
    ("minfds", &["1024", "+2_000", "-5", "!1k"]),
    ("minprocs", &["200", "1"]),
    ("nocleanup", &["true", "false"]),
    ("childlogdir", &["logs", "%(here)s/logs", "!%(here)s/none"]),
    ("user", &["root", "0", "!nosuchuser"]),
    ("directory", &["logs", "/tmp", "~", "!/nonexistent"]),
    ("strip_ansi", &["on", "off"]),
    ("identifier", &["me", "a b", "%%"]),
    (
        "environment",
        &["A=1", "A=\"x, y\",B='%(ENV_X)s'", "A=%(here)s", "!A", "!C='x"],
    ),
    ("unknown", &["%(nosuch)s"]),
];

const PROGRAM: &[Option_] = &[
    (
        "command",
        &[
            "/bin/cat",
            "x %(program_name)s %(group_name)s",
            "a %(process_num)03d %(numprocs)d",
            "!%(ENV_A)s",
            "!+%Y",
        ],
    ),
    (
        "process_name",
        &[
            "%(program_name)s_%(process_num)02d",
            "%(group_name)s-%(process_num)s",
            "p%(process_num)x",
            "!same",
            "!a b",
        ],
    ),
    ("numprocs", &["0", "1", "2", "12", "-1", "!x"]),
    ("numprocs_start", &["0", "1", "9", "-3"]),
    ("priority", &["1", "-5", "999", "%(ENV_LANG)s"]),
    ("autostart", &["true", "false", "!x"]),
    ("autorestart", &["true", "false", "Unexpected", "!X"]),
    ("startsecs", &["0", "5", "-1"]),
    ("startretries", &["0", "3"]),
    ("exitcodes", &["0,2", "", "7", " 1 , 2 ", "!256", "!1,"]),
    (
        "stopsignal",
        &["TERM", "sigint", "9", "USR1", "RTMIN", "!FOO", "!99"],
    ),
    ("stopwaitsecs", &["1", "10"]),
    ("stopasgroup", &["true", "false"]),
    ("killasgroup", &["true", "false"]),
    ("user", &["root", "0", "!nosuchuser", "!99999"]),
    ("redirect_stderr", &["true", "false"]),
    (
        "environment",
        &[
            "A=1",
            "A=%(ENV_HOME)s,N=%(process_num)s",
            "B='%(program_name)s'",
            "!A=%(ENV_A)s",
        ],
    ),
    (
        "directory",
        &[
            "/tmp",
            "%(here)s/%(process_num)d",
            "/nonexistent",
            "!%(ENV_A)s",
            "",
        ],
    ),
    ("umask", &["022", "!8"]),
    ("serverurl", &["AUTO", "auto", "http://x:1", ""]),
    (
        "stdout_logfile",
        &[
            "NONE",
            "auto",
            "syslog",
            "logs/%(program_name)s",
            "!/nonexistent/x",
            "x%%%%y",
            "",
        ],
    ),
    (
        "stderr_logfile",
        &["off", "AUTO", "Syslog", "%(here)s/logs/e%(process_num)d"],
    ),
    ("stdout_logfile_maxbytes", &["0", "1MB"]),
    ("stderr_logfile_maxbytes", &["0", "5kb", "!x"]),
    ("stdout_logfile_backups", &["0", "2"]),
    ("stderr_logfile_backups", &["%(process_num)d", "2"]),
    ("stdout_capture_maxbytes", &["1MB", "0"]),
    ("stderr_events_enabled", &["true", "false"]),
    ("stdout_events_enabled", &["true", "!x"]),
    ("stdout_syslog", &["true", "false"]),
];

const LISTENER: &[Option_] = &[
    (
        "events",
        &["TICK_5", "event", "PROCESS_STATE,TICK_60", "!NOPE", ""],
    ),
    ("buffer_size", &["1", "10", "!0", "!x"]),
    (
        "result_handler",
        &["supervisor.dispatchers:default_handler", "!no.such:thing"],
    ),
];

const FCGI: &[Option_] = &[
    (
        "socket",
        &[
            "tcp://localhost:9",
            "unix://%(here)s/%(program_name)s.sock",
            "!tcp://h:70000",
        ],
    ),
    ("socket_backlog", &["1", "65535", "!0"]),
    ("socket_mode", &["0777", "!8"]),
    ("socket_owner", &["root", "root:root", "!nosuchuser"]),
];

const INET: &[Option_] = &[("port", &["9001", "*:9001", "Host:1", ":80", "!x", "!h:", "!0"])];

const UNIX: &[Option_] = &[
    ("file", &["s.sock", "%(here)s/./s.sock", "~/s.sock"]),
    ("chmod", &["0700", "!8"]),
    ("chown", &["root", "root:root", "0:0", "!nosuchuser"]),
    ("username", &["u", ""]),
    ("password", &["p", "p%%q", "!p%q"]),
];

/// A configuration with some sections. Most get no bad value, so that the good ones are seen.
fn generate(random: &mut Random, n: usize, dir: &Path) -> Request {
    let directory = dir.join(format!("made{n}"));
    std::fs::create_dir_all(directory.join("logs")).unwrap();
    let mut out = String::new();
    let bad = random.one_in(3);
    section(random, &mut out, "supervisord", SUPERVISORD, bad);
    let programs = ["a", "b", "c"];
    for name in &programs[..random.below(4)] {
        section(random, &mut out, &format!("program:{name}"), PROGRAM, bad);
    }
    if random.one_in(3) {
        let members = ["a", "b", "a,b", "b, a", "", "c,nosuch"];
        let list = members[random.below(if bad { 6 } else { 5 })];
        let _ = write!(
            out,
            "[group:g]\nprograms={list}\npriority={}\n",
            random.pick(&["5", "999", "1000"])
        );
    }
    for (kind, own) in [("eventlistener:l", LISTENER), ("fcgi-program:f", FCGI)] {
        if random.one_in(3) {
            section(random, &mut out, kind, PROGRAM, bad);
            section(random, &mut out, kind, own, bad);
        }
    }
    for (kind, own) in [
        ("inet_http_server", INET),
        ("unix_http_server", UNIX),
        ("inet_http_server:2", INET),
    ] {
        if random.one_in(3) {
            section(random, &mut out, kind, own, bad);
        }
    }
    std::fs::write(directory.join("supervisord.conf"), &out).unwrap();
    let args = words("-c supervisord.conf");
    Request {
        title: format!("generated {n}"),
        directory,
        args,
        expected: Expected::Same,
    }
}

fn section(random: &mut Random, out: &mut String, name: &str, options: &[Option_], bad: bool) {
    let _ = writeln!(out, "[{name}]");
    for (n, (option, values)) in options.iter().enumerate() {
        // What is required comes first in the tables.
        if (n == 0 && !random.one_in(20)) || random.one_in(if bad { 4 } else { 6 }) {
            let values = if bad {
                values
            } else {
                &values[..values.len().min(2)]
            };
            let separator = random.pick(&["=", " = ", ": "]);
            let comment = random.pick(&["", "", " ; note", "\n; note", "\n"]);
            let _ = writeln!(
                out,
                "{option}{separator}{}{comment}",
                random.pick(&values).trim_start_matches('!')
            );
        }
    }
}
