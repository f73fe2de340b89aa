//! The table of methods, and how a call finds its own.
//!
//! Dispatch is by this table alone. A namespace is there if the configuration has an
//! `[rpcinterface:x]` for it; the built-in methods are the same in each (C-370, C-371).

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use super::args::Args;
use super::listed::Listed;
use super::{config, listeners, logs, process, supervisor, system};
use crate::daemon::fault::{Fault, FaultCode};
use crate::daemon::handle::Handle;
use crate::http::Budget;
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
    /// The processes as they were last listed.
    pub listed: Rc<Listed>,
    /// What answers may hold in memory.
    pub budget: Budget,
}

/// A method of the table.
pub(super) struct Method {
    name: &'static str,
    /// Refused with fault 6 once shutdown or restart began (C-320).
    gated: bool,
    /// Types of what it gives and of its parameters, those that may be left out included (C-318).
    pub(super) signature: &'static str,
    /// How many parameters there must be.
    required: usize,
    /// What it does.
    pub(super) help: &'static str,
    run: fn(Rc<Context>, Args) -> Pending,
}

macro_rules! methods {
    ($($name:literal $gate:ident $signature:literal $required:literal $run:path => $help:literal;)*) => {
        &[$(Method {
            name: $name,
            gated: methods!(@ $gate),
            signature: $signature,
            required: $required,
            help: $help,
            run: |context, args| Box::pin($run(context, args)),
        }),*]
    };
    (@ gated) => { true };
    (@ free) => { false };
}

/// Name, gate, signature, parameters that must be there, function, help.
#[rustfmt::skip]
const METHODS: &[Method] = methods! {
    "addProcessGroup" gated "boolean string" 1 config::add_group =>
        "Makes a group of the configuration last read an active one; its members with autostart are started.";
    "clearAllProcessLogs" gated "array" 0 logs::clear_all =>
        "Empties the logs of all processes. Gives a result struct for each.";
    "clearLog" gated "boolean" 0 logs::clear_main =>
        "Empties the daemon's own log.";
    "clearProcessLog" gated "boolean string" 1 logs::clear =>
        "Another name of clearProcessLogs.";
    "clearProcessLogs" gated "boolean string" 1 logs::clear =>
        "Empties both logs of a process.";
    "getAPIVersion" gated "string" 0 supervisor::api_version =>
        "The version of this interface.";
    "getAllConfigInfo" gated "array" 0 config::all_info =>
        "The settings of every process of the configuration last read.";
    "getAllProcessInfo" gated "array" 0 process::all_info =>
        "What getProcessInfo gives, for every process.";
    "getIdentification" gated "string" 0 supervisor::identification =>
        "The daemon's identifier.";
    "getListenerPools" gated "array" 0 listeners::pools =>
        "The event listener pools, each with its figures and its listeners; not in the reference.";
    "getPID" gated "int" 0 supervisor::pid =>
        "The daemon's process id.";
    "getProcessInfo" gated "struct string" 1 process::info =>
        "State, times, pid and log files of a process.";
    "getState" gated "struct" 0 supervisor::state =>
        "The daemon's state: statecode and statename.";
    "getSupervisorVersion" gated "string" 0 supervisor::supervisor_version =>
        "The version of Supervisor whose behaviour this is.";
    "getVersion" gated "string" 0 supervisor::api_version =>
        "Another name of getAPIVersion.";
    "readLog" gated "string int int" 2 logs::read_main =>
        "Text of the daemon's own log, from an offset, so many bytes; a negative offset counts from the end.";
    "readMainLog" gated "string int int" 2 logs::read_main =>
        "Another name of readLog.";
    "readProcessLog" gated "string string int int" 3 logs::read_stdout =>
        "Another name of readProcessStdoutLog.";
    "readProcessStderrLog" gated "string string int int" 3 logs::read_stderr =>
        "Text of a process' stderr log, from an offset, so many bytes.";
    "readProcessStdoutLog" gated "string string int int" 3 logs::read_stdout =>
        "Text of a process' stdout log, from an offset, so many bytes.";
    "reloadConfig" gated "array" 0 config::reread =>
        "Reads the configuration again. Gives the names of added, changed and removed groups.";
    "removeProcessGroup" gated "boolean string" 1 config::remove_group =>
        "Ends a group whose processes are all stopped.";
    "restart" gated "boolean" 0 supervisor::restart =>
        "Checks the configuration, stops everything, and starts anew.";
    "sendProcessStdin" gated "boolean string string" 2 process::send_stdin =>
        "Writes a text to the stdin of a process.";
    "sendRemoteCommEvent" free "boolean string string" 2 process::communicate =>
        "Sends a type and data to the event listeners.";
    "shutdown" gated "boolean" 0 supervisor::shut_down =>
        "Stops everything, and ends the daemon.";
    "signalAllProcesses" gated "array string" 1 process::signal_all =>
        "Sends a signal to every process. Gives a result struct for each.";
    "signalProcess" gated "boolean string string" 2 process::signal =>
        "Sends a signal, by name or number, to a process.";
    "signalProcessGroup" gated "array string string" 2 process::signal_group =>
        "Sends a signal to every process of a group. Gives a result struct for each.";
    "startAllProcesses" gated "array boolean" 0 process::start_all =>
        "Starts all processes that are not started. Gives a result struct for each.";
    "startProcess" gated "boolean string boolean" 1 process::start =>
        "Starts a process, and by default waits until it is up.";
    "startProcessGroup" gated "array string boolean" 1 process::start_group =>
        "Starts the processes of a group that are not started. Gives a result struct for each.";
    "stopAllProcesses" gated "array boolean" 0 process::stop_all =>
        "Stops all processes that are started. Gives a result struct for each.";
    "stopProcess" gated "boolean string boolean" 1 process::stop =>
        "Stops a process, and by default waits for its end.";
    "stopProcessGroup" gated "array string boolean" 1 process::stop_group =>
        "Stops the processes of a group that are started. Gives a result struct for each.";
    "tailProcessLog" gated "array string int int" 3 logs::tail_stdout =>
        "Another name of tailProcessStdoutLog.";
    "tailProcessStderrLog" gated "array string int int" 3 logs::tail_stderr =>
        "The newest text of a process' stderr log, its size, and whether there was more.";
    "tailProcessStdoutLog" gated "array string int int" 3 logs::tail_stdout =>
        "The newest text of a process' stdout log, its size, and whether there was more.";
};

/// The namespace that is always there.
const SYSTEM: &str = "system";

/// Its methods.
#[rustfmt::skip]
const SYSTEM_METHODS: &[Method] = methods! {
    "listMethods" free "array" 0 system::list_methods =>
        "The names of all methods.";
    "methodHelp" free "string string" 1 system::method_help =>
        "What a method does.";
    "methodSignature" free "array string" 1 system::method_signature =>
        "The types of what a method gives and of its parameters.";
    "multicall" free "array array" 1 system::multicall =>
        "Several calls, one after the other: structs of methodName and params. Gives the array of results.";
};

/// Carries out a call.
pub async fn call(context: &Rc<Context>, call: MethodCall) -> Reply {
    let method = find(context, &call.name).ok_or(FaultCode::UnknownMethod)?;
    if !(method.required..=method.parameters()).contains(&call.params.len()) {
        return Err(FaultCode::IncorrectParameters.into());
    }
    if method.gated && context.daemon.state().await? != SupervisorState::Running {
        return Err(FaultCode::ShutdownState.into());
    }
    (method.run)(Rc::clone(context), Args::new(call.params)).await
}

impl Method {
    fn parameters(&self) -> usize {
        self.signature.split_whitespace().count().saturating_sub(1)
    }
}

/// Exactly two parts, of which the first is a namespace and the second in its table (C-067).
pub(super) fn find(context: &Context, name: &str) -> Option<&'static Method> {
    let (namespace, name) = name.split_once('.')?;
    let methods = match namespace {
        SYSTEM => SYSTEM_METHODS,
        _ if context.namespaces.iter().any(|known| known == namespace) => METHODS,
        _ => return None,
    };
    methods.iter().find(|method| method.name == name)
}

/// The full names of all methods, sorted (C-310).
pub(super) fn all_names(context: &Context) -> Vec<String> {
    method_names(context.namespaces.iter().map(String::as_str))
}

/// The same where these namespaces are configured.
pub fn method_names<'a>(namespaces: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let others = namespaces.into_iter().filter(|namespace| *namespace != SYSTEM);
    let tables = others.map(|namespace| (namespace, METHODS)).chain([(SYSTEM, SYSTEM_METHODS)]);
    let full = |(namespace, methods): (&str, &'static [Method])| -> Vec<String> {
        methods.iter().map(|method| format!("{namespace}.{}", method.name)).collect()
    };
    let mut names: Vec<String> = tables.flat_map(full).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-310, C-318
    #[test]
    fn the_tables_are_sorted_and_whole() {
        for (methods, count) in [(METHODS, 38), (SYSTEM_METHODS, 4)] {
            assert!(methods.is_sorted_by(|a, b| a.name < b.name));
            assert_eq!(methods.len(), count);
            for method in methods {
                assert!(method.required <= method.parameters(), "{}", method.name);
                let known = ["int", "string", "boolean", "array", "struct"];
                assert!(method.signature.split_whitespace().all(|it| known.contains(&it)), "{}", method.name);
            }
        }
    }

    // C-067, C-371
    #[test]
    fn what_is_no_method() {
        let (daemon, _mailbox) = Handle::new();
        let facts = DaemonFacts { identifier: "supervisor".into(), pid: 1 };
        let context = Context {
            daemon,
            facts,
            namespaces: vec!["supervisor".into(), "other".into()],
            listed: Rc::default(),
            budget: Budget::default(),
        };
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
