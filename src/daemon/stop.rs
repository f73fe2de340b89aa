//! Ordered shutdown, for good or for a restart (D-275 to D-280).

use std::sync::Arc;

use super::supervisor::Supervisor;
use crate::machine::process::Input;
use crate::machine::shutdown::ShutdownPlan;
use crate::model::event::{Event, SupervisorChange};
use crate::model::notice::{Level, Notice};
use crate::model::state::SupervisorState;
use crate::model::time::Now;

impl Supervisor {
    /// Begins to stop everything; where that has begun already, only what comes after it changes.
    pub(super) fn begin_stop(&mut self, now: Now, state: SupervisorState) {
        self.state = state;
        if self.shutdown.is_some() {
            return;
        }
        self.host.publish(now, Event::SupervisorChanged(SupervisorChange::Stopping));
        for process in self.processes.values_mut() {
            process.step(&mut self.host, now, Input::Halted);
        }
        let groups = self.start_order().iter().map(|group| group.config.name.clone()).collect();
        self.shutdown = Some(ShutdownPlan::new(groups));
    }

    /// Gives the next groups their turn, once those before are stopped; tells who is waited for.
    pub(super) fn advance_stop(&mut self, now: Now) {
        let Some(mut plan) = self.shutdown.take() else { return };
        while let Some(name) = self.next_turn(now, &mut plan) {
            self.stop_group(now, &name);
        }
        if !plan.is_done() && plan.should_report(now.mono) {
            self.report_waiting(now);
        }
        self.shutdown = Some(plan);
    }

    /// The group to be stopped now, if there is one: the next in the plan, once it does not linger.
    fn next_turn(&mut self, now: Now, plan: &mut ShutdownPlan) -> Option<Arc<str>> {
        let name = match self.linger_group() {
            Some(name) => name,
            None => plan.next(|group| self.is_stopped(group))?,
        };
        if self.lingers(now.mono, &name) { None } else { Some(name) }
    }

    pub(super) fn is_stopped(&self, group: &str) -> bool {
        let group = self.groups.get(group);
        let stopped = |key| self.processes.get(key).is_none_or(|process| process.state().is_stopped());
        group.is_none_or(|group| group.processes.iter().all(stopped))
    }

    fn stop_group(&mut self, now: Now, name: &str) {
        for key in self.groups.get(name).map(super::group::Group::stop_order).unwrap_or_default() {
            if let Some(process) = self.processes.get_mut(&key) {
                process.step(&mut self.host, now, Input::ShutdownRequested);
            }
        }
    }

    /// Names all that are not stopped yet, of all groups (D-277).
    fn report_waiting(&self, now: Now) {
        let keys = self.groups.iter().flat_map(|group| &group.processes);
        let waiting: Vec<_> = keys
            .filter_map(|key| self.processes.get(key))
            .filter(|process| !process.state().is_stopped())
            .map(|process| (process.config().name.clone(), process.state()))
            .collect();
        if waiting.is_empty() {
            return;
        }
        self.host.notice(now, Notice::WaitingToDie(waiting.clone()));
        if self.host.journal.level() <= Level::Blather {
            for (name, state) in waiting {
                self.host.notice(now, Notice::StateReported(name, state));
            }
        }
    }
}
