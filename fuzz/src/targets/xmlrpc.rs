//! XML-RPC: any bytes decode or are refused, and what was decoded comes through encoding as it is, but for what
//! the wire cannot hold.

use supervisor::wire::xmlrpc::{Answer, MethodCall, Value, encode, method_call, method_response};

/// The value as the other side gets it: numbers of 32 bits, no bytes, no nil, only XML's characters.
fn sent(value: Value) -> Value {
    match value {
        Value::Int(n) => Value::Int(n.clamp(i32::MIN.into(), i32::MAX.into())),
        Value::Str(text) => Value::Str(clean(&text)),
        Value::Bytes(data) => Value::Str(clean(&String::from_utf8_lossy(&data))),
        Value::Array(items) => Value::Array(items.into_iter().map(sent).collect()),
        Value::Struct(members) => {
            Value::Struct(members.into_iter().map(|(name, it)| (clean(&name).into(), sent(it))).collect())
        }
        Value::Nil => Value::Str(String::new()),
        Value::Filled(_) | Value::Whole(_) => unreachable!("they only go out"),
        Value::Bool(_) | Value::Double(_) => value,
    }
}

fn clean(text: &str) -> String {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect()
}

/// Shown, since NaN is not equal to itself.
fn assert_same(decoded: &impl std::fmt::Debug, expected: &impl std::fmt::Debug) {
    assert_eq!(format!("{decoded:?}"), format!("{expected:?}"));
}

fn check_call(bytes: &[u8]) {
    let Ok(MethodCall { name, params }) = method_call(bytes) else { return };
    let text = encode::call(&name, &params);
    let expected = MethodCall { name: clean(&name), params: params.into_iter().map(sent).collect() };
    assert_same(&method_call(text.as_bytes()), &Ok::<_, ()>(expected));
}

fn check_answer(bytes: &[u8]) {
    let (text, expected) = match method_response(bytes) {
        None => return,
        Some(Answer::Value(value)) => (encode::response(&value), Answer::Value(sent(value))),
        Some(Answer::Fault { code, text }) => {
            (encode::fault(code, &text), Answer::Fault { code, text: clean(&text) })
        }
    };
    assert_same(&method_response(text.as_bytes()), &Some(expected));
}

/// One run.
pub fn run(bytes: &[u8]) {
    check_call(bytes);
    check_answer(bytes);
}
