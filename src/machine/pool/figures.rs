//! What a pool can tell of itself.

use std::sync::Arc;
use std::time::Duration;

use super::{Listener, PoolCore, Spans};
use crate::model::name::ProcessName;
use crate::model::state::ListenerState;
use crate::model::time::Moment;

/// Counts since the pool, or the listener in it, is there. For a pool these hold at every moment:
/// accepted = acknowledged + overflowed + buffered + in hand;
/// delivered = acknowledged + rejected + broken + orphaned + in hand (M-063).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that entered the buffer for the first time; of a pool only.
    pub accepted: u64,
    /// Handed to a listener, redeliveries included.
    pub delivered: u64,
    /// Answered OK.
    pub acknowledged: u64,
    /// Answered otherwise.
    pub rejected: u64,
    /// Given back by a broken protocol.
    pub broken: u64,
    /// Given back by the end of a process.
    pub orphaned: u64,
    /// Discarded by a full buffer; of a pool only.
    pub overflowed: u64,
    /// How long listeners had those events in hand that they have no more; of a pool only.
    pub busy: Duration,
}

/// A pool as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolFigures {
    /// Its name.
    pub name: Arc<str>,
    /// Events that the buffer holds.
    pub capacity: usize,
    /// Events in the buffer.
    pub queued: usize,
    /// For how long the oldest of them is there.
    pub oldest: Duration,
    /// What has been; `busy` includes what listeners have in hand.
    pub counts: Counts,
    /// From the emission of events to their first hand-out (M-060).
    pub delivery: Spans,
    /// From hand-outs to the listener's result (M-061).
    pub processing: Spans,
    /// Its listeners, in the order in which they are asked.
    pub listeners: Vec<ListenerFigures>,
}

/// A listener as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerFigures {
    /// Its process.
    pub name: ProcessName,
    /// Whether that is RUNNING.
    pub running: bool,
    /// Its state in the protocol.
    pub state: ListenerState,
    /// The serial of the event it has in hand, and for how long.
    pub in_hand: Option<(u64, Duration)>,
    /// What has been, over all its lives.
    pub counts: Counts,
    /// How it last broke the protocol, and how long ago.
    pub last_error: Option<(Duration, Arc<str>)>,
}

impl<E> PoolCore<E> {
    /// All there is to tell.
    pub fn figures(&self, now: Moment) -> PoolFigures {
        let listeners: Vec<_> = self.listeners.iter().map(|listener| listener.figures(now)).collect();
        let busy: Duration =
            listeners.iter().filter_map(|listener| listener.in_hand).map(|(_, span)| span).sum();
        let oldest = self.buffer.iter().map(|held| held.accepted).min();
        PoolFigures {
            name: Arc::clone(&self.name),
            capacity: self.capacity,
            queued: self.buffer.len(),
            oldest: oldest.map_or(Duration::ZERO, |accepted| now.since(accepted)),
            counts: Counts { busy: self.counts.busy + busy, ..self.counts },
            delivery: self.delivery,
            processing: self.processing,
            listeners,
        }
    }
}

impl<E> Listener<E> {
    fn figures(&self, now: Moment) -> ListenerFigures {
        let in_hand = self.in_hand.as_ref();
        let last_error = self.last_error.as_ref();
        ListenerFigures {
            name: self.name.clone(),
            running: self.running,
            state: self.machine.state(),
            in_hand: in_hand.map(|it| (it.held.serial, now.since(it.since))),
            counts: self.counts,
            last_error: last_error.map(|(at, error)| (now.since(*at), Arc::clone(error))),
        }
    }
}
