//! The system's users and groups, for the configuration.

use nix::unistd::{Gid, Group, Uid, User};

use crate::config::{Account, Accounts};

/// What the system's own tables (passwd, group, or whatever NSS asks) say.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemAccounts;

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
        matches!(Group::from_gid(Gid::from_raw(gid)), Ok(Some(_)))
    }
}

fn account(user: User) -> Account {
    Account { uid: user.uid.as_raw(), gid: user.gid.as_raw(), home: user.dir.to_string_lossy().into_owned() }
}
