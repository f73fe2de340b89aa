//! Children's output on the daemon's own stdout, as two plugins print it (E-126).

use chrono::DateTime;

use crate::machine::result::Printout;
use crate::model::time::WallTime;

/// `supervisor_stdout`: the data as it is behind `process channel | `. Its print adds no line feed, but a
/// blank where the text before did not end its line.
pub(super) fn behind_speaker(printout: &Printout, mid_line: bool) -> Vec<u8> {
    let Printout { process, channel, data, .. } = printout;
    let blank = if mid_line { " " } else { "" };
    let mut text = format!("{blank}{process} {channel} | ").into_bytes();
    text.extend_from_slice(data);
    text
}

/// `supervisor_console`: every line behind `process | time | `, the time in UTC.
pub(super) fn stamped_lines(printout: &Printout, at: WallTime) -> Vec<u8> {
    let time = DateTime::from_timestamp(at.secs(), 0).unwrap_or_default().format("%Y-%m-%d %H:%M:%S");
    let head = format!("{} | {time} | ", printout.process);
    let mut text = Vec::with_capacity(printout.data.len() + head.len());
    for line in lines(&printout.data) {
        text.extend_from_slice(head.as_bytes());
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    if text.is_empty() { vec![b'\n'] } else { text }
}

/// Lines that end with `\n`, `\r\n` or `\r`; what follows the last end is a line if there is any of it.
fn lines(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = memchr::memchr2(b'\n', b'\r', data).unwrap_or(data.len());
        let line = &data[..end];
        let next = match &data[end..] {
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
            [] if line.is_empty() => return None,
            [] => &[],
        };
        data = next;
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::result::ResultHandler;

    fn printout(data: &'static str) -> Printout {
        Printout {
            style: ResultHandler::Stdout,
            process: "web".into(),
            channel: "stderr".into(),
            data: data.into(),
        }
    }

    // E-126
    #[test]
    fn the_first_plugin_prints_data_as_it_is() {
        assert_eq!(behind_speaker(&printout("a\nb"), false), b"web stderr | a\nb");
        assert_eq!(behind_speaker(&printout("c\n"), true), b" web stderr | c\n");
    }

    // E-126
    #[test]
    fn the_second_plugin_prints_lines() {
        let at = WallTime::from_nanos(1_000_000_000_000_000_000);
        let text = |data| String::from_utf8(stamped_lines(&printout(data), at)).unwrap();
        let line = |line: &str| format!("web | 2001-09-09 01:46:40 | {line}\n");
        assert_eq!(text("a\r\nb\n\nc"), [line("a"), line("b"), line(""), line("c")].concat());
        assert_eq!(text(""), "\n");
    }
}
