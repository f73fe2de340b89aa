//! Connections: accepted, let through or refused, read whole, answered, closed.
//!
//! Each connection is a task of its own on the one thread; nothing here waits for one client while
//! another could be served (C-042). hyper speaks the protocol, `pace` keeps the time.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, UnixListener};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::Entry;
use super::auth::Credentials;
use super::budget::{Budget, Share};
use super::crowd::{Crowd, Place};
use super::guard::{self, Guard, Refusals};
use super::line::Stream;
use super::pace::{Paced, Phase};
use super::response::{self, Refused, Response, closing};
use super::unfinished::Unfinished;
use super::{Answer, Log, Service, Tally};
use crate::config::schema::{ServerAddress, ServerConfig};
use crate::model::notice::Level;
use crate::sys::host::node_name;
use crate::sys::memory;
use crate::sys::sockets::{ControlListener, SocketFile};

/// Headers of one request, in bytes (C-041).
const MAX_HEADERS: usize = 64 * 1024;
/// One request's body, in bytes (C-041).
pub(super) const MAX_BODY: usize = 64 * 1024 * 1024;
/// What is read of the body of a refused request, so that the client comes to read the answer (C-052).
const MAX_REFUSED: usize = 1024 * 1024;
/// How long that may take.
const REFUSED_PATIENCE: Duration = Duration::from_secs(5);
/// After `accept` failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The log hears of that no more often than this.
const COMPLAINT: Duration = Duration::from_secs(60);
/// Between the end of what took much memory and giving it back: more of it may be about to end.
const CALM: Duration = Duration::from_secs(1);
/// For answers that are being written when everything ends.
const GRACE: Duration = Duration::from_millis(500);

/// What clients may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time, of all servers together. One more takes the place of the one that has been
    /// idle for longest, or else of one whose client has hung up; where there is none of either, it waits.
    pub connections: usize,
    /// Bytes of one request's body.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 512, body: MAX_BODY }
    }
}

/// The two kinds of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    /// TCP.
    Inet,
    /// A unix socket.
    Unix,
}

/// What all servers have in common.
#[derive(Clone)]
pub struct Common {
    /// Answers.
    pub service: Rc<dyn Service>,
    /// Takes what there is to tell.
    pub log: Log,
    /// Counts answers.
    pub tally: Tally,
    /// What clients may use.
    pub limits: Limits,
    /// What requests and answers may hold in memory together.
    pub budget: Budget,
    /// Counts what the guard refuses, and what there is no memory for.
    pub refusals: Rc<Refusals>,
}

/// Serves on all listeners until `shutdown`; then closes them, removes their socket files, and returns
/// when every connection is closed (C-019). Must be called within a local runtime.
///
/// # Errors
///
/// The runtime could not take over a listener.
pub async fn serve(
    servers: Vec<(ServerConfig, ControlListener)>,
    common: Common,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let tasks = TaskTracker::new();
    let crowd = Crowd::new(common.limits.connections);
    let unfinished = Unfinished::new(common.limits.connections, shutdown.clone());
    let node = node_name();
    let mut ready = Vec::with_capacity(servers.len());
    for (config, listener) in servers {
        let server = Server {
            site: Rc::new(Site::new(config, &node, common.clone(), unfinished.clone())),
            crowd: Rc::clone(&crowd),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        };
        ready.push((server, Listener::new(listener)?));
    }
    for (server, (listener, file)) in ready {
        tasks.spawn_local(server.run(listener, file));
    }
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = give_back(&crowd, &common.budget) => {}
    }
    tasks.close();
    tasks.wait().await;
    unfinished.end().await;
    Ok(())
}

/// Gives memory back to the system when a crowd, or something large, is gone. Never ends.
async fn give_back(crowd: &Crowd, budget: &Budget) {
    loop {
        tokio::select! {
            () = crowd.dispersed() => {}
            () = budget.relieved() => {}
        }
        sleep(CALM).await;
        memory::give_back();
    }
}

/// What answering on one server needs.
struct Site {
    section: String,
    kind: ServerKind,
    credentials: Option<Credentials>,
    guard: Option<Guard>,
    common: Common,
    unfinished: Unfinished,
}

/// Why a body was not read whole.
enum Unread {
    TooLong,
    NoRoom,
    Broken,
}

struct Server {
    site: Rc<Site>,
    crowd: Rc<Crowd>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

enum Listener {
    Inet(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    fn new(listener: ControlListener) -> io::Result<(Self, Option<SocketFile>)> {
        Ok(match listener {
            ControlListener::Inet(listener) => (Self::Inet(TcpListener::from_std(listener)?), None),
            ControlListener::Unix(listener, file) => {
                (Self::Unix(UnixListener::from_std(listener)?), Some(file))
            }
        })
    }

    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Inet(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers are written whole; waiting for more to send would only delay them. A stream
                // that refuses is served all the same.
                let _ = stream.set_nodelay(true);
                Ok(Either::Left(stream))
            }
            Self::Unix(listener) => Ok(Either::Right(listener.accept().await?.0)),
        }
    }
}

impl Server {
    async fn run(self, listener: Listener, file: Option<SocketFile>) {
        let shutdown = self.shutdown.clone();
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = self.accept_all(&listener) => {}
        }
        drop(listener);
        if let Some(Err(error)) = file.as_ref().map(SocketFile::remove) {
            let Site { section, common, .. } = &*self.site;
            (common.log)(Level::Warn, format_args!("could not remove the socket of {section}: {error}"));
        }
    }

    async fn accept_all(&self, listener: &Listener) {
        let mut complained = None;
        loop {
            match listener.accept().await {
                Ok(stream) => {
                    let place = Rc::clone(&self.crowd).admit(&self.shutdown).await;
                    self.tasks.spawn_local(connection(stream, Rc::clone(&self.site), place));
                }
                Err(error) if gone_already(&error) => {}
                Err(error) => {
                    if complained.is_none_or(|at: Instant| at.elapsed() > COMPLAINT) {
                        self.site.complain(&error);
                        complained = Some(Instant::now());
                    }
                    // Without descriptors, trying again at once would only burn time.
                    self.crowd.make_room();
                    let _ = timeout(ACCEPT_PAUSE, self.crowd.change()).await;
                }
            }
        }
    }
}

/// The client gave up before it was accepted.
fn gone_already(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};

    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// One connection, from its first byte to its end.
async fn connection(stream: Stream, site: Rc<Site>, place: Place) {
    let place = Rc::new(place);
    let peer = peer(&stream);
    let io = TokioIo::new(Paced::new(stream, place.pace()));
    let service = service_fn(|request| {
        let (site, place) = (Rc::clone(&site), Rc::clone(&place));
        async move {
            let entry = Entry::new(peer, &request);
            let response = site.answer(request, &place).await;
            (site.common.tally)(site.kind, response.status());
            (site.common.log)(Level::Trace, format_args!("{}", entry.answered(&response)));
            if !response.body().is_stream() {
                place.rest();
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(MAX_HEADERS)
        .max_buf_size(2 * MAX_HEADERS)
        // A client may close its side after the request and still read the answer.
        .half_close(true)
        .serve_connection(io, service);
    tokio::pin!(connection);
    // How a connection ended is its client's business: hang-ups are no errors here.
    loop {
        tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            () = place.dismissed() => break,
            () = place.wanted() => {}
        }
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(GRACE, connection).await;
}

fn peer(stream: &Stream) -> Option<SocketAddr> {
    match stream {
        Either::Left(stream) => stream.peer_addr().ok(),
        Either::Right(_) => None,
    }
}

impl Site {
    fn new(config: ServerConfig, node: &str, common: Common, unfinished: Unfinished) -> Self {
        let guard = Guard::new(&config, node);
        let kind = match config.address {
            ServerAddress::Inet { .. } => ServerKind::Inet,
            ServerAddress::Unix { .. } => ServerKind::Unix,
        };
        let credentials = config.credentials.map(|(user, password)| Credentials::new(&user, &password));
        Self { section: config.section, kind, credentials, guard, common, unfinished }
    }

    async fn answer(&self, request: hyper::Request<Incoming>, place: &Place) -> Response {
        let pace = place.pace();
        pace.enter(Phase::Body);
        if let Some(response) = self.refusal(&request) {
            return refuse(request.into_body(), response).await;
        }
        if lacks_length(&request) {
            return closing(response::error(StatusCode::LENGTH_REQUIRED));
        }
        let (head, mut body) = request.into_parts();
        let whole = match self.read_whole(&mut body).await {
            Ok(whole) => whole,
            Err(Unread::NoRoom) => return refuse(body, self.no_room(head.uri.path())).await,
            Err(Unread::TooLong) => return closing(response::error(StatusCode::PAYLOAD_TOO_LARGE)),
            Err(Unread::Broken) => return closing(response::error(StatusCode::BAD_REQUEST)),
        };
        pace.enter(Phase::Answer);
        let uri = head.uri.clone();
        let mut answer = self.common.service.call(hyper::Request::from_parts(head, whole));
        let response = tokio::select! {
            biased;
            response = &mut answer => response,
            () = place.given_up() => return self.give_up(answer, uri.path()),
        };
        if let Some(Refused(reason)) = response.extensions().get() {
            self.tell_refusal(uri.path(), format_args!("{reason}"));
        }
        if response.body().is_stream() && !place.begin_stream() {
            return response::error(StatusCode::SERVICE_UNAVAILABLE);
        }
        self.counted(response, uri.path())
    }

    async fn read_whole(&self, body: &mut Incoming) -> Result<Bytes, Unread> {
        let limit = self.common.limits.body;
        if body.size_hint().lower() > limit as u64 {
            return Err(Unread::TooLong);
        }
        let mut share = self.common.budget.share();
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
            if piece.len() > limit - whole.len() {
                return Err(Unread::TooLong);
            }
            // What the client has sent counts, not what it says that it will send.
            if !share.grow(piece.len()) {
                return Err(Unread::NoRoom);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(share.hold(whole.into()))
    }

    /// This answer, if there is room for it.
    fn counted(&self, response: Response, path: &str) -> Response {
        let mut share: Share = self.common.budget.share();
        if share.grow(response.body().size()) {
            response.map(|body| body.holding(share))
        } else {
            self.no_room(path)
        }
    }

    fn no_room(&self, path: &str) -> Response {
        self.tell_refusal(path, format_args!("requests and answers take all the memory there is for them"));
        response::error(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// Leaves an answer to itself whose client has hung up, so that another may have the place.
    fn give_up(&self, answer: Answer, path: &str) -> Response {
        self.unfinished.take(answer);
        self.tell_refusal(path, format_args!("its client has hung up, and others wait for a connection"));
        closing(response::error(StatusCode::SERVICE_UNAVAILABLE))
    }

    fn complain(&self, error: &io::Error) {
        let Self { section, common, .. } = self;
        (common.log)(Level::Error, format_args!("{section}: cannot accept connections: {error}"));
    }

    /// With what the request is refused, if it is: 401 (C-051) or 403 (C-601).
    fn refusal(&self, request: &hyper::Request<Incoming>) -> Option<Response> {
        if !self.admits(request) {
            let mut response = response::error(StatusCode::UNAUTHORIZED);
            let realm = HeaderValue::from_static("Basic realm=\"default\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, realm);
            return Some(response);
        }
        let refusal = self.guard.as_ref()?.judge(request.method(), request.uri(), request.headers()).err()?;
        self.tell_refusal(request.uri().path(), format_args!("{refusal}"));
        Some(response::explained(StatusCode::FORBIDDEN, refusal.advice()))
    }

    /// C-605
    fn tell_refusal(&self, path: &str, reason: fmt::Arguments<'_>) {
        if self.common.refusals.add(std::time::Instant::now()) {
            let (section, path) = (&self.section, guard::shown(path));
            (self.common.log)(Level::Warn, format_args!("{section}: refused {path}: {reason}"));
        }
    }

    fn admits(&self, request: &hyper::Request<Incoming>) -> bool {
        let presented = || request.headers().get(AUTHORIZATION).map_or(&[][..], HeaderValue::as_bytes);
        self.credentials.as_ref().is_none_or(|credentials| credentials.admit(presented()))
    }
}

/// This response, after the body was read and thrown away (C-052).
async fn refuse(body: Incoming, response: Response) -> Response {
    // Whether that works makes no difference: the connection is closed either way.
    let _ = timeout(REFUSED_PATIENCE, discard(body)).await;
    closing(response)
}

async fn discard(mut body: Incoming) {
    let mut seen = 0;
    while let Some(Ok(frame)) = body.frame().await {
        seen += frame.data_ref().map_or(0, Bytes::len);
        if seen > MAX_REFUSED {
            return;
        }
    }
}

/// A POST that does not say how long it is (C-033).
fn lacks_length(request: &hyper::Request<Incoming>) -> bool {
    let headers = request.headers();
    request.method() == Method::POST
        && !headers.contains_key(CONTENT_LENGTH)
        && !headers.contains_key(TRANSFER_ENCODING)
}

#[cfg(test)]
mod tests;
