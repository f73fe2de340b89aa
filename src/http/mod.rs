//! Floor 8: HTTP: connections, authentication, and the way of a request to whatever serves its path.
//!
//! Except for the streams of logs and events, what is served is not known here: a [`Service`] gets a whole request and
//! gives a response.

pub mod accept;
mod access;
pub mod auth;
pub mod browser;
mod budget;
mod crowd;
pub mod events;
mod form;
mod guard;
mod line;
mod pace;
pub mod response;
pub mod router;
pub mod server;
pub mod stream;
mod unfinished;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;

use crate::model::notice::Level;

pub use budget::{Budget, Share};
pub use form::Form;
pub use guard::Refusals;
pub use response::Response;
pub use router::Router;
pub use server::{Common, Limits, ServerKind, serve};

/// A request that has come in whole and was let through.
pub type Request = hyper::Request<Bytes>;

/// A response that is being made.
pub type Answer = Pin<Box<dyn Future<Output = Response>>>;

/// Something that answers requests.
pub trait Service {
    /// Begins to answer. Dropping the answer must not undo what has been asked for (C-263).
    fn call(&self, request: Request) -> Answer;
}

impl<F: Fn(Request) -> Answer> Service for F {
    fn call(&self, request: Request) -> Answer {
        self(request)
    }
}

/// Hears of each answer: from which kind of server, with which status.
pub type Tally = Rc<dyn Fn(ServerKind, hyper::StatusCode)>;

/// Takes a line for the activity log, if its level is written at all.
pub type Log = Rc<dyn Fn(Level, fmt::Arguments<'_>)>;

#[cfg(test)]
mod testing;
