//! The file of a unix socket from bind to listen. It is made with no more rights than it is to have, and owner
//! and mode are set on what was made, not on what stands under its name by then: in a folder of somebody else's
//! that may be a link to any file.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::socket::{UnixAddr, bind};
use nix::sys::stat::{Mode, SFlag, fchmod, fstat};
use nix::unistd::{Gid, Uid, fchownat};

/// Binds a socket to an address of which the file will have at most this mode.
pub(super) fn bind_with(fd: &OwnedFd, address: &UnixAddr, mode: u32) -> nix::Result<()> {
    // The file gets the socket's own mode, less the umask. Where the system has no such thing, it is narrowed
    // later only.
    let _ = fchmod(fd, Mode::from_bits_truncate(mode));
    bind(fd.as_raw_fd(), address)
}

/// Gives the socket file at `path` its owner, if any, then its mode.
pub(super) fn dress(path: &Path, owner: Option<(u32, Option<u32>)>, mode: u32) -> io::Result<()> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let entry = open(path, flags, Mode::empty())?;
    if SFlag::from_bits_truncate(fstat(&entry)?.st_mode) & SFlag::S_IFMT != SFlag::S_IFSOCK {
        return Err(Errno::EEXIST.into());
    }
    if let Some((uid, gid)) = owner {
        let gid = gid.map(Gid::from_raw);
        fchownat(entry.as_fd(), "", Some(Uid::from_raw(uid)), gid, AtFlags::AT_EMPTY_PATH)?;
    }
    if fstat(&entry)?.st_mode & 0o7777 != mode {
        set_mode(&entry, mode)?;
    }
    Ok(())
}

/// chmod(2) takes no descriptor of this kind, but its name in /proc.
fn set_mode(entry: &OwnedFd, mode: u32) -> io::Result<()> {
    let name = format!("/proc/self/fd/{}", entry.as_raw_fd());
    fs::set_permissions(name, fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::super::{AddressFamily, SockFlag, stream_socket};
    use super::*;

    fn bound(path: &Path, mode: u32) -> OwnedFd {
        let fd = stream_socket(AddressFamily::Unix, SockFlag::empty()).unwrap();
        bind_with(&fd, &UnixAddr::new(path).unwrap(), mode).unwrap();
        fd
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    // C-010
    #[test]
    fn the_file_never_has_more_rights_than_it_is_to_have() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let _fd = bound(&path, 0o700);
        assert_eq!(mode(&path) & !0o700, 0);
        dress(&path, None, 0o666).unwrap();
        assert_eq!(mode(&path), 0o666);
    }

    #[test]
    fn what_has_taken_its_place_gets_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (path, precious) = (dir.path().join("s"), dir.path().join("precious"));
        fs::write(&precious, "").unwrap();
        fs::set_permissions(&precious, fs::Permissions::from_mode(0o600)).unwrap();
        let _fd = bound(&path, 0o700);
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&precious, &path).unwrap();
        assert!(dress(&path, None, 0o777).is_err());
        fs::remove_file(&path).unwrap();
        fs::hard_link(&precious, &path).unwrap();
        assert!(dress(&path, None, 0o777).is_err());
        assert_eq!(mode(&precious), 0o600);
    }
}
