//! The control servers as they are, over unix sockets, before a daemon that answers everything at once.

mod daemon;
mod reply;

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use supervisor::bus::EventBus;
use supervisor::config::schema::{MetricsConfig, ServerAddress, ServerConfig};
use supervisor::daemon::handle::Handle;
use supervisor::http::events::{self, EventStream, Feed};
use supervisor::http::stream::{LogStream, Reading, Source};
use supervisor::http::{Budget, Common, Limits, Log, Request, Router, Service, serve};
use supervisor::logs::channels::Channels;
use supervisor::metrics::{self, Collector, Metrics, Traffic};
use supervisor::model::time::WallTime;
use supervisor::rpc::endpoint::{Endpoint, Means};
use supervisor::rpc::methods::DaemonFacts;
use supervisor::sys::sockets::ControlListener;
use supervisor::web::{self, Live, Site, Token};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, yield_now};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use reply::Reply;

/// Longer than any answer takes here.
const PATIENCE: Duration = Duration::from_secs(20);
/// Small, so that requests beyond it are found.
const MAX_BODY: usize = 64 * 1024;
/// Turns that the server gets between two pieces of a request.
const TURNS: usize = 4;

/// A server's way of letting requests in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, arbitrary::Arbitrary)]
pub enum Door {
    /// A unix socket.
    Open,
    /// A TCP port without a password: known names only (C-600 to C-602).
    Guarded,
    /// A TCP port with a password that is in no corpus.
    Locked,
}

impl Door {
    const ALL: [Self; 3] = [Self::Open, Self::Guarded, Self::Locked];

    fn file(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Guarded => "guarded",
            Self::Locked => "locked",
        }
    }

    /// As configured. Behind each is a unix socket, whatever the server believes of its address.
    fn config(self, path: PathBuf) -> ServerConfig {
        let inet = ServerAddress::Inet { host: "127.0.0.1".into(), port: 9001 };
        let address = if self == Self::Open { unix(path) } else { inet };
        // A digest of nothing anybody has.
        let password = || ("user".into(), "{SHA}00112233445566778899aabbccddeeff00112233".into());
        ServerConfig {
            section: self.file().into(),
            address,
            credentials: (self == Self::Locked).then(password),
            allowed_hosts: vec!["friend.example".into()],
        }
    }
}

fn unix(path: PathBuf) -> ServerAddress {
    ServerAddress::Unix { path, mode: 0o700, owner: None }
}

/// The servers, running.
pub struct World {
    folder: TempDir,
    runtime: Runtime,
    local: LocalSet,
    /// How many requests the servers have let through.
    served: Rc<Cell<usize>>,
    _channels: Channels,
}

impl World {
    /// Starts them, with a log of a few bytes that are not all text.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let log = folder.path().join("x.log");
        std::fs::write(&log, b"first\nb\xff\xe2\x82\n\x1b[1m<&>\r\n\0last").expect("the folder is ours");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        let channels = Channels::start(Arc::new(|| {})).expect("threads can be started");
        let (local, served) = (LocalSet::new(), Rc::default());
        let (handle, mailbox) = Handle::new();
        local.spawn_local(daemon::answer_all(mailbox, log.clone()));
        let budget = Budget::default();
        let service = Rc::new(router(handle, &channels, &budget, log));
        let common = Common {
            service: counting(service, Rc::clone(&served)),
            log: log_nothing(),
            tally: Rc::new(|_, _| {}),
            limits: Limits { body: MAX_BODY, ..Limits::default() },
            budget,
            refusals: Rc::default(),
        };
        let open = |door: Door| {
            let path = folder.path().join(door.file());
            let listener = ControlListener::open(&unix(path.clone()), |line| panic!("{line}"));
            (door.config(path), listener.expect("a socket can be made"))
        };
        let servers = Door::ALL.map(open).into();
        local.spawn_local(serve(servers, common, CancellationToken::new()));
        Self { folder, runtime, local, served, _channels: channels }
    }

    /// Sends these pieces, then no more, and gives all that comes until the server closes.
    pub fn exchange(&self, door: Door, pieces: &[&[u8]]) -> Vec<u8> {
        let served = self.served.get();
        let path = self.folder.path().join(door.file());
        let exchange = self.local.run_until(async { timeout(PATIENCE, talk(path, pieces)).await });
        let reply = self.runtime.block_on(exchange).expect("the server does not come to an end");
        assert!(door != Door::Locked || self.served.get() == served, "let through without the password");
        reply
    }

    /// How many requests got as far as the services.
    pub fn served(&self) -> usize {
        self.served.get()
    }
}

async fn talk(path: PathBuf, pieces: &[&[u8]]) -> Vec<u8> {
    let stream = UnixStream::connect(path).await.expect("the server listens");
    let (mut reading, mut writing) = stream.into_split();
    let mut reply = Vec::new();
    let send = async {
        for piece in pieces {
            // A server may close before it has heard all.
            if writing.write_all(piece).await.is_err() {
                break;
            }
            for _ in 0..TURNS {
                yield_now().await;
            }
        }
        let _closed_already = writing.shutdown().await;
    };
    // What the server left unread makes the end an error.
    let (_, _end) = tokio::join!(send, reading.read_to_end(&mut reply));
    reply
}

/// Formats what is told, as a log at level trace does, and forgets it.
fn log_nothing() -> Log {
    Rc::new(|_, line| drop(line.to_string()))
}

fn router(daemon: Handle, channels: &Channels, budget: &Budget, log: PathBuf) -> Router {
    let facts = DaemonFacts { identifier: "supervisor".into(), pid: 42 };
    let workers = channels.workers();
    let calls = Rc::new(|_: &str, _, _| {});
    let means = Means { log: log_nothing(), calls, workers: workers.clone(), budget: budget.clone() };
    let endpoint = Endpoint::new(daemon.clone(), facts, vec!["supervisor".into()], means);
    let reading = Reading::new(workers.clone(), CancellationToken::new());
    let children = LogStream::new(Source::Processes(daemon.clone()), reading.clone());
    let own = LogStream::new(Source::Daemon(Some(log)), reading);
    let (feed, live) = (Feed::new(WallTime::default()), Live::new());
    let stream = EventStream::new(Rc::clone(&feed), live.board(), budget.clone(), CancellationToken::new());
    let site = Rc::new(Site::new(web::Means {
        daemon: daemon.clone(),
        identifier: "supervisor".into(),
        token: Rc::new(Token::new().expect("there is chance")),
        workers: workers.clone(),
        restarts: Rc::new(|_| 0),
        feed: Rc::clone(&feed),
        live,
    }));
    Router::default()
        .route("/RPC2", Rc::new(endpoint))
        .route("/logtail", Rc::new(children))
        .route("/mainlogtail", Rc::new(own))
        .route(web::EVENTS_PATH, Rc::clone(&site) as Rc<_>)
        .route(events::PATH, Rc::new(stream))
        .route(metrics::endpoint::PATH, Rc::new(exposition(daemon, feed)))
        .route("/", site)
}

fn exposition(daemon: Handle, feed: Rc<Feed>) -> Metrics {
    let sources = metrics::Sources {
        daemon,
        collector: Collector::new(),
        traffic: Traffic::new(),
        bus: EventBus::new(),
        feed,
        started: WallTime::default(),
    };
    Metrics::new(sources, MetricsConfig::default())
}

fn counting(service: Rc<dyn Service>, served: Rc<Cell<usize>>) -> Rc<dyn Service> {
    Rc::new(move |request: Request| {
        served.set(served.get() + 1);
        service.call(request)
    })
}
