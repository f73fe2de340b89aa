//! The reference, Supervisor 4.3.0 and Superlance 2.0.0, in a virtual environment of its own under the
//! target directory; with an SMTP server to send mail to.
//!
//! Made once, by whoever comes first; the others wait at the lock. The stamp is written last, so a
//! half-made environment is made anew.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::fcntl::{Flock, FlockArg};

const PACKAGES: [&str; 3] = ["supervisor==4.3.0", "superlance==2.0.0", "aiosmtpd==1.4.6"];

/// Path of one of its programs, such as `supervisord` or `python`.
pub fn program(name: &str) -> PathBuf {
    static ENVIRONMENT: OnceLock<PathBuf> = OnceLock::new();
    ENVIRONMENT.get_or_init(environment).join("bin").join(name)
}

fn environment() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp is within target");
    let lock = File::create(target.join("reference.lock")).unwrap();
    let _held = Flock::lock(lock, FlockArg::LockExclusive).expect("an uncontended or awaited lock");
    let dir = target.join("reference");
    let stamp = dir.join("complete");
    if fs::read_to_string(&stamp).unwrap_or_default() != PACKAGES.join("\n") {
        let _absent = fs::remove_dir_all(&dir);
        run(Command::new("python3").args(["-m", "venv"]).arg(&dir));
        run(Command::new(dir.join("bin/pip")).args(["install", "--quiet"]).args(PACKAGES));
        fs::write(&stamp, PACKAGES.join("\n")).unwrap();
    }
    dir
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
