//! What a listener says: however it is cut into reads, the same comes of it; states follow each other without a
//! gap; and one that broke the protocol is heard no more. Between two turns it gets an event if it wants one.

use std::mem::discriminant;

use arbitrary::Arbitrary;
use supervisor::machine::listener::{Heard, ListenerMachine};
use supervisor::machine::result::ResultHandler;
use supervisor::model::state::ListenerState;

use crate::cuts::Cut;

/// Ends a turn.
const TURN: u8 = b'|';

/// What a run is given.
#[derive(Arbitrary, Debug)]
pub struct Input<'a> {
    handler: u8,
    said: Cut<'a>,
}

/// What came of it in all turns, and the state at the end.
fn hear<'a>(
    handler: ResultHandler,
    turns: impl Iterator<Item = Vec<&'a [u8]>>,
) -> (Vec<Heard>, ListenerState) {
    let mut machine = ListenerMachine::new(handler);
    let mut all = Vec::new();
    for reads in turns {
        let (mut state, mut heard) = (machine.state(), Vec::new());
        reads.iter().for_each(|read| machine.hear(read, &mut heard));
        assert!(state != ListenerState::Unknown || heard.is_empty(), "{heard:?}");
        for change in &heard {
            if let Heard::Changed(from, to) = change {
                assert_eq!(*from, state);
                state = *to;
            }
        }
        assert_eq!(machine.state(), state);
        if state == ListenerState::Ready {
            machine.take_event();
        }
        all.extend(heard);
    }
    (all, machine.state())
}

/// What people are told of a break depends on what came with it; what the pool is told must not.
fn is_same(one: &Heard, other: &Heard) -> bool {
    match (one, other) {
        (Heard::Broke(_), Heard::Broke(_)) | (Heard::BadLine(_), Heard::BadLine(_)) => true,
        _ => discriminant(one) == discriminant(other) && one == other,
    }
}

/// One run.
pub fn run(input: Input<'_>) {
    let handler = ResultHandler::ALL[usize::from(input.handler) % ResultHandler::ALL.len()];
    let turns = || input.said.whole.split(|byte| *byte == TURN);
    let (whole, state) = hear(handler, turns().map(|turn| vec![turn]));
    let (cut, cut_state) = hear(handler, turns().map(|turn| input.said.of(turn)));
    assert_eq!(cut_state, state);
    assert!(
        whole.len() == cut.len() && whole.iter().zip(&cut).all(|(one, other)| is_same(one, other)),
        "{whole:?} but {cut:?}"
    );
}
