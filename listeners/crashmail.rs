//! crashmail: a mail for every unexpected exit (events.md, section 12).
//!
//! [`Options::judge`] decides, [`Options::perform`] does it.

use std::process::ExitCode;

use supervisor::childutils::mail::Mailer;
use supervisor::childutils::program::{
    self, Choice, DRY_RUN, HELP, Manual, Order, Parsed, SENDMAIL, keep, plain, valued,
};
use supervisor::childutils::stamp::stamp;
use supervisor::childutils::{Envelope, Listener, Reply, Voice};
use supervisor::model::event::{Entered, Event, StateChange};
use supervisor::sys::clock;

const MANUAL: Manual = Manual {
    name: "crashmail",
    purpose: "mail about each crashed program",
    synopsis: "[-p NAME]... [-a] [-o PREFIX] [-s COMMAND] [-m ADDRESS]",
    description: &[
        "An event listener for supervisord. It mails about every exit that was not expected, that is, with a \
         code that is not one of the program's exitcodes, or by a signal. Without -p, or with -a, it does so \
         for all programs.",
        "What it decides is said on stderr, with the reason.",
    ],
    example: "[eventlistener:crashmail]\n\
              command=crashmail -a -m ops@example.com\n\
              events=PROCESS_STATE_EXITED",
};

#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    programs: Vec<String>,
    any: bool,
    prefix: Option<String>,
    mailer: Mailer,
    dry_run: bool,
}

/// Every option (E-260).
const CHOICES: [Choice<Options>; 7] = [
    Choice { flag: HELP, set: |_, _| Ok(()) },
    Choice {
        flag: valued(
            "p",
            "program",
            "NAME",
            "Mail about this process: its name, or GROUP:NAME. May be given several times.",
        ),
        set: |options, text| {
            options.programs.push(text.to_owned());
            Ok(())
        },
    },
    Choice {
        flag: plain("a", "any", "Mail about all processes, whatever -p says."),
        set: |options, _| keep(&mut options.any, true),
    },
    Choice {
        flag: valued(
            "o",
            "optionalheader",
            "PREFIX",
            "Begin the subject with this and a colon; the machine's name, for instance.",
        ),
        set: |options, text| keep(&mut options.prefix, text.to_owned()),
    },
    Choice { flag: SENDMAIL, set: |options, text| keep(&mut options.mailer.command, text.to_owned()) },
    Choice {
        flag: valued("m", "email", "ADDRESS", "Who gets the mail. Without it, none is sent."),
        set: |options, text| keep(&mut options.mailer.to, text.to_owned()),
    },
    Choice { flag: DRY_RUN, set: |options, _| keep(&mut options.dry_run, true) },
];

fn main() -> ExitCode {
    let options = match program::parse::<Options>(&CHOICES, Order::OptionsFirst, &program::arguments()) {
        Ok(Parsed::Run(options, _others)) => options,
        Ok(Parsed::Help) => return MANUAL.help(&CHOICES),
        Err(misuse) => return MANUAL.misuse(&CHOICES, &misuse),
    };
    let voice = Voice::new(MANUAL.name, options.dry_run);
    if std::env::var_os("SUPERVISOR_SERVER_URL").is_none() {
        voice.line("crashmail must be run as a supervisor event listener");
        return ExitCode::SUCCESS;
    }
    voice.close(Listener::stdio().run(|envelope| {
        options.perform(options.judge(envelope, &stamp(clock::wall())), voice);
        Reply::Ok
    }))
}

/// What there is to do with an event.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It is of another kind.
    Ignore,
    /// A crash that does not matter; of whom, and why.
    Leave(String),
    /// Mail this.
    Mail { subject: String, body: String },
}

impl Options {
    fn judge(&self, envelope: &Envelope, stamp: &str) -> Verdict {
        let Some(Event::StateChanged(change)) = envelope.event() else {
            return Verdict::Ignore;
        };
        match change.entered {
            Entered::Exited { expected: false, pid } if self.concerns(&change) => {
                self.mail(&change, pid, stamp)
            }
            Entered::Exited { expected: false, .. } => {
                Verdict::Leave(format!("no mail: {:?} has crashed, but is not one of -p", change.process))
            }
            Entered::Exited { .. } => {
                Verdict::Leave(format!("no mail: {:?} has exited as expected", change.process))
            }
            _ => Verdict::Ignore,
        }
    }

    fn concerns(&self, change: &StateChange) -> bool {
        let qualified = format!("{:?}", change.process);
        let named = self.programs.iter().any(|it| it == change.process.name() || *it == qualified);
        self.any || self.programs.is_empty() || named
    }

    // E-261
    fn mail(&self, change: &StateChange, pid: i32, stamp: &str) -> Verdict {
        let (group, name) = (change.process.group(), change.process.name());
        let prefix = self.prefix.as_ref().filter(|it| !it.is_empty()).map(|it| format!("{it}:"));
        Verdict::Mail {
            subject: format!("{} {name} crashed at {stamp}", prefix.unwrap_or_default()),
            body: format!(
                "Process {name} in group {group} exited unexpectedly (pid {pid}) from state {}",
                change.from
            ),
        }
    }

    fn perform(&self, verdict: Verdict, voice: Voice) {
        match verdict {
            Verdict::Ignore => {}
            Verdict::Leave(reason) => voice.note(reason),
            Verdict::Mail { subject, body } => {
                voice.line("unexpected exit, mailing");
                if let Some(mail) = self.mailer.send(voice, subject, body) {
                    voice.line(format_args!("Mailed:\n\n{}", mail.text()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(process: &str, group: &str, expected: u8) -> Envelope {
        let payload =
            format!("processname:{process} groupname:{group} from_state:RUNNING expected:{expected} pid:7");
        Envelope { eventname: "PROCESS_STATE_EXITED".to_owned(), payload, ..Envelope::default() }
    }

    fn of(programs: &[&str], any: bool, prefix: Option<&str>) -> Options {
        let programs = programs.iter().map(|it| (*it).to_owned()).collect();
        Options { programs, any, prefix: prefix.map(str::to_owned), ..Options::default() }
    }

    // E-261
    #[test]
    fn the_mail() {
        let Verdict::Mail { subject, body } = of(&[], false, None).judge(&exit("p", "g", 0), "T") else {
            panic!("no mail")
        };
        assert_eq!(subject, " p crashed at T");
        assert_eq!(body, "Process p in group g exited unexpectedly (pid 7) from state RUNNING");
        let Verdict::Mail { subject, .. } = of(&[], true, Some("host")).judge(&exit("p", "g", 0), "T") else {
            panic!("no mail")
        };
        assert_eq!(subject, "host: p crashed at T");
    }

    // E-262
    #[test]
    fn whom_it_is_about() {
        let mails =
            |options: Options, envelope| matches!(options.judge(&envelope, "T"), Verdict::Mail { .. });
        assert!(mails(of(&["p"], false, None), exit("p", "g", 0)));
        assert!(mails(of(&["g:p"], false, None), exit("p", "g", 0)));
        assert!(!mails(of(&["g"], false, None), exit("p", "g", 0)));
        assert!(mails(of(&["g"], true, None), exit("p", "g", 0)));
        assert!(!mails(of(&[], false, None), exit("p", "g", 1)));
        let other = Envelope { eventname: "TICK_60".to_owned(), ..Envelope::default() };
        assert_eq!(of(&[], false, None).judge(&other, "T"), Verdict::Ignore);
    }
}
