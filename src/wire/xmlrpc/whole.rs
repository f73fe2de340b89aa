//! A value with the text of the whole answer that consists of it: sent again and again without a copy.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::encode::{RESPONSE, response};
use super::value::Value;

/// A value whose answer is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    response: Bytes,
    /// Where in it the value is, tags included.
    value: Range<usize>,
}

impl Whole {
    /// Encodes a value once and for all.
    pub fn of(value: &Value) -> Value {
        let response = response(value);
        let value = RESPONSE[0].len()..response.len() - RESPONSE[1].len();
        Value::Whole(Arc::new(Self { response: response.into(), value }))
    }

    /// The answer.
    pub(super) fn response(&self) -> Bytes {
        self.response.clone()
    }

    /// The length of its text, in bytes.
    pub(super) fn len(&self) -> usize {
        self.response.len()
    }

    /// The value as part of another one.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.response[self.value.clone()]).expect("it was a text, cut between two tags")
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode::answer;
    use super::*;

    #[test]
    fn it_is_encoded_as_the_value_itself() {
        let plain = Value::Array(vec![Value::record([("<a>", "\u{e9}&".into()), ("b", 1.into())]), 2.into()]);
        let whole = Whole::of(&plain);
        assert_eq!(answer(&whole), answer(&plain));
        let nested = |value: Value| answer(&Value::Array(vec![1.into(), value, "x".into()]));
        assert_eq!(nested(whole), nested(plain));
    }
}
