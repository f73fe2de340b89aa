//! A reverse proxy that offers a server below a path, as front ends of several services do.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use super::tcp_server::TcpServer;

/// The proxy.
#[derive(Debug)]
pub struct PrefixProxy {
    server: TcpServer,
    prefix: &'static str,
}

impl PrefixProxy {
    /// Starts one that answers `PREFIX/x` with what the server on a port of 127.0.0.1 says to `/x`.
    pub fn start(prefix: &'static str, upstream: u16) -> Self {
        let serve = move |client| {
            let _gone = forward(client, prefix, upstream);
        };
        Self { server: TcpServer::start(serve), prefix }
    }

    /// The address of a page.
    pub fn url(&self, page: &str) -> String {
        format!("http://127.0.0.1:{}{}{page}", self.server.port(), self.prefix)
    }
}

/// One request, passed on with the Host the client gave. The answer ends with the connection and goes through
/// as it comes, for it may be a stream.
fn forward(client: TcpStream, prefix: &str, upstream: u16) -> io::Result<()> {
    let mut request = BufReader::new(client.try_clone()?);
    let Some(head) = head_without(prefix, &mut request)? else {
        return (&client).write_all(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
    };
    let mut upstream = TcpStream::connect(("127.0.0.1", upstream))?;
    upstream.write_all(head.as_bytes())?;
    let mut answer = upstream.try_clone()?;
    thread::spawn(move || {
        let _ended = io::copy(&mut answer, &mut &client);
        client.shutdown(Shutdown::Both)
    });
    let _gone = io::copy(&mut request, &mut upstream);
    upstream.shutdown(Shutdown::Both)
}

/// A request's head without the prefix of its path; none for a path that does not begin with it.
fn head_without(prefix: &str, request: &mut impl BufRead) -> io::Result<Option<String>> {
    let lines =
        request.take(64 * 1024).lines().take_while(|line| line.as_ref().is_ok_and(|it| !it.is_empty()));
    let mut lines: Vec<String> = lines.collect::<io::Result<_>>()?;
    lines.retain(|line| !line.to_lowercase().starts_with("connection:"));
    let Some((method, target)) = lines.first().and_then(|line| line.split_once(' ')) else { return Ok(None) };
    let Some(target) = target.strip_prefix(prefix).filter(|it| it.starts_with('/')) else { return Ok(None) };
    lines[0] = format!("{method} {target}");
    lines.extend(["Connection: close".to_owned(), String::new(), String::new()]);
    Ok(Some(lines.join("\r\n")))
}
