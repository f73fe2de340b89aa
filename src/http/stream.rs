//! Logs as they grow: `/logtail/NAME[/CHANNEL]` and `/mainlogtail` (control.md, section 13).
//!
//! Files are read by workers, `logs::follow` knows how; here is the pace. Nothing is read for a client that
//! has not taken what was read before, so one that reads slowly, or not at all, costs one piece of at most
//! `PIECE` bytes and what the connection buffers. Files are looked at again after a short pause, and only
//! while a client is there: that also shows what others write to them.

use std::future::ready;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use hyper::header::{HeaderName, HeaderValue, LAST_MODIFIED};
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Answer, Request, Response, Service, response};
use crate::daemon::command::ProcessInfo;
use crate::daemon::handle::Handle;
use crate::logs::follow::Follower;
use crate::logs::turns::Turns;
use crate::logs::workers::Workers;
use crate::model::event::Channel;

/// A stream begins with this much of what is there, in bytes (C-332).
const HEAD: u64 = 1024;
/// At most this much is read at a time, in bytes.
const PIECE: usize = 32 * 1024;
/// The first pause at the end of a file; each further one is twice as long.
const SHORT_PAUSE: Duration = Duration::from_millis(50);
/// The longest (C-332: additions come within a second).
const LONG_PAUSE: Duration = Duration::from_millis(400);
/// Workers that may be reading for streams at a time: a disk that hangs must not take all of them.
const READERS: usize = 4;

/// Keeps proxies from holding a stream back.
pub(super) const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Whose log is streamed.
pub enum Source {
    /// The daemon's own (`/mainlogtail`), if that is a file.
    Daemon(Option<PathBuf>),
    /// That of the process in the path (`/logtail/NAME[/CHANNEL]`).
    Processes(Handle),
}

/// What all streams of a generation use.
#[derive(Clone)]
pub struct Reading {
    readers: Turns,
    /// The end of all streams (C-337).
    closing: CancellationToken,
}

impl Reading {
    /// With these workers, until `closing`.
    pub fn new(workers: Workers, closing: CancellationToken) -> Self {
        Self { readers: Turns::new(workers, READERS), closing }
    }
}

/// A service that streams logs. Must be called within a local runtime.
#[derive(Clone)]
pub struct LogStream(Rc<Inner>);

struct Inner {
    source: Source,
    reading: Reading,
}

impl LogStream {
    /// Streams of this source.
    pub fn new(source: Source, reading: Reading) -> Self {
        Self(Rc::new(Inner { source, reading }))
    }

    /// The response with its headers, or 404 (C-331, C-335).
    async fn answer(self, request: Request) -> Response {
        let Inner { source, reading } = &*self.0;
        let Some(path) = source.file(request.uri().path()).await else {
            return response::error(StatusCode::NOT_FOUND);
        };
        let opened = reading.readers.work(|_| {
            let follower = Follower::open(path, HEAD)?;
            Ok::<_, std::io::Error>((follower.modified()?, follower))
        });
        let Some(Ok((modified, follower))) = opened.await else {
            return response::error(StatusCode::NOT_FOUND);
        };
        // One piece: the client's reading is what makes the next one be read.
        let (pieces, body) = mpsc::channel(1);
        tokio::task::spawn_local(follow(follower, reading.clone(), pieces));
        let mut response = response::stream("text/plain;charset=utf-8", body);
        response.headers_mut().extend(http_date(modified).map(|date| (LAST_MODIFIED, date)));
        if let Source::Processes(_) = source {
            response.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
        }
        response
    }
}

impl Service for LogStream {
    fn call(&self, request: Request) -> Answer {
        if request.method() != Method::GET {
            return Box::pin(ready(response::error(StatusCode::BAD_REQUEST)));
        }
        Box::pin(self.clone().answer(request))
    }
}

impl Source {
    async fn file(&self, path: &str) -> Option<PathBuf> {
        match self {
            Self::Daemon(file) => file.clone(),
            Self::Processes(daemon) => {
                let wanted = Wanted::parse(&percent_decode_str(path).decode_utf8_lossy())?;
                wanted.log_of(&daemon.processes().await.ok()?)
            }
        }
    }
}

/// What a path of `/logtail` names (C-330).
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    group: String,
    name: String,
    channel: Channel,
}

impl Wanted {
    /// From a decoded path.
    fn parse(path: &str) -> Option<Self> {
        let (_, wanted) = path.trim_start_matches('/').split_once('/')?;
        let (spec, channel) = wanted.split_once('/').unwrap_or((wanted, Channel::Stdout.name()));
        let (group, name) = spec.split_once(':').unwrap_or((spec, spec));
        let channel = [Channel::Stdout, Channel::Stderr].into_iter().find(|it| it.name() == channel)?;
        Some(Self { group: group.to_owned(), name: name.to_owned(), channel })
    }

    fn log_of(&self, processes: &[ProcessInfo]) -> Option<PathBuf> {
        let process =
            processes.iter().find(|it| **it.name.group() == *self.group && it.name.name() == self.name)?;
        let file = match self.channel {
            Channel::Stdout => &process.stdout_logfile,
            Channel::Stderr => &process.stderr_logfile,
        };
        file.as_deref().cloned()
    }
}

/// Sends what the follower reads, until the client is gone or everything ends.
async fn follow(follower: Follower, reading: Reading, pieces: mpsc::Sender<Bytes>) {
    tokio::select! {
        () = reading.closing.cancelled() => {}
        () = pieces.closed() => {}
        () = send_all(follower, &reading, &pieces) => {}
    }
}

async fn send_all(mut follower: Follower, reading: &Reading, pieces: &mpsc::Sender<Bytes>) {
    let mut pause = SHORT_PAUSE;
    while let Ok(permit) = pieces.reserve().await {
        let more = reading.readers.work(move |scratch| {
            let room = scratch.read.len().min(PIECE);
            let more = follower.more(&mut scratch.read[..room]);
            (follower, more)
        });
        let Some((back, Ok(piece))) = more.await else { return };
        follower = back;
        let length = piece.len();
        if length > 0 {
            permit.send(piece);
            pause = SHORT_PAUSE;
        }
        if length < PIECE {
            sleep(pause).await;
            pause = (pause * 2).min(LONG_PAUSE);
        }
    }
}

/// Seconds since the epoch as headers have them; `None` for times that no calendar has.
fn http_date(seconds: i64) -> Option<HeaderValue> {
    let date = DateTime::from_timestamp(seconds, 0)?;
    HeaderValue::try_from(date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::name::ProcessName;
    use crate::model::state::ProcessState;
    use crate::model::time::WallTime;

    fn process(group: &str, name: &str) -> ProcessInfo {
        ProcessInfo {
            name: ProcessName::new(group.into(), name),
            state: ProcessState::Running,
            start: None,
            stop: None,
            now: WallTime::from_nanos(0),
            spawnerr: "".into(),
            exitstatus: 0,
            stdout_logfile: Some(Arc::new(format!("/{group}/{name}.out").into())),
            stderr_logfile: (group == "g").then(|| Arc::new("/err".into())),
            pid: 1,
        }
    }

    // C-330, C-335
    #[test]
    fn what_paths_name() {
        let processes = [process("g", "p"), process("one", "one"), process("g", "one")];
        let rows = [
            ("/logtail/one", Some("/one/one.out")),
            ("/logtail/one/stdout", Some("/one/one.out")),
            ("//logtail/g:p/stderr", Some("/err")),
            ("/logtail/g:one", Some("/g/one.out")),
            ("/logtailx/g:p", Some("/g/p.out")),
            ("/logtail/one/stderr", None),
            ("/logtail/one/", None),
            ("/logtail/one/stdout/", None),
            ("/logtail/one/capture", None),
            ("/logtail/g", None),
            ("/logtail/g:", None),
            ("/logtail/g:*", None),
            ("/logtail/p", None),
            ("/logtail/g:p:q", None),
            ("/logtail/", None),
            ("/logtail", None),
            ("/logtail//g:p", None),
        ];
        for (path, file) in rows {
            let found = Wanted::parse(path).and_then(|wanted| wanted.log_of(&processes));
            assert_eq!(found, file.map(PathBuf::from), "{path}");
        }
    }

    // C-331
    #[test]
    fn dates_of_files() {
        assert_eq!(http_date(784_111_777).unwrap(), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(-1).unwrap(), "Wed, 31 Dec 1969 23:59:59 GMT");
        assert_eq!(http_date(i64::MAX), None);
    }
}
