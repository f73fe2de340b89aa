//! Method calls and answers from XML text, whatever bytes the other side sends.
//!
//! quick-xml cuts the text into tags; here is what they mean. Entities beyond XML's own five are
//! refused together with document types (C-079), depth and number of values are bounded.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::value::Value;

/// Deepest nesting of arrays and structs.
const MAX_DEPTH: usize = 64;
/// Most values in one call.
const MAX_VALUES: usize = 1 << 20;

/// Padding may be missing, as Python has it; stray bits at the end are nobody's concern.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What a client asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodCall {
    /// The method's name, never empty.
    pub name: String,
    /// Its parameters.
    pub params: Vec<Value>,
}

/// A body that is no method call (C-066).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedCall {
    /// Not well-formed, or something where it must not be.
    Unmarshallable,
    /// No name, or an empty one.
    NoMethodName,
}

impl std::fmt::Display for MalformedCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unmarshallable => "unmarshallable",
            Self::NoMethodName => "no method name",
        })
    }
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The method succeeded.
    Value(Value),
    /// It failed.
    Fault {
        /// The fault's code.
        code: i32,
        /// Its text.
        text: String,
    },
}

/// Reads a `methodCall` (C-060 to C-079).
pub fn method_call(body: &[u8]) -> Result<MethodCall, MalformedCall> {
    let text = std::str::from_utf8(body).map_err(|_| MalformedCall::Unmarshallable)?;
    let mut parser = Parser::new(text, Strictness::Xml);
    let (name, params) = parser.call().ok_or(MalformedCall::Unmarshallable)?;
    match name {
        Some(name) if !name.is_empty() => Ok(MethodCall { name, params }),
        _ => Err(MalformedCall::NoMethodName),
    }
}

/// Reads a `methodResponse`; `None` if it is none. Characters that XML does not allow are taken as they
/// are: a server may send them in the text of a log, which users want to see.
pub fn method_response(body: &[u8]) -> Option<Answer> {
    // Mostly it is UTF-8, which is found out faster than what is not.
    let text = std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed);
    Parser::new(&text, Strictness::AnyText).response()
}

/// Whether XML 1.0 allows the character in a document.
pub(super) const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// What comes next within an element.
enum Piece<'a> {
    Open(&'a str),
    Close,
    Text(Cow<'a, str>),
}

/// Which characters may occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strictness {
    /// Those of XML 1.0.
    Xml,
    /// All.
    AnyText,
}

struct Parser<'a> {
    reader: Reader<&'a [u8]>,
    strictness: Strictness,
    values: usize,
}

/// `None` throughout: the text is not what it should be; why is of no use to anybody.
impl<'a> Parser<'a> {
    fn new(text: &'a str, strictness: Strictness) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self { reader, strictness, values: 0 }
    }

    fn response(&mut self) -> Option<Answer> {
        if self.open_between()? != Some("methodResponse") {
            return None;
        }
        let answer = match self.open_between()? {
            Some("params") => Answer::Value(self.params()?.into_iter().next()?),
            Some("fault") => self.fault()?,
            _ => return None,
        };
        self.close()?;
        self.nothing_more()?;
        Some(answer)
    }

    /// The rest of an opened `fault`.
    fn fault(&mut self) -> Option<Answer> {
        if self.open_between()? != Some("value") {
            return None;
        }
        let value = self.value(0)?;
        self.close()?;
        let code = value.member("faultCode")?.as_int()?.try_into().ok()?;
        let text = value.member("faultString")?.as_str()?.to_owned();
        Some(Answer::Fault { code, text })
    }

    fn call(&mut self) -> Option<(Option<String>, Vec<Value>)> {
        let root = self.open_between()?;
        if root != Some("methodCall") {
            return None;
        }
        let (mut name, mut params) = (None, Vec::new());
        while let Some(tag) = self.open_between()? {
            match tag {
                "methodName" => name = Some(self.text()?.into_owned()),
                "params" => params = self.params()?,
                _ => self.skip()?,
            }
        }
        self.nothing_more()?;
        Some((name, params))
    }

    fn params(&mut self) -> Option<Vec<Value>> {
        let mut params = Vec::new();
        while let Some(tag) = self.open_between()? {
            if tag != "param" || self.open_between()? != Some("value") {
                return None;
            }
            params.push(self.value(0)?);
            self.close()?;
        }
        Some(params)
    }

    /// The rest of an opened `value`.
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.values += 1;
        if depth > MAX_DEPTH || self.values > MAX_VALUES {
            return None;
        }
        let mut text = Cow::default();
        loop {
            match self.next()? {
                Piece::Text(more) => append(&mut text, more),
                Piece::Close => return Some(Value::Str(text.into_owned())),
                Piece::Open(tag) => {
                    let value = self.typed(tag, depth)?;
                    self.close()?;
                    return Some(value);
                }
            }
        }
    }

    /// The rest of an opened element within `value`.
    fn typed(&mut self, tag: &str, depth: usize) -> Option<Value> {
        Some(match tag {
            "array" => Value::Array(self.array(depth)?),
            "struct" => Value::Struct(self.members(depth)?),
            "int" | "i4" | "i8" => Value::Int(int(&self.text()?)?),
            "boolean" => Value::Bool(self.text()? == "1"),
            "double" => Value::Double(self.text()?.trim().parse().ok()?),
            "base64" => Value::Bytes(base64(&self.text()?)?),
            "nil" => {
                self.text()?;
                Value::Nil
            }
            // string, dateTime.iso8601, and types this side does not know
            _ => Value::Str(self.text()?.into_owned()),
        })
    }

    fn array(&mut self, depth: usize) -> Option<Vec<Value>> {
        let mut items = Vec::new();
        match self.open_between()? {
            None => return Some(items),
            Some("data") => {}
            Some(_) => return None,
        }
        while let Some(tag) = self.open_between()? {
            if tag != "value" {
                return None;
            }
            items.push(self.value(depth + 1)?);
        }
        self.close()?;
        Some(items)
    }

    fn members(&mut self, depth: usize) -> Option<Vec<(Cow<'static, str>, Value)>> {
        let mut members = Vec::new();
        while let Some(tag) = self.open_between()? {
            if tag != "member" || self.open_between()? != Some("name") {
                return None;
            }
            let name = self.text()?.into_owned();
            if self.open_between()? != Some("value") {
                return None;
            }
            members.push((name.into(), self.value(depth + 1)?));
            self.close()?;
        }
        Some(members)
    }

    /// The next opening tag among an element's children; `None` within at its end.
    fn open_between(&mut self) -> Option<Option<&'a str>> {
        // A third of all pieces would be the white space between two tags.
        self.reader.config_mut().trim_text_start = true;
        let found = self.tag_between();
        self.reader.config_mut().trim_text_start = false;
        found
    }

    fn tag_between(&mut self) -> Option<Option<&'a str>> {
        loop {
            match self.next()? {
                Piece::Open(tag) => return Some(Some(tag)),
                Piece::Close => return Some(None),
                Piece::Text(text) if text.trim_ascii().is_empty() => {}
                Piece::Text(_) => return None,
            }
        }
    }

    /// The end of an element that has no more children.
    fn close(&mut self) -> Option<()> {
        self.open_between()?.is_none().then_some(())
    }

    /// All text of an element without children.
    fn text(&mut self) -> Option<Cow<'a, str>> {
        let mut text = Cow::default();
        loop {
            match self.next()? {
                Piece::Text(more) => append(&mut text, more),
                Piece::Close => return Some(text),
                Piece::Open(_) => return None,
            }
        }
    }

    /// The rest of an element that nobody asked for.
    fn skip(&mut self) -> Option<()> {
        let mut open = 1_usize;
        while open > 0 {
            match self.next()? {
                Piece::Open(_) => open += 1,
                Piece::Close => open -= 1,
                Piece::Text(_) => {}
            }
        }
        Some(())
    }

    /// The next piece; `None` also at the end of the document, which nobody reads to but
    /// [`Self::nothing_more`].
    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            return Some(match self.reader.read_event().ok()? {
                Event::Start(tag) => Piece::Open(self.tag_name(&tag)?),
                Event::End(_) => Piece::Close,
                Event::Text(text) => Piece::Text(self.checked(text.xml10_content().ok()?)?),
                Event::CData(text) => Piece::Text(self.checked(text.xml10_content().ok()?)?),
                Event::GeneralRef(reference) => Piece::Text(self.resolve(&reference)?),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
                Event::DocType(_) | Event::Empty(_) | Event::Eof => return None,
            });
        }
    }

    /// The name in a tag, borrowed from the document rather than from the event.
    fn tag_name(&self, tag: &quick_xml::events::BytesStart<'_>) -> Option<&'a str> {
        const KNOWN: [&str; 20] = [
            "value",
            "name",
            "member",
            "string",
            "int",
            "i4",
            "i8",
            "boolean",
            "double",
            "base64",
            "nil",
            "array",
            "data",
            "struct",
            "param",
            "params",
            "methodName",
            "methodCall",
            "methodResponse",
            "fault",
        ];
        let name = tag.name();
        Some(KNOWN.into_iter().find(|known| known.as_bytes() == name.as_ref()).unwrap_or("?"))
    }

    fn checked<'t>(&self, text: Cow<'t, str>) -> Option<Cow<'t, str>> {
        let allowed = self.strictness == Strictness::AnyText || text.chars().all(is_xml_char);
        allowed.then_some(text)
    }

    /// A character reference, or one of the five entities of XML itself.
    fn resolve(&self, reference: &BytesRef<'_>) -> Option<Cow<'static, str>> {
        if let Some(c) = reference.resolve_char_ref().ok()? {
            return self.checked(c.to_string().into());
        }
        quick_xml::escape::resolve_predefined_entity(&reference.decode().ok()?).map(Cow::Borrowed)
    }

    /// White space and comments up to the end of the document.
    fn nothing_more(&mut self) -> Option<()> {
        loop {
            match self.reader.read_event().ok()? {
                Event::Eof => return Some(()),
                Event::Comment(_) | Event::PI(_) => {}
                Event::Text(text) if text.trim_ascii().is_empty() => {}
                _ => return None,
            }
        }
    }
}

/// Mostly there is but one piece.
fn append<'a>(text: &mut Cow<'a, str>, more: Cow<'a, str>) {
    if text.is_empty() {
        *text = more;
    } else {
        text.to_mut().push_str(&more);
    }
}

/// Digits with an optional sign; what does not fit is clamped.
fn int(text: &str) -> Option<i64> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};

    match text.trim().parse::<i64>() {
        Ok(n) => Some(n),
        Err(error) => match error.kind() {
            PosOverflow => Some(i64::MAX),
            NegOverflow => Some(i64::MIN),
            _ => None,
        },
    }
}

/// Base64 as senders break it into lines.
fn base64(text: &str) -> Option<Vec<u8>> {
    let joined: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    BASE64.decode(joined).ok()
}

#[cfg(test)]
mod tests;
