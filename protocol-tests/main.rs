//! Runs the real executables.

mod differential;
mod harness;
mod state_transitions;
