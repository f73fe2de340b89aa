//! Floor 6: the log path: from a child's pipe to its log file, and the activity log. Nothing here that
//! can block runs on the thread that decides: it runs on the [`workers`].

pub mod workers;
