//! Names, logs and messages full of markup stay text (C-359, C-364).

use serde_json::json;

use crate::harness::sandbox::Sandbox;

use super::Page;

/// What the configuration lets through: no blanks, no slashes, no colons.
const NAMES: [&str; 4] =
    ["<mark>bold&amp;", "\"onfocus=\"hack()\"autofocus=\"", "'><script>hack()<script>", "a+b?c=d&e#f%41"];

const OUTPUT: &str = "</pre></textarea><script>hack()</script><img src=x onerror=hack()>&amp;\u{202e}";

impl Page<'_> {
    /// Nothing of this page was taken for markup.
    fn assert_harmless(&self, path: &str) {
        let foreign = "document.querySelectorAll('mark, pre *, script:not([src]), img[src=x], [onerror], [onfocus], [onclick]').length";
        assert_eq!(self.browser.eval(foreign), 0, "{path}");
        assert_eq!(self.browser.console(), Vec::<String>::new(), "{path}");
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[test]
fn markup_stays_text() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "say",
        &format!("cat <<'END'\n{OUTPUT}\nEND\nprintf 'bad: \\377\\0\\033[31m\\n'\nexec sleep 1000\n"),
    );
    let programs: String = NAMES
        .iter()
        .map(|name| {
            format!(
                "[program:{name}]\ncommand=sh @DIR@/say '<b>' \"<i>\"\nstartsecs=0\nenvironment=A=\"<b>\"\n"
            )
        })
        .collect();
    let page = Page::open(&sandbox, &sandbox.fill(&programs));
    for name in NAMES {
        page.daemon.wait_for_state(name, "RUNNING");
    }
    page.go("/");
    page.assert_harmless("/");
    let shown = page.browser.text("main");
    for name in NAMES {
        assert!(shown.contains(name), "{name}: {shown}");
    }
    for name in NAMES {
        let path = format!("/tail.html?processname={}", encoded(name));
        page.go(&path);
        page.browser.until(&format!("document.querySelector('pre').textContent.includes({})", json!(OUTPUT)));
        page.assert_harmless(&path);
        assert!(page.browser.title().contains(name), "{}", page.browser.title());
    }
    let message = "<b>Done</b><script>hack()</script>\" onclick=hack()";
    page.go(&format!("/?message={}", encoded(message)));
    assert_eq!(page.browser.text(".status_msg"), message);
    page.assert_harmless("/?message=");
}
