//! supervisorctl's command line as typed (C-400 to C-405).

use crate::getopt::{self, Flag};
use crate::model::pyrepr;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Invocation {
    /// Print this and exit with 0 (C-405).
    Print(String),
    /// Do this.
    Run(Box<Typed>),
}

/// The options as typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    pub configuration: Option<String>,
    pub interactive: bool,
    pub serverurl: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub history_file: Option<String>,
    /// The command; empty: a shell is wanted.
    pub words: Vec<String>,
}

type Set = fn(&mut Typed, String);

const fn value(shorts: &'static str, long: &'static str, name: &'static str, help: &'static str) -> Flag {
    Flag { shorts, long, value: Some(name), is_extra: false, help }
}

/// Every option, and what keeps its value; `None` is the help.
#[rustfmt::skip]
const FLAGS: [(Flag, Option<Set>); 7] = [
    (value("c", "configuration", "FILE", "Read this configuration instead of searching for one"),
        Some(|t, v| t.configuration = Some(v))),
    (Flag { shorts: "h?", long: "help", value: None, is_extra: false, help: "Print this text and exit" }, None),
    (Flag { shorts: "i", long: "interactive", value: None, is_extra: false, help: "Ask before shutdown and reload" },
        Some(|t, _| t.interactive = true)),
    (value("s", "serverurl", "URL", "Where supervisord listens: http://host:port or unix:///path"),
        Some(|t, v| t.serverurl = Some(v))),
    (value("u", "username", "NAME", "User name for the server"), Some(|t, v| t.username = Some(v))),
    (value("p", "password", "PASSWORD", "Password for the server"), Some(|t, v| t.password = Some(v))),
    (value("r", "history_file", "FILE", "Keep the shell's history here; also --history-file"),
        Some(|t, v| t.history_file = Some(v))),
];

const ABOUT: &str = "Controls the programs that supervisord runs: by one command, or in a shell without one.";

/// Reads the command line, without the program's name. The error is the text after `Error: `.
pub(super) fn parse(argv: &[String]) -> Result<Invocation, String> {
    let flags = FLAGS.map(|(flag, _)| flag);
    let spelled: Vec<String> = argv.iter().map(|word| respell(word)).collect();
    let (given, rest) = getopt::scan(&flags, &spelled)?;
    let words = argv.get(argv.len() - rest.len()..).unwrap_or_default().to_vec();
    let mut typed = Typed { words, ..Typed::default() };
    let mut seen = [false; FLAGS.len()];
    for option in given {
        let Some((flag, Some(set))) = FLAGS.get(option.index) else {
            return Ok(Invocation::Print(command().render_help().to_string()));
        };
        if flag.long == "serverurl" && !is_url(&option.value) {
            let shown = pyrepr::string(&option.value);
            return Err(format!("invalid value for {} {shown}: value {shown} is not a URL", option.typed));
        }
        if std::mem::replace(&mut seen[option.index], true) {
            return Err(format!("conflicting command line option {}", pyrepr::string(&option.typed)));
        }
        set(&mut typed, option.value);
    }
    Ok(Invocation::Run(Box::new(typed)))
}

/// The command line's manual.
pub fn command() -> clap::Command {
    getopt::command("supervisorctl", ABOUT, &FLAGS.map(|(flag, _)| flag), Some("COMMAND"))
}

/// The help of the reference names `--history-file`, its program `--history_file` (C-403).
fn respell(word: &str) -> String {
    match word.strip_prefix("--history-file") {
        Some(rest) if rest.is_empty() || rest.starts_with('=') => format!("--history_file{rest}"),
        _ => word.to_owned(),
    }
}

/// Whether it has a scheme and something behind it.
fn is_url(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        let known = scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        known
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && !rest.trim_start_matches('/').is_empty()
            || known && rest.starts_with("///")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Invocation, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn typed(line: &str) -> Typed {
        match parsed(line) {
            Ok(Invocation::Run(typed)) => *typed,
            other => panic!("{line}: {other:?}"),
        }
    }

    // C-400, C-401
    #[test]
    fn options_end_at_the_command() {
        let t = typed("-is unix:///s --conf=f -uu --pass p tail -f --history-file x");
        assert!(t.interactive);
        assert_eq!((t.serverurl.as_deref(), t.configuration.as_deref()), (Some("unix:///s"), Some("f")));
        assert_eq!((t.username.as_deref(), t.password.as_deref()), (Some("u"), Some("p")));
        assert_eq!(t.words, ["tail", "-f", "--history-file", "x"]);
    }

    // C-403
    #[test]
    fn both_spellings_of_the_history() {
        for line in ["-r h", "--history-file h", "--history_file=h", "--history-file=h", "--hist h"] {
            assert_eq!(typed(line).history_file.as_deref(), Some("h"), "{line}");
        }
    }

    // C-404
    #[test]
    fn what_is_refused() {
        let refused = |line| parsed(line).unwrap_err();
        assert_eq!(refused("-i -i"), "conflicting command line option '-i'");
        assert_eq!(refused("-s foo"), "invalid value for -s 'foo': value 'foo' is not a URL");
        assert_eq!(
            refused("--server http://"),
            "invalid value for --serverurl 'http://': value 'http://' is not a URL"
        );
        assert_eq!(refused("-x"), "option -x not recognized");
        assert!(parsed("-s ftp://h status").is_ok());
    }

    // C-405
    #[test]
    fn help_names_all_options() {
        let Ok(Invocation::Print(help)) = parsed("-h -x").or_else(|_| parsed("-h")) else {
            panic!("no help")
        };
        assert!(FLAGS.iter().all(|(flag, _)| help.contains(&format!("--{}", flag.long))));
    }
}
