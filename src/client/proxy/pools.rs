//! Event listener pools: what `getListenerPools` gives, a method that only this project's daemon has.

use serde::Serialize;

use super::{CallError, Proxy, each, number, text};
use crate::wire::xmlrpc::Value;

/// A pool. As JSON it is what `supervisorctl listeners --json` writes (docs/supervisorctl.md).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PoolInfo {
    /// Its name, which is its group's.
    pub name: String,
    /// The event types it subscribes to.
    pub events: Vec<String>,
    /// Events that its buffer holds.
    pub buffer_size: i64,
    /// Events in it now.
    pub queue_length: i64,
    /// For how many seconds the oldest of them is there.
    pub oldest_event_age: f64,
    /// Events that entered the buffer for the first time.
    pub accepted: i64,
    /// Events that left the buffer for good without an answer.
    pub dropped: i64,
    /// For how many seconds listeners have had events in hand.
    pub busy_seconds: f64,
    /// Of all listeners.
    #[serde(flatten)]
    pub outcomes: Outcomes,
    /// In the order in which they are asked.
    pub listeners: Vec<ListenerInfo>,
}

/// A listener of a pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ListenerInfo {
    /// Name of its process within the group.
    pub name: String,
    /// Name of its group.
    pub group: String,
    /// Code of its process' state (C-203).
    pub state: i64,
    /// Name of that state.
    pub statename: String,
    /// The process, if there is one.
    pub pid: Option<i64>,
    /// Its state in the protocol; without a process, that of its last life.
    pub protocol_state: String,
    /// The event it has in hand.
    pub serial: Option<i64>,
    /// For how many seconds.
    pub in_hand_seconds: Option<f64>,
    /// Over all its lives.
    #[serde(flatten)]
    pub outcomes: Outcomes,
    /// Bytes of events that its stdin has not taken yet.
    pub unsent_bytes: i64,
    /// How it last broke the protocol.
    pub last_error: Option<String>,
    /// How many seconds ago.
    pub last_error_age: Option<f64>,
}

/// What became of the events that were handed out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcomes {
    /// Handed out, redeliveries included.
    pub delivered: i64,
    /// Answered OK.
    pub acknowledged: i64,
    /// Answered otherwise.
    pub rejected: i64,
    /// Given back by a broken protocol.
    pub broken: i64,
    /// Given back by the end of a process.
    pub orphaned: i64,
}

impl Proxy {
    /// All event listener pools.
    pub async fn pools(&mut self) -> Result<Vec<PoolInfo>, CallError> {
        let all = self.call("supervisor.getListenerPools", &[]).await?;
        each(all, pool_info).ok_or(CallError::Unexpected("list of pools"))
    }
}

fn pool_info(value: Value) -> Option<PoolInfo> {
    Some(PoolInfo {
        name: text(&value, "name")?,
        events: each(value.member("events")?.clone(), |name| name.as_str().map(str::to_owned))?,
        buffer_size: number(&value, "buffer_size")?,
        queue_length: number(&value, "queue_length")?,
        oldest_event_age: seconds(&value, "oldest_event_age")?,
        accepted: number(&value, "accepted")?,
        dropped: number(&value, "dropped")?,
        busy_seconds: seconds(&value, "busy_seconds")?,
        outcomes: outcomes(&value)?,
        listeners: each(value.member("listeners")?.clone(), listener_info)?,
    })
}

fn listener_info(value: Value) -> Option<ListenerInfo> {
    let serial = number(&value, "serial").filter(|serial| *serial >= 0);
    let last_error = text(&value, "last_error").filter(|error| !error.is_empty());
    Some(ListenerInfo {
        name: text(&value, "name")?,
        group: text(&value, "group")?,
        state: number(&value, "state")?,
        statename: text(&value, "statename")?,
        pid: number(&value, "pid").filter(|pid| *pid > 0),
        protocol_state: text(&value, "protocol_state")?,
        serial,
        in_hand_seconds: serial.and_then(|_| seconds(&value, "in_hand_seconds")),
        outcomes: outcomes(&value)?,
        unsent_bytes: number(&value, "unsent_bytes")?,
        last_error_age: last_error.as_ref().and_then(|_| seconds(&value, "last_error_age")),
        last_error,
    })
}

fn outcomes(value: &Value) -> Option<Outcomes> {
    Some(Outcomes {
        delivered: number(value, "delivered")?,
        acknowledged: number(value, "acknowledged")?,
        rejected: number(value, "rejected")?,
        broken: number(value, "broken")?,
        orphaned: number(value, "orphaned")?,
    })
}

fn seconds(value: &Value, name: &str) -> Option<f64> {
    match value.member(name)? {
        Value::Double(span) if span.is_finite() => Some(*span),
        other => other.as_int().map(|span| span as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(serial: i32, error: &str) -> Value {
        let mut value = Value::record([
            ("name", "l".into()),
            ("group", "p".into()),
            ("state", 20.into()),
            ("statename", "RUNNING".into()),
            ("pid", 0.into()),
            ("protocol_state", "BUSY".into()),
            ("serial", serial.into()),
            ("in_hand_seconds", Value::Double(1.5)),
            ("unsent_bytes", 0.into()),
            ("last_error", error.into()),
            ("last_error_age", 3.into()),
        ]);
        let Value::Struct(members) = &mut value else { unreachable!() };
        for name in ["delivered", "acknowledged", "rejected", "broken", "orphaned"] {
            members.push((name.into(), Value::Double(3e9)));
        }
        value
    }

    #[test]
    fn what_there_is_not_is_none() {
        let idle = listener_info(listener(-1, "")).unwrap();
        assert_eq!((idle.pid, idle.serial, idle.in_hand_seconds), (None, None, None));
        assert_eq!((idle.last_error, idle.last_error_age), (None, None));
        let busy = listener_info(listener(0, "said x")).unwrap();
        assert_eq!((busy.serial, busy.in_hand_seconds), (Some(0), Some(1.5)));
        assert_eq!((busy.last_error.as_deref(), busy.last_error_age), (Some("said x"), Some(3.0)));
        assert_eq!(busy.outcomes.delivered, 3_000_000_000);
    }

    #[test]
    fn no_pool() {
        assert_eq!(pool_info(Value::record([("name", "p".into())])), None);
        assert_eq!(listener_info(Value::Nil), None);
    }
}
