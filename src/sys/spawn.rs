//! Starting a child: the parent's side. Everything the child needs is made before the fork, since
//! between fork and exec it may not allocate.
//!
//! On Linux the child borrows the memory of the parent until it executes (clone with CLONE_VM and
//! CLONE_VFORK, as posix_spawn(3) does it): a copying fork costs in proportion to the daemon's size, in
//! the fork and again in the page faults after it. The thread that spawns waits meanwhile, so it is a
//! worker, not the one that decides: a program on a hung disk holds up nobody else.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::libc;

use super::child::{self, ChildPlan};
use super::privilege::{self, Identity};
#[cfg(target_os = "linux")]
use super::slots;
use super::unclaimed;

/// What to execute and how, for [`spawn`].
#[derive(Debug)]
pub struct SpawnRequest<'a> {
    /// The file to execute.
    pub file: &'a CStr,
    /// The words of the command line, as written.
    pub argv: &'a [CString],
    /// `NAME=value` strings.
    pub environment: &'a [&'a CStr],
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

/// Forks and executes. The child is in a process group of its own when this returns, so that a signal to
/// the group cannot miss it. May take as long as execve(2) does. Until [`unclaimed::claim`] is called for it, the
/// child is one of those that [`unclaimed::end_all`] kills.
pub fn spawn(request: &SpawnRequest<'_>) -> Result<i32, ForkError> {
    let argv = pointers(request.argv.iter().map(|word| &**word));
    let environment = pointers(request.environment.iter().copied());
    let messages = child::Messages::new(request);
    let mut plan = ChildPlan::new(request, &argv, &environment, &messages, changed_signals());
    #[cfg(target_os = "linux")]
    let placed = slots::place(request.stdio);
    #[cfg(target_os = "linux")]
    if let Some(placed) = &placed {
        plan.find_at(placed.numbers());
    }
    // A stop signal that reaches the child before its dispositions are reset would run the daemon's
    // handler there and be lost (D-349): nothing is delivered until the child unblocks.
    let blocked = BlockedSignals::all();
    let pid = fork_into(&plan);
    drop(blocked);
    #[cfg(target_os = "linux")]
    drop(placed);
    // Where this waits until the child has executed, the child has done it.
    #[cfg(not(target_os = "linux"))]
    if let Ok(pid) = pid {
        // SAFETY: setpgid takes plain numbers. It fails harmlessly where the child has exec'd already.
        unsafe { libc::setpgid(pid, pid) };
    }
    pid
}

/// Stack of the child until it executes.
#[cfg(target_os = "linux")]
const CHILD_STACK: usize = 64 * 1024;

#[cfg(target_os = "linux")]
fn fork_into(plan: &ChildPlan<'_>) -> Result<i32, ForkError> {
    extern "C" fn run(plan: *mut libc::c_void) -> libc::c_int {
        // SAFETY: the pointer is the plan that `fork_into` lent; its thread waits until the child has
        // executed or ended, so it is still there.
        unsafe { &*plan.cast::<ChildPlan<'_>>() }.run()
    }
    let mut stack = Vec::<std::mem::MaybeUninit<u128>>::with_capacity(CHILD_STACK / 16);
    let top = stack.spare_capacity_mut().as_mut_ptr_range().end;
    let table = if plan.shares_descriptors() { libc::CLONE_FILES } else { 0 };
    // The pid is known as soon as there is a child; this thread goes on much later.
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PARENT_SETTID | table | libc::SIGCHLD;
    let known = unclaimed::begin();
    let plan = std::ptr::from_ref(plan).cast_mut().cast();
    // SAFETY: the stack is the child's alone and outlives its use of it, since CLONE_VFORK suspends this
    // thread until the child executes or exits. The child shares this memory but only reads the plan,
    // writes to its own stack (and this thread's errno), and makes system calls. The place for the pid is in an
    // allocation that `known` holds.
    let pid = unsafe { libc::clone(run, top.cast(), flags, plan, known.as_ptr()) };
    if pid < 0 {
        let error = ForkError(Errno::last());
        unclaimed::forget(&known);
        return Err(error);
    }
    Ok(pid)
}

#[cfg(not(target_os = "linux"))]
fn fork_into(plan: &ChildPlan<'_>) -> Result<i32, ForkError> {
    let known = unclaimed::begin();
    // SAFETY: the child only calls `ChildPlan::run`, which is async-signal-safe and never returns.
    match unsafe { libc::fork() } {
        0 => plan.run(),
        -1 => {
            let error = ForkError(Errno::last());
            unclaimed::forget(&known);
            Err(error)
        }
        pid => {
            known.store(pid, std::sync::atomic::Ordering::Release);
            Ok(pid)
        }
    }
}

/// Signals whose disposition is not the default: ours, and what was ignored when we were started.
fn changed_signals() -> &'static [i32] {
    static CHANGED: OnceLock<Vec<i32>> = OnceLock::new();
    CHANGED.get_or_init(|| (1..=64).filter(|signal| has_changed(*signal)).collect())
}

fn has_changed(signal: i32) -> bool {
    // SAFETY: sigaction fills in the structure, for which all zeros are valid too.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, ptr::null(), &raw mut action) == 0 && action.sa_sigaction != libc::SIG_DFL
    }
}

fn pointers<'a>(strings: impl Iterator<Item = &'a CStr>) -> Vec<*const libc::c_char> {
    strings.map(CStr::as_ptr).chain([ptr::null()]).collect()
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

/// A text with a NUL byte, which no argument, path or variable can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NulByte;

/// A C string of arbitrary bytes.
pub fn c_string(text: impl AsRef<OsStr>) -> Result<CString, NulByte> {
    CString::new(text.as_ref().as_bytes()).map_err(|_| NulByte)
}

/// Raw numbers of the three descriptors.
pub(super) fn raw_stdio(request: &SpawnRequest<'_>) -> [i32; 3] {
    request.stdio.map(|fd| fd.as_raw_fd())
}
