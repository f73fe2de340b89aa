//! Who else can read or write the configuration: a warning for a file that holds a password and that others
//! can read, and for one that others can write, or could replace.
//!
//! The modes of all folders on the way count: what others cannot reach they can neither read nor write. "Others"
//! are all but root and the user who starts the daemon.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::document::Document;
use super::facts::{HostFacts, Rights};
use super::paths;

const READ_BY_ALL: u32 = 0o004;
const WRITE_BY_ALL: u32 = 0o002;
const WRITE_BY_GROUP: u32 = 0o020;
const SEARCH_BY_ALL: u32 = 0o001;
const SEARCH_BY_GROUP: u32 = 0o010;
/// Only the owner of an entry, and that of the folder, may rename or remove it.
const STICKY: u32 = 0o1000;

/// The files that a configuration is made of, and the folders that are searched for them.
pub(super) struct Exposure<'a> {
    facts: &'a HostFacts,
    files: Vec<String>,
    /// Folders any file of which may become part of the configuration.
    searched: Vec<String>,
}

impl<'a> Exposure<'a> {
    pub fn new(facts: &'a HostFacts) -> Self {
        Self { facts, files: Vec::new(), searched: Vec::new() }
    }

    /// Takes a file that was read.
    pub fn file(&mut self, file: &str) {
        self.files.push(file.to_owned());
    }

    /// Takes an `[include]` pattern.
    pub fn pattern(&mut self, pattern: &str) {
        let folder = paths::folder_of(pattern).to_owned();
        if pattern.contains(['*', '?', '['])
            && !folder.contains(['*', '?', '['])
            && !self.searched.contains(&folder)
        {
            self.searched.push(folder);
        }
    }

    /// What there is to warn of; `document` tells which files hold passwords.
    pub fn warnings(&self, document: &Document) -> Vec<String> {
        let trust = Trust::of(self.facts);
        let mut told = BTreeSet::new();
        let mut warnings = Vec::new();
        for (name, is_searched) in self.entries() {
            let path = paths::absolute(name, self.facts);
            let real = path.canonicalize().ok().filter(|real| *real != path);
            let ways: Vec<_> = [Some(path), real].into_iter().flatten().map(|it| self.walk(&it)).collect();
            let passwords = !is_searched && holds_password(document, name);
            for finding in ways.iter().flat_map(|way| trust.judge(way, is_searched, passwords)) {
                if told.insert(finding.clone()) {
                    warnings.push(finding.to_string());
                }
            }
        }
        warnings
    }

    /// The folders that lead to `path`, from the root on, and it itself. Symbolic links are left out: only
    /// what they stand in and what they lead to counts.
    fn walk(&self, path: &Path) -> Vec<Entry> {
        let mut ancestors: Vec<&Path> = path.ancestors().collect();
        ancestors.reverse();
        let entry = |path: &Path| Some(Entry { path: path.to_owned(), rights: (self.facts.rights)(path)? });
        ancestors.into_iter().filter_map(entry).collect()
    }

    fn entries(&self) -> impl Iterator<Item = (&str, bool)> {
        let files = self.files.iter().map(|it| (it.as_str(), false));
        files.chain(self.searched.iter().map(|it| (it.as_str(), true)))
    }
}

/// Whether a file holds a password: one that does not come from the environment.
fn holds_password(document: &Document, file: &str) -> bool {
    let settings = document.sections().flat_map(|section| &section.settings);
    settings.filter(|it| it.option == "password" && &*it.file == file).any(|it| !is_variable(&it.value))
}

/// Whether a value is nothing but a variable of the environment.
fn is_variable(value: &str) -> bool {
    value.is_empty()
        || value
            .strip_prefix("%(ENV_")
            .and_then(|rest| rest.strip_suffix(")s"))
            .is_some_and(|name| !name.contains(['(', ')', '%']))
}

/// A file or folder on the way to one that counts.
#[derive(Clone, Debug)]
struct Entry {
    path: PathBuf,
    rights: Rights,
}

/// Whom the daemon trusts: root, the user who starts it, and that user's own group.
struct Trust {
    uid: u32,
    gid: Option<u32>,
}

/// What is wrong with the rights to an entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    /// It holds a password that others can read.
    Readable(PathBuf, u32),
    /// Others can write it; the mode tells how.
    Writable(PathBuf, u32),
    /// It belongs to another user.
    Foreign(PathBuf, u32),
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Readable(path, mode) => {
                write!(f, "{} holds a password, and others can read it (mode {mode:04o})", path.display())
            }
            Self::Writable(path, mode) => write!(
                f,
                "{} is part of the configuration or leads to it, and others can write it (mode {mode:04o})",
                path.display()
            ),
            Self::Foreign(path, uid) => write!(
                f,
                "{} is part of the configuration or leads to it, and belongs to another user (uid {uid})",
                path.display()
            ),
        }
    }
}

impl Trust {
    fn of(facts: &HostFacts) -> Self {
        // Root's own group is known, and looking users up may take long.
        let account = (facts.uid != 0).then(|| facts.accounts.user_with_id(facts.uid)).flatten();
        Self { uid: facts.uid, gid: account.map(|account| account.gid) }
    }

    fn has_user(&self, uid: u32) -> bool {
        uid == 0 || uid == self.uid
    }

    /// Whether the members of a group are none but trusted ones. A user's primary group is held to be that
    /// user's alone, as on most systems; root answers for others, so it trusts no group but its own.
    fn has_group(&self, gid: u32) -> bool {
        gid == 0 || self.uid != 0 && self.gid == Some(gid)
    }

    /// What is wrong on the way to the last entry, or with it. `is_searched`: whatever is put into the last
    /// one, a folder, counts. `passwords`: the last one holds some.
    fn judge(&self, way: &[Entry], is_searched: bool, passwords: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        let (mut all_come, mut group_comes) = (true, true);
        for (at, entry) in way.iter().enumerate() {
            let next = way.get(at + 1);
            let Rights { mode, uid, gid } = entry.rights;
            let by_all = all_come && mode & WRITE_BY_ALL != 0;
            let by_group = group_comes && mode & WRITE_BY_GROUP != 0 && !self.has_group(gid);
            // In a sticky folder only new names can be made; what stands there already is safe.
            let is_safe = mode & STICKY != 0 && (next.is_some() || !is_searched);
            if !self.has_user(uid) {
                findings.push(Finding::Foreign(entry.path.clone(), uid));
            } else if (by_all || by_group) && !is_safe {
                findings.push(Finding::Writable(entry.path.clone(), mode));
            }
            if next.is_none() && passwords && all_come && mode & READ_BY_ALL != 0 {
                findings.push(Finding::Readable(entry.path.clone(), mode));
            }
            all_come &= mode & SEARCH_BY_ALL != 0;
            group_comes &= mode & (SEARCH_BY_ALL | SEARCH_BY_GROUP) != 0;
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Trust = Trust { uid: 0, gid: Some(0) };
    const ALICE: Trust = Trust { uid: 1000, gid: Some(1000) };

    fn way(entries: &[(u32, u32, u32)]) -> Vec<Entry> {
        let names = ["/", "/etc", "/etc/sv", "/etc/sv/f"];
        let entry = |(&(mode, uid, gid), path): (&(u32, u32, u32), &str)| Entry {
            path: path.into(),
            rights: Rights { mode, uid, gid },
        };
        entries.iter().zip(names).map(entry).collect()
    }

    fn told(trust: &Trust, entries: &[(u32, u32, u32)]) -> Vec<String> {
        let findings = trust.judge(&way(entries), false, true);
        findings.iter().map(|it| it.to_string().split(' ').next().unwrap().to_owned() + kind(it)).collect()
    }

    fn kind(finding: &Finding) -> &'static str {
        match finding {
            Finding::Readable(..) => " r",
            Finding::Writable(..) => " w",
            Finding::Foreign(..) => " o",
        }
    }

    const TOP: (u32, u32, u32) = (0o755, 0, 0);

    #[test]
    fn passwords_are_for_the_owner() {
        assert_eq!(told(&ROOT, &[TOP, TOP, (0o644, 0, 0)]), ["/etc/sv r"]);
        assert!(told(&ROOT, &[TOP, TOP, (0o640, 0, 4)]).is_empty());
        // A closed folder on the way hides it.
        assert!(told(&ROOT, &[TOP, (0o700, 0, 0), (0o644, 0, 0)]).is_empty());
        assert!(ROOT.judge(&way(&[TOP, TOP, (0o644, 0, 0)]), false, false).is_empty());
    }

    #[test]
    fn writers() {
        assert_eq!(told(&ROOT, &[TOP, TOP, (0o662, 0, 0)]), ["/etc/sv w"]);
        assert_eq!(told(&ROOT, &[TOP, (0o777, 0, 0), (0o600, 0, 0)]), ["/etc w"]);
        assert_eq!(told(&ROOT, &[TOP, (0o775, 0, 50), (0o600, 0, 0)]), ["/etc w"]);
        assert!(told(&ROOT, &[TOP, (0o775, 0, 0), (0o660, 0, 0)]).is_empty());
        assert!(told(&ALICE, &[TOP, (0o775, 1000, 1000), (0o660, 1000, 1000)]).is_empty());
        assert_eq!(told(&ALICE, &[TOP, TOP, (0o660, 1000, 50)]), ["/etc/sv w"]);
        assert!(told(&ROOT, &[TOP, (0o700, 0, 0), (0o666, 0, 0)]).is_empty());
        assert_eq!(told(&ROOT, &[TOP, TOP, (0o600, 1000, 0)]), ["/etc/sv o"]);
        assert_eq!(told(&ROOT, &[TOP, (0o700, 1000, 0), (0o600, 0, 0)]), ["/etc o"]);
    }

    #[test]
    fn sticky_folders_protect_what_is_there_but_not_what_is_searched_for() {
        let sticky = [TOP, (0o1777, 0, 0), (0o600, 0, 0)];
        assert!(told(&ROOT, &sticky).is_empty());
        let searched = ROOT.judge(&way(&sticky[..2]), true, false);
        assert_eq!(searched, [Finding::Writable("/etc".into(), 0o1777)]);
    }

    #[test]
    fn passwords_from_the_environment() {
        assert!(is_variable("%(ENV_PW)s") && is_variable(""));
        assert!(!is_variable("x%(ENV_PW)s") && !is_variable("%(ENV_A)s%(ENV_B)s") && !is_variable("hunter2"));
    }
}
