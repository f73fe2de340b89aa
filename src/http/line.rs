//! What is known of a client's end of a connection without reading from it.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{Interest, Ready};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::either::Either;

/// A client's connection.
pub(super) type Stream = Either<TcpStream, UnixStream>;

/// How far a client has hung up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum HangUp {
    /// Not that anything is known of it.
    #[default]
    Not,
    /// It sends no more. Whether it still reads does not show; over TCP one that is gone looks the same.
    Half,
    /// It is gone.
    Whole,
}

/// A stream that tells whether its client has hung up.
pub(super) trait Line {
    /// As the system has told it last.
    fn hang_up(&self) -> HangUp;
}

impl Line for TcpStream {
    fn hang_up(&self) -> HangUp {
        known(self.ready(Interest::READABLE | Interest::WRITABLE))
    }
}

impl Line for UnixStream {
    fn hang_up(&self) -> HangUp {
        known(self.ready(Interest::READABLE | Interest::WRITABLE))
    }
}

impl<L: Line, R: Line> Line for Either<L, R> {
    fn hang_up(&self) -> HangUp {
        match self {
            Self::Left(stream) => stream.hang_up(),
            Self::Right(stream) => stream.hang_up(),
        }
    }
}

/// What readiness there is now says; none is waited for.
fn known(readiness: impl Future<Output = io::Result<Ready>>) -> HangUp {
    match pin!(readiness).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(ready)) => judge(ready.is_read_closed(), ready.is_write_closed()),
        Poll::Ready(Err(_)) | Poll::Pending => HangUp::Not,
    }
}

const fn judge(read_closed: bool, write_closed: bool) -> HangUp {
    match (read_closed, write_closed) {
        (true, true) => HangUp::Whole,
        (true, false) => HangUp::Half,
        (false, _) => HangUp::Not,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Shutdown;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::time::{Duration, timeout};

    use super::*;

    async fn until(stream: &impl Line, expected: HangUp) {
        let seen = async {
            while stream.hang_up() != expected {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(30), seen).await.expect("it shows how far the client has hung up");
    }

    // What was sent before is still there to be read.
    #[tokio::test]
    async fn a_unix_client_that_hangs_up() {
        let (server, mut client) = UnixStream::pair().unwrap();
        client.write_all(b"x").await.unwrap();
        server.readable().await.unwrap();
        assert_eq!(server.hang_up(), HangUp::Not);
        let client = client.into_std().unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        until(&server, HangUp::Half).await;
        drop(client);
        until(&server, HangUp::Whole).await;
        assert_eq!(server.try_read(&mut [0; 9]).unwrap(), 1);
    }

    #[tokio::test]
    async fn a_tcp_client_that_hangs_up() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        server.writable().await.unwrap();
        assert_eq!(server.hang_up(), HangUp::Not);
        drop(client);
        until(&server, HangUp::Half).await;
        // The answer to what is written shows that nobody is there to read it.
        server.try_write(b"x").unwrap();
        until(&server, HangUp::Whole).await;
    }
}
