//! The web page in a real browser (control.md, sections 15, 16 and 22).

mod actions;
mod events;
mod every_page;
mod hostile_text;
mod live;
mod logs;
mod pictures;
mod sample;
mod strangers;

use crate::harness::browser::Browser;
use crate::harness::daemon::{Daemon, Launch};
use crate::harness::ports;
use crate::harness::sandbox::Sandbox;

/// Where the buttons for everything are.
const ALL: &str = ".toolbar";

/// The event stream is open.
const LIVE: &str = "document.documentElement.classList.contains('live')";

/// The row of a process on the status page, by its name spec.
fn row(name: &str) -> String {
    format!("tr[data-name=\"{name}\"]")
}

/// The row of a group.
fn group(name: &str) -> String {
    format!("tbody[data-group=\"{name}\"] tr.group")
}

/// Another name of this machine, for a server that allows it. Browsers tell such a server less of where a
/// request comes from, and let its pages do less, than one of the machine itself.
const NAME: &str = "supervisor.test";

/// A daemon with a web page, and a browser to see it with.
struct Page<'s> {
    browser: Browser,
    daemon: Daemon<'s>,
    sandbox: &'s Sandbox,
    host: &'static str,
    port: u16,
}

impl<'s> Page<'s> {
    /// Starts both; the browser has not gone anywhere yet.
    fn open(sandbox: &'s Sandbox, programs: &str) -> Self {
        let port = ports::free();
        sandbox.configure(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n{programs}"));
        let daemon = Launch::new(sandbox).start_up();
        Self { browser: Browser::start(sandbox), daemon, sandbox, host: "127.0.0.1", port }
    }

    /// The address of a page.
    fn address(&self, page: &str) -> String {
        format!("http://{}:{}{page}", self.host, self.port)
    }

    /// Goes to a page.
    fn go(&self, page: &str) {
        self.browser.go(&self.address(page));
    }
}
