//! Floor 5: the operating system: the only place with `unsafe`, and the only one that knows `libc`
//! and `nix`.

pub mod child;
pub mod clock;
pub mod command;
pub mod kernel;
pub mod pipe;
pub mod poller;
pub mod reaper;
pub mod signals;
pub mod spawn;
