//! What is wrong with a configuration, and where (D-008).

use std::fmt;
use std::sync::Arc;

use super::dialect::{Section, Setting};
use super::text::quoted;

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The reference's text for it.
    text: String,
    place: Option<Place>,
}

/// Where the trouble is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    section: String,
    /// Where the section first appeared.
    file: Arc<str>,
    option: Option<String>,
    /// Where the option, or else the section's header stands.
    found: (Arc<str>, u32),
}

impl ConfigError {
    /// An error that has no place in a file, or whose text tells it.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), place: None }
    }

    /// An error of an option.
    pub fn at(section: &Section, setting: &Setting, text: impl Into<String>) -> Self {
        Self::placed(section, Some(setting.option.clone()), (setting.file.clone(), setting.line), text.into())
    }

    /// An error of a section: something that it lacks.
    pub fn within(section: &Section, text: impl Into<String>) -> Self {
        Self::placed(section, None, (section.file.clone(), section.line), text.into())
    }

    fn placed(section: &Section, option: Option<String>, found: (Arc<str>, u32), text: String) -> Self {
        let (name, file) = (section.name.clone(), section.file.clone());
        Self { text, place: Some(Place { section: name, file, option, found }) }
    }
}

impl fmt::Display for ConfigError {
    /// The text, ` in section 'program:x' (file: 'PATH')` (D-076), then option and line; the file
    /// again where the option stands in another one than the section's first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        let Some(place) = &self.place else { return Ok(()) };
        write!(f, " in section {} (file: {}) (", quoted(&place.section), quoted(&place.file))?;
        if let Some(option) = &place.option {
            write!(f, "option {option}, ")?;
        }
        let (file, line) = &place.found;
        if *file != place.file {
            write!(f, "file {}, ", quoted(file))?;
        }
        write!(f, "line {line})")
    }
}

impl std::error::Error for ConfigError {}

/// All that is wrong with a configuration, in the order in which the reference would meet it; at
/// least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// The errors, one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    /// Joined by `; `, as in an XML-RPC fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if n == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// What a program writes to stderr before it exits with status 2: a line for each message, then the
/// one that points to the help (D-008).
pub fn render_errors<T: fmt::Display>(argv0: &str, messages: impl IntoIterator<Item = T>) -> String {
    let lines: String = messages.into_iter().map(|message| format!("Error: {message}\n")).collect();
    format!("{lines}For help, use {argv0} -h\n")
}

/// Gathers errors. The same one is kept once: a program in two groups is read twice.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<ConfigError>);

impl Problems {
    pub(super) fn push(&mut self, error: ConfigError) {
        if !self.0.contains(&error) {
            self.0.push(error);
        }
    }

    /// Whether something is said already of the option, or the section, that `error` is about.
    pub(super) fn mention(&self, error: &ConfigError) -> bool {
        error.place.is_some() && self.0.iter().any(|it| it.place == error.place)
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// `Err` if there are any.
    pub(super) fn check(&mut self) -> Result<(), ConfigErrors> {
        if self.0.is_empty() { Ok(()) } else { Err(self.take()) }
    }

    /// What there is, where something is known to be wrong.
    pub(super) fn take(&mut self) -> ConfigErrors {
        ConfigErrors(std::mem::take(&mut self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section() -> Section {
        Section { name: "program:x".into(), file: "/p/a".into(), line: 3, settings: Vec::new() }
    }

    fn setting(file: &str) -> Setting {
        Setting { option: "umask".into(), value: "9".into(), file: file.into(), line: 7 }
    }

    // D-076
    #[test]
    fn places_follow_the_text() {
        let of = |e: ConfigError| e.to_string();
        let head = "bad in section 'program:x' (file: '/p/a')";
        assert_eq!(
            of(ConfigError::at(&section(), &setting("/p/a"), "bad")),
            format!("{head} (option umask, line 7)")
        );
        assert_eq!(
            of(ConfigError::at(&section(), &setting("/p/b"), "bad")),
            format!("{head} (option umask, file '/p/b', line 7)")
        );
        assert_eq!(of(ConfigError::within(&section(), "bad")), format!("{head} (line 3)"));
        assert_eq!(of(ConfigError::new("bad")), "bad");
    }

    // D-008
    #[test]
    fn one_line_each_then_the_pointer_to_the_help() {
        let text = render_errors("bin/supervisord", ["a", "b"]);
        assert_eq!(text, "Error: a\nError: b\nFor help, use bin/supervisord -h\n");
    }

    #[test]
    fn the_same_error_is_kept_once() {
        let mut problems = Problems::default();
        for text in ["a", "b", "a"] {
            problems.push(ConfigError::new(text));
        }
        assert_eq!(problems.check().unwrap_err().to_string(), "a; b");
    }
}
