//! The end of a child, of a stream and of everybody's patience.

use std::fs;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::harness::*;
use crate::logs::channel::ChannelSpec;
use crate::sys::pipe;

// D-352
#[test]
fn what_is_in_the_pipe_at_the_end_is_handled_first() {
    let mut rig = Rig::new();
    let data = text(PIPE);
    for n in 0..100 {
        let name = format!("log{n}");
        let mut child = rig.attach(if n % 2 == 0 { rig.spec(&name) } else { rig.announced(&name) });
        let said = child.offer(&data);
        let told = rig.finish(&child);
        assert_same(&rig.file(&name), &data[..said], &name);
        assert_eq!((told.bytes, told.lines), (said as u64, lines(&data[..said])));
    }
    until("all are closed", || rig.channels.open_channels() == 0);
}

// D-352: also while the daemon has not taken what was told before.
#[test]
fn a_resting_channel_ends_when_its_reports_are_taken() {
    let mut rig = Rig::new();
    let mut child = rig.attach(rig.announced("log"));
    let mut said = child.fill(|child| !child.channel.tally.paused.load(Ordering::SeqCst));
    said += child.fill(|_| false);
    assert!(child.unread() > 0);
    let told = rig.finish(&child);
    assert_eq!((told.data.len(), rig.file("log").len()), (said, said));
}

#[test]
fn the_end_of_a_dry_channel_is_told_at_once() {
    let mut rig = Rig::new();
    let mut child = rig.attach(rig.spec("log"));
    rig.say(&mut child, "hello\n");
    until("it is dry", || is_dry(&child.channel));
    rig.channels.finish(&child.channel);
    let told = rig.told(&child);
    assert!(told.finished);
    assert_eq!((told.bytes, told.lines, &*rig.file("log")), (6, 1, &b"hello\n"[..]));
    until("it is closed", || rig.channels.open_channels() == 0);
    assert_eq!(rig.told(&child).bytes, 6);
}

// D-352
#[test]
fn a_grandchild_that_writes_on_delays_no_end() {
    for announced in [false, true] {
        let mut rig = Rig::new();
        let mut child = rig.attach(ChannelSpec { announced, ..rig.spec("log") });
        let mine = text(PIPE);
        let said = child.offer(&mine);
        let (channel, mut grandchild) = child.leave_to_grandchild();
        let flood = std::thread::spawn(move || while grandchild.write_all(&[b'y'; 4096]).is_ok() {});
        let told = rig.finish_channel(&channel);
        drop(channel);
        let log = rig.file("log");
        assert_same(&log[..said], &mine[..said], "what the child said");
        assert!(log[said..].iter().all(|byte| *byte == b'y'));
        assert!(!announced || told.data == log, "all that is in the file was told");
        // Nobody reads its pipe any more.
        until("it knows", || flood.is_finished());
        flood.join().unwrap();
        assert_eq!(rig.file("log").len(), log.len());
    }
}

// D-352: what it says later is told to nobody.
#[test]
fn a_grandchild_that_writes_on_is_not_heard_after_the_end() {
    let mut rig = Rig::new();
    for n in 0..300 {
        let name = format!("log{n}");
        let child = rig.attach(rig.announced(&name));
        let (channel, mut grandchild) = child.leave_to_grandchild();
        let chatter = std::thread::spawn(move || while grandchild.write_all(b"y").is_ok() {});
        until("it speaks, and was heard", || rig.told_of(&channel).bytes > 0 && is_dry(&channel));
        let told = rig.finish_channel(&channel);
        until("it is closed", || rig.channels.open_channels() == 0);
        rig.take();
        assert_eq!(told.data, rig.file(&name), "what is in the file was told");
        drop(channel);
        chatter.join().unwrap();
    }
}

// D-353
#[test]
fn a_stream_may_end_before_the_child() {
    for copied in [false, true] {
        let mut rig = Rig::new();
        let mut child = rig.attach(ChannelSpec { copied, ..rig.spec("log") });
        let fd = child.channel.source.descriptor().unwrap();
        rig.say(&mut child, "bye");
        child.close_stdout();
        let told = rig.until_told(&child, |told| told.bytes == 3 && (!copied || !told.ended.is_empty()));
        assert!(!told.finished);
        // Nothing comes of another visit.
        rig.channels.reopen(&child.channel);
        until("it is dry", || is_dry(&child.channel));
        let told = rig.finish(&child);
        assert_eq!(told.ended, if copied { vec![fd] } else { vec![] });
        assert_eq!((&*rig.file("log"), told.bytes), (&b"bye"[..], 3));
    }
}

#[test]
fn giving_up_tells_exactly_what_is_lost() {
    let mut rig = Rig::new();
    let fifo = rig.fifo("fifo");
    for announced in [true, false] {
        let mut child = rig.attach(ChannelSpec { announced, ..rig.spec("fifo") });
        let before = pipe::readable_bytes(fifo.as_fd());
        let mut said = child.fill(|child| !rig.channels.waits_for_room(&child.channel));
        said += child.fill(|_| false);
        rig.channels.finish(&child.channel);
        until("it is held up", || rig.channels.waits_for_room(&child.channel));
        let dropped = rig.channels.abandon(&child.channel) as usize;
        let taken = pipe::readable_bytes(fifo.as_fd()) - before;
        assert_eq!(dropped, said - taken, "{said} bytes, of which the log took {taken}");
        until("it is closed", || rig.channels.open_channels() == 0);
        assert!(!rig.told(&child).finished);
    }
}

// D-352: what a grandchild says later is no loss.
#[test]
fn giving_up_counts_what_the_child_said_alone() {
    for unread in ["", "678"] {
        let mut rig = Rig::new();
        let mut fifo = rig.fifo("log");
        fifo.write_all(&[b'.'; PIPE]).unwrap();
        let mut child = rig.attach(rig.spec("log"));
        rig.say(&mut child, "12345");
        until("it is held up", || rig.channels.waits_for_room(&child.channel));
        rig.say(&mut child, unread);
        rig.channels.finish(&child.channel);
        rig.say(&mut child, "late");
        until("it still is", || rig.channels.waits_for_room(&child.channel));
        assert!(!rig.told(&child).finished, "unread: {unread:?}");
        assert_eq!(rig.channels.abandon(&child.channel), 5 + unread.len() as u64);
    }
}

// A reader that went away, and another that reads nothing.
#[test]
fn giving_up_tells_also_what_was_lost_before() {
    let mut rig = Rig::new();
    let first = rig.fifo("log");
    let mut child = rig.attach(rig.spec("log"));
    drop(first);
    rig.say(&mut child, "lost\n");
    rig.until_told(&child, |told| told.failures.len() == 1);
    fs::remove_file(rig.path("log")).unwrap();
    let second = rig.fifo("log");
    rig.channels.reopen(&child.channel);
    // It is full: so the log has not recovered when it is held up.
    let mut filler = fs::OpenOptions::new().write(true).open(rig.path("log")).unwrap();
    filler.write_all(&[b'.'; PIPE]).unwrap();
    let mut said = 5 + child.fill(|child| !rig.channels.waits_for_room(&child.channel));
    said += child.fill(|_| false);
    rig.channels.finish(&child.channel);
    until("it is held up", || rig.channels.waits_for_room(&child.channel));
    let dropped = rig.channels.abandon(&child.channel);
    let taken = pipe::readable_bytes(second.as_fd()) - PIPE;
    assert_eq!((rig.told(&child).dropped + dropped) as usize, said - taken);
}

/// What this process has open below a folder, or of these pipes.
fn open_of(rig: &Rig, pipes: &[PathBuf]) -> Vec<PathBuf> {
    let all = fs::read_dir("/proc/self/fd").unwrap();
    let targets = all.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets.filter(|it| it.starts_with(rig.dir.path()) || pipes.contains(it)).collect()
}

#[test]
fn no_descriptor_is_left_open() {
    let mut rig = Rig::new();
    let fifo = rig.fifo("fifo");
    let mut pipes = Vec::new();
    for n in 0..30 {
        let spec = match n % 3 {
            0 => rig.spec("fifo"),
            1 => rig.announced("log"),
            _ => ChannelSpec { copied: true, ..rig.spec("log") },
        };
        let mut child = rig.attach(spec);
        pipes.push(child.pipe_name());
        rig.say(&mut child, "hello\n");
        assert!(open_of(&rig, &pipes).len() >= 3, "the pipe's two ends and the log");
        match n % 5 {
            0 => drop(rig.channels.abandon(&child.channel)),
            1 => {
                child.close_stdout();
                rig.finish(&child);
            }
            _ => drop(rig.finish(&child)),
        }
    }
    drop(fifo);
    until("all is closed", || {
        rig.take();
        open_of(&rig, &pipes).is_empty()
    });
}
