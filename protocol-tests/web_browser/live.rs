//! The page follows what happens, without being loaded again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;

use crate::harness::browser::Key;
use crate::harness::daemon::Launch;
use crate::harness::prefix_proxy::PrefixProxy;
use crate::harness::processes;
use crate::harness::rpc;
use crate::harness::sandbox::Sandbox;

use super::{LIVE, Page, row};

const PROGRAM: &str = "[program:x]\ncommand=sleep 1000\nautorestart=false\nstartsecs=0\n";

/// How soon a crash is to be seen.
const SOON: i64 = 1000;

/// A busy machine may hold up both browser and daemon: one of so many crashes is to be seen soon.
const TRIES: usize = 5;

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

impl Page<'_> {
    /// Goes to a page and waits until it is live; what it holds then is lost when it is loaded again.
    pub(super) fn go_live(&self, address: &str) {
        self.browser.go(address);
        self.browser.until(LIVE);
        self.browser.eval("window.loaded = true");
    }

    pub(super) fn assert_not_loaded_again(&self) {
        assert_eq!(self.browser.eval("window.loaded"), true);
    }

    pub(super) fn shows(&self, name: &str, state: &str) {
        let shown = format!("document.querySelector('{} .state').textContent.trim()", row(name));
        self.browser.until(&format!("{shown} === '{state}'"));
    }

    /// Milliseconds from a crash to the page that shows it, by the page's own clock.
    fn crash(&self, name: &str) -> i64 {
        self.shows(name, "running");
        self.browser.eval(&format!(
            "window.seen = 0, new MutationObserver(() => {{
                if (!seen && document.querySelector('{} .state').textContent.trim() === 'exited') seen = Date.now();
            }}).observe(document.body, {{ childList: true, subtree: true, characterData: true, attributes: true }})",
            row(name)
        ));
        let pid = self.daemon.pid_of(name);
        let killed = now();
        processes::send(pid, Signal::SIGKILL);
        let seen = self.browser.until("window.seen");
        self.start(name);
        seen.as_i64().unwrap() - killed
    }

    fn start(&self, name: &str) {
        rpc::call(&self.sandbox.path("s.sock"), "supervisor.startProcess", &[name]).unwrap();
    }

    /// The first of several crashes that is seen soon.
    pub(super) fn soonest_crash(&self, name: &str) -> i64 {
        let mut times = (0..TRIES).map(|_| self.crash(name));
        times.find(|time| *time < SOON).unwrap_or(i64::MAX)
    }
}

#[test]
fn a_crash_is_seen_within_a_second() {
    let sandbox = Sandbox::new();
    let page = Page::open(&sandbox, PROGRAM);
    page.go_live(&page.address("/"));
    assert!(page.soonest_crash("x") < SOON);
    page.assert_not_loaded_again();
    figures_come(&page);
    the_focus_stays(&page);
    the_page_survives_the_daemon(page, &sandbox);
}

/// CPU and memory come over the stream.
fn figures_come(page: &Page<'_>) {
    for figure in [".cpu", ".memory"] {
        page.browser
            .until(&format!("/[0-9]/.test(document.querySelector('{} {figure}').textContent)", row("x")));
    }
    page.assert_not_loaded_again();
}

/// Whoever goes through the page with the keyboard does not lose the place when something changes.
fn the_focus_stays(page: &Page<'_>) {
    page.shows("x", "running");
    page.browser.eval(&format!("document.querySelector('{} .name a').focus()", row("x")));
    processes::send(page.daemon.pid_of("x"), Signal::SIGKILL);
    page.shows("x", "exited");
    assert_eq!(page.browser.eval("document.activeElement.textContent"), "x");
    page.start("x");
    page.shows("x", "running");
    for (button, state) in [("stop", "stopped"), ("start", "running")] {
        page.browser.eval(&format!("document.querySelector('{} [value={button}]').focus()", row("x")));
        page.browser.key(Key::Enter);
        page.shows("x", state);
        assert_eq!(
            page.browser.eval(&format!("document.activeElement.closest('{}') !== null", row("x"))),
            true
        );
    }
}

/// It says that it is cut off, and shows the next daemon's state by itself.
fn the_page_survives_the_daemon(page: Page<'_>, sandbox: &Sandbox) {
    let Page { browser, daemon, .. } = page;
    assert_eq!(daemon.stop().code(), Some(0));
    browser.until(&format!("!{LIVE} && document.querySelector('#connection').textContent.trim()"));
    let next = Launch::new(sandbox).start();
    next.wait_for_nth_log(2, "supervisord started with pid");
    browser.until(LIVE);
    browser.until(&format!("document.querySelector('{} .state').textContent.trim() === 'running'", row("x")));
}

// C-344: everything is relative.
#[test]
fn the_page_works_behind_a_prefix() {
    let sandbox = Sandbox::new();
    let page = Page::open(&sandbox, PROGRAM);
    let proxy = PrefixProxy::start("/some/where", page.port);
    page.browser.requests();
    page.go_live(&proxy.url("/"));
    assert!(page.soonest_crash("x") < SOON);
    page.shows("x", "running");
    page.browser.press(&row("x"), "Stop");
    page.shows("x", "stopped");
    page.assert_not_loaded_again();
    page.browser.allow_scripts(false);
    page.browser.go(&proxy.url("/"));
    page.browser.press(&row("x"), "Start");
    page.shows("x", "running");
    for link in ["x", "Details"] {
        page.browser.go(&proxy.url("/"));
        page.browser.press(&row("x"), link);
        page.browser.until("location.pathname.startsWith('/some/where/') && document.querySelector('h1')");
    }
    let outside: Vec<_> =
        page.browser.requests().into_iter().filter(|it| !it.starts_with(&proxy.url("/"))).collect();
    assert_eq!(outside, Vec::<String>::new());
    assert_eq!(page.browser.console(), Vec::<String>::new());
}

// C-010: with a password, also when it is part of the address, from which scripts may not ask then.
#[test]
fn the_page_works_with_a_password() {
    let sandbox = Sandbox::new();
    let page = Page::open(&sandbox, &format!("[inet_http_server]\nusername=me\npassword=secret\n{PROGRAM}"));
    page.go_live(&page.address("/").replace("//", "//me:secret@"));
    assert!(page.soonest_crash("x") < SOON);
    page.shows("x", "running");
    page.browser.press(&row("x"), "Stop");
    page.shows("x", "stopped");
    page.assert_not_loaded_again();
    page.go_live(&page.address("/"));
}

/// A browser keeps six connections to a server, and each page wants one for long.
#[test]
fn many_tabs_do_not_hold_each_other_up() {
    let sandbox = Sandbox::new();
    let page = Page::open(&sandbox, PROGRAM);
    for _ in 0..8 {
        page.browser.new_tab();
        page.go_live(&page.address("/process.html?processname=x"));
    }
    page.browser.press(&row("x"), "Stop");
    page.shows("x", "stopped");
}

const CROWD: Duration = Duration::from_secs(5);

#[test]
fn a_thousand_processes_are_no_burden() {
    let sandbox = Sandbox::new();
    let crowd = "[program:crowd]\ncommand=sleep 1000\nautostart=false\nnumprocs=1000\nprocess_name=p%(process_num)04d\n";
    let page = Page::open(&sandbox, &format!("{PROGRAM}{crowd}"));
    page.go_live(&page.address("/"));
    assert_eq!(page.browser.count("tr[data-name]"), 1001);
    let load = "performance.getEntriesByType('navigation')[0].loadEventEnd";
    let load = page.browser.eval(load).as_f64().unwrap();
    assert!(load < CROWD.as_millis() as f64, "{load} ms");
    assert!(page.soonest_crash("x") < SOON);
    page.browser.type_into("#search", "p0123");
    page.browser.until(
        "[...document.querySelectorAll('tr[data-name]')].filter(it => it.checkVisibility()).length === 1",
    );
    page.assert_not_loaded_again();
}

/// HTML, style and scripts together, as they are sent.
#[test]
fn the_first_load_is_small() {
    let sandbox = Sandbox::new();
    let page = super::sample::open(&sandbox);
    for (_, path) in super::sample::PAGES {
        page.browser.forget();
        page.go(path);
        let sizes =
            "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
            .map(it => [it.name, it.transferSize, it.decodedBodySize])";
        let sizes = page.browser.eval(sizes);
        let sum: f64 = sizes.as_array().unwrap().iter().map(|it| it[1].as_f64().unwrap()).sum();
        assert!(sum > 1000.0 && sum < 60_000.0, "{path}: {sum}: {sizes}");
    }
}
