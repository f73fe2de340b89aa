//! Floor 5: the operating system, behind narrow seams.

pub mod sockets;
