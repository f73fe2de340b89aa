//! AUTO log files: made by the daemon in `childlogdir`, removed at the next start (D-420 to D-423).

use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::sink::PRIVATE_MODE;
use crate::model::event::Channel;
use crate::model::pyrepr;

const LETTERS: &[u8; 37] = b"abcdefghijklmnopqrstuvwxyz0123456789_";

/// Makes a new, empty file of mode 0600 for a channel of a process.
pub fn create(dir: &Path, process: &str, channel: Channel, identifier: &str) -> io::Result<PathBuf> {
    loop {
        let name = format!("{process}-{}---{identifier}-{}.log", channel.name(), random_part());
        let path = dir.join(name);
        match OpenOptions::new().write(true).create_new(true).mode(PRIVATE_MODE).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(path),
        }
    }
}

/// Removes all AUTO logs of this identifier, no matter which process or run made them. What could not
/// be done is returned as lines for the activity log.
pub fn clean(dir: &Path, identifier: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return vec!["Could not clear childlog dir".to_owned()] };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| is_auto_log(name, identifier)))
        .filter(|entry| fs::remove_file(entry.path()).is_err())
        .map(|entry| format!("Failed to clean up {}", pyrepr::string(&entry.path().to_string_lossy())))
        .collect()
}

/// Whether it begins like `x---identifier-x.log`, as the reference's pattern has it.
fn is_auto_log(name: &str, identifier: &str) -> bool {
    let mark = format!("---{identifier}-");
    name.match_indices(&mark).any(|(at, _)| {
        let tail = &name[at + mark.len()..];
        let suffix = tail.find(".log").filter(|end| *end > 0);
        at > 0 && suffix.is_some_and(|end| !tail[..end].contains(char::is_whitespace))
    })
}

/// Eight characters nobody else has chosen lately; O_EXCL sees to it that they are new.
fn random_part() -> String {
    let mut bits = RandomState::new().hash_one(std::process::id());
    (0..8)
        .map(|_| {
            let letter = LETTERS[(bits % 37) as usize];
            bits /= 37;
            char::from(letter)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    // D-420
    #[test]
    fn a_new_file_has_the_name_and_mode_of_its_kind() {
        let dir = tempfile::tempdir().unwrap();
        let path = create(dir.path(), "web", Channel::Stderr, "supervisor").unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let random = name.strip_prefix("web-stderr---supervisor-").unwrap().strip_suffix(".log").unwrap();
        assert!(random.len() == 8 && random.bytes().all(|b| LETTERS.contains(&b)));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    // D-422
    #[test]
    fn cleaning_removes_this_identifiers_logs_and_their_backups() {
        let dir = tempfile::tempdir().unwrap();
        let rows = [
            ("a-stdout---me-x1_y2345.log", false),
            ("a-stdout---me-x.log.3", false),
            ("other-thing---me-z.log", false),
            ("a-stdout---you-x.log", true),
            ("---me-x.log", true),
            ("a---me-x y.log", true),
            ("a---me-.log", true),
            ("supervisord.log", true),
        ];
        for (name, _) in rows {
            fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(clean(dir.path(), "me"), Vec::<String>::new());
        for (name, stays) in rows {
            assert_eq!(dir.path().join(name).exists(), stays, "{name}");
        }
        assert_eq!(clean(&dir.path().join("none"), "me"), ["Could not clear childlog dir"]);
    }
}
