//! Escape sequences: how the output is cut into reads makes no difference, and nothing is added to it.

use supervisor::wire::ansi::AnsiStripper;

use crate::cuts::Cut;

fn strip(reads: &[&[u8]]) -> Vec<u8> {
    let mut stripper = AnsiStripper::default();
    let mut out = Vec::new();
    for read in reads {
        let (plain, before) = (stripper.is_plain(read), out.len());
        stripper.strip(read, &mut out);
        assert!(!plain || out[before..] == **read, "plain input was changed");
    }
    stripper.finish(&mut out);
    assert!(!stripper.holds_back());
    out
}

fn is_part_of(part: &[u8], whole: &[u8]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|byte| rest.any(|it| it == byte))
}

/// One run.
pub fn run(input: Cut<'_>) {
    let whole = strip(&[input.whole]);
    assert_eq!(strip(&input.reads()), whole);
    assert!(is_part_of(&whole, input.whole));
    assert!(input.whole.contains(&0x1b) || whole == input.whole);
}
