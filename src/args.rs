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
    Run(Box<LoadRequest>),
    /// Say what is wrong with it, and run nothing.
    Check(Box<LoadRequest>),
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
        return Err(UsageError(format!("positional arguments are not supported: [{}]", shown.join(", "))));
    }
    let (mut request, mut checks) = (LoadRequest::default(), false);
    let mut seen = [false; FLAGS.len()];
    for option in given {
        match FLAGS[option.index].1 {
            Meaning::Help => return Ok(Invocation::Print(command().render_help().to_string())),
            Meaning::Version => return Ok(Invocation::Print(format!("{VERSION}\n"))),
            Meaning::Check => checks = true,
            Meaning::Set(set) => apply(set, &option, facts, &mut request)?,
        }
        if std::mem::replace(&mut seen[option.index], true) {
            return Err(UsageError(format!(
                "conflicting command line option {}",
                pyrepr::string(&option.typed)
            )));
        }
    }
    let request = Box::new(request);
    Ok(if checks { Invocation::Check(request) } else { Invocation::Run(request) })
}

/// The command line's manual.
pub fn command() -> clap::Command {
    getopt::command("supervisord", ABOUT, &FLAGS.map(|(flag, _)| flag), None)
}

fn apply(set: Set, option: &Given, facts: &HostFacts, request: &mut LoadRequest) -> Result<(), UsageError> {
    set(request, &option.value, facts).map_err(|text| {
        UsageError(format!("invalid value for {} {}: {text}", option.typed, pyrepr::string(&option.value)))
    })
}

const ABOUT: &str = "Runs programs and keeps them running.";

type Set = fn(&mut LoadRequest, &str, &HostFacts) -> Converted<()>;

#[derive(Clone, Copy)]
enum Meaning {
    Help,
    Version,
    Check,
    /// Converts the value and keeps it.
    Set(Set),
}

/// Keeps a converted value.
fn put<T>(target: &mut Option<T>, value: Converted<T>) -> Converted<()> {
    *target = Some(value?);
    Ok(())
}

const fn flag(
    shorts: &'static str,
    long: &'static str,
    value: Option<&'static str>,
    help: &'static str,
) -> Flag {
    Flag { shorts, long, value, is_extra: false, help }
}

/// An option with an argument.
const fn value(
    shorts: &'static str,
    long: &'static str,
    name: &'static str,
    help: &'static str,
    set: Set,
) -> Row {
    (flag(shorts, long, Some(name), help), Meaning::Set(set))
}

/// An option without one.
const fn plain(shorts: &'static str, long: &'static str, help: &'static str, meaning: Meaning) -> Row {
    (flag(shorts, long, None, help), meaning)
}

/// An option without one that switches something on.
const fn switch(shorts: &'static str, long: &'static str, help: &'static str, set: Set) -> Row {
    plain(shorts, long, help, Meaning::Set(set))
}

type Row = (Flag, Meaning);

/// Every option; parsing and help both come from here.
#[rustfmt::skip]
const FLAGS: [Row; 21] = [
    value("c", "configuration", "FILE", "Read this configuration instead of searching for one",
        |r, t, _| put(&mut r.file, Ok(t.to_owned()))),
    switch("n", "nodaemon", "Stay in the foreground", |r, _, _| { r.overrides.nodaemon = true; Ok(()) }),
    switch("s", "silent", "Do not copy the log to stdout", |r, _, _| { r.overrides.silent = true; Ok(()) }),
    plain("h?", "help", "Print this text and exit", Meaning::Help),
    plain("v", "version", "Print the version and exit", Meaning::Version),
    (Flag { is_extra: true, ..flag("", "check", None, "Check the configuration as a start would, tell all problems, \
        and exit: with 0, or 2 if there are any") }, Meaning::Check),
    value("u", "user", "USER", "Become this user (name or id)",
        |r, t, _| put(&mut r.overrides.user, Ok(t.to_owned()))),
    value("m", "umask", "UMASK", "File mode mask of the daemon, in octal digits",
        |r, t, _| put(&mut r.overrides.umask, types::octal(t))),
    value("d", "directory", "DIR", "Change to this folder as a daemon",
        |r, t, f| put(&mut r.overrides.directory, types::existing_folder(t, f))),
    value("l", "logfile", "FILE", "Write the log here",
        |r, t, f| put(&mut r.overrides.logfile, types::main_log(t, f))),
    value("y", "logfile_maxbytes", "BYTES", "Rotate the log at this size",
        |r, t, _| put(&mut r.overrides.logfile_maxbytes, types::size(t))),
    value("z", "logfile_backups", "NUM", "Keep that many rotated logs",
        |r, t, _| put(&mut r.overrides.logfile_backups, types::count(t))),
    value("e", "loglevel", "LEVEL", "Log from this level on: critical, error, warn, info, debug, trace, blather",
        |r, t, _| put(&mut r.overrides.loglevel, types::level(t))),
    value("j", "pidfile", "FILE", "Write the process id here",
        |r, t, f| put(&mut r.overrides.pidfile, types::absolute_path(t, f))),
    value("i", "identifier", "NAME", "Name of this daemon for its clients",
        |r, t, _| put(&mut r.overrides.identifier, Ok(t.to_owned()))),
    value("q", "childlogdir", "DIR", "Make the automatic logs of programs here",
        |r, t, f| put(&mut r.overrides.childlogdir, types::absolute_folder(t, f))),
    switch("k", "nocleanup", "Keep automatic logs of earlier runs",
        |r, _, _| { r.overrides.nocleanup = true; Ok(()) }),
    value("a", "minfds", "NUM", "File descriptors that must be available",
        |r, t, _| put(&mut r.overrides.minfds, types::limit(t))),
    switch("t", "strip_ansi", "Strip ANSI escapes from the output of programs",
        |r, _, _| { r.overrides.strip_ansi = true; Ok(()) }),
    value("", "minprocs", "NUM", "Processes that must be available",
        |r, t, _| put(&mut r.overrides.minprocs, types::limit(t))),
    // D-030: there is no profiler here.
    value("", "profile_options", "LIST", "Accepted and ignored", |_, _, _| Ok(())),
];

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
            Ok(Invocation::Run(request)) => *request,
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
        assert_eq!((short.file.as_deref(), o.user.as_deref(), o.umask), (Some("f"), Some("u"), Some(0o27)));
        assert!(o.nodaemon && o.silent && o.nocleanup && o.strip_ansi);
        assert_eq!((o.logfile_maxbytes, o.logfile_backups, o.minfds), (Some(1024), Some(3), Some(5)));
    }

    // D-003: no abbreviation of the reference's means anything else
    #[test]
    fn a_check_is_asked_for_in_full() {
        let Ok(Invocation::Check(checked)) = parsed("--check -c f --ch /") else { panic!("no check") };
        assert_eq!((checked.file.as_deref(), checked.overrides.childlogdir), (Some("f"), Some("/".into())));
        assert_eq!(parsed("--chec").unwrap_err(), "option --chec not recognized");
    }

    // D-014, D-015
    #[test]
    fn help_and_version() {
        for line in ["-h", "-?", "--help", "-n -h -n -n"] {
            let Ok(Invocation::Print(help)) = parsed(line) else { panic!("{line}") };
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
        assert_eq!(refused("-n x y"), "positional arguments are not supported: ['x', 'y']");
        assert_eq!(refused("-m 99"), "invalid value for -m '99': 99 can not be converted to an octal type");
        assert_eq!(
            refused("--uma 99"),
            "invalid value for --umask '99': 99 can not be converted to an octal type"
        );
        assert_eq!(refused("-n -n"), "conflicting command line option '-n'");
        assert_eq!(refused("-c a --conf b"), "conflicting command line option '--configuration'");
        assert_eq!(refused("-Z -h"), "option -Z not recognized");
    }
}
