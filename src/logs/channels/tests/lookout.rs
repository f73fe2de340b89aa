//! Quiet channels that the daemon reads itself: the test is the daemon, and looks when it likes.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::harness::*;
use crate::logs::channel::{Channel, ChannelSpec};
use crate::logs::channels::Lookout;

/// No channel that was read more than once is quiet.
const NEVER_AGAIN: Duration = Duration::from_secs(3600);

fn message(text: &str) -> String {
    format!("<!--XSUPERVISOR:BEGIN-->{text}<!--XSUPERVISOR:END-->")
}

fn talkative(rig: &Rig, name: &str) -> ChannelSpec {
    ChannelSpec { capture: Some(1000), ..rig.spec(name) }
}

fn watched(gap: Duration) -> (Rig, Lookout) {
    let rig = Rig::new();
    let lookout = rig.channels.lookout_for(gap).unwrap();
    (rig, lookout)
}

fn look(lookout: &mut Lookout) {
    assert!(is_to_see(lookout, PATIENCE), "there is nothing to see");
    lookout.look();
}

// E-044
#[test]
fn a_message_is_there_after_one_look() {
    let (mut rig, mut lookout) = watched(Duration::ZERO);
    let mut child = rig.attach(talkative(&rig, "log"));
    for n in 0..100_u8 {
        let said = message(&n.to_string());
        assert_eq!(child.offer(said.as_bytes()), said.len());
        look(&mut lookout);
        let told = rig.told(&child);
        assert_eq!(told.messages.last().unwrap(), n.to_string().as_bytes());
        assert_eq!(told.messages.len(), usize::from(n) + 1);
    }
    assert!(rig.file("log").is_empty());
    assert!(rig.channels.lookout().is_err(), "there is one already");
}

// E-044: text before a message is in the file first, and a worker writes it.
#[test]
fn text_is_written_before_the_message_behind_it_is_told() {
    let (mut rig, mut lookout) = watched(Duration::ZERO);
    let mut child = rig.attach(talkative(&rig, "log"));
    for n in 1..=50 {
        child.offer(format!("text\n{}", message("m")).as_bytes());
        look(&mut lookout);
        let told = rig.until_told(&child, |told| told.messages.len() == 2 * n - 1);
        assert_eq!(rig.file("log").len(), 5 * n);
        // Who said something for the file is a worker's until it says something else.
        assert!(!is_to_see(&lookout, Duration::ZERO));
        child.offer(message("m").as_bytes());
        rig.until_told(&child, |now| now.messages.len() == told.messages.len() + 1);
    }
}

#[test]
fn a_log_that_takes_nothing_holds_up_no_look() {
    let (mut rig, mut lookout) = watched(Duration::ZERO);
    let mut fifo = rig.fifo("log");
    let mut child = rig.attach(talkative(&rig, "log"));
    let mut said = 0;
    until("the log takes no more", || {
        said += child.offer(&[b'x'; 1000]);
        lookout.look();
        rig.channels.waits_for_room(&child.channel)
    });
    said += child.offer(message("late").as_bytes()) - message("late").len();
    lookout.look();
    lookout.look();
    assert!(rig.told(&child).messages.is_empty());
    let mut log = Vec::new();
    until("all is there", || {
        lookout.look();
        drop(fifo.read_to_end(&mut log));
        rig.told(&child).messages.len() == 1 && log.len() == said
    });
}

#[test]
fn who_says_much_or_often_is_the_workers() {
    let (mut rig, mut lookout) = watched(NEVER_AGAIN);
    let (mut often, mut much) = (rig.attach(talkative(&rig, "often")), rig.attach(talkative(&rig, "much")));
    for text in ["1", "2"] {
        often.offer(message(text).as_bytes());
        look(&mut lookout);
    }
    much.offer(&[b'x'; 10_000]);
    look(&mut lookout);
    // Nobody looks any more.
    for child in [&mut often, &mut much] {
        child.offer(message("3").as_bytes());
    }
    rig.until_told(&often, |told| told.messages == [b"1", b"2", b"3"]);
    rig.until_told(&much, |told| told.messages == [b"3"]);
    assert!(!is_to_see(&lookout, Duration::ZERO));
}

#[test]
fn of_a_crowd_the_workers_see_to_the_most() {
    let (mut rig, mut lookout) = watched(Duration::ZERO);
    let mut children: Vec<_> = (0..300).map(|n| rig.attach(talkative(&rig, &format!("log{n}")))).collect();
    for child in &mut children {
        child.offer(message("here").as_bytes());
    }
    look(&mut lookout);
    for child in &children {
        let told = rig.until_told(child, |told| !told.messages.is_empty());
        assert_eq!(told.messages, [b"here"]);
    }
}

#[test]
fn a_worker_that_came_during_a_look_comes_again() {
    let (mut rig, mut lookout) = watched(Duration::ZERO);
    let mut child = rig.attach(talkative(&rig, "log"));
    child.offer(message("last").as_bytes());
    let channel = Arc::clone(&child.channel);
    let visits = |channel: &Channel| channel.orders.visits.load(Ordering::SeqCst);
    // Where the look's last step waits for it.
    let hub = Arc::clone(&rig.channels.hub);
    let held = hub.reports.lock().unwrap();
    let looking = std::thread::spawn(move || look(&mut lookout));
    until("it is read", || child.unread() == 0);
    rig.channels.finish(&child.channel);
    until("a worker came", || visits(&channel) == 2);
    drop(held);
    looking.join().unwrap();
    let told = rig.until_told(&child, |told| told.finished);
    assert_eq!(told.messages, [b"last"]);
}

// D-353
#[test]
fn the_end_of_a_stream_and_of_a_child_is_the_workers() {
    let (mut rig, mut lookout) = watched(Duration::ZERO);
    let mut child = rig.attach(ChannelSpec { copied: true, ..talkative(&rig, "log") });
    child.offer(message("bye").as_bytes());
    child.close_stdout();
    look(&mut lookout);
    look(&mut lookout);
    let told = rig.until_told(&child, |told| !told.ended.is_empty());
    assert_eq!(told.messages, [b"bye"]);
    rig.finish(&child);
    until("it is closed", || rig.channels.open_channels() == 0);
    lookout.look();
}
