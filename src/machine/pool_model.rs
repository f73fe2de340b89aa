//! Random schedules of listeners against a [`PoolCore`] and a small model (test-only).
//!
//! A schedule starts and ends listeners, lets them say right and wrong things cut anywhere, lets their
//! stdin refuse, and lets events come at any time. The model knows what must come of it: which event goes
//! to whom, which one is discarded, what each event's fate is.

mod model;

use std::collections::VecDeque;
use std::time::Duration;

use self::model::{Model, Seen};
use super::listener::{Heard, ListenerMachine};
use super::pool::{Effect, Input, PoolCore, Refusal};
use super::random::Random;
use super::result::ResultHandler;
use crate::model::name::ProcessName;
use crate::model::pool_notice::PoolNotice;
use crate::model::state::ListenerState;
use crate::model::time::Moment;

const WALKS: u64 = 4000;
/// In each walk; most are several steps.
const ADVANCES: u32 = 400;

// E-066 to E-068, E-081 to E-091, E-100 to E-124, E-131, E-132, M-063
#[test]
fn random_schedules_keep_to_the_model() {
    let threads = 4;
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let walks = |thread| (0..WALKS).filter(move |seed| seed % threads == thread).map(walk);
        let runs: Vec<_> = (0..threads).map(|thread| scope.spawn(move || walks(thread).sum())).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let Tally { steps, sent, discarded, returned, acknowledged } = tallies.into_iter().sum();
    assert!(steps >= 1_000_000, "{steps} steps only");
    for count in [sent, discarded, returned, acknowledged] {
        assert!(count > 20_000, "{sent} sent, {discarded} discarded, {returned} returned, {acknowledged} OK");
    }
}

/// What happened in a walk.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    steps: u64,
    sent: u64,
    discarded: u64,
    returned: u64,
    acknowledged: u64,
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, it| Self {
            steps: sum.steps + it.steps,
            sent: sum.sent + it.sent,
            discarded: sum.discarded + it.discarded,
            returned: sum.returned + it.returned,
            acknowledged: sum.acknowledged + it.acknowledged,
        })
    }
}

fn walk(seed: u64) -> Tally {
    let mut random = Random(seed);
    let listeners = 1 + usize::try_from(random.below(3)).unwrap();
    let capacity = random.pick(&[1, 1, 2, 3, 10]);
    let names = ["a", "b", "c"][..listeners].iter().map(|name| ProcessName::new("pool".into(), name));
    let mut walker = Walker {
        _reporter: Reporter(seed),
        core: PoolCore::new("pool".into(), capacity, ResultHandler::Default, names),
        model: Model::new(capacity, listeners),
        now: Moment::default(),
        next_serial: random.below(1000),
        unsaid: vec![VecDeque::new(); listeners],
        effects: Vec::new(),
        seen: Vec::new(),
        steps: 0,
    };
    for _ in 0..ADVANCES / 4 {
        (0..4).for_each(|_| walker.advance(&mut random));
        walker.check_figures();
    }
    walker.tally()
}

/// Says which walk failed.
struct Reporter(u64);

impl Drop for Reporter {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("random schedule failed: walk({})", self.0);
        }
    }
}

struct Walker {
    /// First, so that it speaks before anything else is dropped.
    _reporter: Reporter,
    core: PoolCore<u64>,
    model: Model,
    now: Moment,
    next_serial: u64,
    /// What each listener has written and nobody has read yet.
    unsaid: Vec<VecDeque<u8>>,
    effects: Vec<Effect<u64>>,
    seen: Vec<Seen>,
    steps: u64,
}

impl Walker {
    fn advance(&mut self, random: &mut Random) {
        self.now = self.now + Duration::from_nanos(random.below(1000));
        let at = usize::try_from(random.below(self.unsaid.len() as u64)).unwrap();
        match random.below(16) {
            0 | 1 => self.accept(random),
            2..6 => self.settle(random),
            6 if random.one_in(4) => self.live_on(at, random),
            _ if self.model.is_well(at) => self.speak(at, random),
            _ if self.model.is_alive(at) && random.one_in(3) => self.speak(at, random),
            _ => self.live_on(at, random),
        }
    }

    /// Some events come, not all of which are for this pool: serials have gaps.
    fn accept(&mut self, random: &mut Random) {
        for _ in 0..random.pick(&[1, 1, 1, 1, 5]) {
            let serial = self.next_serial;
            self.next_serial += random.pick(&[1, 1, 2]);
            self.model.accept(serial);
            self.step(Input::Accepted { serial, event: serial });
        }
    }

    fn settle(&mut self, random: &mut Random) {
        let mut input = Input::Settled;
        self.model.settle();
        // The core asks for one event to be written at a time, until it has no more to be written.
        while let Some(at) = self.step(input) {
            let refusal = match random.below(100) {
                0 => Some(Refusal::Full),
                1 | 2 => Some(Refusal::Closed),
                _ => None,
            };
            self.model.answer(refusal);
            input = refusal.map_or(Input::Sent(at), |refusal| Input::Refused(at, refusal));
        }
        self.model.check_settled();
    }

    /// The listener's process goes on to the next part of its life.
    fn live_on(&mut self, at: usize, random: &mut Random) {
        let input = self.model.live_on(at, random.one_in(4));
        match input {
            model::Part::Started => {
                self.unsaid[at].clear();
                self.step(Input::Started(at));
            }
            model::Part::Running => _ = self.step(Input::Running(at, true)),
            model::Part::Stopping => _ = self.step(Input::Running(at, false)),
            // The last bytes are judged first (E-114).
            model::Part::Ended => {
                self.say(at, usize::MAX);
                self.model.end(at);
                self.step(Input::Ended(at));
            }
        }
    }

    /// It writes, and some of what it has written is read.
    fn speak(&mut self, at: usize, random: &mut Random) {
        if self.unsaid[at].is_empty() || random.one_in(40) {
            let word = random.word(self.model.state(at));
            self.unsaid[at].extend(word);
        }
        let most = random.pick(&[1, 5, 40, 40]);
        self.say(at, most);
    }

    fn say(&mut self, at: usize, most: usize) {
        let end = self.unsaid[at].len().min(most);
        let data: Vec<u8> = self.unsaid[at].drain(..end).collect();
        if !data.is_empty() {
            self.model.say(at, &data);
            self.step(Input::Said(at, &data));
        }
    }

    /// Compares what came of it; the listener to which an event is to be written, if there is one.
    fn step(&mut self, input: Input<'_, u64>) -> Option<usize> {
        self.steps += 1;
        let told = input.clone();
        self.core.step(self.now, input, &mut self.effects);
        self.seen.clear();
        self.seen.extend(self.effects.drain(..).filter_map(seen));
        assert_eq!(self.seen, self.model.expected(), "{told:?}\n{:?}\n{:?}", self.core, self.model);
        self.model.take_expected()
    }

    // M-063
    fn check_figures(&self) {
        let figures = self.core.figures(self.now);
        let counts = figures.counts;
        let in_hand = figures.listeners.iter().filter(|listener| listener.in_hand.is_some()).count() as u64;
        let queued = figures.queued as u64;
        assert_eq!(counts.accepted, counts.acknowledged + counts.overflowed + queued + in_hand);
        let back = counts.rejected + counts.broken + counts.orphaned;
        assert_eq!(counts.delivered, counts.acknowledged + back + in_hand);
        self.model.check(&figures, &self.core.unfinished().copied().collect::<Vec<_>>());
    }

    fn tally(&self) -> Tally {
        let counts = self.core.figures(self.now).counts;
        Tally {
            steps: self.steps,
            sent: counts.delivered,
            discarded: counts.overflowed,
            returned: counts.rejected + counts.broken + counts.orphaned,
            acknowledged: counts.acknowledged,
        }
    }
}

/// What the model foretells of an effect.
fn seen(effect: Effect<u64>) -> Option<Seen> {
    match effect {
        Effect::Send { listener, serial, poolserial, event } => {
            assert_eq!(event, serial, "the event of another");
            Some(Seen::Sent { listener, serial, poolserial })
        }
        Effect::Publish(PoolNotice::EventDiscarded { serial, .. }) => Some(Seen::Discarded(serial)),
        Effect::Publish(PoolNotice::EventProcessed(_)) => Some(Seen::Processed),
        Effect::Publish(_) => None,
        Effect::Print(printout) => panic!("{printout:?}"),
    }
}

impl Random {
    /// Mostly what fits the state; now and then anything.
    fn word(&mut self, state: ListenerState) -> Vec<u8> {
        const ANY: [&[u8]; 14] = [
            b"READY\n",
            b"READY\r\n",
            b"RESULT 2\nOK",
            b"RESULT 2\nOK\n",
            b"RESULT  02\r\nOK",
            b"RESULT 2\nok",
            b"RESULT 4\nFAIL",
            b"RESULT 0\n",
            b"RESULT 12\nREADY\nREADY\n",
            b"RESULT -1\n",
            b"RESULT two\n",
            b"\n",
            b"\xff\xfe",
            b"x",
        ];
        let fitting: &[&[u8]] = match state {
            _ if self.one_in(100) => &ANY,
            ListenerState::Acknowledged => &[b"READY\n"],
            ListenerState::Busy => {
                &[b"RESULT 2\nOKREADY\n", b"RESULT 2\nOK", b"RESULT 4\nFAILREADY\n", b"RESULT 4\nFAIL"]
            }
            ListenerState::Ready => &[b""],
            ListenerState::Unknown => &ANY,
        };
        self.pick(fitting).to_vec()
    }
}

// E-100, E-105, E-116
#[test]
fn where_a_listeners_words_are_cut_does_not_matter() {
    for seed in 0..20_000 {
        let _reporter = Reporter(seed);
        let mut random = Random(seed);
        let [mut whole, mut cut] = [(); 2].map(|()| ListenerMachine::new(ResultHandler::Default));
        let [mut of_whole, mut of_cut] = [(); 2].map(|()| Vec::new());
        for _ in 0..4 {
            let word = random.word(whole.state());
            whole.hear(&word, &mut of_whole);
            let mut rest = &word[..];
            while !rest.is_empty() {
                let end = 1 + usize::try_from(random.below(rest.len() as u64)).unwrap();
                cut.hear(&rest[..end], &mut of_cut);
                rest = &rest[end..];
            }
            assert_eq!(whole.state(), cut.state(), "{word:?}");
            if whole.state() == ListenerState::Ready {
                whole.take_event();
                cut.take_event();
            }
        }
        // How much of it an error shows depends on what was there.
        let outcome = |heard: Vec<Heard>| {
            heard.into_iter().filter(|it| !matches!(it, Heard::Broke(_))).collect::<Vec<_>>()
        };
        assert_eq!(outcome(of_whole), outcome(of_cut));
    }
}
