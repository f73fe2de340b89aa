//! Who watches a daemon all the while: a log tail, an event stream, a scraper, and somebody who asks for its
//! state again and again.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::harness::client::post;
use crate::harness::daemon::Daemon;
use crate::harness::wait;

/// How long an answer may take at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// Series of a scrape, with their values.
pub type Scrape = BTreeMap<String, f64>;

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Whole lines of the tail, each connection by itself.
    pub tails: Vec<Vec<String>>,
    /// Lines of the event stream over all connections, each of which resumes after the last.
    pub events: Vec<String>,
    /// Scrapes that were answered.
    pub scrapes: usize,
    /// Pools whose figures did not add up in a scrape.
    pub uneven: Vec<String>,
    /// How long the slowest answer to `getState` took, without waits for a processor.
    pub slowest: Duration,
    /// How many were answered.
    pub answers: usize,
    /// How long somebody had to wait for a processor meanwhile, which counts as the machine's fault.
    pub starved: Duration,
    /// What went wrong with the others.
    pub unanswered: Vec<String>,
}

/// The observers, at work until dropped.
#[derive(Debug)]
pub struct Observers {
    seen: Arc<Mutex<Seen>>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Observers {
    /// They watch the daemon that listens on this port, the tail this process.
    pub fn start(daemon: &Daemon<'_>, port: u16, process: &'static str) -> Self {
        let pid = daemon.pid();
        let (seen, over) = <(Arc<Mutex<Seen>>, Arc<AtomicBool>)>::default();
        let watchers: [fn(&Watch); 4] = [Watch::tail, Watch::stream, Watch::scrape, Watch::ask];
        let threads = watchers.map(|watcher| {
            let watch = Watch { pid, port, process, seen: Arc::clone(&seen), over: Arc::clone(&over) };
            std::thread::spawn(move || watcher(&watch))
        });
        Self { seen, over, threads: threads.into() }
    }

    /// Looks at what was seen so far.
    pub fn look<T>(&self, at: impl FnOnce(&mut Seen) -> T) -> T {
        at(&mut self.seen.lock().unwrap())
    }

    fn end(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

impl Drop for Observers {
    fn drop(&mut self) {
        self.end();
    }
}

struct Watch {
    pid: i32,
    port: u16,
    process: &'static str,
    seen: Arc<Mutex<Seen>>,
    over: Arc<AtomicBool>,
}

impl Watch {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    fn pause(&self, span: Duration) {
        wait::stays_true(span, || self.goes_on());
    }

    fn tail(&self) {
        while self.goes_on() {
            self.seen.lock().unwrap().tails.push(Vec::new());
            self.follow(&format!("/logtail/{}", self.process), |seen, line| {
                seen.tails.last_mut().unwrap().push(line);
            });
        }
    }

    fn stream(&self) {
        let path = "/events?format=json&type=PROCESS_STATE,REMOTE_COMMUNICATION";
        while self.goes_on() {
            let last = self.seen.lock().unwrap().events.last().and_then(|line| member(line, "id"));
            let since = last.map_or(String::new(), |id| format!("&since={id}"));
            self.follow(&format!("{path}{since}"), |seen, line| seen.events.push(line));
        }
    }

    /// Follows a stream until it ends, or all is over.
    fn follow(&self, path: &str, mut keep: impl FnMut(&mut Seen, String)) {
        if let Ok(mut lines) = Lines::begin(self.port, path) {
            while self.goes_on() && lines.read(|line| keep(&mut self.seen.lock().unwrap(), line)) {}
        }
        self.pause(Duration::from_millis(20));
    }

    fn scrape(&self) {
        while self.goes_on() {
            if let Ok(scrape) = scrape(self.port) {
                let mut seen = self.seen.lock().unwrap();
                seen.scrapes += 1;
                seen.uneven.extend(uneven(&scrape));
            }
            self.pause(Duration::from_millis(300));
        }
    }

    /// How long the daemon and this thread have waited for a processor in their lives.
    fn starved(&self) -> Duration {
        let waited = |path: &str| -> Option<u64> {
            fs::read_to_string(path).ok()?.split_whitespace().nth(1)?.parse().ok()
        };
        let daemon = waited(&format!("/proc/{}/schedstat", self.pid));
        let own = waited("/proc/thread-self/schedstat");
        Duration::from_nanos(daemon.unwrap_or(0) + own.unwrap_or(0))
    }

    fn ask(&self) {
        while self.goes_on() {
            let before = self.starved();
            let asked = Instant::now();
            let answer = state(self.port);
            let took = asked.elapsed();
            let starved = self.starved().saturating_sub(before);
            let mut seen = self.seen.lock().unwrap();
            match answer {
                Ok(_) => {
                    seen.answers += 1;
                    seen.slowest = seen.slowest.max(took.saturating_sub(starved));
                    seen.starved = seen.starved.max(starved);
                }
                Err(error) => seen.unanswered.push(error.to_string()),
            }
            drop(seen);
            self.pause(Duration::from_millis(30));
        }
    }
}

/// A text of a JSON object.
pub fn member(line: &str, name: &str) -> Option<String> {
    let object: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(object.get(name)?.as_str()?.to_owned())
}

fn request(port: u16, text: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(text.as_bytes())?;
    Ok(stream)
}

/// The body of a whole answer.
fn answer(port: u16, text: &str) -> io::Result<String> {
    let mut got = String::new();
    request(port, text)?.read_to_string(&mut got)?;
    let body = got.split_once("\r\n\r\n").filter(|(head, _)| head.contains(" 200 "));
    body.map(|(_, body)| body.to_owned()).ok_or_else(|| io::Error::other(format!("{got:.60}")))
}

/// Asks for the daemon's state.
pub fn state(port: u16) -> io::Result<String> {
    let body = answer(port, &post("Connection: close\r\n"))?;
    if body.contains("statename") { Ok(body) } else { Err(io::Error::other(body)) }
}

/// Scrapes.
pub fn scrape(port: u16) -> io::Result<Scrape> {
    let body = answer(port, "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let series = body.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    Ok(series.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
}

/// Pools of which accepted is not acknowledged, dropped, waiting and in hand together.
fn uneven(scrape: &Scrape) -> Vec<String> {
    let accepted = "supervisor_event_pool_accepted_total{pool=\"";
    let pools = scrape.keys().filter_map(|name| name.strip_prefix(accepted)?.strip_suffix("\"}"));
    pools.filter_map(|pool| is_uneven(scrape, pool)).collect()
}

fn is_uneven(scrape: &Scrape, pool: &str) -> Option<String> {
    let of = |name: &str, more: &str| {
        let name = format!("supervisor_event_pool_{name}{{pool=\"{pool}\"{more}}}");
        scrape.get(&name).copied().unwrap_or(f64::NAN)
    };
    let all = [
        of("acknowledged_total", ""),
        of("dropped_total", ",reason=\"overflow\""),
        of("queue_length", ""),
        of("listeners", ",state=\"BUSY\""),
    ];
    let accepted = of("accepted_total", "");
    (accepted != all.iter().sum::<f64>()).then(|| format!("{pool}: {accepted} accepted, {all:?}"))
}

/// A stream read line by line. HTTP/1.0: it comes as it is, until its end.
struct Lines {
    stream: TcpStream,
    got: Vec<u8>,
    served: bool,
    in_body: bool,
}

impl Lines {
    fn begin(port: u16, path: &str) -> io::Result<Self> {
        let stream = request(port, &format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n"))?;
        stream.set_read_timeout(Some(Duration::from_millis(20)))?;
        Ok(Self { stream, got: Vec::new(), served: false, in_body: false })
    }

    /// Hands on the whole lines that have come; whether there may be more.
    fn read(&mut self, mut keep: impl FnMut(String)) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(n) => self.got.extend_from_slice(&buffer[..n]),
            Err(error) => {
                return matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                );
            }
        }
        while let Some(end) = self.got.iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.got[..end]).trim_end_matches('\r').to_owned();
            self.got.drain(..=end);
            if self.in_body {
                keep(line);
            } else {
                self.served |= line.starts_with("HTTP/1.") && line.contains(" 200 ");
                self.in_body = line.is_empty() && self.served;
            }
        }
        true
    }
}
