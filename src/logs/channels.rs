//! All output channels: the daemon's side and the workers' side of the log path.
//!
//! The daemon attaches a channel when it has spawned a child and ends it when the child is dead; in
//! between the workers do everything. What they have to tell is gathered in one list, which the daemon
//! takes when its waker is called. The list is bounded: a channel whose reports hold more than
//! `MAX_UNTAKEN` bytes rests until they are taken; all other reports come at most once per chunk read.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};

use super::channel::{Channel, ChannelReport, ChannelSpec};
use super::pump::{Progress, Pump};
use super::sink::FileSink;
use super::source::{Inlet, Source};
use super::workers::{Job, ReadyHandler, Scratch, Workers};
use crate::sys::poller::{Poller, Readiness};

mod lookout;

pub use lookout::Lookout;
use lookout::Outpost;

/// Wakes the daemon, from any thread.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// The daemon's side. Cheap to clone.
#[derive(Clone)]
pub struct Channels {
    hub: Arc<Hub>,
    workers: Workers,
}

struct Hub {
    poller: Arc<Poller>,
    /// Where the daemon itself looks, if it does.
    lookout: OnceLock<Outpost>,
    next_key: AtomicUsize,
    registry: Mutex<HashMap<usize, Arc<Channel>>>,
    reports: Mutex<Vec<(Arc<Channel>, ChannelReport)>>,
    dirty: Mutex<Vec<Arc<Channel>>>,
    /// Something was handed in for these.
    fed: Mutex<Vec<Arc<Channel>>>,
    waker: Waker,
    workers: OnceLock<Workers>,
}

impl Channels {
    /// Starts the workers. `waker` is called when there is something to take.
    pub fn start(waker: Waker) -> io::Result<Self> {
        let poller = Arc::new(Poller::new()?);
        let hub = Arc::new(Hub {
            poller: Arc::clone(&poller),
            lookout: OnceLock::new(),
            next_key: AtomicUsize::new(0),
            registry: Mutex::default(),
            reports: Mutex::default(),
            dirty: Mutex::default(),
            fed: Mutex::default(),
            waker,
            workers: OnceLock::new(),
        });
        let workers = Workers::start(poller, Arc::clone(&hub) as Arc<dyn ReadyHandler>)?;
        drop(hub.workers.set(workers.clone()));
        Ok(Self { hub, workers })
    }

    /// The threads behind it.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Has a worker do something that may block. Never blocks.
    pub fn run(&self, job: Job) {
        self.workers.run(job);
    }

    /// Has a worker do something that may block, and its answer sent; then the waker is called, once for the
    /// answers of a millisecond where there is more to do, or of 25 where that is stuck.
    pub fn ask<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static, answer: mpsc::Sender<T>) {
        self.run(Box::new(move |scratch| {
            // The daemon may be gone by now; then nobody wants the answer.
            drop(answer.send(work()));
            scratch.answered = true;
        }));
    }

    /// Begins to pump a channel of a child that was just spawned. `file` was opened by a worker.
    pub fn attach(
        &self,
        spec: ChannelSpec,
        pid: i32,
        pipe: OwnedFd,
        file: Option<FileSink>,
    ) -> io::Result<Arc<Channel>> {
        let channel = self.add(spec, pid, Source::Pipe(pipe), file);
        let watched = channel.source.watch(self.hub.watcher(&channel, |_| true), channel.key);
        watched.inspect_err(|_| drop(lock(&self.hub.registry).remove(&channel.key)))?;
        Ok(channel)
    }

    /// The same for a channel whose output the daemon reads, and hands in with [`Channels::feed`].
    pub fn attach_fed(&self, spec: ChannelSpec, pid: i32, file: Option<FileSink>) -> Arc<Channel> {
        self.add(spec, pid, Source::Inlet(Inlet::default()), file)
    }

    fn add(&self, spec: ChannelSpec, pid: i32, source: Source, file: Option<FileSink>) -> Arc<Channel> {
        let key = self.hub.next_key.fetch_add(1, Ordering::Relaxed);
        let pump = Pump::new(&spec, file);
        let channel = Arc::new(Channel::new(spec, pid, key, source, pump));
        lock(&self.hub.registry).insert(key, Arc::clone(&channel));
        channel
    }

    /// Hands output in; it is looked at before long, or once [`Channels::attend`] is called. What the log has
    /// no room for is lost, and told in time; where there is no log, nothing is lost.
    pub fn feed(&self, channel: &Arc<Channel>, data: &[u8]) {
        if !channel.source.hand_in(data) && channel.spec.file.is_some() {
            channel.tally.lost.fetch_add(data.len() as u64, Ordering::AcqRel);
        }
        if !channel.tally.fed.swap(true, Ordering::AcqRel) {
            lock(&self.hub.fed).push(Arc::clone(channel));
            self.workers.flush_soon();
        }
    }

    /// Has a worker look at what was handed in.
    pub fn attend(&self, channel: &Channel) {
        self.workers.revisit(channel.key);
    }

    /// The child is dead: what is in the pipe now is still to be read and handled, then the channel is
    /// closed. [`ChannelReport::Finished`] follows, unless the log file is stuck; where there was nothing
    /// to read, and nothing is being worked on, at once.
    pub fn finish(&self, channel: &Arc<Channel>) {
        // Held until the end is told: what a grandchild writes meanwhile is nobody's to read.
        let mut still = channel.pump.try_lock();
        let dry = still.as_ref().is_ok_and(|pump| channel.is_dry(pump.as_ref()));
        let mut closed = false;
        if dry {
            let figures = channel.take_figures();
            self.hub
                .tell(figures.into_iter().chain([ChannelReport::Finished]).map(|r| (Arc::clone(channel), r)));
            channel.orders.abandoned.store(true, Ordering::Release);
            // Mostly a worker has seen the end of the stream before the child could be reaped.
            closed = still.as_mut().is_ok_and(|pump| pump.take_if(|pump| pump.has_let_go()).is_some());
        }
        drop(still);
        if closed {
            lock(&self.hub.registry).remove(&channel.key);
            return;
        }
        channel.orders.remaining.set(if dry { 0 } else { channel.source.unread() });
        self.workers.revisit(channel.key);
    }

    /// Waits for a channel no longer: how many bytes are dropped with it.
    pub fn abandon(&self, channel: &Arc<Channel>) -> u64 {
        // While nobody works on it, nothing moves from one place to the next, so the count is exact.
        let still = channel.pump.try_lock();
        let dropped = channel.take_loss();
        channel.orders.abandoned.store(true, Ordering::Release);
        drop(still);
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

    /// Whether a channel's file has taken part of a chunk, and takes no more (test-only).
    #[cfg(test)]
    pub fn waits_for_room(&self, channel: &Channel) -> bool {
        channel.pump.try_lock().is_ok_and(|pump| pump.as_ref().is_some_and(Pump::is_held_up))
    }

    /// How many channels are not closed yet (test-only).
    #[cfg(test)]
    pub fn open_channels(&self) -> usize {
        lock(&self.hub.registry).len()
    }

    fn taken(&self, channel: &Arc<Channel>, report: &ChannelReport) {
        let size = match report {
            ChannelReport::Output { data: Some(data), .. } | ChannelReport::Message(data) => data.len(),
            _ => return,
        };
        // In one order with the two steps of the pump's `is_to_rest`: one of the two sides sees the other.
        channel.tally.untaken.fetch_sub(size, Ordering::SeqCst);
        if channel.tally.paused.swap(false, Ordering::SeqCst) {
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
        let mut asked = channel.orders.visits.fetch_add(1, Ordering::AcqRel) + 1;
        if asked > 1 {
            // Somebody is there already, and looks again.
            return;
        }
        while asked > 0 {
            self.visit(&channel, &mut lock(&channel.pump), scratch);
            asked = channel.orders.visits.fetch_sub(asked, Ordering::AcqRel) - asked;
        }
    }

    fn flush(&self) {
        self.revisit_fed();
        let dirty = std::mem::take(&mut *lock(&self.dirty));
        self.tell(dirty.into_iter().filter_map(|channel| {
            channel.tally.dirty.store(false, Ordering::Release);
            channel.take_figures().map(|report| (channel, report))
        }));
    }

    fn answered(&self) {
        (self.waker)();
    }
}

impl Hub {
    /// Output that was handed in since the last time is looked at, much at once.
    fn revisit_fed(&self) {
        let fed = std::mem::take(&mut *lock(&self.fed));
        for channel in fed {
            channel.tally.fed.store(false, Ordering::Release);
            if let Some(workers) = self.workers.get() {
                workers.revisit(channel.key);
            }
        }
    }

    fn visit(&self, channel: &Arc<Channel>, slot: &mut Option<Pump>, scratch: &mut Scratch) {
        let Some(pump) = slot else { return };
        if channel.orders.abandoned.load(Ordering::Acquire) {
            return self.close(channel, slot);
        }
        let mut reports = Vec::new();
        let progress = pump.step(channel, scratch, &mut reports);
        if progress == Progress::Finished {
            self.close(channel, slot);
        }
        if channel.orders.abandoned.load(Ordering::Acquire) {
            return self.close(channel, slot);
        }
        // The daemon can be at work while the rest is done.
        self.tell(reports.into_iter().map(|report| (Arc::clone(channel), report)));
        self.mark_dirty(channel);
        if let Some(pump) = slot {
            self.wait_for(channel, pump, progress);
        }
    }

    /// Arms what the channel waits for next.
    fn wait_for(&self, channel: &Arc<Channel>, pump: &mut Pump, progress: Progress) {
        let armed = match progress {
            // Nobody may ever write to the pipe again: what a dead child left is read without waiting.
            Progress::Reading if channel.orders.remaining.get().is_some() => {
                channel.orders.visits.fetch_add(1, Ordering::AcqRel);
                Ok(())
            }
            Progress::Reading => self.wait_for_output(channel, pump),
            Progress::Writing => self.wait_for_room(channel, pump),
            // It has reported, and rests in the poller.
            Progress::Ended => {
                pump.put_away();
                Ok(())
            }
            Progress::Resting | Progress::Finished => Ok(()),
        };
        // Only a descriptor that cannot be polled fails; what it holds up is told at the child's end.
        drop(armed);
    }

    fn wait_for_output(&self, channel: &Channel, pump: &Pump) -> io::Result<()> {
        if channel.source.arm(self.watcher(channel, |gap| pump.is_quiet(gap)), channel.key)? {
            channel.orders.visits.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }

    /// The file may have been opened again since it was last watched.
    fn wait_for_room(&self, channel: &Channel, pump: &mut Pump) -> io::Result<()> {
        pump.file_watched = true;
        let Some(fd) = pump.file().and_then(FileSink::fd) else { return Ok(()) };
        self.poller.arm(fd, channel.key, Readiness::Writable)
    }

    fn close(&self, channel: &Channel, slot: &mut Option<Pump>) {
        channel.source.forget(&self.poller);
        if let Some(lookout) = self.lookout.get().filter(|_| channel.carries_messages()) {
            channel.source.forget(&lookout.poller);
        }
        let watched = slot.take_if(|pump| pump.file_watched);
        if let Some(fd) = watched.as_ref().and_then(Pump::file).and_then(FileSink::fd) {
            self.poller.forget(fd);
        }
        *slot = None;
        lock(&self.registry).remove(&channel.key);
    }

    /// Figures nobody is in a hurry for are told by the watchdog's [`ReadyHandler::flush`].
    fn mark_dirty(&self, channel: &Arc<Channel>) {
        if channel.tally.has_figures() && !channel.tally.dirty.swap(true, Ordering::AcqRel) {
            lock(&self.dirty).push(Arc::clone(channel));
        }
    }

    /// The daemon is woken for the first report; it takes all that is there then.
    fn tell(&self, told: impl IntoIterator<Item = (Arc<Channel>, ChannelReport)>) {
        let mut reports = lock(&self.reports);
        let before = reports.is_empty();
        reports.extend(told);
        let after = reports.is_empty();
        drop(reports);
        if before && !after {
            (self.waker)();
        }
    }
}

#[cfg(test)]
mod tests;
