//! Floor 7: the daemon: one loop that owns all state, and the handle by which others ask of it.

pub mod command;
mod control;
mod description;
pub mod fault;
pub mod fcgi;
pub mod figures;
pub mod group;
pub mod handle;
pub mod host;
pub mod launch;
mod logfiles;
mod pools;
pub mod process;
pub mod reload;
mod replies;
pub mod stdin;
mod stop;
pub mod supervisor;
pub mod table;
pub mod waiters;
