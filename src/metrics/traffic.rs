//! Counters of what the servers are asked: requests and calls.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use prometheus::core::Collector as _;
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts};

use crate::http::ServerKind;

/// How long calls take, in seconds; a start or stop that is waited for may take minutes.
const CALL_BUCKETS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0];

/// The method of a call that is none of the table's.
const OTHER: &str = "other";

/// What the servers were asked (M-070 to M-072).
pub struct Traffic {
    calls: IntCounterVec,
    durations: Histogram,
    requests: IntCounterVec,
    /// Found without making a text of the label values.
    by_method: RefCell<HashMap<String, [IntCounter; 2]>>,
    /// Methods whose series are not made yet: it takes a part of the daemon's start, and mostly nobody asks.
    expected: RefCell<Vec<String>>,
}

impl Traffic {
    /// Nothing was asked yet.
    pub fn new() -> Rc<Self> {
        Rc::new(Self {
            calls: counters(
                "supervisor_rpc_requests_total",
                "Calls of the XML-RPC interface.",
                &["method", "result"],
            ),
            by_method: RefCell::default(),
            expected: RefCell::default(),
            durations: histogram(
                "supervisor_rpc_request_duration_seconds",
                "Time until calls were answered, deferred answers included.",
                &CALL_BUCKETS,
            ),
            requests: counters(
                "supervisor_http_requests_total",
                "Answered HTTP requests.",
                &["server", "code"],
            ),
        })
    }

    /// There are these methods: each has its series from now on (M-007).
    pub fn expect(&self, methods: impl IntoIterator<Item = String>) {
        self.expected.borrow_mut().extend(methods.into_iter().chain([OTHER.to_owned()]));
    }

    fn make_expected(&self) {
        let expected = std::mem::take(&mut *self.expected.borrow_mut());
        let both =
            |method: &str| ["ok", "fault"].map(|result| self.calls.with_label_values(&[method, result]));
        self.by_method.borrow_mut().extend(expected.into_iter().map(|name| (name.clone(), both(&name))));
    }

    /// A call was answered.
    pub fn called(&self, method: &str, ok: bool, took: Duration) {
        self.make_expected();
        let by_method = self.by_method.borrow();
        let counters = by_method.get(method).or_else(|| by_method.get(OTHER));
        if let Some([succeeded, failed]) = counters {
            if ok { succeeded.inc() } else { failed.inc() }
        }
        self.durations.observe(took.as_secs_f64());
    }

    /// A request was answered with this code.
    pub fn answered(&self, server: ServerKind, code: u16) {
        let server = match server {
            ServerKind::Inet => "inet",
            ServerKind::Unix => "unix",
        };
        self.requests.with_label_values(&[server, itoa::Buffer::new().format(code)]).inc();
    }

    pub(super) fn families(&self) -> Vec<MetricFamily> {
        self.make_expected();
        let parts = [self.calls.collect(), self.durations.collect(), self.requests.collect()];
        parts.into_iter().flatten().filter(|family| !family.get_metric().is_empty()).collect()
    }
}

/// A histogram with fixed names.
pub(super) fn histogram(name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    Histogram::with_opts(options).expect("a good name, and buckets that grow")
}

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect("good names")
}
