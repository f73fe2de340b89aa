//! What pools hear while the daemon ends, and how long they may take (events.md, section 9).

use std::time::{Duration, Instant};

use super::recording::{self, Heard};
use super::scene::Props;

const RECORDER: &str = "command=/usr/bin/python3 -SEs @DIR@/recorder.py @DIR@/%(program_name)s.json\n\
startsecs=0\nbuffer_size=100\nevents=PROCESS_STATE,SUPERVISOR_STATE_CHANGE,REMOTE_COMMUNICATION\n";

fn props(configuration: &str) -> Props {
    let props = Props::new(&configuration.replace("RECORDER", RECORDER));
    props.sandbox.write("recorder.py", include_str!("../scripts/recorder.py"));
    props
}

/// What was heard behind the message `end`: type, and the process if it is about one.
fn heard_at_the_end(props: &Props, name: &str) -> Vec<String> {
    let heard = recording::of(&props.sandbox, &format!("{name}.json"));
    let told = |event: &Heard| format!("{} {}", event.kind(), event.token("processname").unwrap_or_default());
    heard.iter().skip_while(|event| !event.payload.ends_with("end")).skip(1).map(told).collect()
}

fn start_and_end(props: &Props, programs: &[&str]) {
    let scene = props.start_ours();
    scene.await_running(programs).publish(&["end"]);
    assert!(scene.end().success());
}

// E-180, E-182, E-183, E-185, E-052
#[test]
fn pools_hear_of_everything_that_stops_before_them() {
    let props = props(
        "[eventlistener:a]\nRECORDER[program:p]\ncommand=sleep 1000\nstartsecs=0\npriority=2\n\
         [program:q]\ncommand=sleep 1000\nstartsecs=0\npriority=1\n",
    );
    start_and_end(&props, &["p", "q", "a"]);
    let expected = [
        "SUPERVISOR_STATE_CHANGE_STOPPING ",
        "PROCESS_STATE_STOPPING p",
        "PROCESS_STATE_STOPPED p",
        "PROCESS_STATE_STOPPING q",
        "PROCESS_STATE_STOPPED q",
    ];
    assert_eq!(heard_at_the_end(&props, "a"), expected);
}

// E-181
#[test]
fn a_pool_may_stop_before_the_programs() {
    let props = props(
        "[eventlistener:a]\npriority=1000\nRECORDER[eventlistener:b]\nRECORDER\
         [program:p]\ncommand=sleep 1000\nstartsecs=0\n",
    );
    start_and_end(&props, &["p", "a", "b"]);
    assert_eq!(heard_at_the_end(&props, "a"), ["SUPERVISOR_STATE_CHANGE_STOPPING "]);
    let expected = [
        "SUPERVISOR_STATE_CHANGE_STOPPING ",
        "PROCESS_STATE_STOPPING a",
        "PROCESS_STATE_STOPPED a",
        "PROCESS_STATE_STOPPING p",
        "PROCESS_STATE_STOPPED p",
    ];
    assert_eq!(heard_at_the_end(&props, "b"), expected);
}

// E-184
#[test]
fn a_busy_listener_ends_in_its_time() {
    let props = props("[eventlistener:l]\ncommand=PUPPET l\nevents=REMOTE_COMMUNICATION\nLISTENER\n");
    let scene = props.start_ours();
    scene.await_running(&["l"]).say("l", "READY\n").publish(&["one", "two"]).hears("l", "one");
    let start = Instant::now();
    assert!(scene.end().success());
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
    // Its event and the one that waited.
    let log = props.sandbox.read("supervisord.log");
    assert!(log.contains("pool l ended, discarding 2 events that were not processed"), "{log}");
}

// E-184: nor do many of them, in a pool each, take the time of all
#[test]
fn many_busy_pools_end_in_the_time_of_one() {
    let pool = |at: i32| {
        let command = "sh -c \"printf 'READY\\n'; exec sleep 1000\"";
        format!("[eventlistener:l{at:02}]\ncommand={command}\nstartsecs=0\nevents=REMOTE_COMMUNICATION\n")
    };
    let props = props(&(0..15).map(pool).collect::<String>());
    let scene = props.start_ours();
    scene.publish(&["one"]);
    for at in 0..15 {
        scene.log(&format!("event 0 sent to listener l{at:02}"));
    }
    let start = Instant::now();
    assert!(scene.end().success());
    assert!(start.elapsed() < Duration::from_secs(12), "it took {:?}", start.elapsed());
}

// E-184: not beyond stopwaitsecs
#[test]
fn a_deaf_listener_is_killed() {
    let script = "trap '' TERM; printf 'READY\\n'; while :; do sleep 0.2; done";
    let props = props(&format!(
        "[eventlistener:l]\ncommand=sh -c \"{script}\"\nevents=REMOTE_COMMUNICATION\nstartsecs=0\nstopwaitsecs=1\n\
         killasgroup=true\n"
    ));
    let scene = props.start_ours();
    scene.publish(&["one", "two"]).log("event 0 sent to listener l");
    assert!(scene.end().success());
    assert!(props.sandbox.read("supervisord.log").contains("killing 'l'"));
}

// E-038
#[test]
fn who_waits_for_another_try_at_the_end_is_fatal() {
    let props =
        props("[eventlistener:a]\nRECORDER[program:p]\ncommand=false\nstartsecs=9\nstartretries=100\n");
    let scene = props.start_ours();
    scene.await_running(&["a"]).daemon.wait_for_state("p", "BACKOFF");
    scene.publish(&["end"]);
    assert!(scene.end().success());
    let heard = heard_at_the_end(&props, "a");
    let tries = ["PROCESS_STATE_STARTING p", "PROCESS_STATE_BACKOFF p"];
    let told: Vec<_> = heard.iter().filter(|line| !tries.contains(&line.as_str())).collect();
    assert_eq!(told, ["SUPERVISOR_STATE_CHANGE_STOPPING ", "PROCESS_STATE_FATAL p"]);
}
