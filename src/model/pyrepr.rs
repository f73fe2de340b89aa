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
            _ if c.is_control() && u32::from(c) < 0x100 => {
                write!(out, "\\x{:02x}", u32::from(c)).expect("writing to a String cannot fail");
            }
            _ => out.push(c),
        }
    }
    out.push(quote);
    out
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
    }
}
