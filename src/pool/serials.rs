//! The numbers of events that some pool has accepted: one for each event, in all pools the same.

use std::cell::Cell;

use crate::machine::pool::next_serial;
use crate::model::event::EventRecord;

/// Draws serials: one counter for the daemon's whole life, over all its reloads (E-066, E-069).
#[derive(Debug, Default)]
pub struct Serials {
    next: Cell<u64>,
    /// The event accepted last, which other pools may accept, too: its place on the bus, and its serial.
    last: Cell<Option<(u64, u64)>>,
}

impl Serials {
    /// The number of an event: a new one unless another pool has accepted it before. Pools hear an event one
    /// right after the other.
    pub(super) fn accept(&self, record: &EventRecord) -> u64 {
        if let Some((seq, serial)) = self.last.get()
            && seq == record.seq
        {
            return serial;
        }
        let serial = self.next.get();
        self.next.set(next_serial(serial));
        self.last.set(Some((record.seq, serial)));
        serial
    }
}
