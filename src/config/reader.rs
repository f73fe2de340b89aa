//! Reads options of one section: expand, convert, and note what goes wrong.

use std::collections::HashMap;

use serde::Deserialize;

use super::datatypes::Converted;
use super::dialect::{Section, Setting};
use super::document::Document;
use super::error::{ConfigError, Problems};
use super::expand::{Names, expand, expand_secret};
use super::facts::HostFacts;
use super::section::Asked;
use crate::model::name::ProcessName;

/// What all sections are read with.
pub(super) struct Context<'a> {
    pub document: &'a Document,
    pub facts: &'a HostFacts,
    /// Folder of the main file: `%(here)s` where it has not been put in as text.
    pub here: String,
    /// `ENV_` names: the daemon's environment, then what `[supervisord] environment` adds (D-063).
    pub variables: Names,
    /// `[supervisord] environment` itself.
    pub environment: Vec<(String, String)>,
}

/// What reading has to say.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub problems: Problems,
    /// For the activity log (D-047).
    pub warnings: Vec<String>,
    /// Likewise.
    pub infos: Vec<String>,
    /// The section that each process comes from.
    pub sections: HashMap<ProcessName, String>,
    /// The options that were looked for.
    pub asked: Asked,
}

/// One section with the names that its options may use.
///
/// A value that is refused is noted, and counts as not given from there on: so one pass finds all
/// there is to find, in the order of reading.
pub(super) struct Reader<'a> {
    pub section: &'a Section,
    pub names: Names,
    pub findings: &'a mut Findings,
}

impl Reader<'_> {
    /// The section's options as a struct.
    pub fn options<'de, T: Deserialize<'de>>(&mut self) -> T {
        self.section.options(&mut self.findings.asked)
    }

    /// An option's expanded text.
    pub fn text(&mut self, setting: &Option<Setting>) -> Option<String> {
        self.value(setting, |text| Ok(text.to_owned()))
    }

    /// An option's value.
    pub fn value<T>(
        &mut self,
        setting: &Option<Setting>,
        convert: impl FnOnce(&str) -> Converted<T>,
    ) -> Option<T> {
        let setting = setting.as_ref()?;
        let value = expand(&setting.value, &self.names, &self.title(setting));
        let text = self.expanded(setting, value)?;
        self.keep(setting, convert(&text))
    }

    /// The text of an option that nobody may see: it is not in what is said of it.
    pub fn secret(&mut self, setting: &Option<Setting>) -> Option<String> {
        let setting = setting.as_ref()?;
        let value = expand_secret(&setting.value, &self.names, &self.title(setting));
        self.expanded(setting, value)
    }

    /// What expanding a setting gave. Where variables are missing because their list was refused, that
    /// was said already.
    pub fn expanded(&mut self, setting: &Setting, value: Converted<String>) -> Option<String> {
        if value.is_err() && self.names.excuse(&setting.value) { None } else { self.keep(setting, value) }
    }

    /// What the reference calls an option in errors of expansion.
    fn title(&self, setting: &Setting) -> String {
        format!("{}.{}", self.section.name, setting.option)
    }

    /// Puts an option's value into `target`, if it is given and good.
    pub fn set<T>(
        &mut self,
        target: &mut T,
        setting: &Option<Setting>,
        convert: impl FnOnce(&str) -> Converted<T>,
    ) {
        if let Some(value) = self.value(setting, convert) {
            *target = value;
        }
    }

    /// The value, or `None` and a note of what is wrong with it.
    pub fn keep<T>(&mut self, setting: &Setting, value: Converted<T>) -> Option<T> {
        value.map_err(|text| self.refuse(Some(setting), text)).ok()
    }

    /// Notes that a setting, or if it is not there the section, is wrong.
    pub fn refuse(&mut self, setting: Option<&Setting>, text: impl Into<String>) {
        self.findings.problems.push(match setting {
            Some(setting) => ConfigError::at(self.section, setting, text),
            None => ConfigError::within(self.section, text),
        });
    }
}
