//! Structs of which little differs from answer to answer: their text is kept, with gaps.
//!
//! Most of an answer about many processes is the same each time, so that copying it costs a fraction of
//! what encoding it anew does.

use std::sync::Arc;

use super::encode::{estimate, push_struct, push_value};
use super::value::Value;

/// The text of a struct without some of its members' values.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    text: Box<str>,
    /// Where in the text a value is missing, in order.
    gaps: Box<[usize]>,
}

/// A template, and what is in its gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Filled {
    template: Arc<Template>,
    values: Vec<Value>,
}

impl Template {
    /// Of a struct with these members; those without a value are the gaps.
    pub fn new<'a>(members: impl IntoIterator<Item = (&'a str, Option<Value>)>) -> Self {
        let (mut text, mut gaps) = (String::new(), Vec::new());
        push_struct(&mut text, members, |text, value| match value {
            Some(value) => push_value(text, &value),
            None => gaps.push(text.len()),
        });
        Self { text: text.into(), gaps: gaps.into() }
    }

    /// The struct with these values in its gaps, in order. A gap without a value becomes an empty text.
    pub fn fill(self: &Arc<Self>, values: Vec<Value>) -> Value {
        Value::Filled(Box::new(Filled { template: Arc::clone(self), values }))
    }
}

impl Filled {
    /// About how long its text will be.
    pub(super) fn estimate(&self) -> usize {
        64 + self.template.text.len() + self.values.iter().map(estimate).sum::<usize>()
    }

    /// Appends its text.
    pub(super) fn push(&self, out: &mut String) {
        let Template { text, gaps } = &*self.template;
        let mut done = 0;
        for (nth, &gap) in gaps.iter().enumerate() {
            out.push_str(&text[done..gap]);
            push_value(out, self.values.get(nth).unwrap_or(&Value::Nil));
            done = gap;
        }
        out.push_str(&text[done..]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode::response;
    use super::*;

    #[test]
    fn a_filled_template_is_the_struct_as_it_is_encoded_otherwise() {
        let plain =
            Value::record([("<a>", "é&".into()), ("b", 1.into()), ("c", "<".into()), ("d", 2.into())]);
        let members = [("<a>", Some("é&".into())), ("b", None), ("c", None), ("d", Some(2.into()))];
        let filled = Arc::new(Template::new(members)).fill(vec![1.into(), "<".into()]);
        assert_eq!(response(&filled), response(&plain));
        let nested = |value: Value| response(&Value::Array(vec![1.into(), value, "x".into()]));
        assert_eq!(nested(filled), nested(plain));
    }

    #[test]
    fn gaps_at_both_ends_and_without_values() {
        let template = Arc::new(Template::new([("a", None), ("b", None)]));
        let plain = Value::record([("a", 7.into()), ("b", "".into())]);
        assert_eq!(response(&template.fill(vec![7.into()])), response(&plain));
        let surplus = template.fill(vec![7.into(), "".into(), 9.into()]);
        assert_eq!(response(&surplus), response(&plain));
        let whole = Arc::new(Template::new([("a", Some(Value::Nil))]));
        assert_eq!(response(&whole.fill(vec![])), response(&Value::record([("a", "".into())])));
    }
}
