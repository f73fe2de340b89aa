//! Which service answers for which path.

use std::future::ready;
use std::rc::Rc;

use hyper::StatusCode;

use super::{Answer, Request, Service, response};

/// Services by the beginning of the path; the first that fits answers (C-030, C-031).
#[derive(Default)]
pub struct Router {
    routes: Vec<(&'static str, Rc<dyn Service>)>,
}

impl Router {
    /// Adds a service for all paths that begin like this.
    #[must_use]
    pub fn route(mut self, prefix: &'static str, service: Rc<dyn Service>) -> Self {
        self.routes.push((prefix, service));
        self
    }
}

impl Service for Router {
    fn call(&self, request: Request) -> Answer {
        let path = request.uri().path();
        match self.routes.iter().find(|(prefix, _)| path.starts_with(prefix)) {
            Some((_, service)) => service.call(request),
            None => Box::pin(ready(response::error(StatusCode::NOT_FOUND))),
        }
    }
}
