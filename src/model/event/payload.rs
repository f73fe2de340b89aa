//! The body of an event as listeners get it.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::model::name::ProcessName;
use crate::model::pyrepr;

/// The body of an event: UTF-8 text. What a process has written is in a part of its own, so that it is
/// copied nowhere on its way to the listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    head: String,
    data: Bytes,
    chars: usize,
}

impl Payload {
    /// Its two parts, one right after the other.
    pub fn parts(&self) -> [&[u8]; 2] {
        [self.head.as_bytes(), &self.data]
    }

    /// Its length in characters (E-062).
    pub fn chars(&self) -> usize {
        self.chars
    }

    /// What a process has said, under a line about the process: `more` is between that and the line's end.
    /// Put together by hand, since there is no event of which there are more.
    pub(super) fn said(process: &ProcessName, pid: i32, more: [&str; 2], data: &Bytes) -> Self {
        let mut digits = itoa::Buffer::new();
        let (name, group, pid) = (process.name(), process.group(), digits.format(pid));
        let line =
            ["processname:", name, " groupname:", group, " pid:", pid, more[0], more[1], "\n"].concat();
        match characters(data) {
            Some(chars) => Self { chars: line.chars().count() + chars, head: line, data: data.clone() },
            None => (line + &text(data)).into(),
        }
    }
}

impl From<String> for Payload {
    fn from(head: String) -> Self {
        Self { chars: head.chars().count(), head, data: Bytes::new() }
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.head, String::from_utf8_lossy(&self.data))
    }
}

/// How many characters they are, if they are UTF-8.
fn characters(data: &[u8]) -> Option<usize> {
    if data.is_ascii() {
        return Some(data.len());
    }
    std::str::from_utf8(data).ok().map(|text| text.chars().count())
}

/// Data as text (E-064).
pub(super) fn text(data: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(data) {
        Ok(text) => text.into(),
        Err(_) => format!("Undecodable: {}", pyrepr::bytes(data)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // E-062, E-064
    #[test]
    fn characters_are_counted_whether_the_data_is_text_or_not() {
        let process = ProcessName::new("g".into(), "p\u{e9}");
        for data in [&b""[..], b"plain\n", "\u{1f600}\u{e9}\n".as_bytes(), b"\xff\xc3"] {
            let payload = Payload::said(&process, 7, [" channel:", "stdout"], &Bytes::copy_from_slice(data));
            let text = String::from_utf8(payload.parts().concat()).unwrap();
            assert_eq!(text, payload.to_string());
            assert_eq!(text.chars().count(), payload.chars());
            let expected =
                format!("processname:p\u{e9} groupname:g pid:7 channel:stdout\n{}", super::text(data));
            assert_eq!(text, expected);
        }
    }
}
