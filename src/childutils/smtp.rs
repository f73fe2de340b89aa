//! Mail over SMTP: lettre's connection, and the steps of a delivery as the reference takes them.
//!
//! A recipient that the server refuses does not keep the mail from the others. Certificates are checked
//! against the system's roots, unless that is switched off.

use std::fmt;
use std::net::ToSocketAddrs;
use std::time::Duration;

use lettre::message::header::{ContentType, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;

use crate::sys::host;

/// How long the server may take for a step.
const STEP: Duration = Duration::from_secs(30);

/// Where SMTP begins with TLS.
const TLS_PORT: u16 = 465;

/// A mail to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The sender.
    pub from: String,
    /// The recipients.
    pub to: Vec<String>,
    /// The subject; `None`: there is no such header.
    pub subject: Option<String>,
    /// The text.
    pub body: String,
}

/// A mail that was not sent.
#[derive(Debug)]
pub enum SmtpError {
    /// `-H` names no server; why.
    Host(String),
    /// What is given as an address is none.
    Address(String),
    /// The message cannot be built.
    Message(String),
    /// Neither name nor number of a host that is known.
    Unknown(std::io::Error),
    /// The server could not be reached, or refused.
    Server(lettre::transport::smtp::Error),
    /// It refused all recipients; the last one's reason.
    NoRecipient(Option<lettre::transport::smtp::Error>),
}

impl fmt::Display for SmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(text) => write!(f, "{text:?} is no server: host or host:port is wanted"),
            Self::Address(text) => write!(f, "{text:?} is no mail address"),
            Self::Message(text) => write!(f, "the message cannot be built: {text}"),
            Self::Unknown(error) => write!(f, "the server's name cannot be resolved: {error}"),
            Self::Server(error) => error.fmt(f),
            Self::NoRecipient(Some(error)) => write!(f, "all recipients were refused: {error}"),
            Self::NoRecipient(None) => f.write_str("there is no recipient"),
        }
    }
}

impl std::error::Error for SmtpError {}

impl From<lettre::transport::smtp::Error> for SmtpError {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        Self::Server(error)
    }
}

/// When the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    /// Never, or where a login asks for it.
    Plain,
    /// From the first byte on.
    Tls,
}

/// A server, as `-H` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    host: String,
    port: u16,
    security: Security,
}

impl Server {
    /// `host`, `host:port` (E-274), `[address]:port`, or one of these behind `smtps://`. Port 465 means
    /// TLS from the start: nothing else is spoken there.
    fn of_text(text: &str) -> Option<Self> {
        let (rest, mut security) = match text.strip_prefix("smtps://") {
            Some(rest) => (rest, Security::Tls),
            None => (text, Security::Plain),
        };
        let (host, port) = match rest.strip_prefix('[').and_then(|it| it.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            // Several colons: an address of IPv6.
            None if rest.matches(':').count() == 1 => {
                rest.split_once(':').map(|(host, port)| (host, Some(port)))?
            }
            None => (rest, None),
        };
        let port = match (port, security) {
            (Some(port), _) => port.parse().ok()?,
            (None, Security::Tls) => TLS_PORT,
            (None, Security::Plain) => 25,
        };
        if port == TLS_PORT {
            security = Security::Tls;
        }
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port, security })
    }
}

/// How mail is handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// The server: `host` or `host:port`.
    pub server: String,
    /// User name and password; both must be given for a login (E-276).
    pub login: Option<(String, String)>,
    /// A login is preceded by STARTTLS.
    pub tls: bool,
    /// Whose certificate it is does not matter.
    pub any_certificate: bool,
}

impl Smtp {
    /// Sends a letter; gives the recipients that the server refused, if others were taken.
    pub fn send(&self, letter: &Letter) -> Result<Vec<String>, SmtpError> {
        let server = Server::of_text(&self.server).ok_or_else(|| SmtpError::Host(self.server.clone()))?;
        let from = mailbox(&letter.from)?;
        let to = letter.to.iter().map(|text| mailbox(text)).collect::<Result<Vec<_>, _>>()?;
        let message = message(letter, &from, &to)?;
        let mut connection = self.connect(&server)?;
        let sent = deliver(&mut connection, &from, &to, &message);
        let _politeness = connection.quit();
        sent
    }

    fn connect(&self, server: &Server) -> Result<SmtpConnection, SmtpError> {
        let addresses: Vec<_> =
            (server.host.as_str(), server.port).to_socket_addrs().map_err(SmtpError::Unknown)?.collect();
        let name = hello();
        let implicit = match server.security {
            Security::Tls => Some(self.tls_parameters(server)?),
            Security::Plain => None,
        };
        let mut connection =
            SmtpConnection::connect(&addresses[..], Some(STEP), &name, implicit.as_ref(), None)?;
        if let Some((user, password)) = &self.login {
            if self.tls && implicit.is_none() {
                connection.starttls(&self.tls_parameters(server)?, &name)?;
            }
            connection.auth(DEFAULT_MECHANISMS, &Credentials::new(user.clone(), password.clone()))?;
        }
        Ok(connection)
    }

    fn tls_parameters(&self, server: &Server) -> Result<TlsParameters, SmtpError> {
        let parameters =
            TlsParameters::builder(server.host.clone()).dangerous_accept_invalid_certs(self.any_certificate);
        Ok(parameters.build()?)
    }
}

/// How we introduce ourselves.
fn hello() -> ClientId {
    match host::node_name() {
        name if name.is_empty() => ClientId::default(),
        name => ClientId::Domain(name),
    }
}

/// Reads an address, with a name before it or without. One that is only a user's name is of this machine.
fn mailbox(text: &str) -> Result<Mailbox, SmtpError> {
    let bad = || SmtpError::Address(text.to_owned());
    match text.trim() {
        local if !local.is_empty() && !local.contains(['@', '<', ' ']) => {
            format!("{local}@localhost").parse().map_err(|_| bad())
        }
        full => full.parse().map_err(|_| bad()),
    }
}

/// The message as it travels (E-279).
fn message(letter: &Letter, from: &Mailbox, to: &[Mailbox]) -> Result<Vec<u8>, SmtpError> {
    let mut builder = Message::builder().from(from.clone()).message_id(None).date_now();
    for recipient in to {
        builder = builder.to(recipient.clone());
    }
    if let Some(subject) = &letter.subject {
        builder = builder.subject(subject.clone());
    }
    let builder = builder.header(MIME_VERSION_1_0).header(ContentType::TEXT_PLAIN);
    let built = builder.body(letter.body.clone());
    built.map(|message| message.formatted()).map_err(|error| SmtpError::Message(error.to_string()))
}

fn deliver(
    connection: &mut SmtpConnection,
    from: &Mailbox,
    to: &[Mailbox],
    message: &[u8],
) -> Result<Vec<String>, SmtpError> {
    connection.command(Mail::new(Some(from.email.clone()), vec![]))?;
    let (mut refused, mut reason) = (Vec::new(), None);
    for recipient in to {
        match connection.command(Rcpt::new(recipient.email.clone(), vec![])) {
            Ok(_accepted) => {}
            Err(error) if error.is_permanent() || error.is_transient() => {
                refused.push(recipient.email.to_string());
                reason = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    if refused.len() == to.len() {
        return Err(SmtpError::NoRecipient(reason));
    }
    connection.command(Data)?;
    connection.message(message)?;
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    // E-274
    #[test]
    fn servers() {
        let of = |host: &str, port, security| Some(Server { host: host.into(), port, security });
        assert_eq!(Server::of_text("mail"), of("mail", 25, Security::Plain));
        assert_eq!(Server::of_text("mail:587"), of("mail", 587, Security::Plain));
        assert_eq!(Server::of_text("mail:465"), of("mail", 465, Security::Tls));
        assert_eq!(Server::of_text("smtps://mail"), of("mail", 465, Security::Tls));
        assert_eq!(Server::of_text("smtps://[::1]:99"), of("::1", 99, Security::Tls));
        assert_eq!(Server::of_text("fe80::1"), of("fe80::1", 25, Security::Plain));
        assert_eq!(["", ":25", "mail:x", "mail:99999"].map(Server::of_text), [const { None }; 4]);
    }

    #[test]
    fn addresses() {
        assert_eq!(mailbox(" a@b.example ").unwrap().email.to_string(), "a@b.example");
        assert_eq!(mailbox("A B <a@b.example>").unwrap().email.to_string(), "a@b.example");
        assert_eq!(mailbox("root").unwrap().email.to_string(), "root@localhost");
        for bad in ["", "a b", "@", "a@b\r\nDATA"] {
            assert!(matches!(mailbox(bad), Err(SmtpError::Address(_))), "{bad}");
        }
    }

    // E-279
    #[test]
    fn messages() {
        let mut letter = Letter {
            from: "a@x".into(),
            to: vec!["b@x".into(), "c@x".into()],
            subject: None,
            body: "größer\n.\nend".into(),
        };
        let built = |letter: &Letter| {
            let to: Vec<Mailbox> = letter.to.iter().map(|it| mailbox(it).unwrap()).collect();
            String::from_utf8(message(letter, &mailbox(&letter.from).unwrap(), &to).unwrap()).unwrap()
        };
        let text = built(&letter);
        assert!(
            text.contains("To: b@x, c@x\r\n") && text.contains("Message-ID: <") && text.contains("Date: ")
        );
        assert!(
            text.contains("Content-Type: text/plain; charset=utf-8") && !text.contains("Subject"),
            "{text}"
        );
        assert!(text.is_ascii(), "any server takes it");
        letter.subject = Some("Größe".into());
        assert!(built(&letter).contains("Subject: =?utf-8?"));
    }

    #[test]
    fn a_server_that_is_not_there_is_an_error() {
        let smtp = Smtp { server: "127.0.0.1:1".into(), login: None, tls: false, any_certificate: false };
        let letter =
            Letter { from: "a@x".into(), to: vec!["b@x".into()], subject: None, body: String::new() };
        assert!(matches!(smtp.send(&letter), Err(SmtpError::Server(_))));
        assert!(smtp.send(&Letter { to: vec![], ..letter }).is_err());
    }
}
