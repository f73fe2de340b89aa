//! The only place where a test lets time pass: a condition is polled until it holds or a deadline is over.

use std::time::{Duration, Instant};

/// How long a test waits for what should come soon; generous, for a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

const STEP: Duration = Duration::from_millis(5);

/// Polls until the condition yields a value; `None` when that takes longer than `limit`.
pub fn within<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if Instant::now() >= end {
            return None;
        }
        step();
    }
}

/// Polls until the condition yields a value, and fails the test when it does not.
pub fn until<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, condition).unwrap_or_else(|| panic!("waited in vain for {what}"))
}

/// Polls until the condition is true, and fails the test when it does not become so.
pub fn until_true(what: &str, mut condition: impl FnMut() -> bool) {
    until(what, || condition().then_some(()));
}

/// Checks that the condition stays true for this long; for what must *not* happen.
pub fn stays_true(span: Duration, mut condition: impl FnMut() -> bool) -> bool {
    within(span, || (!condition()).then_some(())).is_none()
}

#[expect(clippy::disallowed_methods, reason = "the pause between two looks at a condition")]
fn step() {
    std::thread::sleep(STEP);
}
