//! Runs the real executables.

mod differential;
mod daemonize;
mod harness;
mod signals;
mod state_transitions;
