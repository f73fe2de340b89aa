//! The body of an event as listeners get it.

use std::borrow::Cow;
use std::fmt;

use crate::model::name::ProcessName;
use crate::model::pyrepr;

/// The body of an event: UTF-8 text. What a process has written is in a part of its own, as the event has it,
/// so that it is copied nowhere on its way to the listeners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload<'a> {
    head: &'a str,
    data: &'a [u8],
    chars: usize,
}

impl<'a> Payload<'a> {
    /// All of it in one part.
    pub(super) fn whole(text: &'a str) -> Self {
        Self { head: text, data: &[], chars: count(text) }
    }

    /// Its two parts, one right after the other.
    pub fn parts(&self) -> [&'a [u8]; 2] {
        [self.head.as_bytes(), self.data]
    }

    /// Its length in characters (E-062).
    pub fn chars(&self) -> usize {
        self.chars
    }

    /// What a process has said, under a line about the process: `more` is between that and the line's end.
    /// Put together by hand, since there is no event of which there are more.
    pub(super) fn said(
        process: &ProcessName,
        pid: i32,
        more: [&str; 2],
        data: &'a [u8],
        head: &'a mut String,
    ) -> Self {
        head.push_str("processname:");
        head.push_str(process.name());
        head.push_str(" groupname:");
        head.push_str(process.group());
        head.push_str(" pid:");
        head.push_str(itoa::Buffer::new().format(pid));
        for more in more {
            head.push_str(more);
        }
        head.push('\n');
        match characters(data) {
            Some(chars) => Self { chars: count(head) + chars, head, data },
            None => {
                head.push_str(&text(data));
                Self::whole(head)
            }
        }
    }
}

impl fmt::Display for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.head, String::from_utf8_lossy(self.data))
    }
}

fn count(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
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
            let mut head = String::new();
            let payload = Payload::said(&process, 7, [" channel:", "stdout"], data, &mut head);
            let text = String::from_utf8(payload.parts().concat()).unwrap();
            assert_eq!(text, payload.to_string());
            assert_eq!(text.chars().count(), payload.chars());
            let expected =
                format!("processname:p\u{e9} groupname:g pid:7 channel:stdout\n{}", super::text(data));
            assert_eq!(text, expected);
        }
    }
}
