//! One output channel of one child: from its pipe through capture and stripping to its log.
//!
//! A channel is shared by the thread that decides and the workers. Its `Pump` is behind a lock that
//! only a worker holds for long; what the daemon wants of it while it may be held is said in atomics.
//! Read, write, report happen in this order for each chunk (E-044): whoever hears of output finds it
//! in the file. A log file that takes nothing stops the reading, so it is the child that waits.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;

use super::pump::Pump;
use super::sink::FileSpec;
use super::source::Source;
use crate::model::event::Channel as Which;
use crate::model::name::ProcessName;

/// What becomes of a channel's output.
#[derive(Clone, Debug)]
pub struct ChannelSpec {
    /// Whose output it is.
    pub process: ProcessName,
    /// Which of the two.
    pub channel: Which,
    /// Its output is announced as PROCESS_LOG events (E-045).
    pub announced: bool,
    /// Somebody else wants to see the bytes: the activity log at level debug.
    pub copied: bool,
    /// Size of the capture buffer, if capture is on (D-443).
    pub capture: Option<usize>,
    /// Escape sequences are removed (D-440).
    pub strip_ansi: bool,
    /// The log file.
    pub file: Option<FileSpec>,
    /// Lines also go to syslog (D-441).
    pub syslog: bool,
}

/// A channel of a child that was spawned.
pub struct Channel {
    /// What becomes of its output.
    pub spec: ChannelSpec,
    /// The child.
    pub pid: i32,
    /// The key under which it is known.
    pub key: usize,
    pub(super) source: Source,
    pub(super) pump: Mutex<Option<Pump>>,
    pub(super) orders: Orders,
    pub(super) tally: Tally,
}

/// What the daemon wants of a channel, looked at by whoever holds the pump.
#[derive(Default)]
pub(super) struct Orders {
    /// Visits asked for and not yet made. Who raises it from 0 makes them all.
    pub(super) visits: AtomicUsize,
    /// Open the file again.
    pub(super) reopen: AtomicBool,
    /// The child is dead: read this many bytes more, then end. -1: it lives.
    pub(super) remaining: Remaining,
    /// The daemon waits no longer; nothing is reported any more.
    pub(super) abandoned: AtomicBool,
}

/// Bytes still to be read of a dead child's pipe.
pub(super) struct Remaining(AtomicI64);

impl Default for Remaining {
    fn default() -> Self {
        Self(AtomicI64::new(-1))
    }
}

impl Remaining {
    pub(super) fn get(&self) -> Option<usize> {
        usize::try_from(self.0.load(Ordering::Acquire)).ok()
    }

    pub(super) fn set(&self, bytes: usize) {
        self.0.store(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Release);
    }
}

/// What was read and not yet reported, and what is on its way.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) bytes: AtomicU64,
    pub(super) lines: AtomicU64,
    /// Rotations of the log, and writes that it refused.
    pub(super) rotations: AtomicU64,
    pub(super) write_errors: AtomicU64,
    pub(super) dirty: AtomicBool,
    /// Something was handed in that nobody was sent to look at yet.
    pub(super) fed: AtomicBool,
    /// Bytes read whose way into the file is not over.
    pub(super) in_hand: AtomicUsize,
    /// Bytes the log refused, not yet told.
    pub(super) lost: AtomicU64,
    /// Bytes in reports that the daemon has not taken yet.
    pub(super) untaken: AtomicUsize,
    /// Rests because of those.
    pub(super) paused: AtomicBool,
}

impl Tally {
    /// Whether anything was counted that is not yet reported.
    pub(super) fn has_figures(&self) -> bool {
        [&self.bytes, &self.rotations, &self.write_errors].iter().any(|it| it.load(Ordering::Relaxed) > 0)
    }
}

/// Reports of one channel may hold this much before it rests.
pub(super) const MAX_UNTAKEN: usize = 256 * 1024;

/// What a channel tells the daemon.
#[derive(Debug, PartialEq, Eq)]
pub enum ChannelReport {
    /// Output was read and written to the log; the bytes, where somebody wants them.
    Output {
        /// How many.
        bytes: u64,
        /// Line feeds among them.
        lines: u64,
        /// Rotations of the log meanwhile.
        rotations: u64,
        /// Writes that the log refused meanwhile.
        write_errors: u64,
        /// After stripping.
        data: Option<Bytes>,
    },
    /// A message stood between capture tokens.
    Message(Bytes),
    /// The stream ended (D-353); told only where somebody wants to see it.
    Ended {
        /// The descriptor that was.
        fd: i32,
    },
    /// The log cannot be written.
    LogFailed(String),
    /// So many bytes were dropped, all told since the last such report.
    Dropped(u64),
    /// All that the dead child had written is read and handled; the channel is closed.
    Finished,
}

impl Channel {
    pub(super) fn new(spec: ChannelSpec, pid: i32, key: usize, source: Source, pump: Pump) -> Self {
        Self {
            spec,
            pid,
            key,
            source,
            pump: Mutex::new(Some(pump)),
            orders: Orders::default(),
            tally: Tally::default(),
        }
    }

    /// Whether what is read of it, while that is little, is for the daemon more than for the log: each message is
    /// an event, and somebody may wait for it. Whether syslog takes a line at once nobody knows.
    pub(super) fn carries_messages(&self) -> bool {
        self.spec.capture.is_some() && !self.spec.syslog
    }

    /// Whether the bytes themselves are reported.
    pub(super) fn is_tapped(&self) -> bool {
        self.spec.announced || self.spec.copied
    }

    /// Takes the figures that were not reported yet.
    pub fn take_figures(&self) -> Option<ChannelReport> {
        self.tally.has_figures().then(|| self.take_figures_with(None))
    }

    /// The same, with data.
    pub(super) fn take_figures_with(&self, data: Option<Bytes>) -> ChannelReport {
        let take = |figure: &AtomicU64| figure.swap(0, Ordering::AcqRel);
        let Tally { bytes, lines, rotations, write_errors, .. } = &self.tally;
        ChannelReport::Output {
            bytes: take(bytes),
            lines: take(lines),
            rotations: take(rotations),
            write_errors: take(write_errors),
            data,
        }
    }

    /// Whether nothing is unread, unwritten or asked for; then the exit can be told at once. `pump` is
    /// this channel's.
    pub(super) fn is_dry(&self, pump: Option<&Pump>) -> bool {
        let reopens = self.orders.reopen.load(Ordering::Acquire);
        pump.is_none_or(|pump| !reopens && pump.is_clear(self) && self.source.unread() == 0)
    }

    /// How much is lost if nobody waits for it any more, with what was lost before and is now told.
    pub(super) fn take_loss(&self) -> u64 {
        let unread = self.source.unread().min(self.orders.remaining.get().unwrap_or(0));
        let unfinished = unread + self.tally.in_hand.load(Ordering::Acquire);
        unfinished as u64 + self.tally.lost.swap(0, Ordering::AcqRel)
    }
}
