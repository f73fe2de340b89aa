//! Runs the real executables.

mod config_oracle;
mod daemonize;
mod differential;
mod harness;
mod signals;
mod state_transitions;
