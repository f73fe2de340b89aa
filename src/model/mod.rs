//! Floor 0: states, names, events, times and sizes, as plain values.

pub mod bytesize;
pub mod event;
pub mod exit;
pub mod fault;
pub mod interest;
pub mod name;
pub mod notice;
pub mod pool_notice;
pub mod pyrepr;
pub mod signal;
pub mod state;
pub mod time;

/// The version of Supervisor this project stands in for. Clients compare it.
pub const VERSION: &str = "4.3.0";
