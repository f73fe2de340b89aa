//! Reads options of one section: expand, convert, and note what goes wrong.

use super::datatypes::Converted;
use super::dialect::{Section, Setting};
use super::document::Document;
use super::error::{ConfigError, Problems};
use super::expand::{Names, expand};
use super::facts::HostFacts;

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
        let title = format!("{}.{}", self.section.name, setting.option);
        let value = expand(&setting.value, &self.names, &title).and_then(|text| convert(&text));
        self.keep(setting, value)
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
