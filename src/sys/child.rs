//! The child's side of a fork, from fork to exec.
//!
//! Only async-signal-safe calls, no allocation: other threads may have held any lock at the fork, and
//! on Linux the memory is still the parent's (see `sys/spawn.rs`). The
//! order is the reference's (D-342): process group, descriptors, user, directory, umask, exec. Each
//! failure is told on the child's stderr, so it lands in its log, and ends in exit status 127 (D-345).

use std::ffi::CStr;

use nix::errno::Errno;
use nix::libc;

use super::privilege::Identity;
#[cfg(target_os = "linux")]
use super::slots::close_range_of_own;
use super::spawn::{SpawnRequest, UserChange, raw_stdio};

/// Texts that may be needed after the fork, made before it.
pub(super) struct Messages {
    setuid: String,
    setuid_refused: String,
    chdir: String,
    exec: String,
}

impl Messages {
    pub(super) fn new(request: &SpawnRequest<'_>) -> Self {
        let lossy = |s: &CStr| s.to_string_lossy().into_owned();
        let (setuid, setuid_refused) = match request.user {
            UserChange::Keep => (String::new(), String::new()),
            UserChange::Become(identity) => {
                (format!("supervisor: couldn't setuid to {}: ", identity.uid), String::new())
            }
            UserChange::Refuse { uid, reason } => {
                (String::new(), format!("supervisor: couldn't setuid to {uid}: {reason}\n"))
            }
        };
        let directory = request.directory.map(lossy).unwrap_or_default();
        let word = request.argv.first().map(|w| lossy(w)).unwrap_or_default();
        Self {
            setuid,
            setuid_refused,
            chdir: format!("supervisor: couldn't chdir to {directory}: "),
            exec: format!("supervisor: couldn't exec {word}: "),
        }
    }
}

/// What the child does, as plain pointers and numbers.
pub(super) struct ChildPlan<'a> {
    request: &'a SpawnRequest<'a>,
    argv: *const *const libc::c_char,
    environment: *const *const libc::c_char,
    stdio: [i32; 3],
    /// Its descriptors are the daemon's own table, which it has to leave first.
    shares_descriptors: bool,
    messages: &'a Messages,
    changed_signals: &'a [i32],
}

impl<'a> ChildPlan<'a> {
    pub(super) fn new(
        request: &'a SpawnRequest<'a>,
        argv: &'a [*const libc::c_char],
        environment: &'a [*const libc::c_char],
        messages: &'a Messages,
        changed_signals: &'a [i32],
    ) -> Self {
        Self {
            request,
            argv: argv.as_ptr(),
            environment: environment.as_ptr(),
            stdio: raw_stdio(request),
            shares_descriptors: false,
            messages,
            changed_signals,
        }
    }

    /// The child shares the daemon's table of descriptors, and finds what is to be its three at these numbers.
    #[cfg(target_os = "linux")]
    pub(super) fn find_at(&mut self, numbers: [i32; 3]) {
        self.stdio = numbers;
        self.shares_descriptors = true;
    }

    /// Whether the child shares the daemon's table of descriptors.
    #[cfg(target_os = "linux")]
    pub(super) fn shares_descriptors(&self) -> bool {
        self.shares_descriptors
    }

    /// Becomes the program. Runs in the child.
    pub(super) fn run(&self) -> ! {
        // SAFETY: setpgid(0, 0) touches no memory.
        unsafe { libc::setpgid(0, 0) };
        #[cfg(target_os = "linux")]
        self.leave_table();
        move_descriptors(self.stdio);
        self.become_user();
        self.change_directory();
        self.execute()
    }

    /// Nothing may be moved or closed before.
    #[cfg(target_os = "linux")]
    fn leave_table(&self) {
        let above = self.stdio.into_iter().max().map_or(0, |highest| highest.unsigned_abs() + 1);
        if self.shares_descriptors && close_range_of_own(above) != 0 {
            fail_at(self.stdio[2], &[&self.messages.exec, errno_name(Errno::last()), "\n"]);
        }
    }

    fn become_user(&self) {
        match self.request.user {
            UserChange::Keep => {}
            UserChange::Refuse { .. } => fail(&[&self.messages.setuid_refused]),
            UserChange::Become(identity) => {
                if let Some(reason) = become_user(identity) {
                    fail(&[&self.messages.setuid, reason]);
                }
            }
        }
    }

    fn change_directory(&self) {
        let Some(directory) = self.request.directory else { return };
        // SAFETY: the path is a valid C string.
        if unsafe { libc::chdir(directory.as_ptr()) } != 0 {
            fail(&[&self.messages.chdir, errno_name(Errno::last()), "\n"]);
        }
    }

    fn execute(&self) -> ! {
        if let Some(mask) = self.request.umask {
            // SAFETY: umask takes a number.
            unsafe { libc::umask(mask as libc::mode_t) };
        }
        reset_signals(self.changed_signals);
        // SAFETY: both arrays end in a null pointer and, like the strings, are there until the parent
        // goes on.
        unsafe { libc::execve(self.request.file.as_ptr(), self.argv, self.environment) };
        fail(&[&self.messages.exec, errno_name(Errno::last()), "\n"])
    }
}

/// Takes on the groups, then the user; what went wrong, if anything did.
fn become_user(identity: &Identity) -> Option<&'static str> {
    if set_groups(&identity.groups) != 0 {
        Some("Could not set groups of effective user\n")
    } else if set_gid(identity.gid) != 0 {
        Some("Could not set group id of effective user\n")
    } else if set_uid(identity.uid) != 0 {
        Some("Could not set user id\n")
    } else {
        None
    }
}

/// The bare system calls: glibc's functions would have all threads of the process change too, and the
/// threads they find in this memory are the daemon's.
#[cfg(target_os = "linux")]
mod ids {
    use nix::libc;

    pub(super) fn set_groups(groups: &[u32]) -> libc::c_long {
        // SAFETY: the list is valid for its length.
        unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) }
    }

    pub(super) fn set_gid(gid: u32) -> libc::c_long {
        // SAFETY: takes a number.
        unsafe { libc::syscall(libc::SYS_setgid, gid) }
    }

    pub(super) fn set_uid(uid: u32) -> libc::c_long {
        // SAFETY: takes a number.
        unsafe { libc::syscall(libc::SYS_setuid, uid) }
    }
}

#[cfg(not(target_os = "linux"))]
mod ids {
    use nix::libc;

    pub(super) fn set_groups(groups: &[u32]) -> libc::c_int {
        // SAFETY: the list is valid for its length.
        unsafe { libc::setgroups(groups.len() as _, groups.as_ptr()) }
    }

    pub(super) fn set_gid(gid: u32) -> libc::c_int {
        // SAFETY: takes a number.
        unsafe { libc::setgid(gid) }
    }

    pub(super) fn set_uid(uid: u32) -> libc::c_int {
        // SAFETY: takes a number.
        unsafe { libc::setuid(uid) }
    }
}

use ids::{set_gid, set_groups, set_uid};

/// Puts the three descriptors in place and closes all others.
fn move_descriptors(stdio: [i32; 3]) {
    // A source below 3 could be overwritten before it is used: move those up first.
    let sources = stdio.map(|fd| {
        // SAFETY: fcntl with F_DUPFD takes numbers.
        if fd < 3 { unsafe { libc::fcntl(fd, libc::F_DUPFD, 3) } } else { fd }
    });
    for (target, source) in (0..).zip(sources) {
        // SAFETY: dup2 takes numbers; it clears close-on-exec at the target.
        unsafe { libc::dup2(source, target) };
    }
    close_from(3);
}

/// The daemon's own descriptors are close-on-exec, but what it inherited may not be (D-341).
#[cfg(target_os = "linux")]
fn close_from(first: u32) {
    // SAFETY: close_range takes numbers; where the kernel lacks it nothing happens and the loop does it.
    if unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) } != 0 {
        close_each(first);
    }
}

#[cfg(not(target_os = "linux"))]
fn close_from(first: u32) {
    close_each(first);
}

fn close_each(first: u32) {
    // SAFETY: sysconf and close take numbers.
    unsafe {
        let limit = libc::sysconf(libc::_SC_OPEN_MAX).clamp(256, 1 << 20);
        for fd in i64::from(first)..limit as i64 {
            libc::close(fd as i32);
        }
    }
}

/// Default dispositions and an empty mask (D-347), in this order: what was sent since the fork is
/// delivered with its default action.
fn reset_signals(changed: &[i32]) {
    // SAFETY: sigaction and sigprocmask read the structures given, which are filled in here.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        for signal in changed {
            libc::sigaction(*signal, &raw const action, std::ptr::null_mut());
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

fn fail(parts: &[&str]) -> ! {
    fail_at(2, parts)
}

fn fail_at(stderr: i32, parts: &[&str]) -> ! {
    for part in parts.iter().chain(&["supervisor: child process was not spawned\n"]) {
        // SAFETY: the buffer is valid for its length.
        unsafe { libc::write(stderr, part.as_ptr().cast(), part.len()) };
    }
    // SAFETY: _exit runs no handlers, which are the parent's.
    unsafe { libc::_exit(127) }
}

/// The symbolic name, without allocating: `ENOENT`.
fn errno_name(errno: Errno) -> &'static str {
    match errno {
        Errno::EPERM => "EPERM",
        Errno::ENOENT => "ENOENT",
        Errno::EIO => "EIO",
        Errno::E2BIG => "E2BIG",
        Errno::ENOEXEC => "ENOEXEC",
        Errno::EAGAIN => "EAGAIN",
        Errno::ENOMEM => "ENOMEM",
        Errno::EACCES => "EACCES",
        Errno::EBUSY => "EBUSY",
        Errno::ENOTDIR => "ENOTDIR",
        Errno::EISDIR => "EISDIR",
        Errno::EINVAL => "EINVAL",
        Errno::ENFILE => "ENFILE",
        Errno::EMFILE => "EMFILE",
        Errno::ETXTBSY => "ETXTBSY",
        Errno::ENAMETOOLONG => "ENAMETOOLONG",
        Errno::ELOOP => "ELOOP",
        Errno::ESTALE => "ESTALE",
        _ => "unknown error",
    }
}
