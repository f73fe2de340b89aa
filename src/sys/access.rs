//! What this process may do with files, found out without doing it.

use std::fs;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

/// Whether a file could be opened for appending, and be made if it is not there.
pub fn appendable(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(Errno::EISDIR.into()),
        Ok(_) => Ok(access(path, AccessFlags::W_OK)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
            entries_can_be_made(folder.unwrap_or(Path::new(".")))
        }
        Err(error) => Err(error),
    }
}

/// Whether files could be made in a folder.
pub fn entries_can_be_made(folder: &Path) -> io::Result<()> {
    enterable(folder)?;
    Ok(access(folder, AccessFlags::W_OK | AccessFlags::X_OK)?)
}

/// Whether it is a folder that could be changed to.
pub fn enterable(folder: &Path) -> io::Result<()> {
    if !fs::metadata(folder)?.is_dir() {
        return Err(Errno::ENOTDIR.into());
    }
    Ok(access(folder, AccessFlags::X_OK)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errno(result: io::Result<()>) -> Option<i32> {
        result.err().and_then(|error| error.raw_os_error())
    }

    #[test]
    fn files_and_folders() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "").unwrap();
        assert_eq!(errno(appendable(&path("file"))), None);
        assert_eq!(errno(appendable(&path("new"))), None);
        assert!(!path("new").exists());
        assert_eq!(errno(appendable(dir.path())), Some(Errno::EISDIR as i32));
        assert_eq!(errno(appendable(&path("none/new"))), Some(Errno::ENOENT as i32));
        assert_eq!(errno(appendable(&path("file/new"))), Some(Errno::ENOTDIR as i32));
        assert_eq!(errno(enterable(&path("file"))), Some(Errno::ENOTDIR as i32));
        assert_eq!(errno(entries_can_be_made(dir.path())), None);
    }
}
