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

/// Options of `[supervisord]` given on the command line (D-012 to D-029), checked like the file's.
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
    pub logfile: Option<MainLog>,
    /// `-y`.
    pub logfile_maxbytes: Option<u64>,
    /// `-z`.
    pub logfile_backups: Option<u32>,
    /// `-e`.
    pub loglevel: Option<Level>,
    /// `-j`.
    pub pidfile: Option<PathBuf>,
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
    /// `environment` was refused.
    lacks_variables: bool,
}

impl Supervisord {
    /// Reads the section, in the reference's order.
    pub fn read(context: &Context<'_>, findings: &mut Findings, section: &Section) -> Self {
        let facts = context.facts;
        let names = context.variables.clone().with("here", &context.here);
        let (mut c, mut reader) = (defaults(facts), Reader { section, names, findings });
        let o: Options = reader.options();
        let r = &mut reader;
        r.set(&mut c.minfds, &o.minfds, types::limit);
        r.set(&mut c.minprocs, &o.minprocs, types::limit);
        c.directory = r.value(&o.directory, |text| types::existing_folder(text, facts));
        let user = r.text(&o.user);
        r.set(&mut c.umask, &o.umask, types::octal);
        r.set(&mut c.logfile, &o.logfile, |text| types::main_log(text, facts));
        r.set(&mut c.logfile_maxbytes, &o.logfile_maxbytes, types::size);
        r.set(&mut c.logfile_backups, &o.logfile_backups, types::count);
        r.set(&mut c.loglevel, &o.loglevel, types::level);
        r.set(&mut c.pidfile, &o.pidfile, |text| types::absolute_path(text, facts));
        r.set(&mut c.identifier, &o.identifier, |text| Ok(text.to_owned()));
        r.set(&mut c.nodaemon, &o.nodaemon, boolean);
        r.set(&mut c.silent, &o.silent, boolean);
        r.set(&mut c.childlogdir, &o.childlogdir, |text| types::absolute_folder(text, facts));
        r.set(&mut c.nocleanup, &o.nocleanup, boolean);
        r.set(&mut c.strip_ansi, &o.strip_ansi, boolean);
        let environment = environment(r, &o.environment, facts);
        let lacks_variables = environment.is_none();
        c.environment = environment.unwrap_or_default();
        Self { config: c, user: o.user.zip(user), lacks_variables }
    }

    /// Gives the other sections the variables of `environment=` (D-063).
    pub fn extend(&self, context: &mut Context<'_>) {
        let environment = &self.config.environment;
        context.variables.add_environment(environment.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        if self.lacks_variables {
            context.variables.lack_variables();
        }
        context.environment.clone_from(environment);
    }

    /// The section as it counts: with `overrides` on top, and the user looked up.
    pub fn finish(
        self,
        overrides: &Overrides,
        facts: &HostFacts,
        findings: &mut Findings,
        section: &Section,
    ) -> SupervisordConfig {
        let user = match (&overrides.user, &self.user) {
            (Some(name), _) => Some(types::user(name, facts).map_err(ConfigError::new)),
            (None, Some((setting, name))) => {
                Some(types::user(name, facts).map_err(|text| ConfigError::at(section, setting, text)))
            }
            (None, None) => None,
        };
        let mut config = self.config;
        match user {
            Some(Ok(account)) => config.user = Some(account.uid),
            Some(Err(error)) => findings.problems.push(error),
            None => {}
        }
        overrides.apply(&mut config);
        config
    }
}

impl Overrides {
    fn apply(&self, config: &mut SupervisordConfig) {
        fn put<T: Clone>(target: &mut T, given: &Option<T>) {
            if let Some(value) = given {
                target.clone_from(value);
            }
        }
        put(&mut config.logfile, &self.logfile);
        put(&mut config.logfile_maxbytes, &self.logfile_maxbytes);
        put(&mut config.logfile_backups, &self.logfile_backups);
        put(&mut config.loglevel, &self.loglevel);
        put(&mut config.pidfile, &self.pidfile);
        put(&mut config.umask, &self.umask);
        put(&mut config.minfds, &self.minfds);
        put(&mut config.minprocs, &self.minprocs);
        put(&mut config.childlogdir, &self.childlogdir);
        put(&mut config.identifier, &self.identifier);
        config.directory = self.directory.clone().or(config.directory.take());
        config.nodaemon |= self.nodaemon;
        config.silent |= self.silent;
        config.nocleanup |= self.nocleanup;
        config.strip_ansi |= self.strip_ansi;
    }
}

/// A daemon of which nothing is said (D-100 to D-116).
fn defaults(facts: &HostFacts) -> SupervisordConfig {
    SupervisordConfig {
        logfile: MainLog::File(paths::absolute("supervisord.log", facts)),
        logfile_maxbytes: 50 << 20,
        logfile_backups: 10,
        loglevel: Level::Info,
        pidfile: paths::absolute("supervisord.pid", facts),
        umask: 0o022,
        nodaemon: false,
        silent: false,
        minfds: 1024,
        minprocs: 200,
        nocleanup: false,
        childlogdir: temporary_folder(facts),
        user: None,
        directory: None,
        strip_ansi: false,
        identifier: "supervisor".to_owned(),
        environment: Vec::new(),
    }
}

/// `environment=` (D-115). The reference expands it twice, the first time without
/// `host_node_name`; here that name is known, and a percent sign left over does no harm (D-066).
fn environment(
    reader: &mut Reader<'_>,
    setting: &Option<Setting>,
    facts: &HostFacts,
) -> Option<Vec<(String, String)>> {
    let Some(given) = setting else { return Some(Vec::new()) };
    reader.names = reader.names.clone().with("host_node_name", &facts.host_node_name);
    let text = reader.secret(setting)?;
    let again = expand(&text, &reader.names, "environment").unwrap_or(text);
    reader.keep(given, types::environment(&again))
}

/// The system's folder for temporary files (D-111).
fn temporary_folder(facts: &HostFacts) -> PathBuf {
    let variables = ["TMPDIR", "TEMP", "TMP"].into_iter().filter_map(|name| facts.variable(name));
    let mut candidates = variables.filter(|path| !path.is_empty()).chain(TEMPORARY);
    let found = candidates.find(|path| paths::is_folder(path, facts));
    paths::absolute(found.unwrap_or_default(), facts)
}
