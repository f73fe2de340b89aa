//! The last events, kept for all clients together: an observer of the bus.
//!
//! An event is kept as it is and encoded when the first client wants it, so that what nobody reads costs a
//! place in the ring and no more. While nobody reads, few are kept; while somebody does, so many that only
//! who does not read at all falls behind.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::sync::Notify;

use super::frame::{Encoding, Frame, Gap};
use super::query::{Filter, Since};
use crate::bus::Observer;
use crate::model::event::{Event, EventKind, EventRecord};
use crate::model::interest::Interest;
use crate::model::time::WallTime;

/// How much is kept: events, and bytes of memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub events: usize,
    pub bytes: usize,
}

/// While nobody reads.
const HISTORY: Room = Room { events: 1000, bytes: 1 << 20 };
/// While somebody does: seconds of a flood.
const LIVE: Room = Room { events: 64 * 1024, bytes: 32 << 20 };

/// What an event takes beside its data once it is encoded, about.
const OVERHEAD: usize = 768;

/// Data of an event, in a list of the last ones, in bytes.
const EXCERPT: usize = 1024;

/// The last events.
pub struct Feed {
    ring: RefCell<Ring>,
    live: Room,
    /// The number of the newest fact, whether it is kept here or not.
    last_seq: Cell<u64>,
    readers: Cell<usize>,
    missed: Cell<u64>,
    /// Tells the events of one daemon from those of the next, whose numbers begin anew.
    life: Rc<str>,
    published: Notify,
}

#[derive(Default)]
struct Ring {
    entries: VecDeque<Slot>,
    /// How many were there before the first of them.
    before: u64,
    /// The number of the last of those.
    forgotten: u64,
    bytes: usize,
}

/// A place in the ring; its entry is made for the first reader.
struct Slot {
    record: Rc<EventRecord>,
    entry: OnceCell<Rc<Entry>>,
}

/// An event in the feed.
pub(super) struct Entry {
    record: Rc<EventRecord>,
    /// The feed's.
    life: Rc<str>,
    frames: [OnceCell<Frame>; 2],
}

impl Feed {
    /// An empty feed of a daemon that was started at this time.
    pub fn new(started: WallTime) -> Rc<Self> {
        Self::with_room(started, LIVE)
    }

    /// The same, with this much room while somebody reads.
    pub(super) fn with_room(started: WallTime, live: Room) -> Rc<Self> {
        Rc::new(Self {
            ring: RefCell::default(),
            live,
            last_seq: Cell::new(0),
            readers: Cell::new(0),
            missed: Cell::new(0),
            life: format!("{:x}", started.as_nanos() / 1_000_000).into(),
            published: Notify::new(),
        })
    }

    /// How many clients read.
    pub fn readers(&self) -> usize {
        self.readers.get()
    }

    /// How many events were missed by clients that were too slow.
    pub fn missed(&self) -> u64 {
        self.missed.get()
    }

    /// The last events that pass a filter, the newest first, so many at most: as lines of JSON. Of long data
    /// only the beginning is in them, so that many large events take no time.
    pub fn recent(&self, filter: &Filter, most: usize) -> Vec<String> {
        let ring = self.ring.borrow();
        let wanted = ring.entries.iter().rev().filter(|slot| filter.admits(&slot.record.event));
        wanted.take(most).map(|slot| slot.excerpt(&self.life)).collect()
    }

    /// The id of the last event: a stream that begins behind it misses nothing.
    pub fn last_id(&self) -> String {
        self.id(self.last_seq.get())
    }

    fn id(&self, seq: u64) -> String {
        format!("{}-{seq}", self.life)
    }

    /// Whether there is much that is kept for readers only.
    pub(super) fn is_swollen(&self) -> bool {
        self.ring.borrow().bytes > HISTORY.bytes
    }

    fn room(&self) -> Room {
        if self.readers.get() > 0 { self.live } else { HISTORY }
    }
}

impl Observer for Feed {
    fn interest(&self) -> Interest {
        Interest::in_kinds([EventKind::Event]).with(EventKind::Notice).with(EventKind::Output)
    }

    fn observe(&self, record: &Rc<EventRecord>) {
        self.last_seq.set(record.seq);
        if record.event.kind().name().is_empty() {
            return;
        }
        let mut ring = self.ring.borrow_mut();
        ring.push(record);
        ring.trim(self.room());
        if self.readers.get() > 0 {
            self.published.notify_waiters();
        }
    }
}

impl Ring {
    fn push(&mut self, record: &Rc<EventRecord>) {
        self.bytes += size(&record.event);
        self.entries.push_back(Slot { record: Rc::clone(record), entry: OnceCell::new() });
    }

    fn trim(&mut self, room: Room) {
        while self.entries.len() > room.events || self.bytes > room.bytes {
            let Some(entry) = self.entries.pop_front() else { return };
            self.bytes -= size(&entry.record.event);
            self.before += 1;
            self.forgotten = entry.record.seq;
        }
    }

    /// The place behind the last event.
    fn end(&self) -> u64 {
        self.before + self.entries.len() as u64
    }

    /// The place of the first event with a greater number.
    fn after(&self, seq: u64) -> u64 {
        self.before + self.entries.partition_point(|entry| entry.record.seq <= seq) as u64
    }

    fn first_seq(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.record.seq)
    }
}

/// The memory that an event takes, about: its data comes twice once it is encoded.
fn size(event: &Event) -> usize {
    let data = match event {
        Event::OutputRead(output) => output.data.as_ref().map_or(0, |data| data.len()),
        Event::Communicated(message) => message.data.len(),
        Event::RemotelyCommunicated(message) => message.kind.len() + message.data.len(),
        _ => 0,
    };
    OVERHEAD + 2 * data
}

impl Slot {
    fn entry(&self, life: &Rc<str>) -> Rc<Entry> {
        Rc::clone(self.entry.get_or_init(|| Rc::new(Entry::new(&self.record, life))))
    }

    fn excerpt(&self, life: &Rc<str>) -> String {
        let line = |entry: &Entry| entry.frame(Encoding::Text).line().to_owned();
        match self.record.event.shortened(EXCERPT) {
            None => line(&self.entry(life)),
            Some(event) => line(&Entry::new(&Rc::new(EventRecord { event, ..*self.record }), life)),
        }
    }
}

impl Entry {
    fn new(record: &Rc<EventRecord>, life: &Rc<str>) -> Self {
        Self { record: Rc::clone(record), life: Rc::clone(life), frames: Default::default() }
    }

    pub(super) fn record(&self) -> &EventRecord {
        &self.record
    }

    /// Encoded; once for all.
    pub(super) fn frame(&self, encoding: Encoding) -> &Frame {
        self.frames[encoding as usize].get_or_init(|| Frame::new(&self.record, &self.life, encoding))
    }
}

/// Where a client begins.
pub(super) enum Start {
    /// With the event that it asked for.
    There,
    /// Later: what is in between is not kept.
    AfterGap(Gap),
}

/// A client's place in the feed.
pub(super) struct Cursor {
    feed: Rc<Feed>,
    next: u64,
    /// The number of the last fact that it has gone over.
    seen: u64,
}

impl Cursor {
    /// A place behind what the client has seen.
    pub(super) fn new(feed: &Rc<Feed>, since: Since) -> (Self, Start) {
        let ring = feed.ring.borrow();
        let last = feed.last_seq.get();
        let (next, seen, start) = match since {
            Since::Now => (ring.end(), last, Start::There),
            Since::Oldest => (ring.before, ring.forgotten, Start::There),
            Since::Event { life, seq } => {
                let restarted = life.is_some_and(|life| *life != *feed.life) || seq > last;
                if restarted || seq < ring.forgotten {
                    let gap = Gap { after: seq, before: ring.first_seq(), restarted };
                    (ring.before, ring.forgotten, Start::AfterGap(gap))
                } else {
                    (ring.after(seq), seq, Start::There)
                }
            }
        };
        feed.readers.set(feed.readers.get() + 1);
        (Self { feed: Rc::clone(feed), next, seen }, start)
    }

    /// The next event, if there is one yet; how many were missed, if it is not kept any more.
    pub(super) fn next(&mut self) -> Result<Option<Rc<Entry>>, u64> {
        let ring = self.feed.ring.borrow();
        let Some(place) = self.next.checked_sub(ring.before) else {
            let missed = ring.before - self.next;
            self.feed.missed.set(self.feed.missed.get() + missed);
            return Err(missed);
        };
        let slot = usize::try_from(place).ok().and_then(|place| ring.entries.get(place));
        self.next += u64::from(slot.is_some());
        self.seen = slot.map_or(self.feed.last_seq.get(), |slot| slot.record.seq);
        Ok(slot.map(|slot| slot.entry(&self.feed.life)))
    }

    /// The id of the place: behind it comes what is next.
    pub(super) fn seen(&self) -> String {
        self.feed.id(self.seen)
    }

    /// Resolves when there is more.
    pub(super) async fn change(&self) {
        if self.next >= self.feed.ring.borrow().end() {
            self.feed.published.notified().await;
        }
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.feed.readers.set(self.feed.readers.get() - 1);
        let mut ring = self.feed.ring.borrow_mut();
        ring.trim(self.feed.room());
        if self.feed.readers.get() == 0 {
            ring.entries.shrink_to(HISTORY.events);
        }
    }
}
