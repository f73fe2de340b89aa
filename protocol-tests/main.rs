//! Runs the real executables.

mod children;
mod config;
mod config_oracle;
mod daemonize;
mod differential;
mod harness;
mod logs;
mod signals;
mod state_transitions;
