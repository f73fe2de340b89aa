//! The activity log: the daemon's own log, an observer of the bus (daemon.md, section 10).
//!
//! Lines are formatted when the fact is published and gathered for each outlet (the log file or
//! syslog, and in the foreground stdout); a worker writes them. Until the workers run, and after they
//! are needed no more, the daemon writes them itself. An outlet that is stuck holds up nobody: what it
//! does not take beyond `MAX_WAITING` bytes is dropped, and the count is said in its place.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::sink::{FileSink, FileSpec, Written};
use super::workers::Workers;
use crate::bus::Observer;
use crate::model::event::{Event, EventKind, EventRecord};
use crate::model::interest::Interest;
use crate::model::notice::{Level, Notice};
use crate::model::time::WallTime;
use crate::sys::{clock, stdio, syslog};

/// Bytes that may wait for a slow outlet.
const MAX_WAITING: usize = 1 << 20;

/// The activity log.
pub struct Journal {
    level: Level,
    outlets: Vec<Arc<Outlet>>,
    /// The daemon's own stdout and stderr, for what is no line of the log.
    console: [Arc<Outlet>; 2],
    /// Something was added since it was last handed to the workers.
    fresh: Cell<bool>,
    /// The second that was last formatted, and how it is written.
    second: Cell<Option<(i64, [u8; 19])>>,
}

/// Where lines go.
struct Outlet {
    waiting: Mutex<Waiting>,
    written: Condvar,
    target: Mutex<Target>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    dropped: u64,
    /// A worker has been asked to write, or does.
    busy: bool,
    reopen: bool,
    /// Somebody waits until it is written.
    awaited: bool,
}

enum Target {
    File(FileSink),
    Syslog,
    Stdout,
    Stderr,
}

/// Where the activity log goes, beside stdout.
#[derive(Clone, Debug)]
pub enum JournalTarget {
    /// A file.
    File(FileSpec),
    /// The local syslog (D-441).
    Syslog,
}

impl Journal {
    /// Opens the log; with `echo`, lines also go to stdout (D-224).
    pub fn open(target: JournalTarget, level: Level, echo: bool) -> io::Result<Rc<Self>> {
        let target = match target {
            JournalTarget::File(spec) => Target::File(FileSink::open(spec)?),
            JournalTarget::Syslog => Target::Syslog,
        };
        if echo {
            // A stdout that is closed is found out by the first line, which is lost.
            drop(stdio::append_to_stdout());
        }
        let console = [Target::Stdout, Target::Stderr].map(|target| Arc::new(Outlet::new(target)));
        let echo = echo.then(|| Arc::clone(&console[0]));
        let outlets = [Arc::new(Outlet::new(target))].into_iter().chain(echo).collect();
        Ok(Rc::new(Self { level, outlets, console, fresh: Cell::new(false), second: Cell::new(None) }))
    }

    /// The least level that is written.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whether it shows details, such as what children write (D-406).
    pub fn tells_details(&self) -> bool {
        self.level <= Level::Debug
    }

    /// Adds a line.
    pub fn write(&self, at: WallTime, notice: &Notice) {
        let level = notice.level();
        if level < self.level {
            return;
        }
        let mut line = String::with_capacity(128);
        self.stamp(at, &mut line);
        let formatted = writeln!(line, " {} {notice}", level.code());
        formatted.expect("writing to a String cannot fail");
        for outlet in &self.outlets {
            outlet.add(line.as_bytes());
        }
        self.fresh.set(true);
    }

    /// Writes to the daemon's own stdout, or stderr, what is no line of the log (E-126).
    pub fn print(&self, text: &[u8], to_stderr: bool) {
        self.console[usize::from(to_stderr)].add(text);
        self.fresh.set(true);
    }

    fn all_outlets(&self) -> impl Iterator<Item = &Arc<Outlet>> {
        self.outlets.iter().chain(&self.console)
    }

    /// Hands what has come in to the workers.
    pub fn flush(&self, workers: &Workers) {
        if !self.fresh.take() {
            return;
        }
        for outlet in self.all_outlets() {
            Outlet::flush(outlet, workers);
        }
    }

    /// Writes what has come in, here and now; for the time before the workers run.
    pub fn flush_here(&self) {
        for outlet in &self.outlets {
            outlet.drain();
        }
    }

    /// Has the file closed and opened again; what was said before is written to the old one (D-264).
    pub fn reopen(&self, workers: &Workers) {
        for outlet in &self.outlets {
            outlet.lock().reopen = true;
            Outlet::flush(outlet, workers);
        }
    }

    /// Waits until everything is written, or the time is over.
    pub fn settle(&self, workers: &Workers, patience: Duration) {
        self.flush(workers);
        let deadline = Instant::now() + patience;
        for outlet in self.all_outlets() {
            outlet.settle(deadline);
        }
    }

    /// The time of a line; what does not change within a second is formatted once.
    fn stamp(&self, at: WallTime, line: &mut String) {
        let text = match self.second.get() {
            Some((second, text)) if second == at.secs() => text,
            _ => {
                let text = second(at);
                self.second.set(Some((at.secs(), text)));
                text
            }
        };
        line.push_str(&String::from_utf8_lossy(&text));
        write!(line, ",{:03}", at.millis()).expect("writing to a String cannot fail");
    }
}

/// `2026-01-31 13:05:09` in local time.
fn second(at: WallTime) -> [u8; 19] {
    let mut text = [b' '; 19];
    let formatted = write!(&mut text[..], "{}", clock::local(at).format("%Y-%m-%d %H:%M:%S"));
    formatted.expect("a date has 19 characters");
    text
}

/// `2026-01-31 13:05:09,042` in local time (D-460).
fn stamp(at: WallTime) -> String {
    format!("{},{:03}", String::from_utf8_lossy(&second(at)), at.millis())
}

impl Observer for Journal {
    fn interest(&self) -> Interest {
        let notices = Interest::NONE.with(EventKind::Notice);
        if self.tells_details() { notices.with(EventKind::Detail) } else { notices }
    }

    fn observe(&self, record: &Rc<EventRecord>) {
        if let Event::Noticed(notice) = &record.event {
            self.write(record.at.wall, notice);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outlet {
    fn new(target: Target) -> Self {
        Self { waiting: Mutex::default(), written: Condvar::new(), target: Mutex::new(target) }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.waiting)
    }

    fn add(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.lines.len() + line.len() > MAX_WAITING {
            waiting.dropped += 1;
        } else {
            waiting.lines.extend_from_slice(line);
        }
    }

    fn flush(self: &Arc<Self>, workers: &Workers) {
        let mut waiting = self.lock();
        if waiting.busy || (waiting.lines.is_empty() && waiting.dropped == 0 && !waiting.reopen) {
            return;
        }
        waiting.busy = true;
        drop(waiting);
        let outlet = Arc::clone(self);
        workers.run(Box::new(move |_| outlet.drain()));
    }

    /// Writes until nothing waits.
    fn drain(&self) {
        loop {
            let mut waiting = self.lock();
            let mut lines = std::mem::take(&mut waiting.lines);
            let dropped = std::mem::take(&mut waiting.dropped);
            let reopen = std::mem::take(&mut waiting.reopen);
            if lines.is_empty() && dropped == 0 && !reopen {
                waiting.busy = false;
                // A system call even where nobody waits.
                if waiting.awaited {
                    self.written.notify_all();
                }
                return;
            }
            drop(waiting);
            if dropped > 0 {
                let text = format!("dropped {dropped} lines of this log: they could not be written in time");
                let level = Level::Warn.code();
                lines.extend_from_slice(format!("{} {level} {text}\n", stamp(clock::wall())).as_bytes());
            }
            let mut target = lock(&self.target);
            target.write(&lines);
            if reopen {
                target.reopen();
            }
        }
    }

    fn settle(&self, deadline: Instant) {
        let mut waiting = self.lock();
        waiting.awaited = true;
        while waiting.busy {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return };
            waiting = self.written.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Target {
    /// Writes all, however long it takes; what fails is lost, there is no other place to tell it.
    fn write(&mut self, lines: &[u8]) {
        match self {
            Self::File(file) => write_patiently(file, lines),
            Self::Syslog => {
                for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    syslog::send(line);
                }
            }
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                drop(stdout.write_all(lines).and_then(|()| stdout.flush()));
            }
            Self::Stderr => drop(io::stderr().lock().write_all(lines)),
        }
    }

    fn reopen(&mut self) {
        if let Self::File(file) = self {
            // What cannot be opened is tried again with the next line.
            drop(file.reopen());
        }
    }
}

fn write_patiently(file: &mut FileSink, mut lines: &[u8]) {
    while let Written::Blocked(taken) = file.write(lines) {
        lines = &lines[taken..];
        let Some(fd) = file.fd() else { return };
        if poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn journal(dir: &std::path::Path, level: Level) -> Rc<Journal> {
        let spec = FileSpec { path: dir.join("log"), maxbytes: 0, backups: 0, private: false };
        Journal::open(JournalTarget::File(spec), level, false).unwrap()
    }

    // D-460, D-461
    #[test]
    fn lines_have_time_level_and_text() {
        let dir = tempfile::tempdir().unwrap();
        let journal = journal(dir.path(), Level::Info);
        let at = WallTime::from_nanos(1_000_000_042_000_000);
        journal.write(at, &Notice::Message(Level::Info, "two\nlines".into()));
        journal.write(at, &Notice::Message(Level::Debug, "not written".into()));
        journal.flush_here();
        let text = fs::read_to_string(dir.path().join("log")).unwrap();
        let stamp = clock::local(at).format("%Y-%m-%d %H:%M:%S");
        assert_eq!(text, format!("{stamp},042 INFO two\nlines\n"));
    }

    #[test]
    fn what_a_stuck_outlet_does_not_take_is_dropped_and_counted() {
        let dir = tempfile::tempdir().unwrap();
        let journal = journal(dir.path(), Level::Info);
        let notice = Notice::Message(Level::Info, "x".repeat(MAX_WAITING / 4).into());
        for _ in 0..6 {
            journal.write(WallTime::default(), &notice);
        }
        journal.flush_here();
        let text = fs::read_to_string(dir.path().join("log")).unwrap();
        assert!(text.contains(" WARN dropped 3 lines of this log") && text.len() < MAX_WAITING + 200);
    }
}
