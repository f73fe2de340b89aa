//! Pictures of every page, to be looked at:
//! `cargo test --test protocol-tests screenshots -- --ignored` puts them into `target/screenshots`.

use std::fs;
use std::path::Path;

use crate::harness::browser::Scheme;
use crate::harness::sandbox::Sandbox;

use super::{LIVE, sample};

const WIDTHS: [(&str, u32, u32); 2] = [("wide", 1280, 900), ("narrow", 390, 844)];

#[test]
#[ignore = "makes pictures for people; nothing here can fail but the making"]
fn screenshots() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("screenshots");
    fs::create_dir_all(&folder).unwrap();
    let sandbox = Sandbox::new();
    let page = sample::open(&sandbox);
    for (name, path) in sample::PAGES {
        page.go(path);
        page.browser.until(&format!("!document.scripts.length || {LIVE}"));
        for (width_name, width, height) in WIDTHS {
            page.browser.resize(width, height);
            for scheme in [Scheme::Light, Scheme::Dark] {
                page.browser.prefer(scheme);
                page.browser.picture(&folder.join(format!("{name}-{width_name}-{}.png", scheme.name())));
            }
        }
    }
    eprintln!("pictures are in {}", folder.display());
}
