//! Carries out a rotation plan on the disk.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::machine::rotation::{RotationPlan, RotationStep};

/// Renames `base` and its backups as the plan says. A file that is not there is no error (D-435).
pub fn shift(base: &Path, backups: u32) -> io::Result<()> {
    for step in RotationPlan::new(base, backups).steps() {
        match step {
            RotationStep::Rename { from, to } => match fs::rename(from, to) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => other?,
            },
            RotationStep::Truncate(path) => {
                OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
            }
        }
    }
    Ok(())
}
