//! The fault bench: each fault is injected into a daemon that has twenty programs, two pools, a log tail, an event
//! stream and a scraper, and afterwards its claims are checked.
//!
//! Each fault is a test. When all of them have run in one go, the table is printed and compared with
//! docs/reliability.md; `WRITE_TABLE=1` writes it there. `FAULTS=long` takes the long forms.

mod children;
mod clock;
mod control;
mod ledger;
mod listeners;
mod observers;
mod report;
mod resources;
mod scene;
mod soak;

use std::any::Any;
use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Condvar, Mutex};

use report::Report;

/// Scenes at a time: each is a load of its own.
const SCENES: usize = 2;

macro_rules! faults {
    ($($fault:ident in $module:ident;)*) => {
        /// All faults, in the order of the table.
        const FAULTS: &[&str] = &[$(stringify!($fault)),*];

        $(
            #[test]
            fn $fault() {
                play(stringify!($fault), $module::$fault);
            }
        )*
    };
}

faults! {
    fork_fails in resources;
    descriptors_run_out in resources;
    disk_full in resources;
    log_folder_removed in resources;
    log_becomes_a_blocked_fifo in resources;
    child_ignores_term in children;
    child_floods_both_outputs in children;
    child_closes_its_outputs in children;
    grandchildren_keep_the_pipes in children;
    ten_thousand_orphans in children;
    sigchld_storm in children;
    listener_stopped in listeners;
    listener_killed in listeners;
    listener_writes_garbage in listeners;
    wall_clock_set in clock;
    hundred_reloads in control;
    reload_with_a_broken_file in control;
    term_during_start in control;
    term_during_reload in control;
    second_daemon in control;
    socket_file_deleted in control;
    clients_stall_at_every_byte in control;
}

/// Whether the long forms are wanted.
fn is_long() -> bool {
    std::env::var("FAULTS").is_ok_and(|it| it == "long")
}

/// Injects a fault when there is room for a scene, and judges what came of it.
fn play(fault: &'static str, inject: fn(&mut Report)) {
    let mut report = Report::new(fault);
    let turn = Turn::take();
    let played = catch_unwind(AssertUnwindSafe(|| inject(&mut report)));
    drop(turn);
    let message = |panic: Box<dyn Any + Send>| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(_) => "a panic".to_owned(),
    };
    if let Err(panic) = played {
        report.claim("the scene is played to its end", Err(message(panic)));
    }
    println!("{}", report.lines(true));
    let broken = report.broken();
    finish(report);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A scene's place.
struct Turn;

static PLAYING: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

impl Turn {
    fn take() -> Self {
        let playing = FREED.wait_while(PLAYING.lock().unwrap(), |playing| *playing >= SCENES);
        *playing.unwrap() += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *PLAYING.lock().unwrap() -= 1;
        FREED.notify_one();
    }
}

/// Keeps a report; the last one of all makes the table.
fn finish(report: Report) {
    static REPORTS: Mutex<Vec<Report>> = Mutex::new(Vec::new());
    let mut reports = REPORTS.lock().unwrap();
    reports.push(report);
    if reports.len() < FAULTS.len() {
        return;
    }
    reports.sort_by_key(|report| FAULTS.iter().position(|fault| *fault == report.fault));
    let table =
        |with_details| -> String { reports.iter().map(|report| report.lines(with_details)).collect() };
    // Past the test harness, which shows nothing of tests that pass.
    let _unseen =
        writeln!(std::io::stderr(), "\n| fault | claim | held | |\n|---|---|---|---|\n{}", table(true));
    if reports.iter().all(|report| !report.left_out) {
        compare_with_the_page(&table(false));
    }
}

const PAGE: &str = "docs/reliability.md";
const HEAD: &str = "| fault | claim | held |\n|---|---|---|\n";

/// The page has the table as it came out, or is given it.
fn compare_with_the_page(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(HEAD).expect("the head of the table");
    let (there, after) = rest.split_once("\n\n").unwrap_or((rest.trim_end(), ""));
    if std::env::var_os("WRITE_TABLE").is_some() {
        let after = if after.is_empty() { String::new() } else { format!("\n{after}") };
        fs::write(&path, format!("{before}{HEAD}{table}{after}")).unwrap();
    } else {
        assert_eq!(there.trim_end(), table.trim_end(), "{PAGE} has another table: WRITE_TABLE=1 writes it");
    }
}
