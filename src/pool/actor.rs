//! A pool: its core, fed by the bus and by what becomes of its listeners.
//!
//! As an observer it takes events into its buffer while they are published, so that `buffer_size` means
//! what it says (E-030). It may not publish there; what the core wants to have done waits for
//! [`Pool::settle`]: at the end of each pass of the daemon's loop, and as soon as listeners have answered.
//! Nothing of a pool is shared with another but the serials.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use tokio::sync::Notify;

use super::console;
use super::serials::Serials;
use crate::bus::Observer;
use crate::config::schema::GroupConfig;
use crate::machine::pool::{Effect, Input, PoolCore, PoolFigures, Refusal};
use crate::machine::result::{Printout, ResultHandler};
use crate::model::event::{Event, EventRecord};
use crate::model::interest::Interest;
use crate::model::pool_notice::PoolNotice;
use crate::model::time::{Moment, Now};
use crate::wire::listener::Header;

/// Room for the beginning of an envelope that is kept from one to the next, in bytes.
const LARGE: usize = 64 * 1024;
/// Data up to this length is copied: that costs less than a write of two parts.
const SHORT: usize = 4096;

/// What a pool tells the rest of the world.
pub trait Outside {
    /// Whether changes of listeners' states are worth telling.
    fn wants_details(&self) -> bool;

    /// Tells the activity log.
    fn publish(&self, now: Now, notice: PoolNotice);

    /// Writes to the daemon's own stdout, or stderr. Never blocks.
    fn print(&self, text: &[u8], to_stderr: bool);
}

/// A listener's stdin.
pub trait Envelopes {
    /// Writes an envelope, which consists of these parts: whole or not at all. Never blocks.
    fn send(&self, parts: [&[u8]; 2]) -> Result<(), Refusal>;
}

type Effects = Vec<Effect<Rc<EventRecord>>>;

/// Lists that are empty between two uses, kept for their room.
#[derive(Default)]
struct Spare {
    /// What is being done.
    now: Effects,
    /// What comes after all events are sent.
    later: Effects,
    paper: Paper,
}

/// What the envelope that is being sent is written on.
#[derive(Default)]
struct Paper {
    /// What the payload begins with.
    head: String,
    /// The beginning of the envelope.
    envelope: Vec<u8>,
}

impl Paper {
    /// Not much is kept of what one event needed.
    fn clear(&mut self) {
        self.head.clear();
        self.head.shrink_to(LARGE);
        self.envelope.clear();
        self.envelope.shrink_to(LARGE);
    }
}

/// A pool of event listeners.
pub struct Pool {
    name: Arc<str>,
    /// The daemon's identifier, which every envelope names.
    server: Arc<str>,
    interest: Interest,
    serials: Rc<Serials>,
    core: RefCell<PoolCore<Rc<EventRecord>>>,
    effects: RefCell<Effects>,
    spare: RefCell<Spare>,
    outside: Rc<dyn Outside>,
    /// Of the listeners; the processes own them.
    stdins: RefCell<Vec<Weak<dyn Envelopes>>>,
    /// The last text printed did not end its line.
    mid_line: Cell<bool>,
    /// Somebody waits for its listeners to have answered.
    awaited: Cell<bool>,
    answered: Notify,
}

impl Pool {
    /// The pool of a group, if it is one; its listeners were never started.
    pub fn new(
        config: &GroupConfig,
        server: &str,
        serials: &Rc<Serials>,
        outside: Rc<dyn Outside>,
    ) -> Option<Rc<Self>> {
        let pool = config.pool.as_ref()?;
        let name = Arc::clone(&config.name);
        let listeners = config.processes.iter().map(|process| process.name.clone());
        let core = PoolCore::new(Arc::clone(&name), pool.buffer_size, pool.result_handler, listeners);
        let core = if outside.wants_details() { core } else { core.without_details() };
        Some(Rc::new(Self {
            name,
            server: server.into(),
            interest: Interest::in_kinds(pool.events.iter().copied()),
            serials: Rc::clone(serials),
            core: RefCell::new(core),
            effects: RefCell::default(),
            spare: RefCell::default(),
            outside,
            stdins: RefCell::new(config.processes.iter().map(|_| nobody()).collect()),
            mid_line: Cell::new(false),
            awaited: Cell::new(false),
            answered: Notify::new(),
        }))
    }

    /// A listener's process was started, with this stdin; without one it gets nothing.
    pub fn started(&self, now: Now, listener: usize, stdin: Option<Weak<dyn Envelopes>>) {
        self.stdins.borrow_mut()[listener] = stdin.unwrap_or_else(nobody);
        self.step(now.mono, Input::Started(listener));
    }

    /// A listener's process entered RUNNING, or left it.
    pub fn running(&self, now: Now, listener: usize, running: bool) {
        self.step(now.mono, Input::Running(listener, running));
    }

    /// A listener wrote to its stdout.
    pub fn said(&self, now: Moment, listener: usize, data: &[u8]) {
        self.step(now, Input::Said(listener, data));
    }

    /// Whether no more than one listener can answer at a time.
    pub fn has_one_listener(&self) -> bool {
        self.stdins.borrow().len() == 1
    }

    /// To be rung when listeners have answered.
    pub fn answered(&self) -> &Notify {
        &self.answered
    }

    /// A listener's process is over, and its output was taken in.
    pub fn ended(&self, now: Now, listener: usize) {
        self.step(now.mono, Input::Ended(listener));
    }

    /// Whether a listener may still answer or take what there is (E-183).
    pub fn is_serving(&self) -> bool {
        self.core.borrow().is_serving()
    }

    /// Whether [`Pool::is_serving`] has been true to somebody who wants to know when it is no more.
    pub fn is_awaited(&self) -> bool {
        self.awaited.get()
    }

    /// Notes that somebody waits for its listeners to have answered.
    pub fn set_awaited(&self) {
        self.awaited.set(true);
    }

    /// The pool as it is now.
    pub fn figures(&self, now: Moment) -> PoolFigures {
        self.core.borrow().figures(now)
    }

    /// Hands out events, and has done what is to be done. Not to be called while an event is published.
    pub fn settle(&self, now: Now) {
        self.step(now.mono, Input::Settled);
        self.perform_all(now);
    }

    /// The pool is no more: what it holds is lost (E-095).
    pub fn end(&self, now: Now) {
        self.perform_all(now);
        // That it stops reaches no pool, so that is not worth a word (E-185).
        let lost =
            self.core.borrow().unfinished().filter(|record| !is_about(&record.event, &self.name)).count();
        if lost > 0 {
            self.outside.publish(now, PoolNotice::PoolEnded { pool: Arc::clone(&self.name), lost });
        }
    }

    fn step(&self, now: Moment, input: Input<'_, Rc<EventRecord>>) {
        self.core.borrow_mut().step(now, input, &mut self.effects.borrow_mut());
    }

    /// Events go out first, one right after the other, so that listeners are at work while the rest is
    /// done. Sending leads to more, which comes next.
    fn perform_all(&self, now: Now) {
        let spare = &mut *self.spare.borrow_mut();
        loop {
            std::mem::swap(&mut spare.now, &mut *self.effects.borrow_mut());
            if spare.now.is_empty() {
                break;
            }
            for effect in spare.now.drain(..) {
                match effect {
                    Effect::Send { listener, serial, poolserial, event } => {
                        let sent = self.send(listener, [serial, poolserial], &event.event, &mut spare.paper);
                        let input = match sent {
                            Ok(()) => Input::Sent(listener),
                            Err(refusal) => Input::Refused(listener, refusal),
                        };
                        self.step(now.mono, input);
                    }
                    Effect::Publish(_) | Effect::Print(_) => spare.later.push(effect),
                }
            }
        }
        for effect in spare.later.drain(..) {
            match effect {
                Effect::Publish(notice) => self.outside.publish(now, notice),
                Effect::Print(printout) => self.print(now, &printout),
                Effect::Send { .. } => {}
            }
        }
    }

    fn send(
        &self,
        listener: usize,
        [serial, poolserial]: [u64; 2],
        event: &Event,
        paper: &mut Paper,
    ) -> Result<(), Refusal> {
        paper.clear();
        let Paper { head, envelope } = paper;
        let payload = event.payload(head).unwrap_or_default();
        let eventname = event.kind().name();
        let header = Header { server: &self.server, serial, pool: &self.name, poolserial, eventname };
        header.write(payload.chars(), envelope);
        let [head, mut data] = payload.parts();
        envelope.extend_from_slice(head);
        if data.len() <= SHORT {
            envelope.extend_from_slice(data);
            data = &[];
        }
        let stdin = self.stdins.borrow()[listener].upgrade();
        stdin.ok_or(Refusal::Closed)?.send([envelope, data])
    }

    fn print(&self, now: Now, printout: &Printout) {
        match printout.style {
            ResultHandler::Default => {}
            ResultHandler::Stdout => {
                let text = console::behind_speaker(printout, self.mid_line.replace(false));
                self.mid_line.set(!text.ends_with(b"\n"));
                self.outside.print(&text, false);
            }
            ResultHandler::Console => {
                let to_stderr = printout.channel == "stderr";
                self.outside.print(&console::stamped_lines(printout, now.wall), to_stderr);
            }
        }
    }
}

/// Whether it is about a process of this group.
fn is_about(event: &Event, group: &str) -> bool {
    matches!(event, Event::StateChanged(change) if **change.process.group() == *group)
}

/// No stdin.
fn nobody() -> Weak<dyn Envelopes> {
    struct Nobody;
    impl Envelopes for Nobody {
        fn send(&self, _: [&[u8]; 2]) -> Result<(), Refusal> {
            Err(Refusal::Closed)
        }
    }
    Weak::<Nobody>::new()
}

impl Observer for Pool {
    fn interest(&self) -> Interest {
        self.interest
    }

    fn observe(&self, record: &Rc<EventRecord>) {
        let serial = self.serials.accept(record);
        self.step(record.at.mono, Input::Accepted { serial, event: Rc::clone(record) });
    }
}
