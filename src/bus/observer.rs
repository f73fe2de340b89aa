//! Synchronous readers of the bus.

use std::rc::Rc;

use crate::model::event::{EventKind, EventRecord};
use crate::model::interest::Interest;

/// Hears events while they are published. It must be quick (constant time), may not block and may not
/// publish: what it wants to have done is for its owner to do afterwards.
pub trait Observer {
    /// The kinds it hears; asked at registration, and by `EventBus::reconsider`.
    fn interest(&self) -> Interest;

    /// Takes note of an event.
    fn observe(&self, record: &Rc<EventRecord>);
}

/// A registration, to be ended with `EventBus::dismiss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObserverId(u64);

#[derive(Default)]
pub(super) struct Observers {
    last_id: u64,
    list: Vec<(ObserverId, Interest, Rc<dyn Observer>)>,
}

impl Observers {
    pub(super) fn add(&mut self, observer: Rc<dyn Observer>) -> ObserverId {
        self.last_id += 1;
        let id = ObserverId(self.last_id);
        self.list.push((id, observer.interest(), observer));
        id
    }

    pub(super) fn reconsider(&mut self, id: ObserverId) {
        for (_, interest, observer) in self.list.iter_mut().filter(|(other, _, _)| *other == id) {
            *interest = observer.interest();
        }
    }

    pub(super) fn remove(&mut self, id: ObserverId) {
        self.list.retain(|(other, _, _)| *other != id);
    }

    pub(super) fn tell(&self, kind: EventKind, record: &Rc<EventRecord>) {
        for (_, interest, observer) in &self.list {
            if interest.contains(kind) {
                observer.observe(record);
            }
        }
    }

    pub(super) fn interest(&self) -> Interest {
        self.list.iter().map(|(_, interest, _)| *interest).fold(Interest::NONE, Interest::union)
    }
}
