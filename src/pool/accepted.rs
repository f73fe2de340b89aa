//! Events that some pool has accepted: numbered once for all pools, rendered once.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use crate::machine::pool::next_serial;
use crate::model::event::{Event, EventRecord, Payload};

/// An event with its serial; the same value in all pools.
#[derive(Debug)]
pub(super) struct Accepted {
    /// The daemon's number (E-066).
    pub serial: u64,
    record: Rc<EventRecord>,
    payload: OnceCell<Payload>,
}

impl Accepted {
    /// The event's type.
    pub fn name(&self) -> &'static str {
        self.record.event.kind().name()
    }

    /// Whether it is about a process of this group.
    pub fn is_about(&self, group: &str) -> bool {
        matches!(&self.record.event, Event::StateChanged(change) if **change.process.group() == *group)
    }

    /// Its body, made when it is first needed.
    pub fn payload(&self) -> &Payload {
        self.payload.get_or_init(|| self.record.event.payload().unwrap_or_default())
    }
}

/// Draws serials: one counter for the daemon's whole life, over all its reloads (E-066, E-069).
#[derive(Debug, Default)]
pub struct Serials(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// The event accepted last, which other pools may accept, too.
    last: Option<Rc<Accepted>>,
}

impl Serials {
    /// The event, numbered unless another pool has accepted it before. Pools hear an event one right
    /// after the other.
    pub(super) fn accept(&self, record: &Rc<EventRecord>) -> Rc<Accepted> {
        let mut state = self.0.borrow_mut();
        if let Some(last) = state.last.as_ref().filter(|last| last.record.seq == record.seq) {
            return Rc::clone(last);
        }
        let accepted = Accepted { serial: state.next, record: Rc::clone(record), payload: OnceCell::new() };
        let accepted = Rc::new(accepted);
        state.next = next_serial(state.next);
        state.last = Some(Rc::clone(&accepted));
        accepted
    }
}
