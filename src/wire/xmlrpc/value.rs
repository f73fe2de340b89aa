//! One value of an XML-RPC call or answer, and how methods look at the values they are given.
//!
//! A tree rather than serde types: a call's parameters have no shape before the method is known, and
//! `system.multicall` puts together answers of every shape.

use std::borrow::Cow;
use std::sync::Arc;

use super::template::Filled;
use super::whole::Whole;

/// A value. `nil` only comes in; answers never hold it (C-072).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `int`, `i4`, `i8`; wider than the wire's 32 bits, clamped when sent (C-071).
    Int(i64),
    /// `boolean`.
    Bool(bool),
    /// `string`, an untagged value, `dateTime.iso8601`.
    Str(String),
    /// `double`.
    Double(f64),
    /// `base64`, decoded; sent as `string`.
    Bytes(Vec<u8>),
    /// `array`.
    Array(Vec<Value>),
    /// `struct`, its members as they came.
    Struct(Vec<(Cow<'static, str>, Value)>),
    /// `nil`.
    Nil,
    /// A struct whose text is kept. It only goes out: its members cannot be asked for.
    Filled(Box<Filled>),
    /// Anything whose text is kept. It only goes out, too.
    Whole(Arc<Whole>),
}

impl Value {
    /// A struct with these members.
    pub fn record<const N: usize>(members: [(&'static str, Self); N]) -> Self {
        Self::Struct(members.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
    }

    /// Whether it counts as true: everything but zero, false, nil and what is empty (C-064).
    pub fn is_true(&self) -> bool {
        match self {
            Self::Int(n) => *n != 0,
            Self::Bool(b) => *b,
            Self::Str(s) => !s.is_empty(),
            Self::Double(d) => *d != 0.0,
            Self::Bytes(b) => !b.is_empty(),
            Self::Array(items) => !items.is_empty(),
            Self::Struct(members) => !members.is_empty(),
            Self::Nil => false,
            Self::Filled(_) | Self::Whole(_) => true,
        }
    }

    /// The bytes of a text, whether it came as `string` or as `base64` (C-062).
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Str(s) => Some(s.as_bytes()),
            Self::Bytes(b) => Some(b),
            _ => None,
        }
    }

    /// A text in UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// A number, also one given as text or as a double, which is cut (C-069).
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            Self::Bool(b) => Some(i64::from(*b)),
            Self::Double(d) if d.is_finite() => Some(*d as i64),
            Self::Str(s) => s.trim().parse().ok(),
            _ => None,
        }
    }

    /// The member of this name; where a name is repeated, the last.
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Struct(members) => members.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Self {
        Self::Int(i64::from(n))
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-064
    #[test]
    fn truth() {
        for value in [0.into(), "".into(), false.into(), Value::Nil, Value::Array(vec![]), Value::Double(0.0)]
        {
            assert!(!value.is_true(), "{value:?}");
        }
        for value in [1.into(), "no".into(), "0".into(), true.into(), Value::Array(vec![Value::Nil])] {
            assert!(value.is_true(), "{value:?}");
        }
    }

    // C-069
    #[test]
    fn numbers_as_text_and_doubles_are_taken() {
        assert_eq!(Value::from(" 10 ").as_int(), Some(10));
        assert_eq!(Value::Double(-2.9).as_int(), Some(-2));
        assert_eq!(Value::Double(f64::NAN).as_int(), None);
        assert_eq!(Value::Array(vec![]).as_int(), None);
    }

    #[test]
    fn the_last_of_repeated_members_counts() {
        let value = Value::record([("a", 1.into()), ("a", 2.into())]);
        assert_eq!(value.member("a"), Some(&Value::Int(2)));
        assert_eq!(value.member("b"), None);
    }
}
