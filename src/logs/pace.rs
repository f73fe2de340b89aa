//! How a channel is read: who says little, and how often.

use std::time::{Duration, Instant};

/// A read of less than this from a busy pipe is short writes: worth gathering.
pub(super) const SHORT: usize = 4096;
/// A pipe is busy if it is read more often than this.
pub(super) const BUSY: Duration = Duration::from_millis(2);

/// How the last two reads went.
#[derive(Default)]
pub(super) struct Pace {
    at: Option<Instant>,
    /// Between them; none if there was but one.
    gap: Option<Duration>,
    bytes: usize,
    /// Something was for the log file, the last time.
    logged: bool,
}

impl Pace {
    /// So much was read.
    pub fn note(&mut self, now: Instant, bytes: usize) {
        let gap = self.at.map(|at| now - at);
        *self = Self { at: Some(now), gap, bytes, logged: false };
    }

    /// Some of it is for the log file.
    pub fn note_logged(&mut self) {
        self.logged = true;
    }

    /// Whether there was little, and soon after the time before: worth gathering.
    pub fn is_busy_with_little(&self) -> bool {
        self.bytes < SHORT && !self.is_seldom(BUSY)
    }

    /// Whether there was little, nothing of it for a file, and at least so long after the time before.
    pub fn is_quiet(&self, gap: Duration) -> bool {
        self.bytes < SHORT && !self.logged && self.is_seldom(gap)
    }

    fn is_seldom(&self, gap: Duration) -> bool {
        self.gap.is_none_or(|was| was >= gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_and_quiet() {
        let begin = Instant::now();
        let mut pace = Pace::default();
        assert!(pace.is_quiet(BUSY));
        let mut read = |millis, bytes| {
            pace.note(begin + Duration::from_millis(millis), bytes);
            (pace.is_quiet(BUSY), pace.is_busy_with_little())
        };
        assert_eq!(read(0, 10), (true, false));
        assert_eq!(read(1, 10), (false, true));
        assert_eq!(read(3, 10), (true, false));
        assert_eq!(read(4, SHORT), (false, false));
        assert_eq!(read(40, SHORT), (false, false));
        assert_eq!(read(42, SHORT - 1), (true, false));
        pace.note_logged();
        assert!(!pace.is_quiet(BUSY));
    }
}
