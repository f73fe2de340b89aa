//! Readiness of descriptors, for threads that are not the runtime's: each registration reports once
//! and then rests until it is armed again.
//!
//! On Linux this is epoll itself. The portable poller sets a timer of its own before every wait, which
//! costs two more system calls for each of a busy worker's turns; it serves the other systems.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What a descriptor is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can be read, or has ended.
    Readable,
    /// It can be written, or nobody reads it any more.
    Writable,
}

/// A set of watched descriptors, each known by a key. All methods may be called from any thread.
pub struct Poller(imp::Poller);

/// Room for the keys that became ready.
pub struct Ready(imp::Ready);

impl Poller {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        imp::Poller::new().map(Self)
    }

    /// Watches a descriptor, once.
    pub fn watch(&self, fd: BorrowedFd<'_>, key: usize, readiness: Readiness) -> io::Result<()> {
        self.0.watch(fd, key, readiness)
    }

    /// Watches a descriptor that is in the set once more.
    fn rearm(&self, fd: BorrowedFd<'_>, key: usize, readiness: Readiness) -> io::Result<()> {
        self.0.rearm(fd, key, readiness)
    }

    /// Watches a descriptor, once, whether or not it is in the set already.
    pub fn arm(&self, fd: BorrowedFd<'_>, key: usize, readiness: Readiness) -> io::Result<()> {
        match self.rearm(fd, key, readiness) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.watch(fd, key, readiness),
            other => other,
        }
    }

    /// Takes a descriptor out of the set; harmless if it is not in it.
    pub fn forget(&self, fd: BorrowedFd<'_>) {
        self.0.forget(fd);
    }

    /// Waits until something is ready, or [`Poller::wake`] is called. For one thread at a time.
    pub fn wait(&self, ready: &mut Ready) -> io::Result<()> {
        self.0.wait(&mut ready.0)
    }

    /// Has the runtime tell when something is ready.
    pub fn readable(poller: &Arc<Self>) -> io::Result<AsyncFd<Arc<Self>>> {
        // SAFETY: a poller gives out the same descriptor, open, for as long as it lives.
        Ok(unsafe { AsyncFd::register_with_interest(Arc::clone(poller), Interest::READABLE) }?)
    }

    /// What is ready now; does not wait. For one thread at a time.
    pub fn look(&self, ready: &mut Ready) -> io::Result<()> {
        self.0.look(&mut ready.0)
    }

    /// Ends a wait, now or the next.
    pub fn wake(&self) {
        self.0.wake();
    }
}

impl AsFd for Poller {
    /// Can be read while something is ready.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl Ready {
    /// Room for some.
    pub fn new() -> Self {
        Self(imp::Ready::new())
    }

    /// The keys that became ready.
    pub fn keys(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.keys()
    }

    /// Whether there was no room for more.
    pub fn is_full(&self) -> bool {
        self.0.is_full()
    }
}

impl Default for Ready {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd};

    use nix::errno::Errno;
    use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
    use nix::sys::eventfd::{EfdFlags, EventFd};

    use super::Readiness;

    /// The key of the descriptor that ends waits.
    const WAKE: u64 = u64::MAX;
    /// Keys taken at a time.
    const ROOM: usize = 256;

    pub(super) struct Poller {
        epoll: Epoll,
        bell: EventFd,
    }

    pub(super) struct Ready {
        events: Vec<EpollEvent>,
        filled: usize,
    }

    impl Poller {
        pub(super) fn new() -> io::Result<Self> {
            let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
            let bell = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
            // Edge-triggered: its count grows, and nobody need read it.
            epoll.add(&bell, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, WAKE))?;
            Ok(Self { epoll, bell })
        }

        pub(super) fn watch(&self, fd: BorrowedFd<'_>, key: usize, readiness: Readiness) -> io::Result<()> {
            Ok(self.epoll.add(fd, event(key, readiness))?)
        }

        pub(super) fn rearm(&self, fd: BorrowedFd<'_>, key: usize, readiness: Readiness) -> io::Result<()> {
            Ok(self.epoll.modify(fd, &mut event(key, readiness))?)
        }

        pub(super) fn forget(&self, fd: BorrowedFd<'_>) {
            let _absent = self.epoll.delete(fd);
        }

        pub(super) fn wait(&self, ready: &mut Ready) -> io::Result<()> {
            self.take(ready, EpollTimeout::NONE)
        }

        pub(super) fn look(&self, ready: &mut Ready) -> io::Result<()> {
            self.take(ready, EpollTimeout::ZERO)
        }

        fn take(&self, ready: &mut Ready, timeout: EpollTimeout) -> io::Result<()> {
            ready.filled = match self.epoll.wait(&mut ready.events, timeout) {
                Err(Errno::EINTR) => 0,
                other => other?,
            };
            Ok(())
        }

        pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
            self.epoll.0.as_fd()
        }

        pub(super) fn wake(&self) {
            // A full counter has woken whoever waits, too; it begins anew when it is read.
            if self.bell.write(1) == Err(Errno::EAGAIN) {
                let _count = self.bell.read();
                let _written = self.bell.write(1);
            }
        }
    }

    impl Ready {
        pub(super) fn new() -> Self {
            Self { events: vec![EpollEvent::empty(); ROOM], filled: 0 }
        }

        pub(super) fn keys(&self) -> impl Iterator<Item = usize> + '_ {
            let keys = self.events[..self.filled].iter().map(EpollEvent::data).filter(|key| *key != WAKE);
            keys.filter_map(|key| usize::try_from(key).ok())
        }

        pub(super) fn is_full(&self) -> bool {
            self.filled == self.events.len()
        }
    }

    fn event(key: usize, readiness: Readiness) -> EpollEvent {
        let wanted = match readiness {
            Readiness::Readable => EpollFlags::EPOLLIN,
            Readiness::Writable => EpollFlags::EPOLLOUT,
        };
        EpollEvent::new(wanted | EpollFlags::EPOLLONESHOT, key as u64)
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
    use std::time::Duration;

    use polling::{Event, Events};

    use super::Readiness;

    pub(super) struct Poller(polling::Poller);

    pub(super) struct Ready(Events);

    impl Poller {
        pub(super) fn new() -> io::Result<Self> {
            polling::Poller::new().map(Self)
        }

        pub(super) fn watch(&self, fd: BorrowedFd<'_>, key: usize, readiness: Readiness) -> io::Result<()> {
            // SAFETY: `polling` asks that the descriptor be forgotten before it is closed. Where a caller
            // fails to, the kernel forgets it at the close; a key that comes late is one more look.
            unsafe { self.0.add(fd.as_raw_fd(), event(key, readiness)) }
        }

        pub(super) fn rearm(&self, fd: BorrowedFd<'_>, key: usize, readiness: Readiness) -> io::Result<()> {
            self.0.modify(fd, event(key, readiness))
        }

        pub(super) fn forget(&self, fd: BorrowedFd<'_>) {
            drop(self.0.delete(fd));
        }

        pub(super) fn wait(&self, ready: &mut Ready) -> io::Result<()> {
            ready.0.clear();
            self.0.wait(&mut ready.0, None).map(drop)
        }

        pub(super) fn look(&self, ready: &mut Ready) -> io::Result<()> {
            ready.0.clear();
            self.0.wait(&mut ready.0, Some(Duration::ZERO)).map(drop)
        }

        pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }

        pub(super) fn wake(&self) {
            // Fails only if the descriptor behind it is gone, and then nobody waits.
            drop(self.0.notify());
        }
    }

    impl Ready {
        pub(super) fn new() -> Self {
            Self(Events::new())
        }

        pub(super) fn keys(&self) -> impl Iterator<Item = usize> + '_ {
            self.0.iter().map(|event| event.key)
        }

        pub(super) fn is_full(&self) -> bool {
            self.0.len() == self.0.capacity().get()
        }
    }

    fn event(key: usize, readiness: Readiness) -> Event {
        match readiness {
            Readiness::Readable => Event::readable(key),
            Readiness::Writable => Event::writable(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_descriptor_reports_once_until_it_is_armed_again() {
        let poller = Poller::new().unwrap();
        let mut ready = Ready::new();
        let (read, mut write) = io::pipe().unwrap();
        poller.watch(read.as_fd(), 7, Readiness::Readable).unwrap();
        write.write_all(b"x").unwrap();
        poller.wait(&mut ready).unwrap();
        assert_eq!(ready.keys().collect::<Vec<_>>(), [7]);
        poller.wake();
        poller.wait(&mut ready).unwrap();
        assert_eq!(ready.keys().count(), 0);
        poller.rearm(read.as_fd(), 8, Readiness::Readable).unwrap();
        poller.wait(&mut ready).unwrap();
        assert_eq!(ready.keys().collect::<Vec<_>>(), [8]);
        poller.forget(read.as_fd());
        let unknown = poller.rearm(read.as_fd(), 8, Readiness::Readable);
        assert_eq!(unknown.unwrap_err().kind(), io::ErrorKind::NotFound);
        poller.arm(read.as_fd(), 9, Readiness::Readable).unwrap();
        poller.look(&mut ready).unwrap();
        assert_eq!(ready.keys().collect::<Vec<_>>(), [9]);
        poller.look(&mut ready).unwrap();
        assert_eq!(ready.keys().count(), 0);
        poller.arm(read.as_fd(), 10, Readiness::Readable).unwrap();
        poller.look(&mut ready).unwrap();
        assert_eq!(ready.keys().collect::<Vec<_>>(), [10]);
    }
}
