//! Cuts a channel's output into the lines that go to syslog (D-441).

use crate::sys::syslog;

/// A line that goes on for longer than this is sent in parts.
const MAX_LINE: usize = 8 * 1024;

/// Sends `name line` for each line of a channel's output.
pub(super) struct SyslogLines {
    name: String,
    partial: Vec<u8>,
}

impl SyslogLines {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), partial: Vec::new() }
    }

    /// Whether the begin of a line waits for its end.
    pub(super) fn holds_back(&self) -> bool {
        !self.partial.is_empty()
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        for piece in data.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.partial.len() > MAX_LINE {
                self.finish();
            }
        }
    }

    /// Sends what there is of a line.
    pub(super) fn finish(&mut self) {
        if !self.partial.is_empty() {
            let line = self.partial.strip_suffix(b"\n").unwrap_or(&self.partial);
            syslog::send(&[self.name.as_bytes(), b" ", line].concat());
        }
        self.partial.clear();
    }
}
