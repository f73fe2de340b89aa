//! Many channels that come and go at random, for a few seconds.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::harness::*;
use crate::logs::channel::ChannelSpec;
use crate::logs::sink::FileSpec;
use crate::machine::random::Random;
use crate::sys::pipe;

const LASTS: Duration = Duration::from_secs(3);
/// Channels open at a time.
const MOST: usize = 40;

/// A child, and what was done to it.
struct Life {
    child: Child,
    name: String,
    said: usize,
    moved: u32,
    /// Its log, where that is a named pipe nobody reads before the end.
    fifo: Option<File>,
}

struct Stress {
    rig: Rig,
    random: Random,
    seed: u64,
    lives: Vec<Life>,
    born: u32,
    /// What all children say.
    text: Vec<u8>,
    /// Ends of each kind: finished, drained, given up.
    checked: [u32; 3],
}

#[test]
fn whatever_happens_a_finished_channel_has_it_all() {
    stress(Rig::new());
}

#[test]
fn and_so_it_has_where_the_daemon_looks_itself() {
    stress(Rig::watchful());
}

fn stress(rig: Rig) {
    let seed = u64::from(std::process::id());
    let mut stress = Stress {
        rig,
        random: Random(seed),
        seed,
        lives: Vec::new(),
        born: 0,
        text: text(4_000_000),
        checked: [0; 3],
    };
    let begin = Instant::now();
    while begin.elapsed() < LASTS || stress.checked.contains(&0) {
        stress.step();
        assert!(begin.elapsed() < PATIENCE, "seed {seed}: {:?}", stress.checked);
    }
    while !stress.lives.is_empty() {
        stress.end();
    }
    until("all are closed", || stress.rig.channels.open_channels() == 0);
}

impl Stress {
    fn step(&mut self) {
        match self.random.below(40) {
            0..3 if self.lives.len() < MOST => self.attach(),
            0..4 if !self.lives.is_empty() => self.end(),
            4..6 => self.move_log(),
            6..16 => self.rig.take(),
            _ => self.speak(),
        }
    }

    fn any(&mut self) -> Option<usize> {
        let count = self.lives.len() as u64;
        (count > 0).then(|| self.random.below(count) as usize)
    }

    fn attach(&mut self) {
        self.born += 1;
        let name = format!("log{}", self.born);
        let fifo = self.random.one_in(4).then(|| self.rig.fifo(&name));
        let rotated = fifo.is_none() && self.random.one_in(4);
        let maxbytes = if rotated { 100_000 } else { 0 };
        let spec = ChannelSpec {
            announced: self.random.one_in(2),
            copied: self.random.one_in(4),
            strip_ansi: self.random.one_in(4),
            capture: self.random.one_in(2).then_some(1000),
            file: Some(FileSpec { path: self.rig.path(&name), maxbytes, backups: 100, private: false }),
            ..self.rig.spec(&name)
        };
        let child = self.rig.attach(spec);
        self.lives.push(Life { child, name, said: 0, moved: 0, fifo });
    }

    fn speak(&mut self) {
        let Some(at) = self.any() else { return };
        let life = &mut self.lives[at];
        let len = self.random.pick(&[10, 1000, 10_000, 100_000]);
        let piece = &self.text[life.said..self.text.len().min(life.said + len)];
        life.said += life.child.offer(piece);
    }

    /// The log is renamed and opened again.
    fn move_log(&mut self) {
        let Some(at) = self.any() else { return };
        let life = &mut self.lives[at];
        let is_plain = life.fifo.is_none()
            && life.child.channel.spec.file.as_ref().is_some_and(|file| file.maxbytes == 0);
        let to = self.rig.path(&format!("{}.{}", life.name, 1000 - life.moved));
        if is_plain && fs::rename(self.rig.path(&life.name), to).is_ok() {
            life.moved += 1;
            self.rig.channels.reopen(&life.child.channel);
        }
    }

    fn end(&mut self) {
        let Some(at) = self.any() else { return };
        let life = self.lives.swap_remove(at);
        match &life.fifo {
            None => self.finish(&life),
            Some(fifo) if self.random.one_in(2) => self.drain(&life, fifo),
            Some(fifo) => self.give_up(&life, fifo),
        }
    }

    fn finish(&mut self, life: &Life) {
        let told = self.rig.finish(&life.child);
        let mut log = Vec::new();
        for n in (1..=1000).rev() {
            let path = self.rig.path(&format!("{}.{n}", life.name));
            if let Ok(part) = fs::read(&path) {
                fs::remove_file(path).unwrap();
                log.extend(part);
            }
        }
        log.extend(self.rig.file(&life.name));
        fs::remove_file(self.rig.path(&life.name)).unwrap();
        self.judge(life, &told, &log);
        self.checked[0] += 1;
    }

    /// Somebody reads the named pipe after all.
    fn drain(&mut self, life: &Life, fifo: &File) {
        self.rig.channels.finish(&life.child.channel);
        let mut log = Vec::new();
        let mut told = Told::default();
        until("it has ended", || {
            told = self.rig.told(&life.child);
            drop((&mut &*fifo).read_to_end(&mut log));
            told.finished
        });
        drop((&mut &*fifo).read_to_end(&mut log));
        self.judge(life, &told, &log);
        self.checked[1] += 1;
    }

    fn give_up(&mut self, life: &Life, fifo: &File) {
        let channel = &life.child.channel;
        self.rig.channels.finish(channel);
        until("it has ended or is held up", || {
            self.rig.told(&life.child).finished || self.rig.channels.waits_for_room(channel)
        });
        if self.rig.told(&life.child).finished {
            return;
        }
        let dropped = self.rig.channels.abandon(channel) as usize;
        let taken = pipe::readable_bytes(fifo.as_fd());
        assert_eq!(dropped, life.said - taken, "{}, seed {}", life.name, self.seed);
        self.checked[2] += 1;
    }

    /// There is nothing in the text that is stripped or captured.
    fn judge(&self, life: &Life, told: &Told, log: &[u8]) {
        let what = format!("{}, seed {}", life.name, self.seed);
        let said = &self.text[..life.said];
        assert_same(log, said, &what);
        let spec = &life.child.channel.spec;
        let wanted = spec.announced || spec.copied;
        assert_same(&told.data, if wanted { said } else { &[] }, &what);
        assert_eq!((told.bytes, told.lines), (life.said as u64, lines(said)), "{what}");
        assert_eq!((told.dropped, told.failures.len()), (0, 0), "{what}");
    }
}
