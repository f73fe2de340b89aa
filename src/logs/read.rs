//! Reading from a log file: which part a client means, and getting it.
//!
//! Only the file under its name counts, rotated ones are not looked at (C-291). All of this may block:
//! it is for workers.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// Most bytes in one answer. A log that is never rotated must not fill the daemon's memory.
pub const MAX_EXCERPT: u64 = 64 << 20;

/// Which part of a log is wanted, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// From an offset, or so many at the end (C-284 to C-288).
    Read {
        /// From the start; negative: as many bytes at the end.
        offset: i64,
        /// How many; 0: all.
        length: i64,
    },
    /// What came after an offset, or the newest where that is too much (C-290).
    Tail {
        /// From the start.
        offset: i64,
        /// How many.
        length: i64,
    },
}

/// A part of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The bytes; they may begin or end within a character.
    pub data: Vec<u8>,
    /// Size of the log.
    pub size: u64,
    /// There was more after the offset than was asked for (C-290).
    pub overflow: bool,
}

/// Why there is nothing to read.
#[derive(Debug)]
pub enum ReadError {
    /// The file is missing.
    Missing,
    /// It cannot be read, or is no regular file.
    Failed(io::Error),
    /// There is no such part (C-287, C-288).
    BadWindow,
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::NotFound { Self::Missing } else { Self::Failed(error) }
    }
}

/// Reads a part of a file.
pub fn read(path: &Path, window: Window) -> Result<Excerpt, ReadError> {
    if !fs::metadata(path)?.is_file() {
        return Err(ReadError::Failed(ErrorKind::InvalidInput.into()));
    }
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let span = window.span(size).ok_or(ReadError::BadWindow)?;
    let mut data = Vec::with_capacity(usize::try_from(span.length).unwrap_or(0));
    file.seek(SeekFrom::Start(span.start))?;
    file.take(span.length).read_to_end(&mut data)?;
    Ok(Excerpt { data, size, overflow: span.overflow })
}

/// What is to be read, all of it within the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u64,
    length: u64,
    overflow: bool,
}

impl Window {
    fn span(self, size: u64) -> Option<Span> {
        match self {
            Self::Read { offset, length } => read_span(offset, length, size),
            Self::Tail { offset, length } => Some(tail_span(offset, length, size)),
        }
    }
}

fn read_span(offset: i64, length: i64, size: u64) -> Option<Span> {
    let (start, length) = match (u64::try_from(offset), u64::try_from(length).ok()?) {
        (Ok(offset), 0) => (offset, MAX_EXCERPT),
        (Ok(offset), length) => (offset, length),
        (Err(_), 0) => (size.saturating_sub(offset.unsigned_abs().min(MAX_EXCERPT)), MAX_EXCERPT),
        (Err(_), _) => return None,
    };
    Some(Span::within(start, length, size, false))
}

/// The reference's arithmetic, step by step (C-290). In 128 bits nothing overflows.
fn tail_span(offset: i64, length: i64, size: u64) -> Span {
    let (mut offset, mut length, end) = (i128::from(offset), i128::from(length), i128::from(size));
    let overflow = end > offset + length;
    if overflow {
        offset = end - 1;
    }
    if offset + length > end {
        if offset > end - 1 {
            length = 0;
        }
        offset = end - length;
    }
    let bytes = |n: i128| u64::try_from(n.max(0)).unwrap_or(u64::MAX);
    Span::within(bytes(offset), bytes(length), size, overflow)
}

impl Span {
    fn within(start: u64, length: u64, size: u64, overflow: bool) -> Self {
        let start = start.min(size);
        Self { start, length: length.min(size - start).min(MAX_EXCERPT), overflow }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    fn excerpt(text: &str, window: Window) -> (String, u64, bool) {
        let file = log(text);
        let excerpt = read(file.path(), window).unwrap();
        (String::from_utf8(excerpt.data).unwrap(), excerpt.size, excerpt.overflow)
    }

    // C-284 to C-288
    #[test]
    fn reading() {
        let text = |offset, length| excerpt("0123456789", Window::Read { offset, length }).0;
        assert_eq!(text(0, 0), "0123456789");
        assert_eq!(text(4, 0), "456789");
        assert_eq!(text(10, 0), "");
        assert_eq!(text(i64::MAX, 0), "");
        assert_eq!(text(4, 3), "456");
        assert_eq!(text(8, i64::MAX), "89");
        assert_eq!(text(-3, 0), "789");
        assert_eq!(text(-30, 0), "0123456789");
        assert_eq!(text(i64::MIN, 0), "0123456789");
        for (offset, length) in [(-1, 1), (-1, -1), (0, -1), (5, i64::MIN)] {
            let refused = read(log("x").path(), Window::Read { offset, length });
            assert!(matches!(refused, Err(ReadError::BadWindow)), "{offset} {length}");
        }
    }

    // C-290; expected values are those of the reference
    #[test]
    fn tailing() {
        let rows = [
            (0, 10, "0123456789", false),
            (0, 0, "", true),
            (0, 4, "6789", true),
            (5, 6, "456789", false),
            (20, 5, "", false),
            (10, 5, "", false),
            (9, 1, "9", false),
            (-5, 3, "789", true),
            (3, -1, "", true),
            (20, -5, "", false),
            (0, 1000, "0123456789", false),
            (i64::MAX, i64::MAX, "", false),
        ];
        for (offset, length, text, overflow) in rows {
            let got = excerpt("0123456789", Window::Tail { offset, length });
            assert_eq!(got, (text.to_owned(), 10, overflow), "{offset} {length}");
        }
        assert_eq!(excerpt("", Window::Tail { offset: 0, length: 5 }), (String::new(), 0, false));
    }

    #[test]
    fn what_can_not_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let all = Window::Read { offset: 0, length: 0 };
        assert!(matches!(read(&dir.path().join("none"), all), Err(ReadError::Missing)));
        assert!(matches!(read(dir.path(), all), Err(ReadError::Failed(_))));
    }
}
