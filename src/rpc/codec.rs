//! Text to calls and answers to text: small ones at once, large ones by workers.
//!
//! Measured, a megabyte of calls takes some 15 ms to read: too long for the thread that decides.

use bytes::Bytes;

use crate::daemon::fault::{Fault, FaultCode};
use crate::http::Budget;
use crate::logs::turns::Turns;
use crate::logs::workers::{Scratch, Workers};
use crate::wire::xmlrpc::{MalformedCall, MethodCall, Value, encode, method_call};

/// The longest call that is read at once, in bytes.
const SHORT_CALL: usize = 64 * 1024;
/// The longest answer that is written at once, in bytes; writing is much faster than reading.
pub(super) const SHORT_ANSWER: usize = 2 * 1024 * 1024;
/// Workers that may be at it at a time: clients must not take all of them.
const CODERS: usize = 2;

/// Reads and writes for all clients.
pub(super) struct Codec {
    turns: Turns,
    budget: Budget,
}

impl Codec {
    /// With these workers for what is large, and room for it in this budget.
    pub(super) fn new(workers: Workers, budget: Budget) -> Self {
        Self { turns: Turns::new(workers, CODERS), budget }
    }

    /// The call in this body; `None` at the daemon's end.
    pub(super) async fn read(&self, body: &Bytes) -> Option<Result<MethodCall, MalformedCall>> {
        if body.len() <= SHORT_CALL {
            return Some(method_call(body));
        }
        let body = body.clone();
        self.turns.work(move |_| method_call(&body)).await
    }

    /// The text of an answer.
    pub(super) async fn write(&self, value: Value) -> Result<Bytes, Fault> {
        let size = encode::estimate(&value);
        if size <= SHORT_ANSWER {
            return Ok(encode::answer(&value));
        }
        // Many may wait for their turn.
        let mut share = self.budget.share();
        if !share.grow(size) {
            return Err(Fault::with(FaultCode::Failed, "no memory left for the answer"));
        }
        let write = move |_: &mut Scratch| {
            let _held = share;
            encode::answer(&value)
        };
        self.turns.work(write).await.ok_or_else(|| FaultCode::ShutdownState.into())
    }
}
