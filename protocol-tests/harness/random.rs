//! Random choices that can be repeated: `SEED=number` in the environment.

/// xorshift64*: enough for choosing.
#[derive(Clone, Debug)]
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// With the seed of the environment, or a fresh one.
    pub fn seeded() -> Self {
        let given = std::env::var("SEED").ok().and_then(|it| it.parse().ok());
        Self::new(given.unwrap_or_else(fresh_seed))
    }

    /// With this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).max(1) }
    }

    /// What to tell, so that it can be repeated.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A number from 0 up to but not this one.
    pub fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let wide = self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(wide).expect("31 bits fit") % limit
    }
}

fn fresh_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |it| it.as_millis() as u64 & 0xFFFF_FFFF)
}
