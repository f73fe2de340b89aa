//! Floor 2: decisions. Input and time go in, effects come out; nobody here reads a clock or a file.

pub mod effect;
pub mod listener;
pub mod policy;
pub mod pool;
pub mod process;
pub mod result;
pub mod rotation;
pub mod shutdown;
pub mod tick;

#[cfg(test)]
mod pool_model;
#[cfg(test)]
mod process_model;
#[cfg(test)]
pub(crate) mod random;
#[cfg(test)]
mod testkit;
