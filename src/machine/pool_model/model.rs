//! What must come of a schedule, said as simply as it can be.

use std::collections::{HashMap, VecDeque};

use super::super::pool::{PoolFigures, Refusal};
use crate::model::state::ListenerState as S;

/// What can be seen of a pool's decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Sent { listener: usize, serial: u64, poolserial: u64 },
    Discarded(u64),
    Processed,
}

/// Where an event is; it is nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Buffered,
    InHand(usize),
    Processed,
    Discarded,
}

/// The parts of a process' life, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Started,
    Running,
    Stopping,
    Ended,
}

#[derive(Clone, Debug)]
struct Seat {
    part: Part,
    deaf: bool,
    state: S,
    /// All that it said and that is not judged yet.
    said: Vec<u8>,
    in_hand: Option<u64>,
}

/// The whole pool.
#[derive(Debug)]
pub struct Model {
    capacity: usize,
    /// Serials.
    buffer: VecDeque<u64>,
    seats: Vec<Seat>,
    /// Of each serial: the pool's number, and where it is.
    events: HashMap<u64, (u64, Fate)>,
    expected: Vec<Seen>,
    /// The listener whose stdin is to take the event that it has in hand.
    writing_to: Option<usize>,
    /// Something happened that may have made a listener free, or an event come.
    unsettled: bool,
    answered_ok: u64,
}

impl Model {
    pub fn new(capacity: usize, listeners: usize) -> Self {
        let seat =
            Seat { part: Part::Ended, deaf: false, state: S::Acknowledged, said: vec![], in_hand: None };
        Self {
            capacity,
            buffer: VecDeque::new(),
            seats: vec![seat; listeners],
            events: HashMap::new(),
            expected: Vec::new(),
            writing_to: None,
            unsettled: false,
            answered_ok: 0,
        }
    }

    pub fn expected(&self) -> &[Seen] {
        &self.expected
    }

    /// Forgets what was expected, and tells to whom an event is being written.
    pub fn take_expected(&mut self) -> Option<usize> {
        self.expected.clear();
        self.writing_to
    }

    pub fn is_alive(&self, at: usize) -> bool {
        self.seats[at].part != Part::Ended
    }

    /// Whether it has something to say for itself yet.
    pub fn is_well(&self, at: usize) -> bool {
        let seat = &self.seats[at];
        matches!(seat.part, Part::Started | Part::Running) && !seat.deaf && seat.state != S::Unknown
    }

    pub fn state(&self, at: usize) -> S {
        self.seats[at].state
    }

    /// E-066, E-067: numbered when accepted.
    pub fn accept(&mut self, serial: u64) {
        let poolserial = self.events.len() as u64;
        let known = self.events.insert(serial, (poolserial, Fate::Buffered));
        assert_eq!(known, None);
        self.buffer.push_back(serial);
        let free = self.free().count();
        while self.buffer.len() > self.capacity + free {
            self.discard(free);
        }
        self.unsettled = true;
    }

    /// The next part of a process' life; some die before they run.
    pub fn live_on(&mut self, at: usize, early: bool) -> Part {
        let seat = &mut self.seats[at];
        let next = match seat.part {
            Part::Started if early => Part::Ended,
            Part::Started => Part::Running,
            Part::Running => Part::Stopping,
            Part::Stopping => Part::Ended,
            Part::Ended => Part::Started,
        };
        if next == Part::Started {
            *seat = Seat { part: next, deaf: false, state: S::Acknowledged, said: vec![], in_hand: None };
        }
        if next != Part::Ended {
            seat.part = next;
        }
        self.unsettled |= next == Part::Running;
        next
    }

    /// E-114
    pub fn end(&mut self, at: usize) {
        self.seats[at].part = Part::Ended;
        self.give_back(at);
    }

    /// E-100 to E-113
    pub fn say(&mut self, at: usize, data: &[u8]) {
        self.seats[at].said.extend_from_slice(data);
        let mut returned = false;
        while let Some(verdict) = self.seats[at].judge_next() {
            match verdict {
                Verdict::Ready => self.unsettled = true,
                Verdict::Processed => self.processed(at),
                Verdict::Returned => returned = true,
                Verdict::Broken => {}
            }
        }
        // What it says behind its answer is judged before the event goes anywhere.
        if returned {
            self.give_back(at);
        }
    }

    fn processed(&mut self, at: usize) {
        let serial = self.seats[at].in_hand.take().expect("it is BUSY");
        self.move_on(serial, Fate::InHand(at), Fate::Processed);
        self.answered_ok += 1;
        self.expected.push(Seen::Processed);
    }

    /// E-089, E-090
    fn give_back(&mut self, at: usize) {
        let Some(serial) = self.seats[at].in_hand.take() else { return };
        self.move_on(serial, Fate::InHand(at), Fate::Buffered);
        self.buffer.push_front(serial);
        let free = self.free().count();
        while self.buffer.len() > self.capacity + free {
            self.discard(free.max(1));
        }
        self.unsettled = true;
    }

    /// E-082 to E-084
    pub fn settle(&mut self) {
        if !std::mem::take(&mut self.unsettled) {
            return;
        }
        let Some(&serial) = self.buffer.front() else { return };
        let Some(listener) = self.free().next() else {
            while self.buffer.len() > self.capacity {
                self.discard(0);
            }
            return;
        };
        self.buffer.pop_front();
        let (poolserial, _) = self.events[&serial];
        self.move_on(serial, Fate::Buffered, Fate::InHand(listener));
        self.seats[listener].state = S::Busy;
        self.seats[listener].in_hand = Some(serial);
        self.expected.push(Seen::Sent { listener, serial, poolserial });
        self.writing_to = Some(listener);
        self.unsettled = true;
    }

    /// What becomes of the event that is being written; E-131, E-132.
    pub fn answer(&mut self, refusal: Option<Refusal>) {
        let at = self.writing_to.take().expect("somebody is being written to");
        if let Some(refusal) = refusal {
            let seat = &mut self.seats[at];
            seat.deaf |= refusal == Refusal::Closed;
            seat.state = if refusal == Refusal::Full { S::Unknown } else { S::Ready };
            self.give_back(at);
        }
        self.settle();
    }

    fn free(&self) -> impl Iterator<Item = usize> {
        let free = |seat: &Seat| seat.part == Part::Running && !seat.deaf && seat.state == S::Ready;
        self.seats.iter().enumerate().filter(move |(_, seat)| free(seat)).map(|(at, _)| at)
    }

    fn discard(&mut self, at: usize) {
        let serial = self.buffer.remove(at).expect("it is beyond what the buffer holds");
        self.move_on(serial, Fate::Buffered, Fate::Discarded);
        self.expected.push(Seen::Discarded(serial));
    }

    fn move_on(&mut self, serial: u64, from: Fate, to: Fate) {
        let (_, fate) = self.events.get_mut(&serial).expect("accepted");
        assert_eq!(*fate, from, "event {serial}");
        *fate = to;
    }

    /// Nothing that could go waits, and the buffer is within its bounds (E-081).
    pub fn check_settled(&self) {
        assert!(self.buffer.is_empty() || self.free().next().is_none(), "{self:?}");
        assert!(self.buffer.len() <= self.capacity, "{self:?}");
    }

    /// The pool says of itself what is the case.
    pub fn check(&self, figures: &PoolFigures, unfinished: &[u64]) {
        assert_eq!(figures.queued, self.buffer.len());
        assert_eq!(figures.counts.accepted, self.events.len() as u64);
        assert_eq!(figures.counts.acknowledged, self.answered_ok);
        let in_hand = self.seats.iter().filter_map(|seat| seat.in_hand);
        assert!(unfinished.iter().copied().eq(in_hand.chain(self.buffer.iter().copied())));
        for (seat, told) in self.seats.iter().zip(&figures.listeners) {
            assert_eq!(told.state, seat.state);
            assert_eq!(told.running, seat.part == Part::Running);
            assert_eq!(told.in_hand.map(|(serial, _)| serial), seat.in_hand);
        }
    }
}

/// What a listener has said, in one token.
enum Verdict {
    Ready,
    Processed,
    Returned,
    Broken,
}

impl Seat {
    /// Judges one token, if there is a whole one.
    fn judge_next(&mut self) -> Option<Verdict> {
        match self.state {
            S::Unknown => self.said.clear(),
            S::Ready if !self.said.is_empty() => return Some(self.break_off()),
            S::Ready => {}
            S::Acknowledged if self.said.len() >= 6 => {
                if !self.said.starts_with(b"READY\n") {
                    return Some(self.break_off());
                }
                self.said.drain(..6);
                self.state = S::Ready;
                return Some(Verdict::Ready);
            }
            S::Acknowledged => {}
            S::Busy => return self.judge_result(),
        }
        None
    }

    fn judge_result(&mut self) -> Option<Verdict> {
        let end = self.said.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&self.said[..end]).unwrap_or_default();
        let length = line.strip_prefix("RESULT ").and_then(|number| number.trim().parse::<usize>().ok());
        let Some(length) = length else {
            self.break_off();
            return Some(Verdict::Returned);
        };
        let body = self.said.get(end + 1..end + 1 + length)?;
        let verdict = if body == b"OK" { Verdict::Processed } else { Verdict::Returned };
        self.said.drain(..end + 1 + length);
        self.state = S::Acknowledged;
        Some(verdict)
    }

    fn break_off(&mut self) -> Verdict {
        self.said.clear();
        self.state = S::Unknown;
        Verdict::Broken
    }
}
