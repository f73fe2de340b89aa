//! The rules of the house that a machine can check: floors, sizes, bans. Each ban names its replacement.

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, lowest first; what stands on one floor may not import each other, but for `THROUGH`.
const FLOORS: [&[&str]; 11] = [
    &["model"],
    &["wire", "getopt"],
    &["machine"],
    &["config"],
    &["bus"],
    &["sys", "client"],
    &["logs", "pool"],
    &["daemon"],
    &["http"],
    &["rpc", "web", "metrics", "childutils"],
    &["app", "args", "ctl", "pidproxy"],
];

/// Programs may use each other's modules: `app` reads `args`.
const PROGRAMS: usize = 10;

/// Front-ends that never see the daemon's inside.
const APART: [(&str, &[&str]); 3] = [
    ("ctl", &["bus", "logs", "pool", "daemon"]),
    ("childutils", &["bus", "logs", "pool", "daemon"]),
    ("pidproxy", &["bus", "logs", "pool", "daemon"]),
];

/// Lines a file may have without its tests.
const LONGEST: usize = 500;

/// A source file, and what of it the program consists of: without its tests.
struct Source {
    name: String,
    text: String,
}

impl Source {
    /// The directory or file right below `src`.
    fn module(&self) -> &str {
        let name = self.name.strip_prefix("src/").unwrap_or(&self.name);
        name.split(['/', '.']).next().unwrap_or(name)
    }

    fn floor(&self) -> Option<usize> {
        floor(self.module())
    }

    /// Its lines with their numbers, comments left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(n, line)| (n + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Complaints about lines that hold one of these.
    fn lines_with(&self, words: &[&str], complaint: &str) -> Vec<String> {
        self.code()
            .filter(|(_, line)| words.iter().any(|word| line.contains(word)))
            .map(|(n, line)| format!("{}:{n}: {complaint}: {}", self.name, line.trim()))
            .collect()
    }
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// All Rust files below a folder of the package.
fn files(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut todo: Vec<PathBuf> = vec![root.join(folder)];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|it| it.unwrap().path()));
        } else if path.extension().is_some_and(|it| it == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    assert!(!found.is_empty(), "nothing in {folder}");
    found
}

/// The sources of the programs, with tests cut off: from `#[cfg(test)]` on a module with a body to the end of
/// the file, files declared as `#[cfg(test)] mod name;` altogether.
fn sources() -> Vec<Source> {
    let all = [files("src"), files("listeners")].concat();
    let test_files: Vec<String> = all.iter().flat_map(|(name, text)| test_modules(name, text)).collect();
    let is_test = |name: &str| {
        test_files.iter().any(|it| name == format!("{it}.rs") || name.starts_with(&format!("{it}/")))
    };
    let ours = all.into_iter().filter(|(name, _)| !is_test(name));
    ours.map(|(name, text)| Source { text: without_tests(&text).to_owned(), name }).collect()
}

/// Paths without `.rs` of the modules a file declares for tests only.
fn test_modules(name: &str, text: &str) -> Vec<String> {
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    let folder = ["/mod", "/lib"].iter().find_map(|it| stem.strip_suffix(it)).unwrap_or(stem);
    let mut lines = text.lines().skip_while(|it| it.trim() != "#[cfg(test)]");
    let mut modules = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]"
            && let Some(declared) = lines.next().and_then(|it| {
                it.trim().trim_start_matches("pub ").trim_start_matches("pub(crate) ").strip_prefix("mod ")
            })
            && let Some(module) = declared.strip_suffix(';')
        {
            modules.push(format!("{folder}/{module}"));
        }
    }
    modules
}

fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod tests {").map_or(text, |at| &text[..at])
}

fn assert_none(complaints: impl Iterator<Item = String>) {
    let complaints: Vec<String> = complaints.collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_module_has_its_floor() {
    let known =
        |source: &Source| source.floor().is_some() || ["lib", "bin", "listeners"].contains(&source.module());
    assert_none(
        sources().iter().filter(|it| !known(it)).map(|it| format!("{}: on which floor is it?", it.name)),
    );
}

#[test]
fn modules_import_from_lower_floors_only() {
    assert_none(
        sources()
            .iter()
            .flat_map(|source| source.floor().map_or(vec![], |own| imports_out_of_place(source, own))),
    );
}

fn imports_out_of_place(source: &Source, own: usize) -> Vec<String> {
    let bad = |module: &str| match floor(module) {
        Some(other) if module == source.module() => other != own,
        Some(other) => other > own || other == own && own != PROGRAMS || is_apart(source.module(), module),
        None => false,
    };
    let named = source
        .code()
        .flat_map(|(n, line)| crate_paths(&source.text, n, line).into_iter().map(move |it| (n, it)));
    named
        .filter(|(_, module)| bad(module))
        .map(|(n, module)| format!("{}:{n}: {} may not use {module}", source.name, source.module()))
        .collect()
}

fn is_apart(module: &str, other: &str) -> bool {
    APART.iter().any(|(own, banned)| *own == module && banned.contains(&other))
}

/// The modules that follow `crate::` in a line; those of `use crate::{...}` over several lines too.
fn crate_paths(text: &str, number: usize, line: &str) -> Vec<String> {
    let mut modules: Vec<String> =
        line.split("crate::").skip(1).map(first_word).filter(|it| !it.is_empty()).collect();
    if line.contains("crate::{") {
        let rest: String = text.lines().skip(number - 1).collect::<Vec<_>>().join(" ");
        let list = rest.split_once("crate::{").map_or("", |it| it.1);
        modules.extend(top_level_items(list));
    }
    modules
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '_').collect()
}

/// First words of a brace list, up to its end.
fn top_level_items(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut items = vec![String::new()];
    for letter in list.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(String::new()),
            _ if depth == 0 => items.last_mut().expect("never empty").push(letter),
            _ => {}
        }
    }
    items.iter().map(|it| first_word(it.trim())).filter(|it| !it.is_empty()).collect()
}

#[test]
fn the_lower_floors_know_no_runtime_no_kernel_and_no_clock() {
    let words = ["tokio", "nix::", "Instant::now", "SystemTime::now", "std::thread", "std::net"];
    let low = |source: &&Source| source.floor().is_some_and(|it| it <= 3);
    assert_none(
        sources()
            .iter()
            .filter(low)
            .flat_map(|it| it.lines_with(&words, "floors 0 to 3: make it an argument")),
    );
}

#[test]
fn decisions_know_no_files() {
    let low = |source: &&Source| source.floor().is_some_and(|it| it <= 2);
    assert_none(
        sources()
            .iter()
            .filter(low)
            .flat_map(|it| it.lines_with(&["std::fs", "File::"], "floors 0 to 2: make it an effect")),
    );
}

#[test]
fn files_are_short() {
    let long = sources().into_iter().filter(|it| it.text.lines().count() > LONGEST);
    assert_none(
        long.map(|it| {
            format!("{}: {} lines, more than {LONGEST}: split it", it.name, it.text.lines().count())
        }),
    );
}

#[test]
fn files_say_what_they_own() {
    let texts = sources().into_iter().map(|it| (it.name, it.text)).chain(files("protocol-tests"));
    let silent = texts.filter(|(_, text)| !text.starts_with("//!"));
    assert_none(silent.map(|(name, _)| format!("{name}: begin with a //! head")));
}

#[test]
fn unsafe_is_in_sys_only_and_has_its_reason() {
    let sources = sources();
    let outside = sources.iter().filter(|it| it.module() != "sys");
    assert_none(outside.flat_map(|it| {
        it.lines_with(&["unsafe {", "unsafe fn", "unsafe impl"], "put it behind a function of sys")
    }));
    let inside = sources.iter().filter(|it| it.module() == "sys");
    assert_none(
        inside
            .filter(|it| it.text.contains("unsafe {") && !it.text.contains("// SAFETY:"))
            .map(|it| format!("{}: why?", it.name)),
    );
}

#[test]
fn nothing_is_unwrapped() {
    assert_none(
        sources().iter().flat_map(|it| it.lines_with(&[".unwrap()"], "handle it, or expect(the invariant)")),
    );
}

#[test]
fn nobody_else_waits_for_children() {
    let words =
        ["tokio::process", "process::Command", "process::Child", "process::{Command", "process::{Child"];
    let daemon = sources().into_iter().filter(|it| !["pidproxy", "childutils"].contains(&it.module()));
    assert_none(daemon.flat_map(|it| it.lines_with(&words, "one reaper owns waitpid: use sys::spawn")));
}

#[test]
fn listeners_are_programs_of_their_own() {
    let words = ["supervisor::bus", "supervisor::logs", "supervisor::pool", "supervisor::daemon"];
    let listeners = sources().into_iter().filter(|it| it.module() == "listeners");
    assert_none(listeners.flat_map(|it| it.lines_with(&words, "ask the daemon: childutils::Control")));
}

#[test]
fn logs_and_pools_do_not_know_each_other() {
    let sources = sources();
    let logs = sources
        .iter()
        .filter(|it| it.module() == "logs")
        .flat_map(|it| it.lines_with(&["crate::pool"], "daemon connects them"));
    let pool = sources
        .iter()
        .filter(|it| it.module() == "pool")
        .flat_map(|it| it.lines_with(&["crate::logs"], "daemon connects them"));
    assert_none(logs.chain(pool));
}

#[test]
fn tests_wait_for_conditions_and_know_no_machine() {
    let sleep = concat!("thread::", "sleep");
    let allowed = |name: &str| name.ends_with("harness/wait.rs");
    let tests = files("protocol-tests").into_iter().map(|(name, text)| Source { name, text });
    let machine = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];
    assert_none(tests.flat_map(|it| {
        let sleeps = if allowed(&it.name) {
            vec![]
        } else {
            it.lines_with(&[sleep], "poll a condition: harness::wait")
        };
        sleeps.into_iter().chain(it.lines_with(&machine, "a path of one machine")).collect::<Vec<_>>()
    }));
}
