//! The manual pages and completions that packages bring along: all there, with all options and commands.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::sandbox::Sandbox;

/// The generator, which cargo builds beside the tests.
fn generator() -> PathBuf {
    let target = std::env::current_exe().unwrap();
    target.ancestors().nth(2).unwrap().join("examples/manuals")
}

const PROGRAMS: [(&str, &str); 8] = [
    ("supervisord", env!("CARGO_BIN_EXE_supervisord")),
    ("supervisorctl", env!("CARGO_BIN_EXE_supervisorctl")),
    ("memmon", env!("CARGO_BIN_EXE_memmon")),
    ("httpok", env!("CARGO_BIN_EXE_httpok")),
    ("crashmail", env!("CARGO_BIN_EXE_crashmail")),
    ("crashmailbatch", env!("CARGO_BIN_EXE_crashmailbatch")),
    ("fatalmailbatch", env!("CARGO_BIN_EXE_fatalmailbatch")),
    ("crashsms", env!("CARGO_BIN_EXE_crashsms")),
];

/// Words of a text that are long options.
fn long_options(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c.is_whitespace() || "[]<>,=".contains(c));
    words
        .filter(|it| it.len() > 2 && it.starts_with("--"))
        .map(|it| it.trim_end_matches('.').to_owned())
        .collect()
}

#[test]
fn they_name_every_option_and_command() {
    let sandbox = Sandbox::new();
    let programs = PathBuf::from(PROGRAMS[0].1);
    let made = Command::new(generator()).arg(sandbox.dir()).arg(programs.parent().unwrap()).status().unwrap();
    assert!(made.success());
    let page = |name: &str| fs::read_to_string(sandbox.path("man").join(name)).unwrap().replace("\\-", "-");
    for (name, program) in PROGRAMS {
        let help = Command::new(program).arg("--help").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let page = page(&format!("{name}.1"));
        assert!(page.contains(".SH NAME") && page.contains(".SH OPTIONS"), "{name}");
        let options = long_options(&help);
        assert!(options.contains(&"--help".to_owned()), "{name}: {help}");
        options
            .iter()
            .for_each(|option| assert!(page.contains(option), "{option} is not in the page of {name}"));
    }
    for name in ["pidproxy.1", "echo_supervisord_conf.1", "supervisord.conf.5"] {
        assert!(page(name).contains(".SH NAME"), "{name}");
    }
    assert!(page("supervisord.conf.5").contains("autorestart="));
    let commands =
        ["add", "avail", "clear", "events", "fg", "listeners", "maintail", "reread", "tail", "update"];
    for file in ["bash/supervisorctl", "zsh/_supervisorctl", "fish/supervisorctl.fish"] {
        let text = sandbox.read(&format!("completions/{file}"));
        assert!(commands.iter().all(|it| text.contains(it)) && text.contains("serverurl"), "{file}");
    }
    for file in ["bash/supervisord", "zsh/_supervisord", "fish/supervisord.fish"] {
        assert!(sandbox.read(&format!("completions/{file}")).contains("childlogdir"), "{file}");
    }
}
