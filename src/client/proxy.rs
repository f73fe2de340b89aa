//! The daemon's methods, as calls over a [`Transport`].

mod pools;

use std::fmt;

pub use pools::{ListenerInfo, Outcomes, PoolInfo};

use super::transport::{Stream, Transport, TransportError};
use crate::wire::xmlrpc::{Answer, Value, encode, method_response};

/// Where a server takes calls.
const PATH: &str = "/RPC2";

/// A call without a result.
#[derive(Debug)]
pub enum CallError {
    /// No answer.
    Transport(TransportError),
    /// The method failed.
    Fault(Fault),
    /// The answer is not what the method should give.
    Unexpected(&'static str),
}

/// A failure that the server tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its code (control.md, section 5).
    pub code: i32,
    /// Its text.
    pub text: String,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => error.fmt(f),
            Self::Fault(fault) => write!(f, "the server answered with fault {}: {}", fault.code, fault.text),
            Self::Unexpected(what) => write!(f, "the server's answer is no {what}"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<TransportError> for CallError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

/// What `getProcessInfo` gives (C-222 to C-229).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Name of its group.
    pub group: String,
    /// Name within the group.
    pub name: String,
    /// Code of its state (C-203).
    pub state: i64,
    /// Name of its state.
    pub statename: String,
    /// The text that status shows.
    pub description: String,
    /// 0: there is none.
    pub pid: i64,
    /// Time of the last start, Unix seconds; 0: never.
    pub start: i64,
    /// Time of the last end, likewise.
    pub stop: i64,
    /// The server's time, likewise.
    pub now: i64,
    /// The last start's problem, or empty.
    pub spawnerr: String,
    /// The last exit code.
    pub exitstatus: i64,
    /// Path, or empty.
    pub stdout_logfile: String,
    /// Path, or empty.
    pub stderr_logfile: String,
}

/// What a call for several processes gives for each of them (C-206).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallResult {
    /// Name of its group.
    pub group: String,
    /// Name within the group.
    pub name: String,
    /// A fault's code, or 80.
    pub status: i32,
    /// A fault's text, or `OK`.
    pub description: String,
}

/// Group names by what a re-read configuration brings (C-300).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New ones.
    pub added: Vec<String>,
    /// Different ones.
    pub changed: Vec<String>,
    /// Gone ones.
    pub removed: Vec<String>,
}

/// A daemon, as its clients see it.
#[derive(Debug)]
pub struct Proxy {
    transport: Transport,
}

impl Proxy {
    /// The daemon at the other end of `transport`.
    pub fn new(transport: Transport) -> Self {
        Self { transport }
    }

    /// The same daemon over a connection of its own.
    pub fn another(&self) -> Self {
        Self::new(self.transport.another())
    }

    /// Calls any method.
    pub async fn call(&mut self, method: &str, params: &[Value]) -> Result<Value, CallError> {
        let body = self.transport.post(PATH, encode::call(method, params)).await?;
        match method_response(&body) {
            Some(Answer::Value(value)) => Ok(value),
            Some(Answer::Fault { code, text }) => Err(CallError::Fault(Fault { code, text })),
            None => Err(CallError::Unexpected("XML-RPC")),
        }
    }

    /// A method that gives a text.
    pub async fn text(&mut self, method: &str, params: &[Value]) -> Result<String, CallError> {
        match self.call(method, params).await? {
            Value::Str(text) => Ok(text),
            Value::Bytes(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            _ => Err(CallError::Unexpected("text")),
        }
    }

    /// A method that gives a number.
    pub async fn number(&mut self, method: &str) -> Result<i64, CallError> {
        self.call(method, &[]).await?.as_int().ok_or(CallError::Unexpected("number"))
    }

    /// All processes (C-221).
    pub async fn processes(&mut self) -> Result<Vec<ProcessInfo>, CallError> {
        let all = self.call("supervisor.getAllProcessInfo", &[]).await?;
        each(all, process_info).ok_or(CallError::Unexpected("list of processes"))
    }

    /// One process (C-220).
    pub async fn process(&mut self, name: &str) -> Result<ProcessInfo, CallError> {
        let info = self.call("supervisor.getProcessInfo", &[name.into()]).await?;
        process_info(info).ok_or(CallError::Unexpected("process"))
    }

    /// A method that gives a result for each of several processes.
    pub async fn results(&mut self, method: &str, params: &[Value]) -> Result<Vec<CallResult>, CallError> {
        let all = self.call(method, params).await?;
        each(all, call_result).ok_or(CallError::Unexpected("list of results"))
    }

    /// Has the daemon read its configuration again (C-300).
    pub async fn reload_config(&mut self) -> Result<Changes, CallError> {
        let answer = self.call("supervisor.reloadConfig", &[]).await?;
        changes(answer).ok_or(CallError::Unexpected("list of changes"))
    }

    /// Follows a page over a connection of its own.
    pub async fn follow(&self, path: &str) -> Result<Stream, TransportError> {
        self.transport.another().get(path).await
    }
}

/// The elements of an array, each converted.
fn each<T>(value: Value, convert: impl Fn(Value) -> Option<T>) -> Option<Vec<T>> {
    match value {
        Value::Array(items) => items.into_iter().map(convert).collect(),
        _ => None,
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.member(name)?.as_str().map(str::to_owned)
}

fn number(value: &Value, name: &str) -> Option<i64> {
    value.member(name)?.as_int()
}

fn process_info(value: Value) -> Option<ProcessInfo> {
    Some(ProcessInfo {
        group: text(&value, "group")?,
        name: text(&value, "name")?,
        state: number(&value, "state")?,
        statename: text(&value, "statename")?,
        description: text(&value, "description")?,
        pid: number(&value, "pid")?,
        start: number(&value, "start").unwrap_or_default(),
        stop: number(&value, "stop").unwrap_or_default(),
        now: number(&value, "now").unwrap_or_default(),
        spawnerr: text(&value, "spawnerr").unwrap_or_default(),
        exitstatus: number(&value, "exitstatus").unwrap_or_default(),
        stdout_logfile: text(&value, "stdout_logfile").unwrap_or_default(),
        stderr_logfile: text(&value, "stderr_logfile").unwrap_or_default(),
    })
}

fn call_result(value: Value) -> Option<CallResult> {
    Some(CallResult {
        group: text(&value, "group")?,
        name: text(&value, "name")?,
        status: number(&value, "status")?.try_into().ok()?,
        description: text(&value, "description")?,
    })
}

fn changes(value: Value) -> Option<Changes> {
    let names = |list| each(list, |name| name.as_str().map(str::to_owned));
    let inner = each(value, Some)?.into_iter().next()?;
    let lists: [Vec<String>; 3] = each(inner, names)?.try_into().ok()?;
    let [added, changed, removed] = lists;
    Some(Changes { added, changed, removed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[&str]) -> Value {
        Value::Array(items.iter().map(|item| Value::from(*item)).collect())
    }

    // C-300
    #[test]
    fn changes_come_wrapped() {
        let inner = Value::Array(vec![list(&["a"]), list(&[]), list(&["b", "c"])]);
        let read = changes(Value::Array(vec![inner])).unwrap();
        assert_eq!((read.added, read.removed), (vec!["a".to_owned()], vec!["b".into(), "c".into()]));
        assert_eq!(changes(Value::Array(vec![list(&["a"])])), None);
        assert_eq!(changes(Value::Array(vec![])), None);
    }

    // C-222: unknown and missing optional members do not matter
    #[test]
    fn infos_need_what_is_shown() {
        let of = |pid| {
            Value::record([
                ("group", "g".into()),
                ("name", "p".into()),
                ("state", 20.into()),
                ("statename", "RUNNING".into()),
                ("description", "".into()),
                ("pid", pid),
                ("other", 1.into()),
            ])
        };
        assert_eq!(process_info(of(7.into())).unwrap().pid, 7);
        assert_eq!(process_info(of("x".into())), None);
    }
}
