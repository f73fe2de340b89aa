//! One test's directory: made fresh, cleared of processes and removed at the end.
//!
//! `KEEP_SANDBOX=1` in the environment keeps it and tells where it is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::processes;

/// What every test configuration begins with; sections given again add to it (D-055).
const BASE: &str = "\
[supervisord]
nodaemon=true
logfile=@DIR@/supervisord.log
pidfile=@DIR@/supervisord.pid
childlogdir=@DIR@/auto
[unix_http_server]
file=@DIR@/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
";

/// A directory for one test.
#[derive(Debug)]
pub struct Sandbox {
    dir: PathBuf,
    temporary: Option<TempDir>,
}

impl Sandbox {
    /// A fresh directory with a short path, open to all users.
    pub fn new() -> Self {
        let temporary = tempfile::Builder::new().prefix("sv").tempdir().unwrap();
        let dir = temporary.path().canonicalize().unwrap();
        let sandbox = Self { dir, temporary: Some(temporary) };
        sandbox.set_mode(".", 0o755);
        fs::create_dir(sandbox.path("auto")).unwrap();
        sandbox
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path within it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes `supervisord.conf`: the base and this text.
    pub fn configure(&self, text: &str) -> PathBuf {
        self.write("supervisord.conf", &format!("{BASE}{text}"))
    }

    /// Writes a file, `@DIR@` in it standing for the directory.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, self.fill(text)).unwrap();
        path
    }

    /// Writes a file that can be executed.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, text);
        self.set_mode(name, 0o755);
        path
    }

    /// Makes a directory.
    pub fn make_dir(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Sets the mode of a file.
    pub fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The text of a file, empty when there is none; bytes that are not UTF-8 are replaced.
    pub fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.read_bytes(name)).into_owned()
    }

    /// The bytes of a file, none when there is none.
    pub fn read_bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_default()
    }

    /// Whether there is such a file.
    pub fn has(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    /// Names in a folder, sorted.
    pub fn list(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|it| it.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// The text with `@DIR@` filled in.
    pub fn fill(&self, text: &str) -> String {
        text.replace("@DIR@", self.dir.to_str().unwrap())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        processes::clear(&self.dir);
        if std::env::var_os("KEEP_SANDBOX").is_some()
            && let Some(temporary) = self.temporary.take()
        {
            eprintln!("kept {}", temporary.keep().display());
        }
    }
}
