//! Output on its way: complete, in order, held up where it must be and nowhere else.

use std::io::Read;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use super::harness::*;
use crate::logs::channel::{ChannelSpec, MAX_UNTAKEN};
use crate::logs::workers::Scratch;
use crate::machine::random::Random;
use crate::sys::pipe;

/// Says it in random pieces; sometimes the log path has time to read all so far.
fn say_in_pieces(rig: &mut Rig, child: &mut Child, data: &[u8], random: &mut Random, largest: u64) {
    let mut rest = data;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 + random.below(largest) as usize));
        rig.say(child, piece);
        if random.one_in(3) {
            rig.settle(child);
        }
        rest = after;
    }
}

// D-400
#[test]
fn output_is_complete_and_in_order_whatever_the_pieces() {
    for seed in 0..20 {
        let (mut rig, mut random) = (Rig::new(), Random(seed));
        let mut child = rig.attach(rig.spec("log"));
        let largest = random.pick(&[5000, 20_000, 200_000]);
        let data = text(1 + random.below(40 * largest) as usize);
        say_in_pieces(&mut rig, &mut child, &data, &mut random, largest);
        let told = rig.finish(&child);
        assert_same(&rig.file("log"), &data, &format!("seed {seed}"));
        assert_eq!((told.bytes, told.lines), (data.len() as u64, lines(&data)), "seed {seed}");
        assert!(told.data.is_empty(), "seed {seed}: nobody wants the bytes");
    }
}

/// What a child says, and what is to be made of it.
#[derive(Default)]
struct Script {
    said: Vec<u8>,
    logged: Vec<u8>,
    /// What events show: also what is between tokens (E-048).
    shown: Vec<u8>,
    messages: Vec<Vec<u8>>,
}

impl Script {
    fn random(random: &mut Random, spec: &ChannelSpec) -> Self {
        let mut script = Self::default();
        for n in 0..100 {
            let capturing = random.one_in(3);
            let begin = script.shown.len();
            if capturing {
                script.said.extend(b"<!--XSUPERVISOR:BEGIN-->");
            }
            for _ in 0..random.below(4) {
                script.piece(random, n, spec.strip_ansi);
            }
            let shown = script.shown[begin..].to_vec();
            if capturing {
                script.said.extend(b"<!--XSUPERVISOR:END-->");
                script.messages.push(shown);
            } else {
                script.logged.extend(shown);
            }
        }
        script
    }

    /// Text, a sequence, or what is nearly a token.
    fn piece(&mut self, random: &mut Random, n: u32, strip_ansi: bool) {
        let sequence = random.one_in(3);
        let piece = if sequence {
            random.pick(&["\x1b[31m", "\x1b[0m", "\x1b[1;42H", "\x1b[2J"]).to_owned()
        } else {
            let text =
                random.pick(&["plain", "a\nb\n", "<!--XSUPER", "<!--XSUPERVISOR:BEGIN-- >", "< ", "[3"]);
            format!("{text}{n}.")
        };
        self.said.extend(piece.as_bytes());
        if !sequence || !strip_ansi {
            self.shown.extend(piece.as_bytes());
        }
    }
}

// D-440, D-443, D-444, E-048
#[test]
fn sequences_and_tokens_are_found_wherever_the_reads_end() {
    for seed in 0..48 {
        let (mut rig, mut random) = (if seed < 24 { Rig::new() } else { Rig::watchful() }, Random(seed));
        let spec = ChannelSpec {
            strip_ansi: seed % 2 == 0,
            capture: Some(1000),
            announced: seed % 3 > 0,
            copied: seed % 3 > 1,
            ..rig.spec("log")
        };
        let announced = spec.announced;
        let script = Script::random(&mut random, &spec);
        let mut child = rig.attach(spec);
        say_in_pieces(&mut rig, &mut child, &script.said, &mut random, 30);
        let told = rig.finish(&child);
        assert_same(&rig.file("log"), &script.logged, &format!("log, seed {seed}"));
        assert_eq!(told.messages, script.messages, "seed {seed}");
        assert_eq!(told.bytes, script.said.len() as u64, "seed {seed}");
        let shown = if announced { &script.shown[..] } else { &[] };
        assert_same(&told.data, shown, &format!("events, seed {seed}"));
    }
}

// D-440 alone: what is held back at the end is said.
#[test]
fn a_sequence_cut_by_the_end_of_the_stream_is_no_sequence() {
    let mut rig = Rig::new();
    let mut child = rig.attach(ChannelSpec { strip_ansi: true, ..rig.announced("log") });
    for piece in ["red\x1b", "[31", "m.", "end\x1b"] {
        rig.say(&mut child, piece);
        rig.settle(&child);
    }
    let told = rig.finish(&child);
    assert_eq!((&*rig.file("log"), &*told.data), (&b"red.end\x1b"[..], &b"red.end\x1b"[..]));
}

// E-045, D-406
#[test]
fn whoever_wants_the_bytes_gets_all_in_order() {
    let data = text(1_000_000);
    for (announced, copied) in [(true, false), (false, true), (true, true)] {
        let mut rig = Rig::new();
        let mut child = rig.attach(ChannelSpec { announced, copied, ..rig.spec("log") });
        rig.say(&mut child, &data);
        let told = rig.finish(&child);
        assert_same(&told.data, &data, "events");
        assert_same(&rig.file("log"), &data, "log");
        assert_eq!((told.bytes, told.lines), (data.len() as u64, lines(&data)));
    }
}

// E-044
#[test]
fn what_is_told_is_in_the_file() {
    let mut rig = Rig::new();
    let mut child = rig.attach(rig.announced("log"));
    for n in 1..=200 {
        rig.say(&mut child, "hello\n");
        rig.until_told(&child, |told| told.bytes == n * 6);
        assert_eq!(rig.file("log").len() as u64, n * 6);
    }
}

#[test]
fn a_channel_rests_while_nobody_takes_its_reports() {
    let mut rig = Rig::new();
    let mut child = rig.attach(rig.announced("log"));
    let mut said = child.fill(|child| !child.channel.tally.paused.load(Ordering::SeqCst));
    said += child.fill(|_| false);
    let most = MAX_UNTAKEN + Scratch::SIZE + PIPE;
    assert!(said > MAX_UNTAKEN && said <= most, "{said} bytes, at most {most}");
    let read = said - child.unread();
    assert_eq!(rig.file("log").len(), read);

    rig.take();
    rig.settle(&child);
    rig.say(&mut child, [b'x'; 100_000]);
    said += 100_000;
    let told = rig.finish(&child);
    assert_eq!((told.data.len(), told.bytes as usize, rig.file("log").len()), (said, said, said));
}

// D-403
#[test]
fn a_named_pipe_nobody_reads_holds_up_its_own_channel_alone() {
    let mut rig = Rig::new();
    let mut fifo = rig.fifo("fifo");
    let mut stuck = rig.attach(rig.announced("fifo"));
    let said = text(3 * PIPE);
    let mut offered = 0;
    until("it is held up", || {
        offered += stuck.offer(&said[offered..]);
        rig.channels.waits_for_room(&stuck.channel)
    });
    let data = text(300_000);
    let mut others: Vec<Child> = (0..10).map(|n| rig.attach(rig.spec(&n.to_string()))).collect();
    for piece in data.chunks(10_000) {
        for child in &mut others {
            rig.say(child, piece);
        }
    }
    for (n, child) in others.iter().enumerate() {
        assert_eq!(rig.finish(child).bytes, 300_000);
        assert_same(&rig.file(&n.to_string()), &data, "another log");
    }
    until("it still is", || rig.channels.waits_for_room(&stuck.channel));
    // Told is only what the file has (E-044).
    assert!(rig.told(&stuck).data.len() <= pipe::readable_bytes(fifo.as_fd()));

    let mut got = Vec::new();
    until("all is through", || {
        offered += stuck.offer(&said[offered..]);
        // Nothing there: it would block.
        drop(fifo.read_to_end(&mut got));
        got.len() >= said.len()
    });
    assert_same(&got, &said, "the named pipe");
    let told = rig.finish(&stuck);
    assert_same(&told.data, &said, "events");
    assert_eq!((told.dropped, told.failures.len()), (0, 0));
}

#[test]
fn three_hundred_channels_at_once() {
    let mut rig = Rig::new();
    let mut children: Vec<Child> = (0..300).map(|n| rig.attach(rig.spec(&format!("log{n}")))).collect();
    let mut expected = vec![Vec::new(); 300];
    for round in 0..20 {
        for (n, child) in children.iter_mut().enumerate() {
            let line = format!("{n} says {round}\n").repeat(20);
            rig.say(child, &line);
            expected[n].extend(line.into_bytes());
        }
    }
    for child in &children {
        rig.channels.finish(&child.channel);
    }
    for (n, child) in children.iter().enumerate() {
        let told = rig.until_told(child, |told| told.finished);
        assert_eq!(told.bytes, expected[n].len() as u64, "channel {n}");
        assert_same(&rig.file(&format!("log{n}")), &expected[n], "its log");
    }
    until("all are closed", || rig.channels.open_channels() == 0);
}
