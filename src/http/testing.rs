//! What tests of several modules need (test-only).

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// Headers from lines, `Name: value` each.
pub(super) fn headers(lines: &[&str]) -> HeaderMap {
    let parsed = lines.iter().map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap())
    });
    let mut headers = HeaderMap::new();
    parsed.for_each(|(name, value)| {
        headers.append(name, value);
    });
    headers
}
