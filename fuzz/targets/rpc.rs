//! Any calls of the methods there are, with any parameters: each is answered, in well-formed XML, with a value or
//! a fault of the protocol.

#![no_main]

use std::borrow::Cow;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use supervisor::wire::xmlrpc::{Answer, Value, encode, method_response};
use supervisor_fuzz::server::{Door, Reply, World};

#[derive(Arbitrary, Debug)]
struct Call<'a> {
    method: u8,
    params: Vec<Param<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Param<'a> {
    Text(&'a str),
    Name,
    Group,
    All,
    Signal,
    Int(i64),
    Small(i8),
    Bool(bool),
    Double(f64),
    Array(Vec<Param<'a>>),
    Struct(Vec<(&'a str, Param<'a>)>),
    /// A struct as `system.multicall` takes it.
    Call(Box<Call<'a>>),
}

impl Param<'_> {
    fn value(&self, methods: &[String]) -> Value {
        let values = |items: &[Param<'_>]| Value::Array(items.iter().map(|it| it.value(methods)).collect());
        match self {
            Self::Text(text) => Value::from(*text),
            Self::Name => "g:p".into(),
            Self::Group => "g".into(),
            Self::All => "g:*".into(),
            Self::Signal => "TERM".into(),
            Self::Int(n) => Value::Int(*n),
            Self::Small(n) => Value::Int((*n).into()),
            Self::Bool(b) => Value::Bool(*b),
            Self::Double(d) => Value::Double(*d),
            Self::Array(items) => values(items),
            Self::Struct(members) => {
                let member =
                    |(name, it): &(&str, Param<'_>)| (Cow::Owned((*name).to_owned()), it.value(methods));
                Value::Struct(members.iter().map(member).collect())
            }
            Self::Call(call) => {
                let name = Value::from(call.name(methods));
                Value::record([("methodName", name), ("params", values(&call.params))])
            }
        }
    }
}

impl Call<'_> {
    fn name<'m>(&self, methods: &'m [String]) -> &'m str {
        &methods[usize::from(self.method) % methods.len()]
    }

    fn request(&self, methods: &[String]) -> String {
        let params: Vec<Value> = self.params.iter().map(|it| it.value(methods)).collect();
        post(&encode::call(self.name(methods), &params))
    }
}

fn post(body: &str) -> String {
    format!("POST /RPC2 HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn answer(world: &World, request: &str) -> Option<Answer> {
    let reply = world.exchange(Door::Open, &[request.as_bytes()]);
    let reply = Reply::read(&reply);
    match reply.status {
        200 => {
            let answer = method_response(reply.body);
            assert!(answer.is_some(), "{}", String::from_utf8_lossy(reply.body));
            answer
        }
        // Too long, or nested too deeply.
        413 | 400 => None,
        other => panic!("status {other}"),
    }
}

fn methods(world: &World) -> Vec<String> {
    match answer(world, &post(&encode::call("system.listMethods", &[]))) {
        Some(Answer::Value(Value::Array(names))) => {
            names.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
        }
        other => panic!("{other:?}"),
    }
}

thread_local! {
    static WORLD: (World, Vec<String>) = {
        let world = World::start();
        let methods = methods(&world);
        (world, methods)
    };
}

fuzz_target!(|call: Call<'_>| {
    WORLD.with(|(world, methods)| {
        if let Some(Answer::Fault { code, text }) = answer(world, &call.request(methods)) {
            assert!(
                (1..=92).contains(&code) && text.starts_with(|c: char| c.is_ascii_uppercase()),
                "{code} {text}"
            );
        }
    });
});
