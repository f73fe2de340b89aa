//! To be filled.

pub mod held;
pub mod host;
