//! The capture scanner: however the output is cut into reads, the same pieces come of it, and without
//! stripping they and the tokens are the output again.

use arbitrary::Arbitrary;
use bytes::Bytes;
use supervisor::wire::capture::{CaptureScanner, Piece};

use crate::cuts::Cut;

const BEGIN: &[u8] = b"<!--XSUPERVISOR:BEGIN-->";
const END: &[u8] = b"<!--XSUPERVISOR:END-->";

/// What a run is given.
#[derive(Arbitrary, Debug)]
pub struct Input<'a> {
    strip: bool,
    max_bytes: u8,
    output: Cut<'a>,
}

/// What the pieces amount to: neighbours of a kind joined.
#[derive(Debug, PartialEq)]
enum Part {
    Plain(Vec<u8>),
    Captured(Vec<u8>),
    Message(Vec<u8>),
}

fn scan(input: &Input<'_>, reads: &[&[u8]]) -> Vec<Part> {
    let mut scanner = CaptureScanner::new(input.max_bytes.into(), input.strip);
    let mut pieces = Vec::new();
    reads.iter().for_each(|read| scanner.push(Bytes::copy_from_slice(read), &mut pieces));
    scanner.finish(&mut pieces);
    assert!(!scanner.holds_back());
    pieces.iter().fold(Vec::new(), join)
}

fn join(mut parts: Vec<Part>, piece: &Piece) -> Vec<Part> {
    match (parts.last_mut(), piece) {
        (_, Piece::Plain(text) | Piece::Captured(text)) if text.is_empty() => panic!("an empty piece"),
        (Some(Part::Plain(before)), Piece::Plain(text)) => before.extend_from_slice(text),
        (Some(Part::Captured(before)), Piece::Captured(text)) => before.extend_from_slice(text),
        (_, Piece::Plain(text)) => parts.push(Part::Plain(text.to_vec())),
        (_, Piece::Captured(text)) => parts.push(Part::Captured(text.to_vec())),
        (_, Piece::Message(text)) => parts.push(Part::Message(text.to_vec())),
    }
    parts
}

/// Messages are the newest bytes of what was captured before them.
fn check_messages(parts: &[Part], max_bytes: usize) {
    let mut captured: &[u8] = &[];
    for part in parts {
        match part {
            Part::Captured(text) => captured = text,
            Part::Message(text) => {
                assert_eq!(text, &captured[captured.len().saturating_sub(max_bytes)..]);
                captured = &[];
            }
            Part::Plain(_) => {}
        }
    }
}

/// The plain way to do it: the whole output at hand, one search after the other.
fn expected(output: &[u8], max_bytes: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = output;
    let mut capturing = false;
    loop {
        let token = if capturing { END } else { BEGIN };
        let found = rest.windows(token.len()).position(|it| it == token);
        let text = &rest[..found.unwrap_or(rest.len())];
        if !text.is_empty() {
            let part = if capturing { Part::Captured } else { Part::Plain };
            parts.push(part(text.to_vec()));
        }
        if capturing && found.is_some() {
            parts.push(Part::Message(text[text.len().saturating_sub(max_bytes)..].to_vec()));
        }
        let Some(at) = found else { return parts };
        rest = &rest[at + token.len()..];
        capturing = !capturing;
    }
}

/// One run.
pub fn run(input: Input<'_>) {
    let parts = scan(&input, &[input.output.whole]);
    assert_eq!(scan(&input, &input.output.reads()), parts);
    check_messages(&parts, input.max_bytes.into());
    if !input.strip {
        assert_eq!(parts, expected(input.output.whole, input.max_bytes.into()));
    }
}
