//! A reply as bytes, looked at closely: only what these servers say may be in it.

/// Header lines of the servers and of hyper; anything else was put there by the client.
const HEADERS: [&str; 23] = [
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "etag",
    "expires",
    "last-modified",
    "location",
    "pragma",
    "referrer-policy",
    "server",
    "transfer-encoding",
    "vary",
    "www-authenticate",
    "x-accel-buffering",
    "x-content-type-options",
    "x-frame-options",
];

/// One reply to one request.
#[derive(Debug)]
pub struct Reply<'a> {
    /// Its status.
    pub status: u16,
    /// Everything after its headers, chunked or not.
    pub body: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Reads the first reply; panics where it is none that a server here may give.
    pub fn read(bytes: &'a [u8]) -> Self {
        let shown = || String::from_utf8_lossy(bytes).into_owned();
        let at = bytes
            .windows(4)
            .position(|it| it == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no head: {}", shown()));
        let head = std::str::from_utf8(&bytes[..at]).unwrap_or_else(|_| panic!("no text: {}", shown()));
        let (first, headers) = head.split_once("\r\n").unwrap_or_else(|| panic!("no headers: {}", shown()));
        let status = status(first).unwrap_or_else(|| panic!("no status: {}", shown()));
        for line in headers.split("\r\n") {
            let name = line.split(':').next().unwrap_or_default();
            assert!(HEADERS.contains(&name) && !line.contains(['\r', '\n', '\0']), "{line:?} in {}", shown());
        }
        Self { status, body: &bytes[at + 4..] }
    }
}

/// Of `HTTP/1.1 200 OK`.
fn status(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 "))?;
    let code = rest.split(' ').next()?.parse().ok()?;
    (200..600).contains(&code).then_some(code)
}
