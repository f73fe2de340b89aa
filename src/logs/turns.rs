//! Workers for what may be asked of them more often than is good: only so many at a time.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::workers::{Scratch, Workers};

/// A few of the workers. Whoever finds all of them busy waits for a turn.
#[derive(Clone)]
pub struct Turns {
    workers: Workers,
    free: Arc<Semaphore>,
}

impl Turns {
    /// So many of these workers.
    pub fn new(workers: Workers, number: usize) -> Self {
        Self { workers, free: Arc::new(Semaphore::new(number)) }
    }

    /// Has a worker do this; `None` at the daemon's end.
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Scratch) -> T + Send + 'static,
    ) -> Option<T> {
        let turn = Arc::clone(&self.free).acquire_owned().await.ok()?;
        let job = move |scratch: &mut Scratch| {
            let result = work(scratch);
            // Not before: whoever asked may be gone while a worker is still stuck.
            drop(turn);
            result
        };
        self.workers.call(job).await.ok()
    }
}
