//! Finds what a process sends between capture tokens (D-443, D-444, E-048).
//!
//! As in the reference: within a capture only END is a token, outside only BEGIN; the other is text. A
//! capture that never ends is dropped with its process. `strip_ansi` applies to what stands between the
//! tokens, not to the search for them, so stripping belongs here when there is capturing.

use std::collections::VecDeque;
use std::sync::LazyLock;

use bytes::{Buf, Bytes};
use memchr::memmem::Finder;
use memchr::memrchr;

use super::ansi::AnsiStripper;

const BEGIN: &[u8] = b"<!--XSUPERVISOR:BEGIN-->";
const END: &[u8] = b"<!--XSUPERVISOR:END-->";

/// A message keeps no more of what was read in memory than so many times its length.
const MAX_SHARED: usize = 16;

static FIND_BEGIN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(BEGIN));
static FIND_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(END));

/// A part of the output, in the order in which it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text outside of captures: for the log file and for events. Never empty.
    Plain(Bytes),
    /// Text within a capture: for events (E-048), not for the log file. Never empty.
    Captured(Bytes),
    /// A capture has ended: all its text, or the newest `max_bytes` bytes of it.
    Message(Bytes),
}

/// Cuts one channel's output into [`Piece`]s, chunk by chunk.
#[derive(Clone, Debug)]
pub struct CaptureScanner {
    stripper: Option<AnsiStripper>,
    capturing: bool,
    /// How many bytes at the end of the chunks so far may be the begin of the token looked for. They
    /// are held back; as they are that token's, they need not be stored.
    held: usize,
    message: Newest,
}

impl CaptureScanner {
    /// A scanner at the begin of a process' output. Messages are cut to their newest `max_bytes`; with
    /// `strip_ansi` escape sequences are stripped from all pieces.
    pub fn new(max_bytes: usize, strip_ansi: bool) -> Self {
        Self {
            stripper: strip_ansi.then(AnsiStripper::default),
            capturing: false,
            held: 0,
            message: Newest::of_at_most(max_bytes),
        }
    }

    /// Whether something was pushed that no piece has told of yet.
    pub fn holds_back(&self) -> bool {
        self.held > 0 || self.stripper.as_ref().is_some_and(AnsiStripper::holds_back)
    }

    /// Appends to `out` the pieces that `input` completes. They share its memory.
    pub fn push(&mut self, input: Bytes, out: &mut Vec<Piece>) {
        self.message.share_from(input.len());
        let mut rest = input;
        if self.held > 0 && !self.settle_held(&mut rest, out) {
            return;
        }
        while let Some(at) = self.finder().find(&rest) {
            self.text(rest.split_to(at), out);
            rest.advance(self.token().len());
            self.toggle(out);
        }
        self.held = begun(self.token(), &rest);
        rest.truncate(rest.len() - self.held);
        self.text(rest, out);
    }

    /// The output ends here: appends what was held back (D-444, ours). An unfinished capture is dropped;
    /// what comes next is another process' output.
    pub fn finish(&mut self, out: &mut Vec<Piece>) {
        self.release(out);
        self.end_text(out);
        self.capturing = false;
        self.message.take();
    }

    /// Compares `rest` with what is missing of the token. False if it is still undecided.
    fn settle_held(&mut self, rest: &mut Bytes, out: &mut Vec<Piece>) -> bool {
        let missing = &self.token()[self.held..];
        if rest.starts_with(missing) {
            rest.advance(missing.len());
            self.held = 0;
            self.toggle(out);
        } else if missing.starts_with(rest) {
            self.held += rest.len();
            return false;
        } else {
            self.release(out);
        }
        true
    }

    /// What was held back is text. No token begins within it: it has no second `<`.
    fn release(&mut self, out: &mut Vec<Piece>) {
        let held = std::mem::take(&mut self.held);
        self.text(Bytes::from_static(&self.token()[..held]), out);
    }

    fn toggle(&mut self, out: &mut Vec<Piece>) {
        self.end_text(out);
        if self.capturing {
            out.push(Piece::Message(self.message.take()));
        }
        self.capturing = !self.capturing;
    }

    fn text(&mut self, text: Bytes, out: &mut Vec<Piece>) {
        let stripped = match &mut self.stripper {
            Some(stripper) => stripper.strip_bytes(text),
            None => text,
        };
        self.piece(stripped, out);
    }

    /// An escape sequence does not reach over a token.
    fn end_text(&mut self, out: &mut Vec<Piece>) {
        let mut tail = Vec::new();
        if let Some(stripper) = &mut self.stripper {
            stripper.finish(&mut tail);
        }
        self.piece(tail.into(), out);
    }

    fn piece(&mut self, text: Bytes, out: &mut Vec<Piece>) {
        if text.is_empty() {
            return;
        }
        if self.capturing {
            self.message.push(&text);
            out.push(Piece::Captured(text));
        } else {
            out.push(Piece::Plain(text));
        }
    }

    /// The token looked for.
    const fn token(&self) -> &'static [u8] {
        if self.capturing { END } else { BEGIN }
    }

    fn finder(&self) -> &'static Finder<'static> {
        if self.capturing { &FIND_END } else { &FIND_BEGIN }
    }
}

/// How many bytes at the end of `text`, which has no whole `token`, are the begin of one. As tokens have
/// one `<` only, they are those from the last `<` on, or none.
fn begun(token: &[u8], text: &[u8]) -> usize {
    let tail = &text[text.len().saturating_sub(token.len() - 1)..];
    match memrchr(b'<', tail) {
        Some(at) if token.starts_with(&tail[at..]) => tail.len() - at,
        _ => 0,
    }
}

/// The newest bytes of a text.
#[derive(Clone, Debug)]
struct Newest {
    max: usize,
    /// Texts at least as long as this may share the memory they are in.
    shared: usize,
    text: Text,
}

#[derive(Clone, Debug)]
enum Text {
    /// All of it is where it was read.
    Read(Bytes),
    /// It came in several parts, or is too short a part of what was read.
    Copied(VecDeque<u8>),
}

impl Newest {
    fn of_at_most(max: usize) -> Self {
        Self { max, shared: 0, text: Text::Read(Bytes::new()) }
    }

    /// Texts come out of a chunk of this length, from now on.
    fn share_from(&mut self, chunk: usize) {
        self.shared = chunk / MAX_SHARED;
    }

    fn push(&mut self, text: &Bytes) {
        let text = text.slice(text.len().saturating_sub(self.max)..);
        match &mut self.text {
            Text::Read(all) if all.is_empty() && text.len() >= self.shared => *all = text,
            Text::Read(all) => {
                self.text = Text::Copied(all.iter().copied().collect());
                self.append(&text);
            }
            Text::Copied(_) => self.append(&text),
        }
    }

    fn append(&mut self, text: &[u8]) {
        if let Text::Copied(bytes) = &mut self.text {
            let excess = (bytes.len() + text.len()).saturating_sub(self.max);
            bytes.drain(..excess);
            bytes.extend(text);
        }
    }

    /// The bytes; none are left.
    fn take(&mut self) -> Bytes {
        match std::mem::replace(&mut self.text, Text::Read(Bytes::new())) {
            Text::Read(all) => all,
            Text::Copied(bytes) => Vec::from(bytes).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the pieces amount to: `p` plain text, `c` captured text, `m` message; neighbours joined.
    fn scan(mut scanner: CaptureScanner, chunks: &[&[u8]]) -> Vec<(char, String)> {
        let mut pieces = Vec::new();
        for chunk in chunks {
            scanner.push(Bytes::copy_from_slice(chunk), &mut pieces);
        }
        scanner.finish(&mut pieces);
        let mut joined: Vec<(char, String)> = Vec::new();
        for piece in pieces {
            let (kind, data) = match &piece {
                Piece::Plain(data) => ('p', data),
                Piece::Captured(data) => ('c', data),
                Piece::Message(data) => ('m', data),
            };
            let text = std::str::from_utf8(data).unwrap();
            match joined.last_mut() {
                Some((last, sum)) if *last == kind && kind != 'm' => sum.push_str(text),
                _ => joined.push((kind, text.to_owned())),
            }
        }
        joined
    }

    /// Replaces `{` and `}` by the tokens.
    fn output(text: &str) -> Vec<u8> {
        let token = |token| std::str::from_utf8(token).unwrap();
        text.replace('{', token(BEGIN)).replace('}', token(END)).into_bytes()
    }

    /// What the reference makes of these, given in one read.
    const ROWS: &[(&str, &[(char, &str)])] = &[
        ("", &[]),
        ("plain", &[('p', "plain")]),
        ("a{msg}z", &[('p', "a"), ('c', "msg"), ('m', "msg"), ('p', "z")]),
        ("{}", &[('m', "")]),
        ("{a}{b}", &[('c', "a"), ('m', "a"), ('c', "b"), ('m', "b")]),
        ("{never ends", &[('c', "never ends")]),
        ("<!--XSUP<!--XSUPERVISOR:BEGIN--", &[('p', "<!--XSUP<!--XSUPERVISOR:BEGIN--")]),
        ("<<{<<}<<", &[('p', "<<"), ('c', "<<"), ('m', "<<"), ('p', "<<")]),
    ];

    // D-443, D-444, E-048
    #[test]
    fn text_is_cut_at_the_tokens_wherever_the_reads_end() {
        for (text, pieces) in ROWS {
            let input = output(text);
            let expected: Vec<_> = pieces.iter().map(|(kind, text)| (*kind, (*text).to_owned())).collect();
            let scanner = || CaptureScanner::new(1000, false);
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            assert_eq!(scan(scanner(), &bytes), expected, "{text}, byte by byte");
            for cut in 0..=input.len() {
                let chunks = [&input[..cut], &[], &input[cut..]];
                assert_eq!(scan(scanner(), &chunks), expected, "{text}, cut at {cut}");
            }
        }
    }

    // D-443: the other token is text.
    #[test]
    fn only_the_token_that_is_looked_for_counts() {
        let nested = scan(CaptureScanner::new(1000, false), &[&output("}x{in{n}y")]);
        let text = |text: &str| String::from_utf8(output(text)).unwrap();
        let expected = [('p', text("}x")), ('c', text("in{n")), ('m', text("in{n")), ('p', text("y"))];
        assert_eq!(nested, expected);
    }

    // D-443
    #[test]
    fn a_message_is_its_newest_bytes() {
        let last = |max, chunks: &[&[u8]]| scan(CaptureScanner::new(max, false), chunks).pop().unwrap().1;
        assert_eq!(last(4, &[&output("{0123456789}")]), "6789");
        assert_eq!(last(4, &[&output("{01"), b"234", b"5", &output("6}")]), "3456");
        assert_eq!(last(0, &[&output("{01}")]), "");
        assert_eq!(last(usize::MAX, &[&output("{01}")]), "01");
    }

    #[test]
    fn a_message_shares_the_memory_it_was_read_into_if_it_is_much_of_it() {
        let message = |before: usize| {
            let read = Bytes::from(output(&format!("{}{{0123456789}}", "-".repeat(before))));
            let (from, to) = (read.as_ptr(), read.as_ptr_range().end);
            let mut pieces = Vec::new();
            CaptureScanner::new(8, false).push(read, &mut pieces);
            match pieces.pop() {
                Some(Piece::Message(text)) => (text.clone(), (from..to).contains(&text.as_ptr())),
                other => panic!("{other:?}"),
            }
        };
        let newest = Bytes::from_static(b"23456789");
        assert_eq!(message(50), (newest.clone(), true));
        assert_eq!(message(500), (newest, false));
    }

    // D-444, ours
    #[test]
    fn only_what_may_be_a_token_is_held_back() {
        let mut scanner = CaptureScanner::new(10, false);
        let mut pieces = Vec::new();
        scanner.push(Bytes::from_static(b"ab<!--XSUPERVISOR:"), &mut pieces);
        assert_eq!(pieces, [Piece::Plain(Bytes::from_static(b"ab"))]);
        pieces.clear();
        scanner.push(Bytes::from_static(b"BEGIN--"), &mut pieces);
        assert_eq!(pieces, []);
        scanner.push(Bytes::from_static(b"!"), &mut pieces);
        let held = Bytes::from_static(b"<!--XSUPERVISOR:BEGIN--");
        assert_eq!(pieces, [Piece::Plain(held), Piece::Plain(Bytes::from_static(b"!"))]);
    }

    // D-440 with D-443: the buffer and the events get what is stripped; tokens end sequences.
    #[test]
    fn escape_sequences_are_stripped_between_the_tokens() {
        let input = output("\x1b[1mk\x1b{\x1b[2mcol\x1b[}e\x1b[0m");
        let expected = [('p', "k\x1b"), ('c', "col"), ('m', "col"), ('p', "e")];
        let expected = expected.map(|(kind, text)| (kind, text.to_owned()));
        for cut in 0..=input.len() {
            let scanner = CaptureScanner::new(3, true);
            assert_eq!(scan(scanner, &[&input[..cut], &input[cut..]]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_scanner_begins_anew_after_the_end() {
        let mut scanner = CaptureScanner::new(10, false);
        let mut pieces = Vec::new();
        scanner.push(output("{old").into(), &mut pieces);
        scanner.finish(&mut pieces);
        pieces.clear();
        scanner.push(output("x{new}").into(), &mut pieces);
        assert_eq!(pieces.first(), Some(&Piece::Plain(Bytes::from_static(b"x"))));
        assert_eq!(pieces.last(), Some(&Piece::Message(Bytes::from_static(b"new"))));
    }

    /// What [`CaptureScanner::release`] and [`begun`] rely on.
    #[test]
    fn tokens_have_one_angle_bracket_at_their_begin() {
        for token in [BEGIN, END] {
            assert_eq!(memrchr(b'<', token), Some(0));
        }
    }
}
