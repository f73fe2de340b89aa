//! The sections of the main file and of its includes, merged (D-055, D-073).

use std::collections::HashMap;

use super::dialect::{Section, Setting};

/// Options of this section are given to all others (D-056).
const DEFAULTS: &str = "DEFAULT";

/// How the folder of a file is written in values.
const HERE: &str = "%(here)s";

/// All sections, each name once, in order of their first appearance.
#[derive(Clone, Debug, Default)]
pub struct Document {
    sections: Vec<Section>,
    /// Places of the sections, by name.
    places: HashMap<String, usize>,
    /// `[DEFAULT]`, once it has been spread.
    defaults: Option<Section>,
}

impl Document {
    /// Adds the sections of a further file: the last value of an option wins, and a section
    /// remembers the file in which it first appeared (D-076).
    pub fn merge(&mut self, read: Vec<Section>) {
        for mut section in read {
            let settings = std::mem::take(&mut section.settings);
            let at = match self.places.get(&section.name) {
                Some(at) => *at,
                None => {
                    self.places.insert(section.name.clone(), self.sections.len());
                    self.sections.push(section);
                    self.sections.len() - 1
                }
            };
            if let Some(target) = self.sections.get_mut(at) {
                settings.into_iter().for_each(|setting| target.set(setting));
            }
        }
    }

    /// Puts `folder` where values have `%(here)s`. The reference does so after each file, but only
    /// where there is an `[include]` section (D-045).
    pub fn expand_here(&mut self, folder: &str) {
        // What is put in will still be expanded, so a percent sign in it must survive that.
        let folder = folder.replace('%', "%%");
        for setting in self.sections.iter_mut().flat_map(|s| &mut s.settings) {
            if setting.value.contains(HERE) {
                setting.value = setting.value.replace(HERE, &folder);
            }
        }
    }

    /// Gives the options of `[DEFAULT]` to all sections that lack them; from then on it is none of them.
    pub fn spread_defaults(&mut self) {
        let Some(at) = self.places.get(DEFAULTS) else { return };
        let defaults = self.sections.remove(*at);
        let names = self.sections.iter().map(|section| section.name.clone());
        self.places = names.zip(0..).collect();
        for section in &mut self.sections {
            for setting in &defaults.settings {
                if section.get(&setting.option).is_none() {
                    section.settings.push(setting.clone());
                }
            }
        }
        self.defaults = Some(defaults);
    }

    /// What [`Self::spread_defaults`] has spread.
    pub fn defaults(&self) -> Option<&Section> {
        self.defaults.as_ref()
    }

    /// All sections, in order of their first appearance.
    pub fn sections(&self) -> impl Iterator<Item = &Section> {
        self.sections.iter()
    }

    /// The section of this name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.places.get(name).and_then(|at| self.sections.get(*at))
    }

    /// All sections whose name begins with `prefix`, and what follows it.
    pub fn sections_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a Section, &'a str)> + 'a {
        self.sections.iter().filter_map(move |s| s.name.strip_prefix(prefix).map(|rest| (s, rest)))
    }
}

impl Section {
    /// The option of this name.
    pub fn get(&self, option: &str) -> Option<&Setting> {
        self.settings.iter().find(|s| s.option == option)
    }

    fn set(&mut self, setting: Setting) {
        match self.settings.iter_mut().find(|s| s.option == setting.option) {
            Some(old) => *old = setting,
            None => self.settings.push(setting),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::dialect::read;
    use super::*;

    fn document(texts: &[&str]) -> Document {
        let mut document = Document::default();
        for (n, text) in texts.iter().enumerate() {
            document.merge(read(text, &format!("f{n}")).unwrap());
        }
        document
    }

    fn value(document: &Document, section: &str, option: &str) -> String {
        document.section(section).unwrap().get(option).unwrap().value.clone()
    }

    // D-055, D-073, D-076
    #[test]
    fn last_value_wins_and_first_file_is_kept() {
        let d = document(&["[a]\nx=1\nx=2\n[b]\n[a]\ny=3\n", "[a]\ny=4\n[c]\n"]);
        assert_eq!(value(&d, "a", "x"), "2");
        assert_eq!(value(&d, "a", "y"), "4");
        assert_eq!(&*d.section("a").unwrap().file, "f0");
        assert_eq!(&*d.section("a").unwrap().get("y").unwrap().file, "f1");
        assert_eq!(&*d.section("c").unwrap().file, "f1");
        assert_eq!(d.sections.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    // D-045
    #[test]
    fn here_is_put_in_as_text() {
        let mut d = document(&["[a]\nx=%(here)s/y\n"]);
        d.expand_here("/50%");
        assert_eq!(value(&d, "a", "x"), "/50%%/y");
    }

    // D-056
    #[test]
    fn defaults_fill_what_is_missing() {
        let mut d = document(&["[a]\nx=1\n[DEFAULT]\nx=2\ny=3\n"]);
        d.spread_defaults();
        assert_eq!((value(&d, "a", "x"), value(&d, "a", "y")), ("1".into(), "3".into()));
        assert!(d.section("DEFAULT").is_none());
    }
}
