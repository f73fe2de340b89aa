//! start, stop, restart, signal, clear.

use std::time::Duration;

use tokio::time::Instant;

use super::super::faults::*;
use super::super::render::{name_spec, split_spec};
use super::super::session::{Outcome, Session, Trouble};
use super::help;
use super::watch::{Goal, Scope, Watch};
use crate::client::proxy::{CallError, CallResult};
use crate::wire::xmlrpc::Value;

/// What differs between the commands that take process names.
#[derive(Clone, Copy, Debug)]
struct Verb {
    name: &'static str,
    /// Methods for one process, for a group, for all.
    methods: [&'static str; 3],
    /// What a success is called.
    past: &'static str,
    /// The fault that is fine (C-424).
    harmless: Option<i32>,
    /// Exit status for an unknown group, and without names (C-445, C-446).
    misuse: u8,
    goal: Option<Goal>,
}

const START: Verb = Verb {
    name: "start",
    methods: ["supervisor.startProcess", "supervisor.startProcessGroup", "supervisor.startAllProcesses"],
    past: "started",
    harmless: Some(ALREADY_STARTED),
    misuse: exit::BAD_ARGUMENTS,
    goal: Some(Goal::Started),
};

const STOP: Verb = Verb {
    name: "stop",
    methods: ["supervisor.stopProcess", "supervisor.stopProcessGroup", "supervisor.stopAllProcesses"],
    past: "stopped",
    harmless: Some(NOT_RUNNING),
    misuse: exit::FAILURE,
    goal: Some(Goal::Stopped),
};

const SIGNAL: Verb = Verb {
    name: "signal",
    methods: ["supervisor.signalProcess", "supervisor.signalProcessGroup", "supervisor.signalAllProcesses"],
    past: "signalled",
    harmless: None,
    misuse: exit::FAILURE,
    goal: None,
};

impl Verb {
    /// What is said of one process (C-440, the table before it); `None`: nothing is known to say.
    fn line(self, result: &CallResult) -> Option<String> {
        let spec = name_spec(&result.group, &result.name);
        let starting = self.goal == Some(Goal::Started);
        let what = match result.status {
            SUCCESS => return Some(format!("{spec}: {}", self.past)),
            FAILED if !starting => return Some(result.description.clone()),
            BAD_NAME => "no such process",
            NO_FILE if starting => "no such file",
            NOT_EXECUTABLE if starting => "file is not executable",
            ALREADY_STARTED if starting => "already started",
            SPAWN_ERROR if starting => "spawn error",
            ABNORMAL_TERMINATION if starting => "abnormal termination",
            BAD_SIGNAL if !starting => "bad signal name",
            NOT_RUNNING if !starting => "not running",
            _ => return None,
        };
        Some(format!("{spec}: ERROR ({what})"))
    }
}

/// How long to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Patience {
    no_wait: bool,
    timeout: Option<Duration>,
}

/// Takes `--wait`, `--no-wait` and `--timeout SECONDS` out of the words; the error is a time-out that is
/// none.
fn patience<'a>(words: &[&'a str]) -> Result<(Patience, Vec<&'a str>), String> {
    let (mut patience, mut names) = (Patience::default(), Vec::new());
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "--wait" => patience.no_wait = false,
            "--no-wait" => patience.no_wait = true,
            "--timeout" => patience.timeout = Some(seconds(words.next().unwrap_or_default())?),
            _ => match word.strip_prefix("--timeout=") {
                Some(text) => patience.timeout = Some(seconds(text)?),
                None => names.push(word),
            },
        }
    }
    Ok((patience, names))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse::<f64>().ok().and_then(|number| Duration::try_from_secs_f64(number).ok());
    number.filter(|time| time.as_secs() < 1 << 32).ok_or_else(|| text.to_owned())
}

/// `start` (C-444 to C-446).
pub(super) async fn start(session: &mut Session, words: &[&str]) -> Outcome {
    run(session, START.name, &[START], words).await
}

/// `stop`.
pub(super) async fn stop(session: &mut Session, words: &[&str]) -> Outcome {
    run(session, STOP.name, &[STOP], words).await
}

/// `restart` (C-447).
pub(super) async fn restart(session: &mut Session, words: &[&str]) -> Outcome {
    run(session, "restart", &[STOP, START], words).await
}

async fn run(session: &mut Session, command: &str, verbs: &[Verb], words: &[&str]) -> Outcome {
    if !session.is_up().await? {
        return Ok(());
    }
    let (patience, names) = match patience(words) {
        Ok(read) => read,
        Err(text) => {
            session.refuse(
                exit::BAD_ARGUMENTS,
                format!("Error: bad time-out '{text}': it is a number of seconds"),
            );
            return Ok(());
        }
    };
    let misuse = if command == START.name { START.misuse } else { STOP.misuse };
    if names.is_empty() {
        session.refuse(misuse, format!("Error: {command} requires a process name"));
        help::show(session, command);
        return Ok(());
    }
    let deadline = patience.timeout.map(|timeout| Instant::now() + timeout);
    for (n, verb) in verbs.iter().enumerate() {
        // What is to be started again must first have stopped.
        let no_wait = patience.no_wait && n + 1 == verbs.len();
        Request { verb: *verb, signal: None, no_wait, deadline }.carry_out(session, &names).await?;
    }
    Ok(())
}

/// `signal SIG name...`.
pub(super) async fn signal(session: &mut Session, words: &[&str]) -> Outcome {
    if !session.is_up().await? {
        return Ok(());
    }
    let [signal, names @ ..] = words else { return signal_needs_words(session) };
    if names.is_empty() {
        return signal_needs_words(session);
    }
    let request = Request { verb: SIGNAL, signal: Some(signal), no_wait: false, deadline: None };
    request.carry_out(session, names).await
}

fn signal_needs_words(session: &mut Session) -> Outcome {
    session.refuse(exit::FAILURE, "Error: signal requires a signal name and a process name");
    help::show(session, SIGNAL.name);
    Ok(())
}

/// One verb for some names.
#[derive(Clone, Copy, Debug)]
struct Request<'a> {
    verb: Verb,
    signal: Option<&'a str>,
    no_wait: bool,
    deadline: Option<Instant>,
}

impl Request<'_> {
    async fn carry_out(self, session: &mut Session, names: &[&str]) -> Outcome {
        if names.contains(&"all") {
            return self.several(session, Scope::All).await;
        }
        for spec in names {
            match split_spec(spec) {
                (group, None) => self.group(session, group).await?,
                (group, Some(name)) => self.one(session, spec, group, name).await?,
            }
        }
        Ok(())
    }

    async fn group(self, session: &mut Session, group: &str) -> Outcome {
        match self.several(session, Scope::Group(group)).await {
            Err(Trouble::Call(CallError::Fault(fault))) if fault.code == BAD_NAME => {
                session.refuse(self.verb.misuse, format!("{group}: ERROR (no such group)"));
                Ok(())
            }
            other => other,
        }
    }

    async fn several(self, session: &mut Session, scope: Scope<'_>) -> Outcome {
        let [_, group_method, all_method] = self.verb.methods;
        let (method, name) = match scope {
            Scope::Group(group) => (group_method, Some(group)),
            _ => (all_method, None),
        };
        let params = self.params(name);
        let Some(results) = self.watched(session, scope, method, &params).await? else {
            return Ok(());
        };
        results.iter().try_for_each(|result| self.report(session, result))
    }

    async fn one(self, session: &mut Session, spec: &str, group: &str, name: &str) -> Outcome {
        let params = self.params(Some(spec));
        let call = session.server()?.call(self.verb.methods[0], &params);
        let answer = match self.deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, call).await.ok(),
            None => Some(call.await),
        };
        let (status, description) = match answer {
            None => return self.timed_out(session, Scope::One(group, name)).await,
            Some(Ok(_)) => (SUCCESS, String::new()),
            Some(Err(CallError::Fault(fault))) => (fault.code, fault.text),
            Some(Err(error)) => return Err(error.into()),
        };
        let result = CallResult { group: group.to_owned(), name: name.to_owned(), status, description };
        self.report(session, &result)
    }

    /// The parameters of a call; whether to wait is only said where it is not as usual.
    fn params(self, name: Option<&str>) -> Vec<Value> {
        let mut params: Vec<Value> = name.into_iter().chain(self.signal).map(Value::from).collect();
        if self.no_wait {
            params.push(false.into());
        }
        params
    }

    async fn watched(
        self,
        session: &mut Session,
        scope: Scope<'_>,
        method: &str,
        params: &[Value],
    ) -> Result<Option<Vec<CallResult>>, Trouble> {
        let Some(goal) = self.verb.goal else {
            return Ok(Some(session.server()?.results(method, params).await?));
        };
        let watch = Watch { goal, scope, deadline: self.deadline };
        let results = watch.results(session, method, params).await?;
        if results.is_none() {
            self.timed_out(session, scope).await?;
        }
        Ok(results)
    }

    async fn timed_out(self, session: &mut Session, scope: Scope<'_>) -> Outcome {
        session.disconnect();
        let Some(goal) = self.verb.goal else { return Ok(()) };
        let watch = Watch { goal, scope, deadline: None };
        for (line, reached) in watch.after_deadline(session).await? {
            session.out.line(line);
            if !reached {
                session.fail(exit::FAILURE);
            }
        }
        Ok(())
    }

    /// Says what became of a process.
    fn report(self, session: &mut Session, result: &CallResult) -> Outcome {
        let line = match self.verb.line(result) {
            Some(_) if self.no_wait && result.status == SUCCESS => {
                format!("{}: {} requested", name_spec(&result.group, &result.name), self.verb.name)
            }
            Some(line) => line,
            None => return Err(Trouble::Other(format!("{} {}", self.verb.name, unknown(result)))),
        };
        session.out.line(line);
        if let Some(status) = status_after(result.status, self.verb.harmless) {
            session.fail(status);
        }
        Ok(())
    }
}

fn unknown(result: &CallResult) -> String {
    format!("{}: {}", name_spec(&result.group, &result.name), result.description)
}

/// `clear all`, `clear name...` (C-448).
pub(super) async fn clear(session: &mut Session, names: &[&str]) -> Outcome {
    if !session.is_up().await? {
        return Ok(());
    }
    if names.is_empty() {
        session.refuse(exit::FAILURE, "Error: clear requires a process name");
        help::show(session, "clear");
        return Ok(());
    }
    if names.contains(&"all") {
        for result in session.server()?.results("supervisor.clearAllProcessLogs", &[]).await? {
            let spec = name_spec(&result.group, &result.name);
            cleared(session, &spec, result.status, &result.description)?;
        }
        return Ok(());
    }
    for name in names {
        let (group, process) = split_spec(name);
        let spec = process.map_or_else(|| (*name).to_owned(), |process| name_spec(group, process));
        match session.server()?.call("supervisor.clearProcessLogs", &[(*name).into()]).await {
            Ok(_) => cleared(session, &spec, SUCCESS, "")?,
            Err(CallError::Fault(fault)) => cleared(session, &spec, fault.code, &fault.text)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn cleared(session: &mut Session, spec: &str, status: i32, description: &str) -> Outcome {
    session.out.line(match status {
        SUCCESS => format!("{spec}: cleared"),
        BAD_NAME => format!("{spec}: ERROR (no such process)"),
        FAILED => format!("{spec}: ERROR (failed)"),
        _ => return Err(Trouble::Other(format!("clear {spec}: {description}"))),
    });
    if let Some(status) = status_after(status, None) {
        session.fail(status);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_taken_out_of_the_words() {
        let of = |line: &str| patience(&line.split(' ').collect::<Vec<_>>()).map(|(p, n)| (p, n.join(" ")));
        let second = Some(Duration::from_secs(1));
        assert_eq!(of("a --no-wait b"), Ok((Patience { no_wait: true, timeout: None }, "a b".into())));
        assert_eq!(of("--timeout 1 a"), Ok((Patience { no_wait: false, timeout: second }, "a".into())));
        assert_eq!(
            of("--timeout=1 --wait --x"),
            Ok((Patience { no_wait: false, timeout: second }, "--x".into()))
        );
        for bad in ["--timeout", "--timeout x", "--timeout=-1", "--timeout=nan", "--timeout=1e300"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    // section 18, the table of faults
    #[test]
    fn lines_of_results() {
        let line = |verb: Verb, status| {
            verb.line(&CallResult { group: "g".into(), name: "p".into(), status, description: "text".into() })
        };
        assert_eq!(line(START, SUCCESS).unwrap(), "g:p: started");
        assert_eq!(line(START, SPAWN_ERROR).unwrap(), "g:p: ERROR (spawn error)");
        assert_eq!((line(START, FAILED), line(START, NOT_RUNNING)), (None, None));
        assert_eq!(line(STOP, FAILED).unwrap(), "text");
        assert_eq!(line(SIGNAL, BAD_SIGNAL).unwrap(), "g:p: ERROR (bad signal name)");
        assert_eq!(line(SIGNAL, SPAWN_ERROR), None);
    }
}
