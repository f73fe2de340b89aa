//! An HTTP server that says what a test tells it to, to whoever asks.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// The server.
#[derive(Debug)]
pub struct HttpServer {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    over: Arc<Mutex<bool>>,
    accepting: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Starts one that answers everything with these bytes; without any it never answers.
    pub fn start(answer: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(Mutex::new(false));
        let accepting = std::thread::spawn({
            let (requests, over, answer) = (Arc::clone(&requests), Arc::clone(&over), answer.to_owned());
            move || {
                let mut silent = Vec::new();
                for stream in listener.incoming().map_while(Result::ok) {
                    if *over.lock().unwrap() {
                        break;
                    }
                    requests.lock().unwrap().push(request(&stream));
                    silent.extend(reply(stream, &answer));
                }
            }
        });
        Self { port, requests, over, accepting: Some(accepting) }
    }

    /// The address of a page.
    pub fn url(&self, page: &str) -> String {
        format!("http://127.0.0.1:{}{page}", self.port)
    }

    /// Request line and User-Agent of each request so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn request(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let kept = lines.enumerate().filter(|(n, line)| *n == 0 || line.to_lowercase().starts_with("user-agent"));
    kept.map(|(_, line)| line.to_lowercase()).collect::<Vec<_>>().join("; ")
}

/// Answers, or gives the connection back to be kept open.
fn reply(mut stream: TcpStream, answer: &str) -> Option<TcpStream> {
    if answer.is_empty() {
        return Some(stream);
    }
    let _gone = stream.write_all(answer.as_bytes());
    None
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        *self.over.lock().unwrap() = true;
        let _wakes_it = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(accepting) = self.accepting.take() {
            let _panicked = accepting.join();
        }
    }
}
