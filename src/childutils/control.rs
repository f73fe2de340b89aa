//! The daemon this listener belongs to, called back over XML-RPC.
//!
//! Plain calls that wait for their answer: a listener does one thing at a time (E-253). The connection
//! is kept between calls, however far apart they are (E-202).

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::client::proxy::{CallError, ProcessInfo, Proxy};
use crate::client::transport::{Credentials, Endpoint, Transport};
use crate::model::pyrepr;
use crate::wire::xmlrpc::Value;

/// How long an answer may take that the daemon has at hand.
const AT_HAND: Duration = Duration::from_secs(30);

/// How long a start or a stop may take: `stopwaitsecs` is the user's, and there are long ones.
const CARRIED_OUT: Duration = Duration::from_secs(3600);

/// Why there is nobody to call.
#[derive(Debug)]
pub enum NoServer {
    /// SUPERVISOR_SERVER_URL is not set: this is not run by a supervisord (E-213).
    Unset,
    /// It is no URL to call at; why.
    Unusable(String),
    /// The runtime cannot be set up.
    Runtime(io::Error),
}

impl fmt::Display for NoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => f.write_str("SUPERVISOR_SERVER_URL is not set"),
            Self::Unusable(text) => write!(f, "SUPERVISOR_SERVER_URL: {text}"),
            Self::Runtime(error) => write!(f, "cannot set up: {error}"),
        }
    }
}

impl std::error::Error for NoServer {}

/// A call without a result.
#[derive(Debug)]
pub enum ControlError {
    /// The daemon refused, or could not be asked.
    Call(CallError),
    /// It did not answer within this time.
    Silent(Duration),
}

impl ControlError {
    /// Whether the daemon itself said so.
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Call(CallError::Fault(_)))
    }
}

impl fmt::Display for ControlError {
    /// Faults as the reference's programs show them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(CallError::Fault(fault)) => {
                write!(f, "<Fault {}: {}>", fault.code, pyrepr::string(&fault.text))
            }
            Self::Call(error) => error.fmt(f),
            Self::Silent(limit) => write!(f, "supervisord did not answer within {} s", limit.as_secs()),
        }
    }
}

impl std::error::Error for ControlError {}

/// The daemon.
#[derive(Debug)]
pub struct Control {
    runtime: Runtime,
    proxy: Proxy,
}

impl Control {
    /// The daemon that the environment names: SUPERVISOR_SERVER_URL, and SUPERVISOR_USERNAME and
    /// SUPERVISOR_PASSWORD where it wants them (E-138).
    pub fn from_env() -> Result<Self, NoServer> {
        Self::of_variables(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    fn of_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, NoServer> {
        let url = variable("SUPERVISOR_SERVER_URL").ok_or(NoServer::Unset)?;
        let endpoint = Endpoint::of_url(&url).map_err(NoServer::Unusable)?;
        let credentials = match (variable("SUPERVISOR_USERNAME"), variable("SUPERVISOR_PASSWORD")) {
            (None, None) => None,
            (username, password) => Some(Credentials {
                username: username.unwrap_or_default(),
                password: password.unwrap_or_default(),
            }),
        };
        let runtime =
            Builder::new_current_thread().enable_io().enable_time().build().map_err(NoServer::Runtime)?;
        Ok(Self { runtime, proxy: Proxy::new(Transport::new(endpoint, credentials)) })
    }

    /// All processes.
    pub fn processes(&mut self) -> Result<Vec<ProcessInfo>, ControlError> {
        self.within(AT_HAND, async |proxy| proxy.processes().await)
    }

    /// One process, by its name or `group:name`.
    pub fn process(&mut self, name: &str) -> Result<ProcessInfo, ControlError> {
        self.within(AT_HAND, async |proxy| proxy.process(name).await)
    }

    /// Starts a process and waits until it runs.
    pub fn start(&mut self, name: &str) -> Result<(), ControlError> {
        self.call("supervisor.startProcess", &[name.into()]).map(|_true| ())
    }

    /// Stops a process and waits until it is gone.
    pub fn stop(&mut self, name: &str) -> Result<(), ControlError> {
        self.call("supervisor.stopProcess", &[name.into()]).map(|_true| ())
    }

    /// Calls any method, however long it takes to carry out.
    pub fn call(&mut self, method: &str, params: &[Value]) -> Result<Value, ControlError> {
        self.within(CARRIED_OUT, async |proxy| proxy.call(method, params).await)
    }

    fn within<T>(
        &mut self,
        limit: Duration,
        call: impl AsyncFnOnce(&mut Proxy) -> Result<T, CallError>,
    ) -> Result<T, ControlError> {
        let Self { runtime, proxy } = self;
        runtime.block_on(async {
            // Nothing has looked at the connection since the last call. If it was closed, the runtime sees
            // that in the first of these turns, and the connection's task in the second.
            for _ in 0..2 {
                tokio::task::yield_now().await;
            }
            match tokio::time::timeout(limit, call(proxy)).await {
                Ok(answer) => answer.map_err(ControlError::Call),
                Err(_elapsed) => Err(ControlError::Silent(limit)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::proxy::Fault;

    // E-213, E-138
    #[test]
    fn the_environment_names_the_server() {
        let of = |url: Option<&str>| {
            Control::of_variables(|name| {
                (name == "SUPERVISOR_SERVER_URL").then_some(url).flatten().map(str::to_owned)
            })
        };
        assert!(matches!(of(None), Err(NoServer::Unset)));
        assert!(matches!(of(Some("ftp://x")), Err(NoServer::Unusable(_))));
        assert!(of(Some("unix:///s")).is_ok());
    }

    #[test]
    fn a_server_that_is_not_there_is_an_error() {
        let mut control = Control::of_variables(|_| Some("unix:///nowhere/at/all".to_owned())).unwrap();
        let error = control.processes().unwrap_err();
        assert!(error.to_string().starts_with("cannot connect: ") && !error.is_fault());
    }

    // E-251
    #[test]
    fn faults_look_as_in_python() {
        let fault = Fault { code: 10, text: "BAD_NAME: it's".to_owned() };
        let error = ControlError::Call(CallError::Fault(fault));
        assert_eq!(error.to_string(), "<Fault 10: \"BAD_NAME: it's\">");
    }
}
