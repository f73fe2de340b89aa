//! The pure cores, each on its own, so that a regression shows where it arises.
//!
//! `cargo bench --bench cores [NAME]` measures; `cargo test --bench cores` runs each once.

use std::hint::black_box;
use std::rc::Rc;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use supervisor::bus::EventBus;
use supervisor::config::{SAMPLE, dialect};
use supervisor::daemon::command::ProcessInfo;
use supervisor::http::events::Feed;
use supervisor::machine::listener::ListenerMachine;
use supervisor::machine::pool::{Effect, Input, PoolCore};
use supervisor::machine::result::ResultHandler;
use supervisor::metrics::Collector;
use supervisor::model::event::{Channel, Communication, Event};
use supervisor::model::name::ProcessName;
use supervisor::model::state::ProcessState;
use supervisor::model::time::{Moment, Now, WallTime};
use supervisor::rpc::info::Records;
use supervisor::wire::ansi::AnsiStripper;
use supervisor::wire::capture::CaptureScanner;
use supervisor::wire::listener::Header;
use supervisor::wire::xmlrpc::{Value, encode, method_call};

/// What a program writes between two reads, in bytes.
const CHUNK: usize = 64 * 1024;

fn name() -> ProcessName {
    ProcessName::new("group".into(), "program")
}

fn message() -> Event {
    let data = Bytes::from(vec![b'x'; 300]);
    Event::Communicated(Communication { process: name(), pid: 1234, channel: Channel::Stdout, data })
}

/// `text`, again and again, up to the length of a chunk.
fn chunk(text: &str) -> Vec<u8> {
    text.bytes().cycle().take(CHUNK).collect()
}

/// An event on the bus with the exporter and the event stream's feed as its observers.
fn bus(c: &mut Criterion) {
    let bus = EventBus::new();
    bus.observe(Collector::new());
    bus.observe(Feed::new(WallTime::default()));
    let event = message();
    c.bench_function("bus/publish", |b| b.iter(|| bus.publish(Now::default(), event.clone())));
}

/// An event through a pool: accepted, sent to a listener, answered.
fn pool(c: &mut Criterion) {
    let names = (0..8).map(|n| ProcessName::new("pool".into(), &n.to_string()));
    let mut core = PoolCore::new("pool".into(), 100, ResultHandler::Default, names).without_details();
    let (now, mut effects) = (Moment::default(), Vec::new());
    for at in 0..8 {
        for input in [Input::Started(at), Input::Running(at, true), Input::Said(at, b"READY\n")] {
            core.step(now, input, &mut effects);
        }
    }
    let mut serial = 0;
    c.bench_function("pool/event", |b| {
        b.iter(|| {
            serial += 1;
            core.step(now, Input::Accepted { serial, event: Rc::new(serial) }, &mut effects);
            core.step(now, Input::Settled, &mut effects);
            let sent = effects.iter().find_map(|effect| match effect {
                Effect::Send { listener, .. } => Some(*listener),
                Effect::Publish(_) | Effect::Print(_) => None,
            });
            let at = sent.expect("a listener is READY");
            core.step(now, Input::Sent(at), &mut effects);
            core.step(now, Input::Said(at, b"RESULT 2\nOKREADY\n"), &mut effects);
            effects.clear();
        });
    });
}

/// The tokens of one event, in one read.
fn tokens(c: &mut Criterion) {
    let mut machine = ListenerMachine::new(ResultHandler::Default);
    let mut heard = Vec::new();
    machine.hear(b"READY\n", &mut heard);
    c.bench_function("listener/tokens", |b| {
        b.iter(|| {
            machine.take_event();
            machine.hear(b"RESULT 2\nOKREADY\n", &mut heard);
            heard.clear();
        });
    });
}

/// An event's text, and the line before it.
fn envelope(c: &mut Criterion) {
    let (event, mut head, mut line) = (message(), String::new(), Vec::new());
    let header = Header {
        server: "supervisor",
        serial: 123_456,
        pool: "listeners",
        poolserial: 123_456,
        eventname: "PROCESS_COMMUNICATION_STDOUT",
    };
    c.bench_function("listener/envelope", |b| {
        b.iter(|| {
            let payload = event.payload(&mut head).expect("listeners hear of messages");
            line.clear();
            header.write(payload.chars(), &mut line);
            black_box(payload.parts());
        });
    });
}

/// Output without tokens, and output that consists of messages.
fn capture(c: &mut Criterion) {
    let mut group = c.benchmark_group("capture");
    group.throughput(Throughput::Bytes(CHUNK as u64));
    let text = format!("<!--XSUPERVISOR:BEGIN-->{}<!--XSUPERVISOR:END-->", "x".repeat(300));
    for (id, text) in [("plain", "a line of a log with a < in it\n"), ("messages", &text)] {
        let chunk = Bytes::from(chunk(text));
        let mut scanner = CaptureScanner::new(1 << 20, false);
        let mut pieces = Vec::new();
        group.bench_function(id, |b| {
            b.iter(|| {
                scanner.push(chunk.clone(), &mut pieces);
                pieces.clear();
            });
        });
    }
}

/// Output without escape sequences, and coloured output.
fn ansi(c: &mut Criterion) {
    let mut group = c.benchmark_group("ansi");
    group.throughput(Throughput::Bytes(CHUNK as u64));
    for (id, text) in [("plain", "a line of a log\n"), ("colours", "\x1b[1;32mINFO\x1b[0m a line of a log\n")]
    {
        let (chunk, mut out) = (chunk(text), Vec::new());
        let mut stripper = AnsiStripper::default();
        group.bench_function(id, |b| {
            b.iter(|| {
                if !stripper.is_plain(&chunk) {
                    out.clear();
                    stripper.strip(&chunk, &mut out);
                }
            });
        });
    }
}

/// The answer to a call about a hundred processes that are as they were, and a call.
fn xmlrpc(c: &mut Criterion) {
    let process = ProcessInfo {
        name: name(),
        state: ProcessState::Running,
        start: Some(WallTime::default()),
        stop: None,
        now: WallTime::from_nanos(1_000_000_000),
        spawnerr: "".into(),
        exitstatus: 0,
        stdout_logfile: None,
        stderr_logfile: None,
        pid: 1234,
    };
    let (processes, mut records) = (vec![process; 100], Records::default());
    c.bench_function("xmlrpc/encode", |b| {
        b.iter(|| encode::response(&records.of_all(black_box(processes.clone()))));
    });
    let call = encode::call("supervisor.getProcessInfo", &[Value::Str("group:program".into())]);
    c.bench_function("xmlrpc/decode", |b| b.iter(|| method_call(black_box(call.as_bytes()))));
}

/// The sample configuration.
fn ini(c: &mut Criterion) {
    let read = |text: &str| dialect::read(text, "supervisord.conf").map(|sections| sections.len());
    c.bench_function("ini/read", |b| b.iter_batched(|| SAMPLE, read, BatchSize::SmallInput));
}

criterion_group!(cores, bus, pool, tokens, envelope, capture, ansi, xmlrpc, ini);
criterion_main!(cores);
