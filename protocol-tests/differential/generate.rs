//! Configurations made up at random from the table of options.
//!
//! `SEED=number` in the environment repeats a run; the seed is part of each case's name.

use std::collections::BTreeMap;

use super::corpus::{self, Case, OptionRow};
use crate::harness::random::Random;

/// How many.
const CASES: u64 = 60;

/// The cases of this run's seed.
pub fn cases() -> Vec<Case> {
    let mut random = Random::seeded();
    let rows = corpus::table();
    (0..CASES).map(|index| case(&mut random, index, &rows)).collect()
}

fn case(random: &mut Random, index: u64, rows: &[OptionRow]) -> Case {
    let mut chosen: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for row in rows {
        // Early values of a row are good ones; the later may be bad, and one bad value ends it all.
        if random.below(4) == 0 {
            let reach = if random.below(12) == 0 { row.values.len() } else { row.values.len().min(2) };
            let value = &row.values[random.below(reach)];
            chosen.entry(&row.section).or_default().push((&row.name, value));
        }
    }
    let text = chosen.iter().map(|(section, options)| corpus::section_text(section, options)).collect();
    Case::new(format!("random SEED={} number {index}", random.seed()), text)
}
