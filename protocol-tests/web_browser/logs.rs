//! The page of a process: its log as it grows, its events, its configuration.

use serde_json::json;

use crate::harness::processes;
use crate::harness::rpc;
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

use super::{Page, row};

use std::time::Duration;

const PROGRAM: &str = "[program:echo]\ncommand=tee @DIR@/copy\nstartsecs=0\nautorestart=false\n";
const ADDRESS: &str = "/process.html?processname=echo";

/// Markup, and what no text has.
const HOSTILE: &str = "</pre><script>hack()</script><img src=x onerror=hack()> &lt;b&gt;";

impl Page<'_> {
    /// Has the program write this.
    fn say(&self, text: &str) {
        rpc::call(&self.sandbox.path("s.sock"), "supervisor.sendProcessStdin", &["echo", text]).unwrap();
    }

    fn log(&self) -> String {
        self.browser.eval("document.querySelector('#tail').textContent").as_str().unwrap().to_owned()
    }

    fn log_has(&self, text: &str) {
        self.browser.until(&format!("document.querySelector('#tail').textContent.includes({})", json!(text)));
    }

    /// How far the view of the log is from its end, in pixels.
    fn behind(&self) -> i64 {
        let left = "(it => Math.round(it.scrollHeight - it.clientHeight - it.scrollTop))(document.querySelector('#tail'))";
        self.browser.eval(left).as_i64().unwrap()
    }
}

#[test]
fn a_process_has_a_page_with_its_live_log() {
    let sandbox = Sandbox::new();
    let page = Page::open(&sandbox, &sandbox.fill(PROGRAM));
    page.daemon.wait_for_state("echo", "RUNNING");
    page.say("before\n");
    page.daemon.until("output", || sandbox.read("copy") == "before\n");
    page.go_live(&page.address(ADDRESS));
    grows(&page);
    pauses(&page);
    searches(&page);
    follows(&page);
    downloads(&page, &sandbox);
    is_cleared(&page);
    tells_events_and_configuration(&page);
    page.assert_not_loaded_again();
    assert_eq!(page.browser.console(), Vec::<String>::new());
}

fn grows(page: &Page<'_>) {
    page.say(&format!("{HOSTILE}\n"));
    page.log_has(HOSTILE);
    page.say("half a ");
    page.log_has("half a ");
    page.say("line\n");
    page.log_has("half a line");
    assert_eq!(page.log(), format!("before\n{HOSTILE}\nhalf a line\n"));
    assert_eq!(page.browser.count("#tail *"), 0);
}

fn pauses(page: &Page<'_>) {
    page.browser.press("#log", "Pause");
    page.say("unseen\n");
    assert!(wait::stays_true(Duration::from_millis(300), || !page.log().contains("unseen")));
    page.browser.press("#log", "Pause");
    page.log_has("half a line\nunseen");
}

fn searches(page: &Page<'_>) {
    page.browser.type_into("#find", "SCRIPT");
    page.browser.until("document.querySelector('#found').innerText.includes('1 line')");
    assert_eq!(page.log(), format!("{HOSTILE}\n"));
    assert_eq!((page.browser.count("#tail mark"), page.browser.count("#tail :not(mark)")), (2, 0));
    page.say("another script\n");
    page.browser.until("document.querySelector('#found').innerText.includes('2 lines')");
    page.browser.type_into("#find", "x\u{8}");
    page.log_has("unseen");
}

fn follows(page: &Page<'_>) {
    let many: String = (0..200).map(|n| format!("line {n}\n")).collect();
    page.say(&many);
    page.log_has("line 199");
    assert!(page.behind() <= 1, "{}", page.behind());
    page.browser.click("#follow");
    page.browser.eval("document.querySelector('#tail').scrollTop = 0");
    page.say("below\n");
    page.log_has("below");
    assert!(page.behind() > 100, "{}", page.behind());
}

fn downloads(page: &Page<'_>, sandbox: &Sandbox) {
    let whole =
        page.browser.eval("fetch(document.querySelector('#log a[download]').href).then(it => it.text())");
    assert_eq!(whole, sandbox.read("copy"));
    assert_eq!(page.log(), sandbox.read("copy"));
}

fn is_cleared(page: &Page<'_>) {
    page.browser.press(&row("echo"), "Clear Log");
    page.browser.until("document.querySelector('#message').innerText === 'Log for echo cleared'");
    page.browser.until("document.querySelector('#tail').textContent === ''");
    page.say("after\n");
    page.log_has("after");
}

fn tells_events_and_configuration(page: &Page<'_>) {
    assert!(page.browser.text("#configuration").contains(&page.sandbox.fill("tee @DIR@/copy")));
    processes::send(page.daemon.pid_of("echo"), nix::sys::signal::Signal::SIGKILL);
    page.browser
        .until("document.querySelector('#events tbody tr .type').textContent === 'PROCESS_STATE_EXITED'");
    page.shows("echo", "exited");
    page.browser.press(&row("echo"), "Start");
    page.shows("echo", "running");
}

// Without scripts the page is as good as its last load, and actions lead back to it.
#[test]
fn the_page_of_a_process_needs_no_scripts() {
    let sandbox = Sandbox::new();
    let page = Page::open(&sandbox, &sandbox.fill(PROGRAM));
    page.daemon.wait_for_state("echo", "RUNNING");
    page.say("first\n");
    page.daemon.until("output", || sandbox.read("copy") == "first\n");
    page.browser.allow_scripts(false);
    page.go(ADDRESS);
    page.log_has("first");
    page.browser.press(&row("echo"), "Stop");
    page.browser.until("document.querySelector('#message').innerText === 'Process echo stopped'");
    assert!(page.browser.title().contains("echo"));
    page.shows("echo", "stopped");
    page.browser.press("#log", "stderr");
    page.browser.until("location.search.includes('stderr') && document.querySelector('#tail')");
    assert_eq!(page.log(), "");
    page.browser.press("header", "Events");
    page.browser.until("document.querySelector('#events').innerText.includes('PROCESS_STATE_STOPPED')");
}

/// Writes what is other in a page than in a stream: line ends, zeros, and characters of several bytes, some of
/// which the beginning of the stream cuts.
const SCRIPT: &str = "import os, sys\nfor n in range(60):\n    os.write(1, ('%d 監視する\\0監視する\\r\\n' % n).encode())\n\
                      for line in sys.stdin:\n    os.write(1, line.encode())\n";

#[test]
fn what_is_shown_is_not_shown_again_and_what_is_removed_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("x.py", SCRIPT);
    let program = PROGRAM.replace("tee @DIR@/copy", "python3 -u @DIR@/x.py");
    let page = Page::open(&sandbox, &sandbox.fill(&program));
    page.daemon.wait_for_state("echo", "RUNNING");
    page.go_live(&page.address(ADDRESS));
    page.say("after\n");
    page.log_has("after");
    assert_eq!(page.log().lines().count(), 61, "{}", page.log());
    let socket = sandbox.path("s.sock");
    for method in ["supervisor.stopProcess", "supervisor.removeProcessGroup"] {
        rpc::call(&socket, method, &["echo"]).unwrap();
    }
    page.shows("echo", "removed");
    assert_eq!(page.browser.count(&format!("{} button", row("echo"))), 0);
}
