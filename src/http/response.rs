//! Responses, and those that are the same for every service.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::{self, Frame, SizeHint};
use hyper::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, LOCATION, SERVER, X_CONTENT_TYPE_OPTIONS,
};
use tokio::sync::mpsc;

use super::budget::Share;

/// What a response carries.
pub enum Body {
    /// All of it.
    Whole(Option<Bytes>),
    /// Pieces, until the sender is dropped. The sender learns of the client's end by that of the receiver.
    Stream(mpsc::Receiver<Bytes>),
    /// Pieces of a whole that is being made, until the sender is dropped.
    Pieces {
        /// Those that are there.
        pieces: mpsc::UnboundedReceiver<Bytes>,
        /// What all of them take together, about.
        size: usize,
        /// Held until the last is sent.
        share: Option<Share>,
    },
}

impl Body {
    /// Whether it goes on until one side ends it.
    pub const fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    /// How long it is, as far as that is known.
    pub fn size(&self) -> usize {
        match self {
            Self::Whole(content) => content.as_ref().map_or(0, Bytes::len),
            Self::Stream(_) => 0,
            Self::Pieces { size, .. } => *size,
        }
    }

    /// Holds this share until all of it is sent.
    pub fn holding(self, share: Share) -> Self {
        match self {
            Self::Whole(content) => Self::Whole(content.map(|content| share.hold(content))),
            Self::Stream(_) => self,
            Self::Pieces { pieces, size, .. } => Self::Pieces { pieces, size, share: Some(share) },
        }
    }
}

impl body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(content) => Poll::Ready(content.take().map(|it| Ok(Frame::data(it)))),
            Self::Stream(pieces) => pieces.poll_recv(cx).map(|piece| piece.map(|it| Ok(Frame::data(it)))),
            Self::Pieces { pieces, .. } => {
                pieces.poll_recv(cx).map(|piece| piece.map(|it| Ok(Frame::data(it))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(content) => content.is_none(),
            Self::Stream(_) | Self::Pieces { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(_) => SizeHint::with_exact(self.size() as u64),
            Self::Stream(_) | Self::Pieces { .. } => SizeHint::default(),
        }
    }
}

/// A response on its way out.
pub type Response = hyper::Response<Body>;

/// Says who answers (C-039).
const SERVER_NAME: HeaderValue = HeaderValue::from_static(concat!("supervisor/", env!("CARGO_PKG_VERSION")));

/// 200 with this content.
pub fn ok(content_type: &'static str, content: impl Into<Bytes>) -> Response {
    with_status(StatusCode::OK, content_type, content)
}

/// 200 with what will come. The connection is of no use after it.
pub fn stream(content_type: &'static str, pieces: mpsc::Receiver<Bytes>) -> Response {
    closing(with_body(StatusCode::OK, content_type, Body::Stream(pieces)))
}

/// 200 with a whole that comes in pieces, of this size in bytes, about.
pub fn pieces(content_type: &'static str, size: usize, pieces: mpsc::UnboundedReceiver<Bytes>) -> Response {
    with_body(StatusCode::OK, content_type, Body::Pieces { pieces, size, share: None })
}

/// After this response the connection is closed.
pub fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// An error, with a few lines of HTML that tell it (C-040).
pub fn error(status: StatusCode) -> Response {
    explained(status, "")
}

/// An error with a sentence about it.
pub fn explained(status: StatusCode, explanation: &'static str) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    let code = status.as_u16();
    let text = format!(
        "<html>\n<head><title>{code} {reason}</title></head>\n<body>\n<h1>{reason}</h1>\n\
         <p>Error code {code}. {explanation}</p>\n</body>\n</html>\n"
    );
    with_status(status, "text/html", text)
}

/// Why a service refuses what a browser may have been tricked into sending: an extension of its response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused(pub &'static str);

/// 403, with what its sender may do about it. The reason is for the log (C-605).
pub fn refused(reason: &'static str, advice: &'static str) -> Response {
    let mut response = explained(StatusCode::FORBIDDEN, advice);
    response.extensions_mut().insert(Refused(reason));
    response
}

/// 303 to a relative address, which nobody may keep (C-345).
pub fn see_other(location: HeaderValue) -> Response {
    let mut response = with_status(StatusCode::SEE_OTHER, "text/plain", Bytes::new());
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn with_status(status: StatusCode, content_type: &'static str, content: impl Into<Bytes>) -> Response {
    with_body(status, content_type, Body::Whole(Some(content.into()).filter(|content| !content.is_empty())))
}

fn with_body(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(SERVER, SERVER_NAME);
    // What a program wrote is what the type says, whatever it looks like.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
