//! What requests and answers of all connections together hold in memory.
//!
//! Each has a limit of its own, and so has the number of connections; their product would still be more
//! than a machine has. What is small is not counted: it is bounded by the number of connections well
//! enough, and is served also where large ones have taken all there is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::Notify;

/// What a request or an answer may hold without being counted, in bytes.
pub const SMALL: usize = 64 * 1024;
/// What all of them may hold beyond that, in bytes: one body and one answer of the largest size.
const LIMIT: usize = 2 * super::server::MAX_BODY;

/// What is worth telling when it is gone.
const LARGE: usize = 4 * 1024 * 1024;

/// What is there for all. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    limit: usize,
    taken: AtomicUsize,
    /// Something large is gone.
    relieved: Notify,
}

/// What one request or answer holds of it; given back when dropped.
#[derive(Debug)]
pub struct Share {
    pool: Arc<Pool>,
    held: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(LIMIT)
    }
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Pool { limit, taken: AtomicUsize::new(0), relieved: Notify::new() }))
    }

    /// The share of something that holds nothing yet.
    pub fn share(&self) -> Share {
        Share { pool: Arc::clone(&self.0), held: 0 }
    }

    /// Says that something large is gone which held no share.
    pub fn relieve(&self) {
        self.0.relieved.notify_one();
    }

    /// Resolves when something large was given back.
    pub async fn relieved(&self) {
        self.0.relieved.notified().await;
    }

    /// What is taken now.
    pub fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Relaxed)
    }
}

impl Share {
    /// Holds so much more; false, and nothing is taken, where that is not left.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let held = self.held.saturating_add(bytes);
        let more = counted(held) - counted(self.held);
        let (limit, taken) = (self.pool.limit, &self.pool.taken);
        let add = |taken: usize| taken.checked_add(more).filter(|&sum| sum <= limit);
        let granted = more == 0 || taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok();
        if granted {
            self.held = held;
        }
        granted
    }

    /// These bytes, which hold the share for as long as they are there.
    pub fn hold(self, bytes: Bytes) -> Bytes {
        if counted(self.held) == 0 { bytes } else { Bytes::from_owner(Held { bytes, _share: self }) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.taken.fetch_sub(counted(self.held), Ordering::Relaxed);
        if self.held >= LARGE {
            self.pool.relieved.notify_one();
        }
    }
}

const fn counted(held: usize) -> usize {
    held.saturating_sub(SMALL)
}

struct Held {
    bytes: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_is_not_counted() {
        let budget = Budget::new(0);
        let mut shares: Vec<_> = (0..1000).map(|_| budget.share()).collect();
        assert!(shares.iter_mut().all(|share| share.grow(SMALL)));
        assert!(!shares[0].grow(1));
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn what_is_taken_is_given_back() {
        let budget = Budget::new(100);
        let (mut one, mut other) = (budget.share(), budget.share());
        assert!(one.grow(SMALL - 1) && one.grow(61) && other.grow(SMALL + 40));
        assert_eq!(budget.taken(), 100);
        assert!(!one.grow(1) && !other.grow(usize::MAX));
        assert_eq!(budget.taken(), 100);
        drop(other);
        assert_eq!(budget.taken(), 60);
        assert!(one.grow(40));
        let held = one.hold(Bytes::from_static(b"x"));
        let slice = held.slice(..1);
        drop(held);
        assert_eq!((budget.taken(), &*slice), (100, &b"x"[..]));
        drop(slice);
        assert_eq!(budget.taken(), 0);
    }
}
