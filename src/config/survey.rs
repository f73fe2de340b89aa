//! A configuration with all that is to be said of it, for a check: problems and warnings with their places.

use super::document::Document;
use super::error::{ConfigError, ConfigErrors};
use super::reader::Findings;
use super::schema::Config;
use super::unknown::unknown;
use crate::model::name::ProcessName;
use crate::model::notice::Level;

/// A configuration whose files could be read. Where there are problems, what was refused has its default.
pub struct Survey {
    /// What was read.
    config: Config,
    findings: Findings,
    /// What was warned of, with its place.
    warnings: Vec<ConfigError>,
    document: Document,
}

impl Survey {
    pub(super) fn new(config: Config, findings: Findings, document: Document) -> Self {
        Self { config, findings, warnings: Vec::new(), document }
    }

    /// The configuration, unless something is wrong with it.
    pub fn into_config(mut self) -> Result<Config, ConfigErrors> {
        self.findings.problems.check()?;
        Ok(self.config)
    }

    /// The configuration, whether or not something is wrong with it.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The section that a process comes from, such as `program:x`.
    pub fn section_of(&self, process: &ProcessName) -> Option<&str> {
        self.findings.sections.get(process).map(String::as_str)
    }

    /// Notes that an option's value will not do, unless that was said already. Where the section does not
    /// have the option, its default will not do. A section that is not there is the command line's fault.
    pub fn refuse(&mut self, section: &str, option: &str, text: impl Into<String>) {
        let error = self.place(section, option, text.into());
        if !self.findings.problems.mention(&error) {
            self.findings.problems.push(error);
        }
    }

    /// The same for what does not hinder a start.
    pub fn warn(&mut self, section: &str, option: &str, text: impl Into<String>) {
        let warning = self.place(section, option, text.into());
        if !self.findings.problems.mention(&warning) {
            self.warnings.push(warning);
        }
    }

    fn place(&self, section: &str, option: &str, text: String) -> ConfigError {
        match self.document.section(section) {
            Some(section) => match section.get(option) {
                Some(setting) => ConfigError::at(section, setting, text),
                None => ConfigError::within(section, text),
            },
            None => ConfigError::new(text),
        }
    }

    /// All problems.
    pub fn problems(&self) -> impl Iterator<Item = &ConfigError> {
        self.findings.problems.iter()
    }

    /// All warnings: what the activity log would say of the configuration at a start, at WARN and above,
    /// then what has a place in it, then what no section knows.
    pub fn warnings(&self) -> Vec<String> {
        let unknown = unknown(&self.document, &self.findings.asked);
        let unknown = unknown.iter().filter(|it| !self.findings.problems.mention(it));
        let messages = self.config.messages.iter().filter(|(level, _)| *level >= Level::Warn);
        let mut all: Vec<String> = messages.map(|(_, text)| text.clone()).collect();
        for warning in self.warnings.iter().chain(unknown) {
            let text = warning.to_string();
            if !all.contains(&text) {
                all.push(text);
            }
        }
        all
    }
}
