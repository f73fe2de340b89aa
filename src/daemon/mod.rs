//! Floor 7: the daemon: one loop that owns all state, and the handle by which others ask of it.

pub mod command;
pub mod fcgi;
pub mod group;
pub mod handle;
pub mod host;
pub mod launch;
pub mod process;
mod stop;
pub mod supervisor;
pub mod table;
