//! Quiet channels that carry messages, read by the thread that decides: a message is an event, and what it
//! needs is there sooner, with one thread less to be woken.
//!
//! Nothing here waits. What is for a log file is left to a worker, and so is a channel that says much, often, or
//! something for its log, until it is quiet again; and where many say something at once, those beyond the first
//! few.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::unix::AsyncFd;

use super::{Channel, Channels, Hub, lock};
use crate::logs::pace::BUSY;
use crate::logs::pump::Progress;
use crate::logs::workers::Scratch;
use crate::sys::poller::{Poller, Ready};

/// Channels that are read at one look.
const FEW: usize = 16;

/// Where quiet channels are watched.
pub(super) struct Outpost {
    pub(super) poller: Arc<Poller>,
    /// A channel is quiet if it is not read more often than this.
    gap: Duration,
}

/// The daemon's own look at channels.
pub struct Lookout {
    channels: Channels,
    pub(super) poller: Arc<Poller>,
    ready: Ready,
    scratch: Scratch,
}

impl Channels {
    /// From now on quiet channels that carry messages are the daemon's, which is to look whenever there is
    /// something to see. `AlreadyExists` if it does so already.
    pub fn lookout(&self) -> io::Result<Lookout> {
        self.lookout_for(BUSY)
    }

    pub(super) fn lookout_for(&self, gap: Duration) -> io::Result<Lookout> {
        let poller = Arc::new(Poller::new()?);
        let outpost = Outpost { poller: Arc::clone(&poller), gap };
        self.hub.lookout.set(outpost).map_err(|_| ErrorKind::AlreadyExists)?;
        Ok(Lookout { channels: self.clone(), poller, ready: Ready::new(), scratch: Scratch::new() })
    }
}

impl Lookout {
    /// What the runtime can wait for: it can be read when there is something to see. Needs the runtime.
    pub fn sight(&self) -> io::Result<AsyncFd<Arc<Poller>>> {
        Poller::readable(&self.poller)
    }

    /// Reads what is there. It is among the reports then, which are to be taken: the waker is not called.
    pub fn look(&mut self) {
        let mut seen = 0;
        loop {
            // Nothing is known to make it fail.
            if self.poller.look(&mut self.ready).is_err() {
                return;
            }
            for key in self.ready.keys() {
                seen += 1;
                if seen > FEW || self.channels.hub.glance(key, &mut self.scratch) {
                    self.channels.workers.revisit(key);
                }
            }
            if !self.ready.is_full() {
                return;
            }
        }
    }
}

impl Hub {
    /// Who is to see to what a channel says next.
    pub(super) fn watcher(&self, channel: &Channel, is_quiet: impl FnOnce(Duration) -> bool) -> &Poller {
        let lookout = self.lookout.get().filter(|it| channel.carries_messages() && is_quiet(it.gap));
        lookout.map_or(&self.poller, |it| &it.poller)
    }

    /// A short look at a channel; whether a worker has to see to it.
    fn glance(&self, key: usize, scratch: &mut Scratch) -> bool {
        let Some(channel) = lock(&self.registry).get(&key).cloned() else { return false };
        if channel.orders.visits.fetch_add(1, Ordering::AcqRel) > 0 {
            // A worker is there, and looks again.
            return false;
        }
        let progress = self.read_a_little(&channel, scratch);
        // Whoever came meanwhile went away again.
        channel.orders.visits.swap(0, Ordering::AcqRel) > 1 || progress == Progress::Writing
    }

    fn read_a_little(&self, channel: &Arc<Channel>, scratch: &mut Scratch) -> Progress {
        let mut slot = lock(&channel.pump);
        let Some(pump) = slot.as_mut().filter(|_| !channel.orders.abandoned.load(Ordering::Acquire)) else {
            return Progress::Writing;
        };
        let mut reports = Vec::new();
        let progress = pump.glance(channel, scratch, &mut reports);
        lock(&self.reports).extend(reports.into_iter().map(|report| (Arc::clone(channel), report)));
        if progress == Progress::Reading {
            // As with workers: what cannot be watched is told at the child's end.
            drop(self.wait_for_output(channel, pump));
        }
        progress
    }
}
