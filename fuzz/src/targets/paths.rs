//! Requests whose form is right, with any path, parameters and headers: one proper answer to each, with nothing
//! of the client's in its head; and no page of another site gets to change something.

use arbitrary::Arbitrary;

use crate::server::{Door, Reply, World};

#[derive(Arbitrary, Debug)]
enum Method {
    Get,
    Post,
    Head,
    Other,
}

#[derive(Arbitrary, Debug)]
enum Header<'a> {
    Host(&'a [u8]),
    Origin(&'a [u8]),
    Referer(&'a [u8]),
    FetchSite(&'a [u8]),
    Authorization(&'a [u8]),
    Expect(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum Start {
    Rpc,
    Log,
    MainLog,
    Root,
}

/// What a run is given.
#[derive(Arbitrary, Debug)]
pub struct Input<'a> {
    door: Door,
    method: Method,
    start: Start,
    path: &'a [u8],
    headers: Vec<Header<'a>>,
    /// The request claims to come from a page that nobody allowed.
    foreign: bool,
}

/// What can stand in a line of a head without ending it.
fn line(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0))
}

impl Header<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let (name, value) = match self {
            Self::Host(value) => ("Host", value),
            Self::Origin(value) => ("Origin", value),
            Self::Referer(value) => ("Referer", value),
            Self::FetchSite(value) => ("Sec-Fetch-Site", value),
            Self::Authorization(value) => ("Authorization", value),
            Self::Expect(value) => ("Expect", value),
        };
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend(line(value));
        out.extend_from_slice(b"\r\n");
    }
}

impl Input<'_> {
    fn request(&self) -> Vec<u8> {
        let mut out: Vec<u8> = match self.method {
            Method::Get => b"GET ".into(),
            Method::Post => b"POST ".into(),
            Method::Head => b"HEAD ".into(),
            Method::Other => b"PATCH ".into(),
        };
        out.extend_from_slice(match self.start {
            Start::Rpc => b"/RPC2",
            Start::Log => b"/logtail/",
            Start::MainLog => b"/mainlogtail",
            Start::Root => b"/",
        });
        out.extend(line(self.path).filter(|byte| *byte != b' '));
        out.extend_from_slice(b" HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n");
        if self.foreign {
            out.extend_from_slice(b"Origin: http://evil.example\r\n");
        }
        self.headers.iter().for_each(|header| header.write(&mut out));
        out.extend_from_slice(b"\r\n");
        out
    }

    fn must_not_be_served(&self) -> bool {
        self.foreign && self.door == Door::Guarded && matches!(self.start, Start::Rpc)
    }
}

thread_local! {
    static WORLD: World = World::start();
}

/// One run.
pub fn run(input: Input<'_>) {
    let request = input.request();
    WORLD.with(|world| {
        let before = world.served();
        let reply = world.exchange(input.door, &[&request]);
        let reply = Reply::read(reply.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&reply));
        assert!(!input.must_not_be_served() || world.served() == before, "a foreign page was served");
        if matches!(input.method, Method::Head) {
            assert!(reply.body.is_empty(), "{reply:?}");
        }
    });
}
