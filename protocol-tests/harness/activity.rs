//! The activity log as records (D-460).

use chrono::NaiveDateTime;

/// One record; what follows the first line belongs to its text (D-462).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, in milliseconds.
    pub at: i64,
    /// The four letters of its level.
    pub level: String,
    /// The message.
    pub text: String,
}

impl Record {
    /// Level and message.
    pub fn line(&self) -> String {
        format!("{} {}", self.level, self.text)
    }
}

/// The records of a log; lines before the first are left out.
pub fn records(log: &str) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for line in log.lines() {
        match (record(line), records.last_mut()) {
            (Some(record), _) => records.push(record),
            (None, Some(last)) => {
                last.text.push('\n');
                last.text.push_str(line);
            }
            (None, None) => {}
        }
    }
    records
}

/// Reads `2026-01-31 13:05:09,042 INFO message`.
pub fn record(line: &str) -> Option<Record> {
    let (stamp, rest) = line.split_at_checked(24)?;
    let time = NaiveDateTime::parse_from_str(stamp.trim_end(), "%Y-%m-%d %H:%M:%S,%3f").ok()?;
    let (level, text) = rest.split_at_checked(5)?;
    let level = level.strip_suffix(' ')?;
    level.chars().all(|it| it.is_ascii_uppercase()).then(|| Record {
        at: time.and_utc().timestamp_millis(),
        level: level.to_owned(),
        text: text.to_owned(),
    })
}
