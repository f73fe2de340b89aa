//! supervisord's command line (D-002 to D-030).

use crate::config::datatypes::{self as types, Converted};
use crate::config::{HostFacts, LoadRequest};
use crate::getopt::{self, Flag, Given};
use crate::model::{VERSION, pyrepr};

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Print this on stdout and exit with 0 (D-014, D-015).
    Print(String),
    /// Run with this configuration.
    Run(LoadRequest),
}

/// What is wrong with a command line: the text after `Error: ` (D-008).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError(pub String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Reads the command line, without the program's name.
pub fn parse(argv: &[String], facts: &HostFacts) -> Result<Invocation, UsageError> {
    let flags = FLAGS.map(|(flag, _)| flag);
    let (given, rest) = getopt::scan(&flags, argv).map_err(UsageError)?;
    if !rest.is_empty() {
        let shown: Vec<String> = rest.iter().map(|word| pyrepr::string(word)).collect();
        return Err(UsageError(format!(
            "positional arguments are not supported: [{}]",
            shown.join(", ")
        )));
    }
    let mut request = LoadRequest::default();
    let mut seen = [false; FLAGS.len()];
    for option in given {
        match FLAGS[option.index].1 {
            Meaning::Help => return Ok(Invocation::Print(getopt::help("supervisord", ABOUT, &flags))),
            Meaning::Version => return Ok(Invocation::Print(format!("{VERSION}\n"))),
            Meaning::Set(set) => apply(set, &option, facts, &mut request)?,
        }
        if std::mem::replace(&mut seen[option.index], true) {
            return Err(UsageError(format!(
                "conflicting command line option {}",
                pyrepr::string(&option.typed)
            )));
        }
    }
    Ok(Invocation::Run(request))
}

fn apply(set: Set, option: &Given, facts: &HostFacts, request: &mut LoadRequest) -> Result<(), UsageError> {
    set(request, &option.value, facts).map_err(|text| {
        UsageError(format!(
            "invalid value for {} {}: {text}",
            option.typed,
            pyrepr::string(&option.value)
        ))
    })
}

const ABOUT: &str = "Runs programs and keeps them running.";

type Set = fn(&mut LoadRequest, &str, &HostFacts) -> Converted<()>;

#[derive(Clone, Copy)]
enum Meaning {
    Help,
    Version,
    /// Converts the value and keeps it.
    Set(Set),
}

const fn flag(
    shorts: &'static str,
    long: &'static str,
    value: Option<&'static str>,
    help: &'static str,
    meaning: Meaning,
) -> (Flag, Meaning) {
    (
        Flag {
            shorts,
            long,
            value,
            help,
        },
        meaning,
    )
}

/// Sets a field of the overrides.
macro_rules! field {
    ($name:ident, $convert:expr) => {
        Meaning::Set(|request, text, facts| {
            let convert: fn(&str, &HostFacts) -> Converted<_> = $convert;
            request.overrides.$name = convert(text, facts)?;
            Ok(())
        })
    };
}

/// Sets an optional field of the overrides.
macro_rules! some {
    ($name:ident, $convert:expr) => {
        field!($name, |text, facts| {
            let convert: fn(&str, &HostFacts) -> Converted<_> = $convert;
            convert(text, facts).map(Some)
        })
    };
}

/// Every option; parsing and help both come from here.
const FLAGS: [(Flag, Meaning); 20] = [
    flag(
        "c",
        "configuration",
        Some("FILE"),
        "Read this configuration file instead of searching for one",
        FILE,
    ),
    flag(
        "n",
        "nodaemon",
        None,
        "Stay in the foreground",
        field!(nodaemon, |_, _| Ok(true)),
    ),
    flag(
        "s",
        "silent",
        None,
        "Do not copy the log to stdout",
        field!(silent, |_, _| Ok(true)),
    ),
    flag("h?", "help", None, "Print this text and exit", Meaning::Help),
    flag(
        "v",
        "version",
        None,
        "Print the version and exit",
        Meaning::Version,
    ),
    flag(
        "u",
        "user",
        Some("USER"),
        "Become this user (name or id)",
        some!(user, |text, _| Ok(text.to_owned())),
    ),
    flag(
        "m",
        "umask",
        Some("UMASK"),
        "File mode mask of the daemon, octal",
        some!(umask, |text, _| types::octal(text)),
    ),
    flag(
        "d",
        "directory",
        Some("DIR"),
        "Change to this folder as a daemon",
        some!(directory, types::existing_folder),
    ),
    flag(
        "l",
        "logfile",
        Some("FILE"),
        "Write the log here",
        some!(logfile, types::path_in_existing_folder),
    ),
    flag(
        "y",
        "logfile_maxbytes",
        Some("BYTES"),
        "Rotate the log at this size",
        some!(logfile_maxbytes, |text, _| { types::size(text) }),
    ),
    flag(
        "z",
        "logfile_backups",
        Some("NUM"),
        "Rotated logs to keep",
        some!(logfile_backups, |text, _| { types::count(text) }),
    ),
    flag(
        "e",
        "loglevel",
        Some("LEVEL"),
        "critical, error, warn, info, debug, trace or blather",
        some!(loglevel, |text, _| types::level(text)),
    ),
    flag(
        "j",
        "pidfile",
        Some("FILE"),
        "Write the process id here",
        some!(pidfile, types::path_in_existing_folder),
    ),
    flag(
        "i",
        "identifier",
        Some("NAME"),
        "Name of this daemon for its clients",
        some!(identifier, |text, _| { Ok(text.to_owned()) }),
    ),
    flag(
        "q",
        "childlogdir",
        Some("DIR"),
        "Make the automatic logs of programs here",
        some!(childlogdir, types::existing_folder),
    ),
    flag(
        "k",
        "nocleanup",
        None,
        "Keep automatic logs of earlier runs",
        field!(nocleanup, |_, _| Ok(true)),
    ),
    flag(
        "a",
        "minfds",
        Some("NUM"),
        "File descriptors that must be available",
        some!(minfds, |text, _| { types::limit(text) }),
    ),
    flag(
        "t",
        "strip_ansi",
        None,
        "Strip ANSI escapes from the output of programs",
        field!(strip_ansi, |_, _| { Ok(true) }),
    ),
    flag(
        "",
        "minprocs",
        Some("NUM"),
        "Processes that must be available",
        some!(minprocs, |text, _| { types::limit(text) }),
    ),
    // D-030: there is no profiler here.
    flag(
        "",
        "profile_options",
        Some("LIST"),
        "Accepted and ignored",
        Meaning::Set(|_, _, _| Ok(())),
    ),
];

const FILE: Meaning = Meaning::Set(|request, text, _| {
    request.file = Some(text.to_owned());
    Ok(())
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::facts;

    fn parsed(line: &str) -> Result<Invocation, String> {
        let argv: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&argv, &facts(std::path::Path::new("/"))).map_err(|e| e.0)
    }

    fn request(line: &str) -> LoadRequest {
        match parsed(line) {
            Ok(Invocation::Run(request)) => request,
            other => panic!("{line}: {other:?}"),
        }
    }

    // D-011 to D-030
    #[test]
    fn every_option_sets_its_field() {
        let line = "-nskt -c f -u u -m 027 -d / -l /l -y 1KB -z 3 -e WARN -j /j -i id -q / -a 5 --minprocs 6 \
                    --profile_options calls";
        let short = request(line);
        let long = "--nodaemon --silent --nocleanup --strip_ansi --configuration=f --user=u --umask=027 --directory=/ \
                    --logfile=/l --logfile_maxbytes=1024 --logfile_backups=3 --loglevel=warn --pidfile=/j \
                    --identifier=id --childlogdir=/ --minfds=5 --minprocs=6";
        assert_eq!(short, request(long));
        let o = short.overrides;
        assert_eq!(
            (short.file.as_deref(), o.user.as_deref(), o.umask),
            (Some("f"), Some("u"), Some(0o27))
        );
        assert!(o.nodaemon && o.silent && o.nocleanup && o.strip_ansi);
        assert_eq!(
            (o.logfile_maxbytes, o.logfile_backups, o.minfds),
            (Some(1024), Some(3), Some(5))
        );
    }

    // D-014, D-015
    #[test]
    fn help_and_version() {
        for line in ["-h", "-?", "--help", "-n -h -n -n"] {
            let Ok(Invocation::Print(help)) = parsed(line) else {
                panic!("{line}")
            };
            for (flag, _) in FLAGS {
                assert!(help.contains(&format!("--{}", flag.long)), "{}", flag.long);
            }
        }
        assert_eq!(parsed("-v -m 99"), Ok(Invocation::Print("4.3.0\n".into())));
    }

    // D-004, D-006, D-007
    #[test]
    fn what_is_refused() {
        let refused = |line| parsed(line).unwrap_err();
        assert_eq!(
            refused("-n x y"),
            "positional arguments are not supported: ['x', 'y']"
        );
        assert_eq!(
            refused("-m 99"),
            "invalid value for -m '99': 99 can not be converted to an octal type"
        );
        assert_eq!(
            refused("--uma 99"),
            "invalid value for --umask '99': 99 can not be converted to an octal type"
        );
        assert_eq!(refused("-n -n"), "conflicting command line option '-n'");
        assert_eq!(
            refused("-c a --conf b"),
            "conflicting command line option '--configuration'"
        );
        assert_eq!(refused("-Z -h"), "option -Z not recognized");
    }
}
