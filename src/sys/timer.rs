//! One deadline of the runtime's thread, kept by the kernel.
//!
//! The runtime's own timers wake up along the way to a deadline that is seconds off, to re-sort their
//! wheel; an idle daemon should sleep until something is due.

use std::io;
use std::time::Duration;

use crate::model::time::Moment;
use crate::sys::clock::Clock;

/// Waits for moments of a clock, one at a time.
pub struct DeadlineTimer {
    clock: Clock,
    set: Option<Moment>,
    inner: imp::Timer,
}

impl DeadlineTimer {
    /// A timer for moments of this clock. Needs the runtime.
    pub fn new(clock: Clock) -> io::Result<Self> {
        Ok(Self { clock, set: None, inner: imp::Timer::new()? })
    }

    /// Waits until the moment has come. May be given up and called again, with another moment too.
    pub async fn until(&mut self, moment: Moment) {
        if self.set != Some(moment) {
            let left = moment.since(self.clock.mono());
            // Not zero, which would mean never.
            self.inner.set(left.max(Duration::from_nanos(1)));
            self.set = Some(moment);
        }
        self.inner.rings().await;
        self.set = None;
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, RawFd};
    use std::time::Duration;

    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    pub(super) struct Timer(AsyncFd<Raw>);

    struct Raw(TimerFd);

    impl AsRawFd for Raw {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_fd().as_raw_fd()
        }
    }

    impl Timer {
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
            let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
            // SAFETY: the descriptor is the same, and open, for as long as the timer lives.
            let registered = unsafe { AsyncFd::register_with_interest(Raw(timer), Interest::READABLE) };
            Ok(Self(registered?))
        }

        pub(super) fn set(&self, left: Duration) {
            let once = Expiration::OneShot(left.into());
            let set = self.0.get_ref().0.set(once, TimerSetTimeFlags::empty());
            set.expect("a positive time is valid");
        }

        /// Reading it takes the ring away; one that is read away by a later `set` is waited for anew.
        pub(super) async fn rings(&self) {
            loop {
                let Ok(mut ready) = self.0.readable().await else { return };
                let mut count = [0; 8];
                match nix::unistd::read(self.0.as_fd(), &mut count) {
                    Err(nix::errno::Errno::EAGAIN) => ready.clear_ready(),
                    _ => return,
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::cell::Cell;
    use std::io;
    use std::time::Duration;

    use tokio::time::{Instant, sleep_until};

    pub(super) struct Timer(Cell<Option<Instant>>);

    impl Timer {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self(Cell::new(None)))
        }

        pub(super) fn set(&self, left: Duration) {
            self.0.set(Some(Instant::now() + left));
        }

        pub(super) async fn rings(&self) {
            if let Some(at) = self.0.get() {
                sleep_until(at).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_rings_at_the_moment_and_can_be_moved() {
        let clock = Clock::new();
        let mut timer = DeadlineTimer::new(clock).unwrap();
        let far = clock.mono() + Duration::from_secs(3600);
        tokio::select! {
            biased;
            () = timer.until(far) => panic!("too soon"),
            () = tokio::task::yield_now() => {}
        }
        let near = clock.mono() + Duration::from_millis(5);
        timer.until(near).await;
        assert!(clock.mono() >= near);
        timer.until(near).await;
    }
}
