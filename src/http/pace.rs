//! How long a connection may take over each part of its life.
//!
//! A client between two requests is normal for half an hour (C-043); one that has begun a request must
//! get on with it, and one that takes no answer is cut off (C-042). hyper's own time-out for headers
//! cannot tell the first two apart, so the connection's stream keeps the time.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::line::{HangUp, Line};

/// Between two requests.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// From a request's first byte to the end of its headers, and between two pieces of its body.
const REQUEST: Duration = Duration::from_secs(60);
/// Without any byte of an answer being taken.
const UNREAD: Duration = Duration::from_secs(5 * 60);
/// While others wait for a place, so long may an answer take that its client perhaps does not read.
const SILENT: Duration = Duration::from_secs(1);

/// Where a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No byte of a request is there.
    Idle,
    /// Its headers come in.
    Head,
    /// Its body comes in.
    Body,
    /// It is being answered.
    Answer,
    /// It is being answered without end; nothing that the client says can matter any more.
    Stream,
}

impl Phase {
    const fn limit(self) -> Option<Duration> {
        match self {
            Self::Idle => Some(IDLE),
            Self::Head | Self::Body => Some(REQUEST),
            Self::Answer | Self::Stream => None,
        }
    }
}

/// What a connection holds its place for; of several, the least goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// Nothing: since then it has no whole request in hand and no answer to give.
    Idle(Instant),
    /// An answer that is waited for since then, to a client that is gone.
    Gone(Instant),
    /// The same, to a client that has closed its side, and may or may not read it.
    Silent(Instant),
}

/// The phase of a connection, shared by its stream and by whoever answers.
pub(super) struct Pace {
    phase: Cell<Phase>,
    since: Cell<Instant>,
    /// The client has not taken all of an answer yet.
    unread: Cell<bool>,
    /// How far the client had hung up when an answer was last waited for.
    hang_up: Cell<HangUp>,
}

impl Pace {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::Idle),
            since: Cell::new(Instant::now()),
            unread: Cell::default(),
            hang_up: Cell::default(),
        })
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(Instant::now());
    }

    fn received(&self) {
        match self.phase.get() {
            Phase::Idle => self.enter(Phase::Head),
            Phase::Body => self.enter(Phase::Body),
            // Every byte of a header must not buy time anew.
            Phase::Head | Phase::Answer | Phase::Stream => {}
        }
    }

    /// Its claim to its place; none where the place must not be taken away.
    pub(super) fn claim(&self, now: Instant) -> Option<Claim> {
        let since = self.since.get();
        match (self.phase.get(), self.hang_up.get()) {
            (Phase::Idle | Phase::Head | Phase::Body, _) => {
                (!self.unread.get()).then_some(Claim::Idle(since))
            }
            (Phase::Answer, HangUp::Whole) => Some(Claim::Gone(since)),
            (Phase::Answer, HangUp::Half) => (now - since >= SILENT).then_some(Claim::Silent(since)),
            (Phase::Answer, HangUp::Not) | (Phase::Stream, _) => None,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.phase.get().limit().map(|limit| self.since.get() + limit)
    }
}

/// A stream that fails when its time is over.
pub(super) struct Paced<S> {
    stream: S,
    pace: Rc<Pace>,
    reading: Alarm,
    writing: Alarm,
    unread_since: Option<Instant>,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, pace: Rc<Pace>) -> Self {
        Self { stream, pace, reading: Alarm::default(), writing: Alarm::default(), unread_since: None }
    }

    /// Keeps the time of an attempt to write.
    fn written<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.pace.unread.set(result.is_pending());
        if result.is_ready() {
            self.unread_since = None;
            return result;
        }
        let since = *self.unread_since.get_or_insert_with(Instant::now);
        self.writing.check(cx, Some(since + UNREAD))
    }
}

impl<S: AsyncRead + Unpin> Paced<S> {
    /// Fails when the client has hung up, be it only its own side, and wakes the task then (C-337). hyper
    /// does not read while it answers; what comes before the end is thrown away.
    fn watch(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut surplus = [0; 256];
        loop {
            let mut surplus = ReadBuf::new(&mut surplus);
            match Pin::new(&mut self.stream).poll_read(cx, &mut surplus) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(())) if surplus.filled().is_empty() => {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                Poll::Ready(result) => result?,
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let result = Pin::new(&mut this.stream).poll_read(cx, buf);
        if result.is_pending() {
            return this.reading.check(cx, this.pace.deadline());
        }
        if buf.filled().len() > before {
            this.pace.received();
        }
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Line + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(cx, data);
        this.written(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write_vectored(cx, data);
        this.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.pace.phase() {
            Phase::Stream => this.watch(cx)?,
            // Nothing may be read here, since the client may have sent its next request.
            Phase::Answer => this.pace.hang_up.set(this.stream.hang_up()),
            Phase::Idle | Phase::Head | Phase::Body => {}
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// A timer that is made when it is first needed.
#[derive(Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Fails once `deadline` is past, and wakes the task then.
    fn check<T>(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<io::Result<T>> {
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    impl Line for DuplexStream {
        fn hang_up(&self) -> HangUp {
            HangUp::Half
        }
    }

    // C-042, C-043
    #[tokio::test(start_paused = true)]
    async fn claims_to_a_place() {
        let (pace, since) = (Pace::new(), Instant::now());
        let (soon, later) = (since + SILENT / 2, since + SILENT);
        let claim = |phase, hang_up, now| {
            pace.enter(phase);
            pace.hang_up.set(hang_up);
            pace.claim(now)
        };
        for phase in [Phase::Idle, Phase::Head, Phase::Body] {
            assert_eq!(claim(phase, HangUp::Not, soon), Some(Claim::Idle(since)));
            assert_eq!(claim(phase, HangUp::Whole, soon), Some(Claim::Idle(since)));
        }
        assert_eq!(claim(Phase::Answer, HangUp::Not, later), None);
        assert_eq!(claim(Phase::Answer, HangUp::Half, soon), None);
        assert_eq!(claim(Phase::Answer, HangUp::Half, later), Some(Claim::Silent(since)));
        assert_eq!(claim(Phase::Answer, HangUp::Whole, soon), Some(Claim::Gone(since)));
        assert_eq!(claim(Phase::Stream, HangUp::Whole, later), None);
        let in_turn = [Claim::Idle(since), Claim::Idle(soon), Claim::Gone(since), Claim::Silent(since)];
        assert!(in_turn.is_sorted());
    }

    #[tokio::test]
    async fn hang_ups_show_while_an_answer_is_waited_for() {
        let (mut client, server) = duplex(4);
        let mut stream = Paced::new(server, Pace::new());
        client.write_all(b"more").await.unwrap();
        stream.flush().await.unwrap();
        assert_eq!(stream.pace.hang_up.get(), HangUp::Not);
        stream.pace.enter(Phase::Answer);
        stream.flush().await.unwrap();
        assert_eq!(stream.pace.hang_up.get(), HangUp::Half);
        stream.pace.enter(Phase::Idle);
        assert_eq!(stream.read_u8().await.unwrap(), b'm');
    }

    // C-042, C-043
    #[tokio::test(start_paused = true)]
    async fn idling_is_long_and_dawdling_is_short() {
        let start = Instant::now();
        let (mut client, server) = duplex(64);
        let mut stream = Paced::new(server, Pace::new());
        client.write_all(b"P").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'P');
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() - REQUEST < Duration::from_millis(10));

        let start = Instant::now();
        stream.pace.enter(Phase::Idle);
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() - IDLE < Duration::from_millis(10));
    }

    // C-337
    #[tokio::test]
    async fn whoever_hangs_up_ends_the_stream() {
        let (mut client, server) = duplex(4);
        let mut stream = Paced::new(server, Pace::new());
        stream.pace.enter(Phase::Stream);
        client.write_all(b"more").await.unwrap();
        stream.flush().await.unwrap();
        client.write_all(b"even").await.unwrap();
        stream.flush().await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(stream.flush().await.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn who_is_still_reading_is_not_idle() {
        let (_client, server) = duplex(4);
        let mut stream = Paced::new(server, Pace::new());
        assert!(stream.pace.claim(Instant::now()).is_some());
        let writing = tokio::time::timeout(Duration::ZERO, stream.write_all(b"12345"));
        assert!(writing.await.is_err());
        assert!(stream.pace.claim(Instant::now()).is_none());
    }

    // C-042
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes() {
        let start = Instant::now();
        let (_client, server) = duplex(4);
        let mut stream = Paced::new(server, Pace::new());
        assert_eq!(stream.write_all(b"12345").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() - UNREAD < Duration::from_millis(10));
    }
}
