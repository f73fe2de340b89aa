//! Listening sockets: those of the control servers, and those FastCGI programs inherit.
//!
//! All is done at once and without a runtime: control servers open before daemonizing, so that
//! failures reach the terminal (C-009). Accepting is the `http` floor's.

mod entry;
mod probe;

pub use probe::{probe, probe_fcgi};

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, ToSocketAddrs};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockProtocol, SockType, SockaddrIn, UnixAddr, bind, connect, listen,
    setsockopt, socket, sockopt,
};
use nix::sys::stat::Mode;

use crate::config::schema::{FcgiAddress, FcgiSocket, Owner, ServerAddress, ServerConfig};

/// Connections that may wait to be accepted (C-020).
const BACKLOG: i32 = 1024;
/// How often a name that others keep taking is tried before it counts as in use.
const ATTEMPTS: usize = 5;

/// An open control server, not blocking.
#[derive(Debug)]
pub enum ControlListener {
    /// TCP.
    Inet(TcpListener),
    /// A unix socket and its file.
    Unix(UnixListener, SocketFile),
}

/// The file of a listening unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// A control server that could not be opened; the text is for the terminal, after `Error: `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unopened {
    /// Which one: its section and where it was to listen.
    pub place: String,
    /// Why.
    pub reason: ServerError,
}

impl fmt::Display for Unopened {
    /// The reference's text, then which server it is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.place)
    }
}

impl std::error::Error for Unopened {}

/// Why a control server could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerError {
    /// Somebody listens there (C-014).
    InUse,
    /// The name is taken by something that is no socket (C-013).
    NotASocket(PathBuf),
    /// The file cannot be given to that user (C-017).
    Chown(PathBuf, Owner),
    /// The host name is unknown; the look-up's number, below zero (C-016).
    Lookup(i32),
    /// Anything else (C-016).
    System(Errno),
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse => f.write_str(
                "Another program is already listening on a port that one of our HTTP servers is configured to \
                 use.  Shut this program down first before starting supervisord.",
            ),
            Self::NotASocket(path) => write!(
                f,
                "Cannot open an HTTP server: {} exists and is not a socket; remove it or choose another file",
                path.display()
            ),
            Self::Chown(path, owner) => write!(
                f,
                "Not permitted to give {} to uid {} and gid {}; adjust \"sockchown\" in the config file to a user \
                 that the current one (uid {}) may give files to",
                path.display(),
                owner.uid,
                owner.gid.map_or(-1, i64::from),
                nix::unistd::geteuid()
            ),
            Self::Lookup(number) => {
                write!(f, "Cannot open an HTTP server: socket.error reported {number}")
            }
            Self::System(errno) => {
                let number = *errno as i32;
                write!(f, "Cannot open an HTTP server: socket.error reported errno.{errno:?} ({number})")
            }
        }
    }
}

impl std::error::Error for ServerError {}

impl From<Errno> for ServerError {
    fn from(errno: Errno) -> Self {
        if errno == Errno::EADDRINUSE { Self::InUse } else { Self::System(errno) }
    }
}

impl From<io::Error> for ServerError {
    fn from(error: io::Error) -> Self {
        errno_of(&error).into()
    }
}

impl ControlListener {
    /// Opens the server of this address, listening when it returns (C-009 to C-020). A stale socket is
    /// replaced; `say` gets the line that tells of it, for stderr.
    pub fn open(address: &ServerAddress, mut say: impl FnMut(String)) -> Result<Self, ServerError> {
        match address {
            ServerAddress::Inet { host, port } => open_inet(host, *port).map(Self::Inet),
            ServerAddress::Unix { path, mode, owner } => {
                let (listener, file) = open_unix(path, *mode, *owner, &mut say)?;
                Ok(Self::Unix(listener, file))
            }
        }
    }

    /// Stops listening and removes the socket file, if it is still this one's (C-018).
    pub fn close(self) {
        if let Self::Unix(_, file) = &self {
            // Nothing can be done about a folder that became read-only; the file counts as stale then.
            let _ = file.remove();
        }
    }
}

impl SocketFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, unless somebody else's has taken its place (C-015).
    pub fn remove(&self) -> io::Result<()> {
        match fs::symlink_metadata(&self.path) {
            Ok(file) if (file.dev(), file.ino()) == (self.device, self.inode) => fs::remove_file(&self.path),
            _ => Ok(()),
        }
    }
}

/// Opens all servers in their order (C-009); where one fails, those before it are closed again.
pub fn open_all(
    servers: &[ServerConfig],
    mut say: impl FnMut(String),
) -> Result<Vec<(ServerConfig, ControlListener)>, Unopened> {
    let mut opened = Vec::with_capacity(servers.len());
    for server in servers {
        match ControlListener::open(&server.address, &mut say) {
            Ok(listener) => opened.push((server.clone(), listener)),
            Err(reason) => {
                opened.into_iter().for_each(|(_, listener)| listener.close());
                let ServerConfig { section, address, .. } = server;
                let place = format!("section [{section}], {} {address}", address.option());
                return Err(Unopened { place, reason });
            }
        }
    }
    Ok(opened)
}

fn open_inet(host: &str, port: u16) -> Result<TcpListener, ServerError> {
    let address = resolve(host, port).map_err(|error| ServerError::Lookup(lookup_number(&error)))?;
    let fd = bound_inet(address, SockFlag::SOCK_NONBLOCK)?;
    listen(&fd, Backlog::new(BACKLOG)?)?;
    Ok(fd.into())
}

fn resolve(host: &str, port: u16) -> io::Result<SocketAddrV4> {
    if host.is_empty() || host == "*" {
        return Ok(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port));
    }
    let v4 = |address| match address {
        SocketAddr::V4(v4) => Some(v4),
        SocketAddr::V6(_) => None,
    };
    (host, port).to_socket_addrs()?.find_map(v4).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// The standard library keeps the number of a failed look-up to itself; its text tells the one that
/// is worth telling apart.
fn lookup_number(error: &io::Error) -> i32 {
    if error.to_string().contains("Temporary failure") { libc::EAI_AGAIN } else { libc::EAI_NONAME }
}

fn bound_inet(address: SocketAddrV4, flags: SockFlag) -> nix::Result<OwnedFd> {
    let fd = stream_socket(AddressFamily::Inet, flags)?;
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    bind(fd.as_raw_fd(), &SockaddrIn::from(address))?;
    Ok(fd)
}

fn stream_socket(family: AddressFamily, flags: SockFlag) -> nix::Result<OwnedFd> {
    socket(family, SockType::Stream, flags | SockFlag::SOCK_CLOEXEC, None::<SockProtocol>)
}

/// The socket gets its mode, owner and queue under a temporary name and appears whole under its own
/// (C-010): whoever finds it there finds it answering, so nobody takes it for stale.
fn open_unix(
    path: &Path,
    mode: u32,
    owner: Option<Owner>,
    say: &mut impl FnMut(String),
) -> Result<(UnixListener, SocketFile), ServerError> {
    let (fd, temporary) = bind_temporarily(path, mode)?;
    let opened = prepare(&fd, &temporary, path, mode, owner).and_then(|file| {
        publish(&temporary, path, say)?;
        Ok((UnixListener::from(fd), file))
    });
    // After a rename there is nothing left to remove.
    let _ = fs::remove_file(&temporary);
    opened
}

/// Binds beside `path`: as `<path>.<pid>`, or under a shorter name where that would be too long for
/// an address though `path` itself is not (C-011).
fn bind_temporarily(path: &Path, mode: u32) -> Result<(OwnedFd, PathBuf), ServerError> {
    UnixAddr::new(path)?;
    let fd = stream_socket(AddressFamily::Unix, SockFlag::SOCK_NONBLOCK)?;
    let pid = std::process::id();
    let mut long = path.as_os_str().to_owned();
    long.push(format!(".{pid}"));
    let long = PathBuf::from(long);
    match UnixAddr::new(&long) {
        Ok(address) => {
            bind_anew(&fd, &long, &address, mode)?;
            Ok((fd, long))
        }
        Err(_) => {
            let folder =
                open(folder_of(path), OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
            let name = format!(".{pid}");
            let through = PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()));
            let short = folder_of(path).join(name);
            bind_anew(&fd, &short, &UnixAddr::new(&through)?, mode)?;
            Ok((fd, short))
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// Binds to a name of our own; a socket there is left from a daemon that had our pid and crashed.
fn bind_anew(fd: &OwnedFd, path: &Path, address: &UnixAddr, mode: u32) -> nix::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        let _ = fs::remove_file(path);
    }
    entry::bind_with(fd, address, mode)
}

fn prepare(
    fd: &OwnedFd,
    temporary: &Path,
    path: &Path,
    mode: u32,
    owner: Option<Owner>,
) -> Result<SocketFile, ServerError> {
    let dressed = entry::dress(temporary, owner.map(|owner| (owner.uid, owner.gid)), mode);
    dressed.map_err(|error| match (errno_of(&error), owner) {
        (Errno::EPERM, Some(owner)) => ServerError::Chown(path.to_owned(), owner),
        (errno, _) => errno.into(),
    })?;
    listen(fd, Backlog::new(BACKLOG)?)?;
    let file = fs::symlink_metadata(temporary)?;
    Ok(SocketFile { path: path.to_owned(), device: file.dev(), inode: file.ino() })
}

/// Gives the socket its own name, unless somebody answers under it (C-012 to C-014).
fn publish(temporary: &Path, path: &Path, say: &mut impl FnMut(String)) -> Result<(), ServerError> {
    for _ in 0..ATTEMPTS {
        let Err(error) = fs::hard_link(temporary, path) else {
            return Ok(());
        };
        match occupant(path)? {
            Occupant::Nobody if error.kind() == io::ErrorKind::AlreadyExists => {}
            // A file system without hard links.
            Occupant::Nobody => return Ok(fs::rename(temporary, path)?),
            Occupant::Listener => return Err(ServerError::InUse),
            Occupant::Stranger => return Err(ServerError::NotASocket(path.to_owned())),
            Occupant::Stale(file) => {
                say(format!("Unlinking stale socket {}", path.display()));
                file.remove()?;
            }
        }
    }
    Err(ServerError::InUse)
}

/// What is found under a socket's name.
enum Occupant {
    Nobody,
    Listener,
    Stale(SocketFile),
    Stranger,
}

fn occupant(path: &Path) -> Result<Occupant, ServerError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Occupant::Nobody),
        Err(error) => return Err(error.into()),
    };
    if !found.file_type().is_socket() {
        return Ok(Occupant::Stranger);
    }
    // Not blocking: with a full queue, connecting would wait for ever.
    let probe = stream_socket(AddressFamily::Unix, SockFlag::SOCK_NONBLOCK)?;
    match connect(probe.as_raw_fd(), &UnixAddr::new(path)?) {
        Ok(()) | Err(Errno::EAGAIN | Errno::EINPROGRESS | Errno::EPROTOTYPE) => Ok(Occupant::Listener),
        Err(Errno::ECONNREFUSED) => {
            Ok(Occupant::Stale(SocketFile { path: path.to_owned(), device: found.dev(), inode: found.ino() }))
        }
        Err(Errno::ENOENT) => Ok(Occupant::Nobody),
        Err(errno) => Err(errno.into()),
    }
}

/// Opens a listening socket for FastCGI programs (D-184, D-188); blocking, as they expect it. The file
/// of a unix socket is replaced if it is there, and stays when the socket is closed (D-187).
pub fn open_fcgi(config: &FcgiSocket) -> io::Result<OwnedFd> {
    let fd = match &config.address {
        FcgiAddress::Unix { path, mode, owner } => bound_unix(path, *mode, *owner)?,
        FcgiAddress::Tcp { host, port } => bound_inet(resolve(host, *port)?, SockFlag::empty())?,
    };
    let backlog = config.backlog.map_or(libc::SOMAXCONN, |n| i32::try_from(n).unwrap_or(i32::MAX));
    listen(&fd, Backlog::new(backlog.min(libc::SOMAXCONN))?)?;
    Ok(fd)
}

fn bound_unix(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<OwnedFd> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let fd = stream_socket(AddressFamily::Unix, SockFlag::empty())?;
    entry::bind_with(&fd, &UnixAddr::new(path)?, mode)?;
    if let Err(error) = entry::dress(path, owner.map(|(uid, gid)| (uid, Some(gid))), mode) {
        // It must not stay there with the wrong owner; the first error is the one that tells.
        let _ = fs::remove_file(path);
        return Err(error);
    }
    Ok(fd)
}

/// An error as the reference's messages show it, such as `[Errno 98] Address already in use`.
pub fn errno_text(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => format!("[Errno {number}] {}", Errno::from_raw(number).desc()),
        None => error.to_string(),
    }
}

fn errno_of(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EINVAL))
}

#[cfg(test)]
mod tests;
