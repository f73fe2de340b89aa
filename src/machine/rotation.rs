//! Which files a rotation renames. `logs/rotate.rs` carries the plan out, and measures.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Whether a file of this size is rotated after a write: it has reached `maxbytes` (D-430); never if
/// that is 0 (D-433).
pub const fn should_rotate(size: u64, maxbytes: u64) -> bool {
    maxbytes > 0 && size >= maxbytes
}

/// One rotation of a log file.
///
/// `base.1` is the newest old file. From the oldest on each moves up by one, the last onto what is lost
/// by that; files with numbers above `backups` stay (D-431). Where a number is missing, those above the
/// gap move as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationPlan<'a> {
    base: &'a Path,
    backups: u32,
}

/// One thing to do in a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationStep {
    /// Rename a file, in place of whatever file had the other name. That there is no such file is no
    /// error (D-435).
    Rename {
        /// The file.
        from: PathBuf,
        /// Its new name.
        to: PathBuf,
    },
    /// Open the file anew: made if it is not there, empty in any case (D-432, D-436).
    Truncate(PathBuf),
}

impl<'a> RotationPlan<'a> {
    /// The rotation of `base` that keeps `backups` old files; with none it is only emptied (D-432).
    pub const fn new(base: &'a Path, backups: u32) -> Self {
        Self { base, backups }
    }

    /// The steps, in order.
    pub fn steps(self) -> impl Iterator<Item = RotationStep> + 'a {
        let Self { base, backups } = self;
        let renames = (0..backups).rev().map(move |number| RotationStep::Rename {
            from: numbered(base, number),
            to: numbered(base, number + 1),
        });
        renames.chain(std::iter::once_with(|| RotationStep::Truncate(base.to_owned())))
    }
}

/// `base.number`, and `base` itself for 0.
pub fn numbered(base: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(base);
    if number > 0 {
        name.push(format!(".{number}"));
    }
    name.into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    // D-430, D-433
    #[test]
    fn rotates_at_the_limit() {
        assert!(!should_rotate(99, 100));
        assert!(should_rotate(100, 100));
        assert!(!should_rotate(u64::MAX, 0));
        assert!(!should_rotate(0, 0));
    }

    /// Rotates `l` in a folder that holds the files of these numbers, each with its number in it, and
    /// tells what is in which file then; the new empty `l` is left out.
    fn rotate(files: &[u32], backups: u32) -> Vec<(u32, u32)> {
        let path = |number| numbered(Path::new("/d/l"), number);
        let mut folder: BTreeMap<PathBuf, u32> = files.iter().map(|n| (path(*n), *n)).collect();
        let mut truncated = false;
        for step in RotationPlan::new(Path::new("/d/l"), backups).steps() {
            assert!(!truncated);
            match step {
                RotationStep::Rename { from, to } => {
                    if let Some(content) = folder.remove(&from) {
                        folder.insert(to, content);
                    }
                }
                RotationStep::Truncate(base) => {
                    assert_eq!(base, path(0));
                    folder.remove(&base);
                    truncated = true;
                }
            }
        }
        assert!(truncated);
        (0..10).filter_map(|number| folder.get(&path(number)).map(|content| (number, *content))).collect()
    }

    // D-430 to D-432, D-435: the rows' answers are the reference's.
    #[test]
    fn files_move_up_by_one() {
        assert_eq!(rotate(&[0], 0), []);
        assert_eq!(rotate(&[0, 1, 2], 0), [(1, 1), (2, 2)]);
        assert_eq!(rotate(&[0], 1), [(1, 0)]);
        assert_eq!(rotate(&[0, 1], 1), [(1, 0)]);
        assert_eq!(rotate(&[0, 1, 2, 3], 3), [(1, 0), (2, 1), (3, 2)]);
        assert_eq!(rotate(&[0, 2, 3], 3), [(1, 0), (3, 2)]);
        assert_eq!(rotate(&[0, 1, 3, 5], 4), [(1, 0), (2, 1), (4, 3), (5, 5)]);
        assert_eq!(rotate(&[0, 1, 2, 7], 2), [(1, 0), (2, 1), (7, 7)]);
        assert_eq!(rotate(&[1, 2], 3), [(2, 1), (3, 2)]);
    }

    // D-435: the reference loses the old file here, for nothing.
    #[test]
    fn a_missing_log_costs_no_old_one() {
        assert_eq!(rotate(&[1], 1), [(1, 1)]);
    }
}
