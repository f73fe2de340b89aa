//! Low descriptors through which a child is given its three.
//!
//! A daemon with a thousand programs has five thousand descriptors, and a child that gets a copy of them
//! spends more time with copying and closing than with all else that it does before it executes. So it
//! shares the daemon's table, and before it touches it, it asks for one of its own with the lowest
//! descriptors only. Those it needs are put among them for the moment of the fork.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, OnceLock};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::stat::Mode;

/// Below this many descriptors a copy is cheaper.
const WORTHWHILE: i32 = 64;

static SLOTS: OnceLock<Mutex<Slots>> = OnceLock::new();

/// Three places, which hold /dev/null while nobody is given anything.
pub(super) struct Slots {
    null: OwnedFd,
    places: [OwnedFd; 3],
}

/// What a child is to be given, in its places until dropped.
pub(super) struct Placed {
    slots: MutexGuard<'static, Slots>,
}

/// Keeps the places, where the kernel can do this. To be called early, so that they are low, and before there is
/// any other thread.
pub fn reserve() {
    // Closes nothing; with one thread there is nothing to take leave of either.
    if close_range_of_own(u32::MAX) == 0
        && let Ok(slots) = Slots::open()
    {
        // Whoever was first stays.
        drop(SLOTS.set(Mutex::new(slots)));
    }
}

/// Puts these in place, if that is worthwhile and nobody else is at it: a launch may be stuck.
pub(super) fn place(stdio: [BorrowedFd<'_>; 3]) -> Option<Placed> {
    if stdio.iter().all(|fd| fd.as_raw_fd() < WORTHWHILE) {
        return None;
    }
    let placed = Placed { slots: SLOTS.get()?.try_lock().ok()? };
    placed.slots.fill(stdio).ok()?;
    Some(placed)
}

impl Slots {
    pub(super) fn open() -> io::Result<Self> {
        let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
        let another = || -> io::Result<OwnedFd> {
            let fd = fcntl(&null, FcntlArg::F_DUPFD_CLOEXEC(3))?;
            // SAFETY: it was just made, and is nobody else's.
            Ok(unsafe { OwnedFd::from_raw_fd(fd) })
        };
        Ok(Self { places: [another()?, another()?, another()?], null })
    }

    fn fill(&self, with: [BorrowedFd<'_>; 3]) -> nix::Result<()> {
        self.places.iter().zip(with).try_for_each(|(place, fd)| {
            // SAFETY: dup3 takes numbers. The place stays an open descriptor of its owner.
            Errno::result(unsafe { libc::dup3(fd.as_raw_fd(), place.as_raw_fd(), libc::O_CLOEXEC) }).map(drop)
        })
    }
}

impl Placed {
    /// The descriptors that the child finds.
    pub(super) fn numbers(&self) -> [i32; 3] {
        self.slots.places.each_ref().map(AsRawFd::as_raw_fd)
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        // The daemon may not keep the child's ends, or it would never see them closed.
        let _put_back = self.slots.fill([self.slots.null.as_fd(); 3]);
    }
}

/// For a child that shares the daemon's table: leaves it, and all from `first` on with it. 0, or -1.
pub(super) fn close_range_of_own(first: u32) -> libc::c_long {
    // SAFETY: close_range takes numbers.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_UNSHARE) }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use nix::sys::wait::waitpid;
    use nix::unistd::Pid;

    use super::super::spawn::{SpawnRequest, UserChange, c_string, spawn};
    use super::*;

    // D-341
    #[test]
    fn a_child_gets_its_three_and_the_daemon_keeps_none() {
        drop(SLOTS.set(Mutex::new(Slots::open().unwrap())));
        let null = || open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).unwrap();
        let _many: Vec<OwnedFd> = (0..WORTHWHILE).map(|_| null()).collect();
        let (mut read, write) = io::pipe().unwrap();
        let stdin = null();
        let stdio = [stdin.as_fd(), write.as_fd(), write.as_fd()];
        assert!(place(stdio).is_some());
        let argv = ["ls", "/proc/self/fd"].map(|word| c_string(word).unwrap());
        let request = SpawnRequest {
            file: &c_string("/bin/ls").unwrap(),
            argv: &argv,
            environment: &[],
            directory: None,
            umask: None,
            user: &UserChange::Keep,
            stdio,
        };
        let pid = spawn(&request).unwrap();
        drop(write);
        let mut listed = String::new();
        // It ends only if nobody has kept the other end.
        read.read_to_string(&mut listed).unwrap();
        let _end = waitpid(Pid::from_raw(pid), None);
        // The last is the folder that it lists.
        assert_eq!(listed, "0\n1\n2\n3\n");
    }
}
