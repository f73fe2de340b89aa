//! Runs the real executables.

mod config_oracle;
mod pidproxy;
