//! Floor 7: the daemon: one loop that owns all state, and the handle by which others ask of it.

pub mod command;
pub mod fcgi;
pub mod handle;
