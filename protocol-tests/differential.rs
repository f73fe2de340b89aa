//! The same configurations for ours and for the reference, and what becomes of them compared.
//!
//! `corpus` reads the cases in `configs/`, `verdict` compares whether they are taken, `outcome` runs
//! them and tells what can be seen, `generate` makes up more from the table of options, `snippets`
//! from the reference's sample configuration.
//! `CASE=part of a name` in the environment runs only these; `TEST_REFERENCE=1` compares the reference
//! with itself: what differs then is the comparison's fault.

mod corpus;
mod generate;
mod outcome;
mod snippets;
mod verdict;

use std::sync::Mutex;

use corpus::Case;
use outcome::Outcome;

use crate::harness::daemon::Implementation;

/// Cases that run side by side: they mostly wait.
const SIDE_BY_SIDE: usize = 8;

/// A difference must show this often: the reference has races, above all on a loaded machine.
const ATTEMPTS: usize = 3;

#[test]
fn the_same_configurations_are_taken() {
    verdict::compare(corpus::load("check"));
}

#[test]
fn the_references_sample_is_judged_alike() {
    verdict::compare(snippets::cases());
}

#[test]
fn every_value_of_every_option_is_judged_alike() {
    verdict::compare(corpus::options());
}

#[test]
fn random_configurations_are_judged_alike() {
    verdict::compare(generate::cases());
}

#[test]
fn the_same_processes_and_log_result() {
    let differences = for_each(corpus::load("run"), |case| {
        let differences: Option<Vec<String>> = (0..ATTEMPTS).map(|_| difference(case)).collect();
        differences?.pop()
    });
    assert!(differences.is_empty(), "- reference, + ours\n{}", differences.join("\n"));
}

fn difference(case: &Case) -> Option<String> {
    let (ours, reference) = std::thread::scope(|scope| {
        let reference = scope.spawn(|| Outcome::of(Implementation::Reference, case));
        (Outcome::of(Implementation::under_test(), case), reference.join())
    });
    reference.unwrap().difference(&ours)
}

/// Judges cases side by side; the complaints, in the order of the cases, each under its case's name.
fn for_each(cases: Vec<Case>, judge: impl Fn(&Case) -> Option<String> + Sync) -> Vec<String> {
    let wanted = std::env::var("CASE").unwrap_or_default();
    let todo: Vec<Case> = cases.into_iter().filter(|case| case.name.contains(&wanted)).collect();
    let next = Mutex::new(todo.iter().enumerate());
    let complaints = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let taken = next.lock().unwrap().next();
                    let Some((index, case)) = taken else { break };
                    let complaint = judged(case, &judge);
                    complaints.lock().unwrap().extend(complaint.map(|it| (index, it)));
                }
            });
        }
    });
    let mut complaints = complaints.into_inner().unwrap();
    complaints.sort();
    complaints.into_iter().map(|(index, it)| format!("== {}\n{it}", todo[index].name)).collect()
}

/// A panic while judging is a complaint about that case only.
fn judged(case: &Case, judge: impl Fn(&Case) -> Option<String>) -> Option<String> {
    let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| judge(case)));
    attempt.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map_or("it panicked", String::as_str);
        Some(text.to_owned())
    })
}
