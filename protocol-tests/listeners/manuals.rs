//! The pages of the listeners tell of every option, and the configuration in the help is one.

use std::fs;
use std::path::Path;

use super::super::harness::daemon::{Implementation, Launch};
use super::super::harness::listener::Stage;
use super::super::harness::sandbox::Sandbox;

const PROGRAMS: [&str; 6] = ["memmon", "httpok", "crashmail", "crashmailbatch", "fatalmailbatch", "crashsms"];

fn help(name: &str) -> String {
    let sandbox = Sandbox::new();
    Stage::new(&sandbox, Implementation::Ours, name, &["--help"]).play(&[]).stdout
}

#[test]
fn pages_tell_of_every_option() {
    for name in PROGRAMS {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/listeners/{name}.md"));
        let page = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        let help = help(name);
        for line in help.lines().filter(|line| line.starts_with("  -")) {
            let forms = line.split_whitespace().filter(|word| word.starts_with('-'));
            for form in forms.map(|form| form.trim_end_matches(',')) {
                assert!(page.contains(&format!("`{form}")), "{name}.md does not tell of {form}");
            }
        }
        let (_, configuration) = help.split_once("Configuration:\n\n").unwrap();
        for line in configuration.lines() {
            assert!(page.contains(line.trim()), "{name}.md lacks: {line}");
        }
    }
}

#[test]
fn the_configurations_can_be_copied() {
    for name in PROGRAMS {
        let help = help(name);
        let (_, configuration) = help.split_once("Configuration:\n\n").unwrap();
        let sandbox = Sandbox::new();
        let text = configuration.replace("  ", "");
        sandbox.configure(&format!("{text}\nautostart=false\n"));
        let daemon = Launch::new(&sandbox).start_up();
        assert!(daemon.process(name).is_some(), "{name}: {text}");
        assert!(daemon.stop().success());
    }
}
