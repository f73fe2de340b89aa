//! Points in time as plain values. Nobody on the lower floors reads a clock: `now` is an argument.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point on the monotonic clock, in nanoseconds since an arbitrary origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The first moment that is later than this one: "more than n seconds" as a deadline.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub<Moment> for Moment {
    type Output = Duration;

    fn sub(self, earlier: Moment) -> Duration {
        self.since(earlier)
    }
}

/// A point on the wall clock, in nanoseconds since the epoch (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(i64);

impl WallTime {
    /// The wall time `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Milliseconds within the second, 0 to 999.
    pub const fn millis(self) -> u32 {
        (self.0.rem_euclid(1_000_000_000) / 1_000_000) as u32
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }
}

/// Both clocks, read together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock: deadlines and durations.
    pub mono: Moment,
    /// The wall clock: ticks and reported times.
    pub wall: WallTime,
}

/// A span of whole seconds as configurations give it; negative counts as zero.
pub const fn seconds(n: i64) -> Duration {
    Duration::from_secs(if n < 0 { 0 } else { n as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_before_the_epoch_rounds_down() {
        let t = WallTime::from_nanos(-1);
        assert_eq!((t.secs(), t.millis()), (-1, 999));
    }

    #[test]
    fn moments_saturate() {
        let end = Moment::from_nanos(u64::MAX);
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(Moment::from_nanos(1).since(end), Duration::ZERO);
        assert_eq!(seconds(-3), Duration::ZERO);
    }
}
