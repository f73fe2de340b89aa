//! How things look: lines on stdout, the status table, columns, colours.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use crate::client::proxy::ProcessInfo;
use crate::model::state::ProcessState;
use crate::sys::terminal;

/// stdout. What cannot be written is dropped: nobody reads it any more.
#[derive(Debug)]
pub(super) struct Output {
    out: io::BufWriter<io::Stdout>,
    colour: bool,
    terminal: bool,
    broken: bool,
}

impl Output {
    pub fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self { out: io::BufWriter::new(io::stdout()), colour: terminal && !plain, terminal, broken: false }
    }

    pub fn line(&mut self, line: impl AsRef<str>) {
        self.raw(line.as_ref().as_bytes());
        self.raw(b"\n");
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.broken = self.broken || self.out.write_all(bytes).is_err();
    }

    /// Hands on all that was written so far.
    pub fn flush(&mut self) {
        self.broken = self.broken || self.out.flush().is_err();
    }

    /// Whether nobody reads what is written.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether a person reads it.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// How many characters a line may have; without end where no terminal shows it.
    pub fn width(&self) -> usize {
        let columns = self.terminal.then(|| terminal::columns(io::stdout().as_fd())).flatten();
        columns.unwrap_or(usize::MAX)
    }

    /// A text in the colour of a process state, where colours are wanted.
    pub fn tinted(&self, text: &str, state: i64) -> String {
        if self.colour { coloured(text, state) } else { text.to_owned() }
    }

    /// The table of status (C-440).
    pub fn statuses(&mut self, infos: &[&ProcessInfo]) {
        let specs: Vec<String> = infos.iter().map(|info| name_spec(&info.group, &info.name)).collect();
        let width = specs.iter().map(|spec| spec.chars().count()).max().unwrap_or(0).max(30) + 3;
        for (spec, info) in specs.iter().zip(infos) {
            let state = self.tinted(&format!("{:<10}", info.statename), info.state);
            self.line(format!("{spec:<width$}{state}{}", info.description));
        }
    }
}

fn coloured(text: &str, state: i64) -> String {
    let code = match ProcessState::ALL.into_iter().find(|known| i64::from(known.code()) == state) {
        Some(ProcessState::Running) => 32,
        Some(ProcessState::Starting | ProcessState::Stopping) => 33,
        Some(ProcessState::Backoff | ProcessState::Fatal | ProcessState::Unknown) => 31,
        Some(ProcessState::Stopped | ProcessState::Exited) | None => return text.to_owned(),
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// C-201.
pub(super) fn name_spec(group: &str, name: &str) -> String {
    if group == name { name.to_owned() } else { format!("{group}:{name}") }
}

/// A name as typed, split at its first colon; without a process it means the whole group (C-202).
pub(super) fn split_spec(spec: &str) -> (&str, Option<&str>) {
    match spec.split_once(':') {
        Some((group, "" | "*")) => (group, None),
        Some((group, name)) => (group, Some(name)),
        None => (spec, Some(spec)),
    }
}

/// Words in columns that are filled downwards, two blanks apart, within `width` characters (C-490).
pub(super) fn columns(words: &[&str], width: usize) -> Vec<String> {
    let layout = |rows: usize| -> Vec<usize> {
        let longest = |column: &[&str]| column.iter().map(|word| word.chars().count()).max().unwrap_or(0);
        words.chunks(rows).map(longest).collect()
    };
    let fits = |rows: &usize| layout(*rows).iter().map(|column| column + 2).sum::<usize>() <= width + 2;
    let rows = (1..words.len()).find(fits).unwrap_or(words.len().max(1));
    let widths = layout(rows);
    let line = |row: usize| {
        let cells = words.iter().skip(row).step_by(rows).zip(&widths);
        let padded: Vec<String> = cells.map(|(word, width)| format!("{word:<width$}")).collect();
        padded.join("  ")
    };
    (0..rows.min(words.len())).map(line).collect()
}

/// The least room beside a lead that phrases are put into.
const ROOM: usize = 24;
/// Where phrases begin that stand below their lead.
const BELOW: usize = 4;

/// Phrases with commas between them behind a lead that takes `indent` characters, on as many lines as a
/// `width` makes necessary; below the lead where there is too little room beside it.
pub(super) fn entry(lead: &str, indent: usize, phrases: &[String], width: usize) -> Vec<String> {
    let beside = width >= indent.saturating_add(ROOM);
    let (indent, lead) = if beside { (indent, lead) } else { (BELOW, lead.trim_end()) };
    let mut lines: Vec<String> = gathered(phrases, width.saturating_sub(indent))
        .iter()
        .map(|row| format!("{:indent$}{row}", ""))
        .collect();
    match lines.first_mut() {
        Some(first) if beside && !lead.is_empty() => *first = format!("{lead}{}", first.trim_start()),
        _ if !lead.is_empty() => lines.insert(0, lead.to_owned()),
        _ => {}
    }
    lines
}

/// Phrases on lines of `room` characters, or of one phrase that is longer.
fn gathered(phrases: &[String], room: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for phrase in phrases {
        match rows.last_mut() {
            Some(row) if row.chars().count() + phrase.chars().count() + ", ,".len() <= room => {
                row.push_str(", ");
                row.push_str(phrase);
            }
            Some(row) => {
                row.push(',');
                rows.push(phrase.clone());
            }
            None => rows.push(phrase.clone()),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-201, C-202
    #[test]
    fn specs() {
        assert_eq!((name_spec("a", "a"), name_spec("a", "b")), ("a".into(), "a:b".into()));
        assert_eq!(
            ["a", "a:b:c", "a:*", "a:"].map(split_spec),
            [("a", Some("a")), ("a", Some("b:c")), ("a", None), ("a", None)]
        );
    }

    #[test]
    fn entries_keep_within_the_width() {
        let phrases = ["one thing", "another thing", "a third"].map(str::to_owned);
        let lines = |width| entry("lead    ", 8, &phrases, width).join("\n");
        assert_eq!(lines(usize::MAX), "lead    one thing, another thing, a third");
        assert_eq!(lines(36), "lead    one thing, another thing,\n        a third");
        assert_eq!(lines(32), "lead    one thing,\n        another thing, a third");
        assert_eq!(lines(28), "lead\n    one thing,\n    another thing, a third");
        assert_eq!(lines(0), "lead\n    one thing,\n    another thing,\n    a third");
        assert_eq!(entry("", 8, &phrases[..1], 80), ["        one thing"]);
        assert_eq!(entry("", 8, &phrases[..1], 10), ["    one thing"]);
    }

    // C-490
    #[test]
    fn columns_are_filled_downwards() {
        assert_eq!(columns(&["a", "bb", "c", "d", "e"], 7), ["a   d", "bb  e", "c "]);
        assert_eq!(columns(&["a", "b"], 79), ["a  b"]);
        assert_eq!(columns(&["long", "words"], 3), ["long ", "words"]);
        assert!(columns(&[], 79).is_empty());
    }
}
