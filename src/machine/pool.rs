//! One pool's decisions: which event goes to which listener, and what becomes of those that cannot go
//! (events.md, sections 4 and 5).
//!
//! An event that the pool hears of is *accepted*: it gets the pool's number and waits in the buffer. Events
//! are handed out from [`Input::Settled`] on, the oldest first, each to the first listener that is RUNNING
//! and READY; the driver answers an [`Effect::Send`] with `Sent` or `Refused` before it gives any other
//! input, and the next follows. A listener has an event *in hand* until it is processed, or given back to the head of the
//! buffer: by an answer other than OK, by a broken protocol, by its end.
//!
//! The buffer holds `capacity` events, and one more for each listener that is free to take one, since
//! those are as good as handed out. Beyond that the oldest that is not is discarded, also to make room for
//! one that comes back; the one that comes is never refused.
//!
//! Every accepted event is at every moment in exactly one of: processed, discarded, in the buffer, in
//! hand. Nothing but an answer OK makes it processed.

mod figures;
mod spans;

use std::collections::VecDeque;
use std::sync::Arc;

pub use figures::{Counts, ListenerFigures, PoolFigures};
pub use spans::Spans;

use super::listener::{Fault, Heard, ListenerMachine};
use super::result::{Printout, ResultHandler};
use crate::model::name::ProcessName;
use crate::model::pool_notice::PoolNotice;
use crate::model::state::ListenerState;
use crate::model::time::Moment;

/// Decides over one pool. `E` stands for an event; the pool looks at nothing of it.
#[derive(Clone, Debug)]
pub struct PoolCore<E> {
    name: Arc<str>,
    handler: ResultHandler,
    capacity: usize,
    /// Somebody wants to hear of each delivery and each change of state.
    detailed: bool,
    buffer: VecDeque<Held<E>>,
    /// In the order in which they are asked (E-082).
    listeners: Vec<Listener<E>>,
    next_poolserial: u64,
    /// Something has changed since events were last handed out.
    unsettled: bool,
    counts: Counts,
    delivery: Spans,
    processing: Spans,
    /// Empty but for its room, which is used again and again.
    heard: Vec<Heard>,
}

/// An accepted event.
#[derive(Clone, Debug)]
struct Held<E> {
    serial: u64,
    poolserial: u64,
    accepted: Moment,
    /// A listener has had it.
    tried: bool,
    event: E,
}

#[derive(Clone, Debug)]
struct Listener<E> {
    name: ProcessName,
    machine: ListenerMachine,
    /// Its process is RUNNING.
    running: bool,
    /// It has closed its stdin.
    deaf: bool,
    in_hand: Option<InHand<E>>,
    counts: Counts,
    last_error: Option<(Moment, Arc<str>)>,
}

#[derive(Clone, Debug)]
struct InHand<E> {
    held: Held<E>,
    since: Moment,
}

/// Something that happened. Listeners are named by their place in the pool.
#[derive(Clone, Debug)]
pub enum Input<'a, E> {
    /// There is an event that the pool wants to have; `serial` is the daemon's number (E-066).
    Accepted {
        /// The daemon's number.
        serial: u64,
        /// The event.
        event: E,
    },
    /// A listener's process was started: a new life (E-100).
    Started(usize),
    /// Its process entered RUNNING, or left it.
    Running(usize, bool),
    /// It wrote to its stdout.
    Said(usize, &'a [u8]),
    /// Its process is over, and all that it said is taken in (E-114).
    Ended(usize),
    /// Answers [`Effect::Send`]: it is on its way.
    Sent(usize),
    /// Answers [`Effect::Send`]: it was not taken.
    Refused(usize, Refusal),
    /// Nothing else happens for now: events are handed out.
    Settled,
}

/// Why a listener's stdin did not take an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is closed (E-131).
    Closed,
    /// It holds too many events that the listener has answered without reading them (E-132).
    Full,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<E> {
    /// Tell the activity log.
    Publish(PoolNotice),
    /// Write an event to a listener's stdin.
    Send {
        /// Which listener.
        listener: usize,
        /// The daemon's number of the event.
        serial: u64,
        /// The pool's number of the event.
        poolserial: u64,
        /// The event.
        event: E,
    },
    /// Print something.
    Print(Printout),
}

impl<E: Clone> PoolCore<E> {
    /// A pool whose listeners were never started. `capacity` is at least 1 (E-172).
    pub fn new(
        name: Arc<str>,
        capacity: usize,
        handler: ResultHandler,
        listeners: impl IntoIterator<Item = ProcessName>,
    ) -> Self {
        let listener = |name| Listener {
            name,
            machine: ListenerMachine::new(handler),
            running: false,
            deaf: false,
            in_hand: None,
            counts: Counts::default(),
            last_error: None,
        };
        Self {
            name,
            handler,
            capacity,
            detailed: true,
            buffer: VecDeque::new(),
            listeners: listeners.into_iter().map(listener).collect(),
            next_poolserial: 0,
            unsettled: false,
            counts: Counts::default(),
            delivery: Spans::default(),
            processing: Spans::default(),
            heard: Vec::new(),
        }
    }

    /// Tells neither of deliveries nor of changes of state, for many events a second and nobody who wants to
    /// hear of each.
    #[must_use]
    pub fn without_details(self) -> Self {
        Self { detailed: false, ..self }
    }

    /// Takes in what happened at `now` and appends to `effects` what is to be done about it.
    pub fn step(&mut self, now: Moment, input: Input<'_, E>, effects: &mut Vec<Effect<E>>) {
        match input {
            Input::Accepted { serial, event } => self.accept(now, serial, event, effects),
            Input::Started(at) => self.started(at),
            Input::Running(at, running) => self.running(at, running),
            Input::Said(at, data) => self.said(now, at, data, effects),
            Input::Ended(at) => self.ended(now, at, effects),
            Input::Sent(at) => self.sent(now, at, effects),
            Input::Refused(at, refusal) => self.refused(now, at, refusal, effects),
            Input::Settled => self.settle(now, effects),
        }
    }

    /// Whether a listener may still answer or take what there is (E-183).
    pub fn is_serving(&self) -> bool {
        let able = |it: &&Listener<E>| it.running && it.machine.state() != ListenerState::Unknown;
        let mut able = self.listeners.iter().filter(able);
        let waiting = !self.buffer.is_empty();
        able.any(|listener| listener.in_hand.is_some() || (waiting && !listener.deaf))
    }

    /// Events that are neither processed nor discarded.
    pub fn unfinished(&self) -> impl Iterator<Item = &E> {
        let in_hand = self.listeners.iter().filter_map(|listener| listener.in_hand.as_ref());
        let held = in_hand.map(|it| &it.held).chain(&self.buffer);
        held.map(|held| &held.event)
    }

    fn accept(&mut self, now: Moment, serial: u64, event: E, effects: &mut Vec<Effect<E>>) {
        let poolserial = self.next_poolserial;
        self.next_poolserial = next_serial(poolserial);
        self.counts.accepted += 1;
        self.make_room(0, effects);
        self.buffer.push_back(Held { serial, poolserial, accepted: now, tried: false, event });
        self.unsettled = true;
    }

    /// E-087, E-090; `ahead` is how many go to free listeners before what is in the buffer.
    fn make_room(&mut self, ahead: usize, effects: &mut Vec<Effect<E>>) {
        if self.buffer.len() < self.capacity {
            return;
        }
        let free = self.listeners.iter().filter(|listener| listener.is_free()).count();
        while self.buffer.len() >= self.capacity + free {
            self.discard(free.saturating_sub(ahead), effects);
        }
    }

    fn discard(&mut self, at: usize, effects: &mut Vec<Effect<E>>) {
        if let Some(Held { serial, .. }) = self.buffer.remove(at) {
            self.counts.overflowed += 1;
            let pool = Arc::clone(&self.name);
            effects.push(Effect::Publish(PoolNotice::EventDiscarded { pool, serial }));
        }
    }

    fn started(&mut self, at: usize) {
        let listener = &mut self.listeners[at];
        listener.machine = ListenerMachine::new(self.handler);
        listener.deaf = false;
    }

    fn running(&mut self, at: usize, running: bool) {
        self.listeners[at].running = running;
        self.unsettled |= running;
    }

    fn said(&mut self, now: Moment, at: usize, data: &[u8], effects: &mut Vec<Effect<E>>) {
        let mut all = std::mem::take(&mut self.heard);
        self.listeners[at].machine.hear(data, &mut all);
        for heard in all.drain(..) {
            self.heard(now, at, heard, effects);
        }
        self.heard = all;
    }

    fn heard(&mut self, now: Moment, at: usize, heard: Heard, effects: &mut Vec<Effect<E>>) {
        let detailed = self.detailed;
        let listener = &mut self.listeners[at];
        let name = || listener.name.clone();
        let mut tell = |notice| effects.push(Effect::Publish(notice));
        match heard {
            Heard::Changed(from, to) => {
                self.unsettled |= to == ListenerState::Ready;
                if detailed {
                    tell(PoolNotice::ListenerChanged(name(), from, to));
                }
            }
            Heard::Processed(printout) => {
                if detailed {
                    tell(PoolNotice::EventProcessed(name()));
                }
                self.processed(now, at);
                effects.extend(printout.map(Effect::Print));
            }
            Heard::Rejected => {
                tell(PoolNotice::EventRejected(name()));
                self.answered(now, at);
            }
            Heard::Failed => {
                tell(PoolNotice::EventFailed(name()));
                self.answered(now, at);
            }
            Heard::BadLine(line) => tell(PoolNotice::BadResultLine(name(), line)),
            Heard::Broke(error) => {
                tell(PoolNotice::ListenerBroke(name()));
                listener.last_error = Some((now, error));
            }
            Heard::GaveBack(Fault::Result) => self.give_back(now, at, |counts| &mut counts.rejected, effects),
            Heard::GaveBack(Fault::Protocol) => self.give_back(now, at, |counts| &mut counts.broken, effects),
        }
    }

    /// M-061
    fn answered(&mut self, now: Moment, at: usize) {
        if let Some(in_hand) = &self.listeners[at].in_hand {
            self.processing.add(now.since(in_hand.since));
        }
    }

    fn processed(&mut self, now: Moment, at: usize) {
        self.answered(now, at);
        if let Some(InHand { since, .. }) = self.listeners[at].in_hand.take() {
            self.count(at, |counts| &mut counts.acknowledged);
            self.counts.busy += now.since(since);
        }
    }

    /// E-089, E-121
    fn give_back(
        &mut self,
        now: Moment,
        at: usize,
        which: impl Fn(&mut Counts) -> &mut u64,
        effects: &mut Vec<Effect<E>>,
    ) {
        if let Some(InHand { held, since }) = self.listeners[at].in_hand.take() {
            self.count(at, which);
            self.counts.busy += now.since(since);
            self.rebuffer(held, effects);
        }
    }

    fn rebuffer(&mut self, held: Held<E>, effects: &mut Vec<Effect<E>>) {
        self.tell_rebuffered(held.serial, self.buffer.len(), effects);
        self.make_room(1, effects);
        self.buffer.push_front(held);
        self.unsettled = true;
    }

    fn tell_rebuffered(&self, serial: u64, length: usize, effects: &mut Vec<Effect<E>>) {
        if self.detailed {
            let (pool, capacity) = (Arc::clone(&self.name), self.capacity);
            effects.push(Effect::Publish(PoolNotice::EventRebuffered { pool, serial, length, capacity }));
        }
    }

    fn ended(&mut self, now: Moment, at: usize, effects: &mut Vec<Effect<E>>) {
        self.give_back(now, at, |counts| &mut counts.orphaned, effects);
    }

    fn sent(&mut self, now: Moment, at: usize, effects: &mut Vec<Effect<E>>) {
        let listener = &mut self.listeners[at];
        if let Some(InHand { held, .. }) = &mut listener.in_hand {
            if !std::mem::replace(&mut held.tried, true) {
                // M-060
                self.delivery.add(now.since(held.accepted));
            }
            if self.detailed {
                let notice = PoolNotice::EventSent(listener.name.clone(), held.serial);
                effects.push(Effect::Publish(notice));
            }
            self.count(at, |counts| &mut counts.delivered);
        }
        self.settle(now, effects);
    }

    /// E-131, E-132
    fn refused(&mut self, now: Moment, at: usize, refusal: Refusal, effects: &mut Vec<Effect<E>>) {
        let listener = &mut self.listeners[at];
        let Some(InHand { held, .. }) = listener.in_hand.take() else { return };
        listener.machine.keep_waiting();
        match refusal {
            Refusal::Closed => {
                listener.deaf = true;
                let notice = PoolNotice::ListenerDeaf(listener.name.clone(), held.serial);
                effects.push(Effect::Publish(notice));
            }
            Refusal::Full => self.give_up(now, at, "answered events without reading them", effects),
        }
        self.rebuffer(held, effects);
        self.settle(now, effects);
    }

    fn give_up(&mut self, now: Moment, at: usize, error: &str, effects: &mut Vec<Effect<E>>) {
        let mut heard = Vec::new();
        self.listeners[at].machine.give_up(error, &mut heard);
        for heard in heard {
            self.heard(now, at, heard, effects);
        }
    }

    /// E-081 to E-084
    fn settle(&mut self, now: Moment, effects: &mut Vec<Effect<E>>) {
        if !std::mem::take(&mut self.unsettled) {
            return;
        }
        let Some(oldest) = self.buffer.front() else { return };
        match self.listeners.iter().position(Listener::is_free) {
            Some(at) => self.hand_out(now, at, effects),
            None => {
                self.tell_rebuffered(oldest.serial, self.buffer.len() - 1, effects);
                self.shrink(effects);
            }
        }
    }

    /// Who was to take one may be free no more.
    fn shrink(&mut self, effects: &mut Vec<Effect<E>>) {
        while self.buffer.len() > self.capacity {
            self.discard(0, effects);
        }
    }

    fn hand_out(&mut self, now: Moment, at: usize, effects: &mut Vec<Effect<E>>) {
        let Some(held) = self.buffer.pop_front() else { return };
        self.unsettled = true;
        let (serial, poolserial, event) = (held.serial, held.poolserial, held.event.clone());
        effects.push(Effect::Send { listener: at, serial, poolserial, event });
        let listener = &mut self.listeners[at];
        listener.machine.take_event();
        listener.in_hand = Some(InHand { held, since: now });
    }

    fn count(&mut self, at: usize, which: impl Fn(&mut Counts) -> &mut u64) {
        *which(&mut self.counts) += 1;
        *which(&mut self.listeners[at].counts) += 1;
    }
}

impl<E> Listener<E> {
    /// Whether it can be given an event (E-082, E-084).
    fn is_free(&self) -> bool {
        self.running && !self.deaf && self.machine.state() == ListenerState::Ready
    }
}

/// The number after this one (E-067).
pub const fn next_serial(serial: u64) -> u64 {
    if serial >= i64::MAX as u64 { 0 } else { serial + 1 }
}

#[cfg(test)]
mod tests;
