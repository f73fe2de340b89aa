//! The page of events: the stream with its filters, and the pools.

use crate::harness::rpc;
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

use super::{Page, sample};

use std::time::Duration;

const HOSTILE: &str = "<img src=x onerror=hack()>";

impl Page<'_> {
    /// Publishes an event.
    fn tell(&self, kind: &str, data: &str) {
        rpc::call(&self.sandbox.path("s.sock"), "supervisor.sendRemoteCommEvent", &[kind, data]).unwrap();
    }

    /// Waits until the newest event that is shown has this in its details.
    fn newest_has(&self, text: &str) {
        self.browser.until(&format!(
            "document.querySelector('#events tbody tr .details').textContent.includes({})",
            serde_json::json!(text)
        ));
    }

    /// Whether every event that is shown has this in its column.
    fn all_have(&self, column: &str, text: &str) -> bool {
        let all = format!(
            "(all => all.length > 0 && all.every(it => it.textContent.includes('{text}')))(
                [...document.querySelectorAll('#events tbody .{column}')])"
        );
        self.browser.eval(&all) == true
    }
}

#[test]
fn events_come_as_they_happen_and_can_be_filtered() {
    let sandbox = Sandbox::new();
    let page = sample::open(&sandbox);
    page.go_live(&page.address("/events.html"));
    assert!(page.browser.text("#events").contains("PROCESS_STATE_FATAL"), "what there was before");
    pools_are_well(&page);
    page.browser.press("#filter", "Pause");
    page.tell("kind", "unseen");
    assert!(wait::stays_true(Duration::from_millis(300), || !page
        .browser
        .text("#events")
        .contains("unseen")));
    page.browser.press("#filter", "Pause");
    page.browser.until("document.querySelector('#events').innerText.includes('unseen')");
    page.assert_not_loaded_again();
    filters_apply(&page);
    assert_eq!(page.browser.console(), Vec::<String>::new());
}

fn pools_are_well(page: &Page<'_>) {
    let field =
        |name| format!("document.querySelector('tr[data-pool=watchers] [data-field={name}]').textContent");
    let accepted: u64 = page.browser.eval(&field("accepted")).as_str().unwrap().parse().unwrap();
    page.browser.until(&format!("Number({}) > {accepted}", field("accepted")));
    for listener in ["watchers:watchers_00", "watchers:watchers_01"] {
        assert!(page.browser.text(&format!("tr[data-listener='{listener}']")).contains("running"));
    }
}

fn filters_apply(page: &Page<'_>) {
    page.browser.eval("document.querySelector('#filter [name=type]').value = 'REMOTE_COMMUNICATION'");
    page.browser.press("#filter", "Filter");
    page.browser.until("location.search.includes('REMOTE_COMMUNICATION')");
    page.browser.until(super::LIVE);
    page.tell(HOSTILE, HOSTILE);
    page.newest_has(HOSTILE);
    assert!(page.all_have("type", "REMOTE_COMMUNICATION"));
    page.browser.allow_scripts(false);
    for (field, value, column) in [("process", "search", "about"), ("group", "shop", "about")] {
        page.go("/events.html");
        page.browser.type_into(&format!("#filter [name={field}]"), value);
        page.browser.press("#filter", "Filter");
        page.browser.until(&format!("location.search.includes('{field}={value}')"));
        assert!(page.all_have(column, value), "{field}: {}", page.browser.text("#events"));
    }
}
