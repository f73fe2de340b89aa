//! A minimal XML-RPC client over a unix socket: calls, and answers as plain values.
//!
//! Kept apart from the library's own code, so that the tests do not believe what they test.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use quick_xml::Reader;
use quick_xml::events::Event;

/// An answer's value; every scalar is its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// string, int, boolean.
    Scalar(String),
    /// array.
    List(Vec<Value>),
    /// struct.
    Struct(BTreeMap<String, Value>),
}

impl Value {
    /// The text of a scalar, empty for others.
    pub fn text(&self) -> &str {
        match self {
            Self::Scalar(text) => text,
            _ => "",
        }
    }

    /// A member of a struct as text, empty when there is none.
    pub fn member(&self, name: &str) -> &str {
        match self {
            Self::Struct(members) => members.get(name).map_or("", Self::text),
            _ => "",
        }
    }

    /// The elements of a list, none for others.
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::List(elements) => elements,
            _ => &[],
        }
    }
}

/// Calls a method with string parameters; the error is what went wrong, faults included.
pub fn call(socket: &Path, method: &str, parameters: &[&str]) -> Result<Value, String> {
    let answer = post(socket, &request(method, parameters)).map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no HTTP answer")?;
    if !head.lines().next().unwrap_or_default().contains(" 200 ") {
        return Err(head.lines().next().unwrap_or_default().to_owned());
    }
    let value = parse(body)?;
    if body.contains("<fault>") {
        return Err(format!("{} {}", value.member("faultCode"), value.member("faultString")));
    }
    Ok(value)
}

fn request(method: &str, parameters: &[&str]) -> String {
    let parameters: String = parameters
        .iter()
        .map(|it| {
            format!("<param><value><string>{}</string></value></param>", quick_xml::escape::escape(*it))
        })
        .collect();
    format!(
        "<?xml version='1.0'?><methodCall><methodName>{method}</methodName><params>{parameters}</params></methodCall>"
    )
}

fn post(socket: &Path, body: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(
        stream,
        "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The first value in an answer.
fn parse(body: &str) -> Result<Value, String> {
    let mut reader = Reader::from_str(body);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) if tag.name().as_ref() == b"value" => return value(&mut reader),
            Event::Eof => return Err("an answer without a value".to_owned()),
            _ => {}
        }
    }
}

/// Reads on from behind `<value>` to behind `</value>`.
fn value(reader: &mut Reader<&[u8]>) -> Result<Value, String> {
    let mut scalar = String::new();
    let mut result = None;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) if tag.name().as_ref() == b"array" => result = Some(list(reader)?),
            Event::Start(tag) if tag.name().as_ref() == b"struct" => result = Some(structure(reader)?),
            Event::Text(text) => scalar.push_str(&text.decode().map_err(|error| error.to_string())?),
            Event::GeneralRef(name) => scalar.push_str(&entity(&name)),
            Event::End(tag) if tag.name().as_ref() == b"value" => {
                return Ok(result.unwrap_or(Value::Scalar(scalar)));
            }
            Event::Eof => return Err("an answer that is cut short".to_owned()),
            _ => {}
        }
    }
}

fn list(reader: &mut Reader<&[u8]>) -> Result<Value, String> {
    let mut elements = Vec::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) if tag.name().as_ref() == b"value" => elements.push(value(reader)?),
            Event::End(tag) if tag.name().as_ref() == b"array" => return Ok(Value::List(elements)),
            Event::Eof => return Err("an array that is cut short".to_owned()),
            _ => {}
        }
    }
}

fn structure(reader: &mut Reader<&[u8]>) -> Result<Value, String> {
    let mut members = BTreeMap::new();
    let mut name = String::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) if tag.name().as_ref() == b"name" => name.clear(),
            Event::Text(text) => name.push_str(text.decode().map_err(|error| error.to_string())?.trim()),
            Event::Start(tag) if tag.name().as_ref() == b"value" => {
                members.insert(std::mem::take(&mut name), value(reader)?);
            }
            Event::End(tag) if tag.name().as_ref() == b"struct" => return Ok(Value::Struct(members)),
            Event::Eof => return Err("a struct that is cut short".to_owned()),
            _ => {}
        }
    }
}

fn entity(name: &[u8]) -> String {
    match name {
        b"lt" => "<".to_owned(),
        b"gt" => ">".to_owned(),
        b"amp" => "&".to_owned(),
        b"quot" => "\"".to_owned(),
        b"apos" => "'".to_owned(),
        other => format!("&{};", String::from_utf8_lossy(other)),
    }
}
