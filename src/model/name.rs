//! Names of groups and processes, and the text by which users address them.

use std::fmt;
use std::sync::Arc;

/// A process within its group. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessName(Arc<Parts>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    group: Arc<str>,
    name: Box<str>,
}

impl ProcessName {
    /// Process `name` of group `group`.
    pub fn new(group: Arc<str>, name: &str) -> Self {
        Self(Arc::new(Parts { group, name: name.into() }))
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

#[cfg(test)]
mod tests {
    use super::*;

    // C-201
    #[test]
    fn spec_is_short_where_group_and_process_share_a_name() {
        assert_eq!(ProcessName::new("web".into(), "web").to_string(), "web");
        assert_eq!(ProcessName::new("web".into(), "a_0").to_string(), "web:a_0");
    }
}
