//! An HTTP client that sends whatever bytes it is told to.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::sandbox::Sandbox;
use super::wait;

/// A call that changes nothing.
const STATE: &str = "<methodCall><methodName>supervisor.getState</methodName></methodCall>";

/// A client: what it sends, and all that it has got.
#[derive(Debug)]
pub struct Client<S> {
    /// Its end of the connection.
    pub stream: S,
    /// What came.
    pub got: Vec<u8>,
}

impl Client<UnixStream> {
    /// Connected to the sandbox's socket.
    pub fn unix(sandbox: &Sandbox) -> Self {
        let stream = UnixStream::connect(sandbox.path("s.sock")).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        Self { stream, got: Vec::new() }
    }
}

impl Client<TcpStream> {
    /// Connected to a port.
    pub fn tcp(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        Self { stream, got: Vec::new() }
    }
}

impl<S: Read + Write> Client<S> {
    /// Sends this as well.
    pub fn send(mut self, text: &str) -> Self {
        self.stream.write_all(text.as_bytes()).unwrap();
        self
    }

    /// Reads what is there; whether the server has closed.
    pub fn read(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => true,
            Ok(n) => {
                self.got.extend_from_slice(&buffer[..n]);
                false
            }
            Err(error) => match error.kind() {
                // The child of another test may have died meanwhile.
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => false,
                ErrorKind::ConnectionReset => true,
                _ => panic!("reading: {error}"),
            },
        }
    }

    /// What came, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.got).into_owned()
    }

    /// All until the server closes.
    pub fn until_closed(mut self) -> String {
        wait::until_true("the end of the connection", || self.read());
        self.text()
    }

    /// Reads until this text has come.
    pub fn until(&mut self, text: &str) {
        let found = wait::within(wait::PATIENCE, || {
            let _closed = self.read();
            self.text().contains(text).then_some(())
        });
        assert!(found.is_some(), "no {text:?} in {:?}", self.text());
    }
}

/// A call of `getState`, with these header lines.
pub fn post(headers: &str) -> String {
    format!("POST /RPC2 HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n{STATE}", STATE.len())
}

/// A request for a page.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// Checks that the daemon answers a new client.
pub fn answers(sandbox: &Sandbox) {
    let reply = Client::unix(sandbox).send(&post("Connection: close\r\n")).until_closed();
    assert!(reply.contains("RUNNING"), "{reply}");
}
