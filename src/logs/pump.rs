//! What is done with the bytes of one channel: capture, stripping, file, syslog, reports.
//!
//! A chain over slices of the worker's own buffer: a plain channel copies nothing between its one read
//! and its one write.

use std::io::{self, ErrorKind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::channel::{Channel, ChannelReport, ChannelSpec, MAX_UNTAKEN, Tally};
use super::pace::{Pace, SHORT};
use super::sink::{FileSink, Written};
use super::syslog_lines::SyslogLines;
use super::workers::Scratch;
use crate::wire::ansi::AnsiStripper;
use crate::wire::capture::{CaptureScanner, Piece};

/// While a log fails, the loss is told this often.
const TELL_LOSS: Duration = Duration::from_secs(10);
/// How long lines are gathered where a channel is busy with short writes.
const GATHER_LINES: Duration = Duration::from_micros(400);
/// How long messages are, where it is busy with those.
const GATHER_MESSAGES: Duration = Duration::from_micros(800);

/// A read of at least this much finds the pipe full, or nearly so.
const FULL: usize = 48 * 1024;
/// So many in a row, and the pipe gets more room.
const BUSY_READS: u8 = 8;
/// How much: twice of what is read at a time.
const ROOMY: i32 = 2 * Scratch::SIZE as i32;

/// Where the reports of a step go.
pub(super) type Reports = Vec<ChannelReport>;

/// The files and scanners of one channel.
pub struct Pump {
    file: Option<FileSink>,
    syslog: Option<SyslogLines>,
    filter: Filter,
    /// Read, but not yet taken by the file; the reports that wait for it.
    pending: Vec<u8>,
    deferred: Reports,
    loss: Loss,
    ended: bool,
    /// The file's descriptor is in the poller.
    pub(super) file_watched: bool,
    pace: Pace,
    /// What is for the file is left for later: whoever reads must not wait for it.
    defers: bool,
    /// Reads in a row that found the pipe full.
    full_reads: u8,
}

/// What is done to the bytes before anybody sees them.
enum Filter {
    /// Nothing.
    None,
    /// Escape sequences are removed.
    Strip(AnsiStripper),
    /// Messages are taken out (and, where asked for, escape sequences removed).
    Capture(CaptureScanner),
}

/// Whether output reaches the log; how much did not is in the channel's tally.
#[derive(Default)]
struct Loss {
    failing: bool,
    told: Option<Instant>,
}

/// What a channel waits for after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More output.
    Reading,
    /// Room in the log file.
    Writing,
    /// The daemon, which has not taken its reports.
    Resting,
    /// The child's end: the stream is over.
    Ended,
    /// Nothing: it is done.
    Finished,
}

impl Pump {
    pub(super) fn new(channel: &ChannelSpec, file: Option<FileSink>) -> Self {
        Self {
            file,
            syslog: channel.syslog.then(|| SyslogLines::new(channel.process.name())),
            filter: Filter::new(channel),
            pending: Vec::new(),
            deferred: Vec::new(),
            loss: Loss::default(),
            ended: false,
            file_watched: false,
            pace: Pace::default(),
            defers: false,
            full_reads: 0,
        }
    }

    /// Whether it has nothing more to say but what comes out of the pipe.
    pub(super) fn is_clear(&self, channel: &Channel) -> bool {
        self.pending.is_empty()
            && (self.ended || !channel.spec.copied)
            && channel.tally.lost.load(Ordering::Acquire) == 0
            && !self.filter.holds_back()
            && self.syslog.as_ref().is_none_or(|lines| !lines.holds_back())
    }

    /// Whether the file has not taken all that was read (test-only).
    #[cfg(test)]
    pub(super) fn is_held_up(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether its stream is over and closing it takes no time.
    pub(super) fn has_let_go(&self) -> bool {
        self.ended && self.pending.is_empty() && self.file.as_ref().is_none_or(|file| file.fd().is_none())
    }

    /// Its child has closed its end, and may live on.
    pub(super) fn put_away(&mut self) {
        if let Some(file) = &mut self.file {
            file.put_away();
        }
    }

    /// The descriptor to wait on for room.
    pub(super) fn file(&self) -> Option<&FileSink> {
        self.file.as_ref()
    }

    /// One chunk, at most: what was held up first, then a read.
    pub(super) fn step(
        &mut self,
        channel: &Channel,
        scratch: &mut Scratch,
        reports: &mut Reports,
    ) -> Progress {
        if channel.orders.reopen.swap(false, Ordering::AcqRel) {
            self.reopen(&channel.tally, reports);
        }
        if !self.flush_pending(channel, reports) {
            return Progress::Writing;
        }
        self.tell_refused(&channel.tally, reports);
        if self.ended {
            return self.at_end(channel, reports);
        }
        if is_to_rest(&channel.tally) {
            return Progress::Resting;
        }
        self.read(channel, scratch, reports)
    }

    /// A read of little, by somebody who must not wait for a file. What is not done so is a worker's: a file that
    /// is held up or to be opened, the end. What was read and is for the file waits for a worker, too.
    pub(super) fn glance(
        &mut self,
        channel: &Channel,
        scratch: &mut Scratch,
        reports: &mut Reports,
    ) -> Progress {
        let orders = &channel.orders;
        let bound = orders.remaining.get().is_some() || orders.reopen.load(Ordering::Acquire);
        if bound || self.ended || !self.pending.is_empty() {
            return Progress::Writing;
        }
        if is_to_rest(&channel.tally) {
            return Progress::Resting;
        }
        let mut buffer = std::mem::take(&mut scratch.read);
        let progress = match channel.source.read(&mut buffer[..SHORT]) {
            Ok(0) => Progress::Writing,
            Ok(n) => {
                self.pace.note(Instant::now(), n);
                self.defers = true;
                self.take(channel, &buffer[..n], scratch, reports);
                self.defers = false;
                if self.pending.is_empty() {
                    reports.extend(channel.take_figures());
                    Progress::Reading
                } else {
                    Progress::Writing
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Progress::Reading,
            Err(_) => Progress::Writing,
        };
        scratch.read = buffer;
        progress
    }

    /// Whether it says little, seldom, and nothing for a file.
    pub(super) fn is_quiet(&self, gap: Duration) -> bool {
        self.pace.is_quiet(gap)
    }

    fn read(&mut self, channel: &Channel, scratch: &mut Scratch, reports: &mut Reports) -> Progress {
        let remaining = channel.orders.remaining.get();
        let limit = remaining.unwrap_or(Scratch::SIZE).min(Scratch::SIZE);
        let mut buffer = std::mem::take(&mut scratch.read);
        let got = if limit == 0 { Ok(0) } else { channel.source.read(&mut buffer[..limit]) };
        let progress = match got {
            Ok(0) => self.end(channel, scratch, reports),
            Ok(n) => {
                if let Some(left) = remaining {
                    channel.orders.remaining.set(left - n);
                }
                scratch.pressed |= n >= FULL;
                self.make_room(channel, n);
                self.pace.note(Instant::now(), n);
                if self.pace.is_busy_with_little() {
                    scratch.gather = scratch.gather.max(Some(self.gathering()));
                }
                self.take(channel, &buffer[..n], scratch, reports);
                if self.pending.is_empty() { Progress::Reading } else { Progress::Writing }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock && remaining.is_none() => Progress::Reading,
            Err(_) => self.end(channel, scratch, reports),
        };
        scratch.read = buffer;
        progress
    }

    /// A pipe that is always full gets more room, once.
    fn make_room(&mut self, channel: &Channel, n: usize) {
        self.full_reads = match self.full_reads {
            BUSY_READS => return,
            reads if n >= FULL => reads + 1,
            _ => 0,
        };
        if self.full_reads == BUSY_READS {
            channel.source.enlarge(ROOMY);
        }
    }

    /// Each message is an event and comes by itself; events of lines hold what has been gathered, and whoever
    /// waits for them waits longer.
    fn gathering(&self) -> Duration {
        match self.filter {
            Filter::Capture(_) => GATHER_MESSAGES,
            Filter::None | Filter::Strip(_) => GATHER_LINES,
        }
    }

    /// The stream is over: what was held back goes out.
    fn end(&mut self, channel: &Channel, scratch: &mut Scratch, reports: &mut Reports) -> Progress {
        self.ended = true;
        if channel.spec.copied
            && let Some(fd) = channel.source.hung_up()
        {
            self.report(channel, ChannelReport::Ended { fd }, reports);
        }
        match &mut self.filter {
            Filter::None => {}
            Filter::Strip(stripper) => {
                scratch.out.clear();
                stripper.finish(&mut scratch.out);
                self.text(channel, &scratch.out, true, reports);
            }
            Filter::Capture(scanner) => {
                scanner.finish(&mut scratch.pieces);
                self.pieces(channel, &mut scratch.pieces, reports);
            }
        }
        if let Some(lines) = &mut self.syslog {
            lines.finish();
        }
        if !self.flush_pending(channel, reports) {
            return Progress::Writing;
        }
        self.at_end(channel, reports)
    }

    fn at_end(&mut self, channel: &Channel, reports: &mut Reports) -> Progress {
        if channel.orders.remaining.get().is_none() {
            return Progress::Ended;
        }
        reports.extend(channel.take_figures());
        self.tell_loss(&channel.tally, reports);
        reports.push(ChannelReport::Finished);
        Progress::Finished
    }

    /// A chunk just read.
    fn take(&mut self, channel: &Channel, chunk: &[u8], scratch: &mut Scratch, reports: &mut Reports) {
        channel.tally.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        channel.tally.lines.fetch_add(memchr::memchr_iter(b'\n', chunk).count() as u64, Ordering::Relaxed);
        match &mut self.filter {
            Filter::Capture(scanner) => {
                scanner.push(Bytes::copy_from_slice(chunk), &mut scratch.pieces);
                self.pieces(channel, &mut scratch.pieces, reports);
            }
            Filter::Strip(stripper) if !stripper.is_plain(chunk) => {
                scratch.out.clear();
                stripper.strip(chunk, &mut scratch.out);
                if scratch.out.is_empty() && !stripper.holds_back() {
                    return self.tell(channel, &[], reports);
                }
                self.text(channel, &scratch.out, true, reports);
            }
            Filter::None | Filter::Strip(_) => self.text(channel, chunk, true, reports),
        }
    }

    fn pieces(&mut self, channel: &Channel, pieces: &mut Vec<Piece>, reports: &mut Reports) {
        for piece in pieces.drain(..) {
            match piece {
                Piece::Plain(data) => self.text(channel, &data, true, reports),
                Piece::Captured(data) => self.text(channel, &data, false, reports),
                Piece::Message(data) => self.report(channel, ChannelReport::Message(data), reports),
            }
        }
    }

    /// Output as events show it (E-048: also what is between tokens); the log gets it only if `logged`.
    fn text(&mut self, channel: &Channel, data: &[u8], logged: bool, reports: &mut Reports) {
        if data.is_empty() {
            return;
        }
        if logged {
            self.log(channel, data, reports);
        }
        self.tell(channel, data, reports);
    }

    /// To whoever wants the bytes; also that there is nothing left of them once they are stripped.
    fn tell(&mut self, channel: &Channel, data: &[u8], reports: &mut Reports) {
        if channel.is_tapped() {
            let report = channel.take_figures_with(Some(Bytes::copy_from_slice(data)));
            self.report(channel, report, reports);
        }
    }

    fn report(&mut self, channel: &Channel, report: ChannelReport, reports: &mut Reports) {
        let size = match &report {
            ChannelReport::Output { data: Some(data), .. } | ChannelReport::Message(data) => data.len(),
            _ => 0,
        };
        channel.tally.untaken.fetch_add(size, Ordering::AcqRel);
        let reports = if self.pending.is_empty() { reports } else { &mut self.deferred };
        reports.push(report);
    }

    fn log(&mut self, channel: &Channel, data: &[u8], reports: &mut Reports) {
        if let Some(lines) = &mut self.syslog {
            lines.push(data);
        }
        if self.file.is_none() {
            return;
        }
        self.pace.note_logged();
        if self.pending.is_empty() && !self.defers {
            channel.tally.in_hand.store(data.len(), Ordering::Release);
            let rest = self.write(&channel.tally, data, reports);
            self.pending.extend_from_slice(&data[data.len() - rest..]);
        } else {
            self.pending.extend_from_slice(data);
        }
        channel.tally.in_hand.store(self.pending.len(), Ordering::Release);
    }

    /// Whether nothing is held up (any more).
    fn flush_pending(&mut self, channel: &Channel, reports: &mut Reports) -> bool {
        if self.pending.is_empty() {
            return true;
        }
        let pending = std::mem::take(&mut self.pending);
        let rest = self.write(&channel.tally, &pending, reports);
        if rest > 0 {
            self.pending = pending;
            self.pending.drain(..self.pending.len() - rest);
        }
        channel.tally.in_hand.store(rest, Ordering::Release);
        if rest == 0 {
            reports.append(&mut self.deferred);
        }
        rest == 0
    }

    /// Writes to the file; how many bytes at the end it did not take yet.
    fn write(&mut self, tally: &Tally, data: &[u8], reports: &mut Reports) -> usize {
        let Some(file) = &mut self.file else { return 0 };
        let before = file.rotations();
        let written = file.write(data);
        tally.rotations.fetch_add(file.rotations() - before, Ordering::AcqRel);
        match written {
            Written::All => {
                self.recovered(tally, reports);
                0
            }
            Written::Blocked(taken) => data.len() - taken,
            Written::Failed(taken, error) => {
                self.lost(tally, data.len() - taken, &error, reports);
                0
            }
        }
    }

    fn lost(&mut self, tally: &Tally, bytes: usize, error: &io::Error, reports: &mut Reports) {
        tally.write_errors.fetch_add(1, Ordering::AcqRel);
        tally.lost.fetch_add(bytes as u64, Ordering::AcqRel);
        if !self.loss.failing {
            self.loss.failing = true;
            self.loss.told = Some(Instant::now());
            reports.push(ChannelReport::LogFailed(error.to_string()));
        }
        if self.loss.told.is_some_and(|at| at.elapsed() >= TELL_LOSS) {
            self.tell_loss(tally, reports);
        }
    }

    fn recovered(&mut self, tally: &Tally, reports: &mut Reports) {
        if self.loss.failing {
            self.loss.failing = false;
            self.tell_loss(tally, reports);
        }
    }

    /// What was handed in and not taken is told now and then, though the file does not fail.
    fn tell_refused(&mut self, tally: &Tally, reports: &mut Reports) {
        let due = self.loss.told.is_none_or(|at| at.elapsed() >= TELL_LOSS);
        if !self.loss.failing && due {
            self.tell_loss(tally, reports);
        }
    }

    fn tell_loss(&mut self, tally: &Tally, reports: &mut Reports) {
        let bytes = tally.lost.swap(0, Ordering::AcqRel);
        if bytes > 0 {
            self.loss.told = Some(Instant::now());
            reports.push(ChannelReport::Dropped(bytes));
        }
    }

    fn reopen(&mut self, tally: &Tally, reports: &mut Reports) {
        if let Some(Err(error)) = self.file.as_mut().map(FileSink::reopen) {
            self.lost(tally, 0, &error, reports);
        }
    }
}

impl Filter {
    fn new(channel: &ChannelSpec) -> Self {
        match channel.capture {
            Some(max_bytes) => Self::Capture(CaptureScanner::new(max_bytes, channel.strip_ansi)),
            None if channel.strip_ansi => Self::Strip(AnsiStripper::default()),
            None => Self::None,
        }
    }

    /// Whether something was read that nobody has seen yet.
    fn holds_back(&self) -> bool {
        match self {
            Self::None => false,
            Self::Strip(stripper) => stripper.holds_back(),
            Self::Capture(scanner) => scanner.holds_back(),
        }
    }
}

/// Whether the daemon has not taken enough of the reports; if so, it will ask for a visit when it has.
fn is_to_rest(tally: &Tally) -> bool {
    if tally.untaken.load(Ordering::Acquire) <= MAX_UNTAKEN {
        return false;
    }
    tally.paused.store(true, Ordering::SeqCst);
    // Looked at again: the daemon may have taken them in between.
    if tally.untaken.load(Ordering::SeqCst) > MAX_UNTAKEN {
        return true;
    }
    tally.paused.store(false, Ordering::SeqCst);
    false
}
