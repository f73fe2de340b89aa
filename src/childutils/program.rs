//! What the bundled listeners' command lines and their words on stderr have in common.

use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::process::ExitCode;

use crate::getopt::{self, Flag, Given};

/// Exit status of the programs with getopt's rules after a command line that cannot be used (E-211).
const USAGE: u8 = 255;

/// Width of the help text.
const WIDTH: usize = 78;

/// An option, and how its value is kept.
pub struct Choice<T> {
    /// How it is written and what the help says of it.
    pub flag: Flag,
    /// Keeps the value; the error says what is wrong with it.
    pub set: fn(&mut T, &str) -> Result<(), String>,
}

/// An option with an argument.
pub const fn valued(
    shorts: &'static str,
    long: &'static str,
    value: &'static str,
    help: &'static str,
) -> Flag {
    Flag { shorts, long, value: Some(value), is_extra: false, help }
}

/// An option without one.
pub const fn plain(shorts: &'static str, long: &'static str, help: &'static str) -> Flag {
    Flag { shorts, long, value: None, is_extra: false, help }
}

/// Keeps a value that nothing can be wrong with.
pub fn keep<T>(place: &mut T, value: impl Into<T>) -> Result<(), String> {
    *place = value.into();
    Ok(())
}

/// The command that takes mail.
pub const SENDMAIL: Flag = valued(
    "s",
    "sendmail_program",
    "COMMAND",
    "The shell command that takes the mail, header and text, on its stdin; /usr/sbin/sendmail -t -i if not given.",
);

/// Prints the help; every table of options begins with it.
pub const HELP: Flag = plain("h", "help", "Print this text and exit.");

/// Every program has it.
pub const DRY_RUN: Flag = plain(
    "",
    "dry-run",
    "Only say, on stderr, what would be done: nothing is stopped or started and no mail is sent.",
);

/// Where options may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Before all other words.
    OptionsFirst,
    /// Anywhere.
    Mixed,
}

/// What a command line comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed<T> {
    /// The help was asked for.
    Help,
    /// Options, and the words beside them.
    Run(T, Vec<String>),
}

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// There is no such option, or it lacks its argument, or has one.
    Syntax(String),
    /// An argument that cannot be read.
    Value(String),
}

impl Display for Misuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Syntax(text) | Self::Value(text) => f.write_str(text),
        }
    }
}

/// Reads a command line, without the program's name.
pub fn parse<T: Default>(choices: &[Choice<T>], order: Order, argv: &[String]) -> Result<Parsed<T>, Misuse> {
    let flags: Vec<Flag> = choices.iter().map(|choice| choice.flag).collect();
    let scanned = match order {
        Order::OptionsFirst => getopt::scan(&flags, argv),
        Order::Mixed => getopt::scan_anywhere(&flags, argv),
    };
    let (given, words) = scanned.map_err(Misuse::Syntax)?;
    if given.iter().any(|option| flags[option.index].long == HELP.long) {
        return Ok(Parsed::Help);
    }
    let mut options = T::default();
    for Given { index, typed, value } in given {
        (choices[index].set)(&mut options, &value)
            .map_err(|problem| Misuse::Value(format!("{typed} {value:?}: {problem}")))?;
    }
    Ok(Parsed::Run(options, words))
}

/// The process' own arguments, without the program's name.
pub fn arguments() -> Vec<String> {
    std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect()
}

/// A program's manual, which `--help` prints.
#[derive(Clone, Copy, Debug)]
pub struct Manual {
    /// The program's name.
    pub name: &'static str,
    /// What it is for, in a line.
    pub purpose: &'static str,
    /// What stands behind the name in a call.
    pub synopsis: &'static str,
    /// What it does, in paragraphs.
    pub description: &'static [&'static str],
    /// A configuration to copy.
    pub example: &'static str,
}

impl Manual {
    /// The text of `--help`.
    pub fn text<T>(&self, choices: &[Choice<T>]) -> String {
        let mut text =
            format!("{} - {}\n\nUsage: {} {}\n", self.name, self.purpose, self.name, self.synopsis);
        for paragraph in self.description {
            text.push('\n');
            fill(&mut text, "", paragraph);
        }
        text.push_str("\nOptions:\n");
        for Choice { flag, .. } in choices {
            text.push_str(&headline(flag));
            fill(&mut text, "      ", flag.help);
        }
        text.push_str("\nConfiguration:\n\n");
        for line in self.example.lines() {
            let _infallible = writeln!(text, "  {line}");
        }
        text
    }

    /// Prints the help, as was asked for.
    pub fn help<T>(&self, choices: &[Choice<T>]) -> ExitCode {
        print_text(&self.text(choices));
        ExitCode::SUCCESS
    }

    /// Prints the help after a command line that cannot be used (E-211).
    pub fn misuse<T>(&self, choices: &[Choice<T>], misuse: &Misuse) -> ExitCode {
        Voice::new(self.name, false).note(misuse);
        self.no_arguments(choices)
    }

    /// Prints the help where there are no arguments (E-229).
    pub fn no_arguments<T>(&self, choices: &[Choice<T>]) -> ExitCode {
        print_text(&self.text(choices));
        ExitCode::from(USAGE)
    }
}

/// If nobody can read it there is nobody to tell.
pub fn print_text(text: &str) {
    let _unread = std::io::stdout().write_all(text.as_bytes());
}

/// An option as the help shows it.
fn headline(flag: &Flag) -> String {
    let short = flag.shorts.chars().next().map(|letter| format!("-{letter}"));
    let long = (!flag.long.is_empty()).then(|| format!("--{}", flag.long));
    let forms: Vec<String> = short.into_iter().chain(long).collect();
    let value = flag.value.map(|name| format!(" {name}")).unwrap_or_default();
    format!("  {}{value}\n", forms.join(", "))
}

/// Adds a paragraph in lines that are not too long.
fn fill(text: &mut String, indent: &str, paragraph: &str) {
    let mut line = String::new();
    for word in paragraph.split_whitespace() {
        if !line.is_empty() && indent.len() + line.len() + 1 + word.len() > WIDTH {
            let _infallible = writeln!(text, "{indent}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _infallible = writeln!(text, "{indent}{line}");
}

/// What a program says on stderr. If nobody reads it, there is nobody to tell.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    name: &'static str,
    dry_run: bool,
}

impl Voice {
    /// The voice of this program.
    pub const fn new(name: &'static str, dry_run: bool) -> Self {
        Self { name, dry_run }
    }

    /// A line as it is: those that users know from the reference.
    pub fn line(self, text: impl Display) {
        let _unheard = writeln!(std::io::stderr(), "{text}");
    }

    /// What happened or was found, in a line of our own.
    pub fn note(self, text: impl Display) {
        self.line(format_args!("{}: {text}", self.name));
    }

    /// The last words of a listener that cannot begin.
    pub fn give_up(self, reason: impl Display) -> ExitCode {
        self.note(reason);
        ExitCode::FAILURE
    }

    /// How the process ends after its listener has.
    pub fn close(self, served: std::io::Result<()>) -> ExitCode {
        match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => self.give_up(format_args!("the stream of events is broken: {error}")),
        }
    }

    /// What was decided, and why. Tells whether it shall be done: not in a dry run.
    pub fn decide(self, text: impl Display) -> bool {
        match self.dry_run {
            true => self.note(format_args!("dry run, not done: {text}")),
            false => self.note(text),
        }
        !self.dry_run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq)]
    struct Options {
        size: u8,
        dry_run: bool,
    }

    const SIZE: Flag = Flag {
        shorts: "s",
        long: "size",
        value: Some("SIZE"),
        is_extra: false,
        help: "A text that is so long that it must be cut somewhere, which is behind a word and never within one.",
    };

    const CHOICES: [Choice<Options>; 3] = [
        Choice { flag: HELP, set: |_, _| Ok(()) },
        Choice {
            flag: SIZE,
            set: |options, text| {
                keep(&mut options.size, text.parse::<u8>().map_err(|_| "no number".to_owned())?)
            },
        },
        Choice { flag: DRY_RUN, set: |options, _| keep(&mut options.dry_run, true) },
    ];

    fn read(line: &[&str], order: Order) -> Result<Parsed<Options>, Misuse> {
        parse(&CHOICES, order, &line.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    // E-211
    #[test]
    fn command_lines() {
        let run = |size, dry_run, words: &[&str]| {
            Ok(Parsed::Run(Options { size, dry_run }, words.iter().map(|it| (*it).to_owned()).collect()))
        };
        assert_eq!(read(&["-s", "3", "--dry", "x"], Order::OptionsFirst), run(3, true, &["x"]));
        assert_eq!(read(&["x", "-s", "3"], Order::OptionsFirst), run(0, false, &["x", "-s", "3"]));
        assert_eq!(read(&["x", "-s", "3"], Order::Mixed), run(3, false, &["x"]));
        assert_eq!(read(&["-s", "x", "-h"], Order::Mixed), Ok(Parsed::Help));
        assert!(
            matches!(read(&["-s", "x"], Order::Mixed), Err(Misuse::Value(text)) if text == "-s \"x\": no number")
        );
        assert!(matches!(read(&["-q"], Order::Mixed), Err(Misuse::Syntax(_))));
    }

    #[test]
    fn the_help_is_made_of_the_table() {
        let manual = Manual {
            name: "x",
            purpose: "do something",
            synopsis: "[OPTIONS]",
            description: &["One.", "Two."],
            example: "[a]\nb=c",
        };
        let text = manual.text(&CHOICES);
        assert!(text.starts_with(
            "x - do something\n\nUsage: x [OPTIONS]\n\nOne.\n\nTwo.\n\nOptions:\n  -h, --help\n"
        ));
        assert!(text.contains("  -s, --size SIZE\n      A text that"), "{text}");
        assert!(text.ends_with("\nConfiguration:\n\n  [a]\n  b=c\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
    }
}
