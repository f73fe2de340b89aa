//! Event listener pools as listeners meet them (events.md, sections 1 to 11).

mod channels;
mod endings;
mod golden;
mod listeners;
mod pressure;
mod printing;
pub mod recording;
mod refusals;
mod scenarios;
mod scene;
mod twenty;
