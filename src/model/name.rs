//! Names of groups and processes, and the text by which users address them.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// A process within its group. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessName(Arc<Parts>);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Parts {
    group: Arc<str>,
    name: Box<str>,
    /// Of both, since names are looked up far more often than they are made.
    hash: u64,
}

impl ProcessName {
    /// Process `name` of group `group`.
    pub fn new(group: Arc<str>, name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (&group, name).hash(&mut hasher);
        Self(Arc::new(Parts { group, name: name.into(), hash: hasher.finish() }))
    }

    /// The group's name.
    pub fn group(&self) -> &Arc<str> {
        &self.0.group
    }

    /// The name within the group.
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

impl Hash for ProcessName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl fmt::Display for ProcessName {
    /// The name spec: `name` where the group has the same name, else `group:name` (C-201).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self.0.group == *self.0.name {
            f.write_str(&self.0.name)
        } else {
            write!(f, "{}:{}", self.0.group, self.0.name)
        }
    }
}

impl fmt::Debug for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.group, self.0.name)
    }
}

/// The processes that a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One process.
    Process(ProcessName),
    /// All of a group.
    Group(Arc<str>),
    /// All there are.
    All,
}

impl Target {
    /// What a client's text means (C-202): it is split at the first colon; `group:*` and `group:` are the
    /// whole group, and without a colon group and process have that name.
    pub fn of_spec(spec: &str) -> Self {
        match spec.split_once(':') {
            Some((group, "" | "*")) => Self::Group(group.into()),
            Some((group, name)) => Self::Process(ProcessName::new(group.into(), name)),
            None => Self::Process(ProcessName::new(spec.into(), spec)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-202
    #[test]
    fn specs() {
        let process = |group: &str, name| Target::Process(ProcessName::new(group.into(), name));
        assert_eq!(Target::of_spec("web"), process("web", "web"));
        assert_eq!(Target::of_spec("web:a:b"), process("web", "a:b"));
        assert_eq!(Target::of_spec("web:*"), Target::Group("web".into()));
        assert_eq!(Target::of_spec("web:"), Target::Group("web".into()));
        assert_eq!(Target::of_spec(":*"), Target::Group("".into()));
        assert_eq!(Target::of_spec(""), process("", ""));
    }

    // C-201
    #[test]
    fn spec_is_short_where_group_and_process_share_a_name() {
        assert_eq!(ProcessName::new("web".into(), "web").to_string(), "web");
        assert_eq!(ProcessName::new("web".into(), "a_0").to_string(), "web:a_0");
    }
}
