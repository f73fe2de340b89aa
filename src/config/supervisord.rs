//! `[supervisord]`, with the command line's options on top (daemon.md, section 4.1; D-009).

use std::path::PathBuf;

use serde::Deserialize;

use super::datatypes::{self as types, boolean};
use super::dialect::{Section, Setting};
use super::error::ConfigError;
use super::expand::expand;
use super::facts::HostFacts;
use super::paths;
use super::reader::{Context, Findings, Reader};
use super::schema::{MainLog, SupervisordConfig};
use crate::model::notice::Level;

/// Where temporary files may go, after the variables of D-111.
const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/usr/tmp"];

/// Options of `[supervisord]` given on the command line (D-012 to D-029); checked, paths with `~`
/// expanded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `-n`; a flag can only switch on (D-010).
    pub nodaemon: bool,
    /// `-s`.
    pub silent: bool,
    /// `-k`.
    pub nocleanup: bool,
    /// `-t`.
    pub strip_ansi: bool,
    /// `-u`: name or id, not yet looked up.
    pub user: Option<String>,
    /// `-m`.
    pub umask: Option<u32>,
    /// `-d`.
    pub directory: Option<PathBuf>,
    /// `-l`.
    pub logfile: Option<String>,
    /// `-y`.
    pub logfile_maxbytes: Option<u64>,
    /// `-z`.
    pub logfile_backups: Option<u32>,
    /// `-e`.
    pub loglevel: Option<Level>,
    /// `-j`.
    pub pidfile: Option<String>,
    /// `-i`.
    pub identifier: Option<String>,
    /// `-q`.
    pub childlogdir: Option<PathBuf>,
    /// `-a`.
    pub minfds: Option<u64>,
    /// `--minprocs`.
    pub minprocs: Option<u64>,
}

#[derive(Deserialize)]
struct Options {
    logfile: Option<Setting>,
    logfile_maxbytes: Option<Setting>,
    logfile_backups: Option<Setting>,
    loglevel: Option<Setting>,
    pidfile: Option<Setting>,
    umask: Option<Setting>,
    nodaemon: Option<Setting>,
    silent: Option<Setting>,
    minfds: Option<Setting>,
    minprocs: Option<Setting>,
    nocleanup: Option<Setting>,
    childlogdir: Option<Setting>,
    user: Option<Setting>,
    directory: Option<Setting>,
    strip_ansi: Option<Setting>,
    identifier: Option<Setting>,
    environment: Option<Setting>,
}

/// What is read of `[supervisord]` before the other sections.
pub(super) struct Supervisord {
    /// All but the user.
    config: SupervisordConfig,
    /// `user`, which is looked up only after all else, and only if the command line has none.
    user: Option<(Setting, String)>,
}

impl Supervisord {
    /// Reads the section, in the reference's order. `None`: `environment` is wrong, and without it
    /// the other sections cannot be judged.
    pub fn read(context: &Context<'_>, findings: &mut Findings, section: &Section) -> Option<Self> {
        let facts = context.facts;
        let names = context.variables.clone().with("here", &context.here);
        let mut reader = Reader {
            section,
            names,
            findings,
        };
        let (r, o): (_, Options) = (&mut reader, section.options());
        let in_folder = |text: &str| types::path_in_existing_folder(text, facts);
        let minfds = r.value(&o.minfds, types::limit).unwrap_or(1024);
        let minprocs = r.value(&o.minprocs, types::limit).unwrap_or(200);
        let directory = r.value(&o.directory, |text| types::existing_folder(text, facts));
        let user = r.text(&o.user);
        let umask = r.value(&o.umask, types::octal).unwrap_or(0o022);
        let logfile = r
            .value(&o.logfile, in_folder)
            .unwrap_or_else(|| "supervisord.log".to_owned());
        let logfile_maxbytes = r.value(&o.logfile_maxbytes, types::size).unwrap_or(50 << 20);
        let logfile_backups = r.value(&o.logfile_backups, types::count).unwrap_or(10);
        let loglevel = r.value(&o.loglevel, types::level).unwrap_or(Level::Info);
        let pidfile = r
            .value(&o.pidfile, in_folder)
            .unwrap_or_else(|| "supervisord.pid".to_owned());
        let identifier = r.text(&o.identifier).unwrap_or_else(|| "supervisor".to_owned());
        let nodaemon = r.value(&o.nodaemon, boolean).unwrap_or(false);
        let silent = r.value(&o.silent, boolean).unwrap_or(false);
        let childlogdir = r.value(&o.childlogdir, |text| types::existing_folder(text, facts));
        let nocleanup = r.value(&o.nocleanup, boolean).unwrap_or(false);
        let strip_ansi = r.value(&o.strip_ansi, boolean).unwrap_or(false);
        let environment = environment(r, &o.environment, facts)?;
        let config = SupervisordConfig {
            logfile: main_log(&logfile, facts),
            logfile_maxbytes,
            logfile_backups,
            loglevel,
            pidfile: paths::normal(&pidfile, facts),
            umask,
            nodaemon,
            silent,
            minfds,
            minprocs,
            nocleanup,
            childlogdir: folder(childlogdir.unwrap_or_else(|| temporary_folder(facts)), facts),
            user: None,
            directory,
            strip_ansi,
            identifier,
            environment,
        };
        Some(Self {
            config,
            user: o.user.zip(user),
        })
    }

    /// `environment=`.
    pub fn environment(&self) -> &[(String, String)] {
        &self.config.environment
    }

    /// The section as it counts: with `overrides` on top, and the user looked up.
    pub fn finish(
        self,
        overrides: &Overrides,
        facts: &HostFacts,
        findings: &mut Findings,
        section: &Section,
    ) -> SupervisordConfig {
        let found = match (&overrides.user, &self.user) {
            (Some(name), _) => types::user(name, facts).map(Some).map_err(ConfigError::new),
            (None, Some((setting, name))) => types::user(name, facts)
                .map(Some)
                .map_err(|text| ConfigError::at(section, setting, text)),
            (None, None) => Ok(None),
        };
        let user = found.unwrap_or_else(|error| {
            findings.problems.push(error);
            None
        });
        let file = self.config;
        let logfile = overrides.logfile.as_deref().filter(|path| !path.is_empty());
        let pidfile = overrides.pidfile.as_deref().filter(|path| !path.is_empty());
        let childlogdir = overrides.childlogdir.clone();
        SupervisordConfig {
            logfile: logfile.map_or(file.logfile, |path| main_log(path, facts)),
            logfile_maxbytes: overrides.logfile_maxbytes.unwrap_or(file.logfile_maxbytes),
            logfile_backups: overrides.logfile_backups.unwrap_or(file.logfile_backups),
            loglevel: overrides.loglevel.unwrap_or(file.loglevel),
            pidfile: pidfile.map_or(file.pidfile, |path| paths::normal(path, facts)),
            umask: overrides.umask.unwrap_or(file.umask),
            nodaemon: overrides.nodaemon || file.nodaemon,
            silent: overrides.silent || file.silent,
            minfds: overrides.minfds.unwrap_or(file.minfds),
            minprocs: overrides.minprocs.unwrap_or(file.minprocs),
            nocleanup: overrides.nocleanup || file.nocleanup,
            childlogdir: childlogdir.map_or(file.childlogdir, |path| folder(path, facts)),
            user: user.map(|account| account.uid),
            directory: overrides.directory.clone().or(file.directory),
            strip_ansi: overrides.strip_ansi || file.strip_ansi,
            identifier: overrides.identifier.clone().unwrap_or(file.identifier),
            environment: file.environment,
        }
    }
}

/// `environment=` (D-115). The reference expands it twice, the first time without
/// `host_node_name`; here that name is known, and a percent sign left over does no harm (D-066).
fn environment(
    reader: &mut Reader<'_>,
    setting: &Option<Setting>,
    facts: &HostFacts,
) -> Option<Vec<(String, String)>> {
    if setting.is_none() {
        return Some(Vec::new());
    }
    reader.names = reader.names.clone().with("host_node_name", &facts.host_node_name);
    let names = reader.names.clone();
    reader.value(setting, |text| {
        let again = expand(text, &names, "environment").unwrap_or_else(|_| text.to_owned());
        types::environment(&again)
    })
}

fn main_log(text: &str, facts: &HostFacts) -> MainLog {
    if text == "syslog" {
        MainLog::Syslog
    } else {
        MainLog::File(paths::normal(text, facts))
    }
}

fn folder(path: PathBuf, facts: &HostFacts) -> PathBuf {
    paths::absolute(&paths::text(&path), facts)
}

/// The system's folder for temporary files (D-111).
fn temporary_folder(facts: &HostFacts) -> PathBuf {
    let variables = ["TMPDIR", "TEMP", "TMP"]
        .into_iter()
        .filter_map(|name| facts.variable(name));
    let mut candidates = variables.filter(|path| !path.is_empty()).chain(TEMPORARY);
    candidates
        .find(|path| paths::is_folder(path, facts))
        .map_or_else(|| facts.current_dir.clone(), PathBuf::from)
}
