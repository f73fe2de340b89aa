//! What a request asks for by name: the query of its address, and the form in its body.

use std::borrow::Cow;

use form_urlencoded::parse;
use hyper::Method;

use super::Request;

/// Fields with their values, decoded; bytes that are not UTF-8 are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// The fields of a request. Those of the body come before those of the query.
    pub fn of(request: &Request) -> Self {
        let body = if request.method() == Method::POST { &request.body()[..] } else { &[] };
        let query = request.uri().query().unwrap_or_default().as_bytes();
        Self(parse(body).chain(parse(query)).map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The value of a field, from where it is given first; an empty one counts as none (C-358).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| &**value)
    }
}

/// Fields of a query, in the order in which they are given, empty ones included.
pub(super) fn fields(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    parse(query.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(request: hyper::http::request::Builder, body: &'static str) -> Form {
        Form::of(&request.body(body.into()).unwrap())
    }

    // C-345
    #[test]
    fn bodies_come_before_queries() {
        let posted =
            form(hyper::Request::post("/?action=stop&x=1"), "action=start&processname=a%3Ab+%2B&=&&z");
        assert_eq!(posted.get("action"), Some("start"));
        assert_eq!(posted.get("processname"), Some("a:b +"));
        assert_eq!((posted.get("x"), posted.get("z"), posted.get("y")), (Some("1"), None, None));
        let got = form(hyper::Request::get("/?%61ction=stop&action=start"), "action=restart");
        assert_eq!(got.get("action"), Some("stop"));
    }

    // C-358
    #[test]
    fn an_empty_field_is_none() {
        assert_eq!(form(hyper::Request::get("/?action="), "").get("action"), None);
        assert_eq!(form(hyper::Request::get("/?action=%ff"), "").get("action"), Some("\u{fffd}"));
        assert_eq!(form(hyper::Request::get("/"), ""), Form::default());
    }
}
