//! Users and groups: looking them up, becoming one.

use std::fmt;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User, getgrouplist, getuid, setgid, setgroups, setuid};

/// Why the daemon could not become another user (D-245); also what a child says of itself (D-343).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivilegeError {
    /// There is no user of this id.
    UnknownUid(u32),
    /// Only root may become somebody else.
    NotRoot,
    /// setgroups(2) or the look-up before it failed.
    Groups(Errno),
    /// setgid(2) failed.
    Gid(Errno),
    /// setuid(2) failed.
    Uid(Errno),
}

impl fmt::Display for PrivilegeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownUid(uid) => write!(f, "Can't find uid {uid}"),
            Self::NotRoot => f.write_str("Can't drop privilege as nonroot user"),
            Self::Groups(_) => f.write_str("Could not set groups of effective user"),
            Self::Gid(_) => f.write_str("Could not set group id of effective user"),
            Self::Uid(errno) => write!(f, "Could not set user id: {}", errno.desc()),
        }
    }
}

impl std::error::Error for PrivilegeError {}

/// What a process must take on to become a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// All groups, the primary one first (D-245).
    pub groups: Vec<u32>,
}

/// What becoming this user takes; `None` if this process is that user already.
///
/// Looks the user up, so it is for the parent side of a fork.
pub fn plan(uid: u32) -> Result<Option<Identity>, PrivilegeError> {
    if getuid().as_raw() == uid {
        return Ok(None);
    }
    let user = user_by_id(uid).ok_or(PrivilegeError::UnknownUid(uid))?;
    if !getuid().is_root() {
        return Err(PrivilegeError::NotRoot);
    }
    let groups = groups_of(&user).map_err(PrivilegeError::Groups)?;
    Ok(Some(Identity { uid, gid: user.gid.as_raw(), groups }))
}

/// Becomes this user for good (D-245).
pub fn drop_to(uid: u32) -> Result<(), PrivilegeError> {
    let Some(identity) = plan(uid)? else { return Ok(()) };
    let groups: Vec<Gid> = identity.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    setgroups(&groups).map_err(PrivilegeError::Groups)?;
    setgid(Gid::from_raw(identity.gid)).map_err(PrivilegeError::Gid)?;
    setuid(Uid::from_raw(identity.uid)).map_err(PrivilegeError::Uid)
}

/// What the log says after [`drop_to`], also where nothing had to be done.
pub fn dropped(uid: u32) -> String {
    format!("Set uid to user {uid} succeeded")
}

fn groups_of(user: &User) -> nix::Result<Vec<u32>> {
    let name = std::ffi::CString::new(user.name.as_str()).map_err(|_| Errno::EINVAL)?;
    let others = getgrouplist(&name, user.gid)?.into_iter().filter(|gid| *gid != user.gid);
    Ok(std::iter::once(user.gid).chain(others).map(Gid::as_raw).collect())
}

fn user_by_id(uid: u32) -> Option<User> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    // D-245
    #[test]
    fn becoming_oneself_is_nothing_to_do() {
        assert_eq!(plan(getuid().as_raw()), Ok(None));
        assert_eq!(drop_to(getuid().as_raw()), Ok(()));
        assert_eq!(dropped(65534), "Set uid to user 65534 succeeded");
    }

    // D-245
    #[test]
    fn the_primary_group_comes_first() {
        let Some(user) = User::from_name("nobody").unwrap() else {
            return;
        };
        let planned = plan(user.uid.as_raw());
        if getuid().is_root() {
            let identity = planned.unwrap().unwrap();
            assert_eq!(identity.groups.first(), Some(&user.gid.as_raw()));
            assert_eq!(identity.groups.iter().filter(|gid| **gid == user.gid.as_raw()).count(), 1);
        } else {
            assert_eq!(planned, Err(PrivilegeError::NotRoot));
        }
    }

    #[test]
    fn a_user_that_is_not_there() {
        assert_eq!(plan(4_294_967_294), Err(PrivilegeError::UnknownUid(4_294_967_294)));
    }
}
