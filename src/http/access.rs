//! One line of the access log per request (C-045).

use std::fmt;
use std::net::SocketAddr;

use chrono::Local;
use hyper::body::Body;
use hyper::{Method, Request, Response, Uri, Version};

/// A request, kept until its answer is known. The text is made only if somebody writes it.
pub(super) struct Entry {
    peer: Option<SocketAddr>,
    method: Method,
    uri: Uri,
    version: Version,
    status: u16,
    bytes: u64,
}

impl Entry {
    /// For a request from this address; `None` for unix sockets.
    pub(super) fn new<B>(peer: Option<SocketAddr>, request: &Request<B>) -> Self {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        Self { peer, method, uri, version: request.version(), status: 0, bytes: 0 }
    }

    /// With its answer.
    pub(super) fn answered(self, response: &Response<impl Body>) -> Self {
        let bytes = response.body().size_hint().lower();
        Self { status: response.status().as_u16(), bytes, ..self }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer {
            Some(peer) => write!(f, "{}:{}", peer.ip(), peer.port())?,
            None => f.write_str("localhost:0")?,
        }
        let Self { method, uri, version, status, bytes, .. } = self;
        let time = Local::now().format("%d/%b/%Y:%H:%M:%S %z");
        write!(f, " - - [{time}] \"{method} {uri} {version:?}\" {status} {bytes}")
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    // C-045
    #[test]
    fn lines() {
        let request = Request::post("/RPC2?x").body(()).unwrap();
        let response = Response::new(Full::<bytes::Bytes>::from("12345"));
        let line = Entry::new(None, &request).answered(&response).to_string();
        assert!(line.starts_with("localhost:0 - - ["), "{line}");
        assert!(line.ends_with("] \"POST /RPC2?x HTTP/1.1\" 200 5"), "{line}");
        let peer = SocketAddr::from(([127, 0, 0, 1], 80));
        let line = Entry::new(Some(peer), &request).to_string();
        assert!(line.starts_with("127.0.0.1:80 - - ["), "{line}");
    }
}
