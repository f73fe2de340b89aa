//! How long things took, counted.

use std::time::Duration;

/// The bounds that are counted by: a listener may answer at once, or work for minutes.
const BOUNDS: [Duration; 14] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(300),
];

/// Spans of time: how many there were, by their length, and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// Up to each bound and beyond the one before it.
    counts: [u64; BOUNDS.len()],
    longer: u64,
    sum: Duration,
}

impl Spans {
    /// One more.
    pub fn add(&mut self, span: Duration) {
        let bound = BOUNDS.iter().position(|bound| span <= *bound);
        *bound.map_or(&mut self.longer, |at| &mut self.counts[at]) += 1;
        self.sum += span;
    }

    /// How many were up to each bound.
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> {
        let mut count = 0;
        BOUNDS.iter().zip(self.counts).map(move |(bound, more)| {
            count += more;
            (*bound, count)
        })
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.longer
    }

    /// How long all of them were together.
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_counted_up_to_each_bound() {
        let mut spans = Spans::default();
        assert_eq!((spans.count(), spans.sum()), (0, Duration::ZERO));
        for millis in [1, 0, 2, 300_000, 300_001] {
            spans.add(Duration::from_millis(millis));
        }
        let up_to = |millis| spans.cumulative().find(|(bound, _)| bound.as_millis() == millis).unwrap().1;
        assert_eq!([0, 1, 5, 30_000, 300_000].map(up_to), [1, 2, 3, 3, 4]);
        assert_eq!((spans.count(), spans.sum()), (5, Duration::from_millis(600_004)));
    }
}
