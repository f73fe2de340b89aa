//! The machine as the configuration sees it: environment, names, users and groups.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User, getuid};

use crate::config::{Account, Accounts, HostFacts, Rights};

/// The facts of this process on this machine.
pub fn host_facts() -> HostFacts {
    let environment = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    HostFacts {
        environment: environment.collect(),
        host_node_name: node_name(),
        current_dir: std::env::current_dir().unwrap_or_else(|_| "/".into()),
        argv0: std::env::args_os().next().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        uid: getuid().as_raw(),
        accounts: Box::new(SystemAccounts),
        rights,
    }
}

fn rights(path: &Path) -> Option<Rights> {
    let found = path.symlink_metadata().ok().filter(|it| !it.is_symlink())?;
    Some(Rights { mode: found.mode() & 0o7777, uid: found.uid(), gid: found.gid() })
}

/// The machine's name (`uname -n`), empty if it cannot be told.
pub fn node_name() -> String {
    let names = nix::sys::utsname::uname();
    names.map(|names| names.nodename().to_string_lossy().into_owned()).unwrap_or_default()
}

/// The system's own tables. An error of theirs counts as not found.
struct SystemAccounts;

impl Accounts for SystemAccounts {
    fn user_named(&self, name: &str) -> Option<Account> {
        User::from_name(name).ok().flatten().map(account)
    }

    fn user_with_id(&self, uid: u32) -> Option<Account> {
        User::from_uid(Uid::from_raw(uid)).ok().flatten().map(account)
    }

    fn group_named(&self, name: &str) -> Option<u32> {
        Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw())
    }

    fn has_group(&self, gid: u32) -> bool {
        Group::from_gid(Gid::from_raw(gid)).is_ok_and(|group| group.is_some())
    }
}

fn account(user: User) -> Account {
    Account { uid: user.uid.as_raw(), gid: user.gid.as_raw(), home: user.dir.to_string_lossy().into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    // D-090, D-091
    #[test]
    fn names_and_numbers() {
        let account = SystemAccounts.user_named("root").unwrap();
        assert_eq!((account.uid, account.gid), (0, 0));
        assert_eq!(SystemAccounts.user_with_id(0), Some(account));
        assert_eq!(SystemAccounts.group_named("root"), Some(0));
        assert!(SystemAccounts.has_group(0));
        for unknown in ["", "no such user", "-1", "a\0b"] {
            assert_eq!(SystemAccounts.user_named(unknown), None, "{unknown:?}");
            assert_eq!(SystemAccounts.group_named(unknown), None, "{unknown:?}");
        }
        assert_eq!(SystemAccounts.user_with_id(4_294_967_294), None);
        assert!(!SystemAccounts.has_group(4_294_967_294));
    }
}
