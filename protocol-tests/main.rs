//! Runs the real executables.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod check;
mod children;
mod config;
mod config_oracle;
mod container;
mod ctl;
mod ctl_deployments;
mod ctl_listeners;
mod ctl_lives;
mod ctl_matrix;
mod ctl_strangers;
mod ctl_terminal;
mod ctl_waiting;
mod daemonize;
mod differential;
mod events;
mod examples;
mod failing_logs;
mod faults;
mod fcgi;
mod harness;
mod hostile;
mod house_rules;
mod http;
mod listener_protocol;
mod listeners;
mod logs;
mod manuals;
mod metrics;
mod pidproxy;
mod privileges;
mod signals;
mod state_transitions;
mod superlance;
mod syslog;
mod web;
mod web_browser;
mod xmlrpc;
