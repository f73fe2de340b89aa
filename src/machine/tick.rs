//! Slices of the wall clock: which TICK events are due.

use std::time::Duration;

use crate::model::event::{Tick, TickPeriod};
use crate::model::time::WallTime;

const NANOS: i64 = 1_000_000_000;

/// Tells when a slice of 5, 60 or 3600 s since the epoch has begun (E-054).
#[derive(Clone, Debug)]
pub struct TickClock {
    /// Begin of the slice last seen, in seconds, by [`TickPeriod::ALL`].
    seen: [i64; 3],
}

impl TickClock {
    /// A clock that has seen the slices of `now`: their events are not made up (E-055).
    pub fn new(now: WallTime) -> Self {
        Self { seen: TickPeriod::ALL.map(|period| slice(period, now)) }
    }

    /// Appends an event for each period whose slice is not the one last seen: one, however much later
    /// or earlier it is (E-055).
    pub fn advance(&mut self, now: WallTime, out: &mut Vec<Tick>) {
        for (period, seen) in TickPeriod::ALL.into_iter().zip(&mut self.seen) {
            let begin = slice(period, now);
            if begin != *seen {
                *seen = begin;
                out.push(Tick { period, when: WallTime::from_nanos(begin.saturating_mul(NANOS)) });
            }
        }
    }
}

/// How long until the next multiple of 5 s: none of the other periods begins sooner.
pub fn next_boundary(now: WallTime) -> Duration {
    let period = TickPeriod::Five.secs() * NANOS;
    let gone = now.as_nanos().rem_euclid(period);
    Duration::from_nanos((period - gone).unsigned_abs())
}

/// When the slice began that `now` lies in, in seconds.
fn slice(period: TickPeriod, now: WallTime) -> i64 {
    let secs = now.secs();
    secs.saturating_sub(secs.rem_euclid(period.secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> WallTime {
        WallTime::from_nanos(secs * NANOS + 250_000_000)
    }

    fn ticks(clock: &mut TickClock, now: WallTime) -> Vec<(i64, i64)> {
        let mut out = Vec::new();
        clock.advance(now, &mut out);
        out.iter().map(|tick| (tick.period.secs(), tick.when.secs())).collect()
    }

    // E-054, E-055
    #[test]
    fn the_first_tick_is_at_the_next_multiple() {
        let mut clock = TickClock::new(at(7203));
        assert_eq!(ticks(&mut clock, at(7204)), []);
        assert_eq!(ticks(&mut clock, at(7205)), [(5, 7205)]);
        assert_eq!(ticks(&mut clock, at(7205)), []);
        assert_eq!(ticks(&mut clock, at(7262)), [(5, 7260), (60, 7260)]);
    }

    // E-055
    #[test]
    fn a_stall_or_a_jump_makes_one_tick() {
        let mut clock = TickClock::new(at(7203));
        assert_eq!(ticks(&mut clock, at(86_411)), [(5, 86_410), (60, 86_400), (3600, 86_400)]);
        assert_eq!(ticks(&mut clock, at(3599)), [(5, 3595), (60, 3540), (3600, 0)]);
        assert_eq!(ticks(&mut clock, at(-1)), [(5, -5), (60, -60), (3600, -3600)]);
    }

    #[test]
    fn the_next_boundary_is_never_now() {
        assert_eq!(next_boundary(at(4)), Duration::from_millis(750));
        assert_eq!(next_boundary(WallTime::from_nanos(5 * NANOS)), Duration::from_secs(5));
        assert_eq!(next_boundary(WallTime::from_nanos(-1)), Duration::from_nanos(1));
    }

    #[test]
    fn the_ends_of_time_are_harmless() {
        for nanos in [i64::MIN, i64::MAX] {
            let now = WallTime::from_nanos(nanos);
            assert!(next_boundary(now) <= Duration::from_secs(5));
            assert_eq!(ticks(&mut TickClock::new(at(0)), now).len(), 3);
        }
    }
}
