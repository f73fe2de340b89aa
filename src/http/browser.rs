//! What a request's headers tell of the program that sent it, and of the page it was sent from.

use hyper::header::{HOST, HeaderMap, HeaderName, ORIGIN, REFERER, USER_AGENT};
use hyper::http::uri::Authority;

pub(super) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What every browser calls itself, and hardly anything else.
const BROWSER: &str = "Mozilla/";

/// A host, and its port if that is not the scheme's own.
#[derive(PartialEq, Eq)]
pub(super) struct Site {
    pub host: String,
    pub port: Option<u16>,
}

impl Site {
    /// The site of a host header or an authority under this scheme.
    pub(super) fn new(scheme: &str, authority: &str) -> Option<Self> {
        let authority: Authority = authority.trim().parse().ok()?;
        let usual = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
        let port = authority.port_u16().filter(|port| *port != usual);
        Some(Self { host: plain(authority.host()), port })
    }

    /// The site that an absolute URL is of; `null` and the like are of none.
    pub(super) fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.trim().split_once("://")?;
        Self::new(scheme, rest.split(['/', '?', '#']).next()?)
    }

    /// The site that the request was sent to.
    pub(super) fn of_host(headers: &HeaderMap) -> Option<Self> {
        values(headers, HOST).next().and_then(|host| Self::new("http", &host))
    }
}

/// A host as it is compared: in lower case, IPv6 addresses without brackets.
pub(super) fn plain(name: &str) -> String {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    bare.strip_suffix('.').unwrap_or(bare).to_lowercase()
}

/// All values of a header, as text.
pub(super) fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = String> {
    headers.get_all(name).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Whether a browser says of itself that it is one (C-603).
pub fn is_named(headers: &HeaderMap) -> bool {
    values(headers, USER_AGENT).any(|name| name.contains(BROWSER))
}

/// Whether anything shows that a browser sent it (C-604). Programs that are none have no reason to say from
/// which page they come.
pub fn is_sent(headers: &HeaderMap) -> bool {
    is_named(headers) || [ORIGIN, REFERER, SEC_FETCH_SITE].iter().any(|name| headers.contains_key(name))
}

/// Whether it is certain that the user, or a page of this very site, made the browser send it (C-603).
pub fn is_sent_from_here(headers: &HeaderMap) -> bool {
    let said = |site: String| ["same-origin", "none"].iter().any(|it| site.trim().eq_ignore_ascii_case(it));
    if let Some(site) = values(headers, SEC_FETCH_SITE).next() {
        return said(site);
    }
    let here = Site::of_host(headers);
    here.is_some() && values(headers, REFERER).any(|url| Site::of_url(&url) == here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::headers;

    // C-603
    #[test]
    fn proofs_of_the_own_page() {
        let rows: [(&[&str], bool); 9] = [
            (&[], false),
            (&["Sec-Fetch-Site: same-origin"], true),
            (&["Sec-Fetch-Site: None"], true),
            (&["Sec-Fetch-Site: same-site"], false),
            (&["Host: a:9001", "Referer: http://a:9001/index.html"], true),
            (&["Host: a:9001", "Referer: http://a/"], false),
            (&["Host: a:9001", "Referer: http://b:9001/"], false),
            (&["Referer: http://a/"], false),
            (&["Host: a", "Referer: http://a/", "Sec-Fetch-Site: cross-site"], false),
        ];
        for (lines, expected) in rows {
            assert_eq!(is_sent_from_here(&headers(lines)), expected, "{lines:?}");
        }
    }

    // C-603, C-604
    #[test]
    fn signs_of_a_browser() {
        let rows: [(&[&str], bool, bool); 5] = [
            (&["User-Agent: curl/8.14.1"], false, false),
            (&["User-Agent: Mozilla/5.0 (X11)"], true, true),
            (&["User-Agent: x", "Origin: null"], false, true),
            (&["Referer: http://a/"], false, true),
            (&["Sec-Fetch-Site: none"], false, true),
        ];
        for (lines, named, sent) in rows {
            assert_eq!((is_named(&headers(lines)), is_sent(&headers(lines))), (named, sent), "{lines:?}");
        }
    }
}
