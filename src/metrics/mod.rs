//! Floor 9: metrics, in Prometheus' text format (events.md, sections 13 and 14).
//!
//! What happens is counted when it is published ([`collector`], an observer of the bus), so nothing is missed
//! between two scrapes. What is so at the moment is copied when somebody scrapes, in one look at the daemon;
//! the rest of a scrape (/proc, text, compression) is done by a thread of its own. [`endpoint`] is the way
//! in; `negotiation` reads what the client accepts, `text` writes the formats, and `exposition` with
//! `programs` and `pools` says what there is.

pub mod collector;
pub mod endpoint;
mod exposition;
mod negotiation;
mod pieces;
mod pools;
mod programs;
mod resources;
mod text;
pub mod traffic;

pub use collector::Collector;
pub use endpoint::{Metrics, Sources};
pub use traffic::Traffic;
