//! What the configuration needs to know of the machine, as values given by the caller.

use std::path::{Path, PathBuf};

/// The machine and the daemon's own process, as reading a configuration sees them.
pub struct HostFacts {
    /// The daemon's environment.
    pub environment: Vec<(String, String)>,
    /// The machine's name (`uname -n`): `%(host_node_name)s`.
    pub host_node_name: String,
    /// The current folder; absolute. Relative paths start here.
    pub current_dir: PathBuf,
    /// The program's name as invoked.
    pub argv0: String,
    /// The real user id.
    pub uid: u32,
    /// Users and groups.
    pub accounts: Box<dyn Accounts>,
    /// The rights to a file or folder; `None` for symbolic links and for what is not there.
    pub rights: fn(&Path) -> Option<Rights>,
}

/// Whose a file or folder is, and who else may do what with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// The bits of chmod(1).
    pub mode: u32,
    /// Id of its owner.
    pub uid: u32,
    /// Id of its group.
    pub gid: u32,
}

/// The system's tables of users and groups.
pub trait Accounts {
    /// The user of this name.
    fn user_named(&self, name: &str) -> Option<Account>;
    /// The user with this id.
    fn user_with_id(&self, uid: u32) -> Option<Account>;
    /// The id of the group of this name.
    fn group_named(&self, name: &str) -> Option<u32>;
    /// Whether there is a group with this id.
    fn has_group(&self, gid: u32) -> bool;
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Id of the primary group.
    pub gid: u32,
    /// Home folder.
    pub home: String,
}

impl HostFacts {
    /// A variable of the daemon's environment.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Users root (0), alice (1000, group 100), groups root (0), users (100).
    struct Few;

    impl Accounts for Few {
        fn user_named(&self, name: &str) -> Option<Account> {
            let (uid, gid, home) = match name {
                "root" => (0, 0, "/root"),
                "alice" => (1000, 100, "/home/alice"),
                _ => return None,
            };
            Some(Account { uid, gid, home: home.into() })
        }

        fn user_with_id(&self, uid: u32) -> Option<Account> {
            ["root", "alice"].iter().filter_map(|name| self.user_named(name)).find(|a| a.uid == uid)
        }

        fn group_named(&self, name: &str) -> Option<u32> {
            [("root", 0), ("users", 100)].iter().find(|(n, _)| *n == name).map(|(_, gid)| *gid)
        }

        fn has_group(&self, gid: u32) -> bool {
            [0, 100].contains(&gid)
        }
    }

    /// A machine called `node`, whose current folder is `folder`, with `HOME` and `X` in the environment.
    pub(crate) fn facts(folder: &std::path::Path) -> HostFacts {
        HostFacts {
            environment: vec![("HOME".into(), "/home/alice".into()), ("X".into(), "x".into())],
            host_node_name: "node".into(),
            current_dir: folder.into(),
            argv0: "supervisord".into(),
            uid: 1000,
            accounts: Box::new(Few),
            rights: |_| None,
        }
    }
}
