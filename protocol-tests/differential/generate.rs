//! Configurations made up at random from the table of options.
//!
//! `SEED=number` in the environment repeats a run; the seed is part of each case's name.

use std::collections::BTreeMap;

use super::corpus::{self, Case, OptionRow};

/// How many.
const CASES: u64 = 60;

/// The cases of this run's seed.
pub fn cases() -> Vec<Case> {
    let seed = std::env::var("SEED").ok().and_then(|it| it.parse().ok()).unwrap_or_else(fresh_seed);
    let rows = corpus::table();
    (0..CASES).map(|index| case(seed, index, &rows)).collect()
}

fn fresh_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |it| it.as_secs())
}

fn case(seed: u64, index: u64, rows: &[OptionRow]) -> Case {
    let mut random = Random(seed.wrapping_mul(1_000_003).wrapping_add(index));
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
    Case::new(format!("random SEED={seed} number {index}"), text)
}

/// xorshift64*: enough for choosing.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.max(1);
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let wide = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(wide).unwrap_or(0) % limit
    }
}
