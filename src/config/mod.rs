//! Floor 3: the configuration, from text to checked values.
//!
//! [`load::load`] is the way in, for a check [`load::survey`]; [`schema`] is what comes out. On the way: `dialect` reads one file's
//! text, `document` merges files, `section` gives a section's options as a struct, `reader` expands
//! and converts them, and `supervisord`, `programs`, `groups`, `servers`, `metrics` know the kinds of sections.
//! `client` reads the one section that is for clients.

mod client;
pub mod datatypes;
pub mod dialect;
pub mod diff;
mod document;
mod error;
pub mod expand;
mod exposure;
mod facts;
mod groups;
mod include;
mod kinds;
pub mod load;
mod metrics;
mod paths;
mod programs;
mod reader;
mod sample;
pub mod schema;
mod section;
mod servers;
mod supervisord;
mod survey;
mod text;
mod unknown;
pub mod words;

pub use client::{ClientConfig, load_client};
pub use error::{ConfigError, ConfigErrors, render_errors};
pub use facts::{Account, Accounts, HostFacts, Rights};
pub use kinds::{FCGI, SUPERVISORD};
pub use load::{LoadRequest, load, search_warning, survey};
pub use sample::SAMPLE;
pub use schema::Config;
pub use supervisord::Overrides;
pub use survey::Survey;

#[cfg(test)]
pub(crate) use facts::testing;
