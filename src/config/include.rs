//! Which files an `[include]` pattern names (D-070, D-071).
//!
//! Paths are made by joining text, so that they read as the pattern was written. Matching a single
//! name is the glob crate's.

use glob::{MatchOptions, Pattern};

use super::facts::HostFacts;
use super::paths;

/// What exists and matches `pattern`, sorted.
pub(super) fn matches(pattern: &str, facts: &HostFacts) -> Vec<String> {
    let mut found = matching(pattern, facts);
    found.sort();
    found
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn matching(pattern: &str, facts: &HostFacts) -> Vec<String> {
    if !has_wildcard(pattern) {
        return if exists(pattern, facts) { vec![pattern.to_owned()] } else { Vec::new() };
    }
    let folder = paths::folder_of(pattern);
    let name = pattern.rsplit('/').next().unwrap_or(pattern);
    let folders = if has_wildcard(folder) { matching(folder, facts) } else { vec![folder.to_owned()] };
    folders.iter().flat_map(|folder| names_in(folder, name, facts)).collect()
}

fn exists(path: &str, facts: &HostFacts) -> bool {
    let located = paths::located(path, facts);
    if path.ends_with('/') { located.is_dir() } else { located.symlink_metadata().is_ok() }
}

/// What in `folder` matches `name`, with the folder in front.
fn names_in(folder: &str, name: &str, facts: &HostFacts) -> Vec<String> {
    if !has_wildcard(name) {
        let path = paths::join(folder, name);
        let there = if name.is_empty() { paths::is_folder(folder, facts) } else { exists(&path, facts) };
        let path = if name.is_empty() { format!("{}/", folder.trim_end_matches('/')) } else { path };
        return if there { vec![path] } else { Vec::new() };
    }
    let pattern = compile(name);
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let Ok(entries) = paths::located(folder, facts).read_dir() else {
        return Vec::new();
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|n| pattern.matches_with(n, options)).map(|n| paths::join(folder, &n)).collect()
}

/// `**` is no more than `*`, and a bracket that is not closed stands for itself.
fn compile(name: &str) -> Pattern {
    let mut text = name.to_owned();
    while text.contains("**") {
        text = text.replace("**", "*");
    }
    Pattern::new(&text)
        .or_else(|_| Pattern::new(&text.replace('[', "[[]")))
        .unwrap_or_else(|_| Pattern::new(&Pattern::escape(&text)).expect("an escaped pattern is one"))
}

#[cfg(test)]
mod tests {
    use super::super::facts::testing::facts;
    use super::*;

    // D-070, D-071
    #[test]
    fn wildcards_within_folders() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
            for file in ["2.conf", "10.conf", ".hidden.conf", "x.ini"] {
                std::fs::write(dir.path().join(name).join(file), "").unwrap();
            }
        }
        let facts = facts(dir.path());
        let found = |pattern: &str| matches(pattern, &facts);
        assert_eq!(found("a/*.conf"), ["a/10.conf", "a/2.conf"]);
        assert_eq!(found("./a/?.conf"), ["./a/2.conf"]);
        assert_eq!(found("*/2.conf"), ["a/2.conf", "b/2.conf"]);
        assert_eq!(found("[!a]/x.*"), ["b/x.ini"]);
        assert_eq!(found("a/.h*"), ["a/.hidden.conf"]);
        assert_eq!(found("a/x.ini"), ["a/x.ini"]);
        assert_eq!(found("**/x.ini").len(), 2);
        assert!(found("a/[x.ini").is_empty() && found("none/*").is_empty() && found("a/none").is_empty());
        let absolute = format!("{}/b/x*", dir.path().display());
        assert_eq!(matches(&absolute, &facts), [format!("{}/b/x.ini", dir.path().display())]);
    }
}
