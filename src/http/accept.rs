//! What a client says it takes: headers of weighted alternatives (RFC 9110, 12.4 and 12.5).

use hyper::header::{HeaderMap, HeaderName};

/// One of a header's alternatives.
pub struct Choice<'a> {
    /// The media type or coding, as it is written.
    pub name: &'a str,
    /// The parameter `version`, without quotes.
    pub version: Option<&'a str>,
    /// The parameter `q`: 1 where there is none, 0 where it is no number.
    pub weight: f32,
}

/// All alternatives of a header, in their order.
pub fn choices(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Choice<'_>> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(choice)
}

fn choice(text: &str) -> Choice<'_> {
    let mut parts = text.split(';').map(str::trim);
    let mut choice = Choice { name: parts.next().unwrap_or_default(), version: None, weight: 1.0 };
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        match name.trim() {
            "q" => choice.weight = value.trim().parse().unwrap_or(0.0),
            "version" => choice.version = Some(value.trim().trim_matches('"')),
            _ => {}
        }
    }
    choice
}
