//! What clients send to a child's stdin: written at once as far as its pipe takes it, the rest as soon
//! as it does (C-268). A child that does not read holds up nobody, and no more than `MAX_WAITING`
//! bytes wait for it before more is refused.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use bytes::{Buf, Bytes};
use nix::errno::Errno;
use nix::sys::uio::writev;
use nix::unistd;
use tokio::net::unix::pipe::Sender;
use tokio::task::{AbortHandle, spawn_local};

use super::command::Refusal;
use crate::machine::pool;
use crate::pool::Envelopes;

/// Once this much waits, nothing more is taken. One text may be longer.
const MAX_WAITING: usize = 16 << 20;

/// The daemon's end of a child's stdin. Dropping it closes the pipe.
#[derive(Debug)]
pub struct Stdin {
    feed: Rc<Feed>,
    writer: RefCell<Option<AbortHandle>>,
}

#[derive(Debug)]
struct Feed {
    pipe: OwnedFd,
    waiting: RefCell<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    texts: VecDeque<Bytes>,
    bytes: usize,
    /// The child has closed its end.
    closed: bool,
}

/// How far writing came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing waits.
    Empty,
    /// The pipe takes no more for now.
    Blocked,
    /// Nobody will read it any more.
    Closed,
}

impl Stdin {
    /// Over the write end of a pipe, which must not block.
    pub fn new(pipe: OwnedFd) -> Self {
        Self { feed: Rc::new(Feed { pipe, waiting: RefCell::default() }), writer: RefCell::default() }
    }

    /// Bytes that the pipe has not taken yet.
    pub fn waiting(&self) -> usize {
        self.feed.waiting.borrow().bytes
    }

    /// Writes a text behind those before it; what the pipe does not take at once is copied. Must be
    /// called within a local runtime.
    pub fn send(&self, text: &[u8]) -> Result<(), Refusal> {
        self.send_parts([text, &[]])
    }

    /// The same with a text in two parts.
    fn send_parts(&self, parts: [&[u8]; 2]) -> Result<(), Refusal> {
        let mut waiting = self.feed.waiting.borrow_mut();
        if waiting.closed {
            return Err(Refusal::StdinClosed);
        }
        if waiting.bytes > MAX_WAITING {
            return Err(Refusal::StdinFull);
        }
        if waiting.bytes > 0 {
            waiting.push(parts, 0);
            return Ok(());
        }
        match self.feed.write(parts) {
            Err(_) => {
                waiting.close();
                Err(Refusal::StdinClosed)
            }
            Ok(taken) if taken == parts[0].len() + parts[1].len() => Ok(()),
            Ok(taken) => {
                waiting.push(parts, taken);
                let writer = spawn_local(Rc::clone(&self.feed).write_on());
                *self.writer.borrow_mut() = Some(writer.abort_handle());
                Ok(())
            }
        }
    }
}

/// E-130 to E-132
impl Envelopes for Stdin {
    fn send(&self, parts: [&[u8]; 2]) -> Result<(), pool::Refusal> {
        self.send_parts(parts).map_err(|refusal| match refusal {
            Refusal::StdinFull => pool::Refusal::Full,
            _ => pool::Refusal::Closed,
        })
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.get_mut() {
            writer.abort();
        }
    }
}

impl Feed {
    /// Writes as much as the pipe takes now: how many bytes.
    fn write(&self, parts: [&[u8]; 2]) -> io::Result<usize> {
        let write = || match parts {
            [[], []] => Ok(0),
            [text, []] => unistd::write(&self.pipe, text),
            parts => writev(&self.pipe, &parts.map(IoSlice::new)),
        };
        loop {
            match write() {
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(0),
                other => return Ok(other?),
            }
        }
    }

    fn flush(&self, write: impl Fn(&[u8]) -> io::Result<usize>) -> Progress {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(text) = waiting.texts.front() {
            let mut rest = &text[..];
            let progress = write_all(&mut rest, &write);
            let taken = text.len() - rest.len();
            waiting.taken(taken);
            match progress {
                Progress::Empty => {}
                Progress::Blocked => return Progress::Blocked,
                Progress::Closed => {
                    waiting.close();
                    return Progress::Closed;
                }
            }
        }
        Progress::Empty
    }

    /// Writes until nothing waits.
    async fn write_on(self: Rc<Self>) {
        let Ok(pipe) = self.pipe.try_clone().and_then(Sender::from_owned_fd) else {
            return self.waiting.borrow_mut().close();
        };
        while pipe.writable().await.is_ok() && self.flush(|text| pipe.try_write(text)) == Progress::Blocked {}
    }
}

/// Writes until nothing is left of `rest`, or no more is taken.
fn write_all(rest: &mut &[u8], write: impl Fn(&[u8]) -> io::Result<usize>) -> Progress {
    while !rest.is_empty() {
        match write(rest) {
            Ok(taken) => *rest = &rest[taken..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Progress::Blocked,
            Err(_) => return Progress::Closed,
        }
    }
    Progress::Empty
}

impl Waiting {
    fn close(&mut self) {
        *self = Self { closed: true, ..Self::default() };
    }

    /// What is left of a text when so much of it is taken.
    fn push(&mut self, parts: [&[u8]; 2], mut taken: usize) {
        for part in parts {
            let rest = &part[taken.min(part.len())..];
            taken -= part.len() - rest.len();
            if !rest.is_empty() {
                self.bytes += rest.len();
                self.texts.push_back(Bytes::copy_from_slice(rest));
            }
        }
    }

    fn taken(&mut self, n: usize) {
        self.bytes -= n;
        if let Some(text) = self.texts.front_mut() {
            text.advance(n);
            if text.is_empty() {
                self.texts.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;

    use tokio::task::{LocalSet, spawn_blocking};

    use super::*;
    use crate::sys::pipe;

    fn stdin() -> (Stdin, File) {
        let pipes = pipe::open(false, true).unwrap();
        (Stdin::new(pipes.stdin.unwrap()), pipes.child.stdin.unwrap().into())
    }

    // C-268, C-269
    #[tokio::test]
    async fn all_is_delivered_in_order_though_the_child_reads_late() {
        let run = async {
            let (stdin, mut child) = stdin();
            let mut sent = Vec::new();
            for n in 0..300_u32 {
                let text = n.to_string().repeat(500);
                sent.extend_from_slice(text.as_bytes());
                stdin.send(text.as_bytes()).unwrap();
            }
            let length = sent.len();
            let reading = spawn_blocking(move || {
                let mut got = vec![0; length];
                child.read_exact(&mut got).unwrap();
                (got, child)
            });
            let (got, mut child) = reading.await.unwrap();
            assert!(got == sent);
            stdin.send(b"more").unwrap();
            drop(stdin);
            let mut rest = String::new();
            child.read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "more");
        };
        LocalSet::new().run_until(run).await;
    }

    // C-268
    #[tokio::test]
    async fn a_closed_stdin_is_told() {
        let (stdin, child) = stdin();
        stdin.send(b"x").unwrap();
        drop(child);
        stdin.send(b"").unwrap();
        for _ in 0..2 {
            assert_eq!(stdin.send(b"x"), Err(Refusal::StdinClosed));
        }
    }

    #[tokio::test]
    async fn too_much_is_refused() {
        let run = async {
            let (stdin, _child) = stdin();
            stdin.send(&vec![b'x'; MAX_WAITING + (1 << 20)]).unwrap();
            assert_eq!(stdin.send(b"x"), Err(Refusal::StdinFull));
        };
        LocalSet::new().run_until(run).await;
    }
}
