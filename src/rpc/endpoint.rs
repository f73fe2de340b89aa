//! `/RPC2`: a request's body becomes a call, the reply becomes the response's body.

use std::future::ready;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::{Method, StatusCode};

use super::codec::Codec;
use super::methods::{self, Context, DaemonFacts};
use crate::config::schema::ServerConfig;
use crate::daemon::fault::Fault;
use crate::daemon::handle::Handle;
use crate::http::{Answer, Budget, Log, Request, Response, Service, response};
use crate::logs::workers::Workers;
use crate::model::notice::{Level, Notice};
use crate::model::pyrepr;
use crate::wire::xmlrpc::{MalformedCall, MethodCall, encode};

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

/// What serving needs of the daemon around it.
pub struct Means {
    /// Takes what there is to tell.
    pub log: Log,
    /// Counts calls.
    pub calls: Calls,
    /// Read and write what is large.
    pub workers: Workers,
    /// What answers may hold in memory, among them those that are not complete yet.
    pub budget: Budget,
}

/// The service behind `/RPC2`.
#[derive(Clone)]
pub struct Endpoint {
    context: Rc<Context>,
    codec: Rc<Codec>,
    log: Log,
    calls: Calls,
}

impl Endpoint {
    /// Serves the methods in these namespaces (C-370, C-371).
    pub fn new(daemon: Handle, facts: DaemonFacts, namespaces: Vec<String>, means: Means) -> Self {
        let Means { log, calls, workers, budget } = means;
        let codec = Rc::new(Codec::new(workers, budget.clone()));
        let context = Context { daemon, facts, namespaces, listed: Rc::default(), budget };
        Self { context: Rc::new(context), codec, log, calls }
    }

    /// Keeps the body, and with it its share of the budget, to the end: what was read from it takes memory
    /// as well.
    async fn answer(self, body: Bytes) -> Response {
        match self.codec.read(&body).await {
            Some(Ok(call)) => self.carry_out(call).await,
            Some(Err(malformed)) => self.malformed(&body, malformed),
            None => response::error(StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    async fn carry_out(&self, call: MethodCall) -> Response {
        let (log, name) = (&self.log, call.name.clone());
        log(Level::Trace, format_args!("XML-RPC method called: {name}()"));
        let begun = Instant::now();
        let result = self.text_of(call).await;
        (self.calls)(&name, result.is_ok(), begun.elapsed());
        let body = match result {
            Ok(body) => {
                log(Level::Trace, format_args!("XML-RPC method {name}() returned successfully"));
                body
            }
            Err(fault) => {
                let code = fault.code.number();
                log(Level::Trace, format_args!("XML-RPC method {name}() returned fault: [{code}] {fault}"));
                encode::fault(code, &fault.to_string()).into()
            }
        };
        response::ok("text/xml", body)
    }

    async fn text_of(&self, call: MethodCall) -> Result<Bytes, Fault> {
        self.codec.write(methods::call(&self.context, call).await?).await
    }

    fn malformed(&self, body: &[u8], malformed: MalformedCall) -> Response {
        let shown = pyrepr::string(&String::from_utf8_lossy(&body[..body.len().min(SHOWN)]));
        (self.log)(Level::Error, format_args!("XML-RPC request data {shown} is invalid: {malformed}"));
        response::error(StatusCode::BAD_REQUEST)
    }
}

impl Service for Endpoint {
    fn call(&self, request: Request) -> Answer {
        if request.method() != Method::POST {
            return Box::pin(ready(response::error(StatusCode::BAD_REQUEST)));
        }
        Box::pin(self.clone().answer(request.into_body()))
    }
}

#[cfg(test)]
mod tests;
