//! Readiness of descriptors, for threads that are not the runtime's: each registration reports once
//! and then rests until it is armed again.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use polling::{Event, Events, Poller as Inner};

/// What a descriptor is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can be read, or has ended.
    Readable,
    /// It can be written, or nobody reads it any more.
    Writable,
}

/// A set of watched descriptors, each known by a key. All methods may be called from any thread.
pub struct Poller(Inner);

/// Room for the keys that became ready.
pub struct Ready(Events);

impl Poller {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        Inner::new().map(Self)
    }

    /// Watches a descriptor, once.
    pub fn watch(&self, fd: BorrowedFd<'_>, key: usize, readiness: Readiness) -> io::Result<()> {
        // SAFETY: `polling` asks that the descriptor be forgotten before it is closed. Where a caller
        // fails to, the kernel forgets it at the close; a key that comes late is one more look.
        unsafe { self.0.add(fd.as_raw_fd(), event(key, readiness)) }
    }

    /// Watches a descriptor that is in the set once more.
    pub fn rearm(&self, fd: BorrowedFd<'_>, key: usize, readiness: Readiness) -> io::Result<()> {
        self.0.modify(fd, event(key, readiness))
    }

    /// Takes a descriptor out of the set; harmless if it is not in it.
    pub fn forget(&self, fd: BorrowedFd<'_>) {
        drop(self.0.delete(fd));
    }

    /// Waits until something is ready, [`Poller::wake`] is called, or the time is over.
    pub fn wait(&self, ready: &mut Ready, timeout: Option<Duration>) -> io::Result<()> {
        ready.0.clear();
        self.0.wait(&mut ready.0, timeout).map(drop)
    }

    /// Ends a wait, now or the next.
    pub fn wake(&self) {
        // Fails only if the descriptor behind it is gone, and then nobody waits.
        drop(self.0.notify());
    }
}

impl Ready {
    /// Room for some.
    pub fn new() -> Self {
        Self(Events::new())
    }

    /// The keys that became ready.
    pub fn keys(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().map(|event| event.key)
    }
}

impl Default for Ready {
    fn default() -> Self {
        Self::new()
    }
}

fn event(key: usize, readiness: Readiness) -> Event {
    match readiness {
        Readiness::Readable => Event::readable(key),
        Readiness::Writable => Event::writable(key),
    }
}
