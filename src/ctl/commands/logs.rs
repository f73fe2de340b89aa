//! tail and maintail: reading logs and following them.

use super::super::faults::{BAD_NAME, FAILED, NO_FILE, exit};
use super::super::render::Output;
use super::super::session::{Outcome, Session};
use super::help;
use crate::client::proxy::{CallError, Fault};
use crate::client::transport::TransportError;
use crate::model::{bytesize, pyrepr};
use crate::sys::interrupts::Interrupts;

/// How much is shown when nothing is said.
const DEFAULT_BYTES: i64 = 1600;

/// Said before anything is followed.
pub(super) const BANNER: &str = "==> Press Ctrl-C to exit <==";

/// `tail [-f|-N] name [channel]` (C-461, C-462, C-464).
pub(super) async fn tail(session: &mut Session, words: &[&str]) -> Outcome {
    if !session.is_up().await? {
        return Ok(());
    }
    let Tail { amount, name, channel } = match Tail::read(words) {
        Ok(tail) => tail,
        Err(Misuse(text, helps)) => {
            session.refuse(exit::FAILURE, text);
            if helps {
                help::show(session, "tail");
            }
            return Ok(());
        }
    };
    let Amount::Bytes(bytes) = amount else {
        return follow(session, &log_path(name, channel), &format!("/logtail/{name}/{}", channel.name()))
            .await;
    };
    let params = [name.into(), bytes.saturating_neg().into(), 0.into()];
    let text = session.server()?.text(channel.method(), &params).await;
    show(session, name, text)
}

/// `maintail [-f|-N]` (C-463, C-464).
pub(super) async fn maintail(session: &mut Session, words: &[&str]) -> Outcome {
    if !session.is_up().await? {
        return Ok(());
    }
    let amount = match words {
        [] => Ok(Amount::Bytes(DEFAULT_BYTES)),
        [word] => amount(word).ok_or_else(|| format!("Error: bad argument {word}")),
        _ => {
            session.refuse(exit::FAILURE, "Error: too many arguments");
            help::show(session, "maintail");
            return Ok(());
        }
    };
    match amount {
        Ok(Amount::Follow) => follow(session, "/mainlogtail", "/mainlogtail").await,
        Ok(Amount::Bytes(bytes)) => {
            let params = [bytes.saturating_neg().into(), 0.into()];
            let text = session.server()?.text("supervisor.readLog", &params).await;
            show(session, "supervisord", text)
        }
        Err(text) => {
            session.refuse(exit::FAILURE, text);
            Ok(())
        }
    }
}

fn show(session: &mut Session, name: &str, text: Result<String, CallError>) -> Outcome {
    let fault = match text {
        Ok(text) => {
            session.out.line(text);
            return Ok(());
        }
        Err(CallError::Fault(fault)) => fault,
        Err(error) => return Err(error.into()),
    };
    let what = match fault {
        Fault { code: NO_FILE, .. } => "no log file",
        Fault { code: FAILED, .. } => "unknown error reading log",
        Fault { code: BAD_NAME, .. } if name != "supervisord" => "no such process name",
        other => return Err(CallError::Fault(other).into()),
    };
    session.refuse(exit::FAILURE, format!("{name}: ERROR ({what})"));
    Ok(())
}

/// Copies a stream to stdout until it ends or Ctrl-C comes (C-464). `shown` is the path as messages have it.
async fn follow(session: &mut Session, path: &str, shown: &str) -> Outcome {
    session.out.line(BANNER);
    session.out.flush();
    match stream(session, path, |out, bytes| out.raw(bytes)).await {
        Ok(End::Interrupted) => session.out.line(""),
        Ok(End::Over) => {}
        Err(error) => complain(session, shown, &error),
    }
    Ok(())
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The server, or whoever reads the output, is done.
    Over,
    /// Ctrl-C came.
    Interrupted,
}

/// Shows a stream until it ends or Ctrl-C comes (C-465). An error: it never began.
pub(super) async fn stream(
    session: &mut Session,
    path: &str,
    mut show: impl FnMut(&mut Output, &[u8]),
) -> Result<End, TransportError> {
    if session.interrupts.is_none() {
        session.interrupts = Interrupts::install().ok();
    }
    let opened = match session.server() {
        Ok(server) => server.follow(path).await,
        Err(trouble) => Err(TransportError::Exchange(trouble.to_string())),
    };
    let mut stream = opened?;
    let Session { interrupts, out, .. } = session;
    loop {
        let piece = tokio::select! {
            piece = stream.next() => piece,
            () = Session::interrupted(interrupts) => return Ok(End::Interrupted),
        };
        // A stream that breaks off is one that ends: the daemon is gone.
        let Some(Ok(bytes)) = piece else { return Ok(End::Over) };
        show(out, &bytes);
        out.flush();
        if out.is_broken() {
            return Ok(End::Over);
        }
    }
}

/// Errors of a stream (C-465).
pub(super) fn complain(session: &Session, path: &str, error: &TransportError) {
    let what = match error {
        TransportError::Status(status) => format!("Cannot read, status code {status}"),
        other => format!("Cannot connect, error: {other}"),
    };
    eprintln!("{}{path} {what}", session.settings.serverurl);
}

/// Where a log is streamed, with what a URL cannot hold escaped.
pub(super) fn log_path(name: &str, channel: Channel) -> String {
    format!("/logtail/{}/{}", escaped(name), channel.name())
}

/// A name as a URL can hold it.
pub(super) fn escaped(name: &str) -> String {
    let byte = |byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'*' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(byte).collect()
}

/// One of a process' outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Stdout,
    Stderr,
}

impl Channel {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    fn method(self) -> &'static str {
        match self {
            Self::Stdout => "supervisor.readProcessStdoutLog",
            Self::Stderr => "supervisor.readProcessStderrLog",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amount {
    Follow,
    /// So many from the end; none: all.
    Bytes(i64),
}

/// `-f`, `-100`.
fn amount(word: &str) -> Option<Amount> {
    match word.strip_prefix('-')? {
        "f" => Some(Amount::Follow),
        number => bytesize::integer(number).ok().map(Amount::Bytes),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Tail<'a> {
    amount: Amount,
    name: &'a str,
    channel: Channel,
}

/// What is wrong with the words, and whether the help follows (C-462).
#[derive(Debug, PartialEq, Eq)]
struct Misuse(String, bool);

impl<'a> Tail<'a> {
    fn read(words: &[&'a str]) -> Result<Self, Misuse> {
        if words.is_empty() {
            return Err(Misuse("Error: too few arguments".into(), true));
        }
        if words.len() > 3 {
            return Err(Misuse("Error: too many arguments".into(), true));
        }
        let (modifier, rest) = match words {
            [first, rest @ ..] if first.starts_with('-') => (Some(*first), rest),
            _ => (None, words),
        };
        let (name, channel) = match rest {
            [] => return Err(Misuse("Error: tail requires process name".into(), false)),
            [name] => (*name, Channel::Stdout),
            [name, .., channel] => match channel.to_lowercase().as_str() {
                "stdout" => (*name, Channel::Stdout),
                "stderr" => (*name, Channel::Stderr),
                other => return Err(Misuse(format!("Error: bad channel {}", pyrepr::string(other)), false)),
            },
        };
        let amount = match modifier {
            None => Amount::Bytes(DEFAULT_BYTES),
            Some(word) => amount(word).ok_or_else(|| Misuse(format!("Error: bad argument {word}"), false))?,
        };
        Ok(Self { amount, name, channel })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-461, C-462
    #[test]
    fn words_of_tail() {
        let of = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            Tail::read(&words)
                .map(|t| format!("{:?} {} {}", t.amount, t.name, t.channel.name()))
                .map_err(|e| e.0)
        };
        assert_eq!(of("x"), Ok("Bytes(1600) x stdout".into()));
        assert_eq!(of("-f x STDERR"), Ok("Follow x stderr".into()));
        assert_eq!(of("-0 x"), Ok("Bytes(0) x stdout".into()));
        assert_eq!(of("x y stderr"), Ok("Bytes(1600) x stderr".into()));
        assert_eq!(of(""), Err("Error: too few arguments".into()));
        assert_eq!(of("a b c d"), Err("Error: too many arguments".into()));
        assert_eq!(of("-5"), Err("Error: tail requires process name".into()));
        assert_eq!(of("x Foo"), Err("Error: bad channel 'foo'".into()));
        assert_eq!(of("-x y"), Err("Error: bad argument -x".into()));
    }

    #[test]
    fn paths_are_escaped() {
        assert_eq!(log_path("g:ä%", Channel::Stderr), "/logtail/g:%C3%A4%25/stderr");
    }
}
