//! Ctrl-C as something to wait for, for programs that talk to a person.

use nix::sys::signal::{SigSet, Signal};
use tokio::sync::watch;

use super::held;

/// The SIGINTs of this process, from [`Interrupts::install`] on.
#[derive(Clone, Debug)]
pub struct Interrupts(watch::Receiver<u64>);

impl Interrupts {
    /// Takes SIGINT from its default action, for the rest of the process' life. To be called before
    /// any other thread exists, as threads inherit the mask.
    pub fn install() -> nix::Result<Self> {
        let signals: SigSet = [Signal::SIGINT].into_iter().collect();
        held::hold(&signals)?;
        let (sender, receiver) = watch::channel(0);
        std::thread::spawn(move || {
            while signals.wait().is_ok() {
                sender.send_modify(|count| *count += 1);
            }
        });
        Ok(Self(receiver))
    }

    /// Forgets those that have come so far.
    pub fn forget(&mut self) {
        self.0.mark_unchanged();
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}
