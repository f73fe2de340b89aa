//! Listeners as people write them: in sh and Python, with calls of the API, with what they know of their
//! daemon (events.md, sections 4, 6 and 11).

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use serde_json::Value;

use super::scene::Props;
use crate::harness::reference;
use crate::harness::wait;

const IN_SH: &str = "\
while printf 'READY\\n' && read -r header; do
    payload=$(head -c \"${header##*len:}\")
    printf '%s\\n' \"$payload\" >> @DIR@/heard
    printf 'RESULT 2\\nOK'
done
";

/// Wants the first event once more.
const IN_PYTHON: &str = "\
from supervisor import childutils
failed = False
while True:
    headers, payload = childutils.listener.wait()
    with open('@DIR@/heard', 'a') as heard:
        heard.write(payload + '\\n')
    if failed:
        childutils.listener.ok()
    else:
        failed = True
        childutils.listener.fail()
";

/// Calls the method that an event names, once, while it has the event in hand (E-139, E-202).
const CALLER: &str = "\
import os
from supervisor import childutils
rpc = childutils.getRPCInterface(os.environ)
while True:
    headers, payload = childutils.listener.wait()
    method, *words = payload.split('\\n', 1)[1].split()
    done = '@DIR@/called.' + headers['serial']
    if not os.path.exists(done):
        open(done, 'w').close()
        result = getattr(rpc.supervisor, method)(*words)
        with open('@DIR@/results', 'a') as results:
            results.write(f'{method} {result}\\n')
    childutils.listener.ok()
";

fn props(script: &str, command: &str, more: &str) -> Props {
    let props = Props::new(&format!(
        "[eventlistener:l]\ncommand={command}\nevents=REMOTE_COMMUNICATION\nstartsecs=0\nautorestart=true\n{more}"
    ));
    props.sandbox.write("listener", script);
    props
}

fn in_python(script: &str, more: &str) -> Props {
    props(script, &format!("{} -Es @DIR@/listener", reference::program("python").display()), more)
}

#[test]
fn a_listener_in_sh() {
    let props = props(IN_SH, "sh @DIR@/listener", "");
    let scene = props.start_ours();
    scene.publish(&["one", "two", "two\nlines"]);
    let expected = "type:t\none\ntype:t\ntwo\ntype:t\ntwo\nlines\n";
    scene.daemon.until("three events", || props.sandbox.read("heard") == expected);
}

// E-062, E-200
#[test]
fn a_listener_in_python() {
    let props = in_python(IN_PYTHON, "");
    let scene = props.start_ours();
    scene.publish(&["one", "h\u{e9} \u{1f600}", ""]);
    let expected = "type:t\none\ntype:t\none\ntype:t\nh\u{e9} \u{1f600}\ntype:t\n\n";
    scene.daemon.until("four deliveries", || props.sandbox.read("heard") == expected);
}

// E-139, E-202: one connection for its whole life
#[test]
fn a_busy_listener_may_call() {
    let props = in_python(CALLER, "[program:p]\ncommand=sleep 1000\nstartsecs=0\n");
    let scene = props.start_ours();
    scene.daemon.wait_for_state("p", "RUNNING");
    scene.publish(&["getState", "stopProcess p", "startProcess p", "sendProcessStdin p x"]);
    scene.daemon.until("four calls", || props.sandbox.read("results").lines().count() == 4);
    let expected = "getState {'statecode': 1, 'statename': 'RUNNING'}\n\
                    stopProcess True\nstartProcess True\nsendProcessStdin True\n";
    assert_eq!(props.sandbox.read("results"), expected);
    // It stops itself, and gets the event again when it is started.
    scene.publish(&["stopProcess l"]).daemon.wait_for_state("l", "STOPPED");
    scene.call("startProcess", &["l"]).unwrap();
    scene.daemon.until("the event to be done", || scene.lines("l: event was processed").len() == 5);
    scene.publish(&["shutdown"]);
    assert!(scene.daemon.wait().success());
}

// E-202: as memmon does between its ticks
#[test]
#[ignore = "takes more than a minute"]
fn an_idle_connection_is_kept_for_more_than_a_minute() {
    let props = in_python(CALLER, "");
    let scene = props.start_ours();
    scene.publish(&["getPID"]);
    scene.daemon.until("a call", || props.sandbox.read("results").lines().count() == 1);
    assert!(wait::stays_true(Duration::from_secs(65), || scene.lines("exited: l").is_empty()));
    scene.publish(&["getPID"]);
    scene.daemon.until("another call", || props.sandbox.read("results").lines().count() == 2);
    assert_eq!(scene.lines("spawned: 'l'").len(), 1);
}

// E-138
#[test]
fn what_a_listener_knows_of_its_daemon() {
    let props = Props::new(
        "[supervisord]\nenvironment=A=1\n\
         [eventlistener:l]\ncommand=PUPPET l\nevents=TICK_3600\nenvironment=SUPERVISOR_USERNAME=u\nLISTENER\n",
    );
    let scene = props.start_ours();
    scene.await_running(&["l"]).props.order("l", "env");
    let known = wait::until("its environment", || {
        props
            .sandbox
            .has("l.env")
            .then(|| serde_json::from_str::<Value>(&props.sandbox.read("l.env")).unwrap())
    });
    let url = format!("unix://{}", props.sandbox.path("s.sock").display());
    for (name, value) in [
        ("SUPERVISOR_ENABLED", "1"),
        ("SUPERVISOR_PROCESS_NAME", "l"),
        ("SUPERVISOR_GROUP_NAME", "l"),
        ("SUPERVISOR_SERVER_URL", &url),
        ("SUPERVISOR_USERNAME", "u"),
        ("A", "1"),
    ] {
        assert_eq!(known[name], value, "{name}");
    }
    assert_eq!(known["SUPERVISOR_PASSWORD"], Value::Null);
    assert_eq!(known["ppid"], scene.daemon.pid());
}

// E-187: the usual way to end a container with its program
#[test]
fn a_listener_may_end_its_daemon() {
    for kill in ["kill -QUIT $PPID", "kill $(cat @DIR@/supervisord.pid)"] {
        let script = format!("printf 'READY\\n'; read -r header; {kill}; sleep 1000\n");
        let props = props(&script, "sh @DIR@/listener", "killasgroup=true\nstopasgroup=true\n");
        let scene = props.start_ours();
        scene.publish(&["one"]);
        let status = scene.daemon.wait();
        assert_eq!((status.code(), status.signal()), (Some(0), None), "{kill}");
    }
}

// E-069, E-095
#[test]
fn a_removed_pool_begins_anew() {
    let one = "[eventlistener:l]\ncommand=PUPPET l\nevents=REMOTE_COMMUNICATION\nLISTENER\n";
    let props = Props::new(one);
    let scene = props.start_ours();
    scene.await_running(&["l"]).say("l", "READY\n").publish(&["one", "two"]).hears("l", "one");
    scene.call("stopProcessGroup", &["l"]).unwrap();
    scene.call("removeProcessGroup", &["l"]).unwrap();
    scene.publish(&["nobody hears this"]).call("addProcessGroup", &["l"]).unwrap();
    scene.await_running(&["l"]).say("l", "READY\n").publish(&["three"]).hears("l", "three");
    let heard = props.heard("l");
    assert!(heard.contains("serial:2 pool:l poolserial:0 "), "{heard}");
    assert!(!heard.contains("two") && !heard.contains("nobody"), "{heard}");
    // A changed one is another (E-095).
    props.configure(&one.replace("LISTENER", "buffer_size=3\nLISTENER"));
    let changed = scene.call("reloadConfig", &[]).unwrap();
    assert_eq!(changed.elements()[0].elements()[1].elements()[0].text(), "l");
}

// E-061
#[test]
fn the_identifier_is_told_as_it_is() {
    let props = Props::new(
        "[supervisord]\nidentifier=my:own one\n\
         [eventlistener:l]\ncommand=PUPPET l\nevents=REMOTE_COMMUNICATION\nLISTENER\n",
    );
    let scene = props.start_ours();
    scene.await_running(&["l"]).say("l", "READY\n").publish(&["one"]).hears("l", "one");
    assert!(props.heard("l").contains("ver:3.0 server:my:own one serial:0 pool:l poolserial:0 "));
}

// E-166
#[test]
fn a_pool_is_shown_like_a_group() {
    let props = Props::new(
        "[eventlistener:l]\ncommand=PUPPET %(program_name)s%(process_num)d\nnumprocs=2\nstartsecs=0\n\
         process_name=%(program_name)s%(process_num)d\nevents=TICK_3600\n",
    );
    let scene = props.start_ours();
    scene.await_running(&["l0", "l1"]);
    let stopped = scene.call("stopProcessGroup", &["l"]).unwrap();
    let mut names: Vec<&str> = stopped.elements().iter().map(|it| it.member("name")).collect();
    names.sort_unstable();
    assert_eq!(names, ["l0", "l1"]);
    let configured = scene.call("getAllConfigInfo", &[]).unwrap();
    let shown: Vec<_> =
        configured.elements().iter().map(|it| (it.member("group"), it.member("name"))).collect();
    assert_eq!(shown, [("l", "l0"), ("l", "l1")]);
    // E-163: one option sets both priorities; by default they differ.
    let priorities =
        |of: &str| configured.elements().iter().map(|it| it.member(of).to_owned()).collect::<Vec<_>>();
    assert_eq!(priorities("group_prio"), ["-1", "-1"]);
    assert_eq!(priorities("process_prio"), ["999", "999"]);
}

/// Asks for the state of the process that an event is about, and keeps both.
const CURIOUS: &str = "\
import os
from supervisor import childutils
rpc = childutils.getRPCInterface(os.environ)
while True:
    headers, payload = childutils.listener.wait()
    about = childutils.get_headers(payload)
    if about['processname'] == 'p':
        state = rpc.supervisor.getProcessInfo('p')['statename']
        with open('@DIR@/states', 'a') as states:
            states.write(headers['eventname'] + ' ' + state + '\\n')
    childutils.listener.ok()
";

// E-031: by the time a listener hears of a state, it is in force
#[test]
fn the_state_that_is_told_is_there() {
    let command = format!("{} -Es @DIR@/listener", reference::program("python").display());
    let props = Props::new(&format!(
        "[eventlistener:l]\ncommand={command}\nevents=PROCESS_STATE\nstartsecs=0\n\
         [program:p]\ncommand=sh @DIR@/slow\nstartsecs=0\nautostart=false\n"
    ));
    props.sandbox.write("listener", CURIOUS);
    props.sandbox.write("slow", "trap 'sleep 0.5; exit' TERM\necho up\nwhile :; do sleep 0.1; done\n");
    let scene = props.start_ours();
    scene.log("l: ACKNOWLEDGED -> READY").call("startProcess", &["p"]).unwrap();
    scene.log("'p' stdout output:").call("stopProcess", &["p"]).unwrap();
    scene.daemon.until("four states", || props.sandbox.read("states").lines().count() == 4);
    let states = props.sandbox.read("states");
    let mut expected = vec![
        "PROCESS_STATE_STARTING RUNNING",
        "PROCESS_STATE_RUNNING RUNNING",
        "PROCESS_STATE_STOPPING STOPPING",
        "PROCESS_STATE_STOPPED STOPPED",
    ];
    // The listener may be slow enough for the next state.
    for (line, expected) in states.lines().zip(&mut expected) {
        let later = [
            "PROCESS_STATE_STARTING STARTING",
            "PROCESS_STATE_RUNNING STOPPING",
            "PROCESS_STATE_STOPPING STOPPED",
        ];
        if later.contains(&line) {
            *expected = line;
        }
    }
    assert_eq!(states.lines().collect::<Vec<_>>(), expected);
}

// E-094: once, where the reference tells it twice
#[test]
fn an_event_under_two_subscriptions_comes_once() {
    let props = Props::new(
        "[eventlistener:l]\ncommand=PUPPET l\nevents=REMOTE_COMMUNICATION,EVENT,remote_communication\nLISTENER\n\
         buffer_size=100\n",
    );
    let scene = props.start_ours();
    scene.await_running(&["l"]).publish(&["one", "two"]).say("l", "READY\n");
    for n in 1.. {
        scene.hears_times(n, "l", "ver:3.0");
        if props.heard("l").contains("two") {
            break;
        }
        scene.say("l", "RESULT 2\nOKREADY\n");
    }
    assert_eq!(props.heard("l").matches("type:t").count(), 2);
}
