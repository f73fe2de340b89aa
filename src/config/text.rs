//! White space and quoting as the reference's language sees them.

use crate::model::pyrepr;

/// Whether Python's `str.isspace` holds for `c`.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// `text` without the white space around it.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// `text` without the white space at its end.
pub(super) fn strip_end(text: &str) -> &str {
    text.trim_end_matches(is_blank)
}

/// `text` in quotes, as messages show values.
pub(super) fn quoted(text: &str) -> String {
    pyrepr::string(text)
}
