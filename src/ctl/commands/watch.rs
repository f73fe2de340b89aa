//! Calls that take their time: a time-out, and on a terminal what is being waited for.

use std::io::{self, Write};
use std::time::Duration;

use tokio::time::{Instant, interval_at, timeout_at};

use super::super::render::name_spec;
use super::super::session::{Session, Trouble};
use crate::client::proxy::{CallError, CallResult, ProcessInfo, Proxy};
use crate::model::state::ProcessState;
use crate::wire::xmlrpc::Value;

/// How often a person is shown how far it is.
const PERIOD: Duration = Duration::from_millis(300);

/// What the processes are to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    Started,
    Stopped,
}

impl Goal {
    /// Whether a process in this state is there.
    pub fn is_reached(self, code: i64) -> bool {
        let state = ProcessState::ALL.into_iter().find(|state| i64::from(state.code()) == code);
        match self {
            Self::Started => state == Some(ProcessState::Running),
            Self::Stopped => state.is_some_and(ProcessState::is_stopped),
        }
    }

    fn gerund(self) -> &'static str {
        match self {
            Self::Started => "starting",
            Self::Stopped => "stopping",
        }
    }
}

/// Which processes are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope<'a> {
    All,
    Group(&'a str),
    One(&'a str, &'a str),
}

impl Scope<'_> {
    /// Whether a process is one of them.
    pub fn holds(self, info: &ProcessInfo) -> bool {
        match self {
            Self::All => true,
            Self::Group(group) => info.group == group,
            Self::One(group, name) => info.group == group && info.name == name,
        }
    }
}

/// How to wait for a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch<'a> {
    pub goal: Goal,
    pub scope: Scope<'a>,
    pub deadline: Option<Instant>,
}

impl Watch<'_> {
    /// Calls a method that gives a result for each process; `None` when the time is over.
    pub async fn results(
        self,
        session: &mut Session,
        method: &str,
        params: &[Value],
    ) -> Result<Option<Vec<CallResult>>, Trouble> {
        let showing = session.out.is_terminal() && !matches!(self.scope, Scope::One(..));
        session.out.flush();
        let server = session.server()?;
        let mut second = server.another();
        let call = async {
            let outcomes = server.results(method, params);
            match self.deadline {
                Some(deadline) => timeout_at(deadline, outcomes).await.ok().transpose(),
                None => outcomes.await.map(Some),
            }
        };
        let result = if showing {
            tokio::select! {
                result = call => result,
                () = self.show(&mut second) => Ok(None),
            }
        } else {
            call.await
        };
        if matches!(result, Ok(None)) {
            // Its answer is still to come; nobody may take it for that of the next call.
            session.disconnect();
        }
        Ok(result?)
    }

    /// Shows how far it is, for ever.
    async fn show(self, server: &mut Proxy) {
        let mut ticks = interval_at(Instant::now() + PERIOD, PERIOD);
        let mut line = Progress::default();
        loop {
            ticks.tick().await;
            if let Ok(all) = server.processes().await {
                line.show(&self.text(&all));
            }
        }
    }

    fn text(self, all: &[ProcessInfo]) -> String {
        let concerned = || all.iter().filter(|info| self.scope.holds(info));
        let left: Vec<String> = concerned()
            .filter(|info| !self.goal.is_reached(info.state))
            .map(|info| name_spec(&info.group, &info.name))
            .collect();
        let total = concerned().count();
        let named: String = left.join(", ").chars().take(40).collect();
        format!("{}: {} of {total} done, waiting for {named}", self.goal.gerund(), total - left.len())
    }

    /// What was reached until the deadline: a line for each process, and whether it is there.
    pub async fn after_deadline(self, session: &mut Session) -> Result<Vec<(String, bool)>, CallError> {
        let Ok(server) = session.server() else { return Ok(Vec::new()) };
        let all = server.processes().await?;
        let reached = match self.goal {
            Goal::Started => "started",
            Goal::Stopped => "stopped",
        };
        let line = |info: &ProcessInfo| {
            let spec = name_spec(&info.group, &info.name);
            match self.goal.is_reached(info.state) {
                true => (format!("{spec}: {reached}"), true),
                false => (format!("{spec}: ERROR (timed out, {})", info.statename), false),
            }
        };
        Ok(all.iter().filter(|info| self.scope.holds(info)).map(line).collect())
    }
}

/// A line on the terminal that is written anew as things go on; when dropped, it is gone.
#[derive(Debug, Default)]
struct Progress {
    shown: bool,
}

impl Progress {
    fn show(&mut self, text: &str) {
        self.shown = true;
        let mut out = io::stdout();
        // A terminal that is gone shows nothing.
        let _ = write!(out, "\r\u{1b}[K{text}");
        let _ = out.flush();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            self.show("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_names_what_is_left() {
        let info = |group: &str, name: &str, state| ProcessInfo {
            group: group.into(),
            name: name.into(),
            state,
            ..ProcessInfo::default()
        };
        let all = [info("g", "a", 20), info("g", "b", 10), info("h", "h", 10)];
        let watch = Watch { goal: Goal::Started, scope: Scope::Group("g"), deadline: None };
        assert_eq!(watch.text(&all), "starting: 1 of 2 done, waiting for g:b");
        assert!(Goal::Stopped.is_reached(200) && !Goal::Stopped.is_reached(40));
    }
}
