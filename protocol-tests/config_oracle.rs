//! The configuration against the reference: the same files and command lines to both, and whatever
//! is not the same is shown.
//!
//! Cases stand in `config_cases.txt`; beside them a generator makes configurations from tables of
//! options. `oracle/parse_config.py` says what the reference makes of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say so at once")]

mod generate;
mod shown;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use generate::Random;
use serde_json::{Value, json};
use shown::configuration;
use supervisor::args::{self, Invocation};
use supervisor::config::words::split_command;
use supervisor::config::{HostFacts, load};
use supervisor::sys::host::host_facts;

use crate::harness::reference;

/// The whole environment of both sides.
const ENVIRONMENT: [(&str, &str); 5] =
    [("HOME", "/root"), ("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("X", "x y"), ("PCT", "50%")];

/// A command line, and the folder it is given in.
struct Request {
    title: String,
    directory: PathBuf,
    args: Vec<String>,
    expected: Expected,
}

/// How far the reference's answer is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// Both refuse, ours with the reference's text in it; or both give the same values.
    Same,
    /// Both refuse, with different texts.
    OtherText,
    /// Only the reference refuses.
    OnlyOursAccepts,
    /// Only the reference accepts.
    OnlyOursRefuses,
}

/// Every hand-written case.
#[test]
fn written_cases() {
    let dir = tempfile::tempdir().unwrap();
    let requests = read_cases(include_str!("config_cases.txt"), dir.path());
    assert!(requests.len() >= 60);
    compare(&requests, dir.path());
}

/// Configurations made at random. `CONFIG_SEED` and `CONFIG_CASES` choose others.
#[test]
fn generated_cases() {
    let number =
        |name: &str, default| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let seed = number("CONFIG_SEED", 20_240_607);
    println!("CONFIG_SEED={seed}");
    let makers: [(&str, generate::Maker); 4] = [
        ("sections", generate::sections),
        ("lines", generate::lines),
        ("formats", generate::formats),
        ("environments", generate::environments),
    ];
    for (name, make) in makers {
        let dir = tempfile::tempdir().unwrap();
        let mut random = Random(seed);
        let requests: Vec<Request> = (0..number("CONFIG_CASES", 400))
            .map(|n| made(&format!("{name} {n}"), &make(&mut random), &dir.path().join(n.to_string())))
            .collect();
        let accepted = compare(&requests, dir.path());
        // A generator whose cases all fail shows little.
        assert!(accepted * 8 > requests.len(), "{name}: {accepted} of {} accepted", requests.len());
    }
}

fn made(title: &str, text: &str, directory: &Path) -> Request {
    std::fs::create_dir_all(directory.join("logs")).unwrap();
    std::fs::write(directory.join("supervisord.conf"), text).unwrap();
    let args = words("-c supervisord.conf");
    Request { title: title.into(), directory: directory.into(), args, expected: Expected::Same }
}

/// Commands split as the reference splits them (D-330, D-331).
#[test]
fn split_commands() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(20_240_607);
    let commands: Vec<String> = (0..2000).map(|_| generate::command(&mut random)).collect();
    let requests: Vec<Value> = commands.iter().map(|command| json!({"split": command})).collect();
    for (command, theirs) in commands.iter().zip(ask_reference(&requests, dir.path())) {
        let ours =
            split_command(command).map_or_else(|e| json!({"error": e.to_string()}), |words| json!(words));
        assert_eq!(ours, theirs, "{command:?}");
    }
}

/// Broken files end in errors, never in a panic.
#[test]
fn mutated_files_do_not_panic() {
    let dir = tempfile::tempdir().unwrap();
    let requests = read_cases(include_str!("config_cases.txt"), dir.path());
    let mut random = Random(7);
    let file = dir.path().join("mutated.conf");
    for round in 0..3000 {
        let request = &requests[random.below(requests.len())];
        let Ok(mut bytes) = std::fs::read(request.directory.join("supervisord.conf")) else {
            continue;
        };
        for _ in 0..=random.below(4) {
            mutate(&mut random, &mut bytes);
        }
        std::fs::write(&file, &bytes).unwrap();
        let args = vec!["-c".to_owned(), file.to_str().unwrap().to_owned()];
        let outcome = std::panic::catch_unwind(|| ours(&args, &request.directory));
        assert!(outcome.is_ok(), "round {round}: {:?}", String::from_utf8_lossy(&bytes));
    }
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    const PIECES: [&[u8]; 12] =
        [b"%", b"%(", b"\n[", b"]", b"=", b" ;", b"'", b"\"", b"\\", b"\xff", b"\x00", b"\n "];
    let at = random.below(bytes.len() + 1);
    match random.below(4) {
        0 => bytes.truncate(at),
        1 => {
            let piece = PIECES[random.below(PIECES.len())];
            bytes.splice(at..at, piece.iter().copied());
        }
        2 if at < bytes.len() => bytes[at] = random.next() as u8,
        _ => {
            let end = (at + random.below(9)).min(bytes.len());
            bytes.drain(at..end);
        }
    }
}

/// Asks both sides and shows all differences at once. Gives how many requests ours accepts.
fn compare(requests: &[Request], dir: &Path) -> usize {
    // Ours would warn of passwords that others can read.
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).unwrap();
    let lines: Vec<Value> =
        requests.iter().map(|r| json!({"args": r.args, "directory": r.directory})).collect();
    let mut report = String::new();
    let mut accepted = 0;
    for (request, theirs) in requests.iter().zip(ask_reference(&lines, dir)) {
        let ours = ours(&request.args, &request.directory);
        accepted += usize::from(ours.is_ok());
        if let Some(difference) = judge(request.expected, &ours, &theirs) {
            let text = std::fs::read(request.directory.join("supervisord.conf")).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            report += &format!("=== {}\n{text}\nargs: {:?}\n{difference}\n", request.title, request.args);
        }
    }
    assert!(report.is_empty(), "\n{report}");
    accepted
}

fn judge(expected: Expected, ours: &Result<Value, Vec<String>>, theirs: &Value) -> Option<String> {
    let refused = theirs.get("error").and_then(Value::as_str);
    match (expected, ours, refused) {
        (Expected::Same, Ok(ours), None) => differences(ours, theirs),
        (Expected::Same, Err(errors), Some(text)) if errors[0].contains(comparable(text)) => None,
        // `%s` without a name: the reference puts in all its names, environment included, and goes on.
        (Expected::Same, Err(errors), _) if errors[0].contains("not enough arguments for format") => None,
        (Expected::OtherText, Err(_), Some(_)) => None,
        (Expected::OnlyOursAccepts, Ok(_), Some(_)) => None,
        (Expected::OnlyOursRefuses, Err(_), None) => None,
        (_, ours, _) => {
            let ours = ours.as_ref().map_or_else(|errors| errors.join("\n      "), |_| "accepted".to_owned());
            Some(format!("{expected:?} expected\nours: {ours}\ntheirs: {}", refused.unwrap_or("accepted")))
        }
    }
}

/// The part of the reference's text that ours must have: after its first good member the reference
/// names that one instead of the group (D-172), and ours does not show secrets.
fn comparable(text: &str) -> &str {
    if let Some(start) = reference::without_secrets(text) {
        return start;
    }
    text.find("names unknown program").and_then(|at| text.get(at..)).unwrap_or(text)
}

/// The innermost values that are not the same.
fn differences(ours: &Value, theirs: &Value) -> Option<String> {
    let mut out = String::new();
    collect_differences("", ours, theirs, &mut out);
    (!out.is_empty()).then_some(out)
}

fn collect_differences(path: &str, ours: &Value, theirs: &Value, out: &mut String) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, value) in a {
                collect_differences(&format!("{path}.{key}"), value, &b[key], out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                collect_differences(&format!("{path}[{n}]"), a, b, out);
            }
        }
        _ if ours != theirs => *out += &format!("{path}\n  ours:   {ours}\n  theirs: {theirs}\n"),
        _ => {}
    }
}

/// What the reference says to each request.
fn ask_reference(requests: &[Value], dir: &Path) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines: String = requests.iter().map(|request| format!("{request}\n")).collect();
    let file = dir.join("requests");
    std::fs::write(&file, lines).unwrap();
    let output = Command::new(reference::program("python"))
        .arg(root.join("protocol-tests/oracle/parse_config.py"))
        .arg(&file)
        .env_clear()
        .envs(ENVIRONMENT)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), requests.len(), "{}", String::from_utf8_lossy(&output.stderr));
    answers
}

/// What this project says to a request.
fn ours(args: &[String], directory: &Path) -> Result<Value, Vec<String>> {
    let pairs = ENVIRONMENT.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let facts = HostFacts {
        environment: pairs.into(),
        current_dir: directory.into(),
        argv0: "supervisord".into(),
        ..host_facts()
    };
    let request = match args::parse(args, &facts) {
        Err(error) => return Err(vec![error.to_string()]),
        Ok(Invocation::Print(_) | Invocation::Check(_)) => return Err(vec!["(help) (version)".into()]),
        Ok(Invocation::Run(request)) => request,
    };
    load(&request, &facts)
        .map(|config| configuration(&config))
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// Reads cases: `=== title` (with `!text`, `!accept`, `!refuse` for an expected difference), `--- args`
/// with the words of the command line, `--- file NAME`, then the file. In files `@DIR@` is the folder,
/// and `\x` with two digits a byte.
fn read_cases(text: &str, dir: &Path) -> Vec<Request> {
    let cases = text.split("\n=== ").skip(1).enumerate();
    cases.map(|(n, case)| read_case(case, &dir.join(format!("case{n}")))).collect()
}

fn read_case(case: &str, directory: &Path) -> Request {
    std::fs::create_dir_all(directory.join("logs")).unwrap();
    let mut parts = case.split("\n--- ");
    let title = parts.next().unwrap().trim_end().to_owned();
    let expected = match title.split_whitespace().find(|word| word.starts_with('!')) {
        Some("!text") => Expected::OtherText,
        Some("!accept") => Expected::OnlyOursAccepts,
        Some("!refuse") => Expected::OnlyOursRefuses,
        _ => Expected::Same,
    };
    let mut args = vec!["-c".to_owned(), "supervisord.conf".to_owned()];
    for part in parts {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        let body = body.replace("@DIR@", directory.to_str().unwrap());
        match head.split_once(' ') {
            Some(("args", line)) => args = words(&line.replace("@DIR@", directory.to_str().unwrap())),
            Some(("file", name)) => {
                let path = directory.join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, unescape(&body)).unwrap();
            }
            _ => panic!("unknown part {head:?} in {title}"),
        }
    }
    Request { title, directory: directory.into(), args, expected }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// Undoes `\x..`.
fn unescape(text: &str) -> Vec<u8> {
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    bytes
}
