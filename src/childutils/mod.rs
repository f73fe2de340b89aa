//! Floor 9: what listener programs share, and the natural way to write one (upstream's name).
//!
//! A [`Listener`] speaks the protocol, [`Envelope::event`] gives what happened as a typed event,
//! [`Control`] calls the daemon back. The rest is what the bundled listeners need: command lines,
//! what they say, mail, memory, HTTP checks.

pub mod batch;
pub mod control;
pub mod listener;
pub mod mail;
pub mod memory;
mod payload;
pub mod probe;
pub mod program;
pub mod shell;
pub mod smtp;
pub mod stamp;

pub use control::Control;
pub use listener::{Envelope, Listener, Reply};
pub use program::Voice;
