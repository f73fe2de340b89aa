//! The reference's own sample configuration, snippet by snippet: as it is, each of its commented sections
//! as a whole, and each commented option by itself.

use std::process::Command;

use super::corpus::Case;
use crate::harness::reference;

/// What a section needs beside the option that is tried.
const NEEDED: [(&str, &str); 4] = [
    ("program:", "command=/bin/cat\n"),
    ("eventlistener:", "command=/bin/cat\nevents=TICK_60\n"),
    ("inet_http_server", "port=127.0.0.1:@PORT@\n"),
    ("group:", "programs=progname1\n"),
];

/// A section's option as the sample has it, commented or not.
struct Line {
    section: String,
    section_is_commented: bool,
    commented: bool,
    text: String,
}

/// All cases.
pub fn cases() -> Vec<Case> {
    let lines = lines(&sample());
    let active = text_of(lines.iter().filter(|line| !line.commented));
    let mut cases = vec![case("whole", active.clone())];
    for line in lines.iter().filter(|line| line.commented) {
        let needed = needed(&line.section);
        let text = format!("{active}[{}]\n{needed}{}\n", line.section, line.text);
        cases.push(case(&format!("[{}] {}", line.section, line.text), text));
    }
    let mut sections: Vec<&str> =
        lines.iter().filter(|l| l.section_is_commented).map(|l| &*l.section).collect();
    sections.dedup();
    for section in sections {
        let own = text_of(lines.iter().filter(|line| line.section == section));
        cases.push(case(&format!("all of [{section}]"), format!("{active}{own}")));
    }
    cases
}

fn sample() -> String {
    let output = Command::new(reference::program("echo_supervisord_conf")).output().unwrap();
    String::from_utf8(output.stdout).unwrap().replace("/tmp", "@DIR@").replace("9001", "@PORT@")
}

fn lines(sample: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let (mut section, mut section_is_commented) = (String::new(), false);
    for line in sample.lines() {
        let (commented, text) = line.strip_prefix(';').map_or((false, line), |text| (true, text));
        if let Some((name, _)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            (section, section_is_commented) = (name.to_owned(), commented);
        } else if !text.starts_with([' ', ';']) && text.contains('=') {
            let text = text.to_owned();
            lines.push(Line { section: section.clone(), section_is_commented, commented, text });
        }
    }
    lines
}

fn text_of<'a>(lines: impl Iterator<Item = &'a Line>) -> String {
    lines.map(|line| format!("[{}]\n{}\n", line.section, line.text)).collect()
}

fn needed(section: &str) -> &'static str {
    NEEDED.iter().find(|(kind, _)| section.starts_with(kind)).map_or("", |(_, needed)| needed)
}

/// The sample leaves AUTO logs to the system's temporary folder, and a group needs its programs.
fn case(name: &str, text: String) -> Case {
    let around = "[supervisord]\nchildlogdir=@DIR@/auto\n\
                  [program:progname1]\ncommand=/bin/cat\n[program:progname2]\ncommand=/bin/cat\n";
    Case { raw: true, ..Case::new(format!("sample: {name}"), format!("{around}{text}")) }
}
