//! Paths as the reference treats them: as text, with POSIX rules.

use std::path::{Path, PathBuf};

use super::facts::HostFacts;

/// What stands before the last slash, without slashes at its end unless there is nothing else.
pub(super) fn folder_of(path: &str) -> &str {
    let head = path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or_default();
    match head.trim_end_matches('/') {
        "" => head,
        trimmed => trimmed,
    }
}

/// `name` within `folder`; an absolute `name` stands for itself.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() || name.starts_with('/') {
        name.to_owned()
    } else if folder.ends_with('/') {
        format!("{folder}{name}")
    } else {
        format!("{folder}/{name}")
    }
}

/// Replaces `~` and `~user` at the beginning; an unknown user stays as it is.
pub(super) fn expand_user(path: &str, facts: &HostFacts) -> String {
    let Some(rest) = path.strip_prefix('~') else {
        return path.to_owned();
    };
    let (user, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let home = match (user, facts.variable("HOME")) {
        ("", Some(home)) => Some(home.to_owned()),
        ("", None) => facts.accounts.user_with_id(facts.uid).map(|account| account.home),
        _ => facts.accounts.user_named(user).map(|account| account.home),
    };
    let Some(home) = home else { return path.to_owned() };
    match format!("{}{tail}", home.trim_end_matches('/')) {
        empty if empty.is_empty() => "/".to_owned(),
        expanded => expanded,
    }
}

/// Absolute, without `.`, `..` and double slashes; links are not looked at.
pub(super) fn absolute(path: &str, facts: &HostFacts) -> PathBuf {
    let mut out = PathBuf::from("/");
    let full = facts.current_dir.join(path);
    for part in full.components() {
        match part {
            std::path::Component::Normal(name) => out.push(name),
            std::path::Component::ParentDir => {
                out.pop();
            }
            _ => {}
        }
    }
    out
}

/// `~` expanded, then [`absolute`].
pub(super) fn normal(path: &str, facts: &HostFacts) -> PathBuf {
    absolute(&expand_user(path, facts), facts)
}

/// Whether there is a folder of this name.
pub(super) fn is_folder(path: &str, facts: &HostFacts) -> bool {
    facts.current_dir.join(path).is_dir()
}

/// Where a relative path leads from the current folder.
pub(super) fn located(path: &str, facts: &HostFacts) -> PathBuf {
    facts.current_dir.join(path)
}

/// A path as text.
pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::facts::testing::facts;
    use super::*;

    #[test]
    fn folders() {
        let all = ["/a/b", "/a", "a", "//a", "a//b", ""].map(folder_of);
        assert_eq!(all, ["/a", "/", "", "//", "a", ""]);
    }

    // D-088, D-089
    #[test]
    fn homes() {
        let facts = facts(Path::new("/cwd"));
        let all = ["~", "~/x", "~root/x", "~nobody/x", "a~"].map(|p| expand_user(p, &facts));
        assert_eq!(all, ["/home/alice", "/home/alice/x", "/root/x", "~nobody/x", "a~"]);
    }

    #[test]
    fn absolute_paths() {
        let facts = facts(Path::new("/cwd"));
        let all = ["", "a", "./a/../b/", "/../x//y"].map(|p| text(&absolute(p, &facts)));
        assert_eq!(all, ["/cwd", "/cwd/a", "/cwd/b", "/x/y"]);
    }
}
