//! Floor 4: the event bus: every fact in one total order, to whoever wants to hear it.
//!
//! [`EventBus::publish`] never awaits and never blocks. Before it returns, every [`Observer`] has been
//! told, in the order of registration, and every [`Subscription`] that wants the event has it in its
//! queue. Observers are for what must be exact (the activity log, counters, a pool's buffer);
//! subscriptions, bounded and with a named policy for when they are full, for what may be slow.
//!
//! The bus lives on the one thread that decides; that order of statements is the order of events.

mod observer;
mod queue;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub use observer::{Observer, ObserverId};
pub use queue::{Closed, Overflow, Subscription};

use crate::model::event::{Event, EventKind, EventRecord};
use crate::model::interest::Interest;
use crate::model::time::Now;
use observer::Observers;
use queue::Queue;

/// Numbers events and hands them to observers and subscriptions. Cheap to clone.
#[derive(Clone, Default)]
pub struct EventBus(Rc<Inner>);

#[derive(Default)]
struct Inner {
    seq: Cell<u64>,
    interest: Cell<Interest>,
    observers: RefCell<Observers>,
    queues: RefCell<Vec<Rc<Queue>>>,
}

impl EventBus {
    /// A bus without readers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Publishes a fact and returns its number. An event that nobody wants costs its number only.
    pub fn publish(&self, at: Now, event: Event) -> u64 {
        let seq = self.0.seq.get() + 1;
        self.0.seq.set(seq);
        let kind = event.kind();
        if self.0.interest.get().contains(kind) {
            self.tell(kind, &Rc::new(EventRecord { seq, at, event }));
        }
        seq
    }

    /// Registers an observer; it hears what is published from now on.
    pub fn observe(&self, observer: Rc<dyn Observer>) -> ObserverId {
        let id = self.0.observers.borrow_mut().add(observer);
        self.recount();
        id
    }

    /// Asks an observer anew what it wants to hear.
    pub fn reconsider(&self, id: ObserverId) {
        self.0.observers.borrow_mut().reconsider(id);
        self.recount();
    }

    /// Ends an observer's registration.
    pub fn dismiss(&self, id: ObserverId) {
        self.0.observers.borrow_mut().remove(id);
        self.recount();
    }

    /// A queue of at most `capacity` events of the kinds in `interest`, from now on. It ends when the
    /// subscription is dropped.
    pub fn subscribe(&self, interest: Interest, capacity: usize, overflow: Overflow) -> Subscription {
        let queue = Rc::new(Queue::new(interest, capacity, overflow));
        self.0.queues.borrow_mut().push(Rc::clone(&queue));
        self.recount();
        Subscription::new(queue)
    }

    /// The number of the newest event, 0 before the first.
    pub fn last_seq(&self) -> u64 {
        self.0.seq.get()
    }

    /// How many subscriptions there are.
    pub fn subscriptions(&self) -> usize {
        self.0.queues.borrow().iter().filter(|queue| !queue.is_abandoned()).count()
    }

    fn tell(&self, kind: EventKind, record: &Rc<EventRecord>) {
        self.0.observers.borrow().tell(kind, record);
        let mut queues = self.0.queues.borrow_mut();
        let before = queues.len();
        queues.retain(|queue| !queue.is_abandoned());
        for queue in queues.iter().filter(|queue| queue.wants(kind)) {
            queue.push(record);
        }
        if queues.len() != before {
            drop(queues);
            self.recount();
        }
    }

    /// What anybody wants; an event outside it is not even dated.
    fn recount(&self) {
        let queues = self.0.queues.borrow();
        let wanted = queues.iter().map(|q| q.interest()).fold(Interest::NONE, Interest::union);
        self.0.interest.set(wanted.union(self.0.observers.borrow().interest()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{GroupChange, SupervisorChange};

    struct Recorder(RefCell<Vec<u64>>);

    impl Observer for Recorder {
        fn interest(&self) -> Interest {
            Interest::in_kinds([EventKind::ProcessGroup])
        }

        fn observe(&self, record: &Rc<EventRecord>) {
            self.0.borrow_mut().push(record.seq);
        }
    }

    fn group(bus: &EventBus, name: &str) -> u64 {
        bus.publish(Now::default(), Event::GroupChanged(GroupChange::Added(name.into())))
    }

    fn names(subscription: &Subscription) -> Vec<u64> {
        std::iter::from_fn(|| subscription.try_next().ok().flatten()).map(|r| r.seq).collect()
    }

    #[test]
    fn events_are_numbered_whether_heard_or_not() {
        let bus = EventBus::new();
        assert_eq!((group(&bus, "a"), group(&bus, "b"), bus.last_seq()), (1, 2, 2));
        let heard = Rc::new(Recorder(RefCell::default()));
        let id = bus.observe(heard.clone());
        group(&bus, "c");
        bus.publish(Now::default(), Event::SupervisorChanged(SupervisorChange::Running));
        group(&bus, "d");
        bus.dismiss(id);
        group(&bus, "e");
        assert_eq!(*heard.0.borrow(), [3, 5]);
    }

    #[test]
    fn a_full_queue_drops_the_oldest_and_counts() {
        let bus = EventBus::new();
        let slow = bus.subscribe(Interest::ALL, 2, Overflow::DropOldest);
        for name in ["a", "b", "c", "d", "e"] {
            group(&bus, name);
        }
        assert_eq!(slow.lost(), 3);
        assert_eq!(names(&slow), [4, 5]);
    }

    #[test]
    fn a_full_queue_that_closes_keeps_what_it_has_and_says_how_many_it_missed() {
        let bus = EventBus::new();
        let slow = bus.subscribe(Interest::ALL, 2, Overflow::CloseReader);
        for name in ["a", "b", "c", "d"] {
            group(&bus, name);
        }
        assert_eq!(names(&slow), [1, 2]);
        assert_eq!(slow.try_next(), Err(Closed { lost: 2 }));
    }

    #[test]
    fn a_dropped_subscription_ends() {
        let bus = EventBus::new();
        let one = bus.subscribe(Interest::ALL, 1, Overflow::DropOldest);
        assert_eq!(bus.subscriptions(), 1);
        drop(one);
        group(&bus, "a");
        assert_eq!((bus.subscriptions(), bus.0.interest.get()), (0, Interest::NONE));
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken() {
        let bus = EventBus::new();
        let reader = bus.subscribe(Interest::ALL, 1, Overflow::DropOldest);
        let (record, seq) = tokio::join!(reader.next(), async { group(&bus, "a") });
        assert_eq!(record.map(|r| r.seq), Ok(seq));
    }
}
