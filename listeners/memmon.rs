//! memmon: restarts programs that use too much memory (events.md, section 12).
//!
//! [`Limits::judge`] decides about one process, [`Memmon`] asks, restarts and mails.

use std::collections::BTreeMap;
use std::process::ExitCode;

use supervisor::childutils::mail::Mailer;
use supervisor::childutils::memory::{self, Snapshot};
use supervisor::childutils::program::{
    self, Choice, DRY_RUN, HELP, Manual, Order, Parsed, SENDMAIL, keep, plain, valued,
};
use supervisor::childutils::stamp::asctime;
use supervisor::childutils::{Control, Listener, Reply, Voice};
use supervisor::client::proxy::ProcessInfo;
use supervisor::model::bytesize;
use supervisor::sys::clock;

const MANUAL: Manual = Manual {
    name: "memmon",
    purpose: "restart programs that use too much memory",
    synopsis: "[-c] [-p NAME=SIZE]... [-g GROUP=SIZE]... [-a SIZE] [-u TIME] [-s COMMAND] [-m ADDRESS] [-n NAME]",
    description: &[
        "An event listener for supervisord. At every tick it looks at the resident memory of the \
         processes and restarts each that uses more than one of its limits allows.",
        "A SIZE is a number of bytes, or one followed by KB, MB or GB. A TIME is a number of seconds, \
         or one followed by s, m, h or d.",
        "What it found and what it decided is said on stderr. A process that cannot be stopped or \
         started again is mailed about, and memmon goes on with the others.",
    ],
    example: "[eventlistener:memmon]\n\
              command=memmon -p web=200MB -g workers=100MB -m ops@example.com\n\
              events=TICK_60",
};

#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    limits: Limits,
    cumulative: bool,
    mailer: Mailer,
    /// Seconds of uptime beyond which a restart is not mailed about.
    uptime: Option<i64>,
    name: Option<String>,
    dry_run: bool,
}

/// How much memory who may use, in bytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Limits {
    programs: BTreeMap<String, i64>,
    groups: BTreeMap<String, i64>,
    any: Option<i64>,
}

/// Every option (E-220 to E-228).
const CHOICES: [Choice<Options>; 10] = [
    Choice { flag: HELP, set: |_, _| Ok(()) },
    Choice {
        flag: plain("c", "cumulative", "Count the memory of a process and of all its descendants together."),
        set: |options, _| keep(&mut options.cumulative, true),
    },
    Choice {
        flag: valued(
            "p",
            "program",
            "NAME=SIZE",
            "The limit of one process: of its name, or GROUP:NAME. May be given several times.",
        ),
        set: |options, text| limit(&mut options.limits.programs, text),
    },
    Choice {
        flag: valued(
            "g",
            "group",
            "GROUP=SIZE",
            "The limit of each process of a group. May be given several times.",
        ),
        set: |options, text| limit(&mut options.limits.groups, text),
    },
    Choice {
        flag: valued("a", "any", "SIZE", "The limit of every process of this supervisord, memmon included."),
        set: |options, text| keep(&mut options.limits.any, Some(size(text)?)),
    },
    Choice { flag: SENDMAIL, set: |options, text| keep(&mut options.mailer.command, text.to_owned()) },
    Choice {
        flag: valued("m", "email", "ADDRESS", "Who gets mail about restarts. Without it, none is sent."),
        set: |options, text| keep(&mut options.mailer.to, text.to_owned()),
    },
    Choice {
        flag: valued(
            "u",
            "uptime",
            "TIME",
            "Mail only about restarts of what has been up for at most this long.",
        ),
        set: |options, text| keep(&mut options.uptime, Some(time(text)?)),
    },
    Choice {
        flag: valued("n", "name", "NAME", "A name of this memmon, for the subjects of its mails."),
        set: |options, text| keep(&mut options.name, text.to_owned()),
    },
    Choice { flag: DRY_RUN, set: |options, _| keep(&mut options.dry_run, true) },
];

fn main() -> ExitCode {
    let arguments = program::arguments();
    let options = match program::parse::<Options>(&CHOICES, Order::OptionsFirst, &arguments) {
        Ok(Parsed::Run(options, _others)) if !arguments.is_empty() => options,
        Ok(Parsed::Run(..)) => return MANUAL.no_arguments(&CHOICES),
        Ok(Parsed::Help) => return MANUAL.help(&CHOICES),
        Err(misuse) => return MANUAL.misuse(&CHOICES, &misuse),
    };
    let voice = Voice::new(MANUAL.name, options.dry_run);
    let control = match Control::from_env() {
        Ok(control) => control,
        Err(error) => {
            voice.note(format_args!("must be run as a supervisor event listener: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let mut memmon = Memmon { options, control, voice };
    voice.close(Listener::stdio().run(|envelope| {
        if envelope.is_tick() {
            memmon.round();
        }
        Reply::Ok
    }))
}

/// Reads `NAME=SIZE` and keeps it.
fn limit(limits: &mut BTreeMap<String, i64>, text: &str) -> Result<(), String> {
    match text.split_once('=') {
        Some((name, bytes)) if !bytes.contains('=') => {
            limits.insert(name.to_owned(), size(bytes)?);
            Ok(())
        }
        _ => Err("NAME=SIZE is wanted".to_owned()),
    }
}

// E-228
fn size(text: &str) -> Result<i64, String> {
    bytesize::parse(text)
        .map_err(|_| "a number of bytes is wanted, or one followed by KB, MB or GB".to_owned())
}

// E-226
fn time(text: &str) -> Result<i64, String> {
    let lower = text.to_lowercase();
    let factors = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    let (digits, factor) = factors
        .into_iter()
        .find_map(|(suffix, factor)| Some((lower.strip_suffix(suffix)?, factor)))
        .unwrap_or((&lower, 1));
    let number = bytesize::integer(digits)
        .map_err(|_| "a number of seconds is wanted, or one followed by s, m, h or d".to_owned())?;
    Ok(number.saturating_mul(factor))
}

/// What the limits say of a process.
#[derive(Debug, Default, PartialEq, Eq)]
struct Verdict {
    /// How many limits it was measured against.
    checked: usize,
    /// The first that it exceeds: whose it is and how much.
    exceeded: Option<(String, i64)>,
}

impl Limits {
    /// The lines that say what is looked at (E-230).
    fn lines(&self) -> Vec<String> {
        let list = |limits: &BTreeMap<String, i64>| {
            limits.iter().map(|(name, size)| format!("{name}={size}")).collect::<Vec<_>>().join(", ")
        };
        let programs =
            (!self.programs.is_empty()).then(|| format!("Checking programs {}", list(&self.programs)));
        let groups = (!self.groups.is_empty()).then(|| format!("Checking groups {}", list(&self.groups)));
        let any = self.any.map(|size| format!("Checking any={size}"));
        [programs, groups, any].into_iter().flatten().collect()
    }

    /// Those that hold for a process, in the order in which they are looked at.
    fn of(&self, info: &ProcessInfo) -> impl Iterator<Item = (String, i64)> {
        let by_name = |limits: &BTreeMap<String, i64>, kind: &str, name: &str| {
            limits.get(name).map(|size| (format!("{kind} {name}"), *size))
        };
        let qualified = format!("{}:{}", info.group, info.name);
        [
            by_name(&self.programs, "program", &info.name),
            by_name(&self.programs, "program", &qualified),
            by_name(&self.groups, "group", &info.group),
            self.any.map(|size| ("any".to_owned(), size)),
        ]
        .into_iter()
        .flatten()
    }

    fn judge(&self, info: &ProcessInfo, rss: u64) -> Verdict {
        let mut verdict = Verdict::default();
        for (whose, size) in self.of(info) {
            verdict.checked += 1;
            if i64::try_from(rss).unwrap_or(i64::MAX) > size {
                verdict.exceeded = Some((whose, size));
                break;
            }
        }
        verdict
    }
}

/// A restart that did not succeed: what it is called in a mail's subject and what is to say.
struct Failure {
    subject: String,
    text: String,
}

struct Memmon {
    options: Options,
    control: Control,
    voice: Voice,
}

impl Memmon {
    fn round(&mut self) {
        for line in self.options.limits.lines() {
            self.voice.line(line);
        }
        let infos = match self.control.processes() {
            Ok(infos) => infos,
            Err(error) => return self.voice.note(format_args!("nothing was checked: {error}")),
        };
        let all = self.options.cumulative.then(Snapshot::take);
        for info in infos.iter().filter(|info| info.pid != 0) {
            let pid = info.pid.try_into().unwrap_or_default();
            // One that has just ended has no memory any more.
            if let Some(rss) = all.as_ref().map_or_else(|| memory::alone(pid), |all| all.tree(pid)) {
                self.check(info, rss);
            }
        }
    }

    fn check(&mut self, info: &ProcessInfo, rss: u64) {
        let name = format!("{}:{}", info.group, info.name);
        let Verdict { checked, exceeded } = self.options.limits.judge(info, rss);
        for _ in 0..checked {
            self.voice.line(format_args!("RSS of {name} is {rss}"));
        }
        let Some((whose, size)) = exceeded else {
            return;
        };
        let reason =
            format!("restart {name}: its {rss} bytes are more than the {size} of its limit ({whose})");
        if self.voice.decide(reason) {
            self.restart(&name, rss);
        }
    }

    fn restart(&mut self, name: &str, rss: u64) {
        let uptime = match self.control.process(name) {
            Ok(info) => info.now - info.start,
            Err(error) => return self.voice.note(format_args!("{name} was not restarted: {error}")),
        };
        self.voice.line(format_args!("Restarting {name}"));
        match self.stop_and_start(name, rss) {
            Ok(()) => self.tell_restart(name, rss, uptime),
            Err(Failure { subject, text }) => {
                self.voice.line(&text);
                self.mail(&subject, text);
            }
        }
    }

    // E-231
    fn stop_and_start(&mut self, name: &str, rss: u64) -> Result<(), Failure> {
        self.control.stop(name).map_err(|error| Failure {
            subject: format!("failed to stop process {name}, exiting"),
            text: format!("Failed to stop process {name} (RSS {rss}), exiting: {error}"),
        })?;
        self.control.start(name).map_err(|error| Failure {
            subject: format!("failed to start process {name}, exiting"),
            text: format!("Failed to start process {name} after stopping it, exiting: {error}"),
        })
    }

    // E-226, E-232
    fn tell_restart(&self, name: &str, rss: u64, uptime: i64) {
        if let Some(limit) = self.options.uptime.filter(|limit| uptime > *limit) {
            let text = format!("no mail: {name} was up for {uptime} s, more than the {limit} of -u");
            return self.voice.note(text);
        }
        let body = format!(
            "memmon.py restarted the process named {name} at {} because it was consuming too much \
             memory ({rss} bytes RSS)",
            asctime(clock::wall())
        );
        self.mail(&format!("process {name} restarted"), body);
    }

    // E-227
    fn mail(&self, subject: &str, body: String) {
        let subject = match &self.options.name {
            Some(name) => format!("memmon [{name}]: {subject}"),
            None => format!("memmon: {subject}"),
        };
        let _mail = self.options.mailer.send(self.voice, subject, body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Option<Options> {
        let argv: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        match program::parse(&CHOICES, Order::OptionsFirst, &argv) {
            Ok(Parsed::Run(options, _)) => Some(options),
            _ => None,
        }
    }

    fn info(group: &str, name: &str) -> ProcessInfo {
        ProcessInfo { group: group.to_owned(), name: name.to_owned(), pid: 1, ..ProcessInfo::default() }
    }

    // E-220 to E-228, E-233
    #[test]
    fn command_lines() {
        let read = options(&["-p", "a=1KB", "-g", "g=2", "--any", "1gb", "-u", "2H", "-c"]).unwrap();
        assert_eq!(read.limits.programs, BTreeMap::from([("a".to_owned(), 1024)]));
        assert_eq!((read.limits.any, read.uptime, read.cumulative), (Some(1 << 30), Some(7200), true));
        assert_eq!(read.name, None);
        for bad in [["-p", "a"], ["-p", "a=1=2"], ["-a", "1TB"], ["-u", "1w"], ["-g", "g=x"], ["-q", "x"]] {
            assert_eq!(options(&bad), None, "{bad:?}");
        }
        assert_eq!(["90", "90s", "2m", "1d"].map(time), [Ok(90), Ok(90), Ok(120), Ok(86_400)]);
    }

    // E-230
    #[test]
    fn what_is_checked() {
        let read = options(&["-p", "b=2", "-p", "a=1", "-g", "g=3", "-a", "4"]).unwrap();
        let lines = ["Checking programs a=1, b=2", "Checking groups g=3", "Checking any=4"];
        assert_eq!(read.limits.lines(), lines);
        assert!(options(&["-c"]).unwrap().limits.lines().is_empty());
    }

    // E-230, E-234, E-235
    #[test]
    fn verdicts() {
        let limits = options(&["-p", "g:p=10", "-p", "p=20", "-g", "g=5", "-a", "100"]).unwrap().limits;
        let judged = |group: &str, name: &str, rss| {
            let Verdict { checked, exceeded } = limits.judge(&info(group, name), rss);
            (checked, exceeded.map(|(whose, _)| whose))
        };
        assert_eq!(judged("g", "p", 5), (4, None));
        assert_eq!(judged("g", "p", 6), (3, Some("group g".to_owned())));
        assert_eq!(judged("g", "p", 11), (2, Some("program g:p".to_owned())));
        assert_eq!(judged("x", "p", 21), (1, Some("program p".to_owned())));
        assert_eq!(judged("x", "y", 100), (1, None));
        assert_eq!(judged("x", "y", u64::MAX), (1, Some("any".to_owned())));
    }
}
