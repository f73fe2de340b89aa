//! The file that tells the daemon's pid (D-220).

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};

/// Everybody may read it, and only its owner write it, whatever the umask: others kill what it names.
const MODE: u32 = 0o644;

/// A pidfile that this process has written.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    pid: u32,
}

impl PidFile {
    /// Writes this process's pid, over whatever is there. A symbolic link, a file with a second name and what
    /// is no file at all are replaced instead, so that nobody has the daemon overwrite something else.
    pub fn write(path: &Path) -> io::Result<Self> {
        let pid = std::process::id();
        let mut file = match open_plain(path)? {
            Some(file) => file,
            None => {
                match fs::remove_file(path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
                OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?
            }
        };
        file.set_len(0)?;
        file.write_all(format!("{pid}\n").as_bytes())?;
        Ok(Self { path: path.to_owned(), pid })
    }

    /// Removes it, in the process that wrote it only: a fork of that does nothing.
    pub fn remove(self) {
        if std::process::id() == self.pid {
            // It may be gone already, or its folder closed; both are no reason to fail an exit.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The file that is there, if it is a plain one. It is kept where it can be: the daemon may be allowed to write
/// it, but not to make files in its folder.
fn open_plain(path: &Path) -> io::Result<Option<File>> {
    match fs::symlink_metadata(path) {
        Ok(found) if is_plain(&found) => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    // It may have been exchanged since.
    let file = OpenOptions::new().write(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path)?;
    let is_still = is_plain(&file.metadata()?);
    Ok(is_still.then_some(file))
}

fn is_plain(found: &Metadata) -> bool {
    found.is_file() && found.nlink() == 1
}

/// What the log says when it could not be written; level CRIT.
pub fn not_written(path: &Path) -> String {
    format!("could not write pidfile {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    // D-220
    #[test]
    fn written_over_what_is_there_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.pid");
        fs::write(&path, "1234567890 and more").unwrap();
        let file = PidFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        file.remove();
        assert!(!path.exists());
    }

    #[test]
    fn what_was_planted_is_replaced_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, precious) = (dir.path().join("p.pid"), dir.path().join("precious"));
        fs::write(&precious, "precious").unwrap();
        let plants: [fn(&Path, &Path); 4] = [
            |precious, path| std::os::unix::fs::symlink(precious, path).unwrap(),
            |precious, path| fs::hard_link(precious, path).unwrap(),
            |_, path| std::os::unix::fs::symlink("dangling", path).unwrap(),
            |_, path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
        ];
        for plant in plants {
            plant(&precious, &path);
            let file = PidFile::write(&path).unwrap();
            assert!(fs::symlink_metadata(&path).unwrap().is_file());
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
            file.remove();
        }
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
        assert!(!dir.path().join("dangling").exists());
    }

    // D-220
    #[test]
    fn removed_by_its_writer_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.pid");
        let written = PidFile::write(&path).unwrap();
        PidFile { pid: written.pid + 1, ..written }.remove();
        assert!(path.exists());
    }

    #[test]
    fn a_folder_that_is_not_there() {
        let path = Path::new("/nonexistent/p.pid");
        assert!(PidFile::write(path).is_err());
        assert_eq!(not_written(path), "could not write pidfile /nonexistent/p.pid");
    }
}
