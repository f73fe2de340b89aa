//! Times as mails and lines show them, in the local time zone.

use crate::model::time::WallTime;
use crate::sys::clock;

/// `YYYY-mm-dd HH:MM:SS,mmm` (E-214).
pub fn stamp(at: WallTime) -> String {
    format!("{},{:03}", clock::local(at).format("%Y-%m-%d %H:%M:%S"), at.millis())
}

/// C's `asctime` and the zone: `Fri Nov  6 08:20:56 2026 CET` (E-232).
pub fn asctime(at: WallTime) -> String {
    format!("{} {}", clock::local(at).format("%a %b %e %H:%M:%S %Y"), clock::zone_name(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let at = WallTime::from_nanos(1_700_000_000_007_000_000);
        assert_eq!(stamp(at).len(), "2023-11-14 22:13:20,007".len());
        assert!(stamp(at).ends_with(",007"));
        assert!(asctime(at).contains(" 2023 "), "{}", asctime(at));
    }
}
