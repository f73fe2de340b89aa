//! Strips terminal escape sequences from output (`strip_ansi`, D-440).
//!
//! A sequence is ESC `[` and everything up to and including the next byte of a fixed set. It is not
//! looked at closely: what stands between is swallowed, whatever it is. An ESC without `[` is text.
//! Ours: a sequence may be spread over any number of chunks, so a chunk that ends in ESC holds it back.

use bytes::Bytes;
use memchr::memchr;

const ESC: u8 = 0x1b;

/// Whether a byte ends a sequence.
const ENDS: [bool; 256] = {
    let set = b"HfABCDRsuJKhlpm";
    let mut ends = [false; 256];
    let mut i = 0;
    while i < set.len() {
        ends[set[i] as usize] = true;
        i += 1;
    }
    ends
};

/// Strips the escape sequences from one channel's output, chunk by chunk.
#[derive(Clone, Debug, Default)]
pub struct AnsiStripper {
    within: Within,
}

/// What the chunks so far end in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Text,
    /// An ESC that is held back.
    Escape,
    Sequence,
}

impl AnsiStripper {
    /// Whether `input` would come out unchanged: the caller may pass it on without a copy.
    pub fn is_plain(&self, input: &[u8]) -> bool {
        self.within == Within::Text && memchr(ESC, input).is_none()
    }

    /// Whether an ESC is held back that may or may not begin a sequence.
    pub fn holds_back(&self) -> bool {
        self.within == Within::Escape
    }

    /// Appends to `out` what is left of `input`.
    pub fn strip(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut rest = input;
        while !rest.is_empty() {
            rest = match self.within {
                Within::Text => self.take_text(rest, out),
                Within::Escape => self.take_escaped(rest, out),
                Within::Sequence => self.take_sequence(rest),
            };
        }
    }

    /// What is left of `input`, without a copy if that is all of it.
    pub fn strip_bytes(&mut self, input: Bytes) -> Bytes {
        if self.is_plain(&input) {
            return input;
        }
        let mut out = Vec::with_capacity(input.len() + 1);
        self.strip(&input, &mut out);
        out.into()
    }

    /// The output ends here: appends what was held back. An open sequence is lost, and what comes next
    /// is text again.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.within) == Within::Escape {
            out.push(ESC);
        }
    }

    fn take_text<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let Some(at) = memchr(ESC, input) else {
            out.extend_from_slice(input);
            return &[];
        };
        out.extend_from_slice(&input[..at]);
        self.within = Within::Escape;
        &input[at + 1..]
    }

    fn take_escaped<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        if let Some(rest) = input.strip_prefix(b"[") {
            self.within = Within::Sequence;
            return rest;
        }
        out.push(ESC);
        self.within = Within::Text;
        input
    }

    fn take_sequence<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let Some(at) = input.iter().position(|byte| ENDS[usize::from(*byte)]) else {
            return &[];
        };
        self.within = Within::Text;
        &input[at + 1..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip(chunks: &[&[u8]]) -> String {
        let mut stripper = AnsiStripper::default();
        let mut out = Vec::new();
        for chunk in chunks {
            stripper.strip(chunk, &mut out);
        }
        stripper.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// Input and what the reference makes of it as one chunk.
    const ROWS: &[(&[u8], &str)] = &[
        (b"", ""),
        (b"plain", "plain"),
        (b"\x1b[31mred\x1b[0m.", "red."),
        (b"\x1b[mx", "x"),
        (b"a\x1b[2Jb\x1b[1;2Hc\x1b[?25ld", "abcd"),
        (b"\x1b[Ex\x1b[Km", "m"),
        (b"\x1b[1m\x1b[2mx\x1b[My", "x"),
        (b"\x1b(B and \x1b]0;title\x07", "\x1b(B and \x1b]0;title\x07"),
        (b"\x1b\x1b[1mx", "\x1bx"),
        (b"\x1b[\x1b[1mx", "x"),
        (b"[31m", "[31m"),
        (b"end\x1b", "end\x1b"),
        (b"end\x1b[", "end"),
        (b"end\x1b[3", "end"),
    ];

    // D-440
    #[test]
    fn complete_input_is_stripped_as_the_reference_does() {
        for (input, output) in ROWS {
            assert_eq!(strip(&[input]), *output, "{input:?}");
        }
    }

    // D-440, ours
    #[test]
    fn chunks_make_no_difference() {
        for (input, _) in ROWS {
            let whole = strip(&[input]);
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            assert_eq!(strip(&bytes), whole, "{input:?}");
            for cut in 0..input.len() {
                assert_eq!(strip(&[&input[..cut], &[], &input[cut..]]), whole, "{input:?} at {cut}");
            }
        }
    }

    #[test]
    fn plain_input_is_passed_on_as_it_is() {
        let mut stripper = AnsiStripper::default();
        let input = Bytes::from_static(b"plain");
        assert_eq!(stripper.strip_bytes(input.clone()).as_ptr(), input.as_ptr());
        assert_eq!(stripper.strip_bytes(Bytes::from_static(b"x\x1b[3")), "x");
        assert!(!stripper.is_plain(b"1m"));
        assert_eq!(stripper.strip_bytes(Bytes::from_static(b"1my")), "y");
        assert!(stripper.is_plain(b"1m"));
    }

    #[test]
    fn nothing_is_carried_over_an_end() {
        let mut stripper = AnsiStripper::default();
        let mut out = Vec::new();
        stripper.strip(b"a\x1b[", &mut out);
        stripper.finish(&mut out);
        stripper.strip(b"31mb", &mut out);
        assert_eq!(out, b"a31mb");
    }
}
