//! Which format a client wants (M-001).

use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName};

use super::text::Format;

/// One of a header's alternatives.
struct Choice<'a> {
    name: &'a str,
    version: Option<&'a str>,
    weight: f32,
}

/// The text format, unless the client prefers OpenMetrics.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let (mut open, mut plain) = (0.0_f32, 0.0_f32);
    for choice in choices(headers, ACCEPT) {
        match choice.name {
            "application/openmetrics-text" if choice.version.is_none_or(|version| version == "1.0.0") => {
                open = open.max(choice.weight);
            }
            "text/plain" | "text/*" => plain = plain.max(choice.weight),
            _ => {}
        }
    }
    if open > plain { Format::OpenMetrics } else { Format::Text }
}

/// Whether the client takes gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    choices(headers, ACCEPT_ENCODING)
        .any(|choice| choice.name.eq_ignore_ascii_case("gzip") && choice.weight > 0.0)
}

fn choices(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Choice<'_>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    // M-001
    #[test]
    fn open_metrics_only_where_it_is_preferred() {
        let rows = [
            ("", Format::Text),
            ("*/*", Format::Text),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text; version=\"1.0.0\"; q=0.9, text/plain;q=0.5", Format::OpenMetrics),
            ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4", Format::Text),
            ("application/openmetrics-text;version=2.0.0,text/plain;q=0.5", Format::Text),
            ("application/openmetrics-text;q=x", Format::Text),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
        ];
        for (value, wanted) in rows {
            assert_eq!(format(&accepting(ACCEPT, value)), wanted, "{value}");
        }
        assert_eq!(format(&HeaderMap::new()), Format::Text);
    }

    // M-001
    #[test]
    fn compression_only_where_it_is_taken() {
        for (value, wanted) in
            [("gzip", true), ("br, GZIP;q=0.1", true), ("gzip;q=0", false), ("deflate", false)]
        {
            assert_eq!(takes_gzip(&accepting(ACCEPT_ENCODING, value)), wanted, "{value}");
        }
    }
}
