//! Result handlers that print children's output on the daemon's own stdout, with listeners as those plugins
//! have them (E-125, E-126).

use super::scene::{Props, hex};
use crate::harness::reference;

/// As the first plugin has it.
const STDOUT_PLUGIN: &str = "\
import sys
while True:
    sys.stdout.write('READY\\n')
    sys.stdout.flush()
    header = sys.stdin.readline()
    data = sys.stdin.read(int(header.rsplit('len:', 1)[1]))
    sys.stdout.write('RESULT %s\\n%s' % (len(data.encode('utf-8')), data))
    sys.stdout.flush()
";

/// As the second one has it.
const CONSOLE_PLUGIN: &str = "\
from supervisor.childutils import listener
while True:
    headers, payload = listener.wait()
    listener.send(payload)
";

fn props(handler: &str, plugin: &str) -> Props {
    let python = reference::program("python");
    let props = Props::new(&format!(
        "[supervisord]\nloglevel=critical\n\
         [eventlistener:l]\ncommand={} -Es @DIR@/plugin.py\nresult_handler={handler}\n\
         events=PROCESS_LOG\nbuffer_size=100\nstartsecs=0\n\
         [program:web]\ncommand=PUPPET web\nstartsecs=0\nstdout_events_enabled=true\nstderr_events_enabled=true\n",
        python.display()
    ));
    props.sandbox.write("plugin.py", plugin);
    props
}

/// The lines on one of the daemon's own streams that tell of `web`.
fn printed(props: &Props, stream: &str) -> Vec<String> {
    props.sandbox.read(stream).lines().filter(|line| line.starts_with("web ")).map(str::to_owned).collect()
}

#[test]
fn supervisor_stdout_prints_behind_process_and_channel() {
    let props = props("supervisor_stdout:event_handler", STDOUT_PLUGIN);
    let daemon = props.start_quietly();
    props.order("web", &format!("say {}", hex("caf\u{e9}\nau lait\n".as_bytes())));
    daemon.until("the print", || props.sandbox.read("out").contains("web stdout | caf\u{e9}\nau lait\n"));
    props.order("web", &format!("err {}", hex(b"oh\n")));
    daemon.until("the print", || props.sandbox.read("out").contains("web stderr | oh\n"));
    assert!(daemon.stop().success());
}

#[test]
fn supervisor_console_stamps_each_line() {
    let props = props("supervisor_console.events:event_handler", CONSOLE_PLUGIN);
    let daemon = props.start_quietly();
    props.order("web", &format!("say {}", hex(b"one\ntwo\n")));
    daemon.until("the print", || printed(&props, "out").len() == 2);
    for (line, text) in printed(&props, "out").iter().zip(["one", "two"]) {
        let (stamp, said) = line.strip_prefix("web | ").and_then(|rest| rest.split_once(" | ")).unwrap();
        assert_eq!((stamp.len(), said), ("2026-01-31 12:00:00".len(), text));
    }
    props.order("web", &format!("err {}", hex(b"three\n")));
    daemon.until("the print on stderr", || {
        printed(&props, "err").iter().any(|line| line.ends_with(" | three"))
    });
    assert!(daemon.stop().success());
}

// E-125: an answer that it cannot read
#[test]
fn a_handler_that_fails_gives_the_event_back() {
    let props = Props::new(
        "[eventlistener:l]\ncommand=PUPPET l\nevents=REMOTE_COMMUNICATION\nLISTENER\n\
         result_handler=supervisor_stdout:event_handler\n",
    );
    let scene = props.start_ours();
    scene
        .await_running(&["l"])
        .say("l", "READY\n")
        .publish(&["one"])
        .hears("l", "one")
        .say("l", "RESULT 2\nOK");
    scene.log("l: event caused an error").log("l: has entered the UNKNOWN state");
    scene.log("rebuffering event 0 for pool l");
}
