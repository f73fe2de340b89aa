//! Floor 3: the configuration, from text to checked values.

pub mod schema;
pub mod words;
