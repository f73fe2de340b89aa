//! Groups: which programs run together, and in which order (daemon.md, sections 4.4 and 4.5).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;

use super::datatypes::{self as types, FcgiAccess, boolean, integer};
use super::dialect::{Section, Setting};
use super::expand::Names;
use super::kinds;
use super::programs::read_processes;
use super::reader::{Context, Findings, Reader};
use super::schema::{FcgiSocket, GroupConfig, PoolConfig, ProcessConfig};
use super::text::strip;
use crate::machine::result::ResultHandler;

/// The options of `[group:x]`.
#[derive(Deserialize)]
struct GroupOptions {
    programs: Option<Setting>,
    priority: Option<Setting>,
}

/// What `[eventlistener:x]` has beyond a program, or reads before it (D-160).
#[derive(Deserialize)]
struct ListenerOptions {
    priority: Option<Setting>,
    buffer_size: Option<Setting>,
    result_handler: Option<Setting>,
    events: Option<Setting>,
    redirect_stderr: Option<Setting>,
}

/// What `[fcgi-program:x]` has beyond a program, or reads before it (D-161).
#[derive(Deserialize)]
struct FcgiOptions {
    user: Option<Setting>,
    socket_backlog: Option<Setting>,
    socket_owner: Option<Setting>,
    socket_mode: Option<Setting>,
    socket: Option<Setting>,
}

/// Only the priority, which a program's own group has too (D-134).
#[derive(Deserialize)]
struct PriorityOption {
    priority: Option<Setting>,
}

/// Reads all groups and puts them in start order (D-174). Of groups with one name the first stays
/// (D-175).
pub(super) fn read_groups(context: &Context<'_>, findings: &mut Findings) -> Vec<Arc<GroupConfig>> {
    let mut groups = Groups { context, findings, read: Vec::new(), members: HashSet::new() };
    groups.read_all();
    let mut read = groups.read;
    read.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    let mut seen = HashSet::new();
    read.retain(|group| seen.insert(group.name.clone()));
    read.into_iter().map(Arc::new).collect()
}

struct Groups<'a> {
    context: &'a Context<'a>,
    findings: &'a mut Findings,
    read: Vec<GroupConfig>,
    /// Names of the sections that are members of a `[group:x]`.
    members: HashSet<&'a str>,
}

impl<'a> Groups<'a> {
    fn read_all(&mut self) {
        let document = self.context.document;
        for (section, name) in document.sections_with(kinds::GROUP) {
            self.mixed(section, name);
        }
        for (section, name) in document.sections_with(kinds::PROGRAM) {
            self.own(section, name, |groups, name| groups.processes(section, name, None));
        }
        for (section, name) in document.sections_with(kinds::LISTENER) {
            self.pool(section, name);
        }
        for (section, name) in document.sections_with(kinds::FCGI) {
            self.own(section, name, |groups, name| {
                let socket = groups.socket(section, name);
                groups.processes(section, name, socket)
            });
        }
    }

    /// Reads options with the few names that are known outside of programs.
    fn reader<'b>(&'b mut self, section: &'b Section) -> Reader<'b> {
        let names = self.names();
        Reader { section, names, findings: self.findings }
    }

    fn names(&self) -> Names {
        self.context.variables.clone().with("here", &self.context.here)
    }

    fn name(&mut self, section: &Section, name: &str) -> Option<String> {
        types::name(name).map_err(|text| self.reader(section).refuse(None, text)).ok()
    }

    fn processes(
        &mut self,
        section: &Section,
        name: &str,
        socket: Option<Arc<FcgiSocket>>,
    ) -> Vec<ProcessConfig> {
        unique(read_processes(self.context, self.findings, section, (name, name), socket))
    }

    /// `[group:x]` (D-171 to D-173).
    fn mixed(&mut self, section: &'a Section, name: &str) {
        let Some(name) = self.name(section, name) else {
            return;
        };
        let mut reader = self.reader(section);
        let options: GroupOptions = reader.options();
        let programs = reader.value(&options.programs, |text| Ok(types::list(text))).unwrap_or_default();
        let priority = reader.value(&options.priority, integer).unwrap_or(999);
        let mut processes = Vec::new();
        for program in programs {
            match self.member(&section.name, &program) {
                Ok((member, is_fcgi)) => {
                    self.members.insert(&member.name);
                    let socket = if is_fcgi { self.socket(member, &program) } else { None };
                    let names = (program.as_str(), name.as_str());
                    processes.extend(read_processes(self.context, self.findings, member, names, socket));
                }
                Err(text) => self.reader(section).refuse(options.programs.as_ref(), text),
            }
        }
        let mut processes = unique(processes);
        // Not the reference's order, which is that of the list (D-174).
        processes.sort_by_key(|process| process.priority);
        self.add(name, priority, processes, None);
    }

    /// The section of a group's member, and whether it is a FastCGI program (D-172).
    fn member(&self, group: &str, program: &str) -> Result<(&'a Section, bool), String> {
        let document = self.context.document;
        let plain = document.section(&format!("{}{program}", kinds::PROGRAM));
        let fcgi = document.section(&format!("{}{program}", kinds::FCGI));
        match (plain, fcgi) {
            (Some(section), None) => Ok((section, false)),
            (None, Some(section)) => Ok((section, true)),
            (None, None) => Err(format!("[{group}] names unknown program or fcgi-program {program}")),
            (Some(_), Some(_)) => {
                Err(format!("[{group}] name {program} is ambiguous (exists as program and fcgi-program)"))
            }
        }
    }

    /// A program's group of its own, unless it is a member of another (D-170).
    fn own(
        &mut self,
        section: &'a Section,
        name: &str,
        read: impl FnOnce(&mut Self, &str) -> Vec<ProcessConfig>,
    ) {
        if self.members.contains(section.name.as_str()) {
            return;
        }
        let Some(name) = self.name(section, name) else {
            return;
        };
        let mut reader = self.reader(section);
        let options: PriorityOption = reader.options();
        let priority = reader.value(&options.priority, integer).unwrap_or(999);
        let processes = read(self, &name);
        self.add(name, priority, processes, None);
    }

    /// `[eventlistener:x]` (E-160 to E-177).
    fn pool(&mut self, section: &'a Section, name: &str) {
        let mut r = self.reader(section);
        let options: ListenerOptions = r.options();
        let priority = r.value(&options.priority, integer).unwrap_or(-1);
        let buffer_size =
            r.value(&options.buffer_size, |text| buffer_size(text, &section.name)).unwrap_or(10);
        let result_handler = r.value(&options.result_handler, |text| handler(text, &section.name));
        let events = match &options.events {
            Some(_) => r.value(&options.events, |text| types::events(text, &section.name)),
            None => types::events("", &section.name).map_err(|text| r.refuse(None, text)).ok(),
        };
        if r.value(&options.redirect_stderr, boolean) == Some(true) {
            let text = format!(
                "[{}] section sets redirect_stderr=true but this is not allowed because it will interfere with \
                 the eventlistener protocol",
                section.name
            );
            r.refuse(options.redirect_stderr.as_ref(), text);
        }
        let group = strip(name);
        let processes = unique(read_processes(self.context, self.findings, section, (name, group), None));
        let pool = PoolConfig {
            events: events.unwrap_or_default(),
            buffer_size,
            result_handler: result_handler.unwrap_or_default(),
        };
        self.add(group.to_owned(), priority, processes, Some(pool));
    }

    /// The socket of a FastCGI program (D-180 to D-183).
    fn socket(&mut self, section: &Section, program: &str) -> Option<Arc<FcgiSocket>> {
        let facts = self.context.facts;
        let mut r = self.reader(section);
        let options: FcgiOptions = r.options();
        let user = r.value(&options.user, |text| types::user(text, facts));
        let backlog = r.value(&options.socket_backlog, backlog);
        let given_owner = r.value(&options.socket_owner, |text| {
            types::owner(text, facts).ok_or_else(|| format!("Invalid socket_owner value {text}"))
        });
        let mode = r.value(&options.socket_mode, |text| {
            types::octal(text).map_err(|_| format!("Invalid socket_mode value {text}"))
        });
        let access = FcgiAccess { mode, given_owner, user: user.filter(|account| account.uid != facts.uid) };
        r.names = r.names.with("program_name", program);
        let required = format!("[{}] section requires a \"socket\" line", section.name);
        if options.socket.is_none() {
            r.refuse(None, required);
            return None;
        }
        let address = r.value(&options.socket, |text| match text {
            "" => Err(required),
            _ => types::fcgi_address(text, facts, access)
                .map_err(|e| format!("{e} in [{}] socket", section.name)),
        })?;
        Some(Arc::new(FcgiSocket { program: program.to_owned(), address, backlog }))
    }

    fn add(&mut self, name: String, priority: i64, processes: Vec<ProcessConfig>, pool: Option<PoolConfig>) {
        let processes = processes.into_iter().map(Arc::new).collect();
        self.read.push(GroupConfig { name: name.into(), priority, processes, pool });
    }
}

/// Of processes with one name the last wins, at the place of the first (D-175).
fn unique(processes: Vec<ProcessConfig>) -> Vec<ProcessConfig> {
    let mut kept: Vec<ProcessConfig> = Vec::with_capacity(processes.len());
    let mut places = HashMap::new();
    for process in processes {
        let place = *places.entry(process.name.clone()).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(earlier) => *earlier = process,
            None => kept.push(process),
        }
    }
    kept
}

fn buffer_size(text: &str, section: &str) -> Result<usize, String> {
    let size = integer(text)?;
    let refused = || format!("[{section}] section sets invalid buffer_size ({size})");
    usize::try_from(size).ok().filter(|n| *n > 0).ok_or_else(refused)
}

fn handler(text: &str, section: &str) -> Result<ResultHandler, String> {
    ResultHandler::from_spec(text).ok_or_else(|| unresolvable(text, section))
}

/// A plugin in another language cannot be loaded (C-373, E-177).
pub(super) fn unresolvable(spec: &str, section: &str) -> String {
    format!("{spec} cannot be resolved within [{section}]")
}

fn backlog(text: &str) -> Result<u32, String> {
    match integer(text)? {
        n @ 1..=65535 => Ok(n.unsigned_abs() as u32),
        n => Err(format!("Invalid socket_backlog value {n}")),
    }
}
