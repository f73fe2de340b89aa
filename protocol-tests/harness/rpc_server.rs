//! A control server that only pretends: it has the processes a test gives it, and keeps the calls.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::sandbox::Sandbox;

/// A process that there is said to be.
#[derive(Clone, Debug)]
pub struct Pretended {
    /// Its group.
    pub group: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its pid, 0 for none.
    pub pid: i32,
    /// The code of its state.
    pub state: i32,
    /// Seconds it has been up.
    pub uptime: i32,
}

/// What is the matter with the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// Nothing.
    #[default]
    Good,
    /// It closes each connection after a start, without a word about it.
    Curt,
    /// It closes each connection instead of an answer.
    Rude,
}

#[derive(Debug, Default)]
struct World {
    processes: Vec<Pretended>,
    /// Calls that fail, as `method(argument)`, and the fault.
    faults: HashMap<String, (i32, String)>,
    calls: Mutex<Vec<String>>,
    authorizations: Mutex<Vec<String>>,
    closed: Mutex<usize>,
    mood: Mood,
}

/// The server.
#[derive(Debug)]
pub struct RpcServer {
    socket: PathBuf,
    world: Arc<World>,
    accepting: Option<std::thread::JoinHandle<()>>,
    over: Arc<Mutex<bool>>,
}

impl RpcServer {
    /// Starts one at the socket `rpc.sock` of the sandbox.
    pub fn start(
        sandbox: &Sandbox,
        processes: &[Pretended],
        faults: &[(&str, i32, &str)],
        mood: Mood,
    ) -> Self {
        let socket = sandbox.path("rpc.sock");
        let _first = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let faults =
            faults.iter().map(|(call, code, text)| ((*call).to_owned(), (*code, (*text).to_owned())));
        let world = Arc::new(World {
            processes: processes.to_vec(),
            faults: faults.collect(),
            mood,
            ..World::default()
        });
        let over = Arc::new(Mutex::new(false));
        let accepting = std::thread::spawn({
            let (world, over) = (Arc::clone(&world), Arc::clone(&over));
            move || accept(&listener, &world, &over)
        });
        Self { socket, world, accepting: Some(accepting), over }
    }

    /// The calls so far, as `method(argument)`.
    pub fn calls(&self) -> Vec<String> {
        self.world.calls.lock().unwrap().clone()
    }

    /// How many connections it has closed in its curtness.
    pub fn closed(&self) -> usize {
        *self.world.closed.lock().unwrap()
    }

    /// The Authorization headers so far.
    pub fn authorizations(&self) -> Vec<String> {
        self.world.authorizations.lock().unwrap().clone()
    }
}

impl Drop for RpcServer {
    fn drop(&mut self) {
        *self.over.lock().unwrap() = true;
        let _wakes_it = UnixStream::connect(&self.socket);
        if let Some(accepting) = self.accepting.take() {
            let _panicked = accepting.join();
        }
    }
}

/// Each connection has a thread, which ends with the listener that it serves.
fn accept(listener: &UnixListener, world: &Arc<World>, over: &Mutex<bool>) {
    for connection in listener.incoming() {
        if *over.lock().unwrap() {
            return;
        }
        let world = Arc::clone(world);
        std::thread::spawn(move || converse(connection.unwrap(), &world));
    }
}

fn converse(stream: UnixStream, world: &World) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(body) = request(&mut reader, world) {
        let method = between(&body, "<methodName>", "</methodName>");
        let argument = between(&body, "<string>", "</string>");
        let call = format!("{}({argument})", method.trim_start_matches("supervisor."));
        world.calls.lock().unwrap().push(call.clone());
        if world.mood == Mood::Rude {
            return;
        }
        let xml = world.answer(&call, &argument);
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n", xml.len());
        let _gone = writer.write_all(format!("{head}{xml}").as_bytes());
        if world.mood == Mood::Curt && call.starts_with("startProcess") {
            let _gone = writer.shutdown(Shutdown::Both);
            *world.closed.lock().unwrap() += 1;
            return;
        }
    }
}

/// The body of the next request.
fn request(reader: &mut impl BufRead, world: &World) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if lower.starts_with("authorization:") {
            world.authorizations.lock().unwrap().push(line["authorization:".len()..].trim().to_owned());
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}

fn between(text: &str, start: &str, end: &str) -> String {
    let found = text.split_once(start).and_then(|(_, rest)| rest.split_once(end));
    found.map_or("", |(inner, _)| inner).to_owned()
}

impl World {
    fn answer(&self, call: &str, argument: &str) -> String {
        if let Some((code, text)) = self.faults.get(call) {
            return format!(
                "<?xml version='1.0'?><methodResponse><fault>{}</fault></methodResponse>",
                structure(&[("faultCode", &int(*code)), ("faultString", &string(text))])
            );
        }
        let value = if call.starts_with("getAllProcessInfo") {
            let all: String = self.processes.iter().map(Pretended::value).collect();
            format!("<value><array><data>{all}</data></array></value>")
        } else if call.starts_with("getProcessInfo") {
            let found = self.processes.iter().find(|it| argument == format!("{}:{}", it.group, it.name));
            found.map(Pretended::value).unwrap_or_else(|| string("nobody"))
        } else {
            "<value><boolean>1</boolean></value>".to_owned()
        };
        format!(
            "<?xml version='1.0'?><methodResponse><params><param>{value}</param></params></methodResponse>"
        )
    }
}

impl Pretended {
    fn value(&self) -> String {
        structure(&[
            ("group", &string(self.group)),
            ("name", &string(self.name)),
            ("pid", &int(self.pid)),
            ("state", &int(self.state)),
            ("statename", &string("")),
            ("description", &string("")),
            ("start", &int(1_000_000)),
            ("now", &int(1_000_000 + self.uptime)),
        ])
    }
}

fn structure(members: &[(&str, &str)]) -> String {
    let members: String =
        members.iter().map(|(name, value)| format!("<member><name>{name}</name>{value}</member>")).collect();
    format!("<value><struct>{members}</struct></value>")
}

fn int(number: i32) -> String {
    format!("<value><int>{number}</int></value>")
}

fn string(text: &str) -> String {
    format!("<value><string>{}</string></value>", quick_xml::escape::escape(text))
}
