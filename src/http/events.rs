//! `/events`: what happens, as it happens, as server-sent events or lines of JSON. Our addition.
//!
//! The feed (`feed`) keeps the last events and encodes each at most once, for all clients; a client is a
//! place in it. Nothing waits for a client: one that falls behind by more than the feed keeps is told how
//! many it missed and cut off. What a client asked for is `query`'s to read.

mod board;
mod feed;
mod frame;
mod query;

use std::future::{pending, ready};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

pub use board::Board;
use board::Reader;
pub use feed::Feed;
use feed::{Cursor, Start};
use frame::Format;
pub use query::Filter;
use query::Query;

use super::stream::X_ACCEL_BUFFERING;
use super::{Answer, Budget, Request, Response, Service, response};

/// The path of the service.
pub const PATH: &str = "/events";

/// Bytes that are sent to a client at a time, but for one event that is longer.
const BATCH: usize = 64 * 1024;
/// After a batch that is not full the next is gathered for so long, that a flood costs few wake-ups.
const GATHER: Duration = Duration::from_millis(10);
/// A silent stream of server-sent events is told where it is this often, which also shows who is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a client that was too slow may take for its last event.
const FAREWELL: Duration = Duration::from_secs(10);

/// The service behind `/events`. Must be called within a local runtime.
pub struct EventStream {
    feed: Rc<Feed>,
    board: Rc<Board>,
    budget: Budget,
    closing: CancellationToken,
}

impl EventStream {
    /// Streams of this feed, with what is on the board for those who want it, until `closing`.
    pub fn new(feed: Rc<Feed>, board: Rc<Board>, budget: Budget, closing: CancellationToken) -> Self {
        Self { feed, board, budget, closing }
    }

    fn client(&self, query: Query) -> Client {
        let status = (query.status && query.follow).then(|| Reader::new(&self.board));
        Client::new(Rc::clone(&self.feed), self.budget.clone(), query, status)
    }

    fn answer(&self, request: &Request) -> Response {
        if request.uri().path() != PATH {
            return response::error(StatusCode::NOT_FOUND);
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return response::error(StatusCode::BAD_REQUEST);
        }
        let query = match Query::read(request) {
            Ok(query) => query,
            Err(problem) => return response::explained(StatusCode::BAD_REQUEST, problem),
        };
        let mut response = if query.follow { self.stream(query) } else { self.recent(query) };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
        response
    }

    /// What there is, and no more.
    fn recent(&self, query: Query) -> Response {
        let mut client = self.client(query);
        let mut all = std::mem::take(&mut client.out);
        while let Step::Batch = client.step(&mut all, usize::MAX) {}
        let mut share = self.budget.share();
        if !share.grow(all.len()) {
            return response::error(StatusCode::SERVICE_UNAVAILABLE);
        }
        response::ok(client.format.content_type(), share.hold(all.into()))
    }

    fn stream(&self, query: Query) -> Response {
        let client = self.client(query);
        let (pieces, body) = mpsc::channel(1);
        let response = response::stream(client.format.content_type(), body);
        tokio::task::spawn_local(client.run(pieces, self.closing.clone()));
        response
    }
}

impl Service for EventStream {
    fn call(&self, request: Request) -> Answer {
        Box::pin(ready(self.answer(&request)))
    }
}

/// Somebody who reads the feed.
struct Client {
    feed: Rc<Feed>,
    budget: Budget,
    cursor: Cursor,
    filter: Filter,
    format: Format,
    status: Option<Reader>,
    /// What is to be sent before anything else.
    out: Vec<u8>,
}

/// What a step came to.
enum Step {
    /// There is something to send, or more to look at.
    Batch,
    /// Everything was seen.
    Dry,
    /// The feed does not have the next event any more.
    Missed(u64),
}

impl Client {
    fn new(feed: Rc<Feed>, budget: Budget, query: Query, status: Option<Reader>) -> Self {
        let (cursor, start) = Cursor::new(&feed, query.start);
        let mut out = Vec::new();
        match start {
            Start::AfterGap(gap) => query.format.gap(&gap, &mut out),
            // Whoever comes back before the first event it wants has missed none of them either.
            Start::There if query.follow => query.format.place(&cursor.seen(), &mut out),
            Start::There => {}
        }
        Self { feed, budget, cursor, filter: query.filter, format: query.format, status, out }
    }

    /// Appends events that it wants to see to `out`, until that has `limit` bytes.
    fn step(&mut self, out: &mut Vec<u8>, limit: usize) -> Step {
        let (filter, format) = (&self.filter, self.format);
        let begun = out.len();
        loop {
            match self.cursor.next() {
                Ok(Some(entry)) if filter.admits(&entry.record().event) => {
                    out.extend_from_slice(entry.frame(format.encoding).part(format.syntax));
                }
                Ok(Some(_)) => {}
                Ok(None) if out.len() > begun => return Step::Batch,
                Ok(None) => return Step::Dry,
                // Those before it go out first.
                Err(_) if out.len() > begun => return Step::Batch,
                Err(missed) => return Step::Missed(missed),
            }
            if out.len() >= limit {
                return Step::Batch;
            }
        }
    }

    async fn run(mut self, pieces: mpsc::Sender<Bytes>, closing: CancellationToken) {
        tokio::select! {
            () = pieces.closed() => {}
            () = self.send_all(&pieces, &closing) => {}
        }
    }

    async fn send_all(&mut self, pieces: &mpsc::Sender<Bytes>, closing: &CancellationToken) {
        let mut out = std::mem::take(&mut self.out);
        let mut silence = Instant::now() + KEEP_ALIVE;
        loop {
            // Whoever does not read is waited for here, while the feed goes on.
            let Ok(permit) = pieces.reserve().await else { return };
            if let Some(status) = &mut self.status {
                status.take(self.format, &mut out);
            }
            let step = if out.is_empty() { self.step(&mut out, BATCH) } else { Step::Batch };
            match step {
                Step::Batch => {
                    let full = out.len() >= BATCH;
                    permit.send(std::mem::take(&mut out).into());
                    silence = Instant::now() + KEEP_ALIVE;
                    // After a full one there is more already.
                    if !full {
                        sleep(GATHER).await;
                    }
                }
                Step::Missed(missed) => {
                    self.format.cut_off(missed, &mut out);
                    permit.send(out.into());
                    // Until it is taken.
                    let _ = timeout(FAREWELL, pieces.reserve()).await;
                    return;
                }
                Step::Dry => {
                    drop(permit);
                    if closing.is_cancelled() {
                        return;
                    }
                    tokio::select! {
                        () = self.cursor.change() => {}
                        () = told(self.status.as_ref()) => {}
                        () = closing.cancelled() => {}
                        // What the filter leaves out does not put this off.
                        () = sleep_until(silence) => {
                            self.format.place(&self.cursor.seen(), &mut out);
                            silence = Instant::now() + KEEP_ALIVE;
                        }
                    }
                }
            }
        }
    }
}

/// Resolves when there is something new on the board, for a client that wants to hear of it.
async fn told(status: Option<&Reader>) {
    match status {
        Some(status) => status.change().await,
        None => pending().await,
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.feed.readers() == 1 && self.feed.is_swollen() {
            self.budget.relieve();
        }
    }
}

#[cfg(test)]
mod tests;
