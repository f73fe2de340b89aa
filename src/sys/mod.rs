//! Floor 5: the operating system, behind narrow seams.

pub mod daemonize;
pub mod pidfile;
pub mod privilege;
pub mod rlimit;
pub mod sockets;
pub mod syslog;
