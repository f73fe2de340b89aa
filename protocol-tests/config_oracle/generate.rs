//! Configurations made at random: sections from tables of options, and odd text for the dialect,
//! expansion and lists.

use std::fmt::Write;

/// Makes one configuration.
pub type Maker = fn(&mut Random) -> String;

/// Numbers that come again with the same seed (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `n`.
    pub fn below(&mut self, n: usize) -> usize {
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
    ("logfile", &["logs/s.log", "syslog", "%(here)s/s.log", "s.log", "!/nonexistent/s.log"]),
    ("logfile_maxbytes", &["0", "1MB", "2 kb", "1GB", "!10q"]),
    ("logfile_backups", &["0", "3", "-1", "!x"]),
    ("loglevel", &["debug", "WARN", "Trace", "blather", "!warning"]),
    ("pidfile", &["s.pid", "./logs/../s.pid", "%(ENV_HOME)s/s.pid", "~/s.pid"]),
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
    ("environment", &["A=1", "A=\"x, y\",B='%(ENV_X)s'", "A=%(here)s", "!A", "!C='x"]),
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
    ("stopsignal", &["TERM", "sigint", "9", "USR1", "RTMIN", "!FOO", "!99"]),
    ("stopwaitsecs", &["1", "10"]),
    ("stopasgroup", &["true", "false"]),
    ("killasgroup", &["true", "false"]),
    ("user", &["root", "0", "!nosuchuser", "!99999"]),
    ("redirect_stderr", &["true", "false"]),
    ("environment", &["A=1", "A=%(ENV_HOME)s,N=%(process_num)s", "B='%(program_name)s'", "!A=%(ENV_A)s"]),
    ("directory", &["/tmp", "%(here)s/%(process_num)d", "/nonexistent", "!%(ENV_A)s", ""]),
    ("umask", &["022", "!8"]),
    ("serverurl", &["AUTO", "auto", "http://x:1", ""]),
    ("stdout_logfile", &["NONE", "auto", "syslog", "logs/%(program_name)s", "!/nonexistent/x", "x%%%%y", ""]),
    ("stderr_logfile", &["off", "AUTO", "Syslog", "%(here)s/logs/e%(process_num)d"]),
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
    ("events", &["TICK_5", "event", "PROCESS_STATE,TICK_60", "!NOPE", ""]),
    ("buffer_size", &["1", "10", "!0", "!x"]),
    ("result_handler", &["supervisor.dispatchers:default_handler", "!no.such:thing"]),
];

const FCGI: &[Option_] = &[
    ("socket", &["tcp://localhost:9", "unix://%(here)s/%(program_name)s.sock", "!tcp://h:70000"]),
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
pub fn sections(random: &mut Random) -> String {
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
        let _ = writeln!(out, "[group:g]\nprograms={list}\npriority={}", random.pick(&["5", "999", "1000"]));
    }
    for (kind, own) in [("eventlistener:l", LISTENER), ("fcgi-program:f", FCGI)] {
        if random.one_in(3) {
            section(random, &mut out, kind, PROGRAM, bad);
            section(random, &mut out, kind, own, bad);
        }
    }
    for (kind, own) in [("inet_http_server", INET), ("unix_http_server", UNIX), ("inet_http_server:2", INET)]
    {
        if random.one_in(3) {
            section(random, &mut out, kind, own, bad);
        }
    }
    out
}

/// Lines that begin sections, options and continuations, with comments at odd places (D-050 to D-058).
pub fn lines(random: &mut Random) -> String {
    const STARTS: &[&str] = &[
        "identifier=",
        "command = ",
        "Command: ",
        "directory=",
        "environment=A=",
        " ",
        "\t",
        "  ",
        "",
        ";",
        "#",
    ];
    const PIECES: &[&str] =
        &["a", "b=c", " ", "\t", ";", "#", " ;", " #", "\"", "'", "é", "]", "[x]", "\\", "\u{a0}", "="];
    const HEADERS: &[&str] =
        &["[supervisord]", "[program:a]", "[program:b] x", "  [program:c]", "[nobody]", "[program:a];"];
    let mut out = String::from("[supervisord]\n[program:a]\ncommand=x\n");
    for _ in 0..random.below(14) {
        if random.one_in(4) {
            out.push_str(random.pick(HEADERS));
        } else {
            out.push_str(random.pick(STARTS));
            out.extend((0..random.below(6)).map(|_| random.pick(PIECES)));
        }
        out.push_str(random.pick(&["\n", "\n", "\n", "\n\n", "\r\n", "\r"]));
    }
    out
}

/// A program whose command has odd percent signs (D-060, D-061).
pub fn formats(random: &mut Random) -> String {
    const PIECES: &[&str] = &[
        "%(process_num)",
        "%(program_name)",
        "%(process_num)",
        "%",
        "(",
        ")",
        "0",
        "5",
        "12",
        "-",
        "+",
        " ",
        "#",
        ".",
        "d",
        "x",
        "X",
        "o",
        "i",
        "s",
        "c",
        "l",
        "h",
        "q",
        "r",
        "é",
        "%%",
        "(numprocs)",
        "(nosuch)",
    ];
    let command: String = (0..=random.below(7)).map(|_| random.pick(PIECES)).collect();
    let start = random.pick(&["0", "7", "255", "-3"]);
    format!("[supervisord]\n[program:a]\nnumprocs_start={start}\ncommand=x{command}x\n")
}

/// A program with an odd environment list (D-095 to D-098).
pub fn environments(random: &mut Random) -> String {
    const PIECES: &[&str] = &[
        "A=1", "B=", ",", "A", "=", "\"", "'", "\"x,y\"", "'z'", "#", " ", "\n  ", "\\", "$", "é", "-", ".",
        "@", "C=\"\"",
    ];
    let list: String = (0..=random.below(9)).map(|_| random.pick(PIECES)).collect();
    format!("[supervisord]\n[program:a]\ncommand=x\nenvironment=A=0,{list}\n")
}

/// A command line with odd quotes (D-330, D-331).
pub fn command(random: &mut Random) -> String {
    const PIECES: &[&str] =
        &["a", "b", " ", "  ", "\n", "\t", "'", "\"", "\\", "#", "$X", "é", "''", "\u{a0}"];
    (0..random.below(10)).map(|_| random.pick(PIECES)).collect()
}

fn section(random: &mut Random, out: &mut String, name: &str, options: &[Option_], bad: bool) {
    let _ = writeln!(out, "[{name}]");
    for (n, (option, values)) in options.iter().enumerate() {
        // What is required comes first in the tables.
        if (n == 0 && !random.one_in(20)) || random.one_in(if bad { 4 } else { 6 }) {
            let values: Vec<&str> = values.iter().filter(|v| bad || !v.starts_with('!')).copied().collect();
            let separator = random.pick(&["=", " = ", ": "]);
            let comment = random.pick(&["", "", " ; note", "\n; note", "\n"]);
            let _ =
                writeln!(out, "{option}{separator}{}{comment}", random.pick(&values).trim_start_matches('!'));
        }
    }
}
