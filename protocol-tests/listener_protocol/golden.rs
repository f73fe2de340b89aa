//! Recorded exchanges: what listeners got from the reference, byte for byte, and what its log said of the
//! protocol. `golden/record` records them anew.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::scenarios::SCENARIOS;
use super::scene::Props;
use crate::harness::daemon::Implementation;

/// Scenes that are played side by side: they mostly wait.
const SIDE_BY_SIDE: usize = 4;

/// A run of one byte beyond this is told as a number.
const LONGEST_RUN: usize = 64;

/// One exchange.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Of its file in `golden/`.
    pub name: &'static str,
    /// See [`Props::new`].
    pub configuration: &'static str,
    /// What happens.
    pub play: fn(&super::scene::Scene<'_>),
}

#[test]
fn the_recorded_exchanges_are_had_again() {
    let record = std::env::var_os("RECORD_GOLDEN").is_some();
    let wanted = std::env::var("CASE").unwrap_or_default();
    let todo: Vec<&Scenario> = SCENARIOS.iter().filter(|it| it.name.contains(&wanted)).collect();
    let next = std::sync::Mutex::new(todo.iter());
    let complaints = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let Some(scenario) = next.lock().unwrap().next() else { break };
                    let complaint = if record { scenario.record() } else { scenario.replay() };
                    complaints.lock().unwrap().extend(complaint);
                }
            });
        }
    });
    let complaints = complaints.into_inner().unwrap();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

impl Scenario {
    fn file(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/golden").join(format!("{}.txt", self.name))
    }

    fn record(&self) -> Option<String> {
        let transcript = self.attempt(Implementation::Reference).map_err(|error| error.to_string());
        transcript.and_then(|it| std::fs::write(self.file(), it).map_err(|error| error.to_string())).err()
    }

    fn replay(&self) -> Option<String> {
        let recorded = std::fs::read_to_string(self.file()).expect("golden/record was run");
        match self.attempt(Implementation::under_test()) {
            Ok(now) if now == recorded => None,
            Ok(now) => Some(format!("== {}\n- recorded\n{recorded}\n+ now\n{now}", self.name)),
            Err(error) => Some(format!("== {}\n{error}", self.name)),
        }
    }

    /// A panic while playing is a complaint about this scenario alone.
    fn attempt(&self, implementation: Implementation) -> Result<String, String> {
        let attempt = std::panic::catch_unwind(|| self.transcript(implementation));
        attempt
            .map_err(|panic| panic.downcast_ref::<String>().map_or("it panicked", String::as_str).to_owned())
    }

    fn transcript(&self, implementation: Implementation) -> String {
        let props = Props::new(self.configuration);
        let scene = props.start(implementation);
        (self.play)(&scene);
        scene.end();
        let mut text = String::new();
        for name in props.sandbox.list(".").iter().filter_map(|file| file.strip_suffix(".in")) {
            let heard = props.sandbox.read_bytes(&format!("{name}.in"));
            write!(text, "==== to {name}\n{}\n", with_short_pids(&shown(&heard))).expect("a String");
        }
        text.push_str("==== log\n");
        let log = crate::harness::activity::records(&props.sandbox.read("supervisord.log"));
        for line in log.iter().map(|record| record.line()).filter(|line| is_of_the_protocol(line)) {
            writeln!(text, "{}", shown(line.as_bytes())).expect("a String");
        }
        text
    }
}

/// Lines that any order of the daemon's work must write: not E-192 for events that wait.
fn is_of_the_protocol(line: &str) -> bool {
    const WORDS: [&str; 8] = [
        "event was ",
        "event caused",
        " sent to listener",
        "overflowed",
        "bad result line",
        "UNKNOWN state",
        "epipe occurred",
        " -> ",
    ];
    WORDS.iter().any(|word| line.contains(word)) && !line.contains(" output:")
}

/// Printable, with long runs cut short.
fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in bytes.chunk_by(|a, b| a == b) {
        let one = match run[0] {
            b'\n' => "\n".to_owned(),
            b'\\' | b'\'' | b'"' => char::from(run[0]).to_string(),
            other => other.escape_ascii().to_string(),
        };
        match run.len() {
            long @ LONGEST_RUN.. => write!(text, "<{long} times {one}>").expect("a String"),
            short => text.push_str(&one.repeat(short)),
        }
    }
    text
}

/// Envelopes with `N` in place of pids, and as many fewer characters announced.
fn with_short_pids(heard: &str) -> String {
    let short = |envelope: &str| {
        let Some((head, payload)) = envelope.split_once('\n') else { return envelope.to_owned() };
        let shortened = without_numbers_behind(payload, "pid:");
        let saved = payload.len() - shortened.len();
        match head.rsplit_once(" len:") {
            Some((head, len)) => {
                let len: usize = len.parse().unwrap();
                format!("{head} len:{}\n{shortened}", len - saved)
            }
            None => envelope.to_owned(),
        }
    };
    heard.split("ver:3.0 ").map(short).collect::<Vec<_>>().join("ver:3.0 ")
}

/// The text with the number behind each of these words replaced by `N`; 0 is no pid and stays.
pub fn without_numbers_behind(text: &str, word: &str) -> String {
    let mut parts = text.split(word);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = &part[..part.len() - rest.len()];
        let number = if number.is_empty() || number == "0" { number } else { "N" };
        out.extend([word, number, rest]);
    }
    out
}
