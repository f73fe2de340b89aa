//! Unix signals of the daemon as a stream of values, in the order of their arrival.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, sigaction};
use nix::unistd::pipe2;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::model::signal::Signal;

/// The signals the daemon acts on (D-260 to D-265).
const HANDLED: [Signal; 6] =
    [Signal::CHLD, Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::USR2];

/// Where the handler writes the number of a signal; -1 before there is anybody to read it.
static OUTBOX: AtomicI32 = AtomicI32::new(-1);
/// By number: whether it is in the pipe. A repeat of one that is still pending is merged (D-266).
static PENDING: [AtomicBool; 65] = [const { AtomicBool::new(false) }; 65];

/// The signals that have come and were not handled yet.
pub struct Signals {
    inbox: Receiver,
    /// Read and not yet handed out, last first.
    read: Vec<u8>,
    /// Held open for the handler.
    _outbox: OwnedFd,
}

impl Signals {
    /// Installs the handlers, once in a process' life. Needs the runtime. SIGPIPE is ignored by Rust's
    /// own start-up (D-269).
    pub fn install() -> io::Result<Self> {
        let (inbox, outbox) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        OUTBOX.store(outbox.as_raw_fd(), Ordering::Release);
        let action = SigAction::new(SigHandler::Handler(note), SaFlags::SA_RESTART, SigSet::empty());
        for signal in HANDLED {
            let signal = nix::sys::signal::Signal::try_from(signal.number())?;
            // SAFETY: the handler only uses atomics and write(2).
            unsafe { sigaction(signal, &action)? };
        }
        Ok(Self { inbox: Receiver::from_owned_fd(inbox)?, read: Vec::new(), _outbox: outbox })
    }

    /// No signals at all (test-only).
    #[cfg(test)]
    pub fn none() -> io::Result<Self> {
        let (inbox, outbox) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        Ok(Self { inbox: Receiver::from_owned_fd(inbox)?, read: Vec::new(), _outbox: outbox })
    }

    /// Waits for the next signal. May be given up without losing one.
    pub async fn next(&mut self) -> Signal {
        loop {
            if let Some(number) = self.read.pop() {
                let number = i32::from(number);
                if let Some(pending) = slot(number) {
                    pending.store(false, Ordering::Release);
                }
                return Signal::from_raw(number);
            }
            // Room for more than there is: a buffer that is full would be followed by a read that finds nothing.
            let mut buffer = [0; 2 * HANDLED.len()];
            let n = self.inbox.read(&mut buffer).await.unwrap_or(0);
            self.read.extend(buffer[..n].iter().rev());
        }
    }
}

fn slot(number: i32) -> Option<&'static AtomicBool> {
    usize::try_from(number).ok().and_then(|index| PENDING.get(index))
}

/// Runs whenever a signal comes, in the middle of whatever the thread does.
extern "C" fn note(number: libc::c_int) {
    let Some(pending) = slot(number) else { return };
    if pending.swap(true, Ordering::AcqRel) {
        return;
    }
    let errno = Errno::last_raw();
    let byte = [number as u8];
    // SAFETY: one byte is read from a valid buffer. The pipe holds far more than one byte a signal, so
    // this neither fails nor blocks.
    unsafe { libc::write(OUTBOX.load(Ordering::Acquire), byte.as_ptr().cast(), 1) };
    Errno::set_raw(errno);
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{Signal as Named, raise};

    // D-266
    #[tokio::test]
    async fn signals_come_in_order_of_arrival_and_repeats_are_merged() {
        let mut signals = Signals::install().unwrap();
        for signal in [Named::SIGUSR2, Named::SIGHUP, Named::SIGUSR2, Named::SIGHUP] {
            raise(signal).unwrap();
        }
        assert_eq!(signals.next().await, Signal::USR2);
        raise(Named::SIGUSR2).unwrap();
        assert_eq!((signals.next().await, signals.next().await), (Signal::HUP, Signal::USR2));
        for signal in HANDLED {
            let signal = Named::try_from(signal.number()).unwrap();
            let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
            // SAFETY: the default action has no handler.
            unsafe { sigaction(signal, &default) }.unwrap();
        }
    }
}
