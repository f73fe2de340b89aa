//! Log files that are full, gone or changed under way.

use std::fs;

use super::harness::*;
use crate::logs::channel::ChannelSpec;
use crate::logs::sink::FileSpec;
use crate::machine::random::Random;

// D-407
#[test]
fn a_full_device_is_told_once_and_every_byte_counted() {
    let mut rig = Rig::new();
    let file = Some(FileSpec { path: "/dev/full".into(), maxbytes: 0, backups: 0, private: false });
    let mut child = rig.attach(ChannelSpec { file, ..rig.announced("full") });
    for _ in 0..100 {
        rig.say(&mut child, [b'x'; 999]);
        rig.settle(&child);
    }
    let told = rig.finish(&child);
    assert_eq!((told.failures.len(), told.dropped), (1, 99_900), "{:?}", told.failures);
    // The events have it all.
    assert_eq!((told.data.len(), told.bytes), (99_900, 99_900));
}

// D-407, D-430
#[test]
fn a_log_whose_folder_was_removed_goes_on_when_it_is_back() {
    let mut rig = Rig::new();
    let (folder, log) = (rig.path("folder"), rig.path("folder/log"));
    fs::create_dir(&folder).unwrap();
    let file = Some(FileSpec { path: log.clone(), maxbytes: 1000, backups: 2, private: false });
    let mut child = rig.attach(ChannelSpec { file, ..rig.spec("log") });
    rig.say(&mut child, [b'x'; 600]);
    rig.until_told(&child, |told| told.bytes == 600);
    fs::remove_dir_all(&folder).unwrap();
    // This fills the file: it is to be rotated, and cannot.
    rig.say(&mut child, [b'x'; 600]);
    let told = rig.until_told(&child, |told| told.bytes == 1200 && told.failures.len() == 1);
    assert_eq!(told.dropped, 0, "{:?}", told.failures);
    rig.say(&mut child, "lost");
    rig.until_told(&child, |told| told.bytes == 1204);
    fs::create_dir(&folder).unwrap();
    let mut said = 4;
    until("it is back", || {
        rig.say(&mut child, "y");
        said += 1;
        log.exists()
    });
    let told = rig.finish(&child);
    let kept = fs::read(&log).unwrap();
    assert!(told.dropped >= 4 && kept.iter().all(|byte| *byte == b'y'));
    assert_eq!(told.dropped + kept.len() as u64, said);
    assert_eq!(told.failures.len(), 1, "{:?}", told.failures);
}

// D-430, D-431
#[test]
fn rotated_files_together_have_every_byte() {
    for seed in 0..10 {
        let (mut rig, mut random) = (Rig::new(), Random(seed));
        let file = Some(FileSpec { path: rig.path("log"), maxbytes: 10_000, backups: 500, private: false });
        let mut child = rig.attach(ChannelSpec { file, ..rig.spec("log") });
        let data = text(300_000);
        let mut rest = &data[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(1 + random.below(4000) as usize));
            rig.say(&mut child, piece);
            rest = after;
        }
        rig.finish(&child);
        let backups = (1..=500).rev().map(|n| rig.file(&format!("log.{n}")));
        let files: Vec<Vec<u8>> = backups.filter(|file| !file.is_empty()).collect();
        assert!(!files.is_empty() && files.iter().all(|file| file.len() >= 10_000), "seed {seed}");
        assert_same(&[files.concat(), rig.file("log")].concat(), &data, &format!("seed {seed}"));
    }
}

// D-442
#[test]
fn files_opened_again_while_the_child_writes_have_every_byte_once() {
    for seed in 0..10 {
        let (mut rig, mut random) = (Rig::new(), Random(seed));
        let mut child = rig.attach(rig.spec("log"));
        let data = text(500_000);
        let mut rest = &data[..];
        let mut moved = 0;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(1 + random.below(20_000) as usize));
            rig.say(&mut child, piece);
            rest = after;
            // It is there only if it was opened again since.
            if random.one_in(3) && fs::rename(rig.path("log"), rig.path(&format!("old{moved}"))).is_ok() {
                moved += 1;
                rig.channels.reopen(&child.channel);
            }
        }
        let told = rig.finish(&child);
        assert!(moved > 3 && told.failures.is_empty(), "seed {seed}: {moved} {:?}", told.failures);
        let files: Vec<Vec<u8>> = (0..moved).map(|n| rig.file(&format!("old{n}"))).collect();
        assert_same(&[files.concat(), rig.file("log")].concat(), &data, &format!("seed {seed}"));
    }
}

// D-442
#[test]
fn a_log_is_opened_again_though_its_child_ends_meanwhile() {
    let mut rig = Rig::new();
    for _ in 0..100 {
        let child = rig.attach(rig.spec("log"));
        fs::remove_file(rig.path("log")).unwrap();
        rig.channels.reopen(&child.channel);
        rig.finish(&child);
        assert!(rig.path("log").exists());
    }
}

// D-442
#[test]
fn a_log_that_cannot_be_opened_again_is_told_and_goes_on_later() {
    let mut rig = Rig::new();
    let mut child = rig.attach(rig.spec("log"));
    rig.say(&mut child, "one");
    rig.until_told(&child, |told| told.bytes == 3);
    fs::remove_file(rig.path("log")).unwrap();
    fs::create_dir(rig.path("log")).unwrap();
    rig.channels.reopen(&child.channel);
    rig.until_told(&child, |told| told.failures.len() == 1);
    rig.say(&mut child, "lost");
    rig.until_told(&child, |told| told.bytes == 7);
    fs::remove_dir(rig.path("log")).unwrap();
    rig.channels.reopen(&child.channel);
    until("it is opened", || rig.path("log").exists());
    rig.say(&mut child, "two");
    let told = rig.until_told(&child, |told| told.dropped > 0);
    assert_eq!((told.dropped, told.failures.len()), (4, 1));
    rig.finish(&child);
    assert_eq!(rig.file("log"), b"two");
}
