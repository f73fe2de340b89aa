//! Any bytes to the control servers: each is answered properly or hung up on, nothing hangs, and without the
//! password nothing gets through. A zero byte ends a piece of what is sent.

use crate::server::{Door, Reply, World};

/// How the scripts of pages begin: what a client sends becomes none.
const OWN_SCRIPT: &str = "<script src=\"";

/// Between two looks at whether the server still answers.
const LOOK: usize = 64;

const CALL: &[u8] = b"POST /RPC2 HTTP/1.0\r\nContent-Length: 73\r\n\r\n\
    <methodCall><methodName>supervisor.getState</methodName></methodCall>    ";

thread_local! {
    static WORLD: World = World::start();
    static RUNS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

fn look(world: &World) {
    let reply = world.exchange(Door::Open, &[CALL]);
    assert!(reply.windows(7).any(|it| it == b"RUNNING"), "{}", String::from_utf8_lossy(&reply));
}

/// One run.
pub fn run(input: &[u8]) {
    let Some((&first, request)) = input.split_first() else { return };
    let door = match first {
        b'g' => Door::Guarded,
        b'l' => Door::Locked,
        _ => Door::Open,
    };
    let pieces: Vec<&[u8]> = request.split(|byte| *byte == 0).collect();
    WORLD.with(|world| {
        let reply = world.exchange(door, &pieces);
        // An interim answer comes before the one that counts.
        if !reply.is_empty() && !reply.starts_with(b"HTTP/1.1 100 ") {
            let page = String::from_utf8_lossy(Reply::read(&reply).body).into_owned();
            assert_eq!(page.matches("<script").count(), page.matches(OWN_SCRIPT).count(), "{page}");
        }
        RUNS.set(RUNS.get() + 1);
        if RUNS.get() % LOOK == 0 {
            look(world);
        }
    });
}
