//! Floor 9: the XML-RPC interface (control.md, sections 4 to 12).
//!
//! `endpoint` turns requests into calls, `methods` is the one table of what can be called; the other
//! modules hold the methods by subject.

mod args;
mod codec;
mod config;
pub mod endpoint;
pub mod info;
mod listed;
mod listeners;
mod logs;
pub mod methods;
mod process;
mod supervisor;
mod system;

pub use endpoint::{Calls, Endpoint, Means, opened};
pub use methods::{DaemonFacts, method_names};
