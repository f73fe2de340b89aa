//! Room in the table of descriptors.
//!
//! A table grows by doubling. Where several threads share it, Linux lets the one that needs more room wait until
//! every processor has passed a point of rest (synchronize_rcu in fs/file.c), which takes some milliseconds each
//! time. With one thread it does not wait.

use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use nix::fcntl::{FcntlArg, fcntl};

use super::rlimit;

/// Makes room for this many descriptors, as far as the limit goes. To be called before there is any other thread.
/// Where there is no room, the table grows as it is needed.
pub fn make_room(descriptors: usize) {
    let within_limit = descriptors.min(rlimit::most_descriptors());
    let Ok(last) = i32::try_from(within_limit.saturating_sub(1)) else { return };
    if let Ok(fd) = fcntl(std::io::stderr().as_fd(), FcntlArg::F_DUPFD_CLOEXEC(last)) {
        // SAFETY: it was just made, and is nobody else's.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
    }
}
