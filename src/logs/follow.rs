//! Following a log file as it grows, through rotation, emptying and removal (C-332 to C-334).
//!
//! Everything here may block and is meant for a worker. What to do with the bytes is the caller's business.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use nix::libc::{O_NOCTTY, O_NONBLOCK};

use crate::machine::rotation::numbered;

/// What stands in a stream where the file was made shorter (C-334).
const TRUNCATED: &[u8] = b"==> File truncated <==\n";

/// A reader at the end of a file, or on its way there.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    file: File,
    at: u64,
    /// What comes after the end of `file`, which was replaced under its name.
    next: Option<File>,
}

impl Follower {
    /// Begins `last` bytes before the end, or at the start of a file that is shorter.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or is no regular file: others have no end to follow.
    pub fn open(path: PathBuf, last: u64) -> io::Result<Self> {
        let file = open(&path)?;
        let at = file.metadata()?.len().saturating_sub(last);
        Ok(Self { path, file, at, next: None })
    }

    /// When the file was last written to, in seconds since the epoch.
    ///
    /// # Errors
    ///
    /// The system cannot tell.
    pub fn modified(&self) -> io::Result<i64> {
        Ok(self.file.metadata()?.mtime())
    }

    /// What comes next, at most as much as `buffer` takes; nothing if there is nothing yet.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn more(&mut self, buffer: &mut [u8]) -> io::Result<Bytes> {
        loop {
            let length = self.file.read_at(buffer, self.at)?;
            if let Some(read) = buffer.get(..length).filter(|read| !read.is_empty()) {
                self.at += length as u64;
                return Ok(Bytes::copy_from_slice(read));
            }
            if let Some(next) = self.next.take() {
                (self.file, self.at) = (next, 0);
                continue;
            }
            let now = self.file.metadata()?;
            if now.len() < self.at {
                self.at = 0;
                return Ok(Bytes::from_static(TRUNCATED));
            }
            // The old file may have grown before it was replaced, so it is read once more.
            self.next = self.replacement(&now);
            if self.next.is_none() {
                return Ok(Bytes::new());
            }
        }
    }

    /// The file that took the place of the one being read: where that has become a numbered old one, the
    /// next younger of them. None while the name is free (C-333).
    fn replacement(&self, own: &Metadata) -> Option<File> {
        if is_same(own, &fs::metadata(&self.path).ok()?) {
            return None;
        }
        let old = |number| fs::metadata(numbered(&self.path, number)).ok();
        let found = (1..).map_while(|number| Some((number, old(number)?))).find(|(_, it)| is_same(own, it));
        open(&numbered(&self.path, found.map_or(0, |(number, _)| number - 1))).ok()
    }
}

/// A FIFO without writer must not hold up the opening.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK | O_NOCTTY).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::super::sink::FileSpec;
    use super::*;
    use crate::logs::rotate;

    struct Log {
        dir: tempfile::TempDir,
    }

    impl Log {
        fn new(content: &str) -> Self {
            let log = Self { dir: tempfile::tempdir().unwrap() };
            log.append(content);
            log
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join("log")
        }

        fn append(&self, text: &str) {
            let mut file = OpenOptions::new().append(true).create(true).open(self.path()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn rotate(&self, backups: u32) {
            let spec = FileSpec { path: self.path(), maxbytes: 0, backups, private: false };
            rotate::shift(&spec).unwrap();
            self.append("");
        }

        fn follow(&self, last: u64) -> Follower {
            Follower::open(self.path(), last).unwrap()
        }
    }

    /// All that comes until there is nothing, in pieces of at most four bytes.
    fn rest(follower: &mut Follower) -> String {
        let mut text = Vec::new();
        loop {
            let more = follower.more(&mut [0; 4]).unwrap();
            if more.is_empty() {
                return String::from_utf8(text).unwrap();
            }
            text.extend_from_slice(&more);
        }
    }

    // C-332
    #[test]
    fn the_last_bytes_and_what_is_added() {
        let log = Log::new("0123456789");
        assert_eq!(rest(&mut log.follow(100)), "0123456789");
        assert_eq!(rest(&mut log.follow(0)), "");
        let mut follower = log.follow(3);
        assert_eq!(rest(&mut follower), "789");
        log.append("more\n");
        assert_eq!(rest(&mut follower), "more\n");
        assert!(follower.modified().unwrap() > 0);
    }

    // C-333
    #[test]
    fn nothing_is_lost_by_rotations() {
        let log = Log::new("a");
        let mut follower = log.follow(10);
        assert_eq!(rest(&mut follower), "a");
        for text in ["before ", "between ", "after "] {
            log.append(text);
            log.rotate(3);
        }
        log.append("now");
        assert_eq!(rest(&mut follower), "before between after now");
    }

    // C-333: what has gone beyond the last old file cannot be told from a cleared log
    #[test]
    fn a_file_that_was_rotated_away_is_read_to_its_end() {
        let log = Log::new("a");
        let mut follower = log.follow(10);
        log.append("b");
        for text in ["lost", "lost", "kept"] {
            log.rotate(1);
            log.append(text);
        }
        assert_eq!(rest(&mut follower), "abkept");
    }

    // C-333
    #[test]
    fn a_removed_file_is_followed_until_there_is_a_new_one() {
        let log = Log::new("a");
        let mut old = OpenOptions::new().append(true).open(log.path()).unwrap();
        let mut follower = log.follow(10);
        fs::remove_file(log.path()).unwrap();
        old.write_all(b"b").unwrap();
        assert_eq!(rest(&mut follower), "ab");
        old.write_all(b"c").unwrap();
        log.append("new");
        assert_eq!(rest(&mut follower), "cnew");
    }

    // C-334
    #[test]
    fn an_emptied_file_is_told_and_read_from_its_start() {
        let log = Log::new("0123456789");
        let mut follower = log.follow(10);
        assert_eq!(rest(&mut follower), "0123456789");
        log.rotate(0);
        log.append("new");
        assert_eq!(rest(&mut follower), "==> File truncated <==\nnew");
    }

    #[test]
    fn what_cannot_be_followed() {
        let log = Log::new("");
        let fifo = log.dir.path().join("fifo");
        mkfifo(&fifo, Mode::S_IRWXU).unwrap();
        for path in [fifo, log.dir.path().into(), log.dir.path().join("none"), "/dev/null".into()] {
            assert!(Follower::open(path.clone(), 1).is_err(), "{}", path.display());
        }
        let mut follower = log.follow(1);
        fs::remove_file(log.path()).unwrap();
        fs::create_dir(log.path()).unwrap();
        assert_eq!(rest(&mut follower), "");
    }
}
