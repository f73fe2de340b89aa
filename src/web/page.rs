//! What all pages have in common: their frame, their headers, and names as addresses have them.

use askama::Template;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::assets;
use crate::http::{Response, response};

/// What stays as it is in names within addresses (C-344): what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a page may load, send and be shown in: only what comes from here, nothing that stands in the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Headers of every page: C-340, and those that keep other sites out.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::PRAGMA, "no-cache"),
    (header::CACHE_CONTROL, "no-cache"),
    (header::EXPIRES, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What stands around the content of a page.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The daemon's identifier.
    pub identifier: String,
    /// What forms carry along (C-604).
    pub token: String,
}

impl Frame {
    /// The daemon's version (C-341).
    pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

    /// The address of an asset.
    pub(super) fn asset(&self, name: &str) -> String {
        assets::address(name)
    }
}

/// A page, with the headers that keep it safe. A template that fails is one that cannot be written to a text.
pub(super) fn rendered(page: &impl Template) -> String {
    page.render().expect("writing to a String cannot fail")
}

/// 200 with this page.
pub(super) fn html(text: String) -> Response {
    with_headers(response::ok("text/html;charset=utf-8", text))
}

fn with_headers(mut response: Response) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A name, or any other text, as it stands in an address (C-344). What comes out is plain ASCII without a line
/// break, fit for a header (C-359).
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-344, C-359
    #[test]
    fn names_in_addresses() {
        assert_eq!(encoded("web:a_0-1.x~"), "web%3Aa_0-1.x~");
        assert_eq!(encoded("a+b &\"<>é/"), "a%2Bb%20%26%22%3C%3E%C3%A9%2F");
        assert_eq!(encoded("x\r\nSet-Cookie: y"), "x%0D%0ASet-Cookie%3A%20y");
    }

    // C-340
    #[test]
    fn headers() {
        let response = html("x".into());
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "text/html;charset=utf-8");
        assert_eq!((header("pragma"), header("cache-control")), ("no-cache".into(), "no-cache".into()));
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"));
        assert!(!header("content-security-policy").contains("unsafe"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "same-origin");
    }
}
