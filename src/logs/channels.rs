//! All output channels: the daemon's side and the workers' side of the log path.
//!
//! The daemon attaches a channel when it has spawned a child and ends it when the child is dead; in
//! between the workers do everything. What they have to tell is gathered in one list, which the daemon
//! takes when its waker is called. The list is bounded: a channel whose reports hold more than
//! `MAX_UNTAKEN` bytes rests until they are taken; all other reports come at most once per chunk read.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::channel::{Channel, ChannelReport, ChannelSpec};
use super::pump::{Progress, Pump};
use super::sink::FileSink;
use super::workers::{Job, ReadyHandler, Scratch, Workers};
use crate::sys::pipe;
use crate::sys::poller::{Poller, Readiness};

/// Wakes the daemon, from any thread.
pub type Waker = Box<dyn Fn() + Send + Sync>;

/// The daemon's side. Cheap to clone.
#[derive(Clone)]
pub struct Channels {
    hub: Arc<Hub>,
    workers: Workers,
}

struct Hub {
    poller: Arc<Poller>,
    next_key: AtomicUsize,
    registry: Mutex<HashMap<usize, Arc<Channel>>>,
    reports: Mutex<Vec<(Arc<Channel>, ChannelReport)>>,
    dirty: Mutex<Vec<Arc<Channel>>>,
    waker: Waker,
    workers: OnceLock<Workers>,
}

impl Channels {
    /// Starts the workers. `waker` is called when there is something to take.
    pub fn start(waker: Waker) -> io::Result<Self> {
        let poller = Arc::new(Poller::new()?);
        let hub = Arc::new(Hub {
            poller: Arc::clone(&poller),
            next_key: AtomicUsize::new(0),
            registry: Mutex::default(),
            reports: Mutex::default(),
            dirty: Mutex::default(),
            waker,
            workers: OnceLock::new(),
        });
        let workers = Workers::start(poller, Arc::clone(&hub) as Arc<dyn ReadyHandler>)?;
        drop(hub.workers.set(workers.clone()));
        Ok(Self { hub, workers })
    }

    /// Has a worker do something that may block. Never blocks.
    pub fn run(&self, job: Job) {
        self.workers.run(job);
    }

    /// Begins to pump a channel of a child that was just spawned. `file` was opened by a worker.
    pub fn attach(
        &self,
        spec: ChannelSpec,
        pid: i32,
        pipe: OwnedFd,
        file: Option<FileSink>,
    ) -> io::Result<Arc<Channel>> {
        let key = self.hub.next_key.fetch_add(1, Ordering::Relaxed);
        let pump = Pump::new(&spec, file);
        let channel = Arc::new(Channel::new(spec, pid, key, pipe, pump));
        lock(&self.hub.registry).insert(key, Arc::clone(&channel));
        self.hub.poller.watch(channel.pipe(), key, Readiness::Readable)?;
        Ok(channel)
    }

    /// The child is dead: what is in the pipe now is still to be read and handled, then the channel is
    /// closed. `true`: that is done already, there was nothing. Otherwise [`ChannelReport::Finished`]
    /// follows, unless the log file is stuck.
    pub fn finish(&self, channel: &Arc<Channel>) -> bool {
        let dry = channel.is_dry();
        if dry {
            channel.orders.abandoned.store(true, Ordering::Release);
        }
        channel.orders.remaining.set(if dry { 0 } else { pipe::readable_bytes(channel.pipe()) });
        self.workers.revisit(channel.key);
        dry
    }

    /// Waits for a channel no longer: how many bytes are dropped with it.
    pub fn abandon(&self, channel: &Arc<Channel>) -> u64 {
        let dropped = channel.unfinished();
        channel.orders.abandoned.store(true, Ordering::Release);
        self.workers.revisit(channel.key);
        dropped
    }

    /// Has the channel's file opened again (D-442).
    pub fn reopen(&self, channel: &Arc<Channel>) {
        channel.orders.reopen.store(true, Ordering::Release);
        self.workers.revisit(channel.key);
    }

    /// Takes the reports that have come in, in their order for each channel.
    pub fn take_reports(&self) -> Vec<(Arc<Channel>, ChannelReport)> {
        let reports = std::mem::take(&mut *lock(&self.hub.reports));
        for (channel, report) in &reports {
            self.taken(channel, report);
        }
        reports
    }

    fn taken(&self, channel: &Arc<Channel>, report: &ChannelReport) {
        let size = match report {
            ChannelReport::Output { data: Some(data), .. } | ChannelReport::Message(data) => data.len(),
            _ => return,
        };
        channel.tally.untaken.fetch_sub(size, Ordering::AcqRel);
        if channel.tally.paused.swap(false, Ordering::AcqRel) {
            self.workers.revisit(channel.key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ReadyHandler for Hub {
    fn ready(&self, key: usize, scratch: &mut Scratch) {
        let Some(channel) = lock(&self.registry).get(&key).cloned() else { return };
        loop {
            channel.orders.again.store(true, Ordering::Release);
            // Whoever holds the pump looks at `again` after letting go of it.
            let Ok(mut pump) = channel.pump.try_lock() else { return };
            channel.orders.again.store(false, Ordering::Release);
            self.visit(&channel, &mut pump, scratch);
            drop(pump);
            if !channel.orders.again.load(Ordering::Acquire) {
                return;
            }
        }
    }

    fn flush(&self) {
        let dirty = std::mem::take(&mut *lock(&self.dirty));
        let mut told = Vec::new();
        for channel in dirty {
            channel.tally.dirty.store(false, Ordering::Release);
            if let Some(report) = channel.take_figures() {
                told.push((channel, report));
            }
        }
        self.tell(told);
    }
}

impl Hub {
    fn visit(&self, channel: &Arc<Channel>, slot: &mut Option<Pump>, scratch: &mut Scratch) {
        let Some(pump) = slot else { return };
        if channel.orders.abandoned.load(Ordering::Acquire) {
            return self.close(channel, slot);
        }
        let mut reports = Vec::new();
        let progress = pump.step(channel, scratch, &mut reports);
        self.wait_for(channel, pump, progress);
        if progress == Progress::Finished {
            self.close(channel, slot);
        }
        if channel.orders.abandoned.load(Ordering::Acquire) {
            return self.close(channel, slot);
        }
        self.mark_dirty(channel);
        self.tell(reports.into_iter().map(|report| (Arc::clone(channel), report)).collect());
    }

    /// Arms what the channel waits for next.
    fn wait_for(&self, channel: &Arc<Channel>, pump: &Pump, progress: Progress) {
        let armed = match progress {
            Progress::Reading => self.poller.rearm(channel.pipe(), channel.key, Readiness::Readable),
            Progress::Writing => self.wait_for_room(channel, pump),
            Progress::Ended => {
                self.poller.forget(channel.pipe());
                Ok(())
            }
            Progress::Resting | Progress::Finished => Ok(()),
        };
        // Only a descriptor that cannot be polled fails; what it holds up is told at the child's end.
        drop(armed);
    }

    fn wait_for_room(&self, channel: &Channel, pump: &Pump) -> io::Result<()> {
        let Some(fd) = pump.file().and_then(FileSink::fd) else { return Ok(()) };
        match self.poller.rearm(fd, channel.key, Readiness::Writable) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.poller.watch(fd, channel.key, Readiness::Writable)
            }
            other => other,
        }
    }

    fn close(&self, channel: &Channel, slot: &mut Option<Pump>) {
        self.poller.forget(channel.pipe());
        if let Some(fd) = slot.as_ref().and_then(|pump| pump.file()).and_then(FileSink::fd) {
            self.poller.forget(fd.as_fd());
        }
        *slot = None;
        lock(&self.registry).remove(&channel.key);
    }

    /// Figures nobody is in a hurry for are told by the watchdog's [`ReadyHandler::flush`].
    fn mark_dirty(&self, channel: &Arc<Channel>) {
        let pending = channel.tally.bytes.load(Ordering::Relaxed) > 0;
        if pending && !channel.tally.dirty.swap(true, Ordering::AcqRel) {
            lock(&self.dirty).push(Arc::clone(channel));
        }
    }

    fn tell(&self, told: Vec<(Arc<Channel>, ChannelReport)>) {
        if told.is_empty() {
            return;
        }
        let mut reports = lock(&self.reports);
        let first = reports.is_empty();
        reports.extend(told);
        drop(reports);
        if first {
            (self.waker)();
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // The workers hold the hub; this is for the day they do not.
        self.poller.wake();
    }
}
