//! help: the topics and what each says (control.md, section 20).

use super::super::render::columns;
use super::super::session::Session;

/// How a command is written, what stands before the explanation, the explanation.
type Line = (&'static str, &'static str, &'static str);

/// A topic with its lines.
type Topic = (&'static str, &'static [Line]);

/// The reference's topics, in the order of their list (C-491); the left column is the reference's too
/// (C-493, C-494).
#[rustfmt::skip]
const TOPICS: [Topic; 21] = [
    ("add", &[("add <name> [...]", "\t", "Start to supervise new groups of the configuration last read")]),
    ("avail", &[("avail", "\t\t\t", "List every configured process, active or not")]),
    ("clear", &[("clear <name>", "\t\t", "Empty the logs of a process"),
        ("clear <name> <name>", "\t", "Empty the logs of several processes"),
        ("clear all", "\t\t", "Empty the logs of all processes")]),
    ("exit", &[("exit", "\t", "Leave the shell")]),
    ("fg", &[("fg <process>", "\t", "Talk to a process: see its output, type its input"),
        ("", "\t\t", "Ctrl-C leaves it running")]),
    ("maintail", &[("maintail -f", " \t", "Follow supervisord's own log until Ctrl-C"),
        ("maintail -100", "\t", "Last 100 *bytes* of it"),
        ("maintail", "\t", "Last 1600 *bytes* of it")]),
    ("open", &[("open <url>", "\t", "Talk to another supervisord from now on"),
        ("", "\t\t", "(http://host:port or unix:///path)")]),
    ("pid", &[("pid", "\t\t\t", "Process id of supervisord"),
        ("pid <name>", "\t\t", "Process id of a process"),
        ("pid all", "\t\t\t", "Process ids of all processes, a line each")]),
    ("quit", &[("quit", "\t", "Leave the shell")]),
    ("reload", &[("reload", " \t\t", "Stop everything and start anew from the configuration")]),
    ("remove", &[("remove <name> [...]", "\t", "Stop to supervise groups, all of whose processes are stopped")]),
    ("reread", &[("reread", " \t\t\t", "Read the configuration and say what differs; nothing is started or stopped")]),
    ("restart", &[("restart <name>", "\t\t", "Stop and start a process"),
        ("restart <gname>:*", "\t", "Stop and start all processes of a group"),
        ("restart <name> <name>", "\t", "Stop and start several processes or groups"),
        ("restart all", "\t\t", "Stop and start all processes"),
        WAITING,
        ("", "", "Note: the configuration is not read again; reread and update do that.")]),
    ("shutdown", &[("shutdown", " \t", "Stop all processes and end supervisord")]),
    ("signal", &[("signal <signal name> <name>", "\t\t", "Send a signal to a process"),
        ("signal <signal name> <gname>:*", "\t\t", "Send a signal to all processes of a group"),
        ("signal <signal name> <name> <name>", "\t", "Send a signal to several processes or groups"),
        ("signal <signal name> all", "\t\t", "Send a signal to all processes")]),
    ("start", &[("start <name>", "\t\t", "Start a process"),
        ("start <gname>:*", "\t\t", "Start all processes of a group"),
        ("start <name> <name>", "\t", "Start several processes or groups"),
        ("start all", "\t\t", "Start all processes"),
        WAITING]),
    ("status", &[("status <name>", "\t\t", "State of a process"),
        ("status <gname>:*", "\t", "State of all processes of a group"),
        ("status <name> <name>", "\t", "State of several processes or groups"),
        ("status", "\t\t\t", "State of all processes"),
        ("status --json [...]", "\t", "The same for programs to read")]),
    ("stop", &[("stop <name>", "\t\t", "Stop a process"),
        ("stop <gname>:*", "\t\t", "Stop all processes of a group"),
        ("stop <name> <name>", "\t", "Stop several processes or groups"),
        ("stop all", "\t\t", "Stop all processes"),
        WAITING]),
    ("tail", &[("tail [-f] <name> [stdout|stderr] (default stdout)", "", ""),
        ("", "", "Ex:"),
        ("tail -f <name>", "\t\t", "Follow what a process writes to stdout"),
        ("", "\t\t\t", "until Ctrl-C"),
        ("tail -100 <name>", "\t", "Last 100 *bytes* of its stdout"),
        ("tail <name> stderr", "\t", "Last 1600 *bytes* of its stderr")]),
    ("update", &[("update", "\t\t\t", "Read the configuration and carry out what differs"),
        ("update all", "\t\t", "The same"),
        ("update <gname> [...]", "\t", "The same for these groups only")]),
    ("version", &[("version", "\t\t\t", "Version of supervisord")]),
];

/// Of start, stop and restart.
const WAITING: Line = ("--no-wait, --timeout <seconds>", "\t", "Return at once, or after so long");

/// Topics of commands that only this project has; listed under a heading of their own, as a plugin's are
/// (C-490).
#[rustfmt::skip]
const ADDED: [Topic; 2] = [
    ("events", &[("events", "\t\t\t\t", "Show the last events"),
        ("events <name> [...]", "\t\t", "Show those of processes, or of groups (<gname>:*)"),
        ("events -f [...]", "\t\t\t", "Then follow what happens until Ctrl-C"),
        ("events --type <type> [...]", "\t", "Show events of this type (several: one --type each)"),
        ("events --json [...]", "\t\t", "The same for programs to read, as always in a pipe")]),
    ("listeners", &[("listeners", "\t\t\t", "Event listener pools and their listeners: what each does and has done"),
        ("listeners <pool> [...]", "\t\t", "Some of the pools"),
        ("listeners --json [...]", "\t\t", "The same for programs to read")]),
];

/// Topics that are not in the list.
const HIDDEN: Topic =
    ("help", &[("help", "\t\t", "List the topics"), ("help <action>", "\t", "Say what an action does")]);

const HEADING: &str = "default commands (type help <topic>):";
const HEADING_OF_ADDED: &str = "additional commands (type help <topic>):";

/// Widest line of the list.
const WIDTH: usize = 79;

/// The `help` command (C-471).
pub(super) fn help(session: &mut Session, topic: &str) {
    if topic.is_empty() {
        return list(session);
    }
    show(session, topic);
}

fn list(session: &mut Session) {
    session.out.line("");
    list_under(session, HEADING, &TOPICS);
    list_under(session, HEADING_OF_ADDED, &ADDED);
}

fn list_under(session: &mut Session, heading: &str, topics: &[Topic]) {
    session.out.line(heading);
    session.out.line("=".repeat(heading.len()));
    let names: Vec<&str> = topics.iter().map(|(name, _)| *name).collect();
    for line in columns(&names, WIDTH) {
        session.out.line(line);
    }
    session.out.line("");
}

/// What there is help on, but for help itself.
pub(in crate::ctl) fn topics() -> impl Iterator<Item = &'static str> {
    TOPICS.iter().chain(&ADDED).map(|(name, _)| *name)
}

/// All commands by name, each with its forms: how it is written, and what that does; empty where the form
/// only goes on.
pub fn manual() -> impl Iterator<Item = (&'static str, Vec<(&'static str, &'static str)>)> {
    let forms = |lines: &'static [Line]| lines.iter().map(|(written, _, told)| (*written, *told)).collect();
    TOPICS.iter().chain(&ADDED).chain([&HIDDEN]).map(move |(name, lines)| (*name, forms(lines)))
}

/// What one topic says.
pub(super) fn show(session: &mut Session, topic: &str) {
    match TOPICS.iter().chain(&ADDED).chain([&HIDDEN]).find(|(name, _)| *name == topic) {
        Some((_, lines)) => {
            for (written, gap, explanation) in *lines {
                session.out.line(format!("{written}{gap}{explanation}"));
            }
        }
        None => session.out.line(format!("*** No help on {topic}")),
    }
}
