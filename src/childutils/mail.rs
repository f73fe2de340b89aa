//! Mail through a command that takes it on stdin (E-212).

use std::time::Duration;

use super::program::Voice;
use super::shell::{self, Output};

/// The command if none is given.
pub const SENDMAIL: &str = "/usr/sbin/sendmail -t -i";

/// How long the command may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A message to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The address, as given.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
}

impl Mail {
    /// What the command gets; no line feed stands at its end.
    pub fn text(&self) -> String {
        format!("To: {}\nSubject: {}\n\n{}", self.to, self.subject, self.body)
    }
}

/// Where mail goes, and by which command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailer {
    /// A shell command.
    pub command: String,
    /// The address; `None`: no mail.
    pub to: Option<String>,
}

impl Default for Mailer {
    fn default() -> Self {
        Self { command: SENDMAIL.to_owned(), to: None }
    }
}

impl Mailer {
    /// Sends a mail if there is an address; gives what was sent. What goes wrong is said.
    pub fn send(&self, voice: Voice, subject: String, body: String) -> Option<Mail> {
        let Some(to) = self.to.clone() else {
            voice.note("no mail: no address was given (-m)");
            return None;
        };
        if !voice.decide(format_args!("mail to {to}: {}", subject.trim())) {
            return None;
        }
        let mail = Mail { to, subject, body };
        match shell::succeed(&self.command, mail.text().into_bytes(), Output::ToStderr, LIMIT) {
            Ok(_nothing) => Some(mail),
            Err(error) => {
                voice.note(format_args!("mail to {} is lost: {error}", mail.to));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // E-212
    #[test]
    fn text_on_stdin() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mail");
        let command = format!("cat > '{}'", file.display());
        let mailer = Mailer { command, to: Some("a@b".to_owned()) };
        let dry = mailer.send(Voice::new("x", true), "S".to_owned(), "B".to_owned());
        assert!(dry.is_none() && !file.exists());
        mailer.send(Voice::new("x", false), " S".to_owned(), "B\nC".to_owned()).unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "To: a@b\nSubject:  S\n\nB\nC");
    }

    #[test]
    fn nothing_is_sent_without_an_address_or_by_a_command_that_fails() {
        let none = Mailer { command: "cat".to_owned(), to: None };
        let bad = Mailer { command: "exit 1".to_owned(), to: Some("a@b".to_owned()) };
        for mailer in [none, bad] {
            assert_eq!(mailer.send(Voice::new("x", false), "S".to_owned(), "B".to_owned()), None);
        }
    }
}
