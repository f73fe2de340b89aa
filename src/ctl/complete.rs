//! What Tab offers (C-485).

use super::commands::topics;
use super::render::name_spec;
use crate::client::proxy::ProcessInfo;

/// What the server has told so far while a line is typed.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub processes: Option<Vec<ProcessInfo>>,
    /// Names of event listener pools.
    pub pools: Option<Vec<String>>,
}

/// What a word can be completed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Commands,
    Groups,
    Pools,
    Processes,
    Channels,
    Nothing,
}

impl Kind {
    /// Whether the server must be asked for its processes.
    pub fn needs_processes(self) -> bool {
        matches!(self, Self::Groups | Self::Processes)
    }

    /// Whether the server must be asked for its pools.
    pub fn needs_pools(self) -> bool {
        self == Self::Pools
    }

    /// All that begins with `word`, each with a blank behind it.
    pub fn candidates(self, word: &str, known: &Known) -> Vec<String> {
        let processes = known.processes.as_deref().unwrap_or_default();
        let all = match self {
            Self::Commands => topics().chain(["help"]).map(str::to_owned).collect(),
            Self::Groups => groups(processes),
            Self::Pools => known.pools.clone().unwrap_or_default(),
            Self::Processes => specs(word, processes),
            Self::Channels => vec!["stdout".to_owned(), "stderr".to_owned()],
            Self::Nothing => Vec::new(),
        };
        all.into_iter().filter(|it| it.starts_with(word)).map(|it| format!("{it} ")).collect()
    }
}

/// What stands before the cursor: where its last word begins, that word, and what it can be.
pub(super) fn at(line: &str) -> (usize, &str, Kind) {
    let start = line
        .rfind(char::is_whitespace)
        .map_or(0, |at| at + line.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    let (before, word) = line.split_at(start);
    let mut words = before.split_whitespace();
    let Some(command) = words.next() else { return (start, word, Kind::Commands) };
    let names = words.filter(|word| !word.starts_with('-')).count();
    let kind = match command {
        "help" => Kind::Commands,
        "add" | "remove" | "update" => Kind::Groups,
        "listeners" => Kind::Pools,
        "tail" if names > 0 => Kind::Channels,
        "clear" | "events" | "fg" | "pid" | "restart" | "signal" | "start" | "status" | "stop" | "tail" => {
            Kind::Processes
        }
        _ => Kind::Nothing,
    };
    (start, word, kind)
}

fn groups(processes: &[ProcessInfo]) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for info in processes {
        if !groups.contains(&info.group) {
            groups.push(info.group.clone());
        }
    }
    groups
}

/// Names of processes, and `g:*` for groups of several; with a colon typed, all in full.
fn specs(word: &str, processes: &[ProcessInfo]) -> Vec<String> {
    let mut specs = Vec::new();
    for info in processes {
        if !word.contains(':') && info.group == info.name {
            specs.push(name_spec(&info.group, &info.name));
            continue;
        }
        specs.push(format!("{}:{}", info.group, info.name));
        let whole = format!("{}:*", info.group);
        if !specs.contains(&whole) {
            specs.push(whole);
        }
    }
    specs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(line: &str) -> String {
        let info = |group: &str, name: &str| ProcessInfo {
            group: group.into(),
            name: name.into(),
            ..ProcessInfo::default()
        };
        let known = Known {
            processes: Some(vec![info("cat", "cat"), info("g", "x-1"), info("g", "x-2")]),
            pools: Some(vec!["mailer".into(), "meter".into()]),
        };
        let (_, word, kind) = at(line);
        kind.candidates(word, &known).join("|")
    }

    // C-485
    #[test]
    fn by_command() {
        assert_eq!(offered("sta"), "start |status ");
        assert_eq!(offered("help ve"), "version ");
        assert_eq!(offered("h"), "help ");
        assert_eq!(offered("update "), "cat |g ");
        assert_eq!(offered("stop "), "cat |g:x-1 |g:* |g:x-2 ");
        assert_eq!(offered("stop cat g:x-"), "g:x-1 |g:x-2 ");
        assert_eq!(offered("stop cat:"), "cat:cat |cat:* ");
        assert_eq!(offered("tail -f cat std"), "stdout |stderr ");
        assert_eq!(offered("list"), "listeners ");
        assert_eq!(offered("listeners "), "mailer |meter ");
        assert_eq!(offered("listeners --json met"), "meter ");
        assert_eq!(offered("version x"), "");
    }
}
