//! What a file has and nobody reads: options and sections that a start passes over in silence (D-059), but
//! a check tells of.

use std::collections::BTreeSet;

use super::dialect::{Section, Setting};
use super::document::Document;
use super::error::ConfigError;
use super::kinds;
use super::section::Asked;
use super::text::quoted;

/// All options and sections of `document` that no reader has asked for.
pub(super) fn unknown(document: &Document, asked: &Asked) -> Vec<ConfigError> {
    let sections = document.sections().flat_map(|section| in_section(section, document, asked));
    let defaults = document.defaults().map(|section| options(section, &[], &asked.anywhere()));
    sections.chain(defaults.into_iter().flatten()).collect()
}

fn in_section(section: &Section, document: &Document, asked: &Asked) -> Vec<ConfigError> {
    let spread = document.defaults().map(|it| it.settings.as_slice()).unwrap_or_default();
    match (kinds::of(&section.name), asked.of(section)) {
        (None, _) => vec![unknown_section(section)],
        // Its options are the plugin's business.
        (Some(kinds::CLIENT_PLUGIN), _) => Vec::new(),
        (Some(_), Some(known)) => options(section, spread, known),
        // Nobody looked into it: its name is wrong, which is told by whoever looked at that.
        (Some(_), None) => Vec::new(),
    }
}

fn unknown_section(section: &Section) -> ConfigError {
    let hint = kinds::meant(&section.name).map(|name| format!(", did you mean [{name}]?"));
    ConfigError::within(section, format!("unknown section{}", hint.unwrap_or_default()))
}

/// What `section` has beyond `known` and what `[DEFAULT]` has given it.
fn options(section: &Section, spread: &[Setting], known: &BTreeSet<&'static str>) -> Vec<ConfigError> {
    let names: Vec<&str> = known.iter().copied().collect();
    let is_known = |setting: &&Setting| known.contains(setting.option.as_str()) || spread.contains(setting);
    let unknown = section.settings.iter().filter(|setting| !is_known(setting));
    let told = unknown.map(|setting| {
        let near = kinds::nearest(&setting.option, names.iter().copied()).and_then(|at| names.get(at));
        let hint = near.map(|name| format!(", did you mean {}?", quoted(name))).unwrap_or_default();
        ConfigError::at(section, setting, format!("unknown option {}{hint}", quoted(&setting.option)))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::super::dialect::read;
    use super::*;

    fn told(text: &str, asked: &[(&str, &[&'static str])]) -> Vec<String> {
        let mut document = Document::default();
        document.merge(read(text, "f").unwrap());
        document.spread_defaults();
        let mut note = Asked::default();
        for (name, options) in asked {
            note.note(document.section(name).unwrap(), options);
        }
        let shown = |error: &ConfigError| error.to_string().replace(" (file: 'f')", "");
        unknown(&document, &note).iter().map(shown).collect()
    }

    // D-059
    #[test]
    fn options_that_nobody_asked_for() {
        let text = "[program:x]\ncomand=cat\nuser=a\ncolour=red\n[metrics]\nprot=1\n[program:]\nx=1\n";
        let asked: [(&str, &[&str]); 2] =
            [("program:x", &["command", "user"]), ("metrics", &["port", "path"])];
        assert_eq!(
            told(text, &asked),
            [
                "unknown option 'comand', did you mean 'command'? in section 'program:x' (option comand, line 2)",
                "unknown option 'colour' in section 'program:x' (option colour, line 4)",
                "unknown option 'prot', did you mean 'port'? in section 'metrics' (option prot, line 6)",
            ]
        );
    }

    // D-059, D-156
    #[test]
    fn sections_of_no_known_kind() {
        let text = "[progam:x]\na=1\n[nginx]\n[ctlplugin:x]\nb=1\n";
        assert_eq!(
            told(text, &[]),
            [
                "unknown section, did you mean [program:x]? in section 'progam:x' (line 1)",
                "unknown section in section 'nginx' (line 3)",
            ]
        );
    }

    // D-056
    #[test]
    fn defaults_are_told_of_once() {
        let text = "[DEFAULT]\nuser=a\nusr=b\n[program:x]\n[group:y]\n";
        let asked: [(&str, &[&str]); 2] = [("program:x", &["user"]), ("group:y", &["programs"])];
        assert_eq!(
            told(text, &asked),
            ["unknown option 'usr', did you mean 'user'? in section 'DEFAULT' (option usr, line 3)"]
        );
    }
}
