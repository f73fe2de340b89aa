//! Calls of the methods there are, with any parameters: each is answered, in well-formed XML, with a value or a
//! fault of the protocol. `call` reads the call from the input.

mod call;

use supervisor::wire::xmlrpc::{Answer, Value, encode, method_response};

use crate::server::{Door, Reply, World};
use call::Call;

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

/// One run.
pub fn run(input: &[u8]) {
    WORLD.with(|(world, methods)| {
        let Call { method, params } = Call::read(input, methods);
        if let Some(Answer::Fault { code, text }) = answer(world, &post(&encode::call(&method, &params))) {
            assert!(
                (1..=92).contains(&code) && text.starts_with(|c: char| c.is_ascii_uppercase()),
                "{code} {text}"
            );
        }
    });
}
