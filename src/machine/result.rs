//! Result handlers: what a listener's answer means (E-125, E-126).
//!
//! The reference loads them as Python functions. Three are built in: its default, and two plugins that
//! many images use to get children's output onto the daemon's own stdout; their listeners answer with
//! the payload of the PROCESS_LOG event itself.

use bytes::Bytes;

/// Longest answer that is printed; of a longer one nothing can be made.
const MAX_PRINTED: usize = 16 << 20;

/// One of the handlers that can be named in `result_handler`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultHandler {
    /// `supervisor.dispatchers:default_handler`: OK, or rejected.
    #[default]
    Default,
    /// `supervisor_stdout:event_handler`: prints the answer behind process and channel.
    Stdout,
    /// `supervisor_console.events:event_handler`: prints each line behind process and time.
    Console,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The event is done; the handler may want something printed.
    Processed(Option<Printout>),
    /// Another listener, or this one, is to try again.
    Rejected,
    /// The handler could make nothing of it.
    Failed,
}

/// Something for the daemon's own stdout or stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printout {
    /// How it is to look.
    pub style: ResultHandler,
    /// Who wrote it.
    pub process: String,
    /// Where it was written to: `stdout`, `stderr` or anything else the listener says.
    pub channel: String,
    /// What was written.
    pub data: Bytes,
}

impl ResultHandler {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Default, Self::Stdout, Self::Console];

    /// As `result_handler` names it.
    pub const fn spec(self) -> &'static str {
        match self {
            Self::Default => "supervisor.dispatchers:default_handler",
            Self::Stdout => "supervisor_stdout:event_handler",
            Self::Console => "supervisor_console.events:event_handler",
        }
    }

    /// The handler of this name.
    pub fn from_spec(spec: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|handler| handler.spec() == spec)
    }

    /// How much of an answer it looks at: one byte more shows that it is too long.
    pub const fn looks_at(self) -> usize {
        match self {
            Self::Default => b"OK".len() + 1,
            Self::Stdout | Self::Console => MAX_PRINTED + 1,
        }
    }

    /// Judges an answer, of which no more than [`ResultHandler::looks_at`] bytes need be there.
    pub fn judge(self, body: &[u8]) -> Judgement {
        match self {
            Self::Default if body == b"OK" => Judgement::Processed(None),
            Self::Default => Judgement::Rejected,
            Self::Stdout | Self::Console => self.print(body),
        }
    }

    fn print(self, body: &[u8]) -> Judgement {
        let printout = if body.len() > MAX_PRINTED { None } else { self.printout(body) };
        match (printout, self) {
            (Some(printout), _) => Judgement::Processed(Some(printout)),
            // The plugin catches its own errors.
            (None, Self::Console) => Judgement::Processed(None),
            (None, Self::Default | Self::Stdout) => Judgement::Failed,
        }
    }

    fn printout(self, body: &[u8]) -> Option<Printout> {
        let end = memchr::memchr(b'\n', body)?;
        let (process, channel) = speaker(std::str::from_utf8(&body[..end]).ok()?)?;
        let data = Bytes::copy_from_slice(&body[end + 1..]);
        Some(Printout { style: self, process, channel, data })
    }
}

/// `processname` and `channel` of a token set; every token must have exactly one colon.
fn speaker(head: &str) -> Option<(String, String)> {
    let (mut process, mut channel) = (None, None);
    for token in head.split_whitespace() {
        let (key, value) = token.split_once(':').filter(|(_, value)| !value.contains(':'))?;
        match key {
            "processname" => process = Some(value.to_owned()),
            "channel" => channel = Some(value.to_owned()),
            _ => {}
        }
    }
    process.zip(channel)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(handler: ResultHandler, body: &str) -> Judgement {
        handler.judge(body.as_bytes())
    }

    // E-109, E-110
    #[test]
    fn the_default_takes_ok_alone() {
        assert_eq!(judge(ResultHandler::Default, "OK"), Judgement::Processed(None));
        for body in ["", "ok", "OK\n", "FAIL"] {
            assert_eq!(judge(ResultHandler::Default, body), Judgement::Rejected, "{body:?}");
        }
    }

    // E-125, E-126
    #[test]
    fn the_printing_ones_take_the_payload_of_a_log_event() {
        let printed = Printout {
            style: ResultHandler::Stdout,
            process: "p".into(),
            channel: "stderr".into(),
            data: Bytes::from_static(b"a\nb"),
        };
        let body = "processname:p groupname:g pid:1 channel:stderr\na\nb";
        assert_eq!(judge(ResultHandler::Stdout, body), Judgement::Processed(Some(printed)));
        for body in ["OK", "processname:p\nx", "processname:p channel:a:b\nx", "processname:p x channel:c\n"]
        {
            assert_eq!(judge(ResultHandler::Stdout, body), Judgement::Failed, "{body:?}");
            assert_eq!(judge(ResultHandler::Console, body), Judgement::Processed(None), "{body:?}");
        }
    }

    #[test]
    fn handlers_are_known_by_their_names() {
        for handler in ResultHandler::ALL {
            assert_eq!(ResultHandler::from_spec(handler.spec()), Some(handler));
        }
        assert_eq!(ResultHandler::from_spec("x:y"), None);
    }
}
