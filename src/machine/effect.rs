//! What a machine asks its driver to do. Asking is all that happens here; `daemon/process.rs` performs.

use crate::model::event::Event;
use crate::model::signal::Signal;

/// Something to be done, in the order in which it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the bus.
    Publish(Event),
    /// Start the program; the answer is `Spawned` or `SpawnFailed`, now or later.
    Spawn,
    /// Send a signal; the answer, only if that fails, is `SignalFailed`.
    Signal {
        /// The process.
        pid: i32,
        /// To its whole process group (D-325).
        group: bool,
        /// What to send.
        signal: Signal,
        /// It is meant to end the process; false for a client's signal.
        kill: bool,
    },
}

/// Effects in the order in which they are to be performed.
pub type Effects = Vec<Effect>;
