//! Threads beside the one that decides.

use std::io;
use std::thread::Builder;

use nix::sys::signal::{SigSet, SigmaskHow};

/// Starts a thread that gets no signals: they are for the thread that decides.
pub fn spawn(name: &str, stack: usize, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let spawned = Builder::new().name(name.to_owned()).stack_size(stack).spawn(body);
    before.thread_set_mask()?;
    spawned.map(drop)
}
