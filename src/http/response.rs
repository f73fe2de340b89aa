//! Responses, and those that are the same for every service.

use bytes::Bytes;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue, SERVER};

/// What a response carries.
pub type Body = Full<Bytes>;

/// A response on its way out.
pub type Response = hyper::Response<Body>;

/// Says who answers (C-039).
const SERVER_NAME: HeaderValue = HeaderValue::from_static(concat!("supervisor/", env!("CARGO_PKG_VERSION")));

/// 200 with this content.
pub fn ok(content_type: &'static str, content: impl Into<Bytes>) -> Response {
    with_status(StatusCode::OK, content_type, content)
}

/// An error, with a few lines of HTML that tell it (C-040).
pub fn error(status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    let code = status.as_u16();
    let text = format!(
        "<html>\n<head><title>{code} {reason}</title></head>\n<body>\n<h1>{reason}</h1>\n\
         <p>Error code {code}.</p>\n</body>\n</html>\n"
    );
    with_status(status, "text/html", text)
}

fn with_status(status: StatusCode, content_type: &'static str, content: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Full::new(content.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(SERVER, SERVER_NAME);
    response
}
