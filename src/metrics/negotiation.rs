//! Which format a client wants (M-001).

use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap};

use super::text::Format;
use crate::http::accept::choices;

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

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

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
