//! A daemon that a test drives wake by wake, and what it publishes, as lines.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Mutex;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::super::*;
use crate::bus::{EventBus, Observer};
use crate::config::schema::{
    AutoRestart, ChannelConfig, LogFile, MainLog, ProcessConfig, ServerConfig, SupervisordConfig,
};
use crate::daemon::command::ProcessInfo;
use crate::daemon::fcgi::FcgiSockets;
use crate::daemon::group;
use crate::daemon::handle::Handle;
use crate::daemon::launch::{BaseEnvironment, Launcher};
use crate::daemon::table::{Deadlines, Table};
use crate::logs::channels::Channels;
use crate::logs::journal::{Journal, JournalTarget};
use crate::logs::sink::FileSpec;
use crate::model::event::EventRecord;
use crate::model::interest::Interest;
use crate::model::name::ProcessName;
use crate::model::state::ProcessState;
use crate::sys::clock::Clock;
use crate::sys::scripted::{ScriptedChild, ScriptedKernel, SentSignal};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) const DONE: ExitStatus = ExitStatus::Code(0);
pub(super) const FAILED: ExitStatus = ExitStatus::Code(3);

/// What the loader gives, one after the other.
type Loads = Arc<Mutex<Vec<Result<Box<Config>, Vec<String>>>>>;

pub(super) struct Daemon {
    pub(super) supervisor: Supervisor,
    pub(super) sources: Sources,
    pub(super) kernel: Arc<ScriptedKernel>,
    pub(super) handle: Handle,
    pub(super) dir: TempDir,
    pub(super) runtime: Runtime,
    pub(super) loads: Loads,
    recorder: Rc<Recorder>,
    /// All processes after the last wake, and how much had happened to them.
    listed: Option<(u64, Vec<ProcessInfo>)>,
}

/// Lines of what was published.
#[derive(Default)]
struct Recorder {
    lines: RefCell<Vec<String>>,
    all: RefCell<Vec<String>>,
}

impl Observer for Recorder {
    fn interest(&self) -> Interest {
        Interest::ALL
    }

    fn observe(&self, record: &Rc<EventRecord>) {
        if let Some(line) = describe(&record.event) {
            self.lines.borrow_mut().push(line.clone());
            self.all.borrow_mut().push(line);
        }
    }
}

/// `a STARTING tries:0`, `a stdout 5 "hello"`, `supervisor STOPPING`, `group a added`, `log: text`.
fn describe(event: &Event) -> Option<String> {
    Some(match event {
        Event::StateChanged(change) => {
            let payload = event.payload(&mut String::new()).unwrap().to_string();
            let figures = payload.split(' ').skip(3).collect::<Vec<_>>().join(" ");
            format!("{} {} {figures}", change.process.name(), change.entered.state()).trim().to_owned()
        }
        Event::OutputRead(output) => {
            let data = output.data.as_ref().map(|data| format!(" {data:?}").replace(" b\"", " \""));
            let (name, channel) = (output.process.name(), output.channel.name());
            format!("{name} {channel} {}{}", output.bytes, data.unwrap_or_default())
        }
        Event::Communicated(c) => format!("{} says {}", c.process.name(), String::from_utf8_lossy(&c.data)),
        Event::SupervisorChanged(change) => {
            format!("supervisor {change:?}").to_uppercase().replacen("SUPERVISOR", "supervisor", 1)
        }
        Event::GroupChanged(GroupChange::Added(name)) => format!("group {name} added"),
        Event::GroupChanged(GroupChange::Removed(name)) => format!("group {name} removed"),
        Event::Noticed(Notice::SignalReceived(_, SignalMeaning::ChildQuit)) | Event::Ticked(_) => {
            return None;
        }
        Event::Noticed(notice) => format!("log: {notice}"),
        Event::RemotelyCommunicated(_) => return None,
    })
}

/// A process `name` of group `group`.
pub(super) fn program(group: &str, name: &str) -> ProcessConfig {
    ProcessConfig {
        name: ProcessName::new(group.into(), name),
        command: "/bin/cat".into(),
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
        stdout: quiet(),
        stderr: quiet(),
        environment: Vec::new(),
        directory: None,
        umask: None,
        serverurl: None,
        fcgi: None,
    }
}

/// A channel whose output nobody wants.
pub(super) fn quiet() -> ChannelConfig {
    ChannelConfig {
        logfile: LogFile::None,
        maxbytes: 0,
        backups: 0,
        capture_maxbytes: 0,
        events_enabled: false,
        syslog: false,
    }
}

/// A channel with a log file.
pub(super) fn logged(path: impl Into<PathBuf>) -> ChannelConfig {
    ChannelConfig { logfile: LogFile::Path(path.into()), ..quiet() }
}

/// Groups of processes, in start order, from their processes.
fn groups(processes: Vec<ProcessConfig>) -> Vec<Arc<GroupConfig>> {
    let mut groups: Vec<GroupConfig> = Vec::new();
    for process in processes {
        let name = process.name.group();
        match groups.iter_mut().find(|group| group.name == *name) {
            Some(group) => group.processes.push(Arc::new(process)),
            None => groups.push(GroupConfig {
                name: Arc::clone(name),
                priority: 999,
                processes: vec![Arc::new(process)],
                pool: None,
            }),
        }
    }
    groups.into_iter().map(Arc::new).collect()
}

fn settings(dir: &TempDir, loglevel: Level) -> SupervisordConfig {
    SupervisordConfig {
        logfile: MainLog::File(dir.path().join("main.log")),
        logfile_maxbytes: 0,
        logfile_backups: 0,
        loglevel,
        pidfile: dir.path().join("pid"),
        umask: 0o22,
        nodaemon: true,
        silent: true,
        minfds: 1024,
        minprocs: 200,
        nocleanup: false,
        childlogdir: dir.path().to_owned(),
        user: None,
        strip_ansi: false,
        directory: None,
        identifier: "supervisor".into(),
        environment: Vec::new(),
    }
}

/// A whole configuration of nothing, to tell it from others by its file.
pub(super) fn config(dir: &TempDir, file: &str) -> Box<Config> {
    Box::new(Config {
        supervisord: settings(dir, Level::Info),
        groups: Vec::new(),
        servers: Vec::<ServerConfig>::new(),
        metrics: Default::default(),
        rpc_interfaces: Vec::new(),
        messages: Vec::new(),
        file: file.into(),
    })
}

impl Daemon {
    /// A daemon with these processes; nothing is started yet.
    pub(super) fn new(processes: Vec<ProcessConfig>) -> Self {
        Self::at_level(Level::Info, |_| processes)
    }

    /// The same, with paths in the daemon's folder, and a level of the activity log.
    pub(super) fn at_level(level: Level, processes: impl FnOnce(&TempDir) -> Vec<ProcessConfig>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(&dir, level);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let inside = runtime.enter();
        let kernel = Arc::new(ScriptedKernel::default());
        let (clock, bell) = (Clock::new(), Arc::new(Notify::new()));
        let ring = Arc::clone(&bell);
        let channels = Channels::start(Arc::new(move || ring.notify_one())).unwrap();
        let spec = FileSpec { path: dir.path().join("main.log"), maxbytes: 0, backups: 0, private: false };
        let journal = Journal::open(JournalTarget::File(spec), level, false).unwrap();
        let (answers, answered) = mpsc::channel();
        let (handle, commands) = Handle::new();
        let (bus, recorder) = (EventBus::new(), Rc::new(Recorder::default()));
        bus.observe(Rc::clone(&journal) as Rc<_>);
        bus.observe(Rc::clone(&recorder) as Rc<_>);
        let environment = BaseEnvironment::new(vec![("PATH".into(), "/bin".into())], None);
        let host = Host {
            launcher: Arc::new(Launcher::new(Arc::clone(&kernel) as Arc<_>, environment)),
            kernel: Arc::clone(&kernel) as Arc<_>,
            clock,
            bus,
            journal,
            channels,
            serials: Rc::default(),
            bell: Arc::clone(&bell),
            settings,
            fcgi: FcgiSockets::default(),
            table: Table::default(),
            deadlines: Deadlines::default(),
            changes: 0,
            answers,
        };
        let loads = Loads::default();
        let loader = Arc::clone(&loads);
        let mut supervisor =
            Supervisor::new(host, Arc::new(move || loader.lock().unwrap().remove(0)), Vec::new());
        for group in groups(processes(&dir)) {
            let logs = group::make_logs(&group, &supervisor.host.settings).unwrap();
            supervisor.add_group(group, logs);
        }
        let timer = DeadlineTimer::new(clock).unwrap();
        let signals = Signals::none().unwrap();
        let lookout = supervisor.host.channels.lookout().unwrap();
        let sight = lookout.sight().unwrap();
        let sources = Sources { signals, bell, lookout, sight, timer, commands, answers: answered };
        drop(inside);
        Self { supervisor, sources, kernel, handle, dir, runtime, loads, recorder, listed: None }
    }

    /// The same, started, with what was published until then looked at already.
    pub(super) fn started(processes: Vec<ProcessConfig>) -> Self {
        let mut daemon = Self::new(processes);
        daemon.open();
        daemon.seen();
        daemon
    }

    pub(super) fn open(&mut self) {
        self.supervisor.open();
        self.supervisor.settle();
    }

    /// What was published since the last look.
    pub(super) fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.recorder.lines.borrow_mut())
    }

    /// The state changes among it, and nothing else.
    pub(super) fn states(&self) -> Vec<String> {
        let state = |line: &String| {
            let word = line.split(' ').nth(1).filter(|_| !line.starts_with("supervisor "));
            word.is_some_and(|word| ProcessState::ALL.iter().any(|state| state.to_string() == word))
        };
        self.seen().into_iter().filter(state).collect()
    }

    /// Whether a line with this text was ever published.
    pub(super) fn saw(&self, text: &str) -> bool {
        self.count(text) > 0
    }

    pub(super) fn count(&self, text: &str) -> usize {
        self.recorder.all.borrow().iter().filter(|line| line.contains(text)).count()
    }

    pub(super) fn wake(&mut self, wake: Wake) {
        let mut wake = Some(wake);
        while let Some(next) = wake.take() {
            self.supervisor.handle(next, &mut self.sources);
            self.supervisor.settle();
            self.check_changes();
            wake = self.supervisor.reaping.then_some(Wake::Children);
        }
    }

    /// While it is not told that something has changed, all processes are as they were, whatever a test does.
    fn check_changes(&mut self) {
        let now = (self.supervisor.host.changes, self.supervisor.list_processes(Now::default()));
        if let Some(before) = self.listed.take_if(|(changes, _)| *changes == now.0) {
            assert_eq!(before, now);
        }
        self.listed = Some(now);
    }

    pub(super) fn signal(&mut self, signal: Signal) {
        self.wake(Wake::Signal(signal));
    }

    /// Lets this much time pass at once.
    pub(super) fn pass(&mut self, span: Duration) {
        self.supervisor.host.clock.advance(span);
        self.wake(Wake::Deadline);
    }

    /// Handles what the workers tell until it is so.
    pub(super) fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            let bell = Arc::clone(&self.sources.bell);
            let rung = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, bell.notified()).await });
            assert!(rung.is_ok(), "waited in vain; so far: {:#?}", self.recorder.all.borrow());
            self.wake(Wake::Workers);
        }
    }

    pub(super) fn until_seen(&mut self, text: &str) {
        self.until(|daemon| daemon.saw(text));
    }

    /// The next child, as soon as the daemon knows of it.
    pub(super) fn child(&mut self) -> ScriptedChild {
        let child = self.forked();
        self.until_seen(&format!("with pid {}", child.pid));
        child
    }

    /// The next child, of which the daemon does not know yet.
    pub(super) fn forked(&self) -> ScriptedChild {
        wait_for(|| self.kernel.take_child())
    }

    /// A child ends, with its pipes.
    pub(super) fn end(&mut self, child: ScriptedChild, status: ExitStatus) {
        let pid = child.pid;
        drop(child);
        self.kernel.end(pid, status);
        self.signal(Signal::CHLD);
    }

    /// The same, and the decision about it.
    pub(super) fn end_and_decide(&mut self, child: ScriptedChild, status: ExitStatus) {
        let before = self.decided();
        self.end(child, status);
        self.until(|daemon| daemon.decided() > before);
    }

    fn decided(&self) -> usize {
        ["EXITED", "BACKOFF", "STOPPED"].iter().map(|state| self.count(&format!(" {state} "))).sum()
    }

    pub(super) fn signals(&self) -> Vec<SentSignal> {
        self.kernel.take_signals()
    }

    pub(super) fn is_over(&self) -> bool {
        self.supervisor.is_over()
    }

    /// The file of the configuration that comes next; none: the daemon ends.
    pub(super) fn outcome(&mut self) -> Option<PathBuf> {
        assert!(self.is_over());
        self.supervisor.next_config.as_ref().map(|config| config.file.clone())
    }

    /// What the loader will give.
    pub(super) fn script_load(&self, result: Result<&str, &[&str]>) {
        let result = match result {
            Ok(file) => Ok(config(&self.dir, file)),
            Err(problems) => Err(problems.iter().map(|&problem| problem.to_owned()).collect()),
        };
        self.loads.lock().unwrap().push(result);
    }

    pub(super) fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap()
    }
}

/// Looks until there is something.
pub(super) fn wait_for<T>(look: impl Fn() -> Option<T>) -> T {
    let begin = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain");
        std::thread::yield_now();
    }
}
