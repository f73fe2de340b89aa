//! Text as Python's `repr` shows it, which messages and payloads of the reference contain.

use std::fmt::Write;

/// A bytes object (E-064): `b'...'`, or `b"..."` where it has `'` but no `"`.
pub fn bytes(data: &[u8]) -> String {
    let quote = if data.contains(&b'\'') && !data.contains(&b'"') { '"' } else { '\'' };
    let mut out = format!("b{quote}");
    for &byte in data {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            _ if char::from(byte) == quote => {
                out.push('\\');
                out.push(quote);
            }
            0x20..=0x7e => out.push(char::from(byte)),
            _ => write!(out, "\\x{byte:02x}").expect("writing to a String cannot fail"),
        }
    }
    out.push(quote);
    out
}

/// A string: quotes chosen likewise, characters that cannot be printed escaped.
pub fn string(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            _ if c == quote => {
                out.push('\\');
                out.push(quote);
            }
            _ if is_printable(c) => out.push(c),
            _ => {
                match u32::from(c) {
                    code @ ..0x100 => write!(out, "\\x{code:02x}"),
                    code @ ..0x1_0000 => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                }
                .expect("writing to a String cannot fail");
            }
        }
    }
    out.push(quote);
    out
}

/// Whether `str.isprintable` holds, which is what Rust's own escaping goes by too. It also escapes a
/// combining character at the start of a text, so there is something before it here.
fn is_printable(c: char) -> bool {
    let text = ['a', c].iter().collect::<String>();
    matches!(c, '\'' | '"' | '\\') || text.escape_debug().nth(2).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    // E-064
    #[test]
    fn quotes_and_escapes_of_bytes() {
        assert_eq!(bytes(b"a'b"), "b\"a'b\"");
        assert_eq!(bytes(b"a'b\"c"), "b'a\\'b\"c'");
        assert_eq!(bytes("é\t\\\n".as_bytes()), "b'\\xc3\\xa9\\t\\\\\\n'");
    }

    #[test]
    fn quotes_and_escapes_of_strings() {
        assert_eq!(string("it's"), "\"it's\"");
        assert_eq!(string("é\n\x01"), "'é\\n\\x01'");
        assert_eq!(string("\u{feff}\u{a0}\u{e0001}e\u{301}"), "'\\ufeff\\xa0\\U000e0001e\u{301}'");
    }
}
