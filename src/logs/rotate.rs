//! Carries out a rotation plan on the disk.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;

use super::sink::{FileSpec, PRIVATE_MODE};
use crate::machine::rotation::{RotationPlan, RotationStep};

/// Renames the file and its backups as the plan says. A file that is not there is no error (D-435).
pub fn shift(spec: &FileSpec) -> io::Result<()> {
    for step in RotationPlan::new(&spec.path, spec.backups).steps() {
        match step {
            RotationStep::Rename { from, to } => match fs::rename(from, to) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => other?,
            },
            // The name is free now: whatever is there was put there meanwhile.
            RotationStep::Truncate(path) if spec.private => {
                OpenOptions::new().write(true).create_new(true).mode(PRIVATE_MODE).open(path)?;
            }
            RotationStep::Truncate(path) => {
                OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
            }
        }
    }
    Ok(())
}
