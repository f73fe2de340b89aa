//! Environment lists and command lines: names come once, and what was read can be quoted and read again.

use supervisor::config::words::{environment, split_command};

fn check_environment(list: &str) {
    let Ok(pairs) = environment(list) else { return };
    for (n, (name, _)) in pairs.iter().enumerate() {
        assert!(!name.is_empty() && pairs[..n].iter().all(|(other, _)| other != name), "{name} comes twice");
    }
    // A name in quotes keeps them; there is no way to write a value that has both kinds.
    let writable = |(name, value): &(String, String)| {
        !name.contains(['"', '\'']) && !value.contains('"') && value.trim_matches('\'') == value
    };
    if pairs.iter().all(writable) {
        let quoted: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        assert_eq!(environment(&quoted.join(",")), Ok(pairs));
    }
}

fn check_command(command: &str) {
    let Ok(words) = split_command(command) else { return };
    let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
    assert_eq!(split_command(&quoted.join(" ")), Ok(words));
}

/// One run.
pub fn run(text: &str) {
    check_environment(text);
    check_command(text);
}
