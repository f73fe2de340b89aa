//! One listener's side of the protocol, from the start of its process to its end (events.md, section 5).
//!
//! # States
//!
//! A life begins ACKNOWLEDGED. There the listener may say `READY\n`, which makes it READY; six bytes of
//! anything else break the protocol. READY it must be silent until it gets an event, which makes it BUSY.
//! BUSY it says `RESULT n\n` and n bytes of body, which the result handler judges: the event is processed
//! or rejected, and the listener is ACKNOWLEDGED again. Whatever breaks the protocol makes it UNKNOWN for
//! the rest of its life: it is heard no more and gets nothing.
//!
//! Input is cut anywhere and may hold many tokens. What is kept between inputs is bounded: part of a
//! token, and of a body no more than its handler looks at.

use std::sync::Arc;

use bytes::Bytes;

use super::result::{Judgement, Printout, ResultHandler};
use crate::model::pyrepr;
use crate::model::state::ListenerState as State;
use crate::wire::listener::{READY, result_length};

/// Longest line that may still become a result line.
const MAX_LINE: usize = 64 * 1024;
/// Room for a body that is kept from one to the next.
const KEPT: usize = 4096;
/// How much of a listener's words an error shows.
const SHOWN: usize = 80;

/// Reads what one listener says. See the module's head for the meaning of its states.
#[derive(Clone, Debug)]
pub struct ListenerMachine {
    handler: ResultHandler,
    state: State,
    /// The beginning of a token.
    token: Vec<u8>,
    /// How much is missing of the result that is being read.
    missing: Option<usize>,
    /// What its handler looks at of the part that is there.
    body: Vec<u8>,
}

/// What came of something that a listener said, in the order in which it is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It entered another state.
    Changed(State, State),
    /// It is done with its event.
    Processed(Option<Printout>),
    /// It did not want its event.
    Rejected,
    /// The result handler failed over its answer.
    Failed,
    /// It said something in place of a result line.
    BadLine(Bytes),
    /// Its event is its pool's again.
    GaveBack(Fault),
    /// It broke the protocol; in which way, for people.
    Broke(Arc<str>),
}

/// Why an event came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The answer was another than OK.
    Result,
    /// The answer was none.
    Protocol,
}

impl ListenerMachine {
    /// A listener whose process has just begun.
    pub fn new(handler: ResultHandler) -> Self {
        Self { handler, state: State::Acknowledged, token: Vec::new(), missing: None, body: Vec::new() }
    }

    /// Its state.
    pub fn state(&self) -> State {
        self.state
    }

    /// It gets an event: READY becomes BUSY (E-104).
    pub fn take_event(&mut self) {
        debug_assert_eq!(self.state, State::Ready);
        self.state = State::Busy;
    }

    /// It could not be given the event after all.
    pub fn keep_waiting(&mut self) {
        debug_assert_eq!(self.state, State::Busy);
        self.state = State::Ready;
    }

    /// Takes in what it said, and appends to `heard` what came of it.
    pub fn hear(&mut self, data: &[u8], heard: &mut Vec<Heard>) {
        let mut rest = data;
        while !rest.is_empty() {
            rest = match (self.state, self.missing.take()) {
                (State::Acknowledged, _) => self.hear_ready(rest, heard),
                (State::Ready, _) => self.hear_intrusion(rest, heard),
                (State::Busy, None) => self.hear_result_line(rest, heard),
                (State::Busy, Some(missing)) => self.hear_body(rest, missing, heard),
                (State::Unknown, _) => &[],
            };
        }
    }

    /// Breaks off with it, for a reason outside of what it says.
    pub fn give_up(&mut self, error: &str, heard: &mut Vec<Heard>) {
        if self.state != State::Unknown {
            self.enter(State::Unknown, heard);
            heard.push(Heard::Broke(error.into()));
        }
    }

    /// E-100 to E-102
    fn hear_ready<'a>(&mut self, data: &'a [u8], heard: &mut Vec<Heard>) -> &'a [u8] {
        let (head, rest) = data.split_at(data.len().min(READY.len() - self.token.len()));
        self.token.extend_from_slice(head);
        if self.token.len() < READY.len() {
            return rest;
        }
        if self.token == READY {
            self.token.clear();
            self.enter(State::Ready, heard);
            return rest;
        }
        let token = std::mem::take(&mut self.token);
        self.break_off(&format!("said {} instead of READY", shown(&[&token, rest])), heard)
    }

    /// E-103
    fn hear_intrusion<'a>(&mut self, data: &'a [u8], heard: &mut Vec<Heard>) -> &'a [u8] {
        self.break_off(&format!("said {} while it was READY", shown(&[data])), heard)
    }

    /// E-105 to E-108, E-111
    fn hear_result_line<'a>(&mut self, data: &'a [u8], heard: &mut Vec<Heard>) -> &'a [u8] {
        let end = memchr::memchr(b'\n', data);
        self.token.extend_from_slice(&data[..end.unwrap_or(data.len())]);
        if end.is_none() && self.token.len() <= MAX_LINE {
            return &[];
        }
        match result_length(&self.token) {
            Some(missing) if end.is_some() => self.missing = Some(missing),
            _ => return self.hear_bad_line(heard),
        }
        self.token.clear();
        if self.missing == Some(0) {
            self.missing = None;
            self.judge(heard);
        }
        end.map_or(&[], |end| &data[end + 1..])
    }

    fn hear_bad_line<'a>(&mut self, heard: &mut Vec<Heard>) -> &'a [u8] {
        let line = std::mem::take(&mut self.token);
        let error = format!("said {} instead of a result line", shown(&[&line]));
        heard.push(Heard::BadLine(line.into()));
        let rest = self.break_off(&error, heard);
        heard.push(Heard::GaveBack(Fault::Protocol));
        rest
    }

    fn hear_body<'a>(&mut self, data: &'a [u8], missing: usize, heard: &mut Vec<Heard>) -> &'a [u8] {
        let (part, rest) = data.split_at(data.len().min(missing));
        let room = self.handler.looks_at() - self.body.len();
        self.body.extend_from_slice(&part[..part.len().min(room)]);
        match missing - part.len() {
            0 => self.judge(heard),
            missing => self.missing = Some(missing),
        }
        rest
    }

    /// E-109, E-110, E-125
    fn judge(&mut self, heard: &mut Vec<Heard>) {
        let judgement = self.handler.judge(&self.body);
        self.body.clear();
        self.body.shrink_to(KEPT);
        match judgement {
            Judgement::Processed(printout) => {
                heard.push(Heard::Processed(printout));
                self.enter(State::Acknowledged, heard);
            }
            Judgement::Rejected => {
                heard.push(Heard::Rejected);
                self.enter(State::Acknowledged, heard);
                heard.push(Heard::GaveBack(Fault::Result));
            }
            Judgement::Failed => {
                heard.push(Heard::Failed);
                self.break_off("gave an answer that its result handler cannot read", heard);
                heard.push(Heard::GaveBack(Fault::Protocol));
            }
        }
    }

    /// It is UNKNOWN from now on, and the rest of what it said is nobody's.
    fn break_off<'a>(&mut self, error: &str, heard: &mut Vec<Heard>) -> &'a [u8] {
        self.enter(State::Unknown, heard);
        heard.push(Heard::Broke(error.into()));
        &[]
    }

    fn enter(&mut self, state: State, heard: &mut Vec<Heard>) {
        heard.push(Heard::Changed(self.state, state));
        self.state = state;
    }
}

/// The beginning of what was said, as Python shows it.
fn shown(parts: &[&[u8]]) -> String {
    let words = parts.concat();
    let dots = if words.len() > SHOWN { "..." } else { "" };
    format!("{}{dots}", pyrepr::bytes(&words[..words.len().min(SHOWN)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of it if a listener says this, from its start; an event is given whenever it is READY.
    fn life(words: &[&[u8]]) -> (State, Vec<Heard>) {
        let mut machine = ListenerMachine::new(ResultHandler::Default);
        let mut heard = Vec::new();
        for words in words {
            machine.hear(words, &mut heard);
            if machine.state() == State::Ready {
                machine.take_event();
            }
        }
        (machine.state(), heard)
    }

    fn broke(heard: &[Heard]) -> Option<&str> {
        heard.iter().find_map(|it| if let Heard::Broke(text) = it { Some(&**text) } else { None })
    }

    // E-101, E-104, E-106, E-109, E-116
    #[test]
    fn a_result_and_the_next_ready_in_one_read() {
        let (state, heard) = life(&[b"READY\n", b"RESULT 2\nOKREADY\n"]);
        assert_eq!(state, State::Busy);
        assert_eq!(
            heard,
            [
                Heard::Changed(State::Acknowledged, State::Ready),
                Heard::Processed(None),
                Heard::Changed(State::Busy, State::Acknowledged),
                Heard::Changed(State::Acknowledged, State::Ready),
            ]
        );
    }

    // E-100, E-105, E-116
    #[test]
    fn tokens_may_come_byte_by_byte() {
        let words = b"READY\nRESULT 4\nFAILREADY\n";
        let bytes: Vec<&[u8]> = words.chunks(1).collect();
        let (state, heard) = life(&bytes);
        assert_eq!(state, State::Busy);
        assert!(heard.contains(&Heard::Rejected) && heard.contains(&Heard::GaveBack(Fault::Result)));
        assert_eq!(life(&bytes).1, life(&[&words[..6], &words[6..]]).1);
    }

    // E-102
    #[test]
    fn anything_else_than_ready_breaks_the_protocol() {
        for words in [&b"READY\r\n"[..], b"\nREADY\n", b"Hello, listener"] {
            let (state, heard) = life(&[words]);
            assert_eq!(state, State::Unknown);
            assert!(broke(&heard).unwrap().starts_with("said b'"));
        }
        assert_eq!(life(&[b"hello"]), (State::Acknowledged, vec![]));
        assert_eq!(broke(&life(&[b"hello!\n"]).1), Some(r"said b'hello!\n' instead of READY"));
    }

    // E-103
    #[test]
    fn a_ready_listener_must_be_silent() {
        let (state, heard) = life(&[b"READY\nREADY\n"]);
        assert_eq!(state, State::Unknown);
        assert_eq!(broke(&heard), Some(r"said b'READY\n' while it was READY"));
    }

    // E-108, E-112, E-113
    #[test]
    fn a_bad_result_line_gives_the_event_back() {
        for line in [&b"RESULT x\n"[..], b"RESULT -2\nOK", b"OK\n", b"\n"] {
            let (state, heard) = life(&[b"READY\n", line, b"READY\n"]);
            assert_eq!(state, State::Unknown);
            let bad = line.split(|byte| *byte == b'\n').next().unwrap();
            assert_eq!(heard[1], Heard::BadLine(Bytes::copy_from_slice(bad)));
            assert_eq!(heard.last(), Some(&Heard::GaveBack(Fault::Protocol)));
        }
    }

    #[test]
    fn a_line_without_end_is_no_result_line() {
        let endless = vec![b'1'; MAX_LINE];
        let (state, _) = life(&[b"READY\n", b"RESULT ", &endless]);
        assert_eq!(state, State::Unknown);
    }

    // E-110, E-111
    #[test]
    fn any_other_body_is_a_rejection() {
        for words in [&b"RESULT 0\n"[..], b"RESULT 2\nok", b"RESULT 3\nOK\n", b"RESULT 4\n\xff\0\n!"] {
            let (state, heard) = life(&[b"READY\n", words]);
            assert_eq!(state, State::Acknowledged);
            assert_eq!(heard[1], Heard::Rejected);
        }
    }

    // E-117
    #[test]
    fn a_line_feed_after_ok_breaks_what_follows() {
        assert_eq!(life(&[b"READY\n", b"RESULT 2\nOK\n"]).0, State::Acknowledged);
        assert_eq!(life(&[b"READY\n", b"RESULT 2\nOK\n", b"READY\n"]).0, State::Unknown);
    }

    #[test]
    fn of_a_huge_body_only_what_matters_is_kept() {
        let mut machine = ListenerMachine::new(ResultHandler::Default);
        let mut heard = Vec::new();
        machine.hear(b"READY\n", &mut heard);
        machine.take_event();
        machine.hear(b"RESULT 99999999999\n", &mut heard);
        for _ in 0..100 {
            machine.hear(&[b'O'; 4096], &mut heard);
        }
        assert_eq!(machine.body.len(), 3);
        assert_eq!(machine.state, State::Busy);
    }

    // E-125
    #[test]
    fn an_answer_its_handler_cannot_read_breaks_the_protocol() {
        let mut machine = ListenerMachine::new(ResultHandler::Stdout);
        let mut heard = Vec::new();
        machine.hear(b"READY\n", &mut heard);
        machine.take_event();
        machine.hear(b"RESULT 2\nOKREADY\n", &mut heard);
        assert_eq!(machine.state(), State::Unknown);
        assert_eq!(heard[1], Heard::Failed);
    }
}
