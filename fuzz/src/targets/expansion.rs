//! Expansions: text without a percent sign stays, an escaped text comes back, errors name what they are of.

use supervisor::config::expand::{Names, expand};

const SECRET: &str = "value-of-the-environment";
/// What one directive may ask for, and how often a short text can.
const MOST: usize = 1 << 17;

fn names() -> Names {
    let mut names = Names::of_environment([("HOME", "/home/alice"), ("S", SECRET)]);
    names.set_number("process_num", -7);
    names.set_number("numprocs", i64::MIN);
    names.with("program_name", "prógram").with("here", "/etc/%d")
}

/// One run.
pub fn run(text: &str) {
    let names = names();
    match expand(text, &names, "a title") {
        Ok(expanded) => {
            assert!(text.contains('%') || expanded == text);
            assert!(expanded.len() <= MOST * (1 + text.matches('%').count()) + text.len());
            assert!(!expanded.contains(SECRET) || text.contains("(ENV_S)") || text.contains(SECRET));
        }
        Err(error) => {
            assert!(text.contains('%') && error.contains("'a title'"), "{error}");
            assert!(!error.contains(SECRET) || text.contains(SECRET));
        }
    }
    assert_eq!(expand(&text.replace('%', "%%"), &names, "x").as_deref(), Ok(text));
}
