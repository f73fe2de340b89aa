//! A listener's stdout and stderr, and what others hear of them; messages between tokens (events.md,
//! sections 6 and 7).

use super::scene::{Props, Scene, hex};

/// A listener for everything that is written, and a program that writes.
fn speaker(options: &str) -> Props {
    Props::new(&format!(
        "[eventlistener:l]\ncommand=PUPPET l\nevents=PROCESS_LOG,PROCESS_COMMUNICATION\nbuffer_size=100\nLISTENER\n\
         [program:p]\ncommand=PUPPET p\nstartsecs=0\nstdout_logfile=@DIR@/p.out\n{options}"
    ))
}

fn next(scene: &Scene<'_>) {
    scene.say("l", "RESULT 2\nOKREADY\n");
}

/// All that the listener heard until this came, answering each event.
fn heard_until(scene: &Scene<'_>, last: &str) -> String {
    for n in 1.. {
        scene.hears_times(n, "l", "processname:p");
        if scene.props.heard("l").contains(last) {
            break;
        }
        next(scene);
    }
    scene.props.heard("l")
}

/// The data of the PROCESS_LOG events among it.
fn outputs(heard: &str) -> Vec<&str> {
    let events = heard.split("ver:3.0").filter(|event| event.contains("PROCESS_LOG"));
    events.filter_map(|event| event.split_once("channel:stdout\n")).map(|(_, data)| data).collect()
}

const BEGIN: &str = "<!--XSUPERVISOR:BEGIN-->";
const END: &str = "<!--XSUPERVISOR:END-->";

// E-134, E-110
#[test]
fn strip_ansi_is_for_the_transcript_alone() {
    let props = Props::new(
        "[supervisord]\nstrip_ansi=true\n\
         [eventlistener:l]\ncommand=PUPPET l\nevents=REMOTE_COMMUNICATION\nLISTENER\n",
    );
    let scene = props.start_ours();
    scene.await_running(&["l"]).say("l", "READY\n").publish(&["one"]).hears("l", "one");
    scene.say("l", "RESULT 6\n\x1b[1mOK").log("l: event was rejected");
    scene.daemon.until("the transcript", || scene.props.sandbox.read("l.out") == "READY\nRESULT 6\nOK");
}

// E-134: by default the transcript is an AUTO log
#[test]
fn the_transcript_is_kept_by_default() {
    let props = Props::new("[eventlistener:l]\ncommand=PUPPET l\nevents=REMOTE_COMMUNICATION\nstartsecs=0\n");
    let scene = props.start_ours();
    scene
        .await_running(&["l"])
        .say("l", "READY\n")
        .publish(&["one"])
        .hears("l", "one")
        .say("l", "RESULT 2\nOK");
    let auto = scene.props.sandbox.list("auto");
    let name = auto.iter().find(|name| name.contains("stdout")).unwrap();
    let transcript = || scene.props.sandbox.read(&format!("auto/{name}"));
    scene.daemon.until("the transcript", || transcript() == "READY\nRESULT 2\nOK");
}

// E-134
#[test]
fn nobody_hears_of_a_listeners_stdout() {
    let props = Props::new(
        "[eventlistener:l]\ncommand=PUPPET l\nevents=PROCESS_LOG,PROCESS_COMMUNICATION\nLISTENER\n\
         [eventlistener:m]\ncommand=PUPPET m\nevents=REMOTE_COMMUNICATION\nLISTENER\n\
         stdout_events_enabled=true\nstdout_capture_maxbytes=1MB\nstdout_syslog=true\n",
    );
    let scene = props.start_ours();
    scene
        .await_running(&["l", "m"])
        .say("l", "READY\n")
        .say("m", "READY\n")
        .publish(&["one"])
        .hears("m", "one");
    scene.say("m", format!("RESULT 48\n{BEGIN}x{END}x{}", "READY\n"));
    assert_eq!(scene.lines("sent to listener l"), [""; 0]);
    let transcript = format!("READY\nRESULT 48\n{BEGIN}x{END}xREADY\n");
    scene.daemon.until("the transcript", || scene.props.sandbox.read("m.out") == transcript);
}

// E-135, E-136
#[test]
fn a_listeners_stderr_is_a_channel_like_any_other() {
    let props = Props::new(
        "[eventlistener:l]\ncommand=PUPPET l\nevents=PROCESS_LOG,PROCESS_COMMUNICATION\nLISTENER\n\
         [eventlistener:m]\ncommand=PUPPET m\nevents=TICK_3600\nLISTENER\n\
         stderr_events_enabled=true\nstderr_capture_maxbytes=1MB\nstderr_logfile=@DIR@/m.err\n",
    );
    let scene = props.start_ours();
    scene.await_running(&["l", "m"]).say("l", "READY\n");
    let text = format!("{BEGIN}to all{END}and more");
    scene.props.order("m", &format!("err {}", hex(text.as_bytes())));
    let about = "processname:m groupname:m pid:";
    scene.hears("l", about);
    next(&scene);
    scene.hears_times(2, "l", about);
    let heard = scene.props.heard("l");
    assert!(
        heard.contains("eventname:PROCESS_COMMUNICATION_STDERR") && heard.contains("\nto all"),
        "{heard}"
    );
    assert!(heard.contains("eventname:PROCESS_LOG_STDERR"), "{heard}");
    scene.daemon.until("the log", || scene.props.sandbox.read("m.err") == "and more");
    // E-149
    scene.log("'m' stderr emitted a comm event");
}

// E-140, E-143, E-148: as soon as the last byte is there
#[test]
fn tokens_may_be_cut_anywhere() {
    let props = speaker("stdout_capture_maxbytes=1MB\n");
    let scene = props.start_ours();
    scene.await_running(&["l", "p"]).say("l", "READY\n");
    let text = format!("a{BEGIN}bc{END}{BEGIN}d{END}e");
    text.bytes().for_each(|byte| scene.props.order("p", &format!("say {}", hex(&[byte]))));
    scene.hears("l", "bc");
    next(&scene);
    scene.hears("l", "\nd");
    scene.daemon.until("what is around", || scene.props.sandbox.read("p.out") == "ae");
    assert_eq!(scene.lines("'p' stdout emitted a comm event").len(), 2);
}

// E-142
#[test]
fn without_capture_tokens_are_output() {
    let props = speaker("stdout_events_enabled=true\n");
    let scene = props.start_ours();
    let text = format!("{BEGIN}b{END}");
    scene.await_running(&["l", "p"]).say("l", "READY\n").say("p", &text).hears("l", &text);
    assert_eq!(scene.props.sandbox.read("p.out"), text);
    assert!(!scene.props.heard("l").contains("COMMUNICATION"));
}

// E-041, E-048, E-141, E-144: what is captured is told as output, too, without the tokens
#[test]
fn captured_text_is_no_log_but_told() {
    let props = speaker("stdout_capture_maxbytes=1MB\nstdout_events_enabled=true\n");
    let scene = props.start_ours();
    scene.await_running(&["l", "p"]).say("l", "READY\n");
    scene.say("p", format!("before{END}{BEGIN}within{BEGIN}it{END}behind"));
    let heard = heard_until(&scene, "behind");
    let told = outputs(&heard).concat();
    assert_eq!(told, format!("before{END}within{BEGIN}itbehind"));
    assert!(heard.contains(&format!("\nwithin{BEGIN}it")), "{heard}");
    assert_eq!(scene.props.sandbox.read("p.out"), format!("before{END}behind"));
}

// E-041, E-148: a token that comes in parts says nothing by itself
#[test]
fn nothing_is_told_where_nothing_was_said() {
    let props = speaker("stdout_capture_maxbytes=1MB\nstdout_events_enabled=true\n");
    let scene = props.start_ours();
    scene.await_running(&["l", "p"]).say("l", "READY\n");
    for piece in [&BEGIN[..9], &BEGIN[9..], "a", &END[..5], &END[5..], BEGIN, "b", END, "the last"] {
        scene.props.order("p", &format!("say {}", hex(piece.as_bytes())));
    }
    let heard = heard_until(&scene, "the last");
    let told = outputs(&heard);
    assert_eq!(told, ["a", "b", "the last"]);
}

// E-145, E-148, E-150
#[test]
fn a_message_ends_with_its_process() {
    let props = speaker("stdout_capture_maxbytes=1MB\nautorestart=true\n");
    let scene = props.start_ours();
    scene.await_running(&["l", "p"]).say("l", "READY\n").say("p", format!("x{BEGIN}never ended"));
    scene.props.order("p", "exit 0");
    scene.hears_times(2, "p", "--- a life").await_running(&["p"]);
    let pid = scene.daemon.pid_of("p");
    // A new life begins outside; what is said right before its end is told, with its pid.
    scene.props.order("p", &format!("say {}", hex(format!("y{BEGIN}whole{END}<!--").as_bytes())));
    scene.props.order("p", "exit 0");
    scene.hears("l", &format!("pid:{pid}\nwhole"));
    assert!(!scene.props.heard("l").contains("never ended"));
    scene.daemon.until("the log", || scene.props.sandbox.read("p.out") == "xy<!--");
}

// E-146, E-147
#[test]
fn of_a_long_message_the_end_is_kept() {
    let props = speaker("stdout_capture_maxbytes=8\n");
    let scene = props.start_ours();
    scene.await_running(&["l", "p"]).say("l", "READY\n");
    scene.say("p", format!("{BEGIN}0123456789")).say("p", format!("abc{END}"));
    scene.hears("l", "\n56789abc");
}

// E-047
#[test]
fn strip_ansi_is_for_events_too() {
    let props = Props::new(
        "[supervisord]\nstrip_ansi=true\n[eventlistener:l]\ncommand=PUPPET l\nevents=PROCESS_LOG\nLISTENER\n\
         [program:p]\ncommand=PUPPET p\nstartsecs=0\nstdout_logfile=NONE\nstdout_events_enabled=true\n",
    );
    let scene = props.start_ours();
    // E-045: also without a log file
    scene.await_running(&["l", "p"]).say("l", "READY\n").say("p", "\x1b[31mred\x1b[0m!");
    scene.hears("l", "channel:stdout\nred!");
    // As the reference: what was said is told, though nothing is left of it.
    next(&scene);
    scene.say("p", "\x1b[0m").hears_times(2, "l", "channel:stdout\n");
    assert!(scene.props.heard("l").ends_with("channel:stdout\n"));
}

// E-043, E-044
#[test]
fn the_last_output_comes_before_the_exit() {
    let props = Props::new(
        "[eventlistener:l]\ncommand=PUPPET l\nevents=PROCESS_LOG,PROCESS_STATE_EXITED\nLISTENER\n\
         [program:p]\ncommand=PUPPET p\nstartsecs=0\nautorestart=false\nstdout_logfile=@DIR@/p.out\n\
         stdout_events_enabled=true\nredirect_stderr=true\n",
    );
    let scene = props.start_ours();
    scene.await_running(&["l", "p"]).say("l", "READY\n");
    // E-045: stderr comes as stdout
    scene.props.order("p", &format!("err {}", hex(b"last words")));
    scene.props.order("p", "exit 0");
    scene.hears("l", "channel:stdout\nlast words");
    assert_eq!(scene.props.sandbox.read("p.out"), "last words");
    next(&scene);
    scene.hears("l", "PROCESS_STATE_EXITED");
}
