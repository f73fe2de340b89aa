//! Method calls and answers as XML text.
//!
//! Written by hand into one buffer, with the layout that Python's library uses: the tags are fixed,
//! only texts need care (see `push_text`). Reading is the `decode` module's, on quick-xml.

use std::fmt::Write;

use bytes::Bytes;

use super::value::Value;

/// A call of a method.
pub fn call(method: &str, params: &[Value]) -> String {
    let mut out = String::with_capacity(256 + params.iter().map(estimate).sum::<usize>());
    out.push_str("<?xml version='1.0'?>\n<methodCall>\n<methodName>");
    push_text(&mut out, method);
    out.push_str("</methodName>\n<params>\n");
    for param in params {
        out.push_str("<param>\n");
        push_value(&mut out, param);
        out.push_str("</param>\n");
    }
    out.push_str("</params>\n</methodCall>\n");
    out
}

/// What stands before the value of an answer, and after it.
pub(super) const RESPONSE: [&str; 2] = [
    "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n",
    "</param>\n</params>\n</methodResponse>\n",
];

/// The answer of a method that succeeded.
pub fn response(value: &Value) -> String {
    let mut out = String::with_capacity(256 + estimate(value));
    out.push_str(RESPONSE[0]);
    push_value(&mut out, value);
    out.push_str(RESPONSE[1]);
    out
}

/// The same; an answer that is kept is not copied.
pub fn answer(value: &Value) -> Bytes {
    match value {
        Value::Whole(whole) => whole.response(),
        value => response(value).into(),
    }
}

/// The answer of a method that failed.
pub fn fault(code: i32, text: &str) -> String {
    let value = Value::record([("faultCode", code.into()), ("faultString", text.into())]);
    let mut out = String::with_capacity(512);
    out.push_str("<?xml version='1.0'?>\n<methodResponse>\n<fault>\n");
    push_value(&mut out, &value);
    out.push_str("</fault>\n</methodResponse>\n");
    out
}

/// About how long a value's text will be; a buffer that needs not grow is not copied.
pub fn estimate(value: &Value) -> usize {
    match value {
        Value::Array(items) => 64 + items.iter().map(estimate).sum::<usize>(),
        Value::Struct(members) => 64 + members.iter().map(|(n, v)| n.len() + 45 + estimate(v)).sum::<usize>(),
        Value::Str(text) => 36 + text.len(),
        Value::Bytes(data) => 36 + data.len(),
        Value::Int(_) | Value::Bool(_) | Value::Double(_) | Value::Nil => 36,
        Value::Filled(filled) => filled.estimate(),
        Value::Whole(whole) => whole.len(),
    }
}

pub(super) fn push_value(out: &mut String, value: &Value) {
    if let Value::Whole(whole) = value {
        return out.push_str(whole.text());
    }
    out.push_str("<value>");
    match value {
        Value::Int(n) => push_int(out, *n),
        Value::Bool(b) => {
            out.push_str(if *b { "<boolean>1</boolean>" } else { "<boolean>0</boolean>" });
        }
        Value::Str(text) => push_string(out, text),
        Value::Double(d) => push_double(out, *d),
        Value::Bytes(data) => push_string(out, &String::from_utf8_lossy(data)),
        Value::Array(items) => push_array(out, items),
        Value::Struct(members) => {
            push_struct(out, members.iter().map(|(name, value)| (&**name, value)), push_value);
        }
        Value::Nil => push_string(out, ""),
        Value::Filled(filled) => filled.push(out),
        Value::Whole(_) => {}
    }
    out.push_str("</value>\n");
}

fn push_int(out: &mut String, n: i64) {
    let n = n.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    out.push_str("<int>");
    // The formatting machinery would cost more than the digits.
    out.push_str(itoa::Buffer::new().format(n));
    out.push_str("</int>");
}

fn push_double(out: &mut String, d: f64) {
    write!(out, "<double>{d:?}</double>").expect("writing to a String cannot fail");
}

fn push_string(out: &mut String, text: &str) {
    out.push_str("<string>");
    push_text(out, text);
    out.push_str("</string>");
}

/// Appends a struct, each member's value as `push` has it.
pub(super) fn push_struct<'a, V>(
    out: &mut String,
    members: impl IntoIterator<Item = (&'a str, V)>,
    mut push: impl FnMut(&mut String, V),
) {
    out.push_str("<struct>\n");
    for (name, value) in members {
        out.push_str("<member>\n<name>");
        push_text(out, name);
        out.push_str("</name>\n");
        push(out, value);
        out.push_str("</member>\n");
    }
    out.push_str("</struct>");
}

fn push_array(out: &mut String, items: &[Value]) {
    out.push_str("<array><data>\n");
    for item in items {
        push_value(out, item);
    }
    out.push_str("</data></array>");
}

/// Appends a text so that any parser reads back the same (C-073, C-077), with U+FFFD for what XML 1.0
/// cannot hold (C-075). Stretches that need nothing are copied whole.
fn push_text(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| NEEDS_CARE[usize::from(byte)]) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = tail.chars();
        match chars.next() {
            Some('&') => out.push_str("&amp;"),
            Some('<') => out.push_str("&lt;"),
            Some('>') => out.push_str("&gt;"),
            Some('\r') => out.push_str("&#13;"),
            Some(c) if super::decode::is_xml_char(c) => out.push(c),
            Some(_) => out.push('\u{fffd}'),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}

const NEEDS_CARE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = needs_care(byte as u8);
        byte += 1;
    }
    table
};

/// Bytes that may begin a character that is not sent as it is; 0xef begins U+FFFE and U+FFFF.
const fn needs_care(byte: u8) -> bool {
    matches!(byte, b'&' | b'<' | b'>' | 0xef) || (byte < 0x20 && !matches!(byte, b'\t' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> String {
        let mut out = String::new();
        push_text(&mut out, text);
        out
    }

    #[test]
    fn what_is_encoded_is_decoded_again() {
        use super::super::decode::{Answer, method_call, method_response};

        let value = Value::record([("a<b", Value::Array(vec![1.into(), true.into(), "x\r\n&".into()]))]);
        let read = method_call(call("supervisor.f", &[value.clone(), 2.into()]).as_bytes()).unwrap();
        assert_eq!((read.name.as_str(), read.params), ("supervisor.f", vec![value.clone(), 2.into()]));
        assert_eq!(method_response(response(&value).as_bytes()), Some(Answer::Value(value)));
        let refused = Answer::Fault { code: 10, text: "BAD_NAME: é".into() };
        assert_eq!(method_response(fault(10, "BAD_NAME: é").as_bytes()), Some(refused));
    }

    // C-060; the bytes are those of Python's xmlrpc.client.dumps
    #[test]
    fn layout_of_an_answer() {
        let value = Value::record([
            ("n", 1.into()),
            ("b", true.into()),
            ("a", Value::Array(vec!["x".into(), Value::Double(1.5)])),
        ]);
        assert_eq!(
            response(&value),
            "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><struct>\n\
             <member>\n<name>n</name>\n<value><int>1</int></value>\n</member>\n\
             <member>\n<name>b</name>\n<value><boolean>1</boolean></value>\n</member>\n\
             <member>\n<name>a</name>\n<value><array><data>\n<value><string>x</string></value>\n\
             <value><double>1.5</double></value>\n</data></array></value>\n</member>\n\
             </struct></value>\n</param>\n</params>\n</methodResponse>\n"
        );
    }

    // C-060
    #[test]
    fn layout_of_a_fault() {
        assert_eq!(
            fault(10, "BAD_NAME: <x>"),
            "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n\
             <member>\n<name>faultCode</name>\n<value><int>10</int></value>\n</member>\n\
             <member>\n<name>faultString</name>\n<value><string>BAD_NAME: &lt;x&gt;</string></value>\n\
             </member>\n</struct></value>\n</fault>\n</methodResponse>\n"
        );
    }

    // C-073, C-075, C-077
    #[test]
    fn texts_are_escaped_and_cleaned() {
        assert_eq!(text("a&b<c>d\r\n\té"), "a&amp;b&lt;c&gt;d&#13;\n\té");
        assert_eq!(text("\x1b[1m\0"), "\u{fffd}[1m\u{fffd}");
        assert_eq!(text("\u{fffe}\u{ffff}\u{fffd}\u{feff}"), "\u{fffd}\u{fffd}\u{fffd}\u{feff}");
    }

    // C-071, C-072
    #[test]
    fn ints_are_clamped_and_nil_is_not_sent() {
        assert!(response(&Value::Int(5 << 30)).contains("<int>2147483647</int>"));
        assert!(response(&Value::Int(i64::MIN)).contains("<int>-2147483648</int>"));
        assert!(response(&Value::Nil).contains("<string></string>"));
    }
}
