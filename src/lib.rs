//! A process supervisor that takes Supervisor's place.
//!
//! The modules stand in floor order: each imports only from floors above its line. The reading
//! order for a newcomer is [`model::event`], [`machine::process`], [`daemon::supervisor`], [`bus`].

// Floor 0: the words everything else is said in.
pub mod model;
// Floor 1: bytes on the wire, words on a command line.
pub mod getopt;
pub mod wire;
// Floor 2: decisions.
pub mod machine;
// Floor 3: configuration.
pub mod config;
// Floor 4: the event bus.
pub mod bus;
// Floor 5: the operating system, and control servers seen from outside.
pub mod client;
pub mod sys;
// Floor 6: the log path, and listeners.
pub mod logs;
pub mod pool;
// Floor 7: the daemon itself.
pub mod daemon;
// Floor 8: HTTP.
pub mod http;
// Floor 9: what HTTP serves, and what listeners share.
pub mod childutils;
pub mod metrics;
pub mod rpc;
pub mod web;
// Floor 10: the programs.
pub mod app;
pub mod args;
pub mod ctl;
pub mod pidproxy;
