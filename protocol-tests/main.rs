//! Runs the real executables.

mod config_oracle;
mod differential;
mod daemonize;
mod harness;
mod signals;
mod state_transitions;
