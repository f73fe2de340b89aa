//! The service behind `/metrics`.
//!
//! A scrape asks the daemon for its figures and copies the counters: that is all that the deciding thread
//! does for it, besides sending the answer. Everything else is done by a thread that lives for one scrape.

use std::io::Write;
use std::rc::Rc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{CONTENT_ENCODING, HeaderValue, VARY};
use hyper::{Method, StatusCode};
use prometheus::core::Collector as _;
use tokio::sync::{Semaphore, oneshot};

use super::collector::Collector;
use super::exposition::{BusFigures, Scrape, render};
use super::negotiation;
use super::text::Format;
use super::traffic::Traffic;
use crate::bus::EventBus;
use crate::config::schema::MetricsConfig;
use crate::daemon::handle::{Gone, Handle};
use crate::http::events::Feed;
use crate::http::{Answer, Budget, Request, Response, Service, response};
use crate::model::time::WallTime;
use crate::sys::clock;
use crate::sys::thread;

/// Threads that may be working for scrapes; others wait.
const SCRAPERS: usize = 2;
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
    /// What answers may hold in memory.
    pub budget: Budget,
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
    scrapers: Semaphore,
}

/// The path on control servers.
pub const PATH: &str = "/metrics";

impl Metrics {
    /// Serves the families that are wanted.
    pub fn new(sources: Sources, wanted: MetricsConfig) -> Self {
        let scrapers = Semaphore::new(SCRAPERS);
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
        let Ok(_turn) = self.inner.scrapers.acquire().await else { return unavailable() };
        let Ok(scrape) = self.scrape().await else { return unavailable() };
        let wanted = self.inner.wanted.clone();
        let (answer, ticket) = oneshot::channel();
        let work = move || {
            let text = render(&scrape, &wanted, format);
            // Nobody may be waiting any more.
            drop(answer.send(if compressed { compress(&text) } else { text.into() }));
        };
        if thread::spawn("metrics", STACK, work).is_err() {
            return unavailable();
        }
        match ticket.await {
            Ok(text) => self.held(text).map_or_else(unavailable, |text| with_text(format, text, compressed)),
            Err(_) => unavailable(),
        }
    }

    /// The text with its share of the budget, if there is one left for it.
    fn held(&self, text: Bytes) -> Option<Bytes> {
        let mut share = self.inner.sources.budget.share();
        share.grow(text.len()).then(|| share.hold(text))
    }

    async fn scrape(&self) -> Result<Scrape, Gone> {
        let Sources { daemon, collector, traffic, bus, feed, started, .. } = &self.inner.sources;
        let figures = daemon.figures().await?;
        let mut gathered = traffic.families();
        gathered.extend(collector.start_durations().collect());
        Ok(Scrape {
            durations: figures.pools.iter().map(|pool| collector.durations(&pool.figures.name)).collect(),
            figures,
            counts: collector.counts(),
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
        } else if request.method() != Method::GET {
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

fn with_text(format: Format, text: Bytes, compressed: bool) -> Response {
    let mut response = response::ok(format.content_type(), text);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn compress(text: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 10), Compression::fast());
    let written = encoder.write_all(text).and_then(|()| encoder.finish());
    written.expect("a Vec takes everything").into()
}
