//! The three programs that gather what happened and mail it once a period by SMTP.
//!
//! `Batch` decides, [`run`] performs. What a program gathers and how it says it is its [`Trade`].

use std::collections::VecDeque;
use std::process::ExitCode;

use super::listener::{Envelope, Listener, Reply};
use super::program::{self, Choice, DRY_RUN, HELP, Manual, Order, Parsed, Voice, keep, plain, valued};
use super::smtp::{Letter, Smtp};
use super::stamp::stamp;
use crate::model::event::{Event, StateChange};
use crate::sys::clock;

/// Exit status after a command line that cannot be used (E-211).
const USAGE: u8 = 2;

/// Lines that a batch may hold; an interval can be as long as one likes.
const MAX_LINES: usize = 10_000;

/// Characters of a mail's text that are shown on stderr (E-279).
const DIGEST: usize = 76;

/// One of the programs.
#[derive(Clone, Copy, Debug)]
pub struct Trade {
    /// Its manual.
    pub manual: Manual,
    /// The subject, if none is given (E-273).
    pub subject: Option<&'static str>,
    /// What it says of a change of state, at that time; `None`: it does not matter.
    pub line: fn(&StateChange, &str) -> Option<String>,
}

/// The command line.
#[derive(Clone, Debug, PartialEq)]
struct Options {
    interval: f64,
    to: Option<String>,
    from: Option<String>,
    subject: Option<String>,
    server: String,
    tick: String,
    user: String,
    password: String,
    tls: bool,
    any_certificate: bool,
    dry_run: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            interval: 1.0,
            to: None,
            from: None,
            subject: None,
            server: "localhost".to_owned(),
            tick: "TICK_60".to_owned(),
            user: String::new(),
            password: String::new(),
            tls: false,
            any_certificate: false,
            dry_run: false,
        }
    }
}

/// Every option (E-270 to E-276), and two of our own.
const CHOICES: [Choice<Options>; 12] = [
    Choice { flag: HELP, set: |_, _| Ok(()) },
    Choice {
        flag: valued(
            "i",
            "interval",
            "MINUTES",
            "How much time a mail covers, in minutes; 1 if not given. The clock advances with the \
             ticks of -e, so the period is rounded up to a multiple of theirs.",
        ),
        set: |options, text| {
            let minutes: f64 = text.trim().parse().map_err(|_| "a number is wanted".to_owned())?;
            keep(&mut options.interval, minutes)
        },
    },
    Choice {
        flag: valued("t", "toEmail", "ADDRESS[,ADDRESS...]", "Who gets the mail. Must be given."),
        set: |options, text| keep(&mut options.to, text.to_owned()),
    },
    Choice {
        flag: valued("f", "fromEmail", "ADDRESS", "Who the mail is from. Must be given."),
        set: |options, text| keep(&mut options.from, text.to_owned()),
    },
    Choice {
        flag: valued("s", "subject", "TEXT", "The mail's subject, in place of the usual one."),
        set: |options, text| keep(&mut options.subject, text.to_owned()),
    },
    Choice {
        flag: valued(
            "H",
            "smtpHost",
            "HOST[:PORT]",
            "The SMTP server; localhost if not given. Behind smtps://, and on port 465, TLS is spoken \
             from the start.",
        ),
        set: |options, text| keep(&mut options.server, text.to_owned()),
    },
    Choice {
        flag: valued(
            "e",
            "tickEvent",
            "EVENT",
            "The tick that drives the clock: TICK_5, TICK_60 (if not given) or TICK_3600. The \
             listener's events= must name it too, else no mail is ever sent.",
        ),
        set: |options, text| keep(&mut options.tick, text.to_owned()),
    },
    Choice {
        flag: valued(
            "u",
            "userName",
            "NAME",
            "Log in at the server as this user, if there is a password too.",
        ),
        set: |options, text| keep(&mut options.user, text.to_owned()),
    },
    Choice {
        flag: valued(
            "p",
            "password",
            "PASSWORD",
            "The password for that. Other users of the machine can see it in the list of processes.",
        ),
        set: |options, text| keep(&mut options.password, text.to_owned()),
    },
    Choice {
        flag: plain(
            "",
            "tls",
            "Encrypt the connection by STARTTLS before the login. Without a login this does nothing.",
        ),
        set: |options, _| keep(&mut options.tls, true),
    },
    Choice {
        flag: plain(
            "k",
            "",
            "Accept any certificate. Else it must be signed by an authority that the system knows, or \
             that is in the file named by SSL_CERT_FILE.",
        ),
        set: |options, _| keep(&mut options.any_certificate, true),
    },
    Choice { flag: DRY_RUN, set: |options, _| keep(&mut options.dry_run, true) },
];

/// What there is to do with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing: it is of another kind.
    Ignore,
    /// This line was added.
    Gather(String),
    /// The period is not over, or nothing has happened in it.
    Wait,
    /// Send these lines.
    Mail(Vec<String>),
}

/// What was gathered, and the clock (E-277).
#[derive(Clone, Debug)]
struct Batch {
    line: fn(&StateChange, &str) -> Option<String>,
    tick: String,
    /// Minutes from tick to tick, and until a mail is due. Both as the reference counts them: in the
    /// same floating point steps, so that mails are due at the same ticks.
    step: f64,
    interval: f64,
    passed: f64,
    lines: VecDeque<String>,
    dropped: u64,
}

impl Batch {
    /// An empty batch; the error says what is wrong with the name of the tick (E-275).
    fn new(
        line: fn(&StateChange, &str) -> Option<String>,
        tick: &str,
        interval: f64,
    ) -> Result<Self, String> {
        let period = tick.strip_prefix("TICK_").and_then(|rest| rest.split('_').next()?.parse::<u32>().ok());
        let seconds = period.ok_or_else(|| format!("Invalid TICK event name: {tick}"))?;
        Ok(Self {
            line,
            tick: tick.to_owned(),
            step: f64::from(seconds) / 60.0,
            interval,
            passed: 0.0,
            lines: VecDeque::new(),
            dropped: 0,
        })
    }

    fn take(&mut self, envelope: &Envelope, stamp: &str) -> Step {
        if envelope.eventname == self.tick {
            return self.advance();
        }
        match envelope.event() {
            Some(Event::StateChanged(change)) => self.gather(&change, stamp),
            _ => Step::Ignore,
        }
    }

    fn gather(&mut self, change: &StateChange, stamp: &str) -> Step {
        let Some(line) = (self.line)(change, stamp) else {
            return Step::Ignore;
        };
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line.clone());
        Step::Gather(line)
    }

    fn advance(&mut self) -> Step {
        self.passed += self.step;
        // Not the same as `<` turned round: with an interval of NaN no mail is ever due.
        let due = self.passed >= self.interval;
        if !due {
            return Step::Wait;
        }
        self.passed = 0.0;
        let mut lines = Vec::from(std::mem::take(&mut self.lines));
        match std::mem::take(&mut self.dropped) {
            0 => {}
            dropped => lines.insert(0, format!("({dropped} earlier lines were left out)")),
        }
        if lines.is_empty() { Step::Wait } else { Step::Mail(lines) }
    }
}

/// Where the mail goes.
#[derive(Clone, Debug, PartialEq)]
struct Post {
    to: Vec<String>,
    from: String,
    subject: Option<String>,
    smtp: Smtp,
}

impl Post {
    /// `None`: an address is missing.
    fn of(options: &Options, trade: &Trade) -> Option<Self> {
        let given = |address: &Option<String>| address.clone().filter(|it| !it.is_empty());
        let to = given(&options.to)?
            .split(',')
            .map(|it| it.trim().to_owned())
            .filter(|it| !it.is_empty())
            .collect();
        let login = !options.user.is_empty() && !options.password.is_empty();
        Some(Self {
            to,
            from: given(&options.from)?,
            subject: options.subject.clone().or_else(|| trade.subject.map(str::to_owned)),
            smtp: Smtp {
                server: options.server.clone(),
                login: login.then(|| (options.user.clone(), options.password.clone())),
                tls: options.tls,
                any_certificate: options.any_certificate,
            },
        })
    }

    fn letter(&self, lines: &[String]) -> Letter {
        Letter {
            from: self.from.clone(),
            to: self.to.clone(),
            // The reference leaves an empty subject out.
            subject: self.subject.clone().filter(|it| !it.is_empty()),
            body: lines.join("\n"),
        }
    }

    /// What is said of a mail on stderr (E-279).
    fn digest(&self, letter: &Letter) -> String {
        let mut body: String = letter.body.chars().take(DIGEST).collect();
        if body.len() < letter.body.len() {
            body.push_str("...");
        }
        let subject = self.subject.as_deref().unwrap_or("None");
        let to = self.to.join(", ");
        format!(
            "Sending notification email:\nTo: {to}\nFrom: {}\nSubject: {subject}\nBody:\n{body}",
            self.from
        )
    }
}

/// Runs one of the programs with the process' own arguments.
pub fn run(trade: &Trade) -> ExitCode {
    let manual = &trade.manual;
    let options = match program::parse::<Options>(&CHOICES, Order::Mixed, &program::arguments()) {
        Ok(Parsed::Help) => return manual.help(&CHOICES),
        Ok(Parsed::Run(options, _others)) => options,
        Err(misuse) => {
            let usage = format!("Usage: {} {}\n", manual.name, manual.synopsis);
            Voice::new(manual.name, false).line(format_args!("{usage}\n{}: error: {misuse}", manual.name));
            return ExitCode::from(USAGE);
        }
    };
    let voice = Voice::new(manual.name, options.dry_run);
    let Some(post) = Post::of(&options, trade) else {
        program::print_text(&manual.text(&CHOICES));
        return voice.give_up("-t and -f must be given");
    };
    if std::env::var_os("SUPERVISOR_SERVER_URL").is_none() {
        voice.line("Must run as a supervisor event listener");
        return ExitCode::FAILURE;
    }
    match Batch::new(trade.line, &options.tick, options.interval) {
        Ok(batch) => listen(batch, &post, voice),
        Err(text) => voice.give_up(text),
    }
}

fn listen(mut batch: Batch, post: &Post, voice: Voice) -> ExitCode {
    if post.smtp.tls && post.smtp.login.is_none() {
        voice.note("--tls does nothing without -u and -p");
    }
    voice.close(Listener::stdio().run(|envelope| {
        perform(batch.take(envelope, &stamp(clock::wall())), post, voice);
        Reply::Ok
    }))
}

fn perform(step: Step, post: &Post, voice: Voice) {
    match step {
        Step::Ignore | Step::Wait => {}
        Step::Gather(line) => voice.line(line),
        Step::Mail(lines) => send(&post.letter(&lines), lines.len(), post, voice),
    }
}

/// What cannot be sent is lost (E-280).
fn send(letter: &Letter, lines: usize, post: &Post, voice: Voice) {
    let to = post.to.join(", ");
    let count = if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") };
    if !voice.decide(format_args!("mail to {to} by {}: {count}, the period is over", post.smtp.server)) {
        return;
    }
    match post.smtp.send(letter) {
        Ok(refused) if refused.is_empty() => {}
        Ok(refused) => voice.note(format_args!("refused by the server: {}", refused.join(", "))),
        Err(error) => voice.line(format_args!("Error sending email: {error}")),
    }
    voice.line(post.digest(letter));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::childutils::program::Misuse;

    const MANUAL: Manual =
        Manual { name: "test", purpose: "test", synopsis: "[OPTION]...", description: &[], example: "" };
    const TRADE: Trade =
        Trade { manual: MANUAL, subject: Some("S"), line: |change, stamp| line(change, stamp) };

    fn line(change: &StateChange, stamp: &str) -> Option<String> {
        (change.process.name() != "dull").then(|| format!("{stamp} {:?}", change.process))
    }

    fn event(eventname: &str, payload: &str) -> Envelope {
        Envelope { eventname: eventname.to_owned(), payload: payload.to_owned(), ..Envelope::default() }
    }

    fn fatal(name: &str) -> Envelope {
        event("PROCESS_STATE_FATAL", &format!("processname:{name} groupname:g from_state:BACKOFF"))
    }

    fn options(words: &[&str]) -> Result<Options, Misuse> {
        let argv: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        match program::parse(&CHOICES, Order::Mixed, &argv)? {
            Parsed::Run(options, _) => Ok(options),
            Parsed::Help => panic!("help"),
        }
    }

    // E-277
    #[test]
    fn a_period_is_several_ticks() {
        let mut batch = Batch::new(line, "TICK_5", 0.25).unwrap();
        let tick = event("TICK_5", "when:5");
        assert_eq!(batch.take(&fatal("a"), "t"), Step::Gather("t g:a".to_owned()));
        assert_eq!(batch.take(&fatal("dull"), "t"), Step::Ignore);
        assert_eq!(batch.take(&event("TICK_60", "when:60"), "t"), Step::Ignore);
        assert_eq!([batch.take(&tick, "t"), batch.take(&tick, "t")], [Step::Wait, Step::Wait]);
        assert_eq!(batch.take(&tick, "t"), Step::Mail(vec!["t g:a".to_owned()]));
        assert_eq!([(); 3].map(|()| batch.take(&tick, "t")), [Step::Wait, Step::Wait, Step::Wait]);
        batch.take(&fatal("b"), "t");
        assert_eq!([batch.take(&tick, "t"), batch.take(&tick, "t")], [Step::Wait, Step::Wait]);
        assert_eq!(batch.take(&tick, "t"), Step::Mail(vec!["t g:b".to_owned()]));
    }

    #[test]
    fn a_batch_is_bounded() {
        let mut batch = Batch::new(line, "TICK_60", 1.0).unwrap();
        for n in 0..MAX_LINES + 2 {
            batch.take(&fatal(&n.to_string()), "t");
        }
        let Step::Mail(lines) = batch.take(&event("TICK_60", "when:0"), "t") else { panic!("no mail") };
        assert_eq!(lines.len(), MAX_LINES + 1);
        assert_eq!(&lines[..2], ["(2 earlier lines were left out)", "t g:2"]);
    }

    // E-275
    #[test]
    fn names_of_ticks() {
        assert!(Batch::new(line, "TICK_7_x", 1.0).is_ok());
        for bad in ["tick_5", "TICK", "TICK_", "TICK_x", "PROCESS_STATE"] {
            assert!(Batch::new(line, bad, 1.0).is_err(), "{bad}");
        }
    }

    // E-270 to E-276
    #[test]
    fn command_lines() {
        let read =
            options(&["-t", "a@x, b@x,", "extra", "--fromE=c@x", "-i", "0.5", "-u", "me", "--tls"]).unwrap();
        let post = Post::of(&read, &TRADE).unwrap();
        assert_eq!(
            (post.to.as_slice(), post.from.as_str()),
            (["a@x".to_owned(), "b@x".to_owned()].as_slice(), "c@x")
        );
        assert_eq!((post.subject.as_deref(), read.interval), (Some("S"), 0.5));
        assert_eq!(post.smtp.login, None);
        assert_eq!(Post::of(&options(&["-t", "a@x"]).unwrap(), &TRADE), None);
        assert_eq!(Post::of(&options(&["-f", "a@x"]).unwrap(), &TRADE), None);
        assert!(options(&["-i", "x"]).is_err() && options(&["--t", "x"]).is_err());
    }

    // E-279
    #[test]
    fn long_mails_are_shown_in_part() {
        let read = options(&["-t", "a@x,b@x", "-f", "c@x"]).unwrap();
        let post = Post::of(&read, &Trade { subject: None, ..TRADE }).unwrap();
        let head = "Sending notification email:\nTo: a@x, b@x\nFrom: c@x\nSubject: None\nBody:\n";
        let of = |n| post.digest(&post.letter(&["é".repeat(n)]));
        assert_eq!(of(76), format!("{head}{}", "é".repeat(76)));
        assert_eq!(of(77), format!("{head}{}...", "é".repeat(76)));
    }
}
