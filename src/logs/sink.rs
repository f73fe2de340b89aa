//! One log file: appended to, rotated, opened again.
//!
//! What may block is decided by the kind of file. A regular file is written with blocking calls, on a
//! worker thread; a named pipe, terminal or device is opened non-blocking, and a write that would
//! block says so, to be tried again when the file is ready. Rotation is for regular files (D-403).

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::rotate;
use crate::machine::rotation::{numbered, should_rotate};

/// A file that could not be opened is tried again after this.
const RETRY: Duration = Duration::from_secs(1);

/// Mode of a log file, from which the umask takes (D-401).
const MODE: u32 = 0o666;
/// Mode of a private one (D-420).
pub(super) const PRIVATE_MODE: u32 = 0o600;

/// Which file, and when it is rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    /// The file.
    pub path: PathBuf,
    /// Rotate when it has at least this many bytes; 0: never.
    pub maxbytes: u64,
    /// Rotated files to keep; 0: the file is emptied instead (D-432).
    pub backups: u32,
    /// For the owner alone, and never reached by a symbolic link: a file of the daemon's own making (D-420),
    /// in a folder that may be open to all.
    pub private: bool,
}

/// An open log file.
#[derive(Debug)]
pub struct FileSink {
    spec: FileSpec,
    file: Option<Opened>,
    /// When it was lost, or could not be opened.
    failed_at: Option<Instant>,
    rotations: u64,
    /// A rotation failed when the rotated files had moved up already: the next one leaves them where they are.
    made_room: bool,
}

#[derive(Debug)]
struct Opened {
    file: File,
    regular: bool,
    size: u64,
}

/// What became of a write.
#[derive(Debug)]
pub enum Written {
    /// All of it is in the file.
    All,
    /// The file takes no more for now; this many bytes were taken.
    Blocked(usize),
    /// The file refused; this many bytes had been taken.
    Failed(usize, io::Error),
}

impl FileSink {
    /// Opens the file for appending; it is made if it is not there, with the umask's mode (D-401).
    pub fn open(spec: FileSpec) -> io::Result<Self> {
        let file = Some(Opened::open(&spec)?);
        Ok(Self { spec, file, failed_at: None, rotations: 0, made_room: false })
    }

    /// Which file this is.
    pub fn path(&self) -> &Path {
        &self.spec.path
    }

    /// How often it was rotated since it was opened.
    pub fn rotations(&self) -> u64 {
        self.rotations
    }

    /// The descriptor to wait on after [`Written::Blocked`].
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(|opened| opened.file.as_fd())
    }

    /// Appends, and rotates if the file is full then (D-430): data is never split between files.
    pub fn write(&mut self, data: &[u8]) -> Written {
        let maxbytes = self.spec.maxbytes;
        let opened = match self.opened() {
            Ok(opened) => opened,
            Err(error) => return Written::Failed(0, error),
        };
        let written = opened.write(data);
        let full = opened.is_full(maxbytes);
        if matches!(written, Written::Failed(..)) {
            if !self.file.as_ref().is_some_and(|opened| opened.regular) {
                // Its reader is gone; whoever reads next may want to find it open.
                self.file = None;
                self.failed_at = Some(Instant::now());
            }
        } else if full && matches!(written, Written::All) {
            return match self.rotate() {
                Ok(()) => Written::All,
                Err(error) => Written::Failed(data.len(), unrotated(&error)),
            };
        }
        written
    }

    /// Closes a file to which nothing more will be written; it can be opened again, as always. What is no regular
    /// file stays open: whoever reads it at the other end would see that.
    pub fn put_away(&mut self) {
        self.file.take_if(|opened| opened.regular);
    }

    /// Closes the file and opens it again under its name (D-442).
    pub fn reopen(&mut self) -> io::Result<()> {
        self.file = None;
        self.failed_at = None;
        self.opened().map(drop)
    }

    /// The open file; opened again if it was lost, at most once per [`RETRY`].
    fn opened(&mut self) -> io::Result<&mut Opened> {
        let opened = match self.file.take() {
            Some(opened) => opened,
            None if self.failed_at.is_some_and(|at| at.elapsed() < RETRY) => {
                return Err(io::Error::new(ErrorKind::NotFound, "it could not be opened"));
            }
            None => Opened::open(&self.spec).inspect_err(|_| self.failed_at = Some(Instant::now()))?,
        };
        self.failed_at = None;
        Ok(self.file.insert(opened))
    }

    fn rotate(&mut self) -> io::Result<()> {
        let Some(mut old) = self.file.take() else { return Ok(()) };
        if self.spec.backups == 0 {
            self.rotations += 1;
            let emptied = old.file.set_len(0);
            if emptied.is_ok() {
                old.size = 0;
            }
            self.file = Some(old);
            return emptied;
        }
        match begin_new(&self.spec, self.made_room, &old) {
            Ok(new) => {
                self.rotations += 1;
                self.made_room = false;
                self.file = Some(new);
                Ok(())
            }
            Err(error) => {
                self.go_on_with(old);
                Err(error)
            }
        }
    }

    /// After a rotation that failed: as long as the old file has its name, or can get it back, it goes on.
    fn go_on_with(&mut self, old: Opened) {
        let moved = numbered(&self.spec.path, 1);
        if old.is_at(&moved) && !old.is_at(&self.spec.path) {
            self.made_room = std::fs::rename(moved, &self.spec.path).is_ok();
        }
        self.file = old.is_at(&self.spec.path).then_some(old);
    }
}

/// Renames the files and opens a new one. Before anything is renamed it is tried whether there are descriptors at
/// all: each write after a failure comes here again.
fn begin_new(spec: &FileSpec, made_room: bool, old: &Opened) -> io::Result<Opened> {
    old.file.try_clone().map(drop)?;
    rotate::shift(&FileSpec { backups: if made_room { 1 } else { spec.backups }, ..spec.clone() })?;
    Opened::open(spec)
}

/// All of it is in the file; only the file is still the old one.
fn unrotated(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("it cannot be rotated: {error}"))
}

impl Opened {
    fn open(spec: &FileSpec) -> io::Result<Self> {
        let file = open_for_append(&spec.path, spec.private)?;
        let metadata = file.metadata()?;
        Ok(Self { regular: metadata.is_file(), size: metadata.len(), file })
    }

    fn write(&mut self, data: &[u8]) -> Written {
        let mut taken = 0;
        while taken < data.len() {
            match self.file.write(&data[taken..]) {
                Ok(0) => return Written::Failed(taken, ErrorKind::WriteZero.into()),
                Ok(n) => {
                    taken += n;
                    self.size += n as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Written::Blocked(taken),
                Err(error) => return Written::Failed(taken, error),
            }
        }
        Written::All
    }

    /// Whether this is what has that name.
    fn is_at(&self, path: &Path) -> bool {
        let [there, own] = [std::fs::metadata(path), self.file.metadata()];
        matches!([there, own], [Ok(there), Ok(own)] if (there.dev(), there.ino()) == (own.dev(), own.ino()))
    }

    fn is_full(&self, maxbytes: u64) -> bool {
        self.regular && should_rotate(self.size, maxbytes)
    }
}

/// Removes a log file and makes an empty one of the same mode in its place (C-292), so that who follows it
/// sees another file. What is no regular file stays as it is.
pub fn begin_anew(path: &Path) -> io::Result<()> {
    let mode = match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Ok(()),
        Ok(metadata) => {
            std::fs::remove_file(path)?;
            metadata.mode() & MODE
        }
        Err(error) if error.kind() == ErrorKind::NotFound => MODE,
        Err(error) => return Err(error),
    };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map(drop)
}

/// A named pipe that nobody reads refuses to be opened for writing alone; opened for both, it takes
/// what it has room for and the rest waits.
fn open_for_append(path: &Path, private: bool) -> io::Result<File> {
    let (mode, link) = if private { (PRIVATE_MODE, nix::libc::O_NOFOLLOW) } else { (MODE, 0) };
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(mode);
    options.custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY | link);
    match options.open(path) {
        Err(error) if error.raw_os_error() == Some(nix::libc::ENXIO) && is_fifo(path) => {
            OpenOptions::new().read(true).write(true).custom_flags(nix::libc::O_NONBLOCK).open(path)
        }
        other => other,
    }
}

fn is_fifo(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|m| m.file_type().is_fifo())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn sink(dir: &Path, maxbytes: u64, backups: u32) -> FileSink {
        FileSink::open(FileSpec { path: dir.join("log"), maxbytes, backups, private: false }).unwrap()
    }

    fn read(dir: &Path, name: &str) -> Option<String> {
        fs::read_to_string(dir.join(name)).ok()
    }

    fn write_all(sink: &mut FileSink, pieces: &[&str]) {
        for piece in pieces {
            assert!(matches!(sink.write(piece.as_bytes()), Written::All));
        }
    }

    // D-430, D-431, D-436
    #[test]
    fn a_full_file_is_rotated_after_the_write_that_fills_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = sink(dir.path(), 4, 2);
        write_all(&mut sink, &["abc", "defgh", "1234", "5678", "x"]);
        assert_eq!(read(dir.path(), "log").as_deref(), Some("x"));
        assert_eq!(read(dir.path(), "log.1").as_deref(), Some("5678"));
        assert_eq!(read(dir.path(), "log.2").as_deref(), Some("1234"));
        assert_eq!(read(dir.path(), "log.3"), None);
        assert_eq!(sink.rotations(), 3);
    }

    // D-432
    #[test]
    fn without_backups_the_file_is_emptied() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = sink(dir.path(), 4, 0);
        write_all(&mut sink, &["abcd", "x"]);
        assert_eq!(read(dir.path(), "log").as_deref(), Some("x"));
        assert_eq!(read(dir.path(), "log.1"), None);
    }

    // D-433, D-434
    #[test]
    fn a_file_from_before_is_rotated_at_the_first_write_and_zero_means_never() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("log"), "old old old").unwrap();
        write_all(&mut sink(dir.path(), 0, 1), &["a"]);
        write_all(&mut sink(dir.path(), 4, 1), &["b"]);
        assert_eq!(read(dir.path(), "log").as_deref(), Some(""));
        assert_eq!(read(dir.path(), "log.1").as_deref(), Some("old old oldab"));
    }

    // D-442
    #[test]
    fn a_renamed_file_stays_complete_when_the_log_is_reopened() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = sink(dir.path(), 0, 0);
        write_all(&mut sink, &["one"]);
        fs::rename(dir.path().join("log"), dir.path().join("moved")).unwrap();
        write_all(&mut sink, &["two"]);
        sink.reopen().unwrap();
        write_all(&mut sink, &["three"]);
        assert_eq!(read(dir.path(), "moved").as_deref(), Some("onetwo"));
        assert_eq!(read(dir.path(), "log").as_deref(), Some("three"));
    }

    // D-420
    #[test]
    fn a_private_file_stays_private_over_rotations_and_follows_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let spec = FileSpec { path: dir.path().join("log"), maxbytes: 4, backups: 1, private: true };
        let mut sink = FileSink::open(spec.clone()).unwrap();
        write_all(&mut sink, &["abcd", "x"]);
        for name in ["log", "log.1"] {
            assert_eq!(fs::metadata(dir.path().join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
        }
        begin_anew(&spec.path).unwrap();
        assert_eq!(fs::metadata(&spec.path).unwrap().mode() & 0o777, 0o600);
        fs::write(dir.path().join("precious"), "precious").unwrap();
        fs::remove_file(&spec.path).unwrap();
        std::os::unix::fs::symlink("precious", &spec.path).unwrap();
        assert!(sink.reopen().is_err());
        assert!(FileSink::open(spec).is_err());
        assert_eq!(read(dir.path(), "precious").as_deref(), Some("precious"));
    }

    // D-407: a folder in the way of the new file stands for whatever keeps it from being made
    #[test]
    fn a_file_that_cannot_be_rotated_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = sink(dir.path(), 4, 1);
        write_all(&mut sink, &["abc"]);
        fs::create_dir_all(dir.path().join("log.1/full")).unwrap();
        for text in ["d", "ef"] {
            assert!(matches!(sink.write(text.as_bytes()), Written::Failed(n, _) if n == text.len()));
        }
        assert_eq!((read(dir.path(), "log").as_deref(), sink.rotations()), (Some("abcdef"), 0));
        fs::remove_dir_all(dir.path().join("log.1")).unwrap();
        write_all(&mut sink, &["g", "h"]);
        assert_eq!(read(dir.path(), "log.1").as_deref(), Some("abcdefg"));
        assert_eq!(read(dir.path(), "log").as_deref(), Some("h"));
    }

    // D-407: half-way, again and again; the rotated files move up by one, as in a rotation that succeeds
    #[test]
    fn a_file_that_was_renamed_in_vain_gets_its_name_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = sink(dir.path(), 4, 3);
        write_all(&mut sink, &["older", "newer", "old"]);
        for _ in 0..3 {
            let backups = if sink.made_room { 1 } else { 3 };
            rotate::shift(&FileSpec { backups, ..sink.spec.clone() }).unwrap();
            fs::remove_file(dir.path().join("log")).unwrap();
            let old = sink.file.take().unwrap();
            sink.go_on_with(old);
            assert_eq!(read(dir.path(), "log").as_deref(), Some("old"));
        }
        write_all(&mut sink, &[", and full", "new"]);
        let all = ["log", "log.1", "log.2", "log.3"].map(|name| read(dir.path(), name).unwrap());
        assert_eq!(all, ["new", "old, and full", "newer", "older"]);
        fs::rename(dir.path().join("log"), dir.path().join("moved")).unwrap();
        let old = sink.file.take().unwrap();
        sink.go_on_with(old);
        assert!(sink.file.is_none());
    }

    // C-292
    #[test]
    fn a_file_begun_anew_is_another_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, "old").unwrap();
        let old = fs::File::open(&path).unwrap();
        begin_anew(&path).unwrap();
        assert_eq!((read(dir.path(), "log").as_deref(), old.metadata().unwrap().len()), (Some(""), 3));
        fs::remove_file(&path).unwrap();
        begin_anew(&path).unwrap();
        assert!(path.exists() && dir.path().exists());
        begin_anew(dir.path()).unwrap();
        assert!(begin_anew(&dir.path().join("no/log")).is_err());
    }

    // D-403
    #[test]
    fn a_named_pipe_that_nobody_reads_blocks_and_is_never_rotated() {
        let dir = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&dir.path().join("log"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut sink = sink(dir.path(), 4, 2);
        let chunk = [b'x'; 60_000];
        assert!(matches!(sink.write(&chunk), Written::All));
        assert!(matches!(sink.write(&chunk), Written::Blocked(n) if n < chunk.len()));
        assert!(sink.fd().is_some() && sink.rotations() == 0);
    }

    // D-407
    #[test]
    fn a_full_device_fails_and_goes_on() {
        let spec = FileSpec { path: "/dev/full".into(), maxbytes: 0, backups: 0, private: false };
        let mut sink = FileSink::open(spec).unwrap();
        assert!(matches!(sink.write(b"x"), Written::Failed(0, _)));
        assert!(matches!(sink.write(b"x"), Written::Failed(0, _)));
    }
}
