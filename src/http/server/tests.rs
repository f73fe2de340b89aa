//! Real unix sockets, an echoing service, the bytes a client sees.

use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::{JoinHandle, LocalSet};

use super::super::budget::SMALL;
use super::super::{Answer, Request};
use super::*;
use crate::config::schema::ServerAddress;

struct Fixture {
    path: PathBuf,
    shutdown: CancellationToken,
    serving: JoinHandle<io::Result<()>>,
    refusals: Rc<Refusals>,
    /// What is said beyond the access log.
    said: Rc<RefCell<Vec<String>>>,
    _dir: tempfile::TempDir,
}

thread_local! {
    /// How many requests for `/never` there were.
    static WAITING: Cell<usize> = const { Cell::new(0) };
}

/// Waits until there were so many.
async fn until_waiting(count: usize) {
    while WAITING.get() != count {
        tokio::task::yield_now().await;
    }
}

/// Answers with method, path and body; `/never` is not answered at all, `/long` with much.
fn echo(request: Request) -> Answer {
    match request.uri().path() {
        "/never" => {
            WAITING.set(WAITING.get() + 1);
            return Box::pin(pending());
        }
        "/long" => return Box::pin(ready(response::ok("text/plain", "x".repeat(2 * SMALL)))),
        _ => {}
    }
    let body = String::from_utf8_lossy(request.body()).into_owned();
    let text = format!("{} {} [{body}]", request.method(), request.uri().path());
    Box::pin(ready(response::ok("text/plain", text)))
}

impl Fixture {
    fn start(credentials: Option<(&str, &str)>, limits: Limits) -> Self {
        Self::with_budget(credentials, limits, Budget::default())
    }

    fn with_budget(credentials: Option<(&str, &str)>, limits: Limits, budget: Budget) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let address = ServerAddress::Unix { path: path.clone(), mode: 0o700, owner: None };
        let listener = ControlListener::open(&address, |line| panic!("{line}")).unwrap();
        let credentials = credentials.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let config = ServerConfig {
            section: "unix_http_server".into(),
            address,
            credentials,
            allowed_hosts: Vec::new(),
        };
        let shutdown = CancellationToken::new();
        let (said, refusals) = (Rc::<RefCell<Vec<String>>>::default(), Rc::<Refusals>::default());
        let heard = Rc::clone(&said);
        let log: Log = Rc::new(move |level, line| {
            if level != Level::Trace {
                heard.borrow_mut().push(format!("{} {line}", level.code()));
            }
        });
        let servers = vec![(config, listener)];
        let refused = Rc::clone(&refusals);
        let tally: Tally = Rc::new(|_, _| {});
        let common = Common { service: Rc::new(echo), log, tally, limits, budget, refusals: refused };
        let serving = tokio::task::spawn_local(serve(servers, common, shutdown.clone()));
        Self { path, shutdown, serving, refusals, said, _dir: dir }
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(&self.path).await.unwrap()
    }

    /// Sends this and gives all that comes until the server closes.
    async fn exchange(&self, request: &str) -> String {
        let mut client = self.connect().await;
        client.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).await.unwrap();
        reply
    }
}

/// Reads until this text has come.
async fn read_until(client: &mut UnixStream, text: &str) -> String {
    let mut seen = String::new();
    while !seen.contains(text) {
        let mut buffer = [0; 1024];
        let n = client.read(&mut buffer).await.unwrap();
        assert_ne!(n, 0, "closed after {seen:?}");
        seen.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
    }
    seen
}

async fn within(test: impl Future<Output = ()>) {
    let test = timeout(Duration::from_secs(20), test);
    LocalSet::new().run_until(test).await.expect("the test takes too long");
}

// C-034, C-035, C-039
#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    within(async {
        let server = Fixture::start(None, Limits::default());
        let reply = server
            .exchange(
                "POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET /b HTTP/1.1\r\n\r\n\
                 \r\nGET /c HTTP/1.1\r\nConnection: close\r\n\r\nGET /d HTTP/1.1\r\n\r\n",
            )
            .await;
        let found: Vec<_> = ["POST /a [hi]", "GET /b []", "GET /c []"].map(|t| reply.find(t)).to_vec();
        assert!(found.iter().all(Option::is_some) && found.is_sorted(), "{reply}");
        assert!(!reply.contains("/d"), "{reply}");
        assert_eq!(reply.matches("content-length: ").count(), 3);
        assert_eq!(reply.matches("server: ").count(), 3);
        assert_eq!(reply.matches("date: ").count(), 3);
    })
    .await;
}

// C-034
#[tokio::test]
async fn old_clients_may_ask_to_keep_the_connection() {
    within(async {
        let server = Fixture::start(None, Limits::default());
        let reply = server.exchange("GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n").await;
        assert!(reply.contains("GET /a") && !reply.contains("GET /b"), "{reply}");
        let reply =
            server.exchange("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n").await;
        assert!(reply.contains("GET /a") && reply.contains("GET /b"), "{reply}");
        assert!(reply.contains("connection: keep-alive\r\n"), "{reply}");
    })
    .await;
}

// A client may close its side as soon as it has sent its request.
#[tokio::test]
async fn a_half_closed_client_is_answered() {
    within(async {
        let server = Fixture::start(None, Limits::default());
        let mut client = server.connect().await;
        client.write_all(b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx").await.unwrap();
        client.shutdown().await.unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).await.unwrap();
        assert!(reply.ends_with("POST / [x]"), "{reply}");
    })
    .await;
}

// C-050 to C-053
#[tokio::test]
async fn who_is_not_known_is_refused_and_the_body_forgotten() {
    within(async {
        let server = Fixture::start(Some(("u", "p")), Limits::default());
        let smuggled = "GET /smuggled HTTP/1.1\r\nAuthorization: Basic dTpw\r\n\r\n";
        for header in ["", "Authorization: Basic dTp4\r\n", "Authorization: Basic !\r\n"] {
            let length = smuggled.len();
            let reply = server
                .exchange(&format!(
                    "POST /RPC2 HTTP/1.1\r\n{header}Content-Length: {length}\r\n\r\n{smuggled}{smuggled}"
                ))
                .await;
            assert!(reply.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{reply}");
            assert!(reply.contains("www-authenticate: Basic realm=\"default\"\r\n"), "{reply}");
            assert!(reply.contains("connection: close\r\n"), "{reply}");
            assert!(!reply.contains("smuggled"), "{reply}");
        }
        let reply = server
            .exchange("GET /x HTTP/1.1\r\nConnection: close\r\nAuthorization: basic dTpw\r\n\r\n")
            .await;
        assert!(reply.ends_with("GET /x []"), "{reply}");
    })
    .await;
}

// C-033, C-041, C-044
#[tokio::test]
async fn what_cannot_be_served() {
    within(async {
        let server = Fixture::start(None, Limits { body: 10, ..Limits::default() });
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(MAX_HEADERS + 1));
        let rows = [
            ("POST / HTTP/1.1\r\nConnection: close\r\n\r\n", "411"),
            ("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n12345678901", "413"),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n", "413"),
            ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "400"),
            ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"),
            ("garbage\r\n\r\n", "400"),
            (&long, "431"),
        ];
        for (request, status) in rows {
            let reply = server.exchange(request).await;
            assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{request:.60}: {reply}");
        }
    })
    .await;
}

// C-042
#[tokio::test]
async fn a_client_that_dawdles_holds_up_nobody() {
    within(async {
        let server = Fixture::start(None, Limits::default());
        let mut half = server.connect().await;
        half.write_all(b"POST / HTTP/1.1\r\nContent-Le").await.unwrap();
        let mut waiting = server.connect().await;
        waiting.write_all(b"GET /never HTTP/1.1\r\n\r\n").await.unwrap();
        let reply = server.exchange("GET /x HTTP/1.1\r\nConnection: close\r\n\r\n").await;
        assert!(reply.ends_with("GET /x []"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn beyond_the_limit_the_idlest_goes() {
    within(async {
        let server = Fixture::start(None, Limits { connections: 2, ..Limits::default() });
        let mut clients = Vec::new();
        for n in 0..3 {
            let mut client = server.connect().await;
            client.write_all(format!("GET /{n} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
            assert!(read_until(&mut client, "[]").await.contains(&format!("GET /{n}")));
            clients.push(client);
        }
        assert_eq!(clients[0].read(&mut [0; 10]).await.unwrap(), 0);
        clients[1].write_all(b"GET /again HTTP/1.1\r\n\r\n").await.unwrap();
        read_until(&mut clients[1], "/again []").await;
    })
    .await;
}

#[tokio::test]
async fn beyond_the_limit_the_busy_stay() {
    within(async {
        let server = Fixture::start(None, Limits { connections: 1, ..Limits::default() });
        let mut busy = server.connect().await;
        busy.write_all(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nx").await.unwrap();
        let mut second = server.connect().await;
        second.write_all(b"GET /2 HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(timeout(Duration::from_millis(50), second.read_u8()).await.is_err());
        busy.write_all(b"y").await.unwrap();
        read_until(&mut busy, "POST / [xy]").await;
        assert!(read_until(&mut second, "[]").await.contains("GET /2"));
        assert_eq!(busy.read(&mut [0; 10]).await.unwrap(), 0);
    })
    .await;
}

// C-042: whatever the client has sent ahead
#[tokio::test]
async fn beyond_the_limit_whoever_is_gone_goes() {
    within(async {
        let server = Fixture::start(None, Limits { connections: 1, ..Limits::default() });
        let mut waiting = server.connect().await;
        waiting.write_all(b"GET /never HTTP/1.1\r\n\r\nGET /1 HTTP/1.1\r\n\r\n").await.unwrap();
        until_waiting(1).await;
        let mut second = server.connect().await;
        second.write_all(b"GET /2 HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(timeout(Duration::from_millis(250), second.read_u8()).await.is_err());
        drop(waiting);
        assert!(read_until(&mut second, "[]").await.contains("GET /2"));
        assert_eq!(server.refusals.count(), 1);
    })
    .await;
}

// C-042
#[tokio::test]
async fn beyond_the_limit_whoever_only_listens_goes_last() {
    within(async {
        let server = Fixture::start(None, Limits { connections: 2, ..Limits::default() });
        let waiting = async |count| {
            let mut client = server.connect().await;
            client.write_all(b"GET /never HTTP/1.1\r\n\r\n").await.unwrap();
            until_waiting(count).await;
            client
        };
        let (mut listening, gone) = (waiting(1).await, waiting(2).await);
        listening.shutdown().await.unwrap();
        drop(gone);
        let _first = waiting(3).await;
        assert!(timeout(Duration::ZERO, listening.read_u8()).await.is_err());
        let _second = waiting(4).await;
        let mut reply = String::new();
        listening.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 503 "), "{reply}");
    })
    .await;
}

// C-018, C-019
#[tokio::test]
async fn at_the_end_everything_is_closed_and_removed() {
    within(async {
        let server = Fixture::start(None, Limits::default());
        let mut idle = server.connect().await;
        idle.write_all(b"GET /x HTTP/1.1\r\n\r\n").await.unwrap();
        read_until(&mut idle, "[]").await;
        let mut waiting = server.connect().await;
        waiting.write_all(b"GET /never HTTP/1.1\r\n\r\n").await.unwrap();
        // Also answered, so that the server has surely seen the one that waits.
        server.exchange("GET /x HTTP/1.1\r\nConnection: close\r\n\r\n").await;
        server.shutdown.cancel();
        server.serving.await.unwrap().unwrap();
        assert!(!server.path.exists());
        for mut client in [idle, waiting] {
            assert_eq!(client.read(&mut [0; 10]).await.unwrap(), 0);
        }
    })
    .await;
}

/// Waits until this much of the budget is taken.
async fn until_taken(budget: &Budget, bytes: usize) {
    while budget.taken() != bytes {
        tokio::task::yield_now().await;
    }
}

fn post_of(length: usize) -> String {
    format!("POST /big HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")
}

// C-042, C-605
#[tokio::test]
async fn large_bodies_share_a_budget() {
    within(async {
        let budget = Budget::new(SMALL);
        let server = Fixture::with_budget(None, Limits::default(), budget.clone());
        // What a client says that it will send takes nothing.
        let mut promising = server.connect().await;
        promising.write_all(post_of(MAX_BODY).as_bytes()).await.unwrap();
        let mut first = server.connect().await;
        first.write_all(post_of(2 * SMALL - 20).as_bytes()).await.unwrap();
        first.write_all("x".repeat(2 * SMALL - 21).as_bytes()).await.unwrap();
        until_taken(&budget, SMALL - 21).await;
        let rest = "y".repeat(2 * SMALL);
        let refused = server.exchange(&(post_of(rest.len()) + &rest)).await;
        assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
        assert!(refused.contains("connection: close\r\n"), "{refused}");
        assert_eq!(server.refusals.count(), 1);
        let told =
            "WARN unix_http_server: refused '/big': requests and answers take all the memory there is for them";
        assert_eq!(*server.said.borrow(), [told]);
        // Small ones are served, and the first is answered when it is complete.
        let small = server.exchange(&(post_of(1) + "z")).await;
        assert!(small.ends_with("POST /big [z]"), "{small}");
        first.write_all(b"x").await.unwrap();
        let mut reply = String::new();
        first.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 200 ") && reply.ends_with("xx]"), "{reply:.200}");
        until_taken(&budget, 0).await;
        // One that vanishes gives back what it has taken.
        promising.write_all("x".repeat(SMALL + 9).as_bytes()).await.unwrap();
        until_taken(&budget, 9).await;
        drop(promising);
        until_taken(&budget, 0).await;
    })
    .await;
}

// C-042
#[tokio::test]
async fn large_answers_share_a_budget() {
    within(async {
        let budget = Budget::new(SMALL);
        let server = Fixture::with_budget(None, Limits::default(), budget.clone());
        let long = "GET /long HTTP/1.1\r\nConnection: close\r\n\r\n";
        let reply = server.exchange(long).await;
        assert!(reply.starts_with("HTTP/1.1 200 ") && reply.len() > 2 * SMALL, "{reply:.200}");
        until_taken(&budget, 0).await;
        let mut other = budget.share();
        assert!(other.grow(SMALL + 1));
        let refused = server.exchange(long).await;
        assert!(refused.starts_with("HTTP/1.1 503 "), "{refused:.200}");
        drop(other);
        assert!(server.exchange(long).await.starts_with("HTTP/1.1 200 "));
    })
    .await;
}
