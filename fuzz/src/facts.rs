//! A machine that is the same wherever the targets run.

use std::path::Path;

use supervisor::config::{Account, Accounts, HostFacts};

/// One user, `alice`, and one group, `users`.
struct One;

impl Accounts for One {
    fn user_named(&self, name: &str) -> Option<Account> {
        (name == "alice").then(|| Account { uid: 1000, gid: 100, home: "/home/alice".into() })
    }

    fn user_with_id(&self, uid: u32) -> Option<Account> {
        (uid == 1000).then(|| self.user_named("alice")).flatten()
    }

    fn group_named(&self, name: &str) -> Option<u32> {
        (name == "users").then_some(100)
    }

    fn has_group(&self, gid: u32) -> bool {
        gid == 100
    }
}

/// The facts, with this folder as the current one.
pub fn facts(folder: &Path) -> HostFacts {
    HostFacts {
        environment: vec![("HOME".into(), "/home/alice".into()), ("X".into(), "x%(y)s".into())],
        host_node_name: "node".into(),
        current_dir: folder.into(),
        argv0: "supervisord".into(),
        uid: 1000,
        rights: |_| None,
        accounts: Box::new(One),
    }
}
