//! What holds for every page: it reads well in light and dark, keyboard and screen reader find everything,
//! it fits a phone, asks nobody else for anything, and keeps to its own policy.

use serde_json::Value;

use crate::harness::browser::{Key, Scheme};
use crate::harness::sandbox::Sandbox;

use super::Page;
use super::sample;

/// Roles whose elements need a name.
const NAMED: [&str; 10] =
    ["button", "checkbox", "combobox", "image", "link", "radio", "searchbox", "switch", "table", "textbox"];

/// Room for keyboard users who go through a page: more stops than any page here has.
const STOPS: usize = 200;

impl Page<'_> {
    fn assert_quiet(&self, path: &str) {
        assert_eq!(self.browser.console(), Vec::<String>::new(), "{path}");
        let own = self.address("/");
        let strange: Vec<_> =
            self.browser.requests().into_iter().filter(|it| !it.starts_with(&own)).collect();
        assert_eq!(strange, Vec::<String>::new(), "{path}");
    }

    fn assert_readable(&self, path: &str) {
        for scheme in [Scheme::Dark, Scheme::Light] {
            self.browser.prefer(scheme);
            let faint = self.browser.eval(include_str!("../scripts/contrast.js"));
            assert_eq!(faint, Value::Array(Vec::new()), "{path}, {scheme:?}");
        }
    }

    fn assert_described(&self, path: &str) {
        let told = self.browser.accessibility();
        let count = |role| told.iter().filter(|it| it.0 == role).count();
        assert_eq!(count("main"), 1, "{path}: {told:?}");
        assert_eq!(count("banner"), 1, "{path}: {told:?}");
        assert!(count("navigation") >= 1, "{path}: {told:?}");
        let unnamed: Vec<_> =
            told.iter().filter(|it| NAMED.contains(&it.0.as_str()) && it.1.is_empty()).collect();
        assert!(unnamed.is_empty(), "{path}: {unnamed:?}");
        assert_eq!(self.browser.count("h1"), 1, "{path}");
        assert_ne!(self.browser.eval("document.documentElement.lang"), "", "{path}");
        let double = "[...document.querySelectorAll('[id]')].map(it => it.id).filter((id, n, all) => all.indexOf(id) !== n)";
        assert_eq!(self.browser.eval(double), Value::Array(Vec::new()), "{path}");
    }

    /// The names of the stops, in their order.
    fn assert_reached_by_keyboard(&self, path: &str) -> Vec<String> {
        let mut stops = Vec::new();
        for _ in 0..STOPS {
            self.browser.key(Key::Tab);
            let focus = self.browser.eval(include_str!("../scripts/focus.js"));
            let Some(name) = focus["name"].as_str() else { return stops };
            assert_eq!(focus["seen"], true, "{path}: focus on {name} cannot be seen");
            stops.push(name.to_owned());
        }
        panic!("{path}: no end of stops: {stops:?}");
    }

    fn assert_fits(&self, path: &str) {
        for width in [320, 390, 768, 1280] {
            self.browser.resize(width, 844);
            let wider = "document.documentElement.scrollWidth - innerWidth";
            assert_eq!(self.browser.eval(wider), 0, "{path} at {width}");
        }
    }
}

#[test]
fn every_page_is_sound() {
    let sandbox = Sandbox::new();
    let page = sample::open(&sandbox);
    page.browser.requests();
    for (_, path) in sample::PAGES {
        page.go(path);
        page.assert_fits(path);
        page.assert_readable(path);
        page.assert_described(path);
        let stops = page.assert_reached_by_keyboard(path);
        let wanted = page.browser.count("main :is(button, summary):not(:disabled)");
        assert!(stops.len() as u64 >= wanted, "{path}: {wanted} buttons, stops: {stops:?}");
        page.assert_quiet(path);
    }
}
