//! Reads one section into a struct with a field per option, by serde.
//!
//! The fields are `Option<Setting>`: text with its place. Options that the struct does not have are
//! passed over (D-059); [`Asked`] keeps which ones it has, so that a check can tell of the others. Types
//! and their errors are the business of `datatypes`.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde::de::value::{Error, MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::dialect::{Section, Setting};

impl Section {
    /// This section's options as the struct `T`, all of whose fields are `Option<Setting>`; `asked` notes
    /// which fields those are.
    pub(super) fn options<'de, T: Deserialize<'de>>(&self, asked: &mut Asked) -> T {
        let entries = Entries { section: self, asked };
        T::deserialize(entries).expect("optional settings take any section")
    }
}

/// The options that have been looked for, by section.
#[derive(Debug, Default)]
pub(super) struct Asked(HashMap<String, BTreeSet<&'static str>>);

impl Asked {
    /// Notes options that are looked for in a section, whether or not it has them.
    pub fn note(&mut self, section: &Section, options: &[&'static str]) {
        match self.0.get_mut(&section.name) {
            Some(known) => known.extend(options),
            None => drop(self.0.insert(section.name.clone(), options.iter().copied().collect())),
        }
    }

    /// What has been looked for in a section; `None` if nobody looked at it.
    pub fn of(&self, section: &Section) -> Option<&BTreeSet<&'static str>> {
        self.0.get(&section.name)
    }

    /// What has been looked for in any section.
    pub fn anywhere(&self) -> BTreeSet<&'static str> {
        self.0.values().flatten().copied().collect()
    }
}

/// Shows a section to serde as a map, and notes the fields of the struct that is made of it.
struct Entries<'a> {
    section: &'a Section,
    asked: &'a mut Asked,
}

impl<'de> Deserializer<'de> for Entries<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.asked.note(self.section, fields);
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let entries = self.section.settings.iter().map(|s| (s.option.as_str(), s.clone()));
        visitor.visit_map(MapDeserializer::new(entries))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct option
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Setting {
    type Deserializer = SettingDeserializer;

    fn into_deserializer(self) -> SettingDeserializer {
        SettingDeserializer(self)
    }
}

/// Shows a setting to serde as four strings.
pub struct SettingDeserializer(Setting);

impl<'de> Deserializer<'de> for SettingDeserializer {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Setting { option, value, file, line } = self.0;
        let fields = [option, value, file.to_string(), line.to_string()];
        let strings =
            fields.into_iter().map(|field| -> StringDeserializer<Error> { field.into_deserializer() });
        visitor.visit_seq(SeqDeserializer::new(strings))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let [option, value, file, line] = <[String; 4]>::deserialize(deserializer)?;
        let line = line.parse().map_err(de::Error::custom)?;
        Ok(Self { option, value, file: file.into(), line })
    }
}

#[cfg(test)]
mod tests {
    use super::super::dialect::read;
    use super::*;

    #[derive(Deserialize)]
    struct Some2 {
        priority: Option<Setting>,
        user: Option<Setting>,
    }

    // D-059
    #[test]
    fn known_options_keep_their_place_and_others_are_passed_over() {
        let section = read("[s]\nunknown=%\npriority=5\n", "f").unwrap().remove(0);
        let mut asked = Asked::default();
        let options: Some2 = section.options(&mut asked);
        assert_eq!(asked.of(&section), Some(&["priority", "user"].into()));
        assert_eq!(options.priority, section.get("priority").cloned());
        assert_eq!(options.priority.unwrap().line, 3);
        assert_eq!(options.user, None);
    }
}
