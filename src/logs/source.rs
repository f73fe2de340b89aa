//! Where the bytes of a channel come from: a child's pipe, or the daemon, which reads a listener's
//! stdout itself and leaves to the log path only what becomes of it.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sys::pipe;
use crate::sys::poller::{Poller, Readiness};

/// An inlet holds no more than this; what comes beyond it is refused.
const INLET: usize = 256 * 1024;

/// A channel's input.
pub(super) enum Source {
    /// The read end of a child's pipe.
    Pipe(OwnedFd),
    /// What the daemon hands in.
    Inlet(Inlet),
}

/// Bytes handed in and not yet read.
#[derive(Default)]
pub(super) struct Inlet(Mutex<Vec<u8>>);

impl Source {
    /// How many bytes can be read at once.
    pub fn unread(&self) -> usize {
        match self {
            Self::Pipe(pipe) => pipe::readable_bytes(pipe.as_fd()),
            Self::Inlet(inlet) => inlet.lock().len(),
        }
    }

    /// Reads what is there; `WouldBlock` if that is nothing.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Pipe(pipe) => read(pipe, buffer),
            Self::Inlet(inlet) => inlet.read(buffer),
        }
    }

    /// Has the poller report when there is something to read, once.
    pub fn watch(&self, poller: &Poller, key: usize) -> io::Result<()> {
        match self {
            Self::Pipe(pipe) => poller.watch(pipe.as_fd(), key, Readiness::Readable),
            Self::Inlet(_) => Ok(()),
        }
    }

    /// The same, where a poller may have it already. Whether there is something already that no poller will
    /// report.
    pub fn arm(&self, poller: &Poller, key: usize) -> io::Result<bool> {
        match self {
            Self::Pipe(pipe) => poller.arm(pipe.as_fd(), key, Readiness::Readable).map(|()| false),
            Self::Inlet(_) => Ok(self.unread() > 0),
        }
    }

    /// Takes it out of the poller.
    pub fn forget(&self, poller: &Poller) {
        if let Self::Pipe(pipe) = self {
            poller.forget(pipe.as_fd());
        }
    }

    /// Gives a busy pipe more room.
    pub fn enlarge(&self, bytes: i32) {
        if let Self::Pipe(pipe) = self {
            pipe::enlarge(pipe.as_fd(), bytes);
        }
    }

    /// The descriptor of a pipe (test-only).
    #[cfg(test)]
    pub fn descriptor(&self) -> Option<RawFd> {
        match self {
            Self::Pipe(pipe) => Some(pipe.as_raw_fd()),
            Self::Inlet(_) => None,
        }
    }

    /// The descriptor of a pipe that nobody can write to any more.
    pub fn hung_up(&self) -> Option<RawFd> {
        match self {
            Self::Pipe(pipe) if pipe::is_hung_up(pipe.as_fd()) => Some(pipe.as_raw_fd()),
            Self::Pipe(_) | Self::Inlet(_) => None,
        }
    }

    /// Hands something in; whether it was taken.
    pub fn hand_in(&self, data: &[u8]) -> bool {
        match self {
            Self::Pipe(_) => false,
            Self::Inlet(inlet) => inlet.hand_in(data),
        }
    }
}

impl Inlet {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.lock();
        let n = bytes.len().min(buffer.len());
        if n == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        buffer[..n].copy_from_slice(&bytes[..n]);
        bytes.drain(..n);
        Ok(n)
    }

    fn hand_in(&self, data: &[u8]) -> bool {
        let mut bytes = self.lock();
        let fits = bytes.len() + data.len() <= INLET;
        if fits {
            bytes.extend_from_slice(data);
        }
        fits
    }
}

fn read(pipe: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match nix::unistd::read(pipe, buffer) {
            Err(nix::errno::Errno::EINTR) => {}
            other => return Ok(other?),
        }
    }
}
