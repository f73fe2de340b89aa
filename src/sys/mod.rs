//! Floor 5: the operating system, behind narrow seams: the only place with `unsafe`.

pub mod access;
pub mod child;
pub mod clock;
pub mod command;
pub mod daemonize;
pub mod fd_table;
pub mod held;
pub mod host;
pub mod interrupts;
pub mod kernel;
pub mod memory;
pub mod pidfile;
pub mod pipe;
pub mod poller;
pub mod privilege;
pub mod proc;
pub mod reaper;
pub mod rlimit;
#[cfg(test)]
pub mod scripted;
pub mod signals;
#[cfg(target_os = "linux")]
pub mod slots;
pub mod sockets;
pub mod spawn;
pub mod stdio;
pub mod syslog;
pub mod terminal;
pub mod thread;
pub mod timer;
pub mod unclaimed;
