//! Children that write what a test tells them, and what the log path made of it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::sync::Condvar;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use tempfile::TempDir;

use super::super::*;
use crate::logs::sink::FileSpec;
use crate::model::event::Channel as Which;
use crate::model::name::ProcessName;
use crate::sys::pipe;

/// How long a test waits for what must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// How often it looks for what no report tells of.
const LOOK: Duration = Duration::from_millis(5);
/// What a pipe holds.
pub(super) const PIPE: usize = 64 * 1024;

/// The log path, and what it has told so far.
pub(super) struct Rig {
    pub(super) channels: Channels,
    pub(super) dir: TempDir,
    bell: Arc<Bell>,
    told: HashMap<usize, Told>,
    /// Looks at quiet channels, where they are not left to the workers.
    watch: Option<Watch>,
}

/// The part of the daemon that looks; it ends with the rig.
struct Watch {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

/// A child that does what the test says: its end of the pipe, which never blocks the test.
pub(super) struct Child {
    stdout: File,
    pub(super) channel: Arc<Channel>,
}

/// The reports of one channel, added up.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) bytes: u64,
    pub(super) lines: u64,
    pub(super) rotations: u64,
    pub(super) write_errors: u64,
    pub(super) data: Vec<u8>,
    pub(super) messages: Vec<Vec<u8>>,
    pub(super) ended: Vec<i32>,
    pub(super) failures: Vec<String>,
    pub(super) dropped: u64,
    pub(super) finished: bool,
}

impl Rig {
    pub(super) fn new() -> Self {
        let bell = Arc::new(Bell::default());
        let ring = Arc::clone(&bell);
        let channels = Channels::start(Arc::new(move || {
            *lock(&ring.rung) = true;
            ring.changed.notify_all();
        }));
        let dir = tempfile::tempdir().unwrap();
        Self { channels: channels.unwrap(), dir, bell, told: HashMap::new(), watch: None }
    }

    /// One that looks at channels with messages itself, whenever they say little.
    pub(super) fn watchful() -> Self {
        let mut rig = Self::new();
        let mut lookout = rig.channels.lookout_for(Duration::ZERO).unwrap();
        let (over, bell) = (Arc::new(AtomicBool::new(false)), Arc::clone(&rig.bell));
        let is_over = Arc::clone(&over);
        let watch = move || {
            while !is_over.load(Ordering::Acquire) {
                if is_to_see(&lookout, LOOK) {
                    lookout.look();
                    *lock(&bell.rung) = true;
                    bell.changed.notify_all();
                }
            }
        };
        rig.watch = Some(Watch { over, thread: Some(std::thread::spawn(watch)) });
        rig
    }

    /// A plain channel, its log the file `name`.
    pub(super) fn spec(&self, name: &str) -> ChannelSpec {
        ChannelSpec {
            process: ProcessName::new(name.into(), name),
            channel: Which::Stdout,
            announced: false,
            copied: false,
            capture: None,
            strip_ansi: false,
            file: Some(FileSpec { path: self.path(name), maxbytes: 0, backups: 0, private: false }),
            syslog: false,
        }
    }

    pub(super) fn announced(&self, name: &str) -> ChannelSpec {
        ChannelSpec { announced: true, ..self.spec(name) }
    }

    /// The log is a named pipe; the test's end of it, which nobody has read yet.
    pub(super) fn fifo(&self, name: &str) -> File {
        nix::unistd::mkfifo(&self.path(name), Mode::S_IRWXU).unwrap();
        let mut options = fs::OpenOptions::new();
        let fifo = options.read(true).write(true).open(self.path(name)).unwrap();
        fcntl(&fifo, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        fifo
    }

    pub(super) fn attach(&self, spec: ChannelSpec) -> Child {
        let pipes = pipe::open(true, true).unwrap();
        let file = spec.file.clone().map(|file| FileSink::open(file).unwrap());
        let channel = self.channels.attach(spec, 1, pipes.stdout, file).unwrap();
        let stdout = File::from(pipes.child.stdout);
        fcntl(&stdout, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        Child { stdout, channel }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What is in a file; nothing if it is not there.
    pub(super) fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_default()
    }

    /// What was told of a channel so far.
    pub(super) fn told(&mut self, child: &Child) -> Told {
        self.told_of(&child.channel)
    }

    pub(super) fn told_of(&mut self, channel: &Channel) -> Told {
        self.take();
        self.told.get(&channel.key).cloned().unwrap_or_default()
    }

    pub(super) fn take(&mut self) {
        for (channel, report) in self.channels.take_reports() {
            self.told.entry(channel.key).or_default().add(report);
        }
    }

    /// Waits until the waker was called and what was told since is enough.
    pub(super) fn until_told(&mut self, child: &Child, enough: impl Fn(&Told) -> bool) -> Told {
        self.until_told_of(&child.channel, enough)
    }

    fn until_told_of(&mut self, channel: &Channel, enough: impl Fn(&Told) -> bool) -> Told {
        let begin = Instant::now();
        loop {
            let told = self.told_of(channel);
            if enough(&told) {
                return told;
            }
            let left = PATIENCE.saturating_sub(begin.elapsed());
            let waited = self.bell.changed.wait_timeout_while(lock(&self.bell.rung), left, |rung| !*rung);
            let (mut rung, _) = waited.unwrap();
            assert!(std::mem::take(&mut *rung), "waited in vain, told so far: {}", told.in_short());
        }
    }

    /// The child says all of this, however long it takes; reports are taken in the meantime.
    pub(super) fn say(&mut self, child: &mut Child, data: impl AsRef<[u8]>) {
        let mut rest = data.as_ref();
        until("the pipe takes it", || {
            rest = &rest[child.offer(rest)..];
            self.take();
            rest.is_empty()
        });
    }

    /// Waits until all that the child said was read.
    pub(super) fn settle(&mut self, child: &Child) {
        until("it is read", || {
            self.take();
            child.unread() == 0
        });
    }

    /// The child is dead; what was told of it all its life.
    pub(super) fn finish(&mut self, child: &Child) -> Told {
        self.finish_channel(&child.channel)
    }

    pub(super) fn finish_channel(&mut self, channel: &Arc<Channel>) -> Told {
        self.channels.finish(channel);
        self.until_told_of(channel, |told| told.finished)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Child {
    /// Says what there is room for now: so many bytes.
    pub(super) fn offer(&mut self, data: &[u8]) -> usize {
        match self.stdout.write(data) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            other => other.unwrap(),
        }
    }

    /// Fills its pipe with `x` while `more` wants it; how many bytes that took.
    pub(super) fn fill(&mut self, more: impl Fn(&Self) -> bool) -> usize {
        let mut said = 0;
        until("the pipe is full", || {
            let taken = self.offer(&[b'x'; 4096]);
            said += taken;
            taken == 0 && !more(self)
        });
        said
    }

    pub(super) fn unread(&self) -> usize {
        self.channel.source.unread()
    }

    /// The grandchild's copy of the write end; it blocks.
    pub(super) fn leave_to_grandchild(self) -> (Arc<Channel>, File) {
        fcntl(&self.stdout, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
        (self.channel, self.stdout)
    }

    /// The write end is closed, the child lives on.
    pub(super) fn close_stdout(&mut self) {
        self.stdout = File::open("/dev/null").unwrap();
    }

    /// What `/proc/self/fd` shows of its pipe.
    pub(super) fn pipe_name(&self) -> PathBuf {
        fs::read_link(format!("/proc/self/fd/{}", self.stdout.as_fd().as_raw_fd())).unwrap()
    }
}

impl Told {
    fn add(&mut self, report: ChannelReport) {
        assert!(!self.finished, "told after the end: {report:?}");
        match report {
            ChannelReport::Output { bytes, lines, data, rotations, write_errors } => {
                self.bytes += bytes;
                self.lines += lines;
                self.rotations += rotations;
                self.write_errors += write_errors;
                self.data.extend(data.unwrap_or_default());
            }
            ChannelReport::Message(data) => self.messages.push(data.into()),
            ChannelReport::Ended { fd } => self.ended.push(fd),
            ChannelReport::LogFailed(error) => self.failures.push(error),
            ChannelReport::Dropped(bytes) => self.dropped += bytes,
            ChannelReport::Finished => self.finished = true,
        }
    }

    fn in_short(&self) -> String {
        format!("{:?}", Self { data: Vec::new(), messages: Vec::new(), ..self.clone() })
    }
}

/// Whether all that was said is read and written, as far as it has come.
pub(super) fn is_dry(channel: &Channel) -> bool {
    channel.pump.try_lock().is_ok_and(|pump| channel.is_dry(pump.as_ref()))
}

/// Waits for so long, at most, until a lookout has something to see; whether it has.
pub(super) fn is_to_see(lookout: &Lookout, patience: Duration) -> bool {
    let mut watched = [PollFd::new(lookout.poller.as_fd(), PollFlags::POLLIN)];
    poll(&mut watched, PollTimeout::try_from(patience).unwrap()).unwrap() > 0
}

/// Waits for what must come.
pub(super) fn until(what: &str, mut come: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !come() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::park_timeout(LOOK.min(begin.elapsed() / 2));
    }
}

/// So many bytes in which every place can be told from the others, lines of all lengths.
pub(super) fn text(len: usize) -> Vec<u8> {
    let numbers = (0..).flat_map(|n: u64| {
        let end = if n.is_multiple_of(7) { "\n" } else { " " };
        format!("{n}{end}").into_bytes()
    });
    numbers.take(len).collect()
}

pub(super) fn lines(data: &[u8]) -> u64 {
    data.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Compares long outputs without printing them.
pub(super) fn assert_same(got: &[u8], expected: &[u8], what: &str) {
    let differs = got.iter().zip(expected).position(|(a, b)| a != b);
    let at = differs.unwrap_or(got.len().min(expected.len()));
    assert!(got == expected, "{what}: {} bytes, not {}, differ at {at}", got.len(), expected.len());
}
