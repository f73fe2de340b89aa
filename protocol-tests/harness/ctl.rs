//! supervisorctl under test, ours or the reference's: one command at a time, what it wrote and its status.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::daemon::{Implementation, environment};
use super::reference;
use super::sandbox::Sandbox;

/// Every client at every daemon, client first; the reference's at its own daemon shows what is expected.
pub const PAIRS: [(Implementation, Implementation); 4] = [
    (Implementation::Reference, Implementation::Reference),
    (Implementation::Reference, Implementation::Ours),
    (Implementation::Ours, Implementation::Reference),
    (Implementation::Ours, Implementation::Ours),
];

/// Path of a supervisorctl.
pub fn program(which: Implementation) -> PathBuf {
    match which {
        Implementation::Ours => env!("CARGO_BIN_EXE_supervisorctl").into(),
        Implementation::Reference => reference::program("supervisorctl"),
    }
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its exit status; `None`: a signal ended it.
    pub status: Option<i32>,
    /// What it wrote to stdout.
    pub out: String,
}

/// What a command came to at a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its exit status.
    pub status: Option<i32>,
    /// All that the terminal got.
    pub raw: String,
    /// The same without escape sequences and carriage returns.
    pub text: String,
}

/// A command line of words without blanks, in the sandbox, on `supervisord.conf`; not started yet.
pub fn command(which: Implementation, sandbox: &Sandbox, line: &str) -> Command {
    in_sandbox(Command::new(program(which)), sandbox, line)
}

fn in_sandbox(mut command: Command, sandbox: &Sandbox, line: &str) -> Command {
    command.current_dir(sandbox.dir()).env_clear().envs(environment(sandbox)).stderr(Stdio::null());
    command.args(["-c", "supervisord.conf"]).args(line.split_whitespace());
    command
}

/// Runs a command line with this text as its stdin.
pub fn run(which: Implementation, sandbox: &Sandbox, line: &str, input: &str) -> Said {
    sandbox.write("input", input);
    let mut command = command(which, sandbox, line);
    let output = command.stdin(File::open(sandbox.path("input")).unwrap()).output().unwrap();
    Said { status: output.status.code(), out: String::from_utf8(output.stdout).unwrap() }
}

/// Runs a command line at a terminal. Each step is a text to wait for and what is typed then; all of them
/// must come to pass.
pub fn at_terminal(which: Implementation, sandbox: &Sandbox, line: &str, steps: &[[&str; 2]]) -> Shown {
    sandbox.write("type_at.py", include_str!("../scripts/type_at.py"));
    sandbox.write("input", &serde_json::json!(steps).to_string());
    let mut python = Command::new(reference::program("python"));
    python.arg("type_at.py").arg(program(which));
    let mut command = in_sandbox(python, sandbox, line);
    let output =
        command.env("TERM", "xterm").stdin(File::open(sandbox.path("input")).unwrap()).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = output.status.code();
    assert!(status.is_some_and(|status| status < STEPS_LEFT), "{which:?} {line}: {status:?}, {shown:?}");
    Shown { status, text: without_escapes(&shown).replace('\r', ""), raw: shown }
}

/// What `type_at.py` adds to the number of steps that did not come to pass.
const STEPS_LEFT: i32 = 128;

fn without_escapes(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        text + piece.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).get(1..).unwrap_or_default()
    })
}

/// A client for many commands.
#[derive(Debug)]
pub enum Client<'s> {
    /// Ours, which starts at once.
    Ours(&'s Sandbox),
    /// The reference's, which is started once for all.
    Reference(Steady),
}

/// `run_ctl.py` at work; killed when dropped.
#[derive(Debug)]
pub struct Steady {
    child: Child,
    lines: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl<'s> Client<'s> {
    /// A client of the sandbox's daemon.
    pub fn new(which: Implementation, sandbox: &'s Sandbox) -> Self {
        match which {
            Implementation::Ours => Self::Ours(sandbox),
            Implementation::Reference => Self::Reference(Steady::start(sandbox)),
        }
    }

    /// Runs one command line of words without blanks.
    pub fn run(&mut self, line: &str) -> Said {
        match self {
            Self::Ours(sandbox) => run(Implementation::Ours, sandbox, line, ""),
            Self::Reference(steady) => steady.run(line),
        }
    }
}

impl Steady {
    #[expect(clippy::disallowed_methods, reason = "the ban is on the daemon, which has a reaper of its own")]
    fn start(sandbox: &Sandbox) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/oracle/run_ctl.py");
        let mut python = Command::new(reference::program("python"));
        python.arg(script);
        let mut command = in_sandbox(python, sandbox, "");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (lines, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, lines, answers: BufReader::new(answers) }
    }

    fn run(&mut self, line: &str) -> Said {
        let words: Vec<&str> = line.split_whitespace().collect();
        writeln!(self.lines, "{}", serde_json::json!(words)).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let (status, out) = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{line}: {answer:?}"));
        Said { status: Some(status), out }
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Without what differs from run to run: process ids, times, the folder's name. Errors whose wording is
/// free (C-428) keep the fault in them. What our help has besides is left out.
pub fn normal(text: &str, sandbox: &Sandbox) -> String {
    let text = text.replace(sandbox.dir().to_str().unwrap(), "@DIR@");
    let shared = text.lines().filter(|line| !line.starts_with("--no-wait, "));
    shared.map(normal_line).collect::<Vec<_>>().join("\n")
}

fn normal_line(line: &str) -> String {
    if let Some((before, cause)) = line.split_once("error: ") {
        return format!("{before}error: {}", fault(cause).unwrap_or_else(|| "...".to_owned()));
    }
    // The explanations of the help are free (C-492, C-495).
    let line = if line.starts_with("Note: ") { "Note: ..." } else { line };
    let line = line.split('\t').next().unwrap_or(line);
    if line.parse::<u32>().is_ok_and(|pid| pid > 0) {
        return "PID".to_owned();
    }
    if let Some((before, _)) = line.split_once("pid ").filter(|(_, rest)| rest.contains(", uptime ")) {
        return format!("{before}pid N, uptime T");
    }
    // `Nov 23 03:31 PM`
    match line.len().checked_sub(15).and_then(|at| line.split_at_checked(at)) {
        Some((before, time)) if time.ends_with("M") && time.as_bytes()[9] == b':' => format!("{before}WHEN"),
        _ => line.to_owned(),
    }
}

/// `N: TEXT` of a fault, as either client shows it.
fn fault(cause: &str) -> Option<String> {
    let theirs = cause.split_once("<Fault ").and_then(|(_, rest)| {
        let (fault, _) = rest.split_once(">:")?;
        Some(fault.replace(['\'', '"'], ""))
    });
    let ours = || Some(cause.split_once("with fault ")?.1.replace(['\'', '"'], ""));
    // Where in a file an error is, only our daemon says (D-008).
    let fault = theirs.or_else(ours)?;
    Some(fault.split_once(" (line ").map_or(fault.clone(), |(text, _)| text.to_owned()))
}

/// Compares what was said to the same commands, and shows the lines that differ.
pub fn assert_alike(who: &str, said: &[(String, Said)], expected: &[(String, Said)]) {
    let mut differences = String::new();
    for ((line, here), (_, theirs)) in said.iter().zip(expected).filter(|(here, theirs)| here != theirs) {
        differences += &format!("{line}: {:?} instead of {:?}\n", here.status, theirs.status);
        let only = |a: &Said, b: &Said, sign: &str| -> String {
            let lines = a.out.lines().filter(|line| !b.out.lines().any(|other| other == *line));
            lines.map(|line| format!("  {sign} {line}\n")).collect()
        };
        differences += &only(here, theirs, "+");
        differences += &only(theirs, here, "-");
    }
    assert!(differences.is_empty(), "{who}\n{differences}");
    assert_eq!(said.len(), expected.len());
}
