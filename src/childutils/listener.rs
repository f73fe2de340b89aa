//! A listener's side of the protocol: READY, an event, RESULT (events.md, sections 3 and 5).
//!
//! [`Listener::run`] keeps the order, so a listener cannot fall out of it; [`Listener::wait`] and
//! [`Listener::answer`] are its parts. What an event means is `payload`'s business.

use std::io::{self, BufRead, ErrorKind, Read, StdinLock, StdoutLock, Write};

use super::payload;
use crate::model::event::{Event, EventKind};
use crate::wire::listener::READY;

/// Longest header line that is read, in bytes.
const MAX_HEADER: u64 = 1 << 16;

/// An event as it was delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The daemon's `identifier`.
    pub server: String,
    /// The event's number in the daemon.
    pub serial: u64,
    /// Name of the pool this listener belongs to.
    pub pool: String,
    /// The event's number in the pool.
    pub poolserial: u64,
    /// The type, such as `TICK_60`.
    pub eventname: String,
    /// The body.
    pub payload: String,
}

impl Envelope {
    /// The type, if it is one of the daemon's own (E-023).
    pub fn kind(&self) -> Option<EventKind> {
        EventKind::from_name(&self.eventname)
    }

    /// What happened; `None` for a type that is not known, or a body that is not of its type.
    pub fn event(&self) -> Option<Event> {
        payload::read(self.kind()?, &self.payload)
    }

    /// Whether it is a tick, of whatever period.
    pub fn is_tick(&self) -> bool {
        self.eventname.starts_with("TICK")
    }
}

/// What a listener says of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is done.
    Ok,
    /// It shall be delivered again.
    Fail,
}

impl Reply {
    const fn text(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Fail => "FAIL",
        }
    }
}

/// The listener's end of the two pipes.
#[derive(Debug)]
pub struct Listener<R, W> {
    input: R,
    output: W,
}

impl Listener<StdinLock<'static>, StdoutLock<'static>> {
    /// A listener on stdin and stdout. Nothing else may be written to stdout then.
    pub fn stdio() -> Self {
        Self::new(io::stdin().lock(), io::stdout().lock())
    }
}

impl<R: BufRead, W: Write> Listener<R, W> {
    /// A listener on any two ends.
    pub fn new(input: R, output: W) -> Self {
        Self { input, output }
    }

    /// Gives every event to `handle` and answers what that says, until the daemon is gone.
    pub fn run(mut self, mut handle: impl FnMut(&Envelope) -> Reply) -> io::Result<()> {
        let served = self.serve(&mut handle);
        match served {
            // The daemon closes both ends; which of them shows it first is chance.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    fn serve(&mut self, handle: &mut impl FnMut(&Envelope) -> Reply) -> io::Result<()> {
        while let Some(envelope) = self.wait()? {
            let reply = handle(&envelope);
            self.answer(reply)?;
        }
        Ok(())
    }

    /// Says READY and waits for the next event; `None`: the daemon is gone.
    pub fn wait(&mut self) -> io::Result<Option<Envelope>> {
        self.say(READY)?;
        let mut line = Vec::new();
        self.input.by_ref().take(MAX_HEADER).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let (mut envelope, length) = header(&String::from_utf8_lossy(&line))
            .ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "a header without a length"))?;
        envelope.payload = self.characters(length)?;
        Ok(Some(envelope))
    }

    /// Answers the event that `wait` gave.
    pub fn answer(&mut self, reply: Reply) -> io::Result<()> {
        let text = reply.text();
        self.say(format!("RESULT {}\n{text}", text.len()).as_bytes())
    }

    fn say(&mut self, text: &[u8]) -> io::Result<()> {
        self.output.write_all(text)?;
        self.output.flush()
    }

    /// Reads this many characters: the length counts them, not bytes (E-062).
    fn characters(&mut self, mut left: usize) -> io::Result<String> {
        let mut bytes = Vec::new();
        let mut unfinished = 0;
        while left > 0 || unfinished > 0 {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let taken = chunk.iter().take_while(|byte| advance(**byte, &mut left, &mut unfinished)).count();
            bytes.extend_from_slice(&chunk[..taken]);
            self.input.consume(taken);
        }
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

/// Counts a byte, if it still belongs to the text: as the rest of a character, or as the start of one.
fn advance(byte: u8, left: &mut usize, unfinished: &mut usize) -> bool {
    if *unfinished > 0 {
        *unfinished -= 1;
        return true;
    }
    if *left == 0 {
        return false;
    }
    *left -= 1;
    *unfinished = match byte {
        0xc0..=0xdf => 1,
        0xe0..=0xef => 2,
        0xf0..=0xf7 => 3,
        _ => 0,
    };
    true
}

/// Reads a header line (E-060); unknown tokens do not matter (E-201).
fn header(line: &str) -> Option<(Envelope, usize)> {
    let mut envelope = Envelope::default();
    let mut length = None;
    for (name, value) in payload::tokens(line) {
        match name {
            "server" => envelope.server = value.to_owned(),
            "serial" => envelope.serial = value.parse().unwrap_or_default(),
            "pool" => envelope.pool = value.to_owned(),
            "poolserial" => envelope.poolserial = value.parse().unwrap_or_default(),
            "eventname" => envelope.eventname = value.to_owned(),
            "len" => length = value.parse().ok(),
            _ => {}
        }
    }
    Some((envelope, length?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(input: &[u8], reply: Reply) -> (Vec<Envelope>, String, io::Result<()>) {
        let (mut heard, mut output) = (Vec::new(), Vec::new());
        // A small buffer cuts characters.
        let input = io::BufReader::with_capacity(3, input);
        let end = Listener::new(input, &mut output).run(|envelope| {
            heard.push(envelope.clone());
            reply
        });
        (heard, String::from_utf8(output).unwrap(), end)
    }

    // E-060, E-062, E-101, E-109
    #[test]
    fn lengths_are_in_characters() {
        let one = "ver:3.0 server:s serial:7 pool:p poolserial:3 eventname:REMOTE_COMMUNICATION len:9\n";
        let input = format!("{one}type:é\n€😀{one}type:a\nbc");
        let (heard, said, end) = listen(input.as_bytes(), Reply::Ok);
        assert_eq!(
            heard.iter().map(|it| it.payload.as_str()).collect::<Vec<_>>(),
            ["type:é\n€😀", "type:a\nbc"]
        );
        assert_eq!((heard[0].serial, heard[0].poolserial, heard[0].pool.as_str()), (7, 3, "p"));
        assert_eq!(said, "READY\nRESULT 2\nOKREADY\nRESULT 2\nOKREADY\n");
        assert!(end.is_ok());
    }

    // E-110, E-201
    #[test]
    fn refusals_and_unknown_tokens() {
        let (heard, said, _) = listen(b"eventname:OTHER x:y colour len:0\n", Reply::Fail);
        assert_eq!((heard[0].eventname.as_str(), heard[0].event()), ("OTHER", None));
        assert_eq!(said, "READY\nRESULT 4\nFAILREADY\n");
    }

    #[test]
    fn what_is_cut_short_or_no_header_is_an_error() {
        for input in ["eventname:TICK_5\n", "nonsense\n", "len:5\nabc", "len:-1\n", "len:1\n\u{e9}"] {
            let cut = if input.ends_with('\u{e9}') { input.len() - 1 } else { input.len() };
            assert!(listen(&input.as_bytes()[..cut], Reply::Ok).2.is_err(), "{input}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        let (heard, _, end) = listen(b"eventname:X len:3\n\xff\x80a", Reply::Ok);
        assert_eq!(heard[0].payload, "\u{fffd}\u{fffd}a");
        assert!(end.is_ok());
    }
}
