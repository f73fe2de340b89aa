//! Whether an action is obeyed: what a browser may have been tricked into sending needs a proof (C-603, C-604).
//!
//! `http` has refused already what comes from pages of other sites (C-601, C-602).

use std::fmt::Write as _;

use hyper::Method;
use hyper::header::HeaderMap;
use subtle::ConstantTimeEq;

use crate::http::browser;

/// Bytes of chance in a token.
const LENGTH: usize = 16;

/// What only this daemon's pages know: forms carry it along. Lives as long as the daemon.
pub struct Token(String);

impl Token {
    /// A new one, in hexadecimal digits.
    ///
    /// # Errors
    ///
    /// The system has no chance to give.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String cannot fail");
            text
        })))
    }

    /// As forms carry it.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Whether this is it; how long that takes tells nothing.
    fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

/// What becomes of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is carried out.
    Obey,
    /// The user is asked whether it was meant.
    Ask,
    /// It is refused: why.
    Refuse(&'static str),
}

/// Judges a request with an action, and with the token that came with it.
pub(super) fn judge(method: &Method, headers: &HeaderMap, given: Option<&str>, token: &Token) -> Verdict {
    if *method != Method::POST {
        let sure = !browser::is_named(headers) || browser::is_sent_from_here(headers);
        return if sure { Verdict::Obey } else { Verdict::Ask };
    }
    match given {
        Some(given) if token.is(given) => Verdict::Obey,
        Some(_) => Verdict::Refuse("the form's token is wrong"),
        None if browser::is_sent(headers) => Verdict::Refuse("the form has no token"),
        None => Verdict::Obey,
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    const BROWSER: (&str, &str) = ("user-agent", "Mozilla/5.0");

    fn verdict(method: &Method, headers: &[(&'static str, &'static str)], given: Option<&str>) -> Verdict {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        judge(method, &headers, given, &Token("secret".into()))
    }

    // C-603
    #[test]
    fn links_that_a_browser_follows() {
        let get = |headers: &[(&'static str, &'static str)]| verdict(&Method::GET, headers, None);
        assert_eq!(get(&[]), Verdict::Obey);
        assert_eq!(get(&[("user-agent", "curl/8.14.1")]), Verdict::Obey);
        assert_eq!(get(&[BROWSER]), Verdict::Ask);
        assert_eq!(get(&[BROWSER, ("sec-fetch-site", "cross-site")]), Verdict::Ask);
        assert_eq!(get(&[BROWSER, ("sec-fetch-site", "none")]), Verdict::Obey);
        assert_eq!(get(&[BROWSER, ("host", "a:1"), ("referer", "http://a:1/")]), Verdict::Obey);
        assert_eq!(get(&[BROWSER, ("host", "a:1"), ("referer", "http://b:1/")]), Verdict::Ask);
    }

    // C-604
    #[test]
    fn forms() {
        let post = |headers: &[(&'static str, &'static str)], given| verdict(&Method::POST, headers, given);
        assert_eq!(post(&[], None), Verdict::Obey);
        assert_eq!(post(&[BROWSER], Some("secret")), Verdict::Obey);
        for wrong in ["secre", "secret2", "Secret", ""] {
            assert!(matches!(post(&[], Some(wrong)), Verdict::Refuse(_)), "{wrong}");
        }
        for sign in [BROWSER, ("origin", "http://a"), ("referer", "http://a/"), ("sec-fetch-site", "none")] {
            assert!(matches!(post(&[sign], None), Verdict::Refuse(_)), "{sign:?}");
        }
    }

    // C-604
    #[test]
    fn tokens_are_long_and_differ() {
        let (one, other) = (Token::new().unwrap(), Token::new().unwrap());
        assert!(one.text() != other.text() && one.text().len() == 2 * LENGTH);
        assert!(one.text().chars().all(|digit| digit.is_ascii_hexdigit()));
    }
}
