//! The reference, Supervisor 4.3.0 and Superlance 2.0.0, in a virtual environment of its own under the
//! target directory, with an SMTP server to send mail to; and Ansible's module for supervisorctl.
//!
//! Made once, by whoever comes first; the others wait at the lock. The stamp is written last, so what was
//! half made is made anew.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::fcntl::{Flock, FlockArg};

const PACKAGES: [&str; 3] = ["supervisor==4.3.0", "superlance==2.0.0", "aiosmtpd==1.4.6"];

/// What modules import, and the collection with the modules, of which one is used.
const ANSIBLE: [&str; 2] = ["ansible-core==2.19.14", "ansible==12.3.0"];
const ANSIBLE_MODULE: &str = "ansible_collections/community/general/plugins/modules/supervisorctl.py";

/// Path of one of its programs, such as `supervisord` or `python`.
pub fn program(name: &str) -> PathBuf {
    static ENVIRONMENT: OnceLock<PathBuf> = OnceLock::new();
    let make = |dir: &Path| {
        run(Command::new("python3").args(["-m", "venv"]).arg(dir));
        run(Command::new(dir.join("bin/pip")).args(["install", "--quiet"]).args(PACKAGES));
    };
    ENVIRONMENT.get_or_init(|| made_once("reference", &PACKAGES.join("\n"), make)).join("bin").join(name)
}

/// Ansible's own module for supervisorctl, and the folder it imports from.
pub fn ansible_module() -> (PathBuf, PathBuf) {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let make = |dir: &Path| {
        let [core, collections] = ANSIBLE;
        let pip = || Command::new(program("pip"));
        run(pip().args(["install", "--quiet", "--no-deps", "--no-compile", core, "--target"]).arg(dir));
        let wheels = dir.join("wheels");
        run(pip().args(["download", "--quiet", "--no-deps", collections, "--dest"]).arg(&wheels));
        let wheel = fs::read_dir(&wheels).unwrap().next().unwrap().unwrap().path();
        let extract = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract(sys.argv[2], sys.argv[3])";
        run(Command::new(program("python")).args(["-c", extract]).arg(wheel).arg(ANSIBLE_MODULE).arg(dir));
        fs::remove_dir_all(wheels).unwrap();
    };
    let folder = FOLDER.get_or_init(|| made_once("ansible", &ANSIBLE.join("\n"), make));
    (folder.join(ANSIBLE_MODULE), folder.clone())
}

/// A folder below the target directory, made by `make` unless it is there with this stamp.
fn made_once(name: &str, stamp: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp is within target");
    let lock = File::create(target.join(format!("{name}.lock"))).unwrap();
    let _held = Flock::lock(lock, FlockArg::LockExclusive).expect("an uncontended or awaited lock");
    let dir = target.join(name);
    let complete = dir.join("complete");
    if fs::read_to_string(&complete).unwrap_or_default() != stamp {
        let _absent = fs::remove_dir_all(&dir);
        make(&dir);
        fs::write(&complete, stamp).unwrap();
    }
    dir
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// How an error of the reference goes on that shows a password or a list of variables, where ours has it too
/// without showing any (D-061, D-093). `None` for all others.
pub fn without_secrets(error: &str) -> Option<&'static str> {
    [
        "Unexpected end of key/value pairs",
        "environment' is badly formatted",
        "environment' contains names",
        "password' is badly formatted",
        "password' contains names",
    ]
    .into_iter()
    .find(|it| error.contains(it))
}
