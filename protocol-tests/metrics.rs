//! Metrics as a scraper sees them (events.md, sections 13 and 14), and as a real Prometheus does.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::daemon::{Daemon, Launch, environment};
use crate::harness::http::Server;
use crate::harness::ports;
use crate::harness::processes;
use crate::harness::rpc;
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

/// Programs that end in every way there is, when they are told to start.
const LIVES: &str = "
[program:good]
command=sh -c 'echo one; echo two; echo three >&2; sleep 1.2'
autostart=false
autorestart=false
[program:bad]
command=sh -c 'sleep 1.2; exit 3'
autostart=false
autorestart=true
[program:quick]
command=sh -c 'exit 7'
autostart=false
startretries=1
[program:missing]
command=@DIR@/missing
startretries=0
[program:talker]
command=sh -c 'printf \"<!--XSUPERVISOR:BEGIN-->hello<!--XSUPERVISOR:END-->\"; echo loud; exec sleep 100'
autostart=false
stdout_capture_maxbytes=1KB
stdout_events_enabled=true
stdout_logfile=@DIR@/talker.log
stdout_logfile_maxbytes=4
[eventlistener:recorder]
command=/usr/bin/python3 @DIR@/recorder.py @DIR@/record
events=EVENT
buffer_size=1000
";

/// Samples of a scrape: a name with its labels, and the value.
#[derive(Debug)]
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    fn of(server: Server<'_>) -> Self {
        Self::parse(&server.page("/metrics"))
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        });
        let mut all = BTreeMap::new();
        for (name, value) in samples {
            assert_eq!(all.insert(name.clone(), value), None, "{name} is there twice");
        }
        Self(all)
    }

    /// A sample that must be there.
    fn get(&self, name: &str) -> f64 {
        *self.0.get(name).unwrap_or_else(|| panic!("no {name} in {:#?}", self.0))
    }

    /// The sample of a process in a group of its own name.
    fn of_process(&self, family: &str, name: &str, more: &str) -> f64 {
        self.get(&format!("{family}{{group=\"{name}\",name=\"{name}\"{more}}}"))
    }

    /// Names of families with a sample that mentions this.
    fn mentions(&self, text: &str) -> Vec<&String> {
        self.0.keys().filter(|name| name.contains(text)).collect()
    }

    /// How many events there were of each type that had any, ticks left out.
    fn events(&self) -> BTreeMap<String, u64> {
        let types = self.0.iter().filter_map(|(name, value)| {
            let kind = name.strip_prefix("supervisor_events_total{type=\"")?.strip_suffix("\"}")?;
            Some((kind.to_owned(), *value as u64))
        });
        types.filter(|(kind, count)| !kind.starts_with("TICK") && *count > 0).collect()
    }
}

fn count<'a>(types: impl Iterator<Item = &'a str>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for kind in types.filter(|kind| !kind.starts_with("TICK")) {
        *counts.entry(kind.to_owned()).or_default() += 1;
    }
    counts
}

/// The type of an event in what a recorder wrote.
fn eventname(line: &str) -> &str {
    let (_, rest) = line.split_once(" eventname:").unwrap();
    rest.split(' ').next().unwrap()
}

fn difference(after: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let less = |(kind, count): (&String, &u64)| (kind.clone(), count - before.get(kind).unwrap_or(&0));
    after.iter().map(less).filter(|(_, count)| *count > 0).collect()
}

fn sandbox(more: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("recorder.py", include_str!("scripts/recorder.py"));
    sandbox.configure(&format!("{LIVES}{more}"));
    sandbox
}

fn call(sandbox: &Sandbox, method: &str, parameters: &[&str]) {
    rpc::call(&sandbox.path("s.sock"), &format!("supervisor.{method}"), parameters).unwrap();
}

fn live(sandbox: &Sandbox, daemon: &Daemon<'_>) {
    for name in ["good", "talker", "bad"] {
        call(sandbox, "startProcess", &[name]);
    }
    let _fails = rpc::call(&sandbox.path("s.sock"), "supervisor.startProcess", &["quick"]);
    call(sandbox, "sendRemoteCommEvent", &["kind", "data"]);
    daemon.wait_for_state("good", "EXITED");
    daemon.wait_for_state("quick", "FATAL");
    daemon.wait_for_nth_log(2, "exited: bad (exit status 3; not expected)");
    call(sandbox, "stopProcess", &["bad"]);
    call(sandbox, "stopProcess", &["talker"]);
}

/// Waits until the counts of a scrape hold still, and are those of others.
fn settled(server: Server<'_>, same: impl Fn(&Scrape) -> bool) -> Scrape {
    wait::until("equal counts", || Some(Scrape::of(server)).filter(&same))
}

// M-030 to M-040, M-050 to M-063: what was counted, what a listener heard and what a stream showed are the same.
#[test]
fn a_life_is_counted_exactly() {
    let sandbox = sandbox("");
    let daemon = Launch::new(&sandbox).start_up();
    let socket = sandbox.path("s.sock");
    let server = Server::Unix(&socket);
    daemon.wait_for_state("recorder", "RUNNING");
    let accepted = "supervisor_event_pool_accepted_total{pool=\"recorder\"}";
    let acknowledged = "supervisor_event_pool_acknowledged_total{pool=\"recorder\"}";
    let idle = |scrape: &Scrape| scrape.get(accepted) == scrape.get(acknowledged);
    let before = settled(server, idle);
    let heard = || sandbox.read("record");
    let heard_before = heard().lines().count();
    let mut stream = server.get("/events?format=json", &[]);
    live(&sandbox, &daemon);

    let shown = |lines: Vec<String>| -> BTreeMap<String, u64> {
        let types: Vec<String> = lines
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
            .collect();
        count(types.iter().map(String::as_str))
    };
    let mut counted = BTreeMap::new();
    daemon.until("the same counts everywhere", || {
        let scrape = Scrape::of(server);
        counted = difference(&scrape.events(), &before.events());
        stream.read();
        let recorded = count(heard().lines().skip(heard_before).map(eventname));
        idle(&scrape) && counted == recorded && counted == shown(stream.lines())
    });
    assert_eq!(counted["REMOTE_COMMUNICATION"], 1, "{counted:?}");
    assert_eq!(counted["PROCESS_COMMUNICATION_STDOUT"], 1, "{counted:?}");

    let scrape = Scrape::of(server);
    processes_are_counted(&scrape);
    pool_sums_hold(&scrape);
}

// M-007: what has no value is not there.
fn processes_are_counted(scrape: &Scrape) {
    let rows = [
        ("starts_total", "good", "", 1.0),
        ("starts_total", "quick", "", 2.0),
        ("restarts_total", "quick", "", 1.0),
        ("starts_total", "missing", "", 0.0),
        ("spawn_failures_total", "missing", "", 1.0),
        ("exits_total", "good", ",expected=\"true\"", 1.0),
        ("exits_total", "bad", ",expected=\"false\"", 2.0),
        ("exits_total", "quick", ",expected=\"false\"", 0.0),
        ("log_lines_total", "good", ",channel=\"stdout\"", 2.0),
        ("log_bytes_total", "good", ",channel=\"stdout\"", 8.0),
        ("log_bytes_total", "good", ",channel=\"stderr\"", 6.0),
        ("exit_status", "good", "", 0.0),
        ("up", "good", "", 0.0),
        ("up", "recorder", "", 1.0),
        ("state", "quick", ",state=\"FATAL\"", 1.0),
        ("state", "quick", ",state=\"RUNNING\"", 0.0),
        ("backoff_tries", "quick", "", 0.0),
    ];
    for (family, name, more, value) in rows {
        let family = format!("supervisor_process_{family}");
        assert_eq!(scrape.of_process(&family, name, more), value, "{family} of {name}{more}");
    }
    // Those that the daemon made by itself: all but the first.
    let starts = scrape.of_process("supervisor_process_starts_total", "bad", "");
    assert_eq!(scrape.of_process("supervisor_process_restarts_total", "bad", ""), starts - 1.0);
    assert!(
        scrape.of_process("supervisor_process_log_rotations_total", "talker", ",channel=\"stdout\"") >= 1.0
    );
    assert_eq!(scrape.get("supervisor_exits_by_status_total{status=\"7\"}"), 2.0);
    assert_eq!(scrape.get("supervisor_exits_by_status_total{status=\"3\"}"), 2.0);
    assert!(scrape.get("supervisor_exits_by_status_total{status=\"SIGTERM\"}") >= 1.0);
    assert!(scrape.mentions("supervisor_process_stop_time_seconds{group=\"recorder\"").is_empty());
    assert!(scrape.mentions("supervisor_process_exit_status{group=\"quick\"").is_empty());
    assert!(scrape.mentions("supervisor_process_resident_memory_bytes{group=\"good\"").is_empty());
    assert!(scrape.of_process("supervisor_process_resident_memory_bytes", "recorder", "") > 1e6);
}

/// M-063
fn pool_sums_hold(scrape: &Scrape) {
    let pool = |family: &str, more: &str| {
        scrape.get(&format!("supervisor_event_pool_{family}{{pool=\"recorder\"{more}}}"))
    };
    let sum = |family: &str, label: &str, values: &[&str]| -> f64 {
        values.iter().map(|value| pool(family, &format!(",{label}=\"{value}\""))).sum()
    };
    let busy = pool("listeners", ",state=\"BUSY\"");
    let dropped = sum("dropped_total", "reason", &["overflow", "shutdown"]);
    let rejected = sum("rejected_total", "reason", &["result", "protocol", "exit"]);
    let acknowledged = pool("acknowledged_total", "");
    assert_eq!(pool("accepted_total", ""), acknowledged + dropped + pool("queue_length", "") + busy);
    assert_eq!(pool("delivered_total", ""), acknowledged + rejected + busy);
    assert_eq!(sum("listeners", "state", &["ACKNOWLEDGED", "READY", "BUSY", "UNKNOWN", "DOWN"]), 1.0);
    assert_eq!(pool("queue_capacity", ""), 1000.0);
    assert_eq!(pool("delivery_seconds_count", ""), pool("delivered_total", "") - rejected);
    assert_eq!(pool("processing_seconds_count", ""), acknowledged);
}

// M-020 to M-025, M-070 to M-072, M-080
#[test]
fn the_daemon_tells_of_itself() {
    let sandbox = sandbox("");
    let daemon = Launch::new(&sandbox).start_up();
    let socket = sandbox.path("s.sock");
    daemon.wait_for_state("recorder", "RUNNING");
    call(&sandbox, "getPID", &[]);
    let _unknown = rpc::call(&socket, "supervisor.noSuchMethod", &[]);
    let scrape = Scrape::of(Server::Unix(&socket));
    let rows = [
        ("supervisor_state{state=\"RUNNING\"}", 1.0),
        ("supervisor_state{state=\"FATAL\"}", 0.0),
        ("supervisor_config_last_reload_successful", 1.0),
        ("supervisor_processes{state=\"RUNNING\"}", 1.0),
        ("supervisor_processes{state=\"FATAL\"}", 1.0),
        ("supervisor_rpc_requests_total{method=\"supervisor.getPID\",result=\"ok\"}", 1.0),
        ("supervisor_rpc_requests_total{method=\"supervisor.getPID\",result=\"fault\"}", 0.0),
        ("supervisor_rpc_requests_total{method=\"other\",result=\"fault\"}", 1.0),
        ("supervisor_log_messages_total{level=\"debug\"}", 0.0),
        ("node_supervisord_up{group=\"recorder\",name=\"recorder\"}", 1.0),
        ("node_supervisord_state{group=\"missing\",name=\"missing\"}", 200.0),
        ("supervisor_bus_subscriptions{subscription=\"events\"}", 0.0),
    ];
    for (name, value) in rows {
        assert_eq!(scrape.get(name), value, "{name}");
    }
    assert!(scrape.get("supervisor_http_requests_total{code=\"200\",server=\"unix\"}") >= 2.0);
    assert!(scrape.get("process_resident_memory_bytes") > 1e6);
    let lines = daemon.log().iter().filter(|record| record.level == "INFO").count() as f64;
    assert_eq!(scrape.get("supervisor_log_messages_total{level=\"info\"}"), lines);
    assert!(
        scrape.mentions("supervisord_up").iter().all(|name| name.starts_with("node_")),
        "M-081 is opt-in"
    );
    assert_eq!(scrape.get("supervisor_rpc_request_duration_seconds_bucket{le=\"+Inf\"}"), {
        scrape.get("supervisor_rpc_request_duration_seconds_count")
    });
}

// M-006, M-022
#[test]
fn what_is_removed_loses_its_series_and_what_stays_keeps_its_counts() {
    let sandbox = sandbox("");
    let daemon = Launch::new(&sandbox).start_up();
    let socket = sandbox.path("s.sock");
    daemon.wait_for_state("recorder", "RUNNING");
    daemon.wait_for_state("missing", "FATAL");
    call(&sandbox, "stopProcess", &["recorder"]);
    call(&sandbox, "removeProcessGroup", &["recorder"]);
    call(&sandbox, "removeProcessGroup", &["missing"]);
    let scrape = Scrape::of(Server::Unix(&socket));
    assert!(scrape.mentions("recorder").is_empty() && scrape.mentions("\"missing\"").is_empty());
    call(&sandbox, "addProcessGroup", &["missing"]);
    daemon.wait_for_state("missing", "FATAL");
    let failures =
        |scrape: &Scrape| scrape.of_process("supervisor_process_spawn_failures_total", "missing", "");
    assert_eq!(failures(&Scrape::of(Server::Unix(&socket))), 1.0);

    sandbox.write("supervisord.conf", "[supervisord\n");
    let _refused = rpc::call(&socket, "supervisor.reloadConfig", &[]);
    let scrape = Scrape::of(Server::Unix(&socket));
    assert_eq!(scrape.get("supervisor_config_last_reload_successful"), 0.0);
    let started = scrape.get("process_start_time_seconds");

    sandbox.configure("[program:missing]\ncommand=@DIR@/missing\nstartretries=0\n");
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    daemon.wait_for_nth_log(3, "gave up: missing");
    let scrape = Scrape::of(Server::Unix(&socket));
    assert_eq!((failures(&scrape), scrape.get("process_start_time_seconds")), (2.0, started));
    assert!(scrape.mentions("talker").is_empty());
}

// M-001
#[test]
fn formats_and_the_server_for_metrics_alone() {
    let port = ports::free();
    let sandbox = sandbox(&format!(
        "[metrics]\nport=127.0.0.1:{port}\nusername=u\npassword=p\npath=/m\nprocess_resources=false\n\
         process_tree=true\nsupervisord_exporter=true\n"
    ));
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("recorder", "RUNNING");
    let own = Server::Tcp(port);
    assert_eq!(own.get("/m", &[]).status(), 401);
    let login = "Authorization: Basic dTpw";
    assert_eq!(own.get("/metrics", &[login]).status(), 404);
    assert_eq!(own.get("/RPC2", &[login]).status(), 404);
    let mut plain = own.get("/m", &[login]);
    let text = String::from_utf8(plain.whole()).unwrap();
    assert!(
        plain.head().contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{}",
        plain.head()
    );
    let scrape = Scrape::parse(&text);
    assert!(scrape.mentions("supervisor_process_resident_memory_bytes").is_empty());
    assert!(scrape.of_process("supervisor_process_tree_processes", "recorder", "") >= 1.0);
    assert_eq!(scrape.get("supervisord_up"), 1.0);

    let socket = sandbox.path("s.sock");
    let control = Server::Unix(&socket);
    assert_eq!(control.get("/metricsx", &[]).status(), 404);
    let mut open =
        control.get("/metrics", &["Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5"]);
    let text = String::from_utf8(open.whole()).unwrap();
    assert!(open.head().contains("application/openmetrics-text; version=1.0.0"), "{}", open.head());
    assert!(text.ends_with("# EOF\n") && text.contains("# TYPE supervisor_process_starts counter\n"));
    let mut packed = control.get("/metrics", &["Accept-Encoding: gzip"]);
    let packed_bytes = packed.whole();
    assert!(packed.head().contains("content-encoding: gzip") && packed_bytes.starts_with(&[0x1f, 0x8b]));
}

/// Path of a program, unless this machine lacks it.
pub fn installed(name: &str) -> Option<String> {
    let path = ["/usr/bin", "/usr/local/bin", "/bin"].map(|folder| format!("{folder}/{name}"));
    let found = path.into_iter().find(|path| Path::new(path).exists());
    if found.is_none() {
        eprintln!("not checked: {name} is not installed");
    }
    found
}

fn promtool(arguments: &[&str], input: &Path) -> Option<String> {
    let input = std::fs::File::open(input).unwrap();
    let output = Command::new(installed("promtool")?).args(arguments).stdin(input).output().unwrap();
    let text = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap()).concat();
    assert!(output.status.success(), "{arguments:?}: {text}");
    Some(text)
}

fn example(name: &str) -> String {
    format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

// M-003, M-090
#[test]
fn promtool_has_nothing_to_say() {
    let sandbox = sandbox("[metrics]\nprocess_tree=true\n");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("recorder", "RUNNING");
    let text = Server::Unix(&sandbox.path("s.sock")).page("/metrics");
    let path = sandbox.write("scraped", &text);
    if let Some(said) = promtool(&["check", "metrics"], &path) {
        assert_eq!(said, "");
    }
    promtool(&["check", "rules", &example("alerts.yml")], &path);
    promtool(&["check", "config", &example("prometheus.yml")], &path);
}

// Whatever dashboards and alerts ask for is there.
#[test]
fn examples_ask_for_what_there_is() {
    let sandbox = sandbox("");
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("recorder", "RUNNING");
    let text = Server::Unix(&sandbox.path("s.sock")).page("/metrics");
    let families: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for name in ["alerts.yml", "grafana-dashboard.json"] {
        let example = std::fs::read_to_string(example(name)).unwrap();
        let words = example.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let asked: Vec<&str> = words.filter(|word| word.starts_with("supervisor_")).collect();
        assert!(asked.len() > 5, "{name}");
        for word in asked {
            let family =
                ["_bucket", "_sum", "_count"].iter().find_map(|it| word.strip_suffix(it)).unwrap_or(word);
            assert!(families.contains(&family), "{name}: {word}");
        }
    }
}

// What can be checked of the dashboard's schema without Grafana.
#[test]
fn the_dashboard_is_one() {
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(example("grafana-dashboard.json")).unwrap()).unwrap();
    assert!(dashboard["title"].is_string() && dashboard["uid"].is_string());
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36);
    assert!(dashboard["id"].is_null(), "Grafana gives ids");
    let variables: Vec<_> =
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert!(variables.contains(&&"datasource".into()), "{variables:?}");
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids: Vec<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), panels.len());
    for panel in panels {
        let place = ["h", "w", "x", "y"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(place[1] + place[2] <= 24 && place[0] > 0, "{panel}");
        if panel["type"] != "row" {
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
            assert!(panel["targets"].as_array().unwrap().iter().all(|it| it["expr"].is_string()), "{panel}");
        }
    }
}

/// A Prometheus that scrapes a port; killed when dropped.
struct Prometheus {
    child: Child,
    port: u16,
}

impl Prometheus {
    #[expect(clippy::disallowed_methods, reason = "the ban is on the daemon, which has a reaper of its own")]
    fn start(sandbox: &Sandbox, program: &str, target: u16) -> Self {
        let port = ports::free();
        let config = sandbox.write(
            "prometheus.yml",
            &format!(
                "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: supervisor\n    static_configs:\n      \
                 - targets: ['127.0.0.1:{target}']\n"
            ),
        );
        let mut command = Command::new(program);
        command.env_clear().envs(environment(sandbox)).current_dir(sandbox.dir());
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", sandbox.path("tsdb").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait::until_true("Prometheus", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { child, port }
    }

    /// The one value that a query has now, if there is one.
    fn value(&self, query: &str) -> Option<f64> {
        let escaped: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let mut answer = Server::Tcp(self.port).get(&format!("/api/v1/query?query={escaped}"), &[]);
        let json: Value = serde_json::from_slice(&answer.whole()).ok()?;
        let results = json["data"]["result"].as_array()?;
        assert!(results.len() <= 1, "{query}: {json}");
        results.first()?["value"][1].as_str()?.parse().ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        processes::send(self.child.id().try_into().unwrap(), nix::sys::signal::Signal::SIGKILL);
        let _ended = self.child.wait();
    }
}

#[test]
fn a_real_prometheus_counts_the_same() {
    let Some(program) = installed("prometheus") else { return };
    let port = ports::free();
    let sandbox = sandbox(&format!("[metrics]\nport=127.0.0.1:{port}\n"));
    let daemon = Launch::new(&sandbox).start_up();
    daemon.wait_for_state("recorder", "RUNNING");
    let prometheus = Prometheus::start(&sandbox, &program, port);
    live(&sandbox, &daemon);
    let rows = [
        ("up", 1.0),
        ("sum(supervisor_process_exits_total{name='bad'})", 2.0),
        ("supervisor_process_exits_total{name='good',expected='true'}", 1.0),
        ("supervisor_process_log_lines_total{name='good',channel='stdout'}", 2.0),
        ("supervisor_process_spawn_failures_total{name='missing'}", 1.0),
        ("supervisor_process_starts_total{name='quick'}", 2.0),
        ("supervisor_events_total{type='PROCESS_COMMUNICATION_STDOUT'}", 1.0),
        ("supervisor_events_total{type='REMOTE_COMMUNICATION'}", 1.0),
        ("sum(supervisor_process_state)", 6.0),
        ("supervisor_process_state{state='FATAL',name='quick'}", 1.0),
        (
            "sum by (pool) (supervisor_event_pool_accepted_total) - sum by (pool) \
             (supervisor_event_pool_acknowledged_total) - sum by (pool) (supervisor_event_pool_queue_length) - \
             sum by (pool) (supervisor_event_pool_listeners{state='BUSY'})",
            0.0,
        ),
    ];
    for (query, value) in rows {
        let mut seen = None;
        daemon.until(query, || {
            seen = prometheus.value(query);
            seen == Some(value)
        });
    }
}
