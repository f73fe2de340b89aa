//! Runs the real executables.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod children;
mod config;
mod config_oracle;
mod ctl;
mod ctl_listeners;
mod daemonize;
mod differential;
mod examples;
mod failing_logs;
mod fcgi;
mod harness;
mod hostile;
mod house_rules;
mod http;
mod listener_protocol;
mod logs;
mod pidproxy;
mod signals;
mod state_transitions;
mod superlance;
mod syslog;
mod xmlrpc;
