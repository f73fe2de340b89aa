//! What the status page's buttons do, with scripts and without (C-341 to C-356).

use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

use super::{ALL, Page, group, row};

const PROGRAMS: &str = "\
[program:solo]
command=sh -c 'echo one of one; exec sleep 1000'
startsecs=0
stdout_logfile=@DIR@/solo.log
[program:pair]
command=sleep 1000
startsecs=0
numprocs=2
process_name=%(process_num)d
";

impl Page<'_> {
    fn press(&self, place: &str, name: &str, message: &str) {
        self.browser.press(place, name);
        let text = self.browser.text("#message");
        let shown =
            wait::within(wait::PATIENCE, || self.browser.text("#message").contains(message).then_some(()));
        assert!(shown.is_some(), "{name}: {message}: {text}");
    }

    fn pids(&self) -> Vec<i32> {
        ["solo", "0", "1"].map(|name| self.daemon.pid_of(name)).into()
    }

    fn is_new(&self, before: &[i32], changed: &[bool]) {
        let pids = self.pids();
        let now: Vec<bool> = pids.iter().zip(before).map(|(now, before)| now != before).collect();
        assert_eq!(now, changed, "{before:?} {pids:?}");
    }
}

#[test]
fn buttons_work_with_and_without_scripts() {
    let sandbox = Sandbox::new();
    let page = Page::open(&sandbox, &sandbox.fill(PROGRAMS));
    page.daemon.wait_for_state("1", "RUNNING");
    for scripts in [false, true] {
        page.browser.allow_scripts(scripts);
        let open = || if scripts { page.go_live(&page.address("/")) } else { page.go("/") };
        for step in [single, several] {
            open();
            step(&page);
            if scripts {
                page.assert_not_loaded_again();
            }
        }
        page.daemon.until("output", || sandbox.read("solo.log").contains("one of one"));
        page.browser.press(&row("solo"), "solo");
        page.browser.until("document.querySelector('#tail').innerText.includes('one of one')");
    }
}

fn single(page: &Page<'_>) {
    let sandbox = page.sandbox;
    let solo = row("solo");
    page.press(&solo, "Stop", "Process solo stopped");
    page.daemon.wait_for_state("solo", "STOPPED");
    page.shows("solo", "stopped");
    page.press(&solo, "Start", "Process solo started");
    page.shows("solo", "running");
    let before = page.pids();
    page.press(&solo, "Restart", "Process solo restarted");
    page.is_new(&before, &[true, false, false]);
    page.daemon.until("output", || sandbox.read("solo.log").contains("one of one"));
    page.press(&solo, "Clear Log", "Log for solo cleared");
    page.daemon.until("an empty log", || sandbox.read("solo.log").is_empty());
}

fn several(page: &Page<'_>) {
    let pair = group("pair");
    page.browser.press(&pair, "Stop Group");
    page.shows("pair:0", "stopped");
    page.shows("pair:1", "stopped");
    page.shows("solo", "running");
    page.browser.press(&pair, "Start Group");
    page.shows("pair:0", "running");
    page.shows("pair:1", "running");
    let before = page.pids();
    page.press(ALL, "Restart All", "All restarted");
    page.is_new(&before, &[true; 3]);
    page.press(ALL, "Stop All", "All stopped");
    for name in ["solo", "pair:0", "pair:1"] {
        page.shows(name, "stopped");
    }
    page.press(ALL, "Restart All", "All restarted");
    page.shows("solo", "running");
}
