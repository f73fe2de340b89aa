//! Unix signals of the daemon as a stream of values.

use std::io;
use std::task::Poll;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::model::signal::Signal;

/// The signals the daemon acts on (D-260 to D-265). Repeats of one that is still pending are merged
/// (D-266).
pub struct Signals {
    streams: Vec<(Signal, Stream)>,
}

const HANDLED: [Signal; 6] =
    [Signal::CHLD, Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::USR2];

impl Signals {
    /// Installs the handlers. Needs the runtime. SIGPIPE is ignored by Rust's own start-up (D-269).
    pub fn install() -> io::Result<Self> {
        let stream = |s: Signal| Ok((s, signal(SignalKind::from_raw(s.number()))?));
        Ok(Self { streams: HANDLED.into_iter().map(stream).collect::<io::Result<_>>()? })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            for (signal, stream) in &mut self.streams {
                if stream.poll_recv(context).is_ready() {
                    return Poll::Ready(*signal);
                }
            }
            Poll::Pending
        })
        .await
    }
}
