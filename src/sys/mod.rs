//! To be filled.

pub mod host;
