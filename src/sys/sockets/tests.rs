use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use super::*;

fn unix(path: &Path) -> ServerAddress {
    ServerAddress::Unix { path: path.to_owned(), mode: 0o640, owner: None }
}

fn silent(line: String) {
    panic!("nothing is to be said, but: {line}");
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn fd_flags(listener: &ControlListener) -> (bool, bool) {
    use nix::fcntl::{FcntlArg, fcntl};

    let fd: &dyn std::os::fd::AsFd = match listener {
        ControlListener::Inet(l) => l,
        ControlListener::Unix(l, _) => l,
    };
    let cloexec = fcntl(fd.as_fd(), FcntlArg::F_GETFD).unwrap() & libc::FD_CLOEXEC != 0;
    let nonblocking = fcntl(fd.as_fd(), FcntlArg::F_GETFL).unwrap() & libc::O_NONBLOCK != 0;
    (cloexec, nonblocking)
}

// C-010, C-018, C-020
#[test]
fn a_unix_socket_appears_whole_and_is_removed_at_close() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    let listener = ControlListener::open(&unix(&path), silent).unwrap();
    assert_eq!(names(dir.path()), ["s.sock"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    assert_eq!(fd_flags(&listener), (true, true));
    UnixStream::connect(&path).unwrap();
    listener.close();
    assert!(names(dir.path()).is_empty());
}

// C-014, C-015
#[test]
fn a_socket_in_use_stays_the_winners() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    let winner = ControlListener::open(&unix(&path), silent).unwrap();
    let error = ControlListener::open(&unix(&path), silent).unwrap_err();
    assert_eq!(error, ServerError::InUse);
    assert!(error.to_string().starts_with("Another program is already listening on a port that one of our"));
    UnixStream::connect(&path).unwrap();
    assert_eq!(names(dir.path()), ["s.sock"]);
    winner.close();
}

// C-012, C-018
#[test]
fn a_stale_socket_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    drop(ControlListener::open(&unix(&path), silent).unwrap());
    let mut said = Vec::new();
    let listener = ControlListener::open(&unix(&path), |line| said.push(line)).unwrap();
    assert_eq!(said, [format!("Unlinking stale socket {}", path.display())]);
    UnixStream::connect(&path).unwrap();
    listener.close();
}

// C-015
#[test]
fn what_has_taken_its_place_is_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    let first = ControlListener::open(&unix(&path), silent).unwrap();
    fs::remove_file(&path).unwrap();
    let second = ControlListener::open(&unix(&path), silent).unwrap();
    first.close();
    assert_eq!(names(dir.path()), ["s.sock"]);
    second.close();
}

// C-013
#[test]
fn what_is_no_socket_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    fs::write(&path, "precious").unwrap();
    let error = ControlListener::open(&unix(&path), silent).unwrap_err();
    assert_eq!(error, ServerError::NotASocket(path.clone()));
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    assert_eq!(names(dir.path()), ["s.sock"]);
}

// C-011
#[test]
fn the_temporary_name_does_not_shorten_the_path() {
    let dir = tempfile::tempdir().unwrap();
    for length in [100, 104, 107] {
        let name = "s".repeat(length - dir.path().as_os_str().len() - 1);
        let path = dir.path().join(name);
        let listener = ControlListener::open(&unix(&path), silent).unwrap();
        UnixStream::connect(&path).unwrap();
        assert_eq!(names(dir.path()).len(), 1);
        listener.close();
    }
    let path = dir.path().join("s".repeat(200));
    let error = ControlListener::open(&unix(&path), silent).unwrap_err();
    assert_eq!(error, ServerError::System(Errno::ENAMETOOLONG));
}

// C-016
#[test]
fn other_errors_are_named_by_number() {
    let dir = tempfile::tempdir().unwrap();
    let error = ControlListener::open(&unix(&dir.path().join("no/s.sock")), silent).unwrap_err();
    assert_eq!(error.to_string(), "Cannot open an HTTP server: socket.error reported errno.ENOENT (2)");
    let error = ServerError::Lookup(-2);
    assert_eq!(error.to_string(), "Cannot open an HTTP server: socket.error reported -2");
}

// C-002, C-014, C-019
#[test]
fn a_port_in_use_and_free_again() {
    let address = |port| ServerAddress::Inet { host: "127.0.0.1".into(), port };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listener = ControlListener::open(&address(port), silent).unwrap();
    assert_eq!(fd_flags(&listener), (true, true));
    assert_eq!(ControlListener::open(&address(port), silent).unwrap_err(), ServerError::InUse);
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    listener.close();
    ControlListener::open(&address(port), silent).unwrap();
    drop(client);
}

// C-009, C-015
#[test]
fn all_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let server = |name: &str| ServerConfig {
        section: "unix_http_server".into(),
        address: unix(&dir.path().join(name)),
        credentials: None,
        allowed_hosts: Vec::new(),
    };
    let (first, second) = (server("1"), server("2"));
    let opened = open_all(&[first.clone(), second.clone()], silent).unwrap();
    assert_eq!(opened.iter().map(|(config, _)| config).collect::<Vec<_>>(), [&first, &second]);
    assert_eq!(names(dir.path()), ["1", "2"]);
    let error = open_all(&[server("0"), second], silent).unwrap_err();
    assert_eq!(error.reason, ServerError::InUse);
    let file = dir.path().join("2");
    let tail = format!("starting supervisord. (section [unix_http_server], file {})", file.display());
    assert!(error.to_string().ends_with(&tail), "{error}");
    assert_eq!(names(dir.path()), ["1", "2"]);
}

fn fcgi(address: FcgiAddress) -> FcgiSocket {
    FcgiSocket { program: "f".into(), address, backlog: Some(5) }
}

// D-184, D-187, D-188
#[test]
fn a_fastcgi_socket_replaces_its_file_and_leaves_it_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.sock");
    fs::write(&path, "old").unwrap();
    let socket = fcgi(FcgiAddress::Unix { path: path.clone(), mode: 0o600, owner: None });
    let fd = open_fcgi(&socket).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    UnixStream::connect(&path).unwrap();
    drop(fd);
    assert_eq!(names(dir.path()), ["f.sock"]);
}

// D-184
#[test]
fn a_fastcgi_port() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let socket = fcgi(FcgiAddress::Tcp { host: "localhost".into(), port });
    let fd = open_fcgi(&socket).unwrap();
    TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert_eq!(open_fcgi(&socket).unwrap_err().raw_os_error(), Some(libc::EADDRINUSE));
    drop(fd);
}
