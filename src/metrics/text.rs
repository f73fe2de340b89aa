//! The two text formats: families with their samples (M-001, M-002).
//!
//! Written by hand, since a scrape of a thousand programs is tens of thousands of lines: labels are made
//! once for each program and copied from then on, and each line is few copies. It leaves in pieces, so that
//! the beginning is on its way while the end is being written, in memory that was just used. What the
//! `prometheus` crate counts is written from its own values.

use std::borrow::Cow;
use std::io::Write as _;

use prometheus::proto::{MetricFamily, MetricType};

use super::pieces::PIECE;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus' text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What kind of metric a family is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A sample's value.
pub(super) enum Value {
    Count(u64),
    Integer(i64),
    Number(f64),
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(is_so: bool) -> Self {
        Self::Count(is_so.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

/// Where a text goes: takes each piece that is complete, and gives an empty one to go on with.
pub(super) type Leave<'a> = dyn FnMut(Vec<u8>) -> Vec<u8> + 'a;

/// A text of families that is being written.
pub(super) struct Text<'a> {
    format: Format,
    out: Vec<u8>,
    leave: &'a mut Leave<'a>,
    /// Of the samples of the family that was begun last.
    name: Cow<'static, str>,
    /// What its samples with labels begin with.
    opening: String,
}

/// What comes behind the labels of most samples.
const ENDINGS: [&[u8]; 10] =
    [b"} 0\n", b"} 1\n", b"} 2\n", b"} 3\n", b"} 4\n", b"} 5\n", b"} 6\n", b"} 7\n", b"} 8\n", b"} 9\n"];

impl<'a> Text<'a> {
    /// Begins on this piece, which is empty.
    pub(super) fn new(format: Format, out: Vec<u8>, leave: &'a mut Leave<'a>) -> Self {
        Self { format, out, leave, name: "".into(), opening: String::new() }
    }

    /// That was all.
    pub(super) fn finish(mut self) {
        if self.format == Format::OpenMetrics {
            self.out.extend_from_slice(b"# EOF\n");
        }
        (self.leave)(self.out);
    }

    /// Begins a family; its samples follow.
    pub(super) fn family(&mut self, kind: Kind, name: impl Into<Cow<'static, str>>, help: &str) {
        self.name = name.into();
        self.opening.clear();
        self.opening.extend([&*self.name, "{"]);
        let family = match (self.format, kind) {
            (Format::OpenMetrics, Kind::Counter) => self.name.strip_suffix("_total").unwrap_or(&self.name),
            _ => &self.name,
        };
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let written = writeln!(self.out, "# HELP {family} {}\n# TYPE {family} {kind}", escaped(help, false));
        written.expect("writing to a Vec cannot fail");
    }

    /// A sample with these labels.
    pub(super) fn sample(&mut self, labels: &str, value: impl Into<Value>) {
        self.sample_with(labels, "", value);
    }

    /// A sample with these labels and some more.
    pub(super) fn sample_with(&mut self, labels: &str, more: &str, value: impl Into<Value>) {
        match value.into() {
            Value::Count(digit @ 0..=9) if !labels.is_empty() => self.write_short(labels, more, digit),
            value => self.write("", [labels, more], value),
        }
    }

    /// What most lines are, in as few copies as can be.
    fn write_short(&mut self, labels: &str, more: &str, digit: u64) {
        let out = &mut self.out;
        out.extend_from_slice(self.opening.as_bytes());
        out.extend_from_slice(labels.as_bytes());
        if !more.is_empty() {
            out.push(b',');
            out.extend_from_slice(more.as_bytes());
        }
        out.extend_from_slice(ENDINGS[digit as usize]);
        self.leave_if_complete();
    }

    fn write(&mut self, suffix: &str, labels: [&str; 2], value: Value) {
        let out = &mut self.out;
        out.extend_from_slice(self.name.as_bytes());
        out.extend_from_slice(suffix.as_bytes());
        match labels {
            ["", ""] => out.push(b' '),
            ["", labels] | [labels, ""] => {
                out.push(b'{');
                out.extend_from_slice(labels.as_bytes());
                out.extend_from_slice(b"} ");
            }
            [labels, more] => {
                out.push(b'{');
                out.extend_from_slice(labels.as_bytes());
                out.push(b',');
                out.extend_from_slice(more.as_bytes());
                out.extend_from_slice(b"} ");
            }
        }
        match value {
            Value::Count(count) => out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes()),
            Value::Integer(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
            Value::Number(number) => write!(out, "{number}").expect("writing to a Vec cannot fail"),
        }
        out.push(b'\n');
        self.leave_if_complete();
    }

    fn leave_if_complete(&mut self) {
        if self.out.len() >= PIECE {
            self.out = (self.leave)(std::mem::take(&mut self.out));
        }
    }

    /// A family that the `prometheus` crate has gathered.
    pub(super) fn gathered(&mut self, family: &MetricFamily) {
        let kind = match family.get_field_type() {
            MetricType::COUNTER => Kind::Counter,
            MetricType::HISTOGRAM => Kind::Histogram,
            MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => Kind::Gauge,
        };
        self.family(kind, family.name().to_owned(), family.help());
        for metric in family.get_metric() {
            let pairs: Vec<String> =
                metric.get_label().iter().map(|pair| label(pair.name(), pair.value())).collect();
            let labels = pairs.join(",");
            match kind {
                Kind::Counter => self.sample(&labels, whole(metric.get_counter().get_value())),
                Kind::Gauge => self.sample(&labels, metric.get_gauge().get_value()),
                Kind::Histogram => self.histogram(&labels, metric.get_histogram()),
            }
        }
    }

    /// The samples of a histogram.
    pub(super) fn histogram(&mut self, labels: &str, histogram: &prometheus::proto::Histogram) {
        let count = histogram.get_sample_count();
        for bucket in histogram.get_bucket() {
            let bound = match self.format {
                Format::Text => bucket.upper_bound().to_string(),
                // Always with a point.
                Format::OpenMetrics => format!("{:?}", bucket.upper_bound()),
            };
            self.write("_bucket", [labels, &label("le", &bound)], bucket.cumulative_count().into());
        }
        self.write("_bucket", [labels, &label("le", "+Inf")], count.into());
        self.write("_sum", [labels, ""], histogram.get_sample_sum().into());
        self.write("_count", [labels, ""], count.into());
    }
}

/// A counter of the crate, whose values are floating.
fn whole(value: f64) -> Value {
    Value::Count(value as u64)
}

/// `name="value"`.
pub(super) fn label(name: &str, value: &str) -> String {
    let mut text = String::with_capacity(name.len() + value.len() + 3);
    write_label(&mut text, name, value);
    text
}

/// The same, at the end of a text.
pub(super) fn write_label(text: &mut String, name: &str, value: &str) {
    text.extend([name, "=\"", &escaped(value, true), "\""]);
}

/// M-002
fn escaped(text: &str, quotes: bool) -> Cow<'_, str> {
    let quote = if quotes { b'"' } else { b'\\' };
    if memchr::memchr3(b'\\', b'\n', quote, text.as_bytes()).is_none() {
        return text.into();
    }
    let special = |byte: u8| [b'\\', b'\n', quote].contains(&byte);
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if u8::try_from(c).is_ok_and(special) {
            escaped.push('\\');
        }
        escaped.push(if c == '\n' { 'n' } else { c });
    }
    escaped.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::traffic::histogram;
    use prometheus::core::Collector;

    fn written(format: Format) -> String {
        let mut all = Vec::new();
        let mut take = |piece: Vec<u8>| {
            all.extend(piece);
            Vec::new()
        };
        let mut text = Text::new(format, Vec::new(), &mut take);
        text.family(Kind::Counter, "x_events_total", "Events, a\\b.");
        text.sample(&label("name", "a\"b\\c\nd"), 3_u64);
        text.sample_with("", "channel=\"stdout\"", 0_u64);
        text.family(Kind::Gauge, "x_state", "State.");
        text.sample_with("a=\"1\"", "b=\"2\"", -1_i64);
        text.sample("", 0.25);
        let durations = histogram("x_seconds", "Durations.", &[0.5, 1.0]);
        durations.observe(0.75);
        for family in durations.collect() {
            text.gathered(&family);
        }
        text.finish();
        String::from_utf8(all).unwrap()
    }

    // M-001, M-002
    #[test]
    fn the_text_format() {
        let expected = "\
# HELP x_events_total Events, a\\\\b.
# TYPE x_events_total counter
x_events_total{name=\"a\\\"b\\\\c\\nd\"} 3
x_events_total{channel=\"stdout\"} 0
# HELP x_state State.
# TYPE x_state gauge
x_state{a=\"1\",b=\"2\"} -1
x_state 0.25
# HELP x_seconds Durations.
# TYPE x_seconds histogram
x_seconds_bucket{le=\"0.5\"} 0
x_seconds_bucket{le=\"1\"} 1
x_seconds_bucket{le=\"+Inf\"} 1
x_seconds_sum 0.75
x_seconds_count 1
";
        assert_eq!(written(Format::Text), expected);
    }

    // M-001
    #[test]
    fn open_metrics() {
        let text = written(Format::OpenMetrics);
        assert!(text.contains("# TYPE x_events counter\nx_events_total{"), "{text}");
        assert!(text.contains("x_seconds_bucket{le=\"1.0\"} 1\n"), "{text}");
        assert!(text.ends_with("x_seconds_count 1\n# EOF\n"), "{text}");
    }
}
