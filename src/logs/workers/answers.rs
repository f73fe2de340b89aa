//! Answers that jobs have left, and when whoever waits for them is told: decided without threads.

use std::time::{Duration, Instant};

/// While further jobs wait, answers are told so late: whoever takes them is woken once for many.
const LAG: Duration = Duration::from_millis(1);

/// Answers that nobody was told of.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// When the first of them was left.
    since: Option<Instant>,
}

impl Answers {
    /// A job has left an answer.
    pub fn left(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// Whether they are to be told now; they are told then. `more`: another job follows at once.
    pub fn take_due(&mut self, now: Instant, more: bool) -> bool {
        let lag = if more { LAG } else { Duration::ZERO };
        self.since.take_if(|since| now.saturating_duration_since(*since) >= lag).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_once_and_at_once_where_nothing_follows() {
        let (mut answers, now) = (Answers::default(), Instant::now());
        assert!(!answers.take_due(now, false));
        answers.left(now);
        assert!(answers.take_due(now, false));
        assert!(!answers.take_due(now, false));
    }

    #[test]
    fn answers_of_a_millisecond_are_told_together_where_more_follows() {
        let (mut answers, now) = (Answers::default(), Instant::now());
        let after = |micros| now + Duration::from_micros(micros);
        answers.left(now);
        assert!(!answers.take_due(now, true));
        answers.left(after(999));
        assert!(!answers.take_due(after(999), true));
        answers.left(after(1000));
        assert!(answers.take_due(after(1000), true));
        assert!(!answers.take_due(after(1000), false));
    }
}
