//! Whole configurations from any bytes: the same twice, without a difference to themselves, and refused only
//! with a reason. A line of `====` parts the file from the one that it may include.

use std::cell::LazyCell;
use std::fs;

use supervisor::config::diff::{GroupDiff, diff};
use supervisor::config::{LoadRequest, load, load_client, render_errors};
use tempfile::TempDir;

use crate::facts::facts;

thread_local! {
    static FOLDER: LazyCell<TempDir> = LazyCell::new(|| tempfile::tempdir().expect("a folder can be made"));
}

const PARTING: &[u8] = b"\n====\n";

fn check(folder: &std::path::Path) {
    let request = LoadRequest { file: Some("s.conf".into()), ..LoadRequest::default() };
    let facts = facts(folder);
    let (first, second) = (load(&request, &facts), load(&request, &facts));
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert_eq!(first, second);
            assert_eq!(diff(&first.groups, &second.groups), GroupDiff::default());
        }
        (Err(first), Err(second)) => {
            assert!(first.iter().next().is_some());
            assert_eq!(
                render_errors("supervisord", first.iter()),
                render_errors("supervisord", second.iter())
            );
        }
        _ => panic!("the same file, read differently"),
    }
    let _refused = load_client(Some("s.conf"), &facts);
}

/// One run.
pub fn run(bytes: &[u8]) {
    let at = bytes.windows(PARTING.len()).position(|it| it == PARTING);
    let (main, included) = at.map_or((bytes, &[][..]), |at| (&bytes[..at], &bytes[at + PARTING.len()..]));
    FOLDER.with(|folder| {
        fs::write(folder.path().join("s.conf"), main).expect("the folder is ours");
        fs::write(folder.path().join("more.ini"), included).expect("the folder is ours");
        check(folder.path());
    });
}
