//! Bounded queues for readers that may be slow.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::sync::Notify;

use crate::model::event::{EventKind, EventRecord};
use crate::model::interest::Interest;

/// What becomes of an event that finds its queue full. Either way it is counted as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The oldest in the queue makes room for it.
    DropOldest,
    /// The queue takes nothing more; its reader gets what is in it, then [`Closed`].
    CloseReader,
}

/// The queue was closed because its reader was too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// How many events it missed.
    pub lost: u64,
}

pub(super) struct Queue {
    interest: Interest,
    capacity: usize,
    overflow: Overflow,
    ring: RefCell<VecDeque<Rc<EventRecord>>>,
    lost: Cell<u64>,
    closed: Cell<bool>,
    abandoned: Cell<bool>,
    filled: Notify,
}

impl Queue {
    pub(super) fn new(interest: Interest, capacity: usize, overflow: Overflow) -> Self {
        Self {
            interest,
            capacity: capacity.max(1),
            overflow,
            ring: RefCell::default(),
            lost: Cell::new(0),
            closed: Cell::new(false),
            abandoned: Cell::new(false),
            filled: Notify::new(),
        }
    }

    pub(super) fn interest(&self) -> Interest {
        self.interest
    }

    pub(super) fn wants(&self, kind: EventKind) -> bool {
        self.interest.contains(kind)
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.get()
    }

    pub(super) fn push(&self, record: &Rc<EventRecord>) {
        let mut ring = self.ring.borrow_mut();
        if ring.len() >= self.capacity || self.closed.get() {
            self.lost.set(self.lost.get() + 1);
            match self.overflow {
                Overflow::DropOldest => drop(ring.pop_front()),
                Overflow::CloseReader => return self.closed.set(true),
            }
        }
        ring.push_back(Rc::clone(record));
        self.filled.notify_one();
    }
}

/// The reading end of a queue; dropping it ends the subscription.
pub struct Subscription(Rc<Queue>);

impl Subscription {
    pub(super) fn new(queue: Rc<Queue>) -> Self {
        Self(queue)
    }

    /// The oldest event in the queue, if there is one; [`Closed`] once a closed queue is empty.
    pub fn try_next(&self) -> Result<Option<Rc<EventRecord>>, Closed> {
        match self.0.ring.borrow_mut().pop_front() {
            Some(record) => Ok(Some(record)),
            None if self.0.closed.get() => Err(Closed { lost: self.lost() }),
            None => Ok(None),
        }
    }

    /// Waits for the oldest event.
    pub async fn next(&self) -> Result<Rc<EventRecord>, Closed> {
        loop {
            if let Some(record) = self.try_next()? {
                return Ok(record);
            }
            self.0.filled.notified().await;
        }
    }

    /// How many events were lost so far because the queue was full.
    pub fn lost(&self) -> u64 {
        self.0.lost.get()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.0.abandoned.set(true);
    }
}
