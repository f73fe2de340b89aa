//! Facts that only the activity log tells of, with their level and text.
//!
//! The texts are the reference's, letter for letter (daemon.md, sections 5 to 10): people grep for
//! them. Facts that listeners hear too have event types of their own.

use std::fmt;
use std::sync::Arc;

use super::event::Channel;
use super::exit::ExitStatus;
use super::name::ProcessName;
use super::pool_notice::PoolNotice;
use super::signal::Signal;
use super::state::ProcessState;

/// Levels of the activity log (D-461).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// `blather`.
    Blather = 3,
    /// `trace`.
    Trace = 5,
    /// `debug`.
    Debug = 10,
    /// `info`.
    Info = 20,
    /// `warn`.
    Warn = 30,
    /// `error`.
    Error = 40,
    /// `critical`.
    Critical = 50,
}

impl Level {
    /// The level of this name, in any case (D-087).
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "critical" => Self::Critical,
            "error" => Self::Error,
            "warn" => Self::Warn,
            "info" => Self::Info,
            "debug" => Self::Debug,
            "trace" => Self::Trace,
            "blather" => Self::Blather,
            _ => return None,
        })
    }

    /// The four letters in a log line (D-460).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Critical => "CRIT",
            Self::Error => "ERRO",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBG",
            Self::Trace => "TRAC",
            Self::Blather => "BLAT",
        }
    }
}

/// A fact for the activity log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A line whose text was made elsewhere: start-up messages, messages of libraries.
    Message(Level, Arc<str>),
    /// A child runs.
    Spawned(ProcessName, i32),
    /// A child could not be started (D-302).
    SpawnFailed(ProcessName, Arc<str>),
    /// A start was asked for while the process is there (D-470).
    AlreadyRunning(ProcessName),
    /// It stayed up for longer than `startsecs` (D-304).
    StayedUp(ProcessName, i64),
    /// It ended without having been told to (D-303, D-308).
    Exited {
        /// Which process.
        process: ProcessName,
        /// How it ended.
        status: ExitStatus,
        /// Whether that is one of `exitcodes`, and not too soon.
        expected: bool,
    },
    /// It ended after a stop request (D-307).
    Stopped {
        /// Which process.
        process: ProcessName,
        /// How it ended.
        status: ExitStatus,
        /// Whether that is one of `exitcodes`.
        expected: bool,
    },
    /// It entered FATAL (D-311).
    GaveUp(ProcessName),
    /// A stop request came while it was in BACKOFF (D-312).
    StoppedInBackoff(ProcessName),
    /// A stop request came while there was no process (D-471).
    NothingToKill(ProcessName, Signal),
    /// A signal request came while there was no process (D-471).
    NothingToSignal(ProcessName, Signal),
    /// A stop signal goes out (D-306, D-472).
    Killing {
        /// Which process.
        process: ProcessName,
        /// Its pid.
        pid: i32,
        /// The signal.
        signal: Signal,
        /// Whether it goes to the process group (D-325).
        group: bool,
    },
    /// It did not stop within `stopwaitsecs` (D-324).
    KillEscalated(ProcessName, i32),
    /// A signal goes out on request (D-473).
    Signalling(ProcessName, i32, Signal),
    /// There was no such process any more (D-474).
    GoneBeforeSignal(ProcessName, i32),
    /// The stop signal could not be sent (D-315).
    KillFailed(ProcessName, i32, Arc<str>),
    /// Another signal could not be sent (D-475).
    SignalFailed(ProcessName, i32, Signal, Arc<str>),
    /// Somebody waits for it to stop (D-326).
    WaitingToStop(ProcessName),
    /// A shutdown waits for these (D-277).
    WaitingToDie(Vec<(ProcessName, ProcessState)>),
    /// The state of one of those (D-476).
    StateReported(ProcessName, ProcessState),
    /// A child that is none of ours was reaped (D-351).
    ReapedUnknown(i32, ExitStatus),
    /// A channel ended (D-353).
    ChannelClosed(ProcessName, Channel, i32),
    /// A channel's output, for level debug (D-406).
    OutputCopied(ProcessName, Channel, bytes::Bytes),
    /// A message between capture tokens came in (D-443).
    CommunicationEmitted(ProcessName, Channel),
    /// A log file could not be written, or opened again; output is lost until it can be (D-407).
    LogWriteFailed(ProcessName, Channel, Arc<str>),
    /// This many bytes of output were dropped since the last such notice.
    OutputDropped(ProcessName, Channel, u64),
    /// Something about listeners and their events.
    Pool(PoolNotice),
    /// The daemon received a signal (D-260 to D-265).
    SignalReceived(Signal, SignalMeaning),
    /// The activity log is about to be opened again (D-264).
    LogReopening,
}

/// What the daemon makes of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalMeaning {
    /// Shut down.
    Exit,
    /// Stop everything and start anew.
    Restart,
    /// A restart that comes too late (D-262).
    RestartIgnored,
    /// Open the log files again.
    Reopen,
    /// A child quit.
    ChildQuit,
}

impl Notice {
    /// The level of its line.
    pub fn level(&self) -> Level {
        match self {
            Self::Message(level, _) => *level,
            Self::Spawned(..)
            | Self::SpawnFailed(..)
            | Self::StayedUp(..)
            | Self::GaveUp(_)
            | Self::WaitingToStop(_)
            | Self::WaitingToDie(_)
            | Self::ReapedUnknown(..)
            | Self::LogReopening => Level::Info,
            Self::Exited { expected, .. } | Self::Stopped { expected, .. } => {
                if *expected {
                    Level::Info
                } else {
                    Level::Warn
                }
            }
            Self::AlreadyRunning(_) | Self::KillEscalated(..) | Self::OutputDropped(..) => Level::Warn,
            Self::LogWriteFailed(..) => Level::Error,
            Self::KillFailed(..) | Self::SignalFailed(..) => Level::Critical,
            Self::StoppedInBackoff(_)
            | Self::NothingToKill(..)
            | Self::NothingToSignal(..)
            | Self::Killing { .. }
            | Self::Signalling(..)
            | Self::GoneBeforeSignal(..)
            | Self::ChannelClosed(..)
            | Self::OutputCopied(..)
            | Self::CommunicationEmitted(..) => Level::Debug,
            Self::StateReported(..) => Level::Blather,
            Self::Pool(notice) => notice.level(),
            Self::SignalReceived(_, meaning) => meaning.level(),
        }
    }
}

impl SignalMeaning {
    const fn level(self) -> Level {
        match self {
            Self::Exit | Self::Restart | Self::RestartIgnored => Level::Warn,
            Self::Reopen => Level::Info,
            Self::ChildQuit => Level::Debug,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Exit => "exit request",
            Self::Restart => "restart request",
            Self::RestartIgnored => "restart request (shutdown in progress)",
            Self::Reopen => "log reopen request",
            Self::ChildQuit => "a child quit",
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(_, text) => f.write_str(text),
            Self::Spawned(p, pid) => write!(f, "spawned: '{}' with pid {pid}", p.name()),
            Self::SpawnFailed(_, text) => write!(f, "spawnerr: {text}"),
            Self::AlreadyRunning(p) => write!(f, "process '{}' already running", p.name()),
            Self::StayedUp(p, secs) => stayed_up(f, p, *secs),
            Self::Exited { process, status, expected } => {
                let word = if *expected { "expected" } else { "not expected" };
                write!(f, "exited: {} ({status}; {word})", process.name())
            }
            Self::Stopped { process, status, .. } => write!(f, "stopped: {} ({status})", process.name()),
            Self::GaveUp(p) => {
                write!(f, "gave up: {} entered FATAL state, too many start retries too quickly", p.name())
            }
            Self::StoppedInBackoff(p) => {
                write!(f, "Attempted to kill {}, which is in BACKOFF state.", p.name())
            }
            Self::NothingToKill(p, signal) => {
                write!(f, "attempted to kill {} with sig {signal} but it wasn't running", p.name())
            }
            Self::NothingToSignal(p, signal) => {
                write!(f, "attempted to send {} sig {signal} but it wasn't running", p.name())
            }
            Self::Killing { process, pid, signal, group } => {
                let group = if *group { "process group " } else { "" };
                write!(f, "killing {} (pid {pid}) {group}with signal {signal}", process.name())
            }
            Self::KillEscalated(p, pid) => write!(f, "killing '{}' ({pid}) with SIGKILL", p.name()),
            Self::Signalling(p, pid, signal) => write!(f, "sending {} (pid {pid}) sig {signal}", p.name()),
            Self::GoneBeforeSignal(p, pid) => gone_before_signal(f, p, *pid),
            Self::KillFailed(p, pid, error) => {
                write!(f, "unknown problem killing {} ({pid}):{error}", p.name())
            }
            Self::SignalFailed(p, pid, signal, error) => {
                write!(f, "unknown problem sending sig {} ({pid}):{signal}: {error}", p.name())
            }
            Self::WaitingToStop(p) => write!(f, "waiting for {} to stop", p.name()),
            Self::WaitingToDie(list) => waiting_to_die(f, list),
            Self::StateReported(p, state) => write!(f, "{} state: {state}", p.name()),
            Self::ReapedUnknown(pid, status) => write!(f, "reaped unknown pid {pid} ({status})"),
            Self::ChannelClosed(p, channel, fd) => channel_closed(f, p, *channel, *fd),
            Self::OutputCopied(p, channel, data) => output_copied(f, p, *channel, data),
            Self::CommunicationEmitted(p, channel) => {
                write!(f, "'{}' {} emitted a comm event", p.name(), channel.name())
            }
            Self::LogWriteFailed(p, channel, error) => {
                write!(f, "cannot write the {} log of '{}': {error}", channel.name(), p.name())
            }
            Self::OutputDropped(p, channel, bytes) => {
                write!(f, "dropped {bytes} bytes of the {} log of '{}'", channel.name(), p.name())
            }
            Self::Pool(notice) => notice.fmt(f),
            Self::SignalReceived(signal, meaning) => signal_received(f, *signal, *meaning),
            Self::LogReopening => f.write_str("supervisord logreopen"),
        }
    }
}

fn stayed_up(f: &mut fmt::Formatter<'_>, p: &ProcessName, secs: i64) -> fmt::Result {
    write!(
        f,
        "success: {} entered RUNNING state, process has stayed up for > than {secs} seconds (startsecs)",
        p.name()
    )
}

fn gone_before_signal(f: &mut fmt::Formatter<'_>, p: &ProcessName, pid: i32) -> fmt::Result {
    let name = p.name();
    write!(f, "unable to signal {name} (pid {pid}), it probably just exited on its own: no such process")
}

fn waiting_to_die(f: &mut fmt::Formatter<'_>, list: &[(ProcessName, ProcessState)]) -> fmt::Result {
    let names: Vec<&str> = list.iter().map(|(p, _)| p.name()).collect();
    write!(f, "waiting for {} to die", names.join(", "))
}

fn channel_closed(f: &mut fmt::Formatter<'_>, p: &ProcessName, channel: Channel, fd: i32) -> fmt::Result {
    write!(f, "fd {fd} closed, stopped monitoring <{} of {p}>", channel.name())
}

fn output_copied(f: &mut fmt::Formatter<'_>, p: &ProcessName, channel: Channel, data: &[u8]) -> fmt::Result {
    writeln!(f, "'{}' {} output:", p.name(), channel.name())?;
    match std::str::from_utf8(data) {
        Ok(text) => f.write_str(text),
        Err(_) => write!(f, "Undecodable: {}", super::pyrepr::bytes(data)),
    }
}

fn signal_received(f: &mut fmt::Formatter<'_>, signal: Signal, meaning: SignalMeaning) -> fmt::Result {
    let verb = if meaning == SignalMeaning::RestartIgnored { "ignored" } else { "received" };
    write!(f, "{verb} {signal} indicating {}", meaning.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> ProcessName {
        ProcessName::new("g".into(), "p")
    }

    // D-302 to D-312, D-324, D-471 to D-474
    #[test]
    fn texts_of_the_life_cycle() {
        let killed = ExitStatus::Signaled { signal: Signal::TERM, core: false };
        let rows = [
            (Notice::Spawned(name(), 5), "INFO spawned: 'p' with pid 5"),
            (
                Notice::SpawnFailed(name(), "can't find command 'x'".into()),
                "INFO spawnerr: can't find command 'x'",
            ),
            (
                Notice::StayedUp(name(), 1),
                "INFO success: p entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)",
            ),
            (
                Notice::Exited { process: name(), status: ExitStatus::Code(0), expected: true },
                "INFO exited: p (exit status 0; expected)",
            ),
            (
                Notice::Exited { process: name(), status: ExitStatus::Code(1), expected: false },
                "WARN exited: p (exit status 1; not expected)",
            ),
            (
                Notice::Stopped { process: name(), status: killed, expected: false },
                "WARN stopped: p (terminated by SIGTERM)",
            ),
            (
                Notice::GaveUp(name()),
                "INFO gave up: p entered FATAL state, too many start retries too quickly",
            ),
            (Notice::StoppedInBackoff(name()), "DEBG Attempted to kill p, which is in BACKOFF state."),
            (
                Notice::Killing { process: name(), pid: 5, signal: Signal::TERM, group: true },
                "DEBG killing p (pid 5) process group with signal SIGTERM",
            ),
            (Notice::KillEscalated(name(), 5), "WARN killing 'p' (5) with SIGKILL"),
        ];
        for (notice, line) in rows {
            assert_eq!(format!("{} {notice}", notice.level().code()), line);
        }
    }

    // D-260 to D-265, D-277
    #[test]
    fn texts_of_the_daemon() {
        let received = |s, m| Notice::SignalReceived(s, m).to_string();
        assert_eq!(received(Signal::TERM, SignalMeaning::Exit), "received SIGTERM indicating exit request");
        assert_eq!(
            received(Signal::HUP, SignalMeaning::RestartIgnored),
            "ignored SIGHUP indicating restart request (shutdown in progress)"
        );
        assert_eq!(
            received(Signal::USR2, SignalMeaning::Reopen),
            "received SIGUSR2 indicating log reopen request"
        );
        let list = vec![(name(), ProcessState::Stopping), (name(), ProcessState::Running)];
        assert_eq!(Notice::WaitingToDie(list).to_string(), "waiting for p, p to die");
    }

    // D-406
    #[test]
    fn output_that_is_not_utf_8_is_shown_as_python_shows_bytes() {
        let copy = Notice::OutputCopied(name(), Channel::Stdout, bytes::Bytes::from_static(b"\x88x"));
        assert_eq!(copy.to_string(), "'p' stdout output:\nUndecodable: b'\\x88x'");
    }
}
