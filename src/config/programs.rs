//! `[program:x]` and its kin: from one section to its processes (daemon.md, section 4.3).

use std::sync::Arc;

use serde::Deserialize;

use super::datatypes::{self as types, ChildLog, boolean, integer, octal};
use super::dialect::{Section, Setting};
use super::expand::{expand, expand_secret};
use super::reader::{Context, Findings, Reader};
use super::schema::{AutoRestart, ChannelConfig, FcgiSocket, LogFile, ProcessConfig};
use super::text::{quoted, strip};
use crate::model::event::Channel;
use crate::model::name::ProcessName;
use crate::model::signal::Signal;

/// More processes than a system has pids for are a mistake.
const MAX_NUMPROCS: i64 = 100_000;

/// The options of a program section.
#[derive(Deserialize)]
struct Options {
    command: Option<Setting>,
    process_name: Option<Setting>,
    numprocs: Option<Setting>,
    numprocs_start: Option<Setting>,
    priority: Option<Setting>,
    autostart: Option<Setting>,
    autorestart: Option<Setting>,
    startsecs: Option<Setting>,
    startretries: Option<Setting>,
    exitcodes: Option<Setting>,
    stopsignal: Option<Setting>,
    stopwaitsecs: Option<Setting>,
    stopasgroup: Option<Setting>,
    killasgroup: Option<Setting>,
    user: Option<Setting>,
    redirect_stderr: Option<Setting>,
    environment: Option<Setting>,
    directory: Option<Setting>,
    umask: Option<Setting>,
    serverurl: Option<Setting>,
    stdout_logfile: Option<Setting>,
    stdout_logfile_maxbytes: Option<Setting>,
    stdout_logfile_backups: Option<Setting>,
    stdout_capture_maxbytes: Option<Setting>,
    stdout_events_enabled: Option<Setting>,
    stdout_syslog: Option<Setting>,
    stderr_logfile: Option<Setting>,
    stderr_logfile_maxbytes: Option<Setting>,
    stderr_logfile_backups: Option<Setting>,
    stderr_capture_maxbytes: Option<Setting>,
    stderr_events_enabled: Option<Setting>,
    stderr_syslog: Option<Setting>,
}

/// The part of [`Options`] that is read for each process of one channel.
struct ChannelOptions<'a> {
    logfile: &'a Option<Setting>,
    maxbytes: &'a Option<Setting>,
    backups: &'a Option<Setting>,
    syslog: &'a Option<Setting>,
}

impl Options {
    fn channel(&self, channel: Channel) -> ChannelOptions<'_> {
        match channel {
            Channel::Stdout => ChannelOptions {
                logfile: &self.stdout_logfile,
                maxbytes: &self.stdout_logfile_maxbytes,
                backups: &self.stdout_logfile_backups,
                syslog: &self.stdout_syslog,
            },
            Channel::Stderr => ChannelOptions {
                logfile: &self.stderr_logfile,
                maxbytes: &self.stderr_logfile_maxbytes,
                backups: &self.stderr_logfile_backups,
                syslog: &self.stderr_syslog,
            },
        }
    }
}

/// The processes of a program section as members of `group`, by name (D-174). `program` is what
/// follows the colon in the section's name; `fcgi` is the socket that they share.
pub(super) fn read_processes(
    context: &Context<'_>,
    findings: &mut Findings,
    section: &Section,
    (program, group): (&str, &str),
    fcgi: Option<Arc<FcgiSocket>>,
) -> Vec<ProcessConfig> {
    let mut names = context.variables.clone();
    names = names.with("here", &context.here).with("host_node_name", &context.facts.host_node_name);
    let mut reader = Reader { section, names, findings };
    let Some(program) = reader_name(&mut reader, program) else {
        return Vec::new();
    };
    reader.names = reader.names.with("program_name", &program).with("group_name", group);
    let before = reader.findings.problems.count();
    let options = reader.options();
    let program = Program::read(context, reader, options, group.into(), fcgi);
    program.processes(before)
}

/// The program's name, checked (D-156).
fn reader_name(reader: &mut Reader<'_>, program: &str) -> Option<String> {
    types::name(program).map_err(|text| reader.refuse(None, text)).ok()
}

/// A program section while its processes are made.
struct Program<'a> {
    context: &'a Context<'a>,
    reader: Reader<'a>,
    options: Options,
    /// What all its processes have in common.
    template: ProcessConfig,
    group: Arc<str>,
    /// `process_name`, not yet expanded.
    name: String,
    numprocs: i64,
    numprocs_start: i64,
}

impl<'a> Program<'a> {
    /// Reads what does not depend on the process, in the reference's order.
    fn read(
        context: &'a Context<'a>,
        mut reader: Reader<'a>,
        options: Options,
        group: Arc<str>,
        fcgi: Option<Arc<FcgiSocket>>,
    ) -> Self {
        let (mut t, mut numprocs, mut numprocs_start) = (defaults(&group), 1, 0);
        let (r, o) = (&mut reader, &options);
        r.set(&mut t.priority, &o.priority, integer);
        r.set(&mut t.autostart, &o.autostart, boolean);
        r.set(&mut t.autorestart, &o.autorestart, types::auto_restart);
        r.set(&mut t.startsecs, &o.startsecs, integer);
        r.set(&mut t.startretries, &o.startretries, integer);
        r.set(&mut t.stopsignal, &o.stopsignal, types::signal);
        r.set(&mut t.stopwaitsecs, &o.stopwaitsecs, integer);
        r.set(&mut t.stopasgroup, &o.stopasgroup, boolean);
        t.killasgroup = t.stopasgroup;
        r.set(&mut t.killasgroup, &o.killasgroup, boolean);
        r.set(&mut t.exitcodes, &o.exitcodes, types::exit_codes);
        r.set(&mut t.redirect_stderr, &o.redirect_stderr, boolean);
        r.set(&mut numprocs, &o.numprocs, bounded_numprocs);
        r.set(&mut numprocs_start, &o.numprocs_start, integer);
        r.set(&mut t.stdout.capture_maxbytes, &o.stdout_capture_maxbytes, types::size);
        r.set(&mut t.stdout.events_enabled, &o.stdout_events_enabled, boolean);
        r.set(&mut t.stderr.capture_maxbytes, &o.stderr_capture_maxbytes, types::size);
        r.set(&mut t.stderr.events_enabled, &o.stderr_events_enabled, boolean);
        t.serverurl = r.text(&o.serverurl).filter(|url| strip(url).to_uppercase() != "AUTO");
        t.user = r.value(&o.user, |text| types::user(text, context.facts)).map(|account| account.uid);
        t.umask = r.value(&o.umask, octal);
        let name = process_name(r, o, numprocs);
        if t.stopasgroup && !t.killasgroup {
            r.refuse(o.killasgroup.as_ref(), "Cannot set stopasgroup=true and killasgroup=false");
        }
        let template = ProcessConfig { fcgi, ..t };
        Self { context, reader, options, template, group, name, numprocs, numprocs_start }
    }

    /// All processes, by name. `before` is how many problems there were before this section: with
    /// one of its own, the first process shows all that can be found.
    fn processes(mut self, before: usize) -> Vec<ProcessConfig> {
        let mut processes = Vec::new();
        for index in 0..self.numprocs {
            processes.extend(self.process(self.numprocs_start.saturating_add(index)));
            if self.reader.findings.problems.count() > before {
                break;
            }
        }
        processes.sort_by(|a, b| a.name.name().cmp(b.name.name()));
        let (section, sections) = (&self.reader.section.name, &mut self.reader.findings.sections);
        sections.extend(processes.iter().map(|it| (it.name.clone(), section.clone())));
        processes
    }

    fn process(&mut self, process_num: i64) -> Option<ProcessConfig> {
        self.reader.names.set_number("process_num", process_num);
        self.reader.names.set_number("numprocs", self.numprocs);
        self.reader.names.update(&self.context.variables);
        let own = self.environment();
        match &own {
            Some(own) => self.reader.names.add_environment(pairs(own)),
            None => self.reader.names.lack_variables(),
        }
        let directory = self.reader.text(&self.options.directory);
        let stdout = self.log(Channel::Stdout);
        let mut stderr = self.log(Channel::Stderr);
        if self.template.redirect_stderr {
            self.drop_stderr(&mut stderr);
        }
        let command = self.command();
        let name = self.process_name();
        Some(ProcessConfig {
            name: ProcessName::new(self.group.clone(), &name?),
            command: command?,
            environment: merged(&self.context.environment, own?),
            directory,
            stdout,
            stderr,
            ..self.template.clone()
        })
    }

    /// The program's own variables (D-152). `None`: they are wrong, and so might be all that uses them.
    fn environment(&mut self) -> Option<Vec<(String, String)>> {
        let Some(setting) = self.options.environment.clone() else {
            return Some(Vec::new());
        };
        let text = expand_secret(&setting.value, &self.reader.names, "environment");
        let text = self.reader.expanded(&setting, text)?;
        self.reader.keep(&setting, types::environment(&text))
    }

    /// `process_name`, which the reference calls by its bare name in errors.
    fn process_name(&mut self) -> Option<String> {
        let expanded = expand(&self.name, &self.reader.names, "process_name");
        match self.options.process_name.clone() {
            Some(setting) => self.reader.expanded(&setting, expanded),
            None => expanded.map_err(|text| self.reader.refuse(None, text)).ok(),
        }
    }

    fn command(&mut self) -> Option<String> {
        if self.options.command.is_none() {
            let text = format!("program section {} does not specify a command", self.reader.section.name);
            self.reader.refuse(None, text);
        }
        self.reader.text(&self.options.command)
    }

    /// One channel's log (D-146 to D-151).
    fn log(&mut self, channel: Channel) -> ChannelConfig {
        let (r, o) = (&mut self.reader, self.options.channel(channel));
        let mut config = match channel {
            Channel::Stdout => self.template.stdout.clone(),
            Channel::Stderr => self.template.stderr.clone(),
        };
        let key = format!("{}_logfile", channel.name());
        let (facts, names) = (self.context.facts, r.names.clone());
        let mut log = ChildLog::File(LogFile::Auto);
        r.set(&mut log, o.logfile, |text| {
            // The reference expands a second time, so `%%%%` means one percent sign there; `%%`, an
            // error there, means one here (D-066).
            let again = expand(text, &names, &key).unwrap_or_else(|_| text.to_owned());
            types::child_log(&again, facts)
        });
        r.set(&mut config.backups, o.backups, types::count);
        r.set(&mut config.maxbytes, o.maxbytes, types::size);
        r.set(&mut config.syslog, o.syslog, boolean);
        match log {
            ChildLog::File(file) => config.logfile = file,
            ChildLog::Syslog => {
                (config.logfile, config.syslog) = (LogFile::None, true);
                let instead = format!("Use {}_syslog=true to enable syslog instead.", channel.name());
                self.warn(&format!("{key}=syslog but this is deprecated and will be removed.  {instead}"));
            }
        }
        if config.logfile == LogFile::Auto && config.maxbytes == 0 {
            self.warn(&format!(
                "AUTO logging used for {key} without rollover, set maxbytes > 0 to avoid filling up filesystem \
                 unintentionally"
            ));
        }
        config
    }

    /// There is no stderr log where stderr goes to stdout's pipe (D-145).
    fn drop_stderr(&mut self, stderr: &mut ChannelConfig) {
        if matches!(stderr.logfile, LogFile::Path(_)) {
            self.warn(
                "redirect_stderr=true but stderr_logfile has also been set to a filename, the filename has been \
                 ignored",
            );
        }
        stderr.logfile = LogFile::None;
    }

    fn warn(&mut self, text: &str) {
        let line = format!("For [{}], {text}", self.reader.section.name);
        self.reader.findings.warnings.push(line);
    }
}

fn bounded_numprocs(text: &str) -> Result<i64, String> {
    match integer(text)? {
        n if n > MAX_NUMPROCS => {
            Err(format!("numprocs value {} is above upper bound ({MAX_NUMPROCS})", quoted(text)))
        }
        n => Ok(n),
    }
}

/// A process of which nothing is said (D-134 to D-155).
fn defaults(group: &Arc<str>) -> ProcessConfig {
    let channel = ChannelConfig {
        logfile: LogFile::Auto,
        maxbytes: 50 << 20,
        backups: 10,
        capture_maxbytes: 0,
        events_enabled: false,
        syslog: false,
    };
    ProcessConfig {
        name: ProcessName::new(group.clone(), ""),
        command: String::new(),
        priority: 999,
        autostart: true,
        autorestart: AutoRestart::Unexpected,
        startsecs: 1,
        startretries: 3,
        exitcodes: vec![0],
        stopsignal: Signal::TERM,
        stopwaitsecs: 10,
        stopasgroup: false,
        killasgroup: false,
        user: None,
        redirect_stderr: false,
        stdout: channel.clone(),
        stderr: channel,
        environment: Vec::new(),
        directory: None,
        umask: None,
        serverurl: None,
        fcgi: None,
    }
}

/// `process_name` as written, checked (D-131, D-132).
fn process_name(reader: &mut Reader<'_>, options: &Options, numprocs: i64) -> String {
    const DEFAULT: &str = "%(program_name)s";
    let raw = options.process_name.as_ref().map_or(DEFAULT, |setting| setting.value.as_str());
    let name = match types::name(raw) {
        Ok(name) => name,
        Err(text) => {
            reader.refuse(options.process_name.as_ref(), text);
            return DEFAULT.to_owned();
        }
    };
    if numprocs > 1 && !name.contains("%(process_num)") {
        let text = "%(process_num) must be present within process_name when numprocs > 1";
        reader.refuse(options.numprocs.as_ref(), text);
    }
    name
}

fn pairs(list: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    list.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// `base` with `own` on top; what is in both keeps its place.
fn merged(base: &[(String, String)], own: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut all = base.to_vec();
    for (name, value) in own {
        match all.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => all.push((name, value)),
        }
    }
    all
}
