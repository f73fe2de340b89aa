//! Reads one section into a struct with a field per option, by serde.
//!
//! The fields are `Option<Setting>`: text with its place. Options that the struct does not have are
//! passed over (D-059). Types and their errors are the business of `datatypes`.

use serde::Deserialize;
use serde::de::value::{Error, MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::dialect::{Section, Setting};

impl Section {
    /// This section's options as the struct `T`, all of whose fields are `Option<Setting>`.
    pub(super) fn options<'de, T: Deserialize<'de>>(&self) -> T {
        let entries = self.settings.iter().map(|s| (s.option.as_str(), s.clone()));
        T::deserialize(MapDeserializer::<_, Error>::new(entries)).expect("optional settings take any section")
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
        let options: Some2 = section.options();
        assert_eq!(options.priority, section.get("priority").cloned());
        assert_eq!(options.priority.unwrap().line, 3);
        assert_eq!(options.user, None);
    }
}
