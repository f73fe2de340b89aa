//! The exchanges that are recorded: each state of the protocol with each input, and what can happen to an
//! event on its way (events.md, sections 3 to 6).

use super::golden::Scenario;
use super::scene::Scene;

/// One listener for messages.
const ONE: &str = "[eventlistener:l]\ncommand=PUPPET l\nevents=REMOTE_COMMUNICATION\nLISTENER\n";

/// Two pools, so that what one does can be seen not to touch the other.
const TWO_POOLS: &str = "\
[eventlistener:l]\ncommand=PUPPET l\nevents=REMOTE_COMMUNICATION\npriority=5\nLISTENER
[eventlistener:m]\ncommand=PUPPET m\nevents=REMOTE_COMMUNICATION\npriority=6\nLISTENER\n";

/// A pool of two.
const TWO_LISTENERS: &str = "[eventlistener:l]\ncommand=PUPPET %(program_name)s%(process_num)d\n\
process_name=%(program_name)s%(process_num)d\nnumprocs=2\nevents=REMOTE_COMMUNICATION\nstartsecs=0\n";

/// A listener for what a program writes.
const SPEAKER: &str = "\
[eventlistener:l]\ncommand=PUPPET l\nevents=PROCESS_LOG,PROCESS_COMMUNICATION\nLISTENER
[program:p]\ncommand=PUPPET p\nstartsecs=0\nstdout_events_enabled=true\nstderr_events_enabled=true\n";

const fn alone(name: &'static str, play: fn(&Scene<'_>)) -> Scenario {
    Scenario { name, configuration: ONE, play }
}

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    // E-101, E-104, E-106, E-109, E-124
    alone("ok", |scene| {
        ready(scene).publish(&["one", "two"]).hears("l", "one");
        scene.say("l", "RESULT 2\nOK").say("l", "READY\n").hears("l", "two");
        scene.say("l", "RESULT 2\nOK");
    }),
    // E-116
    alone("tokens-in-one-write", |scene| {
        ready(scene).publish(&["one", "two"]).hears("l", "one");
        scene.say("l", "RESULT 2\nOKREADY\n").hears("l", "two").say("l", "RESULT 2\nOKREADY\n");
        scene.publish(&["three"]).hears("l", "three");
    }),
    // E-100, E-105, E-116
    alone("byte-by-byte", |scene| {
        scene.await_running(&["l"]).publish(&["one", "two"]);
        scene.say_each("l", b"READY\n".chunks(1)).hears("l", "one");
        scene.say_each("l", b"RESULT 4\nFAILREADY\n".chunks(1)).hears_times(2, "l", "one");
        scene.say_each("l", b"RESULT 2\nOKREADY\n".chunks(1)).hears("l", "two");
    }),
    // E-100
    alone("five-bytes-of-anything", |scene| {
        scene.await_running(&["l"]).publish(&["one"]).say("l", "hello");
    }),
    // E-102
    alone("ready-with-carriage-return", |scene| {
        scene.await_running(&["l"]).publish(&["one"]).say("l", "READY\r\n").log("UNKNOWN state");
    }),
    // E-102
    alone("blank-line-before-ready", |scene| {
        scene.await_running(&["l"]).publish(&["one"]).say("l", "\nREADY\n").log("UNKNOWN state");
    }),
    // E-102, E-113
    alone("banner", |scene| {
        scene.await_running(&["l"]).publish(&["one"]).say("l", "welcome to l\n").log("UNKNOWN state");
        scene.say("l", "READY\n").publish(&["two"]);
    }),
    // E-103
    alone("ready-twice", |scene| {
        ready(scene).say("l", "READY\n").log("UNKNOWN state").publish(&["one"]).say("l", "READY\n");
    }),
    // E-103
    alone("ready-twice-in-one-write", |scene| {
        scene.await_running(&["l"]).publish(&["one"]).say("l", "READY\nREADY\n").log("UNKNOWN state");
    }),
    // E-103, E-090
    alone("noise-behind-ready", |scene| {
        ready(scene).publish(&["one"]).hears("l", "one");
        scene.say("l", "RESULT 2\nOKREADY\nx").log("UNKNOWN state").publish(&["two"]);
    }),
    // E-068, E-089, E-092, E-110
    alone("fail-again-and-again", |scene| {
        ready(scene).publish(&["one", "two"]).hears("l", "one");
        for n in 2..6 {
            scene.say("l", "RESULT 4\nFAILREADY\n").hears_times(n, "l", "one");
        }
        scene.say("l", "RESULT 2\nOKREADY\n").hears("l", "two");
    }),
    // E-110
    alone("other-answers-are-rejections", |scene| {
        ready(scene).publish(&["one"]).hears("l", "one");
        for (n, body) in (2..).zip([&b"ok"[..], b"OK\n", b"yes, of course", b"\xff\x00\r\n"]) {
            scene.say("l", [format!("RESULT {}\n", body.len()).as_bytes(), body].concat());
            scene.say("l", "READY\n").hears_times(n, "l", "one");
        }
    }),
    // E-111: judged when the next byte comes, or at once
    alone("empty-answer", |scene| {
        ready(scene)
            .publish(&["one"])
            .hears("l", "one")
            .say("l", "RESULT 0\nREADY\n")
            .hears_times(2, "l", "one");
    }),
    // E-107
    alone("blanks-and-zeros-around-the-length", |scene| {
        ready(scene).publish(&["one", "two", "three"]).hears("l", "one");
        scene.say("l", "RESULT  2\r\nOKREADY\n").hears("l", "two");
        scene.say("l", "RESULT 0002 \nOKREADY\n").hears("l", "three").say("l", "RESULT +2\nOK");
    }),
    // E-108
    alone("no-number", |scene| {
        ready(scene).publish(&["one", "two"]).hears("l", "one");
        scene.say("l", "RESULT two\nOKREADY\n").log("UNKNOWN state").say("l", "READY\n");
    }),
    // E-108
    alone("no-result-line", |scene| {
        ready(scene).publish(&["one"]).hears("l", "one").say("l", "OK\n").log("UNKNOWN state");
    }),
    // E-108
    alone("undecodable-result-line", |scene| {
        ready(scene).publish(&["one"]).hears("l", "one").say("l", b"RESULT \xff'\n").log("UNKNOWN state");
    }),
    // E-102
    alone("result-before-ready", |scene| {
        scene.await_running(&["l"]).publish(&["one"]).say("l", "RESULT 2\nOK").log("UNKNOWN state");
    }),
    // E-108
    alone("ready-while-busy", |scene| {
        ready(scene).publish(&["one"]).hears("l", "one").say("l", "READY\n").log("UNKNOWN state");
    }),
    // E-108
    alone("noise-before-result", |scene| {
        ready(scene).publish(&["one"]).hears("l", "one");
        scene.say("l", "working on it\nRESULT 2\nOKREADY\n").log("UNKNOWN state");
    }),
    // E-113, E-118: UNKNOWN ends with the life
    Scenario {
        name: "a-new-life-after-unknown",
        configuration: MORTAL,
        play: |scene| {
            ready(scene).publish(&["one"]).hears("l", "one").say("l", "no\n").log("UNKNOWN state");
            scene.say("l", "RESULT 2\nOKREADY\n");
            scene.props.order("l", "exit 0");
            next_life(scene, 2).say("l", "READY\n").hears_times(2, "l", "one");
        },
    },
    // E-117
    alone("line-feed-behind-ok", |scene| {
        ready(scene).publish(&["one", "two"]).hears("l", "one");
        scene.say("l", "RESULT 2\nOK\n").say("l", "READY\n").log("UNKNOWN state");
    }),
    // E-105
    alone("body-in-pieces", |scene| {
        ready(scene).publish(&["one", "two"]).hears("l", "one");
        scene.say("l", "RESULT 2\nO").say("l", "KREADY\n").hears("l", "two");
        scene.say_each("l", [&b"RESULT 1"[..], b"0\n0123", b"456789", b"READY\n"]).hears_times(2, "l", "two");
    }),
    // E-114, E-068: at each point of the protocol
    Scenario { name: "death-at-each-point", configuration: MORTAL, play: death_at_each_point },
    // E-122
    Scenario {
        name: "answer-and-exit",
        configuration: MORTAL,
        play: |scene| {
            ready(scene).publish(&["one", "two"]).hears("l", "one");
            scene.props.order("l", "say 524553554c5420320a4f4b"); // RESULT 2, OK
            scene.props.order("l", "exit 0");
            next_life(scene, 2).say("l", "READY\n").hears("l", "two");
        },
    },
    // E-123
    Scenario {
        name: "stop-and-start-while-busy",
        configuration: ONE,
        play: |scene| {
            ready(scene).publish(&["one", "two"]).hears("l", "one");
            scene.call("stopProcess", &["l"]).unwrap();
            scene.call("startProcess", &["l"]).unwrap();
            ready(scene).hears_times(2, "l", "one").say("l", "RESULT 2\nOKREADY\n").hears("l", "two");
        },
    },
    // E-115
    alone("stdout-closed", |scene| {
        ready(scene);
        scene.props.order("l", "hush");
        scene.publish(&["one", "two"]).hears("l", "one");
    }),
    // E-131
    Scenario {
        name: "stdin-closed",
        configuration: TWO_LISTENERS,
        play: |scene| {
            scene.await_running(&["l0", "l1"]);
            scene.props.order("l0", "close");
            scene.say("l0", "READY\n").say("l1", "READY\n").publish(&["one"]).hears("l1", "one");
            scene.say("l1", "RESULT 2\nOK");
        },
    },
    // E-081 to E-083
    Scenario {
        name: "the-first-free-one",
        configuration: TWO_LISTENERS,
        play: |scene| {
            scene.await_running(&["l0", "l1"]).say("l1", "READY\n").say("l0", "READY\n");
            scene.publish(&["one", "two", "three"]).hears("l0", "one").hears("l1", "two");
            scene.say("l0", "RESULT 2\nOKREADY\n").hears("l0", "three");
            scene.say("l0", "RESULT 2\nOKREADY\n").publish(&["four"]).hears("l0", "four");
        },
    },
    // E-091
    Scenario {
        name: "later-rejection-first",
        configuration: TWO_LISTENERS,
        play: |scene| {
            scene.await_running(&["l0", "l1"]).say("l0", "READY\n").say("l1", "READY\n");
            scene.publish(&["one", "two", "three"]).hears("l0", "one").hears("l1", "two");
            scene.say("l0", "RESULT 4\nFAIL").say("l1", "RESULT 4\nFAIL");
            scene.say("l0", "READY\n").hears("l0", "two").say("l1", "READY\n").hears("l1", "one");
        },
    },
    // E-066, E-067, E-080
    Scenario {
        name: "serials-of-two-pools",
        configuration: TWO_POOLS,
        play: |scene| {
            scene.await_running(&["l", "m"]).say("l", "READY\n").publish(&["one"]).hears("l", "one");
            scene.say("m", "READY\n").hears("m", "one").say("m", "RESULT 2\nOKREADY\n");
            scene.publish(&["two"]).hears("m", "two").say("l", "RESULT 2\nOKREADY\n").hears("l", "two");
        },
    },
    // E-087, E-090
    Scenario {
        name: "overflow",
        configuration: NARROW,
        play: |scene| {
            ready(scene).publish(&["zero", "one", "two", "three", "four"]).hears("l", "zero");
            scene.say("l", "RESULT 4\nFAIL").say("l", "READY\n").hears_times(2, "l", "zero");
            scene.say("l", "RESULT 2\nOKREADY\n").hears("l", "four").say("l", "RESULT 2\nOK");
        },
    },
    // E-086, E-087
    alone("overflow-before-ready", |scene| {
        let numbers: Vec<String> = (0..13).map(|n| format!("message {n}.")).collect();
        scene.publish(&numbers.iter().map(String::as_str).collect::<Vec<_>>()).await_running(&["l"]);
        scene.say("l", "READY\n");
        for n in 3..13 {
            scene.hears("l", &format!("message {n}.")).say("l", "RESULT 2\nOKREADY\n");
        }
    }),
    // E-053, E-060, E-062
    alone("payloads", |scene| {
        ready(scene);
        let payloads = ["", "\n", "a:b c\n\n", "é ü \u{20ac} \u{1f600}", "RESULT 2\nOKREADY\n", "end"];
        for (n, payload) in (1..).zip(payloads) {
            scene.publish(&[payload]).hears_times(n, "l", "type:t\n").say("l", "RESULT 2\nOKREADY\n");
        }
        scene.call("sendRemoteCommEvent", &["", ""]).unwrap();
        scene.hears("l", "len:6\ntype:\n").say("l", "RESULT 2\nOKREADY\n");
        scene.call("sendRemoteCommEvent", &["two\nlines", "x"]).unwrap();
        scene.hears("l", "lines\nx");
    }),
    // E-130
    alone("a-megabyte", |scene| {
        let long = "m".repeat(1_000_000);
        ready(scene).publish(&[&format!("{long}end")]).hears("l", "end").say("l", "RESULT 2\nOKREADY\n");
        scene.publish(&["small"]).hears("l", "small");
    }),
    // E-133
    alone("text-between-events", |scene| {
        ready(scene);
        scene.call("sendProcessStdin", &["l", "by hand\n"]).unwrap();
        scene.hears("l", "by hand\n").publish(&["one"]).hears("l", "one");
    }),
    // E-014, E-063, E-064
    Scenario {
        name: "logged-data",
        configuration: SPEAKER,
        play: |scene| {
            scene.await_running(&["l", "p"]).say("l", "READY\n");
            let pieces: [&[u8]; 8] = [
                b"line\n",
                "\u{e9}\u{20ac}\u{1f600}".as_bytes(),
                b"a\r\n\0b\x1b[1m",
                b"caf\xe9 'quoted'\n",
                b"\xff\"double\" \\ \t\r",
                b"'\" both \xfe\x7f",
                "\u{e9} and \u{ff}".as_bytes(),
                b"end.",
            ];
            for (n, piece) in (1..).zip(pieces) {
                scene.say("p", piece).hears_times(n, "l", "channel:stdout").say("l", "RESULT 2\nOKREADY\n");
            }
            scene.props.order("p", "err 6572726f72730a");
            scene.hears("l", "errors\n");
        },
    },
    // E-012, E-048, E-141 to E-144
    Scenario {
        name: "captured-data",
        configuration: CAPTURED,
        play: |scene| {
            scene.await_running(&["l", "p"]).say("l", "READY\n");
            let pieces = [
                "<!--XSUPERVISOR:BEGIN-->one<!--XSUPERVISOR:END-->between and more than a token's length",
                "<!--XSUPERVISOR:BEGIN-->two and <!--XSUPERVISOR:BEGIN--> in it",
                "\n<!--XSUPERVISOR:END-->behind all of it, so that nothing is held back.",
            ];
            scene.say_each("p", pieces.map(str::as_bytes)).hears("l", "one").say("l", "RESULT 2\nOKREADY\n");
            scene.hears("l", "two and").say("l", "RESULT 2\nOK");
        },
    },
    // E-096, E-121, E-003 to E-007
    Scenario {
        name: "about-itself",
        configuration: ITSELF,
        play: |scene| {
            scene.await_running(&["l"]).say("l", "READY\n").hears("l", "from_state:STOPPED");
            scene.say("l", "RESULT 2\nOKREADY\n").hears("l", "from_state:STARTING");
            scene.props.order("l", "exit 7");
            next_life(scene, 2).say("l", "READY\n").hears_times(2, "l", "from_state:STARTING");
            for word in ["from_state:RUNNING", "from_state:EXITED"] {
                scene.say("l", "RESULT 2\nOKREADY\n").hears("l", word);
            }
            scene.say("l", "RESULT 2\nOKREADY\n").hears_times(3, "l", "from_state:STARTING");
        },
    },
];

/// Room for two.
const NARROW: &str =
    "[eventlistener:l]\ncommand=PUPPET l\nevents=REMOTE_COMMUNICATION\nbuffer_size=2\nLISTENER\n";

/// It comes again however it ended.
const MORTAL: &str =
    "[eventlistener:l]\ncommand=PUPPET l\nevents=REMOTE_COMMUNICATION\nautorestart=true\nLISTENER\n";

/// It hears of its own life.
const ITSELF: &str = "[eventlistener:l]\ncommand=PUPPET l\nautorestart=true\nLISTENER\n\
events=PROCESS_STATE_STARTING,PROCESS_STATE_RUNNING,PROCESS_STATE_EXITED\n";

/// A listener for messages of a program.
const CAPTURED: &str = "\
[eventlistener:l]\ncommand=PUPPET l\nevents=PROCESS_COMMUNICATION\nLISTENER
[program:p]\ncommand=PUPPET p\nstartsecs=0\nstdout_capture_maxbytes=1MB\n";

fn ready<'s, 'p>(scene: &'s Scene<'p>) -> &'s Scene<'p> {
    scene.await_running(&["l"]).say("l", "READY\n")
}

/// Waits for the listener's n-th life.
fn next_life<'s, 'p>(scene: &'s Scene<'p>, n: usize) -> &'s Scene<'p> {
    scene.hears_times(n, "l", "--- a life").await_running(&["l"])
}

/// It dies before READY, READY, BUSY, in the middle of a result line, and of a body.
fn death_at_each_point(scene: &Scene<'_>) {
    ready(scene).publish(&["one", "two"]).hears("l", "one");
    let points: [&[&str]; 6] =
        [&[], &["REA"], &["READY\n"], &["READY\n", "RESU"], &["READY\n", "RESULT 2\nO"], &["READY\n"]];
    let mut heard = 1;
    for (life, words) in (2..).zip(points) {
        scene.props.order("l", "exit 1");
        next_life(scene, life);
        for word in words {
            heard += usize::from(*word == "READY\n");
            scene.say("l", word).hears_times(heard, "l", "one");
        }
    }
    scene.say("l", "RESULT 2\nOKREADY\n").hears("l", "two");
}
