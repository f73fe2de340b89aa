//! The life of a process, row by row (daemon.md, section 7), and the machine's whole table.

use super::*;
use crate::machine::policy::RestartRule;
use crate::machine::testkit::{Kit, Start, describe, policy};

const OK: ExitStatus = ExitStatus::Code(0);
const BAD: ExitStatus = ExitStatus::Code(3);
const SEGV: ExitStatus = ExitStatus::Signaled { signal: Signal::SEGV, core: true };

/// The defaults with this restart rule and `startsecs`.
fn restarting(autorestart: RestartRule, startsecs: i64) -> Policy {
    Policy { autorestart, startsecs, ..policy() }
}

/// A process that is RUNNING since 1 ns before `now`, its trace forgotten.
fn running(policy: Policy, start: Start) -> Kit {
    let mut kit = Kit::new(policy, &[start]);
    kit.give(Input::StartRequested).pass(1001);
    assert_eq!(kit.machine.state(), ProcessState::Running);
    kit.trace();
    kit
}

/// A process in BACKOFF for `now`'s whole second, its trace forgotten.
fn in_backoff(policy: Policy) -> Kit {
    let mut kit = Kit::new(policy, &[Start::Fails("x"), Start::Fails("y"), Start::Fails("z")]);
    kit.give(Input::StartRequested);
    assert_eq!(kit.machine.state(), ProcessState::Backoff);
    kit.trace();
    kit
}

// D-300, D-301, D-304, E-034, E-042
#[test]
fn an_autostarted_process_becomes_running() {
    let mut kit = Kit::new(policy(), &[]);
    assert_eq!(kit.machine.state(), ProcessState::Stopped);
    assert!(!kit.machine.ever_started());
    kit.give(Input::Autostart).pass(5000);
    let success = "success: p entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)";
    assert_eq!(
        kit.trace(),
        [
            "0 STARTING from STOPPED tries:0",
            "0 spawn",
            "0 INFO spawned: 'p' with pid 1",
            "1000 RUNNING from STARTING pid:1",
            &format!("1000 INFO {success}"),
        ]
    );
    assert_eq!(kit.machine.pid(), Some(1));
}

// D-301
#[test]
fn autostart_is_for_what_was_never_started() {
    let mut off = Kit::new(Policy { autostart: false, ..policy() }, &[]);
    assert_eq!(off.give(Input::Autostart).trace(), [""; 0]);
    let mut kit = running(policy(), Start::Lives);
    kit.give(Input::StopRequested).pass(0);
    assert_eq!(kit.machine.state(), ProcessState::Stopped);
    kit.trace();
    assert_eq!(kit.give(Input::Autostart).trace(), [""; 0]);
}

// D-304: more than startsecs, not just as much.
#[test]
fn running_needs_more_than_startsecs() {
    let mut kit = Kit::new(policy(), &[]);
    kit.give(Input::StartRequested).pass(1000).give(Input::DeadlineReached);
    assert_eq!(kit.machine.state(), ProcessState::Starting);
    kit.pass(1);
    assert_eq!(kit.machine.state(), ProcessState::Running);
}

// D-303, D-478, C-226, E-040: even an expected status.
#[test]
fn an_end_before_startsecs_is_a_failure() {
    let mut kit = Kit::new(policy(), &[Start::Ends(999, OK)]);
    kit.give(Input::StartRequested).pass(999);
    assert_eq!(
        kit.trace()[3..],
        ["999 BACKOFF from STARTING tries:1", "999 WARN exited: p (exit status 0; not expected)"]
    );
    assert_eq!(&**kit.machine.spawnerr(), "Exited too quickly (process log may have details)");
    assert_eq!((kit.machine.exitstatus(), kit.machine.pid()), (None, None));
}

// D-305: not too quick, not yet RUNNING.
#[test]
fn an_end_after_just_startsecs_passes_through_running() {
    let mut kit = Kit::new(policy(), &[Start::Ends(1000, OK)]);
    kit.give(Input::StartRequested).pass(1000);
    assert_eq!(
        kit.trace()[3..],
        [
            "1000 RUNNING from STARTING pid:1",
            "1000 EXITED from RUNNING expected:1 pid:1",
            "1000 INFO exited: p (exit status 0; expected)",
        ]
    );
}

// D-322, E-036
#[test]
fn without_startsecs_nothing_is_too_quick() {
    let mut kit = Kit::new(restarting(RestartRule::Never, 0), &[]);
    kit.give(Input::StartRequested).end(BAD).pass(5000);
    assert_eq!(
        kit.trace()[3..],
        [
            "0 RUNNING from STARTING pid:1",
            "0 EXITED from RUNNING expected:0 pid:1",
            "0 WARN exited: p (exit status 3; not expected)",
        ]
    );
    let mut lives = Kit::new(restarting(RestartRule::Never, 0), &[]);
    lives.give(Input::StartRequested).pass(0);
    assert_eq!(lives.trace()[3], "0 RUNNING from STARTING pid:1");
    let mut fails = Kit::new(restarting(RestartRule::Never, 0), &[Start::Fails("x")]);
    fails.give(Input::StartRequested);
    assert_eq!(fails.machine.state(), ProcessState::Backoff);
}

// E-057: a death is judged by its own time, however late the decision.
#[test]
fn the_decision_may_come_late() {
    let mut kit = Kit::new(policy(), &[]);
    kit.give(Input::StartRequested).pass(999).give(Input::Died { status: OK }).pass(5000);
    assert_eq!((kit.machine.state(), kit.machine.pid()), (ProcessState::Starting, Some(1)));
    assert_eq!(kit.machine.deadline(), None);
    kit.give(Input::DeadlineReached).give(Input::Drained);
    assert_eq!(kit.trace()[3], "5999 BACKOFF from STARTING tries:1");
}

// D-308, D-323, D-478, C-225, C-226
#[test]
fn exits_and_what_clients_are_told() {
    let rows = [
        (OK, "1001 INFO exited: p (exit status 0; expected)", "", 0),
        (BAD, "1001 WARN exited: p (exit status 3; not expected)", "Bad exit code 3", 3),
        (
            SEGV,
            "1001 WARN exited: p (terminated by SIGSEGV (core dumped); not expected)",
            "Bad exit code -1",
            -1,
        ),
    ];
    for (status, line, spawnerr, exitstatus) in rows {
        let mut kit = running(policy(), Start::Lives);
        kit.end(status);
        let event = format!("1001 EXITED from RUNNING expected:{} pid:1", u8::from(status == OK));
        assert_eq!(kit.trace(), [&event, line]);
        assert_eq!(&**kit.machine.spawnerr(), spawnerr);
        assert_eq!(kit.machine.exitstatus(), Some(exitstatus));
        kit.give(Input::StartRequested);
        assert_eq!((&**kit.machine.spawnerr(), kit.machine.exitstatus()), ("", None));
    }
}

// D-309, D-323
#[test]
fn the_restart_rule_decides_over_a_restart() {
    let rows = [
        (RestartRule::Never, SEGV, false),
        (RestartRule::Unexpected, OK, false),
        (RestartRule::Unexpected, BAD, true),
        (RestartRule::Unexpected, SEGV, true),
        (RestartRule::Always, OK, true),
    ];
    for (rule, status, restarts) in rows {
        let mut kit = running(restarting(rule, 1), Start::Lives);
        kit.end(status).pass(0);
        let expected: &[String] = &["1001 STARTING from EXITED tries:0".to_owned(), "1001 spawn".to_owned()];
        assert_eq!(kit.trace().get(2..4).unwrap_or_default(), if restarts { expected } else { &[] });
    }
}

// D-309, ours: a crash loop without startsecs keeps to a second per turn, for ever.
#[test]
fn a_restart_keeps_its_distance_from_the_start_before() {
    let mut kit = Kit::new(restarting(RestartRule::Always, 0), &[Start::Ends(1, BAD); 4]);
    kit.give(Input::StartRequested).pass(3500);
    let starts: Vec<_> = kit.trace().into_iter().filter(|line| line.contains("STARTING from")).collect();
    assert_eq!(
        starts,
        [
            "0 STARTING from STOPPED tries:0",
            "1000 STARTING from EXITED tries:0",
            "2000 STARTING from EXITED tries:0",
            "3000 STARTING from EXITED tries:0",
        ]
    );
}

// D-309, ours
#[test]
fn a_restart_that_waits_is_cancelled() {
    let waiting = || {
        let mut kit = Kit::new(restarting(RestartRule::Always, 0), &[Start::Ends(1, BAD)]);
        kit.give(Input::StartRequested).pass(10).trace();
        kit
    };
    assert_eq!(waiting().pass(1000).trace()[0], "1000 STARTING from EXITED tries:0");
    for input in [Input::StopRequested, Input::ShutdownRequested, Input::Halted] {
        let mut kit = waiting();
        kit.give(input).pass(5000);
        assert_eq!(kit.machine.state(), ProcessState::Exited);
        assert!(!kit.trace().iter().any(|line| line.ends_with("spawn")));
    }
    let mut kit = waiting();
    assert_eq!(kit.give(Input::StartRequested).trace()[0], "10 STARTING from EXITED tries:0");
}

// D-302, D-310, D-311, D-320, E-033, E-035, E-042
#[test]
fn failed_starts_are_tried_again_and_given_up() {
    let fail = Start::Fails("can't find command 'x'");
    let mut kit = Kit::new(Policy { startretries: 1, ..policy() }, &[fail, Start::Ends(500, BAD)]);
    kit.give(Input::Autostart).pass(60_000);
    assert_eq!(
        kit.trace(),
        [
            "0 STARTING from STOPPED tries:0",
            "0 spawn",
            "0 INFO spawnerr: can't find command 'x'",
            "0 BACKOFF from STARTING tries:1",
            "1000 STARTING from BACKOFF tries:1",
            "1000 spawn",
            "1000 INFO spawned: 'p' with pid 1",
            "1500 BACKOFF from STARTING tries:2",
            "1500 WARN exited: p (exit status 3; not expected)",
            "1500 FATAL from BACKOFF",
            "1500 INFO gave up: p entered FATAL state, too many start retries too quickly",
        ]
    );
    kit.give(Input::StartRequested);
    assert_eq!(kit.trace()[0], "60000 STARTING from FATAL tries:0"); // E-034, D-321
}

// D-320: waits of more than 1, 2, 3 s; four attempts, FATAL after about 6 s; one attempt without retries.
#[test]
fn the_waits_grow() {
    let mut kit = Kit::new(policy(), &[Start::Fails("x"); 9]);
    kit.give(Input::Autostart).pass(999);
    assert_eq!(kit.machine.deadline(), Some(Moment::from_nanos(1_000_000_000).next()));
    kit.pass(60_000);
    let starts =
        |kit: &mut Kit| kit.trace().into_iter().filter(|line| line.ends_with("spawn")).collect::<Vec<_>>();
    assert_eq!(starts(&mut kit), ["0 spawn", "1000 spawn", "3000 spawn", "6000 spawn"]);
    assert_eq!(kit.machine.state(), ProcessState::Fatal);
    let mut once = Kit::new(Policy { startretries: 0, ..policy() }, &[Start::Fails("x"); 9]);
    once.give(Input::Autostart).pass(60_000);
    assert_eq!(starts(&mut once), ["0 spawn"]);
}

// D-321, ours: also by a stop.
#[test]
fn failures_are_forgotten() {
    for status in [Start::Ends(5000, BAD), Start::Lives] {
        let mut kit = Kit::new(policy(), &[Start::Fails("x"), status]);
        kit.give(Input::Autostart).pass(2100).give(Input::StopRequested).pass(10_000).trace();
        kit.give(Input::StartRequested);
        assert!(kit.trace().iter().any(|line| line.ends_with("tries:0")));
    }
    let mut kit = in_backoff(policy());
    kit.give(Input::StopRequested).give(Input::StartRequested);
    assert_eq!(kit.trace()[2], "0 STARTING from STOPPED tries:0");
}

// D-306, D-307, E-039
#[test]
fn a_stop_ends_in_stopped_and_is_no_exit() {
    let mut kit = running(restarting(RestartRule::Always, 1), Start::Lives);
    kit.give(Input::StopRequested).pass(5000);
    assert_eq!(
        kit.trace(),
        [
            "1001 DEBG killing p (pid 1) with signal SIGTERM",
            "1001 STOPPING from RUNNING pid:1",
            "1001 kill 1 SIGTERM",
            "1001 STOPPED from STOPPING pid:1",
            "1001 WARN stopped: p (terminated by SIGTERM)",
        ]
    );
    assert_eq!((kit.machine.exitstatus(), &**kit.machine.spawnerr()), (Some(-1), ""));
    let mut kit = running(policy(), Start::Ignores);
    kit.give(Input::StopRequested).trace();
    kit.end(OK);
    assert_eq!(kit.trace()[1], "1001 INFO stopped: p (exit status 0)");
}

// D-324, D-325
#[test]
fn sigkill_follows_every_stopwaitsecs() {
    let group = Policy { stopwaitsecs: 2, killasgroup: true, ..policy() };
    let mut kit = running(group, Start::Lives);
    kit.give(Input::StopRequested);
    kit.trace();
    let mut stuck = kit; // the kernel takes its time
    let mut lines = Vec::new();
    for _ in 0..2 {
        let due = stuck.machine.deadline().unwrap();
        let mut effects = Vec::new();
        stuck.machine.step(due, Input::DeadlineReached, &mut effects);
        lines.extend(
            effects.iter().map(|effect| format!("{} {}", due.as_nanos() / 1_000_000, describe(effect))),
        );
    }
    assert_eq!(
        lines,
        [
            "3001 WARN killing 'p' (1) with SIGKILL",
            "3001 DEBG killing p (pid 1) process group with signal SIGKILL",
            "3001 kill group 1 SIGKILL",
            "5001 WARN killing 'p' (1) with SIGKILL",
            "5001 DEBG killing p (pid 1) process group with signal SIGKILL",
            "5001 kill group 1 SIGKILL",
        ]
    );
}

// D-324: SIGKILL at once, then at a pace.
#[test]
fn without_stopwaitsecs_sigkill_follows_at_once() {
    for stopwaitsecs in [0, -5] {
        let mut kit = running(Policy { stopwaitsecs, ..policy() }, Start::Ignores);
        kit.give(Input::StopRequested);
        assert_eq!(kit.machine.deadline(), Some(Moment::from_nanos(1_001_000_000)));
        kit.give(Input::DeadlineReached);
        assert_eq!(kit.machine.deadline(), Some(Moment::from_nanos(2_001_000_000)));
        assert_eq!(kit.trace().last().unwrap(), "1001 kill 1 SIGKILL");
    }
}

// D-325
#[test]
fn stopasgroup_is_for_the_stop_signal_alone() {
    let mut kit = running(Policy { stopasgroup: true, ..policy() }, Start::Ignores);
    kit.give(Input::StopRequested);
    assert_eq!(kit.trace()[0], "1001 DEBG killing p (pid 1) process group with signal SIGTERM");
    kit.give(Input::SignalRequested(Signal::HUP)).pass(10_000);
    let trace = kit.trace();
    assert_eq!(trace[..2], ["1001 DEBG sending p (pid 1) sig SIGHUP", "1001 signal 1 SIGHUP"]);
    assert_eq!(trace[4], "11001 kill 1 SIGKILL");
    assert_eq!(kit.machine.state(), ProcessState::Stopped);
}

// D-312, D-313, E-037, E-038
#[test]
fn backoff_is_left_at_once() {
    let mut kit = in_backoff(policy());
    kit.give(Input::StopRequested).pass(9000);
    assert_eq!(
        kit.trace(),
        ["0 DEBG Attempted to kill p, which is in BACKOFF state.", "0 STOPPED from BACKOFF pid:0"]
    );
    let mut kit = in_backoff(policy());
    kit.give(Input::ShutdownRequested).pass(9000);
    assert_eq!(kit.trace(), ["0 FATAL from BACKOFF"]);
}

// D-278, D-276
#[test]
fn nothing_starts_after_the_halt() {
    let mut kit = in_backoff(policy());
    kit.give(Input::Halted).pass(9000).give(Input::StartRequested);
    assert_eq!((kit.machine.state(), kit.machine.deadline()), (ProcessState::Backoff, None));
    kit.give(Input::ShutdownRequested).give(Input::StartRequested);
    assert_eq!(kit.trace()[1], "9000 FATAL from BACKOFF");
    let mut kit = running(restarting(RestartRule::Always, 1), Start::Lives);
    kit.give(Input::Halted).pass(100);
    assert_eq!(kit.machine.state(), ProcessState::Running);
    kit.end(OK).pass(9000);
    assert_eq!(kit.machine.state(), ProcessState::Exited);
    let mut never = Kit::new(policy(), &[]);
    never.give(Input::Halted).give(Input::Autostart).give(Input::StartRequested);
    assert_eq!(never.machine.state(), ProcessState::Stopped);
    assert!(!never.machine.ever_started());
}

#[test]
fn a_stop_waits_for_the_answer_to_the_spawn() {
    for request in [Input::StopRequested, Input::ShutdownRequested] {
        let mut kit = Kit::new(policy(), &[Start::Unanswered]);
        kit.give(Input::StartRequested).give(Input::Halted).give(request.clone()).pass(9000);
        assert_eq!((kit.machine.state(), kit.machine.deadline()), (ProcessState::Starting, None));
        kit.trace();
        kit.give(Input::Spawned { pid: 7 });
        assert_eq!(
            kit.trace(),
            [
                "9000 INFO spawned: 'p' with pid 7",
                "9000 DEBG killing p (pid 7) with signal SIGTERM",
                "9000 STOPPING from STARTING pid:7",
                "9000 kill 7 SIGTERM",
            ]
        );
        kit.end(SEGV);
        assert_eq!(kit.machine.state(), ProcessState::Stopped);
    }
}

#[test]
fn a_stop_waits_for_the_failure_of_the_spawn() {
    for (request, last) in [
        (Input::StopRequested, "0 STOPPED from BACKOFF pid:0"),
        (Input::ShutdownRequested, "0 FATAL from BACKOFF"),
    ] {
        let mut kit = Kit::new(policy(), &[Start::Unanswered]);
        kit.give(Input::StartRequested).give(request).give(Input::SpawnFailed { error: "x".into() });
        let trace = kit.trace();
        assert_eq!(trace[2..4], ["0 INFO spawnerr: x", "0 BACKOFF from STARTING tries:1"]);
        assert_eq!(trace.last().unwrap(), last);
        assert_eq!(kit.machine.deadline(), None);
        // The request is used up: the next start is not stopped.
        kit.give(Input::StartRequested).pass(2000);
        assert_eq!(kit.machine.state(), ProcessState::Running);
    }
}

#[test]
fn a_stop_waits_for_the_decision_about_an_end() {
    let mut kit = running(restarting(RestartRule::Always, 1), Start::Lives);
    kit.give(Input::Died { status: OK }).give(Input::StopRequested);
    assert_eq!((kit.trace(), kit.machine.state()), (vec![], ProcessState::Running));
    kit.give(Input::Drained).pass(9000);
    assert_eq!(
        kit.trace(),
        [
            "1001 EXITED from RUNNING expected:1 pid:1",
            "1001 INFO exited: p (exit status 0; expected)",
            "1001 DEBG attempted to kill p with sig SIGTERM but it wasn't running",
        ]
    );
    for (request, state) in
        [(Input::StopRequested, ProcessState::Stopped), (Input::ShutdownRequested, ProcessState::Fatal)]
    {
        let mut kit = Kit::new(policy(), &[]);
        kit.give(Input::StartRequested).give(Input::Died { status: OK }).give(request).give(Input::Drained);
        assert_eq!((kit.machine.state(), kit.machine.deadline()), (state, None));
    }
}

// D-315, D-475, E-041
#[test]
fn a_signal_that_cannot_be_sent_leads_to_unknown() {
    let other = || SignalError::Other("EPERM".into());
    let mut kit = running(restarting(RestartRule::Always, 1), Start::Ignores);
    kit.give(Input::StopRequested).trace();
    kit.give(Input::SignalFailed { kill: true, error: other() });
    assert_eq!(kit.trace(), ["1001 CRIT unknown problem killing p (1):EPERM", "1001 UNKNOWN from STOPPING"]);
    assert_eq!((kit.machine.deadline(), kit.machine.pid()), (None, Some(1)));
    kit.end(BAD).pass(9000);
    assert_eq!(
        kit.trace(),
        ["1001 EXITED from UNKNOWN expected:0 pid:1", "1001 WARN exited: p (exit status 3; not expected)"]
    );
    let mut kit = running(policy(), Start::Lives);
    kit.give(Input::SignalRequested(Signal::USR2)).trace();
    kit.give(Input::SignalFailed { kill: false, error: other() });
    let line = "1001 CRIT unknown problem sending sig p (1):SIGUSR2: EPERM";
    assert_eq!(kit.trace(), [line, "1001 UNKNOWN from RUNNING"]);
}

// D-474: its end is on its way.
#[test]
fn a_process_that_is_gone_keeps_its_state() {
    let mut kit = running(policy(), Start::Ignores);
    kit.give(Input::StopRequested).trace();
    kit.give(Input::SignalFailed { kill: true, error: SignalError::NoSuchProcess });
    let gone = "1001 DEBG unable to signal p (pid 1), it probably just exited on its own: no such process";
    assert_eq!(kit.trace(), [gone]);
    assert_eq!(kit.machine.state(), ProcessState::Stopping);
    kit.give(Input::Died { status: OK }).give(Input::SignalRequested(Signal::HUP));
    assert_eq!(kit.trace(), [gone]);
}

// D-470, D-471
#[test]
fn requests_that_come_at_the_wrong_time_are_noted() {
    let mut kit = running(policy(), Start::Lives);
    assert_eq!(kit.give(Input::StartRequested).trace(), ["1001 WARN process 'p' already running"]);
    let mut kit = Kit::new(policy(), &[]);
    kit.give(Input::StopRequested).give(Input::SignalRequested(Signal::HUP));
    assert_eq!(
        kit.trace(),
        [
            "0 DEBG attempted to kill p with sig SIGTERM but it wasn't running",
            "0 DEBG attempted to send p sig SIGHUP but it wasn't running",
        ]
    );
}

/// The phases by the states' short names (see [`short`]); `sp` is spawning, `+` means that the process
/// has ended and that is not decided yet.
const PHASES: [&str; 13] = ["Sd", "sp", "Sa", "Ru", "Si", "Un", "Ba", "Ex", "Fa", "Sa+", "Ru+", "Si+", "Un+"];

/// A machine in this phase, its times far in the past.
fn machine_in(phase: &str) -> ProcessMachine {
    let alive = |inputs: &[Input]| [&[Input::StartRequested, Input::Spawned { pid: 1 }], inputs].concat();
    let lost = Input::SignalFailed { kill: false, error: SignalError::Other("x".into()) };
    let inputs = match phase.trim_end_matches('+') {
        "Sd" => vec![],
        "sp" => vec![Input::StartRequested],
        "Sa" => alive(&[]),
        "Ru" => alive(&[Input::DeadlineReached]),
        "Si" => alive(&[Input::StopRequested]),
        "Un" => alive(&[lost]),
        "Ex" => alive(&[Input::DeadlineReached, Input::Died { status: OK }, Input::Drained]),
        "Ba" | "Fa" => vec![Input::StartRequested, Input::SpawnFailed { error: "x".into() }],
        other => panic!("no phase {other}"),
    };
    let startretries = if phase == "Fa" { 0 } else { 3 };
    let policy = Policy { startretries, ..restarting(RestartRule::Always, 1) };
    let mut machine = ProcessMachine::new(ProcessName::new("g".into(), "p"), policy);
    let mut effects = Vec::new();
    for input in inputs {
        let now = machine.deadline().unwrap_or_default();
        machine.step(now, input, &mut effects);
    }
    if phase.ends_with('+') {
        machine.step(Moment::default(), Input::Died { status: OK }, &mut effects);
    }
    machine
}

/// What a step does, in short: the states entered (`Sa` STARTING, `Ru`, `Si` STOPPING, `Sd` STOPPED,
/// `Ex`, `Ba`, `Fa`, `Un`), `!` a signal sent, `n` only noted, `+` only remembered, `.` nothing.
fn short(mut machine: ProcessMachine, input: Input) -> String {
    let before = format!("{machine:?}");
    let mut effects = Vec::new();
    machine.step(Moment::from_nanos(1 << 40), input, &mut effects);
    let mut text = String::new();
    for line in effects.iter().map(describe) {
        text += match line.split(' ').next().unwrap() {
            "STARTING" => "Sa",
            "RUNNING" => "Ru",
            "STOPPING" => "Si",
            "STOPPED" => "Sd",
            "EXITED" => "Ex",
            "BACKOFF" => "Ba",
            "FATAL" => "Fa",
            "UNKNOWN" => "Un",
            "kill" | "signal" => "!",
            _ => "",
        };
    }
    match (text.is_empty(), effects.is_empty(), format!("{machine:?}") == before) {
        (false, _, _) => text,
        (true, false, _) => "n".to_owned(),
        (true, true, false) => "+".to_owned(),
        (true, true, true) => ".".to_owned(),
    }
}

const TABLE: &str = "
              Sd   sp   Sa   Ru   Si   Un   Ba   Ex   Fa   Sa+  Ru+  Si+  Un+
autostart     Sa   .    .    .    .    .    .    .    .    .    .    .    .
start         Sa   n    n    n    n    n    n    Sa   Sa   n    n    n    n
spawned       .    n    .    .    .    .    .    .    .    .    .    .    .
spawn failed  .    Ba   .    .    .    .    .    .    .    .    .    .    .
died          .    .    +    +    +    +    .    .    .    .    .    .    .
drained       .    .    .    .    .    .    .    .    .    Ba   Ex   Sd   Ex
stop          n    +    Si!  Si!  .    .    Sd   n    n    +    +    +    +
shutdown      .    +    Si!  Si!  .    .    Fa   +    .    +    +    +    +
halted        +    +    +    +    +    +    +    +    +    +    +    +    +
signal        n    n    !    !    !    .    n    n    n    n    n    n    n
kill failed   .    .    Un   Un   Un   n    .    .    .    n    n    n    n
signal failed .    .    Un   Un   Un   n    .    .    .    n    n    n    n
gone          .    .    n    n    n    n    .    .    .    n    n    n    n
deadline      .    .    Ru   .    !    .    Sa   Sa   .    .    .    .    .
";

#[test]
fn every_pair_of_phase_and_input() {
    let failed = |kill, error| Input::SignalFailed { kill, error };
    let inputs = [
        ("autostart", Input::Autostart),
        ("start", Input::StartRequested),
        ("spawned", Input::Spawned { pid: 2 }),
        ("spawn failed", Input::SpawnFailed { error: "y".into() }),
        ("died", Input::Died { status: BAD }),
        ("drained", Input::Drained),
        ("stop", Input::StopRequested),
        ("shutdown", Input::ShutdownRequested),
        ("halted", Input::Halted),
        ("signal", Input::SignalRequested(Signal::HUP)),
        ("kill failed", failed(true, SignalError::Other("y".into()))),
        ("signal failed", failed(false, SignalError::Other("y".into()))),
        ("gone", failed(true, SignalError::NoSuchProcess)),
        ("deadline", Input::DeadlineReached),
    ];
    let mut table = format!("\n{:14}", "");
    table += &PHASES.map(|phase| format!("{phase:5}")).concat();
    for (name, input) in inputs {
        table += &format!("\n{name:14}");
        table += &PHASES.map(|phase| format!("{:5}", short(machine_in(phase), input.clone()))).concat();
    }
    let table = table.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n";
    assert_eq!(table, TABLE, "{table}");
}
