//! Floor 6: event listener pools on the bus: what they hear, what goes to their listeners.

mod accepted;
mod actor;
mod console;

pub use accepted::Serials;
pub use actor::{Envelopes, Outside, Pool};
