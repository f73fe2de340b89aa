//! Generations: the time from one full (re)start to the next. A generation has an activity log,
//! control servers, a pidfile and a `Supervisor`; the bus, the workers, the signals and the mailbox
//! outlive it.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, mpsc};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::start::StartError;
use super::telemetry::Telemetry;
use crate::bus::{EventBus, ObserverId};
use crate::config::schema::{Config, GroupConfig, MainLog, ServerAddress, ServerConfig, SupervisordConfig};
use crate::daemon::fcgi::FcgiSockets;
use crate::daemon::group::{self, GroupLogs};
use crate::daemon::handle::Handle;
use crate::daemon::host::{Answer, Host};
use crate::daemon::launch::{BaseEnvironment, Launcher};
use crate::daemon::supervisor::{Loader, Outcome, Sources, Supervisor};
use crate::daemon::table::{Deadlines, Table};
use crate::http::stream::{LogStream, Reading, Source};
use crate::http::{self, Budget, Common, Limits, Log, Refusals, Router, events};
use crate::logs::auto;
use crate::logs::channels::Channels;
use crate::logs::journal::{Journal, JournalTarget};
use crate::logs::sink::FileSpec;
use crate::metrics;
use crate::model::event::Event;
use crate::model::notice::{Level, Notice};
use crate::pool::Serials;
use crate::rpc::{self, DaemonFacts, Endpoint, Means};
use crate::sys::clock::Clock;
use crate::sys::kernel::{Kernel, Unix};
use crate::sys::pidfile::{self, PidFile};
use crate::sys::rlimit;
use crate::sys::signals::Signals;
use crate::sys::sockets::{self, ControlListener};
use crate::sys::timer::DeadlineTimer;
use crate::web::{self, Site, Token};

/// Descriptors for the daemon itself and for starts in progress.
const DESCRIPTORS_OWN: usize = 128;
/// Descriptors for each program that runs: three pipes and two log files.
const DESCRIPTORS_EACH: usize = 5;
/// Connections that there may be in any case.
const FEWEST_CONNECTIONS: usize = 16;
/// Connections beyond which memory would be the limit.
const MOST_CONNECTIONS: usize = 4096;

/// What a generation opens before it runs: up to here errors end the program.
pub(super) struct Generation {
    bus: EventBus,
    clock: Clock,
    journal: Rc<Journal>,
    observer: ObserverId,
    /// Those of the control servers, and that for metrics alone.
    listeners: Vec<(ServerConfig, ControlListener)>,
    logs: Vec<(Arc<GroupConfig>, GroupLogs)>,
}

/// What a generation is opened for: where somebody sees stderr, errors are not for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The start of the program, still in the foreground.
    Start,
    /// A full reload; the daemon may have no terminal.
    Reload,
}

impl Generation {
    /// Opens the log, the servers and the AUTO logs (D-203 to D-206).
    pub(super) fn open(
        config: &Config,
        bus: &EventBus,
        clock: Clock,
        occasion: Occasion,
    ) -> Result<Self, StartError> {
        let journal = open_journal(&config.supervisord)?;
        let observer = bus.observe(Rc::clone(&journal) as Rc<_>);
        let mut generation =
            Self { bus: bus.clone(), clock, journal, observer, listeners: Vec::new(), logs: Vec::new() };
        match generation.open_rest(config) {
            Ok(()) => Ok(generation),
            Err(error) => {
                if occasion == Occasion::Reload {
                    generation.say(Level::Critical, error.to_string());
                }
                generation.listeners.into_iter().for_each(|(_, listener)| listener.close());
                Err(error)
            }
        }
    }

    fn open_rest(&mut self, config: &Config) -> Result<(), StartError> {
        let settings = &config.supervisord;
        self.say_kept(config);
        // Before the old AUTO logs go: they may be those of a daemon that runs (D-221).
        let say = |text| eprintln!("{text}");
        let servers: Vec<_> = config.servers.iter().chain(&config.metrics.server).cloned().collect();
        self.listeners = sockets::open_all(&servers, say).map_err(StartError::Server)?;
        if !settings.nocleanup {
            for text in auto::clean(&settings.childlogdir, &settings.identifier) {
                self.say(Level::Warn, text);
            }
        }
        self.make_logs(config)?;
        self.probe_sockets(config)?;
        self.say_servers(config);
        Ok(())
    }

    /// Adds a line to the activity log, and writes it.
    pub(super) fn say(&self, level: Level, text: impl Into<Arc<str>>) {
        self.notice(Notice::Message(level, text.into()));
    }

    fn notice(&self, notice: Notice) {
        self.bus.publish(self.clock.now(), Event::Noticed(notice));
        self.journal.flush_here();
    }

    /// What reading the configuration had to say (D-047).
    fn say_kept(&self, config: &Config) {
        let mut kept: Vec<_> = config.messages.iter().collect();
        kept.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        for (level, text) in kept {
            self.say(*level, text.as_str());
        }
    }

    fn make_logs(&mut self, config: &Config) -> Result<(), StartError> {
        let settings = &config.supervisord;
        for group in &config.groups {
            let logs = group::make_logs(group, settings)
                .map_err(|error| StartError::ChildLog(settings.childlogdir.clone(), error))?;
            self.logs.push((Arc::clone(group), logs));
        }
        Ok(())
    }

    /// D-185
    fn probe_sockets(&self, config: &Config) -> Result<(), StartError> {
        let processes = config.groups.iter().flat_map(|group| &group.processes);
        let mut sockets: Vec<_> = processes.filter_map(|process| process.fcgi.as_ref()).collect();
        sockets.dedup();
        FcgiSockets::probe(sockets, |notice| self.notice(notice)).map_err(StartError::Fcgi)
    }

    /// D-206, C-022
    fn say_servers(&self, config: &Config) {
        let namespaces = namespaces(config);
        let control = config.servers.iter().flat_map(|server| rpc::opened(server, &namespaces));
        // That for metrics alone has no interface.
        let alone = config.metrics.server.iter().flat_map(|server| rpc::opened(server, &[]));
        control.chain(alone).for_each(|notice| self.notice(notice));
    }
}

fn namespaces(config: &Config) -> Vec<String> {
    config.rpc_interfaces.iter().map(|interface| interface.name.clone()).collect()
}

fn open_journal(settings: &SupervisordConfig) -> Result<Rc<Journal>, StartError> {
    let (target, path) = match &settings.logfile {
        MainLog::Syslog => (JournalTarget::Syslog, std::path::PathBuf::new()),
        MainLog::File(path) => {
            let (maxbytes, backups) = (settings.logfile_maxbytes, settings.logfile_backups);
            (
                JournalTarget::File(FileSpec { path: path.clone(), maxbytes, backups, private: false }),
                path.clone(),
            )
        }
    };
    let echo = settings.nodaemon && !settings.silent;
    Journal::open(target, settings.loglevel, echo).map_err(|error| StartError::Log(path, error))
}

/// What outlives generations.
pub(super) struct Runner {
    loader: Loader,
    bus: Rc<EventBus>,
    telemetry: Telemetry,
    clock: Clock,
    channels: Channels,
    answers: mpsc::Sender<Answer>,
    handle: Handle,
    sources: Sources,
    refusals: Rc<Refusals>,
    serials: Rc<Serials>,
    token: Rc<Token>,
}

impl Runner {
    /// Starts the workers and installs the signal handlers. Needs the runtime.
    pub(super) fn new(
        loader: Loader,
        bus: Rc<EventBus>,
        telemetry: Telemetry,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let system = |what| move |error| StartError::System(what, error);
        let signals = Signals::install().map_err(system("install signal handlers"))?;
        let bell = Arc::new(Notify::new());
        let ring = Arc::clone(&bell);
        let channels =
            Channels::start(Arc::new(move || ring.notify_one())).map_err(system("start threads"))?;
        let (handle, commands) = Handle::new();
        let (answers, answered) = mpsc::channel();
        let timer = DeadlineTimer::new(clock).map_err(system("make a timer"))?;
        let lookout = channels.lookout().map_err(system("watch output"))?;
        let sight = lookout.sight().map_err(system("watch output"))?;
        let sources = Sources { signals, bell, lookout, sight, timer, commands, answers: answered };
        let (refusals, serials) = (Rc::default(), Rc::default());
        let token = Token::new().map(Rc::new).map_err(|error| system("get random bytes")(error.into()))?;
        Ok(Self {
            loader,
            bus,
            telemetry,
            clock,
            channels,
            answers,
            handle,
            sources,
            refusals,
            serials,
            token,
        })
    }

    /// Runs one generation to its end.
    async fn run(&mut self, config: &Config, generation: Generation) -> Outcome {
        let pidfile = write_pidfile(&config.supervisord, &generation);
        let Generation { journal, observer, listeners, logs, .. } = generation;
        let closing = CancellationToken::new();
        let serving = tokio::task::spawn_local(self.serve(config, listeners, &journal, closing.clone()));
        let host = self.host(config, journal);
        let mut supervisor = Supervisor::new(host, Arc::clone(&self.loader), config.groups.clone());
        for (group, logs) in logs {
            supervisor.add_group(group, logs);
        }
        let outcome = supervisor.run(&mut self.sources).await;
        closing.cancel();
        // Its only failure is a listener that the runtime did not take, told where it arose.
        drop(serving.await);
        if let Some(pidfile) = pidfile {
            pidfile.remove();
        }
        supervisor.close();
        self.bus.dismiss(observer);
        if matches!(outcome, Outcome::Exit) {
            supervisor.end_unfinished_starts();
            // The process ends, and all it has with it.
            std::mem::forget(supervisor);
        }
        outcome
    }

    fn host(&self, config: &Config, journal: Rc<Journal>) -> Host {
        let kernel: Arc<dyn Kernel> = Arc::new(Unix);
        let own = std::env::vars_os().collect();
        let environment = BaseEnvironment::new(own, server_url(&config.servers));
        Host {
            launcher: Arc::new(Launcher::new(Arc::clone(&kernel), environment)),
            kernel,
            clock: self.clock,
            bus: (*self.bus).clone(),
            journal,
            channels: self.channels.clone(),
            serials: Rc::clone(&self.serials),
            bell: Arc::clone(&self.sources.bell),
            settings: config.supervisord.clone(),
            fcgi: FcgiSockets::default(),
            table: Table::default(),
            deadlines: Deadlines::default(),
            changes: 0,
            answers: self.answers.clone(),
        }
    }

    fn serve(
        &self,
        config: &Config,
        listeners: Vec<(ServerConfig, ControlListener)>,
        journal: &Rc<Journal>,
        closing: CancellationToken,
    ) -> impl Future<Output = ()> + use<> {
        let facts = DaemonFacts {
            identifier: config.supervisord.identifier.clone(),
            pid: i32::try_from(std::process::id()).unwrap_or(0),
        };
        let (log, workers, budget) = (self.log(journal), self.channels.workers(), Budget::default());
        let (calls, answers) = (self.telemetry.traffic(), self.telemetry.traffic());
        let calls = Rc::new(move |method: &str, ok, took| calls.called(method, ok, took));
        let means = Means { log: Rc::clone(&log), calls, workers: workers.clone(), budget: budget.clone() };
        let endpoint = Endpoint::new(self.handle.clone(), facts, namespaces(config), means);
        let metrics = self.telemetry.metrics(self.handle.clone(), config);
        let reading = Reading::new(workers.clone(), closing.clone());
        let children = LogStream::new(Source::Processes(self.handle.clone()), reading.clone());
        let own = LogStream::new(Source::Daemon(own_log(&config.supervisord)), reading);
        let site = Rc::new(self.site(config));
        let router = Router::default()
            .route("/RPC2", Rc::new(endpoint))
            .route("/logtail", Rc::new(children))
            .route("/mainlogtail", Rc::new(own))
            // Its name begins like the stream's.
            .route(web::EVENTS_PATH, Rc::clone(&site) as Rc<_>)
            .route(events::PATH, Rc::new(self.telemetry.events(budget.clone(), closing.clone())))
            .route(metrics::endpoint::PATH, Rc::new(metrics.clone()))
            .route("/", site);
        let limits = Limits { connections: connections(config), ..Limits::default() };
        let refusals = Rc::clone(&self.refusals);
        let tally =
            Rc::new(move |server, status: hyper::StatusCode| answers.answered(server, status.as_u16()));
        let control =
            Common { service: Rc::new(router), log: Rc::clone(&log), tally, limits, budget, refusals };
        let scrapes = Common {
            service: Rc::new(metrics.at_own_path()),
            limits: Limits { connections: FEWEST_CONNECTIONS, body: 0 },
            ..control.clone()
        };
        let alone = config.metrics.server.clone();
        let (for_metrics, for_control): (Vec<_>, Vec<_>) =
            listeners.into_iter().partition(|(server, _)| Some(server) == alone.as_ref());
        let telling = self.tell_pages(closing.clone());
        async move {
            tokio::task::spawn_local(telling);
            tokio::join!(serve(for_control, control, closing.clone()), serve(for_metrics, scrapes, closing));
        }
    }

    /// The pages.
    fn site(&self, config: &Config) -> Site {
        Site::new(web::Means {
            daemon: self.handle.clone(),
            identifier: config.supervisord.identifier.clone(),
            token: Rc::clone(&self.token),
            workers: self.channels.workers().clone(),
            restarts: self.telemetry.restarts(),
            feed: self.telemetry.feed(),
            live: self.telemetry.live(),
        })
    }

    /// Tells the pages that are open how things are, until `closing`.
    fn tell_pages(&self, closing: CancellationToken) -> impl Future<Output = ()> + use<> {
        let live = self.telemetry.live();
        let sources = web::Sources {
            daemon: self.handle.clone(),
            workers: self.channels.workers().clone(),
            restarts: self.telemetry.restarts(),
            clock: self.clock,
        };
        async move {
            tokio::select! {
                () = closing.cancelled() => {}
                () = live.run(sources) => {}
            }
        }
    }

    /// Messages of the servers; those below the log's level are not even formatted.
    fn log(&self, journal: &Rc<Journal>) -> Log {
        let (bus, clock, least) = (Rc::clone(&self.bus), self.clock, journal.level());
        Rc::new(move |level, text| {
            if level >= least {
                let notice = Notice::Message(level, text.to_string().into());
                bus.publish(clock.now(), Event::Noticed(notice));
            }
        })
    }
}

async fn serve(listeners: Vec<(ServerConfig, ControlListener)>, common: Common, closing: CancellationToken) {
    let log = Rc::clone(&common.log);
    if let Err(error) = http::serve(listeners, common, closing).await {
        log(Level::Critical, format_args!("cannot serve: {error}"));
    }
}

/// The file of the activity log, if it has one.
fn own_log(settings: &SupervisordConfig) -> Option<PathBuf> {
    match &settings.logfile {
        MainLog::File(path) => Some(path.clone()),
        MainLog::Syslog => None,
    }
}

/// How many descriptors the daemon needs for itself and these programs.
pub(super) fn descriptors(config: &Config) -> usize {
    let programs = config.groups.iter().map(|group| group.processes.len()).sum::<usize>();
    DESCRIPTORS_OWN + DESCRIPTORS_EACH * programs
}

/// How many connections there may be: half of the descriptors that this many programs leave free. The
/// other half is for log streams, whose files come on top, and for programs that are added later.
fn connections(config: &Config) -> usize {
    (rlimit::most_descriptors().saturating_sub(descriptors(config)) / 2)
        .clamp(FEWEST_CONNECTIONS, MOST_CONNECTIONS)
}

/// D-220
fn write_pidfile(settings: &SupervisordConfig, generation: &Generation) -> Option<PidFile> {
    let path = &settings.pidfile;
    match PidFile::write(path) {
        Ok(pidfile) => {
            generation.say(Level::Info, format!("supervisord started with pid {}", std::process::id()));
            Some(pidfile)
        }
        Err(_) => {
            generation.say(Level::Critical, pidfile::not_written(path));
            None
        }
    }
}

/// D-346
fn server_url(servers: &[ServerConfig]) -> Option<String> {
    let unix = servers.iter().find(|server| matches!(server.address, ServerAddress::Unix { .. }));
    unix.or_else(|| servers.first()).map(|server| match &server.address {
        ServerAddress::Unix { path, .. } => format!("unix://{}", path.display()),
        ServerAddress::Inet { host, port } => {
            let host = if host.is_empty() { "localhost" } else { host };
            format!("http://{host}:{port}")
        }
    })
}

/// Runs generations until one is told to end.
pub(super) async fn run_all(
    mut runner: Runner,
    mut config: Box<Config>,
    mut generation: Generation,
) -> Result<(), StartError> {
    loop {
        match runner.run(&config, generation).await {
            Outcome::Exit => {
                std::mem::forget(runner);
                return Ok(());
            }
            Outcome::Restart(next) => config = next,
        }
        runner.telemetry.begin(&config);
        generation = Generation::open(&config, &runner.bus, runner.clock, Occasion::Reload)
            .map_err(|error| StartError::Reload(Box::new(error)))?;
    }
}
