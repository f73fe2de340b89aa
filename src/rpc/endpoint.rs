//! `/RPC2`: a request's body becomes a call, the reply becomes the response's body.

use std::future::ready;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};

use super::methods::{self, Context, DaemonFacts};
use crate::config::schema::ServerConfig;
use crate::daemon::handle::Handle;
use crate::http::{Answer, Log, Request, Response, Service, response};
use crate::model::notice::{Level, Notice};
use crate::model::pyrepr;
use crate::wire::xmlrpc::{MethodCall, encode, method_call};

/// How much of a body that makes no sense is shown in the log, in bytes.
const SHOWN: usize = 1024;

/// What the log says when this server was opened (C-022).
pub fn opened(server: &ServerConfig, namespaces: &[String]) -> Vec<Notice> {
    let initialized = |name: &String| {
        Notice::Message(Level::Info, format!("RPC interface {} initialized", pyrepr::string(name)).into())
    };
    let mut notices: Vec<_> = namespaces.iter().map(initialized).collect();
    if server.credentials.is_none() {
        let section = pyrepr::string(&server.section);
        let text = format!("Server {section} running without any HTTP authentication checking");
        notices.push(Notice::Message(Level::Critical, text.into()));
    }
    notices
}

/// Hears of each answered call: the name of the method, whether it succeeded, how long that took.
pub type Calls = Rc<dyn Fn(&str, bool, Duration)>;

/// The service behind `/RPC2`.
#[derive(Clone)]
pub struct Endpoint {
    context: Rc<Context>,
    log: Log,
    calls: Calls,
}

impl Endpoint {
    /// Serves the methods in these namespaces (C-370, C-371).
    pub fn new(daemon: Handle, facts: DaemonFacts, namespaces: Vec<String>, log: Log, calls: Calls) -> Self {
        let context = Rc::new(Context { daemon, facts, namespaces });
        Self { context, log, calls }
    }

    async fn answer(self, call: MethodCall) -> Response {
        let (log, name, begun) = (self.log, call.name.clone(), Instant::now());
        log(Level::Trace, format_args!("XML-RPC method called: {name}()"));
        let result = methods::call(&self.context, call).await;
        (self.calls)(&name, result.is_ok(), begun.elapsed());
        let body = match result {
            Ok(value) => {
                log(Level::Trace, format_args!("XML-RPC method {name}() returned successfully"));
                encode::response(&value)
            }
            Err(fault) => {
                let code = fault.code.number();
                log(Level::Trace, format_args!("XML-RPC method {name}() returned fault: [{code}] {fault}"));
                encode::fault(code, &fault.to_string())
            }
        };
        response::ok("text/xml", body)
    }
}

impl Service for Endpoint {
    fn call(&self, request: Request) -> Answer {
        if request.method() != Method::POST {
            return Box::pin(ready(response::error(StatusCode::BAD_REQUEST)));
        }
        match method_call(request.body()) {
            Ok(call) => Box::pin(self.clone().answer(call)),
            Err(malformed) => {
                let shown = &request.body()[..request.body().len().min(SHOWN)];
                let shown = pyrepr::string(&String::from_utf8_lossy(shown));
                (self.log)(
                    Level::Error,
                    format_args!("XML-RPC request data {shown} is invalid: {malformed}"),
                );
                Box::pin(ready(response::error(StatusCode::BAD_REQUEST)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
