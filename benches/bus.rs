//! What an event costs the bus: alone, with the exporter, with the event stream's feed and nobody reading.
//!
//! `cargo bench --bench bus`; fails where the exporter and the feed together cost 2 microseconds or more.

use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use supervisor::bus::EventBus;
use supervisor::http::events::Feed;
use supervisor::metrics::Collector;
use supervisor::model::event::{Channel, Communication, Entered, Event, Output, StateChange};
use supervisor::model::name::ProcessName;
use supervisor::model::notice::Notice;
use supervisor::model::state::ProcessState;
use supervisor::model::time::{Now, WallTime};

const PROCESSES: usize = 1000;
const EVENTS: usize = 1_000_000;
const ROUNDS: usize = 5;
const LIMIT: Duration = Duration::from_micros(2);

/// An event of every kind that comes often, of one process.
fn event(process: &ProcessName, turn: usize) -> Event {
    let (process, pid) = (process.clone(), 1);
    match turn % 4 {
        0 => Event::StateChanged(StateChange {
            process,
            from: ProcessState::Starting,
            entered: Entered::Running { pid },
        }),
        1 => Event::Noticed(Notice::Spawned(process, pid)),
        2 => Event::Communicated(Communication {
            process,
            pid,
            channel: Channel::Stdout,
            data: bytes::Bytes::from_static(b"message"),
        }),
        _ => Event::OutputRead(Output {
            process,
            pid,
            channel: Channel::Stdout,
            bytes: 80,
            lines: 1,
            rotations: 0,
            write_errors: 0,
            data: None,
            announced: false,
        }),
    }
}

/// Of one event; the fastest round, as everything else is the machine's.
fn cost(bus: &EventBus, names: &[ProcessName]) -> Duration {
    let round = || {
        let begun = Instant::now();
        for turn in 0..EVENTS {
            black_box(bus.publish(Now::default(), event(&names[turn * 7 % PROCESSES], turn)));
        }
        begun.elapsed() / EVENTS as u32
    };
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}

fn main() {
    let names: Vec<_> =
        (0..PROCESSES).map(|n| ProcessName::new("group".into(), &format!("program_{n:04}"))).collect();
    let bus = EventBus::new();
    println!("nobody listens         {:?} an event", cost(&bus, &names));
    bus.observe(Collector::new());
    println!("with the exporter      {:?} an event", cost(&bus, &names));
    let feed: Rc<Feed> = Feed::new(WallTime::default());
    bus.observe(feed);
    let all = cost(&bus, &names);
    println!("with the feed as well  {all:?} an event");
    assert!(cfg!(debug_assertions) || all < LIMIT, "more than {LIMIT:?}");
}
