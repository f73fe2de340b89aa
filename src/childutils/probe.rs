//! Asking an HTTP server for a page, to see whether it is well.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::ext::ReasonPhrase;
use hyper::{Request, Response, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, pki_types::ServerName};

/// Bytes of a body that are read.
const MAX_BODY: usize = 16 << 20;

/// How many times the limit of a step a whole check may take: a page that comes drop by drop is no page.
const STEPS: u32 = 10;

/// Where to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    tls: bool,
    host: String,
    port: u16,
    /// As the Host header has it.
    authority: String,
    /// Path and query.
    page: String,
}

impl Target {
    /// Reads a URL of the schemes http and https; the error says what is wrong with it.
    pub fn of_url(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("{url} is no URL: {error}"))?;
        let tls = match uri.scheme_str().map(str::to_lowercase).as_deref() {
            Some("http") => false,
            Some("https") => true,
            other => return Err(format!("Bad scheme {}", other.unwrap_or_default())),
        };
        let name = uri.host().filter(|it| !it.is_empty()).ok_or_else(|| format!("{url} names no host"))?;
        let usual = if tls { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(usual);
        let authority = if port == usual { name.to_owned() } else { format!("{name}:{port}") };
        let host = name.trim_start_matches('[').trim_end_matches(']').to_owned();
        let page = match uri.path_and_query().map_or("/", |it| it.as_str()) {
            query if query.starts_with('?') => format!("/{query}"),
            page => page.to_owned(),
        };
        Ok(Self { tls, host, port, authority, page })
    }
}

/// What the server said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The text behind it.
    pub reason: String,
    /// The body, or the start of one that is too long.
    pub body: Vec<u8>,
}

/// A check without an answer.
#[derive(Debug)]
pub enum ProbeError {
    /// No connection.
    Connect(io::Error),
    /// What came was no answer.
    Exchange(hyper::Error),
    /// Encryption cannot be set up; why.
    Tls(String),
    /// A step took longer than this.
    Slow(Duration),
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Exchange(error) => match std::error::Error::source(error) {
                Some(reason) => write!(f, "{error}: {reason}"),
                None => error.fmt(f),
            },
            Self::Tls(text) => f.write_str(text),
            Self::Slow(limit) => write!(f, "timed out after {} s", limit.as_secs()),
        }
    }
}

impl std::error::Error for ProbeError {}

impl From<hyper::Error> for ProbeError {
    fn from(error: hyper::Error) -> Self {
        Self::Exchange(error)
    }
}

/// Asks the same page again and again.
#[derive(Debug)]
pub struct Probe {
    runtime: Runtime,
    target: Target,
    limit: Duration,
    tls: Option<TlsSettings>,
}

impl Probe {
    /// A probe of this page. `limit` is for each step: to connect, to answer, to go on.
    pub fn new(target: Target, limit: Duration, any_certificate: bool) -> Result<Self, ProbeError> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build();
        let tls = target.tls.then(|| tls_settings(&target.host, any_certificate)).transpose()?;
        Ok(Self { runtime: runtime.map_err(ProbeError::Connect)?, target, limit, tls })
    }

    /// Asks once.
    pub fn ask(&self) -> Result<Answer, ProbeError> {
        self.runtime.block_on(async {
            let whole = self.limit.saturating_mul(STEPS);
            timeout(whole, self.exchange()).await.unwrap_or(Err(ProbeError::Slow(whole)))
        })
    }

    async fn exchange(&self) -> Result<Answer, ProbeError> {
        let stream = self.step(self.connect()).await??;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // What breaks the connection is told to whoever waits for an answer.
        let connection = tokio::spawn(connection);
        let answer = async {
            let response = self.step(sender.send_request(self.request()?)).await??;
            self.read(response).await
        };
        let answer = answer.await;
        connection.abort();
        answer
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, ProbeError> {
        let address = (self.target.host.as_str(), self.target.port);
        let stream = TcpStream::connect(address).await.map_err(ProbeError::Connect)?;
        let Some(TlsSettings { config, name }) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = connector.connect(name.clone(), stream).await.map_err(ProbeError::Connect)?;
        Ok(Box::new(stream))
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, ProbeError> {
        Request::get(&self.target.page)
            .header(header::HOST, &self.target.authority)
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::USER_AGENT, "httpok")
            .body(Empty::new())
            .map_err(|error| ProbeError::Tls(error.to_string()))
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Answer, ProbeError> {
        let status = response.status();
        let reason = match response.extensions().get::<ReasonPhrase>() {
            Some(own) => String::from_utf8_lossy(own.as_bytes()).into_owned(),
            None => status.canonical_reason().unwrap_or_default().to_owned(),
        };
        let mut incoming = response.into_body();
        let mut body = Vec::new();
        while body.len() < MAX_BODY
            && let Some(frame) = self.step(incoming.frame()).await?
        {
            if let Ok(data) = frame?.into_data() {
                body.extend_from_slice(&data);
            }
        }
        Ok(Answer { status: status.as_u16(), reason, body })
    }

    async fn step<T>(&self, future: impl Future<Output = T>) -> Result<T, ProbeError> {
        timeout(self.limit, future).await.map_err(|_elapsed| ProbeError::Slow(self.limit))
    }
}

/// A connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

#[derive(Debug)]
struct TlsSettings {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

fn tls_settings(host: &str, any_certificate: bool) -> Result<TlsSettings, ProbeError> {
    let wrong = |error: &dyn fmt::Display| ProbeError::Tls(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?;
    let config = if any_certificate {
        let verifier = Arc::new(trusting::AnyCertificate(provider));
        builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        builder.with_root_certificates(roots).with_no_client_auth()
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| wrong(&error))?;
    Ok(TlsSettings { config: Arc::new(config), name })
}

/// For those who only want to know whether a server answers, not whose it is.
mod trusting {
    use std::sync::Arc;

    use tokio_rustls::rustls::client::danger::{
        HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
    };
    use tokio_rustls::rustls::crypto::CryptoProvider;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use tokio_rustls::rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    pub(super) struct AnyCertificate(pub(super) Arc<CryptoProvider>);

    impl ServerCertVerifier for AnyCertificate {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // E-240, E-250
    #[test]
    fn urls() {
        let of = |url| Target::of_url(url).map(|it| (it.tls, it.host, it.port, it.authority, it.page));
        let parts = |tls, host: &str, port, authority: &str, page: &str| {
            Ok((tls, host.to_owned(), port, authority.to_owned(), page.to_owned()))
        };
        assert_eq!(of("http://h:81/a?b#c"), parts(false, "h", 81, "h:81", "/a?b"));
        assert_eq!(of("HTTPS://h"), parts(true, "h", 443, "h", "/"));
        assert_eq!(of("http://[::1]:80?x"), parts(false, "::1", 80, "[::1]", "/?x"));
        for bad in ["ftp://h/", "h:80/", "/x", "", "http://", "http:///x", "http://h/a b"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nobody_there() {
        let probe = |url| Probe::new(Target::of_url(url).unwrap(), Duration::from_secs(5), false).unwrap();
        assert!(matches!(probe("http://127.0.0.1:1/").ask(), Err(ProbeError::Connect(_))));
        assert!(matches!(probe("https://127.0.0.1:1/").ask(), Err(ProbeError::Connect(_))));
    }
}
