//! The clocks, read. Everybody else gets the time as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Local, TimeZone};

use crate::model::time::{Moment, Now, WallTime};

/// Reads both clocks; the monotonic one counts from when this was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock whose monotonic origin is now.
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }

    /// Lets time pass on the monotonic clock (test-only).
    #[cfg(test)]
    pub fn advance(&mut self, span: std::time::Duration) {
        self.origin -= span;
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        Now { mono: self.mono(), wall: wall() }
    }

    /// The monotonic clock.
    pub fn mono(&self) -> Moment {
        Moment::from_nanos(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// The wall clock.
pub fn wall() -> WallTime {
    let nanos = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_nanos()).unwrap_or(i64::MAX),
    };
    WallTime::from_nanos(nanos)
}

/// A wall time in the local time zone.
pub fn local(at: WallTime) -> DateTime<Local> {
    Local.timestamp_nanos(at.as_nanos())
}

/// The local time zone's name at that time, such as `CEST`; empty if it has none.
pub fn zone_name(at: WallTime) -> String {
    let seconds = at.secs() as libc::time_t;
    // SAFETY: all fields of `tm` are numbers or a pointer that may be null.
    let mut broken_down: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are valid for the call, and nothing else keeps them.
    let filled = unsafe { libc::localtime_r(&raw const seconds, &raw mut broken_down) };
    if filled.is_null() || broken_down.tm_zone.is_null() {
        return String::new();
    }
    // SAFETY: the C library keeps zone names, ended by a zero, for as long as the process lives.
    let name = unsafe { std::ffi::CStr::from_ptr(broken_down.tm_zone) };
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_does_not_go_back() {
        let clock = Clock::new();
        let first = clock.mono();
        assert!(first <= clock.mono() && clock.now().wall.secs() > 1_600_000_000);
    }
}
