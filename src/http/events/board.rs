//! What clients are told beside events, if they ask for it: notes about how things are now.
//!
//! Whoever writes them posts what has changed; a client that is new, or was too slow for what is kept, makes
//! the writer post everything once. Notes are not numbered: where a client goes on is told by events alone.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use serde::Serialize;
use tokio::sync::Notify;

use super::frame::Format;

/// Notes that are kept for clients that have not taken them yet, but for the newest: in bytes.
const ROOM: usize = 2 << 20;
/// What a note takes beside its text, about, in bytes.
const OVERHEAD: usize = 128;

/// The notes, with those who write and read them.
#[derive(Default)]
pub struct Board {
    notes: RefCell<VecDeque<Rc<str>>>,
    /// How many there were before those.
    before: Cell<u64>,
    bytes: Cell<usize>,
    readers: Cell<usize>,
    /// Somebody needs to be told everything.
    asked: Cell<bool>,
    posted: Notify,
    wanted: Notify,
}

impl Board {
    /// How many clients read.
    pub fn readers(&self) -> usize {
        self.readers.get()
    }

    /// Posts a note for all clients.
    pub fn post(&self, note: &impl Serialize) {
        let text = serde_json::to_string(note).expect("a struct of texts and numbers");
        let mut notes = self.notes.borrow_mut();
        self.bytes.set(self.bytes.get() + text.len() + OVERHEAD);
        notes.push_back(text.into());
        while self.bytes.get() > ROOM && notes.len() > 1 {
            let Some(old) = notes.pop_front() else { break };
            self.bytes.set(self.bytes.get() - old.len() - OVERHEAD);
            self.before.set(self.before.get() + 1);
        }
        self.posted.notify_waiters();
    }

    /// Resolves when somebody needs to be told everything. For one writer.
    pub async fn wanted(&self) {
        while !self.asked.get() {
            self.wanted.notified().await;
        }
    }

    /// Whether somebody needs to be told everything; after that it counts as told.
    pub fn take_asked(&self) -> bool {
        self.asked.replace(false)
    }

    fn ask(&self) {
        self.asked.set(true);
        self.wanted.notify_one();
    }

    /// The place behind the last note.
    fn end(&self) -> u64 {
        self.before.get() + self.notes.borrow().len() as u64
    }
}

/// A client's place.
pub(super) struct Reader {
    board: Rc<Board>,
    next: u64,
}

impl Reader {
    /// One that has seen nothing, and needs to be told everything.
    pub(super) fn new(board: &Rc<Board>) -> Self {
        board.readers.set(board.readers.get() + 1);
        board.ask();
        Self { board: Rc::clone(board), next: board.end() }
    }

    /// Appends what is new, as clients of this format get it.
    pub(super) fn take(&mut self, format: Format, out: &mut Vec<u8>) {
        let board = &self.board;
        let end = board.end();
        match self.next.checked_sub(board.before.get()).map(usize::try_from) {
            Some(Ok(place)) => {
                board.notes.borrow().iter().skip(place).for_each(|note| format.status(note, out));
            }
            _ => board.ask(),
        }
        self.next = end;
    }

    /// Resolves when there is more.
    pub(super) async fn change(&self) {
        if self.next >= self.board.end() {
            self.board.posted.notified().await;
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let board = &self.board;
        board.readers.set(board.readers.get() - 1);
        if board.readers.get() == 0 {
            board.before.set(board.end());
            *board.notes.borrow_mut() = VecDeque::new();
            board.bytes.set(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Encoding, Syntax};
    use super::*;

    const LINES: Format = Format { syntax: Syntax::Lines, encoding: Encoding::Text };

    fn taken(reader: &mut Reader) -> String {
        let mut out = Vec::new();
        reader.take(LINES, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn readers_get_what_is_posted_while_they_are_there() {
        let board = Rc::new(Board::default());
        board.post(&0);
        assert!(!board.take_asked());
        let mut reader = Reader::new(&board);
        assert!(board.take_asked() && !board.take_asked());
        assert_eq!(taken(&mut reader), "");
        board.post(&1);
        board.post(&2);
        let mut late = Reader::new(&board);
        assert_eq!((taken(&mut reader), taken(&mut late)), ("1\n2\n".into(), String::new()));
        drop((reader, late));
        assert_eq!((board.readers(), board.notes.borrow().len(), board.bytes.get()), (0, 0, 0));
        board.post(&3);
        assert_eq!(taken(&mut Reader::new(&board)), "");
    }

    #[test]
    fn who_falls_behind_has_everything_told_anew() {
        let board = Rc::new(Board::default());
        let mut reader = Reader::new(&board);
        board.take_asked();
        let large = "x".repeat(ROOM / 2);
        for _ in 0..4 {
            board.post(&large);
        }
        assert!(board.notes.borrow().len() == 1 && board.bytes.get() < ROOM);
        assert_eq!(taken(&mut reader), "");
        assert!(board.take_asked());
        board.post(&7);
        assert_eq!(taken(&mut reader), "7\n");
        assert!(!board.take_asked());
    }

    #[test]
    fn both_syntaxes() {
        let board = Rc::new(Board::default());
        let mut reader = Reader::new(&board);
        board.post(&"a");
        let mut out = Vec::new();
        reader.take(Format { syntax: Syntax::Sse, encoding: Encoding::Text }, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "event: STATUS\ndata: \"a\"\n\n");
    }
}
