//! Listeners that do not keep up, die, or break the protocol: nothing is lost but what overflows, and
//! nobody else notices (events.md, sections 4 to 6).

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use super::recording;
use super::scene::{Props, Scene};
use crate::harness::wait;

const ONE: &str = "[eventlistener:l]\ncommand=PUPPET l\nevents=REMOTE_COMMUNICATION\nLISTENER\n";

/// A recorder of messages in a pool of its own.
const WITNESS: &str = "[eventlistener:w]\ncommand=/usr/bin/python3 -SEs @DIR@/recorder.py @DIR@/w.json\n\
startsecs=0\nevents=REMOTE_COMMUNICATION\nbuffer_size=1000\n";

fn with_witness(configuration: &str) -> Props {
    let props = Props::new(&format!("{configuration}{WITNESS}"));
    props.sandbox.write("recorder.py", include_str!("../scripts/recorder.py"));
    props
}

fn witnessed(scene: &Scene<'_>) -> usize {
    recording::of(&scene.props.sandbox, "w.json").len()
}

fn numbers(upto: usize) -> Vec<String> {
    (0..upto).map(|n| format!("message {n}.")).collect()
}

fn publish_all(scene: &Scene<'_>, numbers: &[String]) {
    scene.publish(&numbers.iter().map(String::as_str).collect::<Vec<_>>());
}

fn discarded(scene: &Scene<'_>, pool: &str) -> Vec<u64> {
    let start = format!("ERRO pool {pool} event buffer overflowed, discarding event ");
    let lines = scene.lines("overflowed");
    lines.iter().filter_map(|line| line.strip_prefix(&start)?.parse().ok()).collect()
}

/// Accepted, delivered, acknowledged, given back by an end, dropped, waiting; as supervisorctl tells (M-063).
fn counts(scene: &Scene<'_>, pool: &str) -> [u64; 6] {
    let figures = scene.figures(pool);
    ["accepted", "delivered", "acknowledged", "orphaned", "dropped", "queue_length"]
        .map(|name| figures[name].as_u64().unwrap_or_else(|| panic!("{name} in {figures}")))
}

/// The events that listeners have answered OK, in that order; as the log tells.
fn processed(scene: &Scene<'_>) -> Vec<(String, u64)> {
    let mut in_hand = std::collections::BTreeMap::new();
    let mut processed = Vec::new();
    for line in scene.lines("event ") {
        if let Some((event, listener)) = line.split_once(" sent to listener ") {
            in_hand.insert(listener.to_owned(), event.rsplit(' ').next().unwrap().parse().unwrap());
        } else if let Some((listener, "")) =
            line.trim_start_matches("DEBG ").split_once(": event was processed")
        {
            processed.push((listener.to_owned(), in_hand[listener]));
        }
    }
    processed
}

// E-080, E-081, E-087: one in hand, five in the buffer, all between are gone
#[test]
fn a_stalled_listener_loses_exactly_the_oldest() {
    let configuration = ONE.replace("LISTENER", "buffer_size=5\nLISTENER");
    let props = with_witness(&configuration);
    let scene = props.start_ours();
    scene.await_running(&["l", "w"]).say("l", "READY\n").publish(&["first"]).hears("l", "first");
    publish_all(&scene, &numbers(20));
    scene.daemon.until("15 losses", || discarded(&scene, "l").len() == 15);
    assert_eq!(discarded(&scene, "l"), (1..=15).collect::<Vec<u64>>());
    assert_eq!(counts(&scene, "l"), [21, 1, 0, 0, 15, 5]);
    for n in 15..20 {
        scene.say("l", "RESULT 2\nOKREADY\n").hears("l", &format!("message {n}."));
    }
    assert_eq!(scene.props.heard("l").matches("message").count(), 5);
    assert_eq!(counts(&scene, "l"), [21, 6, 5, 0, 15, 0]);
    // E-070
    assert!(scene.props.heard("l").contains("serial:16 pool:l poolserial:16 "));
    // The other pool has room, and got everything (E-098).
    scene.daemon.until("the other pool", || witnessed(&scene) == 21);
    assert_eq!(discarded(&scene, "w"), [0; 0]);
}

// E-088: by default there is room for ten
#[test]
fn a_start_alone_overflows_the_default_buffer() {
    let programs: String =
        (10..22).map(|n| format!("[program:p{n}]\ncommand=cat\nautostart=false\n")).collect();
    // All but ticks, one of which may come at any moment.
    let events = "PROCESS_GROUP,PROCESS_STATE,SUPERVISOR_STATE_CHANGE";
    let props =
        Props::new(&format!("[eventlistener:l]\ncommand=PUPPET l\nevents={events}\nLISTENER\n{programs}"));
    let scene = props.start_ours();
    // 13 groups, the daemon, STARTING and RUNNING of the listener: the first six do not fit.
    scene.await_running(&["l"]).say("l", "READY\n").hears("l", "len:");
    assert_eq!(discarded(&scene, "l"), (0..6).collect::<Vec<u64>>());
    assert!(scene.props.heard("l").contains("serial:6 pool:l poolserial:6 eventname:PROCESS_GROUP_ADDED"));
}

// E-093: given back to its own pool only, although all listeners have the same priority
#[test]
fn a_rejected_event_goes_to_no_other_pool() {
    let props = with_witness(ONE);
    let scene = props.start_ours();
    scene.await_running(&["l", "w"]).say("l", "READY\n").publish(&["one"]).hears("l", "one");
    scene
        .say("l", "RESULT 4\nFAILREADY\n")
        .hears_times(2, "l", "one")
        .say("l", "RESULT 2\nOK")
        .publish(&["two"]);
    scene.daemon.until("both", || witnessed(&scene) == 2);
    let heard = recording::of(&scene.props.sandbox, "w.json");
    let serials: Vec<_> = heard.iter().map(|it| (it.number("serial"), it.number("poolserial"))).collect();
    assert_eq!(serials, [(0, 0), (1, 1)]);
}

// E-084
#[test]
fn nobody_is_sent_anything_before_running() {
    let props = Props::new(&ONE.replace("LISTENER", "startsecs=1"));
    let scene = props.start_ours();
    scene.say("l", "READY\n").publish(&["one"]).hears("l", "one");
    let log: Vec<String> = scene.lines("");
    let at = |text: &str| log.iter().position(|line| line.contains(text)).unwrap();
    assert!(at("l: ACKNOWLEDGED -> READY") < at("success: l entered RUNNING"));
    assert!(at("success: l entered RUNNING") < at("event 0 sent to listener l"));
}

// E-098, E-130, E-137
#[test]
fn a_listener_that_reads_nothing_delays_nobody() {
    let props = with_witness(&ONE.replace("PUPPET l", "PUPPET l deaf"));
    let scene = props.start_ours();
    scene.await_running(&["l", "w"]).say("l", "READY\n").publish(&[&"x".repeat(1_000_000)]);
    scene.log("event 0 sent to listener l");
    publish_all(&scene, &numbers(100));
    scene.daemon.until_within(Duration::from_secs(10), "the other pool", || witnessed(&scene) == 101);
    // E-184: its end waits for it no longer than it is allowed.
    assert!(scene.end().success());
}

// E-132
#[test]
fn answers_may_come_before_the_event_is_read() {
    let props = Props::new(&ONE.replace("PUPPET l", "PUPPET l deaf"));
    let scene = props.start_ours();
    let long = "x".repeat(1_000_000);
    scene.await_running(&["l"]).say("l", "READY\n").publish(&[&format!("{long}one")]);
    scene.log("event 0 sent to listener l").say("l", "RESULT 2\nOKREADY\n").publish(&["two"]);
    scene.log("event 1 sent to listener l").say("l", "RESULT 2\nOKREADY\n");
    scene.props.order("l", "read");
    scene.hears("l", "two");
    let header = |n, len| {
        format!(
            "ver:3.0 server:supervisor serial:{n} pool:l poolserial:{n} eventname:REMOTE_COMMUNICATION len:{len}\n"
        )
    };
    let expected =
        format!("\n--- a life\n{}type:t\n{long}one{}type:t\ntwo", header(0, 1_000_010), header(1, 10));
    assert!(scene.props.heard("l") == expected, "what arrived is not what was sent");
}

// E-132: but not for ever
#[test]
fn who_never_reads_what_it_answers_is_given_up() {
    let props = Props::new(&ONE.replace("PUPPET l", "PUPPET l deaf"));
    let scene = props.start_ours();
    let long = "x".repeat(4_000_000);
    scene.await_running(&["l"]).say("l", "READY\n");
    for n in 0..8 {
        scene.publish(&[&long]).daemon.until("a decision", || {
            scene.lines("UNKNOWN state").len() + scene.lines(&format!("event {n} sent to listener l")).len()
                > 0
        });
        if !scene.lines("UNKNOWN state").is_empty() {
            assert!(n >= 4, "given up with event {n}");
            return;
        }
        scene.say("l", "RESULT 2\nOKREADY\n");
    }
    panic!("it was never given up");
}

// E-102, E-113, E-118, E-137
#[test]
fn a_flood_of_stdout_is_thrown_away() {
    let flooder = "[eventlistener:f]\ncommand=sh -c 'head -c 60000000 /dev/zero; exec sleep 1000'\n\
                   startsecs=0\nevents=TICK_3600\nstdout_logfile=NONE\n";
    let props = with_witness(&format!("{ONE}{flooder}"));
    // Level debug would copy the flood into the log.
    props
        .sandbox
        .write("supervisord.conf", &props.sandbox.read("supervisord.conf").replace("loglevel=debug", ""));
    let scene = props.start_ours();
    scene.log("f: has entered the UNKNOWN state").publish(&["one"]);
    scene.daemon.until("the other pool", || witnessed(&scene) == 1);
    let flooding = scene.daemon.pid_of("f");
    wait::until_true("the end of the flood", || {
        fs::read_to_string(format!("/proc/{flooding}/cmdline")).is_ok_and(|line| line.starts_with("sleep"))
    });
    // There is no log that could lack anything.
    assert_eq!(scene.lines("bytes of the stdout log"), [""; 0]);
    let peak = crate::harness::processes::status_line(scene.daemon.pid(), "VmHWM").unwrap();
    let peak: usize = peak.trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 60_000, "{peak} kB at most");
    // E-119
    assert_eq!(scene.daemon.process("f").unwrap().member("statename"), "RUNNING");
}

/// Two that die at each point of the protocol in turn: before READY, READY, with the header, with the
/// payload, with half an answer, behind a whole one. From the fourth life on they do their work.
const MORTAL: &str = "\
import os, sys
name = sys.argv[1]
with open(name + '.lives', 'a') as file:
    file.write('x')
point = os.path.getsize(name + '.lives') - 1
point = point + 3 * (name == 'l1') if point < 3 else None

def die_at(here):
    if here == point:
        os._exit(1)

def line():
    text = b''
    while not text.endswith(b'\\n'):
        text += os.read(0, 1) or os._exit(0)
    return text.decode()

die_at(0)
while True:
    os.write(1, b'READY\\n')
    die_at(1)
    header = line()
    die_at(2)
    os.read(0, int(header.rsplit('len:', 1)[1]))
    die_at(3)
    os.write(1, b'RESULT 2\\nO')
    die_at(4)
    os.write(1, b'K')
    die_at(5)
";

// E-089, E-114, E-121, E-122
#[test]
fn deaths_at_any_point_lose_nothing_and_double_nothing() {
    let props = Props::new(
        "[eventlistener:l]\ncommand=/usr/bin/python3 -SEs @DIR@/mortal.py %(program_name)s%(process_num)d\n\
         process_name=%(program_name)s%(process_num)d\nnumprocs=2\nstartsecs=0\nautorestart=true\n\
         directory=@DIR@\nbuffer_size=1000\nevents=REMOTE_COMMUNICATION\n",
    );
    props.sandbox.write("mortal.py", MORTAL);
    let scene = props.start_ours();
    for (n, number) in numbers(40).iter().enumerate() {
        scene.publish(&[number]);
        // Some come while both are dead, some while both live.
        if n % 4 == 0 {
            let lives = || props.sandbox.read("l0.lives").len() + props.sandbox.read("l1.lives").len();
            let before = lives();
            let _all_done = wait::within(Duration::from_millis(300), || (lives() > before).then_some(()));
        }
    }
    scene.daemon.until("all events to be processed", || processed(&scene).len() >= 40);
    scene.daemon.until("all deaths", || {
        props.sandbox.read("l0.lives").len() >= 4 && props.sandbox.read("l1.lives").len() >= 3
    });
    let processed = processed(&scene);
    let serials: BTreeSet<u64> = processed.iter().map(|(_, serial)| *serial).collect();
    assert_eq!(serials, (0..40).collect());
    assert_eq!(processed.len(), 40, "some were acknowledged twice: {processed:?}");
    let [accepted, delivered, acknowledged, orphaned, dropped, waiting] = counts(&scene, "l");
    assert_eq!((accepted, acknowledged, dropped, waiting), (40, 40, 0, 0));
    assert_eq!(delivered, acknowledged + orphaned);
    // Of the six deaths two come before it has anything, and one behind its answer.
    assert!((3..=4).contains(&orphaned), "{orphaned} came back");
}

// E-131: no busy loop over a stdin that is closed
#[test]
fn a_closed_stdin_costs_nothing() {
    let props = with_witness(ONE);
    let scene = props.start_ours();
    scene.await_running(&["l", "w"]);
    props.order("l", "close");
    scene
        .say("l", "READY\n")
        .publish(&["one", "two"])
        .log("epipe occurred while sending event 0 to listener l");
    scene.daemon.until("the other pool", || witnessed(&scene) == 2);
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", scene.daemon.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap()
    };
    let before = ticks();
    assert!(
        wait::stays_true(Duration::from_millis(500), || ticks() - before < 20),
        "it is busy with nothing"
    );
    // The event waits for the next life.
    scene.call("stopProcess", &["l"]).unwrap();
    scene.call("startProcess", &["l"]).unwrap();
    scene.await_running(&["l"]).say("l", "READY\n").hears("l", "one").say("l", "RESULT 2\nOKREADY\n");
    scene.hears("l", "two");
}
