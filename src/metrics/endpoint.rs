//! The service behind `/metrics`.
//!
//! A scrape asks the daemon for its figures and copies the counters: that is all that the deciding thread
//! does for it, besides sending the answer. Everything else is done by a thread that lives for one scrape.

use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{CONTENT_ENCODING, HeaderValue, VARY};
use hyper::{Method, StatusCode};
use prometheus::core::Collector as _;
use tokio::sync::{Semaphore, mpsc};

use super::collector::Collector;
use super::exposition::{BusFigures, Scrape, estimate, render};
use super::negotiation;
use super::pieces::Pieces;
use super::traffic::Traffic;
use crate::bus::EventBus;
use crate::config::schema::MetricsConfig;
use crate::daemon::handle::{Gone, Handle};
use crate::http::events::Feed;
use crate::http::{Answer, Request, Response, Service, response};
use crate::model::time::WallTime;
use crate::sys::clock;
use crate::sys::thread;

/// Threads that may be working for scrapes; others wait.
const SCRAPERS: usize = 2;
/// A compressed piece, at the least, in bytes.
const COMPRESSED: usize = 16 * 1024;
/// They need little stack.
const STACK: usize = 256 * 1024;

/// Where figures come from.
pub struct Sources {
    /// The way into the daemon.
    pub daemon: Handle,
    /// What is counted on the bus.
    pub collector: Rc<Collector>,
    /// What the servers are asked.
    pub traffic: Rc<Traffic>,
    /// The bus itself.
    pub bus: EventBus,
    /// The event streams.
    pub feed: Rc<Feed>,
    /// When the daemon was started.
    pub started: WallTime,
}

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    inner: Rc<Inner>,
    path: Rc<str>,
}

struct Inner {
    sources: Sources,
    wanted: MetricsConfig,
    scrapers: Arc<Semaphore>,
}

/// The path on control servers.
pub const PATH: &str = "/metrics";

impl Metrics {
    /// Serves the families that are wanted.
    pub fn new(sources: Sources, wanted: MetricsConfig) -> Self {
        let scrapers = Arc::new(Semaphore::new(SCRAPERS));
        Self { inner: Rc::new(Inner { sources, wanted, scrapers }), path: PATH.into() }
    }

    /// The same, under the path of the server for metrics alone.
    #[must_use]
    pub fn at_own_path(&self) -> Self {
        Self { inner: Rc::clone(&self.inner), path: self.inner.wanted.path.as_str().into() }
    }

    async fn answer(self, request: Request) -> Response {
        let format = negotiation::format(request.headers());
        let compressed = negotiation::takes_gzip(request.headers());
        let Ok(turn) = Arc::clone(&self.inner.scrapers).acquire_owned().await else { return unavailable() };
        let Ok(scrape) = self.scrape().await else { return unavailable() };
        let wanted = self.inner.wanted.clone();
        let size = estimate(&scrape);
        // Bounded by the text, for which the budget has room or the answer is refused.
        let (sender, text) = mpsc::unbounded_channel();
        let pieces = Pieces::new();
        let first = pieces.take();
        let mut compressor = compressed.then(|| Compressor::new(pieces.take()));
        let mut outlet = Outlet { pieces, sender };
        let work = move || {
            let _turn = turn;
            match &mut compressor {
                Some(compressor) => {
                    render(&scrape, &wanted, format, first, &mut |piece| {
                        compressor.write(piece, &mut outlet)
                    });
                    compressor.finish(&mut outlet);
                }
                None => render(&scrape, &wanted, format, first, &mut |piece| outlet.send(piece)),
            }
        };
        if thread::spawn("metrics", STACK, work).is_err() {
            return unavailable();
        }
        with_encoding(response::pieces(format.content_type(), size, text), compressed)
    }

    async fn scrape(&self) -> Result<Scrape, Gone> {
        let Sources { daemon, collector, traffic, bus, feed, started, .. } = &self.inner.sources;
        let figures = daemon.figures().await?;
        let mut gathered = traffic.families();
        gathered.extend(collector.start_durations().collect());
        Ok(Scrape {
            totals: collector.totals(),
            counts: collector.counts(figures.processes.iter().map(|process| &process.name)),
            figures,
            bus: BusFigures {
                published: bus.last_seq(),
                subscriptions: vec![("events", feed.readers() as u64, feed.missed())],
            },
            gathered,
            now: clock::wall(),
            started: *started,
        })
    }
}

impl Service for Metrics {
    fn call(&self, request: Request) -> Answer {
        let status = if request.uri().path() != &*self.path {
            StatusCode::NOT_FOUND
        } else if ![Method::GET, Method::HEAD].contains(request.method()) {
            StatusCode::BAD_REQUEST
        } else {
            return Box::pin(self.clone().answer(request));
        };
        Box::pin(std::future::ready(response::error(status)))
    }
}

fn unavailable() -> Response {
    response::error(StatusCode::SERVICE_UNAVAILABLE)
}

fn with_encoding(mut response: Response, compressed: bool) -> Response {
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Where pieces go to be sent.
struct Outlet {
    pieces: Pieces,
    sender: mpsc::UnboundedSender<Bytes>,
}

impl Outlet {
    /// Sends a piece and takes an empty one.
    fn send(&mut self, piece: Vec<u8>) -> Vec<u8> {
        // Nobody may be waiting any more.
        drop(self.sender.send(self.pieces.lend(piece)));
        self.pieces.take()
    }
}

/// Compresses a text in pieces.
struct Compressor(GzEncoder<Vec<u8>>);

impl Compressor {
    fn new(first: Vec<u8>) -> Self {
        Self(GzEncoder::new(first, Compression::fast()))
    }

    /// Leaves the piece empty.
    fn write(&mut self, mut piece: Vec<u8>, outlet: &mut Outlet) -> Vec<u8> {
        self.0.write_all(&piece).expect("a Vec takes everything");
        if self.0.get_ref().len() >= COMPRESSED {
            let next = outlet.send(std::mem::take(self.0.get_mut()));
            *self.0.get_mut() = next;
        }
        piece.clear();
        piece
    }

    fn finish(&mut self, outlet: &mut Outlet) {
        self.0.try_finish().expect("a Vec takes everything");
        outlet.send(std::mem::take(self.0.get_mut()));
    }
}
