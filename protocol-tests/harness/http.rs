//! A minimal HTTP client: whole answers, and streams that are read as they come.
//!
//! Kept apart from the library's own code, so that the tests do not believe what they test.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::wait;

/// Where a server listens.
#[derive(Clone, Copy, Debug)]
pub enum Server<'a> {
    /// A unix socket.
    Unix(&'a Path),
    /// A port of 127.0.0.1.
    Tcp(u16),
}

/// Both directions of a connection.
trait Connection: Read + Write {}

impl<T: Read + Write> Connection for T {}

/// An answer, as much of it as has come.
pub struct Answer {
    connection: Box<dyn Connection>,
    got: Vec<u8>,
    ended: bool,
}

impl Server<'_> {
    /// Asks for a page; headers are whole lines.
    pub fn get(self, path: &str, headers: &[&str]) -> Answer {
        self.send(&format!("GET {path}"), headers, "")
    }

    /// Sends a form.
    pub fn post(self, path: &str, headers: &[&str], form: &str) -> Answer {
        let length = format!("Content-Length: {}", form.len());
        let own = ["Content-Type: application/x-www-form-urlencoded", &length];
        self.send(&format!("POST {path}"), &[&own, headers].concat(), form)
    }

    /// A request that begins like this. Without a Host among the headers it is for `localhost`.
    fn send(self, begin: &str, headers: &[&str], body: &str) -> Answer {
        let mut connection = self.connect();
        let host = if headers.iter().any(|it| it.starts_with("Host:")) { "" } else { "Host: localhost\r\n" };
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        write!(connection, "{begin} HTTP/1.1\r\n{host}Connection: close\r\n{headers}\r\n{body}").unwrap();
        let mut answer = Answer { connection, got: Vec::new(), ended: false };
        wait::until_true("the head of an answer", || answer.read() || answer.text().contains("\r\n\r\n"));
        answer
    }

    /// A whole page; it must be there.
    pub fn page(self, path: &str) -> String {
        let mut answer = self.get(path, &[]);
        assert_eq!(answer.status(), 200, "{}", answer.head());
        String::from_utf8(answer.whole()).unwrap()
    }

    fn connect(self) -> Box<dyn Connection> {
        let patience = Some(Duration::from_millis(20));
        match self {
            Self::Unix(path) => {
                let stream = UnixStream::connect(path).unwrap();
                stream.set_read_timeout(patience).unwrap();
                Box::new(stream)
            }
            Self::Tcp(port) => {
                let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
                stream.set_read_timeout(patience).unwrap();
                Box::new(stream)
            }
        }
    }
}

impl Answer {
    /// Status line and headers.
    pub fn head(&self) -> String {
        self.text().split("\r\n\r\n").next().unwrap_or_default().to_owned()
    }

    /// The value of a header, empty where there is none.
    pub fn header(&self, name: &str) -> String {
        let head = self.head();
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        fields
            .filter(|field| field.0.eq_ignore_ascii_case(name))
            .map(|field| field.1.to_owned())
            .next()
            .unwrap_or_default()
    }

    /// The number of its status.
    pub fn status(&self) -> u16 {
        self.text().split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0)
    }

    /// The body so far, with its chunks put together.
    pub fn body(&self) -> Vec<u8> {
        let end = self.got.windows(4).position(|it| it == b"\r\n\r\n").map_or(self.got.len(), |at| at + 4);
        let body = &self.got[end..];
        if self.head().to_lowercase().contains("transfer-encoding: chunked") {
            joined(body)
        } else {
            body.to_vec()
        }
    }

    /// The body so far as complete lines.
    pub fn lines(&self) -> Vec<String> {
        let body = String::from_utf8(self.body()).unwrap();
        let whole = body.rfind('\n').map_or("", |end| &body[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    /// The body, when the server has closed the connection.
    pub fn whole(&mut self) -> Vec<u8> {
        wait::until_true("the end of an answer", || self.read());
        self.body()
    }

    /// Reads what there is; whether the server has closed the connection.
    pub fn read(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        while !self.ended {
            match self.connection.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(n) => self.got.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.ended
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.got).into_owned()
    }
}

/// Chunks without what stands between them; one that is not whole yet is left out.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = chunks.windows(2).position(|it| it == b"\r\n") {
        let size = std::str::from_utf8(&chunks[..end]).ok().and_then(|it| usize::from_str_radix(it, 16).ok());
        let Some(chunk) = size.and_then(|size| chunks.get(end + 2..end + 2 + size)) else { break };
        body.extend_from_slice(chunk);
        chunks = chunks.get(end + 4 + chunk.len()..).unwrap_or_default();
    }
    body
}
