//! The order in which groups are stopped, and how often waiting for them is reported.
//!
//! Within a group everything gets its stop signal at once; that, and asking who has stopped, is the
//! driver's business.

use std::sync::Arc;
use std::time::Duration;

use crate::model::time::Moment;

/// A report says who is waited for, then no other for longer than this (D-277).
const REPORT_EVERY: Duration = Duration::from_secs(3);

/// Groups are stopped from the last to the first, each after the one before is stopped (D-275).
#[derive(Clone, Debug)]
pub struct ShutdownPlan {
    /// In start order; the last is the next.
    waiting: Vec<Arc<str>>,
    /// Had its turn and is not stopped yet, as far as is known.
    stopping: Option<Arc<str>>,
    next_report: Option<Moment>,
}

impl ShutdownPlan {
    /// A plan over all groups, given in start order (D-174).
    pub fn new(groups: Vec<Arc<str>>) -> Self {
        Self { waiting: groups, stopping: None, next_report: None }
    }

    /// The group whose turn begins now, if one's does: to be asked at the beginning and whenever a
    /// process has stopped, again and again until there is none. `is_stopped` tells whether nothing is
    /// left to stop in a group; such a group still has its turn, which costs no time (D-280), as there
    /// may be restarts to cancel in it.
    pub fn next(&mut self, is_stopped: impl Fn(&str) -> bool) -> Option<Arc<str>> {
        if self.stopping.as_deref().is_some_and(|group| !is_stopped(group)) {
            return None;
        }
        self.stopping = self.waiting.pop();
        self.stopping.clone()
    }

    /// Every group had its turn and is stopped: the daemon may end (D-279). True only after
    /// [`ShutdownPlan::next`] has said that there is none left.
    pub fn is_done(&self) -> bool {
        self.stopping.is_none() && self.waiting.is_empty()
    }

    /// Whether those that are not stopped are to be named now (D-277): at once, then every 3 s. To be
    /// asked while there are any, after each turn and when [`ShutdownPlan::report_deadline`] is reached.
    pub fn should_report(&mut self, now: Moment) -> bool {
        let due = self.next_report.is_none_or(|due| due <= now);
        if due {
            self.next_report = Some((now + REPORT_EVERY).next());
        }
        due
    }

    /// When the next report is due, once the first was made.
    pub fn report_deadline(&self) -> Option<Moment> {
        self.next_report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> ShutdownPlan {
        ShutdownPlan::new(vec!["a".into(), "b".into(), "c".into()])
    }

    // D-275, D-279
    #[test]
    fn the_last_group_stops_first_and_the_next_waits_for_it() {
        let mut plan = plan();
        assert_eq!(plan.next(|_| false).as_deref(), Some("c"));
        assert_eq!(plan.next(|_| false), None);
        assert!(!plan.is_done());
        assert_eq!(plan.next(|group| group == "c").as_deref(), Some("b"));
        assert_eq!(plan.next(|group| group == "c"), None);
        assert_eq!(plan.next(|group| group != "a").as_deref(), Some("a"));
        assert!(!plan.is_done());
        assert_eq!(plan.next(|_| true), None);
        assert!(plan.is_done());
    }

    // D-280
    #[test]
    fn groups_with_nothing_to_stop_have_their_turn_at_once() {
        let mut plan = plan();
        let turns: Vec<_> = std::iter::from_fn(|| plan.next(|_| true)).collect();
        assert_eq!(turns, ["c".into(), "b".into(), Arc::<str>::from("a")]);
        assert!(plan.is_done());
        let mut empty = ShutdownPlan::new(Vec::new());
        assert_eq!(empty.next(|_| false), None);
        assert!(empty.is_done());
    }

    // D-277
    #[test]
    fn waiting_is_reported_at_once_then_every_three_seconds() {
        let mut plan = plan();
        let at = |millis: u64| Moment::from_nanos(millis * 1_000_000);
        assert!(plan.should_report(at(100)));
        assert!(!plan.should_report(at(3100)));
        assert_eq!(plan.report_deadline(), Some(at(3100).next()));
        assert!(plan.should_report(at(3100).next()));
        assert!(!plan.should_report(at(3200)));
    }
}
