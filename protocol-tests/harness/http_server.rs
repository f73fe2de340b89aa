//! An HTTP server that says what a test tells it to, to whoever asks.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use super::tcp_server::TcpServer;

/// The server.
#[derive(Debug)]
pub struct HttpServer {
    server: TcpServer,
    said: Arc<Said>,
}

#[derive(Debug, Default)]
struct Said {
    requests: Mutex<Vec<String>>,
    /// Connections that get no answer and are kept open.
    silent: Mutex<Vec<TcpStream>>,
}

impl HttpServer {
    /// Starts one that answers everything with these bytes; without any it never answers.
    pub fn start(answer: &str) -> Self {
        let said = Arc::new(Said::default());
        let serve = {
            let (said, answer): (_, Arc<str>) = (Arc::clone(&said), answer.into());
            move |stream| said.answer(stream, &answer)
        };
        Self { server: TcpServer::start(serve), said }
    }

    /// The address of a page.
    pub fn url(&self, page: &str) -> String {
        self.url_at("127.0.0.1", page)
    }

    /// The address of a page, by another name of this machine.
    pub fn url_at(&self, host: &str, page: &str) -> String {
        format!("http://{host}:{}{page}", self.server.port())
    }

    /// Request line and User-Agent of each request so far.
    pub fn requests(&self) -> Vec<String> {
        self.said.requests.lock().unwrap().clone()
    }
}

impl Said {
    fn answer(&self, mut stream: TcpStream, answer: &str) {
        let request = request(&stream);
        self.requests.lock().unwrap().push(request);
        if answer.is_empty() {
            self.silent.lock().unwrap().push(stream);
        } else {
            let _gone = stream.write_all(answer.as_bytes());
        }
    }
}

fn request(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let kept = lines.enumerate().filter(|(n, line)| *n == 0 || line.to_lowercase().starts_with("user-agent"));
    kept.map(|(_, line)| line.to_lowercase()).collect::<Vec<_>>().join("; ")
}
