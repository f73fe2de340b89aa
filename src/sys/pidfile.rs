//! The file that tells the daemon's pid (D-220).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A pidfile that this process has written.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    pid: u32,
}

impl PidFile {
    /// Writes this process's pid, over whatever is there.
    pub fn write(path: &Path) -> io::Result<Self> {
        let pid = std::process::id();
        fs::write(path, format!("{pid}\n"))?;
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
