//! Finding the file of a command (D-332 to D-334). Looks at the disk, so it may block.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::model::pyrepr;

/// Where a command without a slash is looked for if nothing else is said.
pub const DEFAULT_PATH: &str = "/bin:/usr/bin:/usr/local/bin";

/// A command that cannot be executed; its text is what users see (D-334).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// There is no such file.
    NotFound(String),
    /// It is a folder.
    Directory(PathBuf),
    /// It has no x bit at all.
    NotExecutable(PathBuf),
    /// It has one, but not for us.
    NoPermission(PathBuf),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &Path| pyrepr::string(&path.to_string_lossy());
        match self {
            Self::NotFound(word) => write!(f, "can't find command {}", pyrepr::string(word)),
            Self::Directory(path) => write!(f, "command at {} is a directory", shown(path)),
            Self::NotExecutable(path) => write!(f, "command at {} is not executable", shown(path)),
            Self::NoPermission(path) => write!(f, "no permission to run command {}", shown(path)),
        }
    }
}

/// The file that the first word of a command names. A word with a slash is taken as it is; another is
/// looked up in the folders of `search_path`, and the first that has it counts, whether or not it can
/// be executed there (D-333).
pub fn find(word: &str, search_path: &str) -> Result<PathBuf, CommandError> {
    let (path, metadata) = if word.contains('/') {
        let path = PathBuf::from(word);
        let metadata = fs::metadata(&path).ok();
        (path, metadata)
    } else {
        search(word, search_path).map_or_else(|| (PathBuf::from(word), None), |(p, m)| (p, Some(m)))
    };
    let Some(metadata) = metadata else { return Err(CommandError::NotFound(word.to_owned())) };
    if metadata.is_dir() {
        Err(CommandError::Directory(path))
    } else if metadata.mode() & 0o111 == 0 {
        Err(CommandError::NotExecutable(path))
    } else if access(&path, AccessFlags::X_OK).is_err() {
        Err(CommandError::NoPermission(path))
    } else {
        Ok(path)
    }
}

fn search(word: &str, search_path: &str) -> Option<(PathBuf, fs::Metadata)> {
    search_path.split(':').find_map(|folder| {
        let path = Path::new(folder).join(word);
        fs::metadata(&path).ok().map(|metadata| (path, metadata))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(dir: &Path, name: &str, mode: u32) -> PathBuf {
        let path = dir.join(name);
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn text(word: &str, path: &str) -> String {
        find(word, path).unwrap_err().to_string()
    }

    // D-332 to D-334
    #[test]
    fn the_first_folder_that_has_it_counts() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let plain = file(one.path(), "x", 0o644);
        let program = file(two.path(), "x", 0o755);
        let both = format!("{}:{}", one.path().display(), two.path().display());
        assert_eq!(text("x", &both), format!("command at '{}' is not executable", plain.display()));
        assert_eq!(find("x", two.path().to_str().unwrap()), Ok(program.clone()));
        assert_eq!(find(program.to_str().unwrap(), ""), Ok(program));
    }

    // D-334
    #[test]
    fn texts() {
        assert_eq!(text("nosuch", "/bin"), "can't find command 'nosuch'");
        assert_eq!(text("/no'such", ""), "can't find command \"/no'such\"");
        assert_eq!(text("/bin/..", ""), "command at '/bin/..' is a directory");
    }
}
