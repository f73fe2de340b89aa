//! The endpoint over a real socket, with a daemon that only answers its mailbox.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::schema::ServerAddress;
use crate::daemon::command::{Command, Edition, ProcessInfo};
use crate::http::{Budget, Common, Limits, Router, serve};
use crate::logs::channels::Channels;
use crate::model::name::ProcessName;
use crate::model::state::{ProcessState, SupervisorState};
use crate::model::time::WallTime;
use crate::sys::sockets::ControlListener;

async fn fake_daemon(mut mailbox: mpsc::Receiver<Command>, state: SupervisorState) {
    while let Some(command) = mailbox.recv().await {
        match command {
            Command::ReportState(answer) => answer.send(state).unwrap(),
            Command::ListProcesses(_, answer) => {
                answer.send(Some((Edition::default(), vec![process()]))).unwrap();
            }
            other => drop(other),
        }
    }
}

fn process() -> ProcessInfo {
    ProcessInfo {
        name: ProcessName::new("g".into(), "<p>"),
        state: ProcessState::Fatal,
        start: Some(WallTime::from_nanos(0)),
        stop: None,
        now: WallTime::from_nanos(0),
        spawnerr: Arc::from("é"),
        exitstatus: -1,
        stdout_logfile: None,
        stderr_logfile: None,
        pid: 0,
    }
}

/// Sends the request and gives all that comes back until the connection is closed.
async fn exchange(state: SupervisorState, namespaces: &[&str], request: String) -> String {
    exchange_within(Budget::default(), state, namespaces, request).await
}

async fn exchange_within(
    budget: Budget,
    state: SupervisorState,
    namespaces: &[&str],
    request: String,
) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let address = ServerAddress::Unix { path: path.clone(), mode: 0o700, owner: None };
    let listener = ControlListener::open(&address, |line| panic!("{line}")).unwrap();
    let config = ServerConfig {
        section: "unix_http_server".into(),
        address,
        credentials: None,
        allowed_hosts: Vec::new(),
    };
    let (daemon, mailbox) = Handle::new();
    let facts = DaemonFacts { identifier: "me".into(), pid: 42 };
    let namespaces = namespaces.iter().map(|&name| name.to_owned()).collect();
    let log: Log = Rc::new(|_, _| {});
    let channels = Channels::start(Arc::new(|| {})).unwrap();
    let means = Means {
        log: Rc::clone(&log),
        calls: Rc::new(|_, _, _| {}),
        workers: channels.workers().clone(),
        budget,
    };
    let endpoint = Endpoint::new(daemon, facts, namespaces, means);
    let router = Rc::new(Router::default().route("/RPC2", Rc::new(endpoint)));
    let shutdown = CancellationToken::new();
    let local = LocalSet::new();
    local.spawn_local(fake_daemon(mailbox, state));
    let common = Common {
        service: router,
        log,
        tally: Rc::new(|_, _| {}),
        limits: Limits::default(),
        budget: Budget::default(),
        refusals: Rc::default(),
    };
    local.spawn_local(serve(vec![(config, listener)], common, shutdown));
    local
        .run_until(async {
            let mut client = UnixStream::connect(&path).await.unwrap();
            client.write_all(request.as_bytes()).await.unwrap();
            let mut reply = String::new();
            client.read_to_string(&mut reply).await.unwrap();
            reply
        })
        .await
}

fn post(body: &str) -> String {
    format!(
        "POST /RPC2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn call_in(state: SupervisorState, method: &str, params: &str) -> String {
    let body = format!("<methodCall><methodName>{method}</methodName>{params}</methodCall>");
    let reply = exchange(state, &["supervisor"], post(&body)).await;
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("content-type: text/xml"), "{head}");
    assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
    body.to_owned()
}

async fn call(method: &str, params: &str) -> String {
    call_in(SupervisorState::Running, method, params).await
}

// C-210 to C-214
#[tokio::test]
async fn the_daemon_about_itself() {
    let state = call("supervisor.getState", "").await;
    assert_eq!(
        state,
        encode::response(&crate::wire::xmlrpc::Value::record([
            ("statecode", 1.into()),
            ("statename", "RUNNING".into())
        ]))
    );
    assert!(call("supervisor.getPID", "<params/>").await.contains("<int>42</int>"));
    assert!(call("supervisor.getIdentification", "").await.contains("<string>me</string>"));
    assert!(call("supervisor.getSupervisorVersion", "").await.contains("<string>4.3.0</string>"));
    for name in ["getVersion", "getAPIVersion"] {
        assert!(call(&format!("supervisor.{name}"), "").await.contains("<string>3.0</string>"));
    }
}

// C-073, C-074, C-221
#[tokio::test]
async fn all_processes() {
    let reply = call("supervisor.getAllProcessInfo", "").await;
    assert!(reply.contains("<name>name</name>\n<value><string>&lt;p&gt;</string>"), "{reply}");
    assert!(reply.contains("<name>description</name>\n<value><string>é</string>"), "{reply}");
}

// C-067, C-068
#[tokio::test]
async fn what_cannot_be_called() {
    let reply = call("supervisor.nosuch", "").await;
    assert_eq!(reply, encode::fault(1, "UNKNOWN_METHOD"));
    let param = "<params><param><value>x</value></param></params>";
    let reply = call("supervisor.getState", param).await;
    assert_eq!(reply, encode::fault(2, "INCORRECT_PARAMETERS"));
}

// C-320
#[tokio::test]
async fn a_daemon_that_is_going_down() {
    for state in [SupervisorState::Shutdown, SupervisorState::Restarting] {
        for method in ["supervisor.getState", "supervisor.getPID", "supervisor.getAllProcessInfo"] {
            assert_eq!(call_in(state, method, "").await, encode::fault(6, "SHUTDOWN_STATE"));
        }
        assert_eq!(call_in(state, "supervisor.nosuch", "").await, encode::fault(1, "UNKNOWN_METHOD"));
    }
}

// C-371
#[tokio::test]
async fn without_a_namespace_there_are_no_methods() {
    let body = "<methodCall><methodName>supervisor.getState</methodName></methodCall>";
    let reply = exchange(SupervisorState::Running, &[], post(body)).await;
    assert!(reply.ends_with(&encode::fault(1, "UNKNOWN_METHOD")), "{reply}");
}

// C-032, C-044, C-066
#[tokio::test]
async fn what_is_no_call() {
    for body in ["", "<methodCall>", "<methodCall><methodName/></methodCall>"] {
        let reply = exchange(SupervisorState::Running, &["supervisor"], post(body)).await;
        assert!(reply.starts_with("HTTP/1.1 400 "), "{reply}");
    }
    let get = "GET /RPC2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned();
    let reply = exchange(SupervisorState::Running, &["supervisor"], get).await;
    assert!(reply.starts_with("HTTP/1.1 400 "), "{reply}");
}

/// A `multicall` of the same call, so many times.
fn multicall(method: &str, times: usize) -> String {
    let call = format!(
        "<value><struct><member><name>methodName</name><value>{method}</value></member></struct></value>"
    );
    let calls = call.repeat(times);
    post(&format!(
        "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>{calls}\
         </data></array></value></param></params></methodCall>"
    ))
}

// C-041, C-316: so large that workers read them, and write the answer.
#[tokio::test]
async fn large_calls_and_answers() {
    let list = multicall("system.listMethods", 1500);
    let reply = exchange(SupervisorState::Running, &["supervisor"], list).await;
    assert!(reply.len() > 2 << 20, "{}", reply.len());
    assert_eq!(reply.matches("<string>system.multicall</string>").count(), 1500);
    let reply =
        exchange(SupervisorState::Running, &["supervisor"], multicall("supervisor.getState", 2000)).await;
    assert_eq!(reply.matches("RUNNING").count(), 2000);
    let malformed = format!("<methodCall>{}</methodCall>", "x".repeat(100_000));
    let reply = exchange(SupervisorState::Running, &["supervisor"], post(&malformed)).await;
    assert!(reply.starts_with("HTTP/1.1 400 "), "{reply}");
}

// C-042
#[tokio::test]
async fn results_without_bound() {
    let budget = Budget::new(200_000);
    let call = |request| exchange_within(budget.clone(), SupervisorState::Running, &["supervisor"], request);
    let reply = call(multicall("supervisor.getState", 100)).await;
    assert_eq!(reply.matches("RUNNING").count(), 100);
    let reply = call(multicall("system.listMethods", 500)).await;
    assert!(reply.ends_with(&encode::fault(30, "FAILED: no memory left for the results")), "{reply:.500}");
}

// C-022
#[test]
fn what_the_log_says_of_a_server() {
    let address = ServerAddress::Inet { host: String::new(), port: 9001 };
    let mut server = ServerConfig {
        section: "inet_http_server".into(),
        address,
        credentials: None,
        allowed_hosts: Vec::new(),
    };
    let said = |server: &ServerConfig| -> Vec<String> {
        opened(server, &["supervisor".into()]).iter().map(|n| format!("{} {n}", n.level().code())).collect()
    };
    let open = "CRIT Server 'inet_http_server' running without any HTTP authentication checking";
    assert_eq!(said(&server), ["INFO RPC interface 'supervisor' initialized", open]);
    server.credentials = Some(("u".into(), "p".into()));
    assert_eq!(said(&server), ["INFO RPC interface 'supervisor' initialized"]);
}
