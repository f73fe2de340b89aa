//! Floor 9: the web page (control.md, section 14, and what section 22 says of pages).
//!
//! Pages are made by the server and work without scripts; with them they are live over `/events`. [`site`]
//! knows the addresses, `admission` decides whether an action is obeyed, `actions` carries it out. `status`,
//! `tail`, `process` and `activity` make the pages from values, `page` what they have in common, and `assets`
//! holds what browsers keep. [`live`] sends states and figures to the pages that are open.
//!
//! Templates are in `templates/`; askama checks them when this is compiled, and escapes what is put into them.

mod actions;
mod activity;
mod admission;
mod assets;
mod figures;
pub mod live;
mod page;
mod pools;
mod process;
mod settings;
pub mod site;
mod status;
mod tail;

pub use admission::Token;
pub use live::{Live, Sources};
pub use site::{EVENTS_PATH, Means, Restarts, Site};
