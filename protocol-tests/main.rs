//! Runs the real executables.

mod differential;
mod harness;
