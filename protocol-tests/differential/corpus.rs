//! The cases: read from `configs/`, and put into a sandbox.
//!
//! A `.cases` file holds several. Each begins with `== NAME`, then directives, then the text of the
//! configuration, then more files, each after `-- PATH` or `-- PATH (executable)`. Directives:
//!
//! - `args: WORDS`, `env: NAME=VALUE` (one each): command line and environment beyond the usual;
//! - `raw`: the text is the whole configuration, nothing stands before it;
//! - `until: TEXT`: wait for this in the activity log; given n times, for the n-th of its kind;
//! - `idle`: do not wait then for all processes to settle: nothing is started, or nothing settles;
//! - `then: SIGNAL`: send this before the end, and settle again;
//! - `ours: taken|refused ROW`: we differ on purpose, as this row says.
//!
//! In all files `@DIR@` is the sandbox, `@PORT@` and `@OTHER_PORT@` free ports, `@REPORT@` a command that reports,
//! `@PIDPROXY@` ours, `@CR@` a carriage return.

use std::fs;
use std::path::Path;

use crate::harness::sandbox::Sandbox;
use crate::harness::{ports, script_child};

/// A configuration with what belongs to it.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// Unique, for messages and for choosing.
    pub name: String,
    /// Arguments beyond `-n -c supervisord.conf`.
    pub args: Vec<String>,
    /// Environment beyond the usual.
    pub env: Vec<(String, String)>,
    /// Nothing stands before the text.
    pub raw: bool,
    /// There is nothing to settle.
    pub idle: bool,
    /// Log texts to wait for.
    pub until: Vec<String>,
    /// Signals to send once settled.
    pub then: Vec<String>,
    /// Where ours differs on purpose: whether it takes the configuration.
    pub ours: Option<bool>,
    /// The configuration.
    pub text: String,
    /// Other files: name, text, whether executable.
    pub files: Vec<(String, String, bool)>,
}

impl Case {
    /// A case that is only a text.
    pub fn new(name: String, text: String) -> Self {
        Self { name, text, idle: true, ..Self::default() }
    }

    /// Puts it into a sandbox; tells the port that stands for `@PORT@`.
    pub fn install(&self, sandbox: &Sandbox) -> u16 {
        let port = ports::free();
        let fill = |text: &str| fill(text, port);
        sandbox.set_mode(".", 0o777);
        sandbox.set_mode("auto", 0o777);
        script_child::install(sandbox);
        if self.raw {
            sandbox.write("supervisord.conf", &fill(&self.text));
        } else {
            sandbox.configure(&fill(&self.text));
        }
        for (name, text, executable) in &self.files {
            if *executable {
                sandbox.script(name, &fill(text));
            } else {
                sandbox.write(name, &fill(text));
            }
        }
        port
    }

    fn directive(&mut self, line: &str) -> bool {
        let (word, value) = line.split_once(": ").unwrap_or((line, ""));
        match word {
            "args" => self.args.extend(value.split(' ').map(str::to_owned)),
            "env" => self.env.extend(value.split_once('=').map(|(name, value)| (name.into(), value.into()))),
            "raw" => self.raw = true,
            "idle" => self.idle = true,
            "until" => self.until.push(value.to_owned()),
            "then" => self.then.push(value.to_owned()),
            "ours" => self.ours = Some(value.starts_with("taken")),
            _ => return false,
        }
        true
    }
}

fn fill(text: &str, port: u16) -> String {
    text.replace("@REPORT@", "python3 @DIR@/report.py")
        .replace("@CR@", "\r")
        .replace("@PIDPROXY@", env!("CARGO_BIN_EXE_pidproxy"))
        .replace("@PORT@", &port.to_string())
        .replace("@OTHER_PORT@", &ports::free().to_string())
}

fn configs() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests/configs"))
}

/// All cases of a folder of `configs/`.
pub fn load(folder: &str) -> Vec<Case> {
    let mut files: Vec<_> =
        fs::read_dir(configs().join(folder)).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|path| parse(&fs::read_to_string(path).unwrap())).collect()
}

fn parse(corpus: &str) -> Vec<Case> {
    let texts = corpus
        .strip_prefix("== ")
        .unwrap_or_else(|| corpus.split_once("\n== ").expect("a file of cases has at least one").1);
    texts.split("\n== ").map(case).collect()
}

fn case(text: &str) -> Case {
    let (name, mut rest) = text.split_once('\n').unwrap_or((text, ""));
    let mut case = Case { name: name.trim().to_owned(), ..Case::default() };
    while let Some((line, after)) = rest.split_once('\n') {
        if !case.directive(line) {
            break;
        }
        rest = after;
    }
    let rest = format!("{rest}\n");
    let mut parts = rest.split("\n-- ");
    case.text = format!("{}\n", parts.next().unwrap_or_default());
    for part in parts {
        let (name, text) = part.split_once('\n').unwrap_or((part, ""));
        let executable = name.strip_suffix(" (executable)");
        case.files.push((executable.unwrap_or(name).to_owned(), format!("{text}\n"), executable.is_some()));
    }
    case
}

/// One case for each value of each option in `configs/options.table`.
pub fn options() -> Vec<Case> {
    let mut cases = Vec::new();
    for option in table() {
        for value in &option.values {
            let name = format!("{} {}={value}", option.section, option.name);
            cases.push(Case::new(name, section_text(&option.section, &[(&option.name, value)])));
        }
    }
    cases
}

/// An option and values for it, good and bad.
#[derive(Clone, Debug)]
pub struct OptionRow {
    /// Its section, such as `program:x`.
    pub section: String,
    /// Its name.
    pub name: String,
    /// The values; `\n` in them is a line end with the indent of a continuation.
    pub values: Vec<String>,
}

/// The table of options: `[section]` lines, `name = value | value` lines, `#` comments.
pub fn table() -> Vec<OptionRow> {
    let text = fs::read_to_string(configs().join("options.table")).unwrap();
    let mut rows = Vec::new();
    let mut section = String::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((name, values)) = line.split_once(" = ") {
            let values = values.split(" | ").map(|it| it.trim().replace("\\n", "\n  ")).collect();
            rows.push(OptionRow { section: section.clone(), name: name.trim().to_owned(), values });
        }
    }
    rows
}

/// A section with these options and what its kind requires; nothing in it is started.
pub fn section_text(section: &str, options: &[(&str, &str)]) -> String {
    let kind = section.split(':').next().unwrap_or_default();
    let required: &[(&str, &str)] = match kind {
        "program" => &[("command", "/bin/cat"), ("autostart", "false")],
        "eventlistener" => &[("command", "/bin/cat"), ("autostart", "false"), ("events", "EVENT")],
        "fcgi-program" => {
            &[("command", "/bin/cat"), ("autostart", "false"), ("socket", "unix://@DIR@/fcgi.sock")]
        }
        "inet_http_server" => &[("port", "127.0.0.1:@PORT@")],
        _ => &[],
    };
    let given = |name: &str| options.iter().any(|(it, _)| *it == name);
    let required = required.iter().filter(|(name, _)| !given(name));
    let lines: String = required.chain(options).map(|(name, value)| format!("{name}={value}\n")).collect();
    let member = if kind == "group" { section_text("program:member", &[]) } else { String::new() };
    format!("[{section}]\n{lines}{member}")
}
