//! The event listener protocol's bytes: the envelope that goes out, the tokens that come back
//! (events.md, sections 3 and 5).

/// What a listener says when it wants an event.
pub const READY: &[u8] = b"READY\n";

/// The beginning of the line that announces a result.
const RESULT: &[u8] = b"RESULT ";

/// Who sends an event, and which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The daemon's identifier, as it is (E-061).
    pub server: &'a str,
    /// The daemon's number of the event (E-066).
    pub serial: u64,
    /// The pool's name.
    pub pool: &'a str,
    /// The pool's number of the event (E-067).
    pub poolserial: u64,
    /// The event's type.
    pub eventname: &'a str,
}

impl Header<'_> {
    /// Appends the line that a listener gets; then the payload comes, and nothing after it (E-060). `len` is
    /// the payload's length in characters, not bytes (E-062).
    pub fn write(&self, len: usize, out: &mut Vec<u8>) {
        let mut number = itoa::Buffer::new();
        out.extend_from_slice(b"ver:3.0 server:");
        out.extend_from_slice(self.server.as_bytes());
        out.extend_from_slice(b" serial:");
        out.extend_from_slice(number.format(self.serial).as_bytes());
        out.extend_from_slice(b" pool:");
        out.extend_from_slice(self.pool.as_bytes());
        out.extend_from_slice(b" poolserial:");
        out.extend_from_slice(number.format(self.poolserial).as_bytes());
        out.extend_from_slice(b" eventname:");
        out.extend_from_slice(self.eventname.as_bytes());
        out.extend_from_slice(b" len:");
        out.extend_from_slice(number.format(len).as_bytes());
        out.push(b'\n');
    }
}

/// The length of the body that a result line (without its line feed) announces, if it is one (E-106).
/// Blanks around the number, a plus sign and leading zeros are let pass (E-107); a number that no
/// memory could hold stands for the greatest one.
pub fn result_length(line: &[u8]) -> Option<usize> {
    let number = line.strip_prefix(RESULT)?.trim_ascii();
    let digits = number.strip_prefix(b"+").unwrap_or(number);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: usize, digit: &u8| sum.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
    Some(digits.iter().fold(0, add))
}

#[cfg(test)]
mod tests {
    use super::*;

    // E-060, E-061, E-066, E-067
    #[test]
    fn the_line_before_a_payload() {
        let header = Header { server: "s", serial: 21, pool: "l", poolserial: 10, eventname: "TICK_5" };
        let mut line = Vec::new();
        header.write(3, &mut line);
        let expected = "ver:3.0 server:s serial:21 pool:l poolserial:10 eventname:TICK_5 len:3\n";
        assert_eq!(String::from_utf8(line).unwrap(), expected);
    }

    // E-106 to E-108, E-112
    #[test]
    fn result_lines() {
        let length = |line: &str| result_length(line.as_bytes());
        for (line, expected) in [
            ("RESULT 2", Some(2)),
            ("RESULT  002\r", Some(2)),
            ("RESULT +4", Some(4)),
            ("RESULT 0", Some(0)),
            ("RESULT 99999999999999999999999", Some(usize::MAX)),
            ("RESULT -1", None),
            ("RESULT ", None),
            ("RESULT", None),
            ("RESULT 2 2", None),
            ("RESULTS2", None),
            ("OK", None),
        ] {
            assert_eq!(length(line), expected, "{line}");
        }
    }
}
