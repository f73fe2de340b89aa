//! HTTP requests to a control server, over a unix or a TCP socket.
//!
//! hyper on the caller's runtime. A `current_thread` runtime and a handshake cost a fraction of a
//! millisecond, little beside starting a process; in return keep-alive, chunks and streams that run
//! beside each other come for nothing. What the bodies mean is `proxy`'s business.

use std::fmt;
use std::io;
use std::net::ToSocketAddrs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// Longest answer, in bytes; a whole log may be one.
const MAX_ANSWER: usize = 1 << 30;

/// Where a control server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// A TCP port.
    Tcp {
        /// Name or number of the host, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Endpoint {
    /// Reads a server's URL (C-412); the error says what is wrong with it.
    pub fn of_url(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("unix://") {
            return Ok(Self::Unix(path.into()));
        }
        let Some(rest) = url.strip_prefix("http://") else {
            return Err(format!("cannot talk to {url}: a server's URL begins with http:// or unix://"));
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // Credentials in the URL are not used (C-411).
        let address = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':').unwrap_or_default()),
            None => address.split_once(':').unwrap_or((address, "")),
        };
        let number = if port.is_empty() { Ok(80) } else { port.parse() };
        match number {
            Ok(port) if !host.is_empty() => Ok(Self::Tcp { host: host.to_lowercase(), port }),
            _ => Err(format!("cannot talk to {url}: it should be http://host:port")),
        }
    }
}

/// User name and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub username: String,
    /// Its password, as text.
    pub password: String,
}

/// A request without a proper answer.
#[derive(Debug)]
pub enum TransportError {
    /// No connection.
    Connect(io::Error),
    /// The connection broke, or what came was not HTTP.
    Exchange(String),
    /// An answer with another status than 200.
    Status(u16),
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Exchange(text) => write!(f, "the connection failed: {text}"),
            Self::Status(code) => {
                let reason = StatusCode::from_u16(*code).ok().and_then(|code| code.canonical_reason());
                write!(f, "the server answered with HTTP status {code} {}", reason.unwrap_or_default())
            }
        }
    }
}

impl std::error::Error for TransportError {}

impl From<hyper::Error> for TransportError {
    fn from(error: hyper::Error) -> Self {
        Self::Exchange(error.to_string())
    }
}

/// The way to one server. Its connection is kept between requests for as long as the server keeps it.
#[derive(Debug)]
pub struct Transport {
    endpoint: Endpoint,
    credentials: Option<Credentials>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Transport {
    /// A way that is not opened yet.
    pub fn new(endpoint: Endpoint, credentials: Option<Credentials>) -> Self {
        Self { endpoint, credentials, connection: None }
    }

    /// A second way to the same server.
    pub fn another(&self) -> Self {
        Self::new(self.endpoint.clone(), self.credentials.clone())
    }

    /// Posts an XML text and gives the body of the answer.
    pub async fn post(&mut self, path: &str, xml: String) -> Result<Bytes, TransportError> {
        let request = self
            .request("POST", path)
            .header(header::CONTENT_TYPE, "text/xml")
            .body(Full::from(xml))
            .map_err(|error| TransportError::Exchange(error.to_string()))?;
        let answer = self.send(request).await?;
        match Limited::new(answer.into_body(), MAX_ANSWER).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) => Err(TransportError::Exchange(error.to_string())),
        }
    }

    /// Gets a page, piece by piece; it has the connection to itself from then on.
    pub async fn get(mut self, path: &str) -> Result<Stream, TransportError> {
        let request = self
            .request("GET", path)
            .body(Full::default())
            .map_err(|error| TransportError::Exchange(error.to_string()))?;
        Ok(Stream(self.send(request).await?.into_body()))
    }

    fn request(&self, method: &str, path: &str) -> hyper::http::request::Builder {
        let host = match &self.endpoint {
            Endpoint::Unix(_) => "localhost".to_owned(),
            Endpoint::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Endpoint::Tcp { host, port } => format!("{host}:{port}"),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header(header::USER_AGENT, "supervisorctl")
            .header(header::ACCEPT, "*/*");
        match &self.credentials {
            Some(Credentials { username, password }) => {
                let token = STANDARD.encode(format!("{username}:{password}"));
                request.header(header::AUTHORIZATION, format!("Basic {token}"))
            }
            None => request,
        }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, TransportError> {
        let mut connection = match self.connection.take() {
            Some(kept) if !kept.is_closed() => kept,
            _ => self.connect().await?,
        };
        connection.ready().await?;
        let answer = connection.send_request(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(TransportError::Status(answer.status().as_u16()));
        }
        self.connection = Some(connection);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, TransportError> {
        match &self.endpoint {
            Endpoint::Unix(path) => {
                shake_hands(UnixStream::connect(path).await.map_err(TransportError::Connect)?).await
            }
            Endpoint::Tcp { host, port } => {
                // Looking up a name blocks; nothing else is going on in a client meanwhile.
                let addresses = (host.as_str(), *port).to_socket_addrs().map_err(TransportError::Connect)?;
                let addresses: Vec<_> = addresses.collect();
                let stream = TcpStream::connect(&addresses[..]).await.map_err(TransportError::Connect)?;
                shake_hands(stream).await
            }
        }
    }
}

async fn shake_hands<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, TransportError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // What breaks the connection is told to whoever waits for an answer.
    tokio::spawn(connection);
    Ok(sender)
}

/// The body of a page that may have no end.
#[derive(Debug)]
pub struct Stream(Incoming);

impl Stream {
    /// The next piece; `None` at its end.
    pub async fn next(&mut self) -> Option<Result<Bytes, TransportError>> {
        loop {
            match self.0.frame().await? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(_trailers) => continue,
                },
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-411, C-412
    #[test]
    fn urls() {
        let tcp = |host: &str, port| Ok(Endpoint::Tcp { host: host.into(), port });
        assert_eq!(Endpoint::of_url("http://Host:9001/RPC2/"), tcp("host", 9001));
        assert_eq!(Endpoint::of_url("http://u:p@h"), tcp("h", 80));
        assert_eq!(Endpoint::of_url("http://[::1]:81"), tcp("::1", 81));
        assert_eq!(Endpoint::of_url("unix:///a b"), Ok(Endpoint::Unix("/a b".into())));
        for bad in ["http://", "http://h:x", "http://h:99999", "ftp://h", "HTTP://h"] {
            assert!(Endpoint::of_url(bad).is_err(), "{bad}");
        }
    }
}
