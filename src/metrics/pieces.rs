//! Memory for a text that leaves in pieces: what was sent is written on again.
//!
//! A text of megabytes takes a few pieces where its reader keeps up, in memory that the caches still hold.
//! The first pieces are taken by whoever makes the `Pieces`, so that a thread that lives for one text has no
//! heap of its own to grow.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// How long a piece is that is complete, in bytes.
pub(super) const PIECE: usize = 64 * 1024;
/// Room for the line that makes it complete, and usually more than that.
const LINE: usize = 1024;
/// Pieces that are kept while none is in use.
const KEPT: usize = 4;

/// Pieces that are free. Cheap to clone; the memory goes with the last clone and the last piece.
#[derive(Clone)]
pub(super) struct Pieces(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pieces {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new((0..KEPT).map(|_| room()).collect())))
    }

    /// An empty piece: a used one, or a new one where all are on their way.
    pub(super) fn take(&self) -> Vec<u8> {
        self.free(Vec::pop).unwrap_or_else(room)
    }

    /// What is written on a piece, to be sent. Its memory comes back afterwards.
    pub(super) fn lend(&self, piece: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent { piece, home: self.clone() })
    }

    fn free<T>(&self, change: impl FnOnce(&mut Vec<Vec<u8>>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn room() -> Vec<u8> {
    Vec::with_capacity(PIECE + LINE)
}

struct Lent {
    piece: Vec<u8>,
    home: Pieces,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut piece = std::mem::take(&mut self.piece);
        piece.clear();
        self.home.free(|free| {
            if free.len() < KEPT {
                free.push(piece);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_written_on_again() {
        let pieces = Pieces::new();
        let mut taken: Vec<_> = (0..KEPT).map(|_| pieces.take()).collect();
        assert_eq!(pieces.free(|free| free.len()), 0);
        let mut more = pieces.take();
        more.extend_from_slice(b"text");
        let place = more.as_ptr();
        let sent = pieces.lend(more);
        assert_eq!(sent, b"text"[..]);
        drop(sent);
        let again = pieces.take();
        assert!(again.is_empty() && again.as_ptr() == place);
        taken.extend([again, pieces.take()]);
        for piece in taken {
            drop(pieces.lend(piece));
        }
        assert_eq!(pieces.free(|free| free.len()), KEPT, "no more are kept");
    }
}
