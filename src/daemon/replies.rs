//! What a listener says: read by the thread that decides, since the next event waits for it.
//!
//! A reply goes straight to the pool, which hands out the next event as soon as all replies that are there are
//! read: at once where there is but one listener. The log path gets a copy a little later, many replies at
//! once. A listener that says much gets no more than its turn: a little is read, then everybody else has theirs.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::unix::AsyncFd;
use tokio::task::{AbortHandle, spawn_local, yield_now};

use super::host::Host;
use super::pools::Desk;
use super::process::Seat;
use crate::bus::EventBus;
use crate::logs::channel::Channel;
use crate::logs::channels::Channels;
use crate::model::event::Event;
use crate::model::notice::Notice;
use crate::model::pool_notice::PoolNotice;
use crate::model::time::Now;
use crate::sys::pipe;

/// Read at a time.
const CHUNK: usize = 4 * 1024;

/// A listener's stdout. Dropping it closes the pipe.
pub(super) struct Replies {
    reader: Rc<Reader>,
    task: AbortHandle,
}

struct Reader {
    pipe: AsyncFd<OwnedFd>,
    seat: Seat,
    /// What becomes of it in the log.
    channel: Arc<Channel>,
    channels: Channels,
    /// Where its pool goes on.
    desk: Desk,
    /// For the activity log at level debug.
    bus: Option<EventBus>,
    /// That it has ended was told.
    ended: Cell<bool>,
    /// What was read last.
    buffer: RefCell<[u8; CHUNK]>,
}

/// What a read found.
enum Found {
    /// There may be more.
    More,
    /// That was all for now.
    All,
    /// Nobody will write any more.
    End,
}

impl Replies {
    /// Reads a pipe from now on. Must be called within a local runtime.
    pub fn read(pipe: OwnedFd, seat: Seat, channel: Arc<Channel>, host: &Host) -> io::Result<Self> {
        let reader = Rc::new(Reader {
            pipe: pipe::readable(pipe)?,
            seat,
            channel,
            channels: host.channels.clone(),
            desk: Desk::of(host),
            bus: host.tells_details().then(|| host.bus.clone()),
            ended: Cell::new(false),
            buffer: RefCell::new([0; CHUNK]),
        });
        let task = spawn_local(Rc::clone(&reader).listen()).abort_handle();
        Ok(Self { reader, task })
    }

    /// The listener is dead: what is in the pipe now still counts (E-043, E-122).
    pub fn read_rest(&self) {
        self.task.abort();
        let now = self.reader.desk.now();
        let mut left = pipe::readable_bytes(self.reader.pipe.as_fd());
        while left > 0 {
            match self.reader.read(now, left) {
                Ok(n) if n > 0 => left -= n,
                _ => break,
            }
        }
        self.reader.tell_end();
        self.reader.channels.attend(&self.reader.channel);
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reader {
    async fn listen(self: Rc<Self>) {
        loop {
            let Ok(mut ready) = poll_fn(|cx| self.pipe.poll_read_ready(cx)).await else { return };
            match self.read_some() {
                Found::More => yield_now().await,
                Found::All => ready.clear_ready(),
                Found::End => return self.channels.attend(&self.channel),
            }
        }
    }

    fn read_some(&self) -> Found {
        let now = self.desk.now();
        let found = match self.read(now, CHUNK) {
            Ok(0) => Found::End,
            Ok(CHUNK) => Found::More,
            Ok(_) => Found::All,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Found::All,
            Err(_) => Found::End,
        };
        if matches!(found, Found::End) {
            self.tell_end();
        }
        self.desk.answered(&self.seat.pool, now);
        found
    }

    /// Reads at most so much, and hands it on.
    fn read(&self, now: Now, limit: usize) -> io::Result<usize> {
        let mut buffer = self.buffer.borrow_mut();
        let limit = limit.min(CHUNK);
        let n = loop {
            match nix::unistd::read(self.pipe.as_fd(), &mut buffer[..limit]) {
                Err(nix::errno::Errno::EINTR) => {}
                other => break other?,
            }
        };
        if n > 0 {
            self.hand_on(now, &buffer[..n]);
        }
        Ok(n)
    }

    fn hand_on(&self, now: Now, data: &[u8]) {
        let process = &self.channel.spec.process;
        if self.bus.is_some() {
            let data = Bytes::copy_from_slice(data);
            self.tell(Notice::Pool(PoolNotice::OutputCopied(process.clone(), data)));
        }
        self.channels.feed(&self.channel, data);
        self.seat.pool.said(now.mono, self.seat.listener, data);
    }

    /// D-353
    fn tell_end(&self) {
        let spec = &self.channel.spec;
        if pipe::is_hung_up(self.pipe.as_fd()) && !self.ended.replace(true) {
            let fd = self.pipe.as_raw_fd();
            self.tell(Notice::ChannelClosed(spec.process.clone(), spec.channel, fd));
        }
    }

    fn tell(&self, notice: Notice) {
        if let Some(bus) = &self.bus {
            bus.publish(self.desk.now(), Event::Noticed(notice));
        }
    }
}
