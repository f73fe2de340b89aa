//! Listening sockets that the processes of a FastCGI program share as their descriptor 0.
//!
//! A socket is open while at least one process of its pool lives (D-186). Opening itself is
//! `sys::sockets`'; handing the descriptor to a child is the spawning code's.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::config::schema::FcgiSocket;
use crate::model::notice::{Level, Notice};
use crate::sys::sockets::{errno_text, open_fcgi};

/// A FastCGI socket could not be opened.
#[derive(Debug)]
pub struct FcgiError {
    socket: Arc<FcgiSocket>,
    cause: io::Error,
}

impl fmt::Display for FcgiError {
    /// As the reference prints it (D-033).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Could not create FastCGI socket {}: {}", self.socket.address, errno_text(&self.cause))
    }
}

impl std::error::Error for FcgiError {}

/// The FastCGI sockets that are open now.
#[derive(Debug, Default)]
pub struct FcgiSockets {
    open: HashMap<Arc<FcgiSocket>, Shared>,
}

#[derive(Debug)]
struct Shared {
    fd: OwnedFd,
    users: usize,
}

impl FcgiSockets {
    /// Opens and closes each socket once, to find errors at the start (D-185). `say` gets what the log
    /// is to tell.
    pub fn probe<'a>(
        sockets: impl IntoIterator<Item = &'a Arc<FcgiSocket>>,
        mut say: impl FnMut(Notice),
    ) -> Result<(), FcgiError> {
        for socket in sockets {
            let mut probed = Self::default();
            probed.acquire(socket, &mut say)?;
            probed.release(socket, &mut say);
        }
        Ok(())
    }

    /// One more process will have this socket; it is opened for the first of them. The descriptor is
    /// to be borrowed with [`Self::fd`] for the spawn.
    pub fn acquire(&mut self, socket: &Arc<FcgiSocket>, say: impl FnOnce(Notice)) -> Result<(), FcgiError> {
        if let Some(shared) = self.open.get_mut(socket) {
            shared.users += 1;
            return Ok(());
        }
        say(told("Creating", socket));
        let fd = open_fcgi(socket).map_err(|cause| FcgiError { socket: Arc::clone(socket), cause })?;
        self.open.insert(Arc::clone(socket), Shared { fd, users: 1 });
        Ok(())
    }

    /// The descriptor of a socket that was acquired.
    pub fn fd(&self, socket: &FcgiSocket) -> Option<BorrowedFd<'_>> {
        self.open.get(socket).map(|shared| shared.fd.as_fd())
    }

    /// A process that had this socket is gone; with the last one it is closed.
    pub fn release(&mut self, socket: &Arc<FcgiSocket>, say: impl FnOnce(Notice)) {
        let Some(shared) = self.open.get_mut(socket) else {
            return;
        };
        shared.users -= 1;
        if shared.users == 0 {
            say(told("Closing", socket));
            self.open.remove(socket);
        }
    }
}

fn told(verb: &str, socket: &FcgiSocket) -> Notice {
    Notice::Message(Level::Info, format!("{verb} socket {}", socket.address).into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    use super::*;
    use crate::config::schema::FcgiAddress;

    fn unix(path: &Path) -> Arc<FcgiSocket> {
        let address = FcgiAddress::Unix { path: path.to_owned(), mode: 0o700, owner: None };
        Arc::new(FcgiSocket { program: "f".into(), address, backlog: None })
    }

    // D-184, D-185, D-186
    #[test]
    fn open_from_the_first_process_to_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let socket = unix(&path);
        let mut said = Vec::new();
        let mut sockets = FcgiSockets::default();
        sockets.acquire(&socket, |n| said.push(n.to_string())).unwrap();
        sockets.acquire(&socket, |n| said.push(n.to_string())).unwrap();
        sockets.release(&socket, |n| said.push(n.to_string()));
        assert!(sockets.fd(&socket).is_some());
        UnixStream::connect(&path).unwrap();
        sockets.release(&socket, |n| said.push(n.to_string()));
        sockets.release(&socket, |n| said.push(n.to_string()));
        assert!(sockets.fd(&socket).is_none());
        assert!(UnixStream::connect(&path).is_err());
        let url = format!("unix://{}", path.display());
        assert_eq!(said, [format!("Creating socket {url}"), format!("Closing socket {url}")]);
    }

    // D-033, D-185
    #[test]
    fn errors_are_found_at_the_start() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let address = FcgiAddress::Tcp { host: "127.0.0.1".into(), port };
        let socket = Arc::new(FcgiSocket { program: "f".into(), address, backlog: None });
        let error = FcgiSockets::probe([&socket], |_| {}).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "Could not create FastCGI socket tcp://127.0.0.1:{port}: [Errno 98] Address already in use"
            )
        );
        drop(taken);
        FcgiSockets::probe([&socket], |_| {}).unwrap();
        TcpListener::bind(("127.0.0.1", port)).unwrap();
    }
}
