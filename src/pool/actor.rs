//! A pool: its core, fed by the bus and by what becomes of its listeners.
//!
//! As an observer it takes events into its buffer while they are published, so that `buffer_size` means
//! what it says (E-030). It may not publish there; what the core wants to have done waits until the daemon
//! calls [`Pool::settle`], at the end of each pass of its loop. Nothing of a pool is shared with another
//! but the serials.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::accepted::{Accepted, Serials};
use super::console;
use crate::bus::Observer;
use crate::config::schema::GroupConfig;
use crate::machine::pool::{Effect, Input, PoolCore, PoolFigures, Refusal};
use crate::machine::result::{Printout, ResultHandler};
use crate::model::event::EventRecord;
use crate::model::interest::Interest;
use crate::model::pool_notice::PoolNotice;
use crate::model::time::{Moment, Now};
use crate::wire::listener::Header;

/// Does what a pool wants to have done.
pub trait Outside {
    /// Writes to the stdin of the listener at this place in the pool. Never blocks.
    fn send(&mut self, listener: usize, envelope: &[u8]) -> Result<(), Refusal>;

    /// Tells the activity log.
    fn publish(&mut self, notice: PoolNotice);

    /// Writes to the daemon's own stdout, or stderr. Never blocks.
    fn print(&mut self, text: &[u8], to_stderr: bool);
}

/// Room for an envelope that is kept from one to the next, in bytes.
const LARGE: usize = 64 * 1024;

type Effects = Vec<Effect<Rc<Accepted>>>;

/// A pool of event listeners.
pub struct Pool {
    name: Arc<str>,
    /// The daemon's identifier, which every envelope names.
    server: Arc<str>,
    interest: Interest,
    serials: Rc<Serials>,
    core: RefCell<PoolCore<Rc<Accepted>>>,
    effects: RefCell<Effects>,
    /// The envelope that is being sent.
    envelope: RefCell<Vec<u8>>,
    /// The last text printed did not end its line.
    mid_line: Cell<bool>,
}

impl Pool {
    /// The pool of a group, if it is one; its listeners were never started.
    pub fn new(config: &GroupConfig, server: &str, serials: &Rc<Serials>) -> Option<Rc<Self>> {
        let pool = config.pool.as_ref()?;
        let name = Arc::clone(&config.name);
        let listeners = config.processes.iter().map(|process| process.name.clone());
        let core = PoolCore::new(Arc::clone(&name), pool.buffer_size, pool.result_handler, listeners);
        Some(Rc::new(Self {
            name,
            server: server.into(),
            interest: Interest::in_kinds(pool.events.iter().copied()),
            serials: Rc::clone(serials),
            core: RefCell::new(core),
            effects: RefCell::default(),
            envelope: RefCell::default(),
            mid_line: Cell::new(false),
        }))
    }

    /// A listener's process was started.
    pub fn started(&self, now: Now, listener: usize) {
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

    /// A listener's process is over, and its output was taken in.
    pub fn ended(&self, now: Now, listener: usize) {
        self.step(now.mono, Input::Ended(listener));
    }

    /// Whether a listener may still answer or take what there is (E-183).
    pub fn is_serving(&self) -> bool {
        self.core.borrow().is_serving()
    }

    /// The pool as it is now.
    pub fn figures(&self, now: Moment) -> PoolFigures {
        self.core.borrow().figures(now)
    }

    /// Hands out events, and has done what is to be done.
    pub fn settle(&self, now: Now, outside: &mut dyn Outside) {
        self.step(now.mono, Input::Settled);
        self.perform_all(now, outside);
    }

    /// The pool is no more: what it holds is lost (E-095).
    pub fn end(&self, now: Now, outside: &mut dyn Outside) {
        self.perform_all(now, outside);
        // That it stops reaches no pool, so that is not worth a word (E-185).
        let lost = self.core.borrow().unfinished().filter(|event| !event.is_about(&self.name)).count();
        if lost > 0 {
            outside.publish(PoolNotice::PoolEnded { pool: Arc::clone(&self.name), lost });
        }
    }

    fn step(&self, now: Moment, input: Input<'_, Rc<Accepted>>) {
        self.core.borrow_mut().step(now, input, &mut self.effects.borrow_mut());
    }

    /// Events go out first, one right after the other, so that listeners are at work while the rest is
    /// done. Sending leads to more, which comes next.
    fn perform_all(&self, now: Now, outside: &mut dyn Outside) {
        let (mut effects, mut rest) = (Effects::new(), Effects::new());
        loop {
            std::mem::swap(&mut effects, &mut *self.effects.borrow_mut());
            if effects.is_empty() {
                break;
            }
            for effect in effects.drain(..) {
                match effect {
                    Effect::Send { .. } => self.perform(now, effect, outside),
                    Effect::Publish(_) | Effect::Print(_) => rest.push(effect),
                }
            }
        }
        rest.into_iter().for_each(|effect| self.perform(now, effect, outside));
    }

    fn perform(&self, now: Now, effect: Effect<Rc<Accepted>>, outside: &mut dyn Outside) {
        match effect {
            Effect::Publish(notice) => outside.publish(notice),
            Effect::Send { listener, poolserial, event, .. } => {
                self.send(now.mono, listener, poolserial, &event, outside);
            }
            Effect::Print(printout) => self.print(now, &printout, outside),
        }
    }

    fn send(
        &self,
        now: Moment,
        listener: usize,
        poolserial: u64,
        event: &Accepted,
        outside: &mut dyn Outside,
    ) {
        let header = Header {
            server: &self.server,
            serial: event.serial,
            pool: &self.name,
            poolserial,
            eventname: event.name(),
        };
        let mut envelope = self.envelope.borrow_mut();
        envelope.clear();
        envelope.shrink_to(LARGE);
        header.write_envelope(event.payload(), &mut envelope);
        let input = match outside.send(listener, &envelope) {
            Ok(()) => Input::Sent(listener),
            Err(refusal) => Input::Refused(listener, refusal),
        };
        self.step(now, input);
    }

    fn print(&self, now: Now, printout: &Printout, outside: &mut dyn Outside) {
        match printout.style {
            ResultHandler::Default => {}
            ResultHandler::Stdout => {
                let text = console::behind_speaker(printout, self.mid_line.replace(false));
                self.mid_line.set(!text.ends_with(b"\n"));
                outside.print(&text, false);
            }
            ResultHandler::Console => {
                let to_stderr = printout.channel == "stderr";
                outside.print(&console::stamped_lines(printout, now.wall), to_stderr);
            }
        }
    }
}

impl Observer for Pool {
    fn interest(&self) -> Interest {
        self.interest
    }

    fn observe(&self, record: &Rc<EventRecord>) {
        let event = self.serials.accept(record);
        self.step(record.at.mono, Input::Accepted { serial: event.serial, event });
    }
}
