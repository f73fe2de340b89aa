//! A process as the API describes it: its fields (C-222 to C-230).

use std::path::PathBuf;
use std::sync::Arc;

use crate::daemon::command::ProcessInfo;
use crate::model::state::ProcessState;
use crate::model::time::WallTime;
use crate::wire::xmlrpc::{Template, Value};

/// The struct that `getProcessInfo` and `getAllProcessInfo` give.
pub fn record(info: &ProcessInfo) -> Value {
    Value::record(members(info))
}

fn members(info: &ProcessInfo) -> [(&'static str, Value); 14] {
    let stdout = path(info.stdout_logfile.as_ref());
    [
        ("name", info.name.name().into()),
        ("group", (&**info.name.group()).into()),
        ("start", seconds(info.start).into()),
        ("stop", seconds(info.stop).into()),
        ("now", info.now.secs().into()),
        ("state", info.state.code().into()),
        ("statename", info.state.name().into()),
        ("spawnerr", (&*info.spawnerr).into()),
        ("exitstatus", info.exitstatus.into()),
        ("logfile", stdout.as_str().into()),
        ("stdout_logfile", stdout.into()),
        ("stderr_logfile", path(info.stderr_logfile.as_ref()).into()),
        ("pid", info.pid.into()),
        ("description", info.description().into()),
    ]
}

/// The structs of all processes. Their text is kept from one list to the next, but for what changes with
/// the time: about 1.3 KB for each process.
#[derive(Debug, Default)]
pub struct Records(Vec<Kept>);

/// The text of a process as it was when last listed.
#[derive(Debug)]
struct Kept {
    /// At the time zero.
    info: ProcessInfo,
    template: Arc<Template>,
}

impl Records {
    /// The structs of these processes, each as [`record`] has it.
    pub fn of_all(&mut self, processes: Vec<ProcessInfo>) -> Value {
        self.0.truncate(processes.len());
        let structs = processes.into_iter().enumerate().map(|(place, info)| self.of(place, info));
        Value::Array(structs.collect())
    }

    /// The struct of the process in this place of the list.
    fn of(&mut self, place: usize, info: ProcessInfo) -> Value {
        let values = gaps(&info);
        let info = ProcessInfo { now: WallTime::default(), ..info };
        match self.0.get_mut(place) {
            Some(kept) if kept.info == info => {}
            Some(kept) => *kept = Kept::new(info),
            None => self.0.push(Kept::new(info)),
        }
        self.0[place].template.fill(values)
    }
}

impl Kept {
    fn new(info: ProcessInfo) -> Self {
        let members =
            members(&info).map(|(name, value)| (name, (!is_gap(name, info.state)).then_some(value)));
        let template = Arc::new(Template::new(members));
        Self { info, template }
    }
}

/// Whether a member changes with the time.
fn is_gap(member: &str, state: ProcessState) -> bool {
    member == "now" || (member == "description" && state == ProcessState::Running)
}

/// What is in the gaps, in the order of the members.
fn gaps(info: &ProcessInfo) -> Vec<Value> {
    let now = info.now.secs().into();
    match info.state {
        ProcessState::Running => vec![now, info.description().into()],
        _ => vec![now],
    }
}

fn seconds(time: Option<WallTime>) -> i64 {
    time.map_or(0, WallTime::secs)
}

fn path(file: Option<&Arc<PathBuf>>) -> String {
    file.map_or_else(String::new, |file| file.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::ProcessName;
    use crate::wire::xmlrpc::encode;

    fn at(seconds: i64) -> WallTime {
        WallTime::from_nanos(seconds * 1_000_000_000)
    }

    fn process(state: ProcessState) -> ProcessInfo {
        ProcessInfo {
            name: ProcessName::new("g".into(), "p"),
            state,
            start: Some(at(1000)),
            stop: None,
            now: at(1192),
            spawnerr: "".into(),
            exitstatus: 0,
            stdout_logfile: Some(Arc::new("/l/o".into())),
            stderr_logfile: None,
            pid: 7,
        }
    }

    // C-222 to C-230
    #[test]
    fn fields() {
        let value = record(&process(ProcessState::Running));
        let rows: [(&str, Value); 14] = [
            ("name", "p".into()),
            ("group", "g".into()),
            ("start", 1000.into()),
            ("stop", 0.into()),
            ("now", 1192.into()),
            ("state", 20.into()),
            ("statename", "RUNNING".into()),
            ("spawnerr", "".into()),
            ("exitstatus", 0.into()),
            ("logfile", "/l/o".into()),
            ("stdout_logfile", "/l/o".into()),
            ("stderr_logfile", "".into()),
            ("pid", 7.into()),
            ("description", "pid 7, uptime 0:03:12".into()),
        ];
        for (name, expected) in &rows {
            assert_eq!(value.member(name), Some(expected), "{name}");
        }
    }

    /// Both ways to the text of a list.
    fn assert_same(records: &mut Records, list: &[ProcessInfo]) {
        let plain = Value::Array(list.iter().map(record).collect());
        assert_eq!(encode::response(&records.of_all(list.to_vec())), encode::response(&plain));
    }

    // C-221 to C-234
    #[test]
    fn kept_texts_are_those_of_the_plain_encoder() {
        use ProcessState::*;
        let mut records = Records::default();
        let states = [Stopped, Starting, Running, Backoff, Stopping, Exited, Fatal, Unknown];
        let list = states.map(process);
        assert_same(&mut records, &list);
        let later = list.clone().map(|info| ProcessInfo { now: at(100_000), ..info });
        assert_same(&mut records, &later);
        // Each differs from what was in its place, in length too.
        assert_same(&mut records, &states.map(|_| process(Running)));
        assert_same(&mut records, &later[1..4]);
        assert_same(&mut records, &[]);
        assert_same(&mut records, &later);
    }

    #[test]
    fn whatever_changes_is_told() {
        let mut records = Records::default();
        let before = process(ProcessState::Running);
        let name = ProcessName::new("g".into(), "<q>");
        let changed = [
            ProcessInfo { name, ..before.clone() },
            ProcessInfo { start: None, ..before.clone() },
            ProcessInfo { stop: Some(at(9)), ..before.clone() },
            ProcessInfo { spawnerr: "é".into(), ..before.clone() },
            ProcessInfo { exitstatus: -1, ..before.clone() },
            ProcessInfo { stdout_logfile: None, ..before.clone() },
            ProcessInfo { stderr_logfile: Some(Arc::new("/l/e".into())), ..before.clone() },
            ProcessInfo { pid: 8, ..before.clone() },
        ];
        for info in changed {
            assert_same(&mut records, std::slice::from_ref(&before));
            assert_same(&mut records, &[info]);
        }
    }
}
