//! What a page shows of a process that changes: as it stands in a row, and as the event stream tells it.

use std::collections::HashMap;

use serde::Serialize;

use crate::daemon::command::ProcessInfo;
use crate::model::name::ProcessName;
use crate::model::state::ProcessState;
use crate::model::time::Moment;
use crate::sys::proc::Usage;

/// A process, as pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Shown {
    /// The name spec.
    pub name: String,
    /// In capitals.
    pub state: &'static str,
    /// What stands behind the state. Of what is RUNNING the page makes it, from `pid` and `start`: the time
    /// since then goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// When it was started, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<i64>,
    /// How often the daemon has restarted it by itself.
    pub restarts: u64,
    #[serde(flatten)]
    pub used: Used,
}

/// What a process uses, as text; nothing where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Used {
    /// Of one processor, over the last seconds: `12.3%`.
    pub cpu: String,
    /// Resident: `4.5 MiB`.
    pub memory: String,
}

impl Shown {
    pub(super) fn new(info: &ProcessInfo, restarts: u64, used: Used) -> Self {
        let running = info.state == ProcessState::Running;
        Self {
            name: info.name.to_string(),
            state: info.state.name(),
            description: (!running).then(|| info.description()),
            pid: running.then_some(info.pid),
            start: info.start.filter(|_| running).map(|start| start.secs()),
            restarts,
            used: if info.pid == 0 { Used::default() } else { used },
        }
    }
}

/// What processes used when last looked at.
#[derive(Debug, Default)]
pub(super) struct Samples(HashMap<ProcessName, Sample>);

#[derive(Clone, Debug)]
struct Sample {
    pid: i32,
    cpu_seconds: f64,
    at: Moment,
    used: Used,
}

impl Samples {
    /// What was read of the processes that run, at this moment. Others are forgotten.
    pub(super) fn renew(&mut self, read: Vec<(ProcessName, Usage)>, at: Moment) {
        let before = std::mem::take(&mut self.0);
        let renewed = read.into_iter().map(|(name, usage)| {
            // Under another pid everything begins anew.
            let last = before.get(&name).filter(|last| last.pid == usage.pid);
            let cpu = last.and_then(|last| {
                percent(usage.cpu_seconds - last.cpu_seconds, at.since(last.at).as_secs_f64())
            });
            let used = Used { cpu: cpu.unwrap_or_default(), memory: bytes(usage.resident_memory) };
            (name, Sample { pid: usage.pid, cpu_seconds: usage.cpu_seconds, at, used })
        });
        self.0 = renewed.collect();
    }

    /// What this process uses, as far as that is known.
    pub(super) fn of(&self, process: &ProcessInfo) -> Used {
        let sample = self.0.get(&process.name).filter(|sample| sample.pid == process.pid);
        sample.map(|sample| sample.used.clone()).unwrap_or_default()
    }

    /// Nothing is known any more.
    pub(super) fn forget(&mut self) {
        self.0 = HashMap::new();
    }
}

fn percent(used: f64, passed: f64) -> Option<String> {
    (passed > 0.0).then(|| format!("{:.1}%", (100.0 * used / passed).max(0.0)))
}

/// Bytes in the unit that leaves one to four digits before the point.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::time::WallTime;

    fn process(state: ProcessState, pid: i32) -> ProcessInfo {
        let at = |seconds: i64| Some(WallTime::from_nanos(seconds * 1_000_000_000));
        ProcessInfo {
            name: ProcessName::new("g".into(), "p"),
            state,
            start: at(1000),
            stop: at(900),
            now: at(1010).unwrap(),
            spawnerr: "bad".into(),
            exitstatus: 0,
            stdout_logfile: None,
            stderr_logfile: None,
            pid,
        }
    }

    fn usage(pid: i32, cpu_seconds: f64) -> Usage {
        Usage { pid, parent: 1, cpu_seconds, resident_memory: 5 << 20 }
    }

    #[test]
    fn what_runs_is_described_by_the_page() {
        let shown = Shown::new(&process(ProcessState::Running, 7), 2, Used::default());
        let json =
            r#"{"name":"g:p","state":"RUNNING","pid":7,"start":1000,"restarts":2,"cpu":"","memory":""}"#;
        assert_eq!(serde_json::to_string(&shown).unwrap(), json);
        let failed = Shown::new(&process(ProcessState::Fatal, 0), 2, Used::default());
        assert_eq!((failed.description.as_deref(), failed.pid, failed.start), (Some("bad"), None, None));
    }

    #[test]
    fn processor_time_is_that_since_the_last_look() {
        let name = ProcessName::new("g".into(), "p");
        let mut samples = Samples::default();
        let at = |seconds| Moment::default() + Duration::from_secs(seconds);
        samples.renew(vec![(name.clone(), usage(7, 10.0))], at(1));
        let info = process(ProcessState::Running, 7);
        assert_eq!(samples.of(&info), Used { cpu: String::new(), memory: "5.0 MiB".into() });
        samples.renew(vec![(name.clone(), usage(7, 12.5))], at(6));
        assert_eq!(samples.of(&info).cpu, "50.0%");
        assert_eq!(samples.of(&process(ProcessState::Running, 8)), Used::default());
        samples.renew(vec![(name, usage(8, 0.1))], at(11));
        assert_eq!(samples.of(&process(ProcessState::Running, 8)).cpu, "");
        samples.renew(vec![], at(16));
        assert_eq!(samples.of(&info), Used::default());
    }

    #[test]
    fn sizes() {
        let rows = [
            (0, "0.0 KiB"),
            (1 << 20, "1.0 MiB"),
            (1_572_864, "1.5 MiB"),
            (1 << 40, "1.0 TiB"),
            (1 << 52, "4096.0 TiB"),
        ];
        for (count, text) in rows {
            assert_eq!(bytes(count), text);
        }
    }
}
