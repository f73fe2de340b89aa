use std::time::Duration;

use super::*;

/// A pool of listeners `a`, `b`, ... whose Sends always succeed, and what it told, as lines.
struct Kit {
    core: PoolCore<u64>,
    now: Moment,
    serial: u64,
    refuse: Option<Refusal>,
    lines: Vec<String>,
}

impl Kit {
    fn new(listeners: usize, capacity: usize) -> Self {
        let names = ["a", "b", "c"][..listeners].iter().map(|name| ProcessName::new("pool".into(), name));
        let core = PoolCore::new("pool".into(), capacity, ResultHandler::Default, names);
        Self { core, now: Moment::default(), serial: 0, refuse: None, lines: Vec::new() }
    }

    /// The same with all listeners RUNNING and READY.
    fn ready(listeners: usize, capacity: usize) -> Self {
        let mut kit = Self::new(listeners, capacity);
        for at in 0..listeners {
            kit.give(Input::Started(at)).give(Input::Running(at, true)).say(at, "READY\n");
        }
        kit.lines.clear();
        kit
    }

    fn give(&mut self, input: Input<'_, u64>) -> &mut Self {
        let mut effects = Vec::new();
        self.core.step(self.now, input, &mut effects);
        for effect in effects {
            self.perform(effect);
        }
        self
    }

    fn perform(&mut self, effect: Effect<u64>) {
        match effect {
            Effect::Publish(notice @ PoolNotice::EventDiscarded { .. }) => {
                self.lines.push(notice.to_string())
            }
            Effect::Publish(_) | Effect::Print(_) => {}
            Effect::Send { listener, serial, poolserial, event } => {
                assert_eq!(serial, event);
                if let Some(refusal) = self.refuse.take() {
                    self.give(Input::Refused(listener, refusal));
                } else {
                    let name = self.core.listeners[listener].name.name().to_owned();
                    self.lines.push(format!("{name}: {serial}/{poolserial}"));
                    self.give(Input::Sent(listener));
                }
            }
        }
    }

    fn publish(&mut self, count: usize) -> &mut Self {
        for _ in 0..count {
            let serial = self.serial;
            self.serial += 1;
            self.give(Input::Accepted { serial, event: serial });
        }
        self
    }

    fn say(&mut self, at: usize, words: &str) -> &mut Self {
        self.give(Input::Said(at, words.as_bytes()))
    }

    fn settle(&mut self) -> Vec<String> {
        self.give(Input::Settled);
        std::mem::take(&mut self.lines)
    }
}

// E-081 to E-083
#[test]
fn the_first_free_listener_gets_the_oldest_event() {
    let mut kit = Kit::ready(2, 10);
    assert_eq!(kit.publish(3).settle(), ["a: 0/0", "b: 1/1"]);
    assert_eq!(kit.say(1, "RESULT 2\nOKREADY\n").settle(), ["b: 2/2"]);
    assert_eq!(kit.say(0, "RESULT 2\nOKREADY\n").settle(), [""; 0]);
    assert_eq!(kit.publish(1).settle(), ["a: 3/3"]);
}

// E-084, E-086
#[test]
fn nothing_is_sent_before_running() {
    let mut kit = Kit::new(1, 10);
    kit.give(Input::Started(0)).say(0, "READY\n").publish(2);
    assert_eq!(kit.settle(), [""; 0]);
    assert_eq!(kit.give(Input::Running(0, true)).settle(), ["a: 0/0"]);
}

// E-087, E-088
#[test]
fn a_full_buffer_discards_its_oldest_and_never_the_new_one() {
    let mut kit = Kit::new(1, 2);
    let discarded = |n| format!("pool pool event buffer overflowed, discarding event {n}");
    assert_eq!(kit.publish(5).settle(), [discarded(0), discarded(1), discarded(2)]);
    kit.give(Input::Started(0)).give(Input::Running(0, true)).say(0, "READY\n");
    assert_eq!(kit.settle(), ["a: 3/3"]);
    assert_eq!(kit.core.counts.overflowed, 3);
}

#[test]
fn who_is_free_makes_room_for_one_more() {
    let mut kit = Kit::ready(2, 1);
    let lines = kit.publish(4).settle();
    assert_eq!(lines, ["pool pool event buffer overflowed, discarding event 2", "a: 0/0", "b: 1/1"]);
    // Free listeners that are gone when it comes to handing out make no room any more.
    let mut kit = Kit::ready(1, 1);
    kit.publish(2).give(Input::Running(0, false));
    assert_eq!(kit.settle(), ["pool pool event buffer overflowed, discarding event 0"]);
}

// E-068, E-089, E-091
#[test]
fn a_rejected_event_comes_first_with_its_numbers() {
    let mut kit = Kit::ready(2, 10);
    assert_eq!(kit.publish(4).settle(), ["a: 0/0", "b: 1/1"]);
    kit.say(0, "RESULT 4\nFAIL").say(1, "RESULT 4\nFAIL");
    assert_eq!(kit.say(0, "READY\n").say(1, "READY\n").settle(), ["a: 1/1", "b: 0/0"]);
}

// E-090
#[test]
fn a_rejection_into_a_full_buffer_discards_its_oldest() {
    let mut kit = Kit::ready(1, 2);
    kit.publish(3).settle();
    kit.say(0, "RESULT 4\nFAIL").say(0, "READY\n");
    assert_eq!(kit.settle(), ["pool pool event buffer overflowed, discarding event 1", "a: 0/0"]);
}

// E-114, E-121
#[test]
fn an_end_gives_the_event_to_the_next_life() {
    let mut kit = Kit::ready(1, 10);
    assert_eq!(kit.publish(1).settle(), ["a: 0/0"]);
    kit.give(Input::Running(0, false)).publish(1).give(Input::Ended(0));
    kit.give(Input::Started(0)).give(Input::Running(0, true));
    assert_eq!(kit.settle(), [""; 0]);
    assert_eq!(kit.say(0, "READY\n").settle(), ["a: 0/0"]);
    assert_eq!(kit.core.counts.orphaned, 1);
}

// E-122
#[test]
fn a_result_said_before_the_end_counts() {
    let mut kit = Kit::ready(1, 10);
    kit.publish(1).settle();
    kit.say(0, "RESULT 2\nOK").give(Input::Running(0, false)).give(Input::Ended(0));
    assert_eq!((kit.core.counts.acknowledged, kit.core.unfinished().count()), (1, 0));
}

// E-108
#[test]
fn a_broken_protocol_gives_the_event_to_another() {
    let mut kit = Kit::ready(2, 10);
    assert_eq!(kit.publish(1).settle(), ["a: 0/0"]);
    assert_eq!(kit.say(0, "OK\n").settle(), ["b: 0/0"]);
    kit.say(1, "RESULT 2\nOKREADY\n");
    assert_eq!(kit.publish(1).settle(), ["b: 1/1"]);
    assert_eq!(kit.core.figures(kit.now).listeners[0].state, ListenerState::Unknown);
}

// E-131
#[test]
fn a_closed_stdin_is_tried_once_in_a_life() {
    let mut kit = Kit::ready(2, 10);
    kit.refuse = Some(Refusal::Closed);
    assert_eq!(kit.publish(2).settle(), ["b: 0/0"]);
    assert_eq!(kit.core.figures(kit.now).listeners[0].state, ListenerState::Ready);
    kit.give(Input::Running(0, false)).give(Input::Ended(0));
    kit.give(Input::Started(0)).give(Input::Running(0, true)).say(0, "READY\n");
    assert_eq!(kit.settle(), ["a: 1/1"]);
}

// E-132
#[test]
fn who_answers_without_reading_is_given_up() {
    let mut kit = Kit::ready(2, 10);
    kit.refuse = Some(Refusal::Full);
    assert_eq!(kit.publish(1).settle(), ["b: 0/0"]);
    assert_eq!(kit.core.figures(kit.now).listeners[0].state, ListenerState::Unknown);
}

// E-183, E-184
#[test]
fn a_pool_serves_while_somebody_can_answer_or_take() {
    let mut kit = Kit::ready(1, 10);
    assert!(!kit.core.is_serving());
    kit.publish(1);
    assert!(kit.core.is_serving());
    kit.settle();
    assert!(kit.core.is_serving());
    kit.say(0, "RESULT 2\nOK");
    assert!(!kit.core.is_serving());
    kit.publish(1).say(0, "what is this");
    assert!(!kit.core.is_serving());
}

// M-063
#[test]
fn figures_tell_how_long() {
    let mut kit = Kit::ready(1, 10);
    kit.publish(2).settle();
    kit.now = kit.now + Duration::from_secs(3);
    let figures = kit.core.figures(kit.now);
    let second = Duration::from_secs(1);
    assert_eq!((figures.queued, figures.oldest, figures.counts.busy), (1, second * 3, second * 3));
    assert_eq!(figures.listeners[0].in_hand, Some((0, second * 3)));
    kit.say(0, "RESULT 2\nOK");
    kit.now = kit.now + second;
    let figures = kit.core.figures(kit.now);
    assert_eq!((figures.counts.busy, figures.counts.delivered), (second * 3, 1));
}

// M-060, M-061: one first hand-out, two answers
#[test]
fn deliveries_and_answers_are_timed() {
    let mut kit = Kit::ready(1, 10);
    let second = Duration::from_secs(1);
    kit.publish(1);
    kit.now = kit.now + second;
    kit.settle();
    kit.now = kit.now + second * 2;
    kit.say(0, "RESULT 4\nFAILREADY\n").settle();
    kit.now = kit.now + second * 4;
    kit.say(0, "RESULT 2\nOK");
    let PoolFigures { delivery, processing, .. } = kit.core.figures(kit.now);
    assert_eq!((delivery.count(), delivery.sum()), (1, second));
    assert_eq!((processing.count(), processing.sum()), (2, second * 6));
}

// E-067
#[test]
fn serials_begin_anew_beyond_the_greatest() {
    assert_eq!(next_serial(0), 1);
    assert_eq!(next_serial(i64::MAX as u64), 0);
}
