//! Every command on a process in every state, both ways: the reference's client and ours, on the
//! reference's daemon and on ours. What all four write and their exit statuses must be the same.

use std::thread;

use crate::harness::ctl::{Client, PAIRS, Said, assert_alike, normal};
use crate::harness::daemon::{Daemon, Implementation, Launch};
use crate::harness::rpc;
use crate::harness::sandbox::Sandbox;

/// How a process comes to its state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It is there, or will be.
    Alone,
    /// It must be stopped.
    Stop,
    /// It must have failed just now: it is tried again before long.
    Fail,
}

struct Row {
    name: &'static str,
    settings: &'static str,
    way: Way,
    state: &'static str,
}

/// What programs are named after, how they are configured, and the state they come to.
const ROWS: [Row; 8] = [
    Row { name: "off", settings: "command=sleep 1000\nautostart=false", way: Way::Alone, state: "STOPPED" },
    Row { name: "stopped", settings: "command=sleep 1000\nstartsecs=0", way: Way::Stop, state: "STOPPED" },
    // Fails if it is started a second time, as nobody wants to wait until it runs.
    Row {
        name: "starting",
        settings: "command=sh -c 'mkdir @DIR@/${SUPERVISOR_GROUP_NAME}${SUPERVISOR_PROCESS_NAME} && exec sleep 1000'\nstartsecs=900\nstartretries=1000",
        way: Way::Alone,
        state: "STARTING",
    },
    Row { name: "running", settings: "command=sleep 1000\nstartsecs=0", way: Way::Alone, state: "RUNNING" },
    Row {
        name: "backoff",
        settings: "command=false\nautostart=false\nstartsecs=30\nstartretries=1000",
        way: Way::Fail,
        state: "BACKOFF",
    },
    // Does not mind its signal.
    Row {
        name: "stopping",
        settings: "command=sleep 1000\nstartsecs=0\nstopsignal=CONT\nstopwaitsecs=1000",
        way: Way::Stop,
        state: "STOPPING",
    },
    Row {
        name: "exited",
        settings: "command=sh -c 'echo out; echo err >&2; mkdir @DIR@/${SUPERVISOR_GROUP_NAME}${SUPERVISOR_PROCESS_NAME} && exit 3; exec sleep 1000'\nstartsecs=0\nautorestart=false",
        way: Way::Alone,
        state: "EXITED",
    },
    Row { name: "fatal", settings: "command=/no/such/file\nstartretries=0", way: Way::Alone, state: "FATAL" },
];

/// Programs for each state, of one process or two, and the commands for each of them; `@` is its name.
const CELLS: [(&str, usize, &[&str]); 9] = [
    (
        "look",
        1,
        &[
            "status @",
            "status @:@ nope @",
            "pid @",
            "pid @ nope",
            "signal CONT @",
            "signal sigcont @:@",
            "signal nope @",
            "tail @",
            "tail -2 @ stderr",
            "clear @",
            "add @",
            "fg @",
        ],
    ),
    ("start", 1, &["start @ nope"]),
    ("stop", 1, &["stop nope @"]),
    ("restart", 1, &["restart @"]),
    ("remove", 1, &["remove @", "remove @", "add @"]),
    ("looks", 2, &["status @:*", "status @", "signal CONT @:*", "signal nope @:*", "tail @", "pid @:0 @:1"]),
    ("starts", 2, &["start @:*"]),
    ("stops", 2, &["stop @:*"]),
    ("restarts", 2, &["restart @:* nope:*"]),
];

/// At the end, on all of them. Of `clear all` see `ctl_lives`: the reference needs a second for each process.
const ALL: [&str; 6] = ["status", "pid all", "avail", "signal CONT all", "signal nope all", "stop all nope"];

fn programs() -> String {
    let mut text = "[supervisorctl]\nserverurl=unix://@DIR@/s.sock\n".to_owned();
    for row in &ROWS {
        for (cell, members, _) in CELLS {
            let several = if members > 1 { "process_name=%(process_num)d\nnumprocs=2\n" } else { "" };
            text += &format!("[program:{}_{cell}]\n{}\n{several}", row.name, row.settings);
        }
    }
    text
}

/// One client at one daemon.
struct Table<'s> {
    sandbox: &'s Sandbox,
    daemon: &'s Daemon<'s>,
    client: Client<'s>,
    said: Vec<(String, Said)>,
}

impl Table<'_> {
    fn run(&mut self, line: &str) {
        let Said { status, out } = self.client.run(line);
        let mut lines: Vec<String> = normal(&out, self.sandbox).lines().map(str::to_owned).collect();
        // Of several, whoever is done first comes first: that is neither client's doing.
        let verb = line.split(' ').next().unwrap();
        if ["start", "stop", "restart"].contains(&verb) && (line.contains(":*") || line.contains("all")) {
            lines.sort();
        }
        self.said.push((line.to_owned(), Said { status, out: lines.join("\n") }));
    }

    fn call(&self, method: &str, parameters: &[&str]) {
        // It may be where it should be already.
        let _answer = rpc::call(&self.sandbox.path("s.sock"), method, parameters);
    }

    fn info(&self, spec: &str) -> Result<rpc::Value, String> {
        rpc::call(&self.sandbox.path("s.sock"), "supervisor.getProcessInfo", &[spec])
    }

    /// Brings a process where its row wants it; an empty text is a no to waiting (C-064).
    fn bring(&self, row: &Row, spec: &str) {
        match row.way {
            Way::Alone => {}
            Way::Stop => self.call("supervisor.stopProcess", &[spec, ""]),
            Way::Fail => {
                self.call("supervisor.stopProcess", &[spec]);
                self.call("supervisor.startProcess", &[spec, ""]);
            }
        }
        self.daemon.until(&format!("{spec} to be {}", row.state), || {
            self.info(spec).is_ok_and(|info| info.member("statename") == row.state)
        });
    }

    fn cell(&mut self, row: &Row, cell: &str, members: usize, lines: &[&str]) {
        let name = format!("{}_{cell}", row.name);
        let specs =
            if members > 1 { vec![format!("{name}:0"), format!("{name}:1")] } else { vec![name.clone()] };
        for (n, line) in lines.iter().enumerate() {
            // fg on a running process talks: see ctl_terminal.
            if row.state == "RUNNING" && line.starts_with("fg") {
                continue;
            }
            let line = line.replace('@', &name);
            if cell.starts_with("look") {
                self.look(row, &specs, &line);
                continue;
            }
            // What was removed is nowhere.
            if n == 0 {
                specs.iter().for_each(|spec| self.bring(row, spec));
            }
            self.run(&line);
        }
    }

    /// Runs what changes nothing; once more if one that fails was tried again meanwhile.
    fn look(&mut self, row: &Row, specs: &[String], line: &str) {
        for _ in 0..20 {
            specs.iter().for_each(|spec| self.bring(row, spec));
            let before = self.starts(specs);
            self.run(line);
            if row.way != Way::Fail || self.starts(specs) == before {
                return;
            }
            self.said.pop();
        }
        panic!("{line}: never in time");
    }

    /// When they were last started.
    fn starts(&self, specs: &[String]) -> Vec<String> {
        specs.iter().map(|spec| self.info(spec).unwrap().member("start").to_owned()).collect()
    }

    /// A log may be written a little after the exit on a machine that is busy for a second (E-044).
    fn until_written(&self) {
        for (method, text) in
            [("supervisor.readProcessStdoutLog", "out"), ("supervisor.readProcessStderrLog", "err")]
        {
            let read = || rpc::call(&self.sandbox.path("s.sock"), method, &["exited_look", "0", "0"]);
            self.daemon.until("output", || read().is_ok_and(|log| log.text().contains(text)));
        }
    }

    fn rows(&mut self, rows: &[Row]) {
        for row in rows {
            if row.name == "exited" {
                self.until_written();
            }
            for (cell, members, lines) in CELLS {
                self.cell(row, cell, members, lines);
            }
        }
    }

    fn all(&mut self) {
        // Whatever is tried again now and then is neither here nor there.
        for (cell, ..) in CELLS {
            self.call("supervisor.stopProcess", &[&format!("backoff_{cell}:*")]);
            self.call("supervisor.stopProcess", &[&format!("starting_{cell}:*")]);
        }
        for line in ALL {
            self.run(line);
        }
        // These would be waited for.
        for (cell, ..) in CELLS {
            self.run(&format!("remove starting_{cell}"));
        }
        for line in ["start all", "restart all"] {
            self.run(line);
        }
    }
}

/// Several clients fill in some rows each: most of the time passes with waiting for the reference's daemon.
fn table(client: Implementation, daemon: Implementation) -> Vec<(String, Said)> {
    let sandbox = Sandbox::new();
    sandbox.configure(&programs());
    let daemon = Launch::of(daemon, &sandbox).arg("-c").arg("supervisord.conf").start_up();
    let table = || Table {
        sandbox: &sandbox,
        daemon: &daemon,
        client: Client::new(client, &sandbox),
        said: Vec::new(),
    };
    let rows = |rows| {
        let mut table = table();
        table.rows(rows);
        table.said
    };
    let mut said: Vec<_> = thread::scope(|scope| {
        let parts: Vec<_> = ROWS.chunks(3).map(|part| scope.spawn(move || rows(part))).collect();
        parts.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    let mut whole = table();
    whole.all();
    said.extend(whole.said);
    said
}

// C-420 to C-458, C-461, C-467: section 18 in each state of C-203 but UNKNOWN
#[test]
fn every_command_in_every_state() {
    let tables: Vec<_> = thread::scope(|scope| {
        let running = PAIRS.map(|(client, daemon)| scope.spawn(move || table(client, daemon)));
        running.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let (expected, others) = tables.split_first().unwrap();
    for (said, (client, daemon)) in others.iter().zip(&PAIRS[1..]) {
        assert_alike(&format!("{client:?} client, {daemon:?} daemon"), said, expected);
    }
    assert!(expected.len() > 200, "{}", expected.len());
}
