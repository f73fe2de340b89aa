//! Children that were made and of which the daemon has not heard: execve(2) of their program may still last.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

static CHILDREN: Mutex<Vec<Arc<AtomicI32>>> = Mutex::new(Vec::new());

/// A child is about to be made: where its pid is to be written.
pub(super) fn begin() -> Arc<AtomicI32> {
    let pid = Arc::new(AtomicI32::new(0));
    children().push(Arc::clone(&pid));
    pid
}

/// It could not be made.
pub(super) fn forget(pid: &Arc<AtomicI32>) {
    children().retain(|child| !Arc::ptr_eq(child, pid));
}

/// The daemon has heard of this child.
pub fn claim(pid: i32) {
    children().retain(|child| child.load(Ordering::Acquire) != pid);
}

/// Kills all of which the daemon has not heard, with their groups. For its end: it reaps none of them.
pub fn end_all() {
    for child in children().drain(..) {
        let pid = child.load(Ordering::Acquire);
        if pid > 0 {
            let pid = Pid::from_raw(pid);
            // It may have no group yet, or be gone.
            let _sent = (killpg(pid, Signal::SIGKILL), kill(pid, Signal::SIGKILL));
        }
    }
}

fn children() -> MutexGuard<'static, Vec<Arc<AtomicI32>>> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}
