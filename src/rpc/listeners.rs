//! Event listener pools as the API describes them: a method of our own, whose members are listed in
//! docs/compatibility.md. Members are only ever added, and are all there in every answer.

use std::rc::Rc;
use std::time::Duration;

use super::args::Args;
use super::methods::{Context, Reply};
use crate::daemon::command::{ListenerProcess, PoolInfo};
use crate::machine::pool::ListenerFigures;
use crate::wire::xmlrpc::Value;

/// In place of a serial where there is none.
const NO_SERIAL: i32 = -1;

/// `getListenerPools`.
pub(super) async fn pools(context: Rc<Context>, _: Args) -> Reply {
    let pools = context.daemon.pools().await?;
    Ok(Value::Array(pools.iter().map(pool).collect()))
}

fn pool(PoolInfo { events, figures, processes }: &PoolInfo) -> Value {
    let listeners =
        figures.listeners.iter().zip(processes).map(|(figures, process)| listener(figures, process));
    Value::record([
        ("name", (&*figures.name).into()),
        ("events", Value::Array(events.iter().map(|kind| kind.name().into()).collect())),
        ("buffer_size", size(figures.capacity)),
        ("queue_length", size(figures.queued)),
        ("oldest_event_age", seconds(figures.oldest)),
        ("accepted", number(figures.counts.accepted)),
        ("delivered", number(figures.counts.delivered)),
        ("acknowledged", number(figures.counts.acknowledged)),
        ("rejected", number(figures.counts.rejected)),
        ("broken", number(figures.counts.broken)),
        ("orphaned", number(figures.counts.orphaned)),
        ("dropped", number(figures.counts.overflowed)),
        ("busy_seconds", seconds(figures.counts.busy)),
        ("listeners", Value::Array(listeners.collect())),
    ])
}

fn listener(figures: &ListenerFigures, process: &ListenerProcess) -> Value {
    let (serial, held) = match figures.in_hand {
        Some((serial, held)) => (number(serial), held),
        None => (NO_SERIAL.into(), Duration::ZERO),
    };
    let (age, error) = match &figures.last_error {
        Some((age, error)) => (*age, &**error),
        None => (Duration::ZERO, ""),
    };
    Value::record([
        ("name", figures.name.name().into()),
        ("group", (&**figures.name.group()).into()),
        ("state", process.state.code().into()),
        ("statename", process.state.name().into()),
        ("pid", process.pid.into()),
        ("protocol_state", figures.state.name().into()),
        ("serial", serial),
        ("in_hand_seconds", seconds(held)),
        ("delivered", number(figures.counts.delivered)),
        ("acknowledged", number(figures.counts.acknowledged)),
        ("rejected", number(figures.counts.rejected)),
        ("broken", number(figures.counts.broken)),
        ("orphaned", number(figures.counts.orphaned)),
        ("unsent_bytes", size(process.unsent)),
        ("last_error", error.into()),
        ("last_error_age", seconds(age)),
    ])
}

/// An int, or beyond what an int of XML-RPC can be, a double.
fn number(n: u64) -> Value {
    i32::try_from(n).map_or(Value::Double(n as f64), Value::from)
}

fn size(n: usize) -> Value {
    number(n as u64)
}

/// To the millisecond: so small a double is written without an exponent.
fn seconds(span: Duration) -> Value {
    Value::Double(span.as_millis() as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::pool::{Counts, PoolFigures, Spans};
    use crate::model::event::EventKind;
    use crate::model::name::ProcessName;
    use crate::model::state::{ListenerState, ProcessState};

    fn info() -> PoolInfo {
        let idle = ListenerFigures {
            name: ProcessName::new("p".into(), "l"),
            running: true,
            state: ListenerState::Ready,
            in_hand: None,
            counts: Counts { delivered: 7, ..Counts::default() },
            last_error: None,
        };
        let busy = ListenerFigures {
            state: ListenerState::Busy,
            in_hand: Some((5, Duration::from_millis(1500))),
            last_error: Some((Duration::from_secs(60), "said x".into())),
            ..idle.clone()
        };
        let process = ListenerProcess { state: ProcessState::Running, pid: 12, unsent: 3 };
        PoolInfo {
            events: vec![EventKind::Tick60, EventKind::ProcessState],
            figures: PoolFigures {
                name: "p".into(),
                capacity: 10,
                queued: 2,
                oldest: Duration::from_micros(2_000_499),
                counts: Counts { accepted: 3_000_000_000, overflowed: 4, ..Counts::default() },
                delivery: Spans::default(),
                processing: Spans::default(),
                listeners: vec![idle, busy],
            },
            processes: vec![process, process],
        }
    }

    #[test]
    fn a_pool() {
        let value = pool(&info());
        let rows: [(&str, Value); 7] = [
            ("name", "p".into()),
            ("events", Value::Array(vec!["TICK_60".into(), "PROCESS_STATE".into()])),
            ("buffer_size", 10.into()),
            ("queue_length", 2.into()),
            ("oldest_event_age", Value::Double(2.0)),
            ("accepted", Value::Double(3e9)),
            ("dropped", 4.into()),
        ];
        for (name, expected) in &rows {
            assert_eq!(value.member(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn listeners_with_and_without_an_event_in_hand() {
        let value = pool(&info());
        let Some(Value::Array(listeners)) = value.member("listeners") else { panic!("{value:?}") };
        let rows: [(&str, [Value; 2]); 7] = [
            ("protocol_state", ["READY".into(), "BUSY".into()]),
            ("serial", [(-1).into(), 5.into()]),
            ("in_hand_seconds", [Value::Double(0.0), Value::Double(1.5)]),
            ("last_error", ["".into(), "said x".into()]),
            ("last_error_age", [Value::Double(0.0), Value::Double(60.0)]),
            ("delivered", [7.into(), 7.into()]),
            ("unsent_bytes", [3.into(), 3.into()]),
        ];
        for (name, expected) in &rows {
            let found: Vec<_> = listeners.iter().map(|listener| listener.member(name)).collect();
            assert_eq!(found, expected.iter().map(Some).collect::<Vec<_>>(), "{name}");
        }
    }
}
