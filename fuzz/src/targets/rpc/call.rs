//! A call as lines of text, which can be written by hand, and of which every change is a call again:
//!
//! ```text
//! system.multicall     the method
//! [                    an array, to the next "]"
//! (                    a struct as `system.multicall` takes it, to the next ")"
//! supervisor.signalProcess
//! sg:p                 a string; "i", "b" and "d" begin integers, booleans and doubles
//! sTERM
//! )
//! {                    a struct, to the next "}": a line with a name, lines with its value
//! name
//! i1
//! ```
//!
//! What is not closed is closed at the end; a line that begins like none of these is a string.

use std::borrow::Cow;

use supervisor::wire::xmlrpc::Value;

/// A call to be sent.
#[derive(Debug)]
pub struct Call {
    /// Its method; most are among those there are.
    pub method: String,
    /// Its parameters.
    pub params: Vec<Value>,
}

impl Call {
    /// Reads it from the input.
    pub fn read(input: &[u8], methods: &[String]) -> Self {
        let text = String::from_utf8_lossy(input);
        Reader { lines: &mut text.split('\n'), methods }.call("\0")
    }
}

struct Reader<'a> {
    lines: &'a mut dyn Iterator<Item = &'a str>,
    methods: &'a [String],
}

impl Reader<'_> {
    fn call(&mut self, end: &str) -> Call {
        let method = self.method();
        Call { method, params: self.values(end) }
    }

    /// One name in so many is taken as it is; what would be another unknown one is some method there is, so
    /// that a change of it calls that.
    fn method(&mut self) -> String {
        const UNKNOWN: usize = 8;
        let name = self.lines.next().unwrap_or_default();
        let sum: usize = name.bytes().map(usize::from).sum();
        if self.methods.iter().any(|it| it == name) || sum % UNKNOWN == 0 {
            name.to_owned()
        } else {
            self.methods[sum % self.methods.len()].clone()
        }
    }

    fn values(&mut self, end: &str) -> Vec<Value> {
        let mut values = Vec::new();
        while let Some(line) = self.lines.next().filter(|line| *line != end) {
            values.push(self.value(line));
        }
        values
    }

    fn members(&mut self) -> Vec<(Cow<'static, str>, Value)> {
        let mut members = Vec::new();
        while let Some(name) = self.lines.next().filter(|line| *line != "}") {
            let value = self.lines.next().unwrap_or_default();
            members.push((Cow::Owned(name.to_owned()), self.value(value)));
        }
        members
    }

    fn value(&mut self, line: &str) -> Value {
        match line {
            "[" => return Value::Array(self.values("]")),
            "{" => return Value::Struct(self.members()),
            "(" => return record(self.call(")")),
            _ => {}
        }
        let Some((kind, rest)) = line.split_at_checked(1) else { return Value::from(line) };
        match kind {
            "i" => Value::Int(rest.parse().unwrap_or(i64::MAX)),
            "b" => Value::Bool(rest == "1"),
            "d" => Value::Double(rest.parse().unwrap_or(f64::NAN)),
            "s" => Value::from(rest),
            _ => Value::from(line),
        }
    }
}

fn record(call: Call) -> Value {
    Value::record([("methodName", Value::from(call.method)), ("params", Value::Array(call.params))])
}
