//! The shell's history as a file of plain lines (C-486), the form in which readline keeps it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// First line of a file that libedit wrote; no command.
const FOREIGN_HEAD: &str = "_HiStOrY_V2_";

/// The commands in the file, oldest first; none if it cannot be read.
pub(super) fn read(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().filter(|line| !line.is_empty() && *line != FOREIGN_HEAD).map(str::to_owned).collect()
}

/// Writes the commands; a new file is for its owner only.
pub(super) fn write(path: &Path, lines: impl Iterator<Item = String>) -> io::Result<()> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-486
    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("h");
        assert!(read(&path).is_empty());
        let lines = ["status".to_owned(), "tail -f ä".to_owned()];
        write(&path, lines.iter().cloned()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "status\ntail -f ä\n");
        assert_eq!(read(&path), lines);
    }
}
