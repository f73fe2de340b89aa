//! Floor 6: event listener pools on the bus: what they hear, what goes to their listeners.

mod actor;
mod console;
mod serials;

pub use actor::{Envelopes, Outside, Pool};
pub use serials::Serials;
