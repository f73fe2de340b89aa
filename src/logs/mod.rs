//! Floor 6: the log path: from a child's pipe to its log file, and the activity log. Nothing here that
//! can block runs on the thread that decides: it runs on the [`workers`].

pub mod auto;
pub mod channel;
pub mod channels;
pub mod follow;
pub mod journal;
mod pace;
mod pump;
pub mod read;
mod rotate;
pub mod sink;
mod source;
mod syslog_lines;
pub mod turns;
pub mod workers;
