//! The table of methods, and how a call finds its own.
//!
//! Dispatch is by this table alone. A namespace is there if the configuration has an
//! `[rpcinterface:x]` for it; the built-in methods are the same in each (C-370, C-371).

use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::rc::Rc;

use super::fault::{Fault, FaultCode};
use super::{process, supervisor};
use crate::daemon::handle::Handle;
use crate::model::state::SupervisorState;
use crate::wire::xmlrpc::{MethodCall, Value};

/// What a method gives.
pub type Reply = Result<Value, Fault>;

/// A reply that has to be waited for.
type Pending = Pin<Box<dyn Future<Output = Reply>>>;

/// What does not change about a daemon while it runs.
#[derive(Clone, Debug)]
pub struct DaemonFacts {
    /// `identifier` (C-212).
    pub identifier: String,
    /// The daemon's own pid (C-214).
    pub pid: i32,
}

/// What methods work with.
#[derive(Debug)]
pub struct Context {
    /// The way into the daemon.
    pub daemon: Handle,
    /// About it.
    pub facts: DaemonFacts,
    /// Names of the `[rpcinterface:x]` sections.
    pub namespaces: Vec<String>,
}

/// A method of the table.
struct Method {
    name: &'static str,
    /// How many parameters it takes.
    arity: RangeInclusive<usize>,
    /// Refused with fault 6 once shutdown or restart began (C-320).
    gated: bool,
    run: Run,
}

/// How a method comes to its reply.
enum Run {
    /// At once.
    Now(fn(&Context) -> Reply),
    /// By asking the daemon. The command is sent before anything is waited for.
    Ask(fn(Rc<Context>, Vec<Value>) -> Pending),
}

const METHODS: &[Method] = &[
    now("getAPIVersion", supervisor::api_version),
    ask("getAllProcessInfo", 0..=0, |cx, _| Box::pin(process::all_info(cx))),
    now("getIdentification", supervisor::identification),
    now("getPID", supervisor::pid),
    ask("getState", 0..=0, |cx, _| Box::pin(supervisor::state(cx))),
    now("getSupervisorVersion", supervisor::supervisor_version),
    now("getVersion", supervisor::api_version),
];

const fn now(name: &'static str, run: fn(&Context) -> Reply) -> Method {
    Method { name, arity: 0..=0, gated: true, run: Run::Now(run) }
}

const fn ask(
    name: &'static str,
    arity: RangeInclusive<usize>,
    run: fn(Rc<Context>, Vec<Value>) -> Pending,
) -> Method {
    Method { name, arity, gated: true, run: Run::Ask(run) }
}

/// Carries out a call.
pub async fn call(context: &Rc<Context>, call: MethodCall) -> Reply {
    let method = find(context, &call.name).ok_or(FaultCode::UnknownMethod)?;
    if !method.arity.contains(&call.params.len()) {
        return Err(FaultCode::IncorrectParameters.into());
    }
    if method.gated && context.daemon.state().await? != SupervisorState::Running {
        return Err(FaultCode::ShutdownState.into());
    }
    match method.run {
        Run::Now(run) => run(context),
        Run::Ask(run) => run(Rc::clone(context), call.params).await,
    }
}

/// Exactly two parts, of which the first is a namespace and the second in the table (C-067).
fn find(context: &Context, name: &str) -> Option<&'static Method> {
    let (namespace, name) = name.split_once('.')?;
    if !context.namespaces.iter().any(|known| known == namespace) {
        return None;
    }
    METHODS.iter().find(|method| method.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_no_name_twice() {
        assert!(METHODS.is_sorted_by(|a, b| a.name < b.name));
    }

    // C-067, C-371
    #[test]
    fn what_is_no_method() {
        let (daemon, _mailbox) = Handle::new();
        let facts = DaemonFacts { identifier: "supervisor".into(), pid: 1 };
        let context = Context { daemon, facts, namespaces: vec!["supervisor".into(), "other".into()] };
        for known in ["supervisor.getState", "other.getState"] {
            assert!(find(&context, known).is_some(), "{known}");
        }
        for unknown in [
            "",
            ".",
            "supervisor",
            "supervisor.",
            ".getState",
            "getState",
            "supervisor.x",
            "supervisor._update",
        ] {
            assert!(find(&context, unknown).is_none(), "{unknown}");
        }
        for unknown in ["supervisor.getState.x", "supervisor.supervisor.getState", "nosuch.getState"] {
            assert!(find(&context, unknown).is_none(), "{unknown}");
        }
    }
}
