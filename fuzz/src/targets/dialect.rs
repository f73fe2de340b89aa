//! The INI dialect: what was read, written out plainly, is read the same again; lines are those of the text.

use supervisor::config::dialect::{Malformed, Section, read};

/// Names and values of a reading, without their places.
fn contents(sections: &[Section]) -> Vec<(&str, Vec<(&str, &str)>)> {
    sections.iter().map(|section| (&*section.name, options(section))).collect()
}

fn options(section: &Section) -> Vec<(&str, &str)> {
    section.settings.iter().map(|it| (&*it.option, &*it.value)).collect()
}

/// The sections as somebody would write them who knows continuation lines only.
fn written(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        text.push_str(&format!("[{}]\n", section.name));
        for setting in &section.settings {
            text.push_str(&format!("{}={}\n", setting.option, setting.value.replace('\n', "\n\t")));
        }
    }
    text
}

/// Whether written out plainly it must read the same: no blank before a comment sign, nothing that the
/// stripping of lines takes away, no line of a value that is empty or begins like a comment.
fn is_plain(sections: &[Section]) -> bool {
    let harmless = |text: &str| !text.contains([';', '#', '\r']);
    sections.iter().all(|section| {
        let options = section.settings.iter().all(|it| {
            harmless(&it.option)
                && harmless(&it.value)
                && !it.option.starts_with('[')
                && !it.value.contains("\n\n")
        });
        harmless(&section.name) && options
    })
}

fn check_places(sections: &[Section], lines: u32) {
    for section in sections {
        assert!(section.line >= 1 && section.line <= lines);
        for setting in &section.settings {
            assert!(setting.line > section.line && setting.line <= lines);
            assert_eq!(setting.option, setting.option.to_lowercase());
        }
    }
}

/// One run.
pub fn run(text: &str) {
    let lines = u32::try_from(text.len()).unwrap_or(u32::MAX) + 1;
    match read(text, "f") {
        Ok(sections) => {
            check_places(&sections, lines);
            if is_plain(&sections) {
                let again = written(&sections);
                let sections_again = read(&again, "f").unwrap_or_else(|error| panic!("{error}: {again:?}"));
                assert_eq!(contents(&sections_again), contents(&sections), "{again:?}");
            }
        }
        Err(Malformed::NoHeader { line, .. }) => assert!(line >= 1 && line <= lines),
        Err(Malformed::Lines { lines: bad, .. }) => {
            assert!(!bad.is_empty() && bad.is_sorted());
        }
    }
}
