//! What the tests stand on: a fresh directory each, the executables, and patience instead of sleeps.

pub mod activity;
pub mod client;
pub mod daemon;
pub mod ports;
pub mod processes;
pub mod random;
pub mod reference;
pub mod rpc;
pub mod sandbox;
pub mod script_child;
pub mod wait;
