//! Facts about event listeners and their pools that the activity log tells of, with level and text
//! (events.md, sections 4, 5 and 10).

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::name::ProcessName;
use super::notice::Level;
use super::pyrepr;
use super::state::ListenerState;

/// A fact about listeners and their events. Events are named by their serial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolNotice {
    /// A listener entered another state of the protocol (E-190); not told of READY to BUSY.
    ListenerChanged(ProcessName, ListenerState, ListenerState),
    /// It broke the protocol (E-118).
    ListenerBroke(ProcessName),
    /// What a listener said about its event is no result (E-108).
    BadResultLine(ProcessName, Bytes),
    /// An event went to a listener (E-191).
    EventSent(ProcessName, u64),
    /// A listener answered OK (E-109).
    EventProcessed(ProcessName),
    /// A listener answered something else (E-110).
    EventRejected(ProcessName),
    /// The result handler could not make anything of the answer (E-125).
    EventFailed(ProcessName),
    /// An event went back to the head of its pool's buffer (E-192).
    EventRebuffered {
        /// Which pool.
        pool: Arc<str>,
        /// Which event.
        serial: u64,
        /// How many events were in the buffer.
        length: usize,
        /// How many there may be.
        capacity: usize,
    },
    /// A full buffer lost its oldest event (E-087, E-090).
    EventDiscarded {
        /// Which pool.
        pool: Arc<str>,
        /// Which event.
        serial: u64,
    },
    /// A listener has closed its stdin (E-131).
    ListenerDeaf(ProcessName, u64),
    /// What a listener wrote to stdout, for level debug (E-193).
    OutputCopied(ProcessName, Bytes),
    /// A pool ended with events that nobody answered (E-095, E-184).
    PoolEnded {
        /// Which pool.
        pool: Arc<str>,
        /// How many events.
        lost: usize,
    },
}

impl PoolNotice {
    /// The level of its line.
    pub const fn level(&self) -> Level {
        match self {
            Self::ListenerChanged(..)
            | Self::EventSent(..)
            | Self::EventProcessed(_)
            | Self::EventRebuffered { .. }
            | Self::ListenerDeaf(..)
            | Self::OutputCopied(..) => Level::Debug,
            Self::ListenerBroke(_)
            | Self::BadResultLine(..)
            | Self::EventRejected(_)
            | Self::EventFailed(_)
            | Self::PoolEnded { .. } => Level::Warn,
            Self::EventDiscarded { .. } => Level::Error,
        }
    }
}

impl fmt::Display for PoolNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListenerChanged(p, from, to) => write!(f, "{}: {from} -> {to}", p.name()),
            Self::ListenerBroke(p) => broke(f, p),
            Self::BadResultLine(p, line) => bad_result_line(f, p, line),
            Self::EventSent(listener, serial) => {
                write!(f, "event {serial} sent to listener {}", listener.name())
            }
            Self::EventProcessed(listener) => write!(f, "{}: event was processed", listener.name()),
            Self::EventRejected(listener) => write!(f, "{}: event was rejected", listener.name()),
            Self::EventFailed(listener) => write!(f, "{}: event caused an error", listener.name()),
            Self::EventRebuffered { pool, serial, length, capacity } => {
                write!(f, "rebuffering event {serial} for pool {pool} (buf size={length}, max={capacity})")
            }
            Self::EventDiscarded { pool, serial } => {
                write!(f, "pool {pool} event buffer overflowed, discarding event {serial}")
            }
            Self::ListenerDeaf(p, serial) => deaf(f, p, *serial),
            Self::OutputCopied(p, data) => {
                write!(f, "'{}' stdout output:\n{}", p.name(), pyrepr::bytes(data))
            }
            Self::PoolEnded { pool, lost } => {
                write!(f, "pool {pool} ended, discarding {lost} events that were not processed")
            }
        }
    }
}

fn broke(f: &mut fmt::Formatter<'_>, p: &ProcessName) -> fmt::Result {
    write!(
        f,
        "{}: has entered the UNKNOWN state and will no longer receive events, this usually indicates the \
         process violated the eventlistener protocol",
        p.name()
    )
}

fn bad_result_line(f: &mut fmt::Formatter<'_>, p: &ProcessName, line: &[u8]) -> fmt::Result {
    match std::str::from_utf8(line) {
        Ok(line) => write!(f, "{}: bad result line: '{line}'", p.name()),
        Err(_) => write!(f, "{}: bad result line: 'Undecodable: {}'", p.name(), pyrepr::bytes(line)),
    }
}

fn deaf(f: &mut fmt::Formatter<'_>, p: &ProcessName, serial: u64) -> fmt::Result {
    let name = p.name();
    write!(f, "epipe occurred while sending event {serial} to listener {name}, listener state unchanged")
}

#[cfg(test)]
mod tests {
    use super::*;

    // E-087, E-108, E-118, E-131, E-190 to E-193
    #[test]
    fn texts() {
        let name = || ProcessName::new("pool".into(), "p");
        let line = |text: &'static [u8]| PoolNotice::BadResultLine(name(), Bytes::from_static(text));
        let pool = || Arc::<str>::from("pool");
        let rows = [
            (
                PoolNotice::ListenerChanged(name(), ListenerState::Busy, ListenerState::Acknowledged),
                "DEBG p: BUSY -> ACKNOWLEDGED",
            ),
            (
                PoolNotice::ListenerBroke(name()),
                "WARN p: has entered the UNKNOWN state and will no longer receive events, this usually \
                 indicates the process violated the eventlistener protocol",
            ),
            (line(b"RESULT x"), "WARN p: bad result line: 'RESULT x'"),
            (line(b"\xff'"), "WARN p: bad result line: 'Undecodable: b\"\\xff'\"'"),
            (
                PoolNotice::EventRebuffered { pool: pool(), serial: 3, length: 1, capacity: 10 },
                "DEBG rebuffering event 3 for pool pool (buf size=1, max=10)",
            ),
            (
                PoolNotice::EventDiscarded { pool: pool(), serial: 3 },
                "ERRO pool pool event buffer overflowed, discarding event 3",
            ),
            (
                PoolNotice::ListenerDeaf(name(), 3),
                "DEBG epipe occurred while sending event 3 to listener p, listener state unchanged",
            ),
            (
                PoolNotice::OutputCopied(name(), Bytes::from_static(b"READY\n")),
                "DEBG 'p' stdout output:\nb'READY\\n'",
            ),
        ];
        for (notice, text) in rows {
            assert_eq!(format!("{} {notice}", notice.level().code()), text);
        }
    }
}
