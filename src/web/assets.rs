//! What browsers keep: style sheet, scripts, icon. Compiled in, each under an address that changes with its
//! content.

use std::sync::LazyLock;

use hyper::header::{CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH};
use hyper::{HeaderMap, StatusCode};
use sha1::{Digest, Sha1};

use crate::http::{Response, response};

/// Under its own address an asset never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Under that of another version it may.
const ASK_AGAIN: &str = "no-cache";

/// A file that is compiled in.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    text: &'static str,
    /// Tells this content from that of other versions.
    digest: LazyLock<String>,
}

macro_rules! asset {
    ($name:literal, $type:literal) => {
        Asset {
            name: $name,
            content_type: $type,
            text: include_str!(concat!("assets/", $name)),
            digest: LazyLock::new(|| digest(include_str!(concat!("assets/", $name)))),
        }
    };
}

static ASSETS: [Asset; 6] = [
    asset!("style.css", "text/css;charset=utf-8"),
    asset!("live.js", "text/javascript;charset=utf-8"),
    asset!("status.js", "text/javascript;charset=utf-8"),
    asset!("activity.js", "text/javascript;charset=utf-8"),
    asset!("log.js", "text/javascript;charset=utf-8"),
    asset!("icon.svg", "image/svg+xml"),
];

fn digest(text: &str) -> String {
    Sha1::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// The address of an asset, relative to every page.
pub(super) fn address(name: &str) -> String {
    find(name).map_or_else(|| name.to_owned(), |asset| format!("{name}?{}", *asset.digest))
}

/// The response with an asset, if there is one of this name.
pub(super) fn answer(name: &str, query: Option<&str>, headers: &HeaderMap) -> Option<Response> {
    let asset = find(name)?;
    let tag = format!("\"{}\"", *asset.digest);
    let known = headers.get_all(IF_NONE_MATCH).iter().any(|given| given.as_bytes() == tag.as_bytes());
    let mut response = response::ok(asset.content_type, asset.text);
    if known {
        response = response::error(StatusCode::NOT_MODIFIED).map(|_| response::Body::Whole(None));
    }
    let lasting = if query == Some(asset.digest.as_str()) { FOR_EVER } else { ASK_AGAIN };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(lasting));
    response.headers_mut().extend(HeaderValue::try_from(tag).map(|tag| (ETAG, tag)));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_contents() {
        let own = address("style.css");
        let (name, query) = own.split_once('?').unwrap();
        let response = answer(name, Some(query), &HeaderMap::new()).unwrap();
        assert_eq!(response.headers()[CACHE_CONTROL], FOR_EVER);
        let old = answer(name, Some("other"), &HeaderMap::new()).unwrap();
        assert_eq!(old.headers()[CACHE_CONTROL], ASK_AGAIN);
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, response.headers()[ETAG].clone());
        let unchanged = answer(name, None, &headers).unwrap();
        assert_eq!((unchanged.status(), unchanged.body().size()), (StatusCode::NOT_MODIFIED, 0));
        assert!(answer("style.cs", None, &headers).is_none());
    }
}
