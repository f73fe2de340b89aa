//! Threads for what may block: file writes, opens, renames.
//!
//! One worker is enough as long as the disk answers: it waits for readiness and for jobs, and does them one
//! after the other. While a worker is stuck in a call (a hung disk), a watchdog starts another one, so that what is
//! stuck holds up nothing but itself; the surplus ends when it is idle. The watchdog sleeps while there is
//! nothing to do: an idle daemon has no wake-ups from here.
//!
//! Who owns what: one job is run at a time, but for those that are stuck; a watched descriptor reports once and
//! rests until it is armed again, so one channel is never handled by two workers.

mod answers;
mod buffer;
mod queue;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use answers::Answers;
pub use buffer::Buffer;
use queue::{Call, Queue, Task};

use crate::sys::poller::{Poller, Ready};
use crate::sys::thread;
use crate::wire::capture::Piece;

/// A worker that is in one call for this long is held to be stuck.
const STUCK_AFTER: Duration = Duration::from_millis(25);
/// Threads there may be; beyond it, jobs wait for a stuck one.
const MAX_WORKERS: usize = 128;
/// The watchdog goes back to sleep after this many looks at which nothing had happened.
const QUIET_LOOKS: u32 = 8;
/// Workers need little stack.
const STACK: usize = 256 * 1024;

/// Something that may block.
pub type Job = Box<dyn FnOnce(&mut Scratch) + Send>;

/// What a worker does when a watched descriptor is ready.
pub trait ReadyHandler: Send + Sync {
    /// The descriptor registered under `key` is ready.
    fn ready(&self, key: usize, scratch: &mut Scratch);

    /// Called at times while there is activity: to pass on what was gathered.
    fn flush(&self);

    /// Jobs have left answers to be taken.
    fn answered(&self);
}

/// A worker's own buffer, lent to whatever it runs.
pub struct Scratch {
    /// For reading: [`Scratch::SIZE`] bytes.
    pub read: Buffer,
    /// For what is left of them after stripping.
    pub out: Vec<u8>,
    /// For what a capture scanner makes of them.
    pub pieces: Vec<Piece>,
    /// Set by a handler that read little from a busy pipe: worth waiting so long to gather more.
    pub gather: Option<Duration>,
    /// Set by a handler that found a pipe full: its writer waits, so nobody may wait to gather.
    pub pressed: bool,
    /// Set by a job that has left an answer.
    pub answered: bool,
}

impl Scratch {
    /// At most this much is read from a channel at a time (D-400).
    pub const SIZE: usize = 128 * 1024;

    pub(super) fn new() -> Self {
        Self {
            read: Buffer::new(Self::SIZE),
            out: Vec::new(),
            pieces: Vec::new(),
            gather: None,
            pressed: false,
            answered: false,
        }
    }

    /// How long to wait before more is read.
    fn take_gathering(&mut self) -> Option<Duration> {
        let pressed = std::mem::take(&mut self.pressed);
        self.gather.take().filter(|_| !pressed)
    }
}

/// The pool of workers. Cheap to clone; the threads end with the process.
#[derive(Clone)]
pub struct Workers(Arc<Shared>);

struct Shared {
    poller: Arc<Poller>,
    handler: Arc<dyn ReadyHandler>,
    queue: Mutex<Queue>,
    /// Signalled when a job comes in while the poller is taken.
    work: Condvar,
    /// Grows with each thing done; the watchdog compares.
    progress: AtomicU64,
    /// Whether the watchdog is looking.
    watched: AtomicBool,
    /// There is something to flush at its next look. No progress: that is what workers make.
    flush_due: AtomicBool,
    alarm: Condvar,
    /// What was answered and not told yet.
    answers: Mutex<Answers>,
}

impl Workers {
    /// Starts the first worker and the watchdog.
    pub fn start(poller: Arc<Poller>, handler: Arc<dyn ReadyHandler>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            poller,
            handler,
            queue: Mutex::default(),
            work: Condvar::new(),
            progress: AtomicU64::new(0),
            watched: AtomicBool::new(false),
            flush_due: AtomicBool::new(false),
            alarm: Condvar::new(),
            answers: Mutex::default(),
        });
        shared.lock().threads = 1;
        let worker = Arc::clone(&shared);
        thread::spawn("log-worker", STACK, move || worker.work())?;
        let watchdog = Arc::clone(&shared);
        thread::spawn("log-watchdog", STACK, move || watchdog.watch())?;
        Ok(Self(shared))
    }

    /// Hands over a job. Never blocks.
    pub fn run(&self, job: Job) {
        self.0.submit(|queue| queue.push_job(job));
    }

    /// Hands over a job whose result is waited for; it is dropped if nobody does any more. Never blocks.
    pub fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Scratch) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (answer, ticket) = oneshot::channel();
        self.run(Box::new(move |scratch| drop(answer.send(work(scratch)))));
        ticket
    }

    /// Has the handler's [`ReadyHandler::flush`] called before long. Never blocks.
    pub fn flush_soon(&self) {
        // Seen by a watchdog that is about to go to sleep.
        self.0.flush_due.store(true, Ordering::Release);
        self.0.arm();
    }

    /// Has the handler called for `key`, as if its descriptor had become ready. Never blocks.
    pub fn revisit(&self, key: usize) {
        self.0.submit(|queue| queue.push_ready(key));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&self, push: impl FnOnce(&mut Queue) -> Call) {
        let call = push(&mut self.lock());
        // Whoever comes finds the lock free.
        self.tell(call);
        self.arm();
    }

    fn tell(&self, call: Call) {
        match call {
            Call::Idle => self.work.notify_one(),
            Call::Polling => self.poller.wake(),
            Call::Nobody => {}
        }
    }

    /// Has the watchdog look, if it does not yet.
    fn arm(&self) {
        if !self.watched.swap(true, Ordering::AcqRel) {
            let _queue = self.lock();
            self.alarm.notify_one();
        }
    }

    fn work(&self) {
        let mut scratch = Scratch::new();
        let mut ready = Ready::new();
        while let Some(task) = self.next(&mut ready, &mut scratch) {
            self.arm();
            match task {
                Task::Run(job, number) => {
                    job(&mut scratch);
                    self.done(number, &mut scratch);
                }
                Task::Ready(key) => self.handler.ready(key, &mut scratch),
            }
            self.progress.fetch_add(1, Ordering::Relaxed);
            // It may have lasted for longer than the watchdog looked, and have left something to flush.
            self.arm();
        }
    }

    /// A job has ended; the next one may begin, and its answer is told.
    fn done(&self, number: u64, scratch: &mut Scratch) {
        let mut queue = self.lock();
        queue.release(number);
        let more = queue.has_jobs();
        drop(queue);
        let now = Instant::now();
        if std::mem::take(&mut scratch.answered) {
            self.answers().left(now);
        }
        self.tell_answers(now, more);
    }

    fn tell_answers(&self, now: Instant, more: bool) {
        let due = self.answers().take_due(now, more);
        if due {
            self.handler.answered();
        }
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next task; waits for it. `None`: there are workers enough without this one.
    fn next(&self, ready: &mut Ready, scratch: &mut Scratch) -> Option<Task> {
        let mut queue = self.lock();
        loop {
            if let Some(task) = queue.take() {
                return Some(task);
            }
            if queue.goes_idle() {
                if queue.threads > 2 {
                    queue.came();
                    queue.threads -= 1;
                    return None;
                }
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.came();
                continue;
            }
            queue = match scratch.take_gathering() {
                Some(span) => self.gather(queue, span),
                None => self.poll(queue, ready),
            };
        }
    }

    /// Lets short writes pile up in their pipes for a moment; a job ends it at once.
    fn gather<'a>(&'a self, mut queue: MutexGuard<'a, Queue>, span: Duration) -> MutexGuard<'a, Queue> {
        queue.pauses();
        let waited = self.work.wait_timeout(queue, span);
        let mut queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        queue.came();
        queue
    }

    fn poll<'a>(&'a self, mut queue: MutexGuard<'a, Queue>, ready: &mut Ready) -> MutexGuard<'a, Queue> {
        queue.polls();
        drop(queue);
        if self.poller.wait(ready).is_err() {
            // Nothing is known to make it fail; do not spin if something does.
            std::thread::yield_now();
        }
        let mut queue = self.lock();
        queue.polled(ready.keys());
        queue
    }

    fn watch(self: Arc<Self>) {
        let mut queue = self.lock();
        loop {
            while !self.watched.load(Ordering::Acquire) {
                queue = self.alarm.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            drop(queue);
            self.look_while_active();
            queue = self.lock();
        }
    }

    fn look_while_active(self: &Arc<Self>) {
        let mut seen = self.progress.load(Ordering::Relaxed);
        let mut held = None;
        let mut quiet = 0;
        while quiet < QUIET_LOOKS {
            std::thread::park_timeout(STUCK_AFTER);
            let flushes = self.flush_due.swap(false, Ordering::AcqRel);
            self.handler.flush();
            // The job that follows may be stuck.
            self.tell_answers(Instant::now(), false);
            let now = self.progress.load(Ordering::Relaxed);
            quiet = if now == seen && !flushes { quiet + 1 } else { 0 };
            let job_stuck = self.is_job_stuck(&mut held);
            if (now == seen || job_stuck) && self.relieve() {
                quiet = 0;
            }
            seen = now;
        }
        self.watched.swap(false, Ordering::AcqRel);
        // What was begun, done or asked for between the last look and the line above did not ring the alarm.
        let flushes = self.flush_due.load(Ordering::Acquire);
        if flushes || self.progress.load(Ordering::Relaxed) != seen || !self.lock().is_attended() {
            self.watched.store(true, Ordering::Release);
        }
    }

    /// Whether others wait for the same job as they did at the last look; they do so no longer.
    fn is_job_stuck(&self, held: &mut Option<u64>) -> bool {
        let mut queue = self.lock();
        let before = std::mem::replace(held, queue.holder());
        let stuck = held.filter(|_| *held == before);
        if let Some(number) = stuck {
            queue.release(number);
        }
        stuck.is_some()
    }

    /// Has somebody see to what comes, and to what waits, while others are stuck: one who is idle, the
    /// one who polls, or else a new worker. Whether that was needed.
    fn relieve(self: &Arc<Self>) -> bool {
        let mut queue = self.lock();
        if queue.is_attended() {
            return false;
        }
        let call = queue.call();
        if call != Call::Nobody {
            drop(queue);
            self.tell(call);
        } else if queue.is_deserted() && queue.threads < MAX_WORKERS {
            let worker = Arc::clone(self);
            if thread::spawn("log-worker", STACK, move || worker.work()).is_ok() {
                queue.threads += 1;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct Nothing;

    impl ReadyHandler for Nothing {
        fn ready(&self, _: usize, _: &mut Scratch) {}
        fn flush(&self) {}
        fn answered(&self) {}
    }

    fn workers() -> Workers {
        Workers::start(Arc::new(Poller::new().unwrap()), Arc::new(Nothing)).unwrap()
    }

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn jobs_run_in_order() {
        let workers = workers();
        let (done, results) = mpsc::channel();
        for n in 0..100 {
            let done = done.clone();
            workers.run(Box::new(move |_| done.send(n).unwrap()));
        }
        for n in 0..100 {
            assert_eq!(results.recv_timeout(PATIENCE), Ok(n));
        }
    }

    #[test]
    fn a_stuck_job_holds_up_nothing_but_itself() {
        let workers = workers();
        let (done, results) = mpsc::channel();
        let mut releases = Vec::new();
        for _ in 0..5 {
            let (release, blocked) = mpsc::channel::<()>();
            releases.push(release);
            let done = done.clone();
            workers.run(Box::new(move |_| {
                blocked.recv().unwrap_err();
                done.send("stuck").unwrap();
            }));
        }
        let sender = done.clone();
        workers.run(Box::new(move |_| sender.send("quick").unwrap()));
        assert_eq!(results.recv_timeout(PATIENCE), Ok("quick"));
        releases.clear();
        for _ in 0..5 {
            assert_eq!(results.recv_timeout(PATIENCE), Ok("stuck"));
        }
    }

    /// Sends on what it is told.
    struct Told(mpsc::Sender<()>);

    impl ReadyHandler for Told {
        fn ready(&self, _: usize, _: &mut Scratch) {}
        fn flush(&self) {}
        fn answered(&self) {
            let _nobody_asks_any_more = self.0.send(());
        }
    }

    #[test]
    fn an_answer_does_not_wait_for_the_job_that_follows_and_is_stuck() {
        let (tell, told) = mpsc::channel();
        let workers = Workers::start(Arc::new(Poller::new().unwrap()), Arc::new(Told(tell))).unwrap();
        let (begin, begun) = mpsc::channel::<()>();
        let (release, blocked) = mpsc::channel::<()>();
        workers.run(Box::new(move |scratch| {
            begun.recv().unwrap_err();
            scratch.answered = true;
        }));
        workers.run(Box::new(move |_| {
            let _released = blocked.recv();
        }));
        drop(begin);
        assert_eq!(told.recv_timeout(PATIENCE), Ok(()));
        drop(release);
    }

    /// Stuck with whatever is ready, until its sender is gone.
    struct Stuck(Mutex<mpsc::Receiver<()>>);

    impl ReadyHandler for Stuck {
        fn ready(&self, _: usize, _: &mut Scratch) {
            self.0.lock().unwrap().recv().unwrap_err();
        }
        fn flush(&self) {}
        fn answered(&self) {}
    }

    #[test]
    fn who_has_something_to_flush_all_the_time_hides_nobody_who_is_stuck() {
        let (release, blocked) = mpsc::channel::<()>();
        let handler = Arc::new(Stuck(Mutex::new(blocked)));
        let workers = Workers::start(Arc::new(Poller::new().unwrap()), handler).unwrap();
        workers.revisit(0);
        let (done, results) = mpsc::channel();
        workers.run(Box::new(move |_| done.send(()).unwrap()));
        let deadline = std::time::Instant::now() + PATIENCE;
        while results.recv_timeout(Duration::from_millis(1)).is_err() {
            assert!(std::time::Instant::now() < deadline, "nobody came");
            workers.flush_soon();
        }
        drop(release);
    }
}
