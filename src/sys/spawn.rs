//! Forking a child: the parent's side. Everything the child needs is made before the fork, since
//! between fork and exec it may not allocate.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use nix::errno::Errno;
use nix::libc;

use super::child::{self, ChildPlan};
use super::privilege::{self, Identity};

/// What to execute and how, for [`spawn`].
#[derive(Debug)]
pub struct SpawnRequest<'a> {
    /// The file to execute.
    pub file: &'a CStr,
    /// The words of the command line, as written.
    pub argv: &'a [CString],
    /// `NAME=value` strings.
    pub environment: &'a [CString],
    /// Where to change to.
    pub directory: Option<&'a CStr>,
    /// File mode mask to set.
    pub umask: Option<u32>,
    /// Whom to become.
    pub user: &'a UserChange,
    /// Its descriptors 0, 1 and 2.
    pub stdio: [BorrowedFd<'a>; 3],
}

/// What the child does about its user (D-343).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// Nothing: none is set, or it is the daemon's own.
    Keep,
    /// Become this user.
    Become(Identity),
    /// It cannot: the child says why and ends.
    Refuse {
        /// User id.
        uid: u32,
        /// The reason.
        reason: String,
    },
}

impl UserChange {
    /// What a child does to become the user `uid`. Looks the user up.
    pub fn to(uid: u32) -> Self {
        match privilege::plan(uid) {
            Ok(None) => Self::Keep,
            Ok(Some(identity)) => Self::Become(identity),
            Err(error) => Self::Refuse { uid, reason: error.to_string() },
        }
    }
}

/// fork(2) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForkError(pub Errno);

/// Forks and executes. The child is in a process group of its own when this returns (setpgid is
/// called on both sides), so that a signal to the group cannot miss it.
pub fn spawn(request: &SpawnRequest<'_>) -> Result<i32, ForkError> {
    let argv = pointers(request.argv);
    let environment = pointers(request.environment);
    let messages = child::Messages::new(request);
    let plan = ChildPlan::new(request, &argv, &environment, &messages);
    // A stop signal that reaches the child before its dispositions are reset would run the daemon's
    // handler there and be lost (D-349): nothing is delivered until the child unblocks.
    let blocked = BlockedSignals::all();
    // SAFETY: the child only calls `ChildPlan::run`, which is async-signal-safe and never returns.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        plan.run();
    }
    let errno = Errno::last();
    drop(blocked);
    if pid < 0 {
        return Err(ForkError(errno));
    }
    // SAFETY: setpgid takes plain numbers. It fails harmlessly where the child has exec'd already.
    unsafe { libc::setpgid(pid, pid) };
    Ok(pid)
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect()
}

/// All signals blocked in this thread, until dropped.
struct BlockedSignals(libc::sigset_t);

impl BlockedSignals {
    fn all() -> Self {
        // SAFETY: an all-zero sigset_t is valid to pass as a place to fill; both sets outlive the calls.
        unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            Self(before)
        }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: the set is the one the thread had before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
    }
}

/// A C string of arbitrary bytes; what follows a NUL byte, which no argument or path can hold, is cut.
pub fn c_string(text: impl AsRef<OsStr>) -> CString {
    let bytes = text.as_ref().as_bytes();
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    CString::new(&bytes[..end]).expect("cut before the first NUL")
}

/// Raw numbers of the three descriptors.
pub(super) fn raw_stdio(request: &SpawnRequest<'_>) -> [i32; 3] {
    request.stdio.map(|fd| fd.as_raw_fd())
}
