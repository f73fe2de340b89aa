//! httpok: restarts what does not answer over HTTP as it should (events.md, section 12).
//!
//! [`Options::judge`] decides about an answer, [`Options::concerns`] about a process; [`Httpok`] asks,
//! restarts and mails.

use std::process::ExitCode;
use std::time::Duration;

use supervisor::childutils::mail::Mailer;
use supervisor::childutils::probe::{Answer, Probe, ProbeError, Target};
use supervisor::childutils::program::{
    self, Choice, DRY_RUN, HELP, Manual, Misuse, Order, Parsed, SENDMAIL, keep, plain, valued,
};
use supervisor::childutils::shell::{self, Output};
use supervisor::childutils::{Control, Listener, Reply, Voice};
use supervisor::client::proxy::ProcessInfo;
use supervisor::model::bytesize;
use supervisor::model::pyrepr;
use supervisor::model::state::ProcessState;

const MANUAL: Manual = Manual {
    name: "httpok",
    purpose: "restart programs that do not answer over HTTP",
    synopsis: "[-p NAME]... [-a] [-t SECONDS] [-c CODE]... [-b TEXT] [OPTION]... URL",
    description: &[
        "An event listener for supervisord. At every tick it gets the page at URL. If there is no answer in \
         time, or its status is none of those of -c, or the text of -b is not in it, the running ones of the \
         programs of -p are restarted (with -a: all running programs), and that is mailed. Redirects are not \
         followed.",
        "What it found and what it decided is said on stderr.",
    ],
    example: "[eventlistener:httpok]\n\
              command=httpok -p web -t 5 -m ops@example.com http://localhost:8080/health\n\
              events=TICK_60",
};

/// How long the program that writes a core may take.
const CORE_LIMIT: Duration = Duration::from_secs(600);

#[derive(Debug, PartialEq, Eq)]
struct Options {
    programs: Vec<String>,
    any: bool,
    timeout: u64,
    codes: Vec<i64>,
    body: Option<String>,
    gcore: String,
    core_folder: Option<String>,
    eager: bool,
    any_certificate: bool,
    mailer: Mailer,
    name: Option<String>,
    dry_run: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            programs: Vec::new(),
            any: false,
            timeout: 10,
            codes: Vec::new(),
            body: None,
            gcore: "/usr/bin/gcore -o".to_owned(),
            core_folder: None,
            eager: true,
            any_certificate: false,
            mailer: Mailer::default(),
            name: None,
            dry_run: false,
        }
    }
}

/// Every option (E-241 to E-249), and two of our own.
#[rustfmt::skip]
const CHOICES: [Choice<Options>; 15] = [
    Choice { flag: HELP, set: |_, _| Ok(()) },
    Choice {
        flag: valued("p", "program", "NAME", "Restart this process: its name, or GROUP:NAME. May be given several \
            times."),
        set: |options, text| { options.programs.push(text.to_owned()); Ok(()) },
    },
    Choice {
        flag: plain("a", "any", "Restart all running processes of this supervisord, whatever -p says."),
        set: |options, _| keep(&mut options.any, true),
    },
    Choice {
        flag: valued("t", "timeout", "SECONDS", "How long to wait for a connection, for the answer, and for it to \
            go on; 10 if not given."),
        set: |options, text| keep(&mut options.timeout, seconds(text)?),
    },
    Choice {
        flag: valued("c", "code", "CODE", "A status that is as it should be; 200 if none is given. May be given \
            several times."),
        set: |options, text| { options.codes.push(number(text)?); Ok(()) },
    },
    Choice {
        flag: valued("b", "body", "TEXT", "What must be in the answer's body."),
        set: |options, text| keep(&mut options.body, text.to_owned()),
    },
    Choice {
        flag: SENDMAIL,
        set: |options, text| keep(&mut options.mailer.command, text),
    },
    Choice {
        flag: valued("m", "email", "ADDRESS", "Who gets mail about bad answers. Without it, none is sent."),
        set: |options, text| keep(&mut options.mailer.to, text.to_owned()),
    },
    Choice {
        flag: valued("g", "gcore", "COMMAND", "The shell command that writes a core; a file name and a pid are \
            added to it. /usr/bin/gcore -o if not given."),
        set: |options, text| keep(&mut options.gcore, text),
    },
    Choice {
        flag: valued("d", "coredir", "FOLDER", "Before a restart, write a core of the process into this folder."),
        set: |options, text| keep(&mut options.core_folder, text.to_owned()),
    },
    Choice {
        flag: plain("e", "eager", "Check even if none of the processes is running. This is the default."),
        set: |options, _| keep(&mut options.eager, true),
    },
    Choice {
        flag: plain("E", "not-eager", "Do not check while none of the processes is running."),
        set: |options, _| keep(&mut options.eager, false),
    },
    Choice {
        flag: valued("n", "name", "NAME", "A name of this httpok, for the subjects of its mails."),
        set: |options, text| keep(&mut options.name, text.to_owned()),
    },
    Choice {
        flag: plain("k", "", "Accept any certificate. Else it must be signed by an authority that the system \
            knows, or that is in the file named by SSL_CERT_FILE."),
        set: |options, _| keep(&mut options.any_certificate, true),
    },
    Choice { flag: DRY_RUN, set: |options, _| keep(&mut options.dry_run, true) },
];

fn main() -> ExitCode {
    let (options, url) = match command_line(&program::arguments()) {
        Ok(Some(read)) => read,
        Ok(None) => return MANUAL.help(&CHOICES),
        Err(misuse @ Misuse::Syntax(_)) => return MANUAL.misuse(&CHOICES, &misuse),
        Err(Misuse::Value(text)) => {
            Voice::new(MANUAL.name, false).note(text);
            return ExitCode::FAILURE;
        }
    };
    let voice = Voice::new(MANUAL.name, options.dry_run);
    let control = match Control::from_env() {
        Ok(control) => control,
        Err(_) if std::env::var_os("SUPERVISOR_SERVER_URL").is_none() => {
            voice.line("httpok must be run as a supervisor event listener");
            return ExitCode::SUCCESS;
        }
        Err(error) => return voice.give_up(error),
    };
    let timeout = Duration::from_secs(options.timeout);
    let probe = Target::of_url(&url).and_then(|target| {
        Probe::new(target, timeout, options.any_certificate).map_err(|error| error.to_string())
    });
    match probe {
        Ok(probe) => voice.close(Httpok { options, url, probe, control, voice }.listen()),
        Err(text) => voice.give_up(text),
    }
}

/// Options and URL; `None`: the help is wanted.
fn command_line(argv: &[String]) -> Result<Option<(Options, String)>, Misuse> {
    match program::parse(&CHOICES, Order::OptionsFirst, argv)? {
        Parsed::Help => Ok(None),
        Parsed::Run(options, words) => match <[String; 1]>::try_from(words) {
            Ok([url]) => Ok(Some((options, url))),
            Err(words) => Err(Misuse::Syntax(format!("one URL is wanted, not {}", words.len()))),
        },
    }
}

fn number(text: &str) -> Result<i64, String> {
    bytesize::integer(text).map_err(|_| "a number is wanted".to_owned())
}

fn seconds(text: &str) -> Result<u64, String> {
    match number(text)?.try_into() {
        Ok(seconds @ 1u64..) => Ok(seconds),
        _ => Err("a number above 0 is wanted".to_owned()),
    }
}

/// What is wrong with an answer.
#[derive(Debug, PartialEq, Eq)]
struct Complaint {
    /// The end of the mail's subject.
    what: &'static str,
    /// The first line of its text.
    text: String,
}

impl Options {
    /// What is wrong with an answer, or with there being none (E-250).
    fn judge(&self, url: &str, answer: &Result<Answer, ProbeError>) -> Option<Complaint> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let text = format!("error contacting {url}:\n\n {error}");
                return Some(Complaint { what: "bad status returned", text });
            }
        };
        let usual = [200];
        let codes = if self.codes.is_empty() { &usual[..] } else { &self.codes[..] };
        let what = if !codes.contains(&answer.status.into()) {
            "bad status returned"
        } else if !self.has_text(&answer.body) {
            "bad body returned"
        } else {
            return None;
        };
        let text = format!("status contacting {url}: {} {}", answer.status, answer.reason);
        Some(Complaint { what, text })
    }

    // E-254
    fn has_text(&self, body: &[u8]) -> bool {
        self.body.as_ref().is_none_or(|text| String::from_utf8_lossy(body).contains(text))
    }

    /// Whether a process is to be restarted, if it runs.
    fn concerns(&self, info: &ProcessInfo) -> bool {
        self.any || self.programs.iter().any(|name| names(name, info))
    }

    /// Whether there is anything to check for (E-248, E-255).
    fn wants_check(&self, infos: &[ProcessInfo]) -> bool {
        self.eager || infos.iter().any(|info| is_running(info) && self.concerns(info))
    }

    fn list(&self) -> String {
        python_list(self.programs.iter())
    }

    /// Those of `-p` that there are no processes of.
    fn missing(&self, infos: &[ProcessInfo]) -> Vec<&String> {
        self.programs.iter().filter(|name| !infos.iter().any(|info| names(name, info))).collect()
    }
}

/// Whether this is the process' name, or its group's and its own.
fn names(name: &str, info: &ProcessInfo) -> bool {
    name == info.name || name == spec(info)
}

fn is_running(info: &ProcessInfo) -> bool {
    info.state == i64::from(ProcessState::Running.code())
}

/// The short form where both names are the same (E-214).
fn spec(info: &ProcessInfo) -> String {
    if info.group == info.name { info.name.clone() } else { format!("{}:{}", info.group, info.name) }
}

fn python_list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    format!("[{}]", names.map(|name| pyrepr::string(name)).collect::<Vec<_>>().join(", "))
}

struct Httpok {
    options: Options,
    url: String,
    probe: Probe,
    control: Control,
    voice: Voice,
}

impl Httpok {
    fn listen(mut self) -> std::io::Result<()> {
        Listener::stdio().run(|envelope| {
            if envelope.is_tick() {
                self.round();
            }
            Reply::Ok
        })
    }

    fn round(&mut self) {
        match self.control.processes() {
            Ok(infos) if !self.options.wants_check(&infos) => {
                return self.voice.note("no check: none of the processes is running (-E)");
            }
            Ok(_) => {}
            Err(error) if !self.options.eager => {
                return self.voice.note(format_args!("no check: it is not known what is running: {error}"));
            }
            Err(error) => self.voice.note(format_args!("it is not known what is running: {error}")),
        }
        if let Some(complaint) = self.options.judge(&self.url, &self.probe.ask()) {
            self.act(complaint);
        }
    }

    fn act(&mut self, Complaint { what, text }: Complaint) {
        self.voice.note(text.replace("\n\n", ""));
        let mut report = Report { voice: self.voice, lines: vec![text] };
        let infos = match self.control.processes() {
            Ok(infos) => infos,
            Err(error) => {
                return report.add(format!("Exception retrieving process info {error}, not acting"));
            }
        };
        report.add(match self.options.any {
            true => "Restarting all running processes".to_owned(),
            false => format!("Restarting selected processes {}", self.options.list()),
        });
        for info in infos.iter().filter(|info| self.options.concerns(info)) {
            restart(&self.options, &mut self.control, info, &mut report);
        }
        let missing = self.options.missing(&infos);
        if !missing.is_empty() {
            let list = python_list(missing.into_iter());
            report.add(format!("Programs not restarted because they did not exist: {list}"));
        }
        self.mail(what, &report);
    }

    fn mail(&self, what: &str, report: &Report) {
        let name = self.options.name.as_ref().map(|name| format!(" [{name}]")).unwrap_or_default();
        let subject = format!("httpok{name}: {}: {what}", self.url);
        if let Some(mail) = self.options.mailer.send(self.voice, subject, report.lines.join("\n")) {
            self.voice.line(format_args!("Mailed:\n\n{}", mail.text()));
        }
    }
}

/// What is done, line by line: said at once, mailed at the end (E-251).
struct Report {
    voice: Voice,
    lines: Vec<String>,
}

impl Report {
    fn add(&mut self, line: String) {
        self.voice.line(&line);
        self.lines.push(line);
    }
}

fn restart(options: &Options, control: &mut Control, info: &ProcessInfo, report: &mut Report) {
    let name = spec(info);
    if !is_running(info) {
        return report.add(format!("{name} not in RUNNING state, NOT restarting"));
    }
    if !report
        .voice
        .decide(format_args!("restart {name}: it is running, and the answer was not as it should be"))
    {
        return;
    }
    if let Some(folder) = &options.core_folder {
        report.add(core(&options.gcore, folder, info));
    }
    report.add(format!("{name} is in RUNNING state, restarting"));
    // A failed stop is followed by a start all the same (E-252): it may have ended by itself.
    if let Err(error) = control.stop(&name) {
        report.add(format!("Failed to stop process {name}: {error}"));
    }
    match control.start(&name) {
        Ok(()) => report.add(format!("{name} restarted")),
        Err(error) => report.add(format!("Failed to start process {name}: {error}")),
    }
}

// E-247
fn core(command: &str, folder: &str, info: &ProcessInfo) -> String {
    let name = spec(info);
    let slash = if folder.ends_with('/') { "" } else { "/" };
    let command = format!("{command} \"{folder}{slash}{name}\" {}", info.pid);
    match shell::run(&command, Vec::new(), Output::Kept, CORE_LIMIT) {
        Ok((printed, _status)) => {
            format!("gcore output for {name}:\n\n {}", String::from_utf8_lossy(&printed))
        }
        Err(error) => format!("gcore output for {name}:\n\n {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Result<Option<(Options, String)>, Misuse> {
        command_line(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    fn read(words: &[&str]) -> Options {
        let (options, _) = options(&[words, &["http://x"]].concat()).unwrap().unwrap();
        options
    }

    fn info(group: &str, name: &str, state: ProcessState) -> ProcessInfo {
        let state = state.code().into();
        ProcessInfo { group: group.to_owned(), name: name.to_owned(), state, ..ProcessInfo::default() }
    }

    // E-240 to E-249
    #[test]
    fn command_lines() {
        let all = read(&[
            "-p",
            "a",
            "--prog=g:b",
            "-a",
            "-t",
            "3",
            "-c",
            "200",
            "-c",
            "204",
            "-E",
            "-k",
            "--dry-run",
        ]);
        assert_eq!((all.programs.as_slice(), all.any), (["a".to_owned(), "g:b".to_owned()].as_slice(), true));
        assert_eq!((all.timeout, all.codes.as_slice(), all.eager), (3, [200, 204].as_slice(), false));
        assert!(all.any_certificate && all.dry_run);
        assert_eq!(read(&[]), Options::default());
        assert_eq!(options(&["-h"]), Ok(None));
        for bad in [&[][..], &["http://a", "http://b"], &["-q", "http://a"]] {
            assert!(matches!(options(bad), Err(Misuse::Syntax(_))), "{bad:?}");
        }
        for bad in ["-tx", "-t0", "-cx"] {
            assert!(matches!(options(&[bad, "http://a"]), Err(Misuse::Value(_))), "{bad}");
        }
    }

    // E-250, E-254
    #[test]
    fn answers() {
        let judged = |words: &[&str], status, body: &str| {
            let answer = Answer { status, reason: "R".to_owned(), body: body.as_bytes().to_vec() };
            read(words).judge("U", &Ok(answer)).map(|it| (it.what, it.text))
        };
        assert_eq!(judged(&[], 200, ""), None);
        let text = "status contacting U: 500 R".to_owned();
        assert_eq!(judged(&[], 500, ""), Some(("bad status returned", text)));
        assert_eq!(judged(&["-c", "500", "-c", "501"], 501, ""), None);
        assert_eq!(judged(&["-b", "ü"], 200, "grün"), None);
        let text = "status contacting U: 200 R".to_owned();
        assert_eq!(judged(&["-b", "ü"], 200, "rot"), Some(("bad body returned", text)));
        let none = read(&[]).judge("U", &Err(ProbeError::Slow(Duration::from_secs(3)))).unwrap();
        assert_eq!(none.text, "error contacting U:\n\n timed out after 3 s");
    }

    // E-248, E-255
    #[test]
    fn eagerness() {
        let infos = [info("g", "p", ProcessState::Running), info("q", "q", ProcessState::Stopped)];
        let wants = |words: &[&str]| read(words).wants_check(&infos);
        assert!(
            wants(&["-p", "x"])
                && wants(&["-E", "-p", "p"])
                && wants(&["-E", "-p", "g:p"])
                && wants(&["-E", "-a"])
        );
        assert!(!wants(&["-E", "-p", "q"]) && !wants(&["-E", "-p", "x"]) && !wants(&["-E"]));
    }

    // E-251
    #[test]
    fn those_that_do_not_exist() {
        let infos = [info("g", "p", ProcessState::Running), info("q", "q", ProcessState::Stopped)];
        let read = read(&["-p", "it's", "-p", "g:p", "-p", "p", "-p", "q:q"]);
        assert_eq!(python_list(read.missing(&infos).into_iter()), "[\"it's\", 'q:q']");
        assert_eq!(read.list(), "[\"it's\", 'g:p', 'p', 'q:q']");
    }
}
