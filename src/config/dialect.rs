//! The reference's INI dialect (D-050 to D-058), turned into text that has only one reading.
//!
//! [`read`] walks over the lines as Python's `RawConfigParser` does with `;` and `#` as inline
//! comments and repeated sections allowed. What it finds it writes as one escaped line per header
//! and option, which rust-ini then parses; so a value comes through whole whatever it holds.
//! Merging the sections of several files is the business of `document`.

use std::fmt;
use std::fmt::Write;
use std::sync::Arc;

use ini::{Ini, ParseOption};

use super::text::{is_blank, quoted, strip, strip_end};

/// An option of a section as written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name, in lower case.
    pub option: String,
    /// Its value, not yet expanded.
    pub value: String,
    /// The file that has it.
    pub file: Arc<str>,
    /// The line of its name, from 1.
    pub line: u32,
}

/// A section as written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What stands between the brackets.
    pub name: String,
    /// The file in which it first appeared.
    pub file: Arc<str>,
    /// The line of its header, from 1.
    pub line: u32,
    /// Its options. In what [`read`] gives, an option may occur several times.
    pub settings: Vec<Setting>,
}

/// A text that does not follow the dialect (D-057).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Something stands before the first header.
    NoHeader {
        /// The file.
        file: String,
        /// Line number, from 1.
        line: u32,
        /// The line, as quoted text.
        text: String,
    },
    /// These lines are nothing that is known.
    Lines {
        /// The file.
        file: String,
        /// Line numbers, from 1, and the lines as quoted text.
        lines: Vec<(u32, String)>,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeader { file, line, text } => {
                write!(f, "File contains no section headers.\nfile: {}, line: {line}\n{text}", quoted(file))
            }
            Self::Lines { file, lines } => {
                write!(f, "Source contains parsing errors: {}", quoted(file))?;
                lines.iter().try_for_each(|(number, text)| write!(f, "\n\t[line {number:2}]: {text}"))
            }
        }
    }
}

/// Reads the text of `file` into its sections, in their order, repeated ones apart.
pub fn read(text: &str, file: &str) -> Result<Vec<Section>, Malformed> {
    let plain = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut walk = Walk::default();
    for (number, line) in (1..).zip(plain.split_inclusive('\n')) {
        walk.line(number, line).map_err(|()| Malformed::NoHeader {
            file: file.to_owned(),
            line: number,
            text: quoted(line),
        })?;
    }
    walk.finish_option();
    if !walk.bad.is_empty() {
        return Err(Malformed::Lines { file: file.to_owned(), lines: walk.bad });
    }
    Ok(sections(&walk.out, &Arc::from(file)))
}

/// The state of the pass over the lines.
#[derive(Default)]
struct Walk {
    /// The escaped text made so far.
    out: String,
    in_section: bool,
    /// The option that is being read.
    option: Option<OpenOption>,
    /// Indentation of the last line that was not a continuation.
    indent: usize,
    bad: Vec<(u32, String)>,
}

struct OpenOption {
    name: String,
    line: u32,
    parts: Vec<String>,
}

impl Walk {
    /// Takes one line, with its line feed. `Err`: it is not in any section.
    fn line(&mut self, number: u32, line: &str) -> Result<(), ()> {
        let comment = comment_start(line);
        let value = strip(comment.map_or(line, |at| line.get(..at).unwrap_or_default()));
        if value.is_empty() {
            if let (None, Some(option)) = (comment, &mut self.option) {
                option.parts.push(String::new());
            }
            return Ok(());
        }
        let indent = line.chars().take_while(|c| is_blank(*c)).count();
        if let Some(option) = self.option.as_mut().filter(|_| indent > self.indent) {
            option.parts.push(value.to_owned());
            return Ok(());
        }
        self.indent = indent;
        if let Some(name) = header(value) {
            self.finish_option();
            self.in_section = true;
            self.emit_header(number, name);
            return Ok(());
        }
        if !self.in_section {
            return Err(());
        }
        self.option_line(number, value, line);
        Ok(())
    }

    fn option_line(&mut self, number: u32, value: &str, line: &str) {
        // D-058: what begins like a header and is none is no option either.
        let parts = value.split_once(['=', ':']).filter(|_| !value.starts_with('['));
        let Some((name, rest)) = parts else {
            self.bad.push((number, quoted(line)));
            return;
        };
        self.finish_option();
        if name.is_empty() {
            self.bad.push((number, quoted(line)));
            return;
        }
        self.option = Some(OpenOption {
            name: strip_end(name).to_lowercase(),
            line: number,
            parts: vec![strip(rest).to_owned()],
        });
    }

    fn emit_header(&mut self, number: u32, name: &str) {
        // The number in front makes every header a section of its own for rust-ini.
        writeln!(self.out, "[{number},{}]", escape(name)).expect("writing to a String cannot fail");
    }

    fn finish_option(&mut self) {
        if let Some(option) = self.option.take() {
            let joined = option.parts.join("\n");
            let (name, value) = (escape(&option.name), escape(strip_end(&joined)));
            writeln!(self.out, "{name}={},{value}", option.line).expect("writing to a String cannot fail");
        }
    }
}

/// The byte at which a comment begins. The reference looks at the first `;` and the first `#`, then
/// at the second of each, and so on, and stops at the first round that finds one with a blank before
/// it: of `a;b ;c #d` it keeps `a;b ;c`.
fn comment_start(line: &str) -> Option<usize> {
    if strip(line).starts_with([';', '#']) {
        return Some(0);
    }
    let mut semicolons = line.match_indices(';');
    let mut hashes = line.match_indices('#');
    loop {
        let round = [semicolons.next(), hashes.next()];
        if round == [None, None] {
            return None;
        }
        let begins = |at: &usize| {
            line.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with(is_blank))
        };
        if let Some(at) = round.into_iter().flatten().map(|(at, _)| at).filter(begins).min() {
            return Some(at);
        }
    }
}

/// The name in a section header: all up to the last bracket (D-050).
fn header(value: &str) -> Option<&str> {
    let (name, _) = value.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

/// Writes everything but harmless characters as `%XX` bytes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"_-./".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02x}").expect("writing to a String cannot fail");
        }
    }
    out
}

/// Undoes [`escape`].
fn unescape(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
        bytes.extend(u8::from_str_radix(code, 16));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("escape writes whole characters")
}

/// Reads the escaped text with rust-ini.
fn sections(escaped: &str, file: &Arc<str>) -> Vec<Section> {
    let plain = ParseOption { enabled_quote: false, enabled_escape: false, ..ParseOption::default() };
    let ini = Ini::load_from_str_opt(escaped, plain)
        .expect("the escaped text has no syntax but headers and options");
    let numbered = |text: &str| {
        let (number, rest) = text.split_once(',').unwrap_or(("0", text));
        (number.parse().unwrap_or_default(), unescape(rest))
    };
    let setting = |(key, text): (&str, &str)| {
        let (line, value) = numbered(text);
        Setting { option: unescape(key), value, file: file.clone(), line }
    };
    let section = |(name, properties): (Option<&str>, &ini::Properties)| {
        let (line, name) = numbered(name?);
        Some(Section { name, file: file.clone(), line, settings: properties.iter().map(setting).collect() })
    };
    ini.iter().filter_map(section).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Vec<(String, String)> {
        let sections = read(&format!("[s]\n{text}"), "f").unwrap();
        sections[0].settings.iter().map(|s| (s.option.clone(), s.value.clone())).collect()
    }

    fn value(text: &str) -> String {
        options(text).pop().unwrap().1
    }

    // D-050
    #[test]
    fn headers_end_at_the_last_bracket() {
        let names = |text| read(text, "f").unwrap().into_iter().map(|s| s.name).collect::<Vec<_>>();
        assert_eq!(names("[a]\n[ B:x ] tail\n[c] ]d\n[e] ; ]\n"), ["a", " B:x ", "c] ", "e"]);
    }

    // D-051, D-052
    #[test]
    fn options_are_folded_and_trimmed() {
        assert_eq!(options("Key : a = b"), [("key".into(), "a = b".into())]);
        assert_eq!(value("a= \"x\" "), "\"x\"");
        assert_eq!(value("a="), "");
    }

    // D-053
    #[test]
    fn inline_comments_need_a_blank() {
        assert_eq!(value("a=1;x"), "1;x");
        assert_eq!(value("a=1#x"), "1#x");
        assert_eq!(value("a=;x"), ";x");
        assert_eq!(value("a=sh -c 'a ; b'"), "sh -c 'a");
        assert_eq!(value("a='echo\t#x'"), "'echo");
        assert_eq!(value("a=x;b ;c #d"), "x;b ;c");
        assert_eq!(value("a=x;b;c ;d"), "x;b;c");
        assert_eq!(value("; b=2\n  # c=3\na=1"), "1");
    }

    // D-054
    #[test]
    fn continuations() {
        assert_eq!(value("a=1\n 2\n\t3 ; c"), "1\n2\n3");
        assert_eq!(value("a=1\n\n 2\n\n\n"), "1\n\n2");
        assert_eq!(value("a=1\n ; gone\n 2"), "1\n2");
        assert_eq!(value("a=\n [x]\n k=v"), "\n[x]\nk=v");
        assert_eq!(options(" a=1\n b=2\n"), [("a".into(), "1".into()), ("b".into(), "2".into())]);
    }

    // D-046
    #[test]
    fn line_ends_of_other_systems() {
        assert_eq!(value("a=1\r\n 2\r\n"), "1\n2");
        assert_eq!(options("a=1\rb=2").len(), 2);
    }

    #[test]
    fn any_value_comes_through_with_its_line() {
        let odd = "\\n \"q\" 'q' [x] = : %41 é\u{2028}\u{0}~!;x#y\\";
        let sections = read(&format!("\n[s]\n\na={odd}\n"), "f").unwrap();
        assert_eq!((sections[0].line, sections[0].settings[0].line), (2, 4));
        assert_eq!(sections[0].settings[0].value, odd);
    }

    // D-057
    #[test]
    fn text_before_any_section() {
        let error = read("; c\na=1\n", "/p/f").unwrap_err();
        assert_eq!(error.to_string(), "File contains no section headers.\nfile: '/p/f', line: 2\n'a=1\\n'");
        assert!(read("\u{feff}[s]\n", "f").is_err());
    }

    // D-057, D-058
    #[test]
    fn lines_that_are_nothing_are_told_all_together() {
        let error = read("[s]\njunk\na=1\n=x\n[program:y\n[]", "f").unwrap_err();
        let text = "Source contains parsing errors: 'f'\n\t[line  2]: 'junk\\n'\n\t[line  4]: '=x\\n'\n\t\
                    [line  5]: '[program:y\\n'\n\t[line  6]: '[]'";
        assert_eq!(error.to_string(), text);
    }
}
