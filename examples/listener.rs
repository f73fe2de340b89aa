//! A whole event listener: tells on stderr of every program that has ended unexpectedly.

use supervisor::childutils::{Listener, Reply};
use supervisor::model::event::{Entered, Event};

fn main() -> std::io::Result<()> {
    Listener::stdio().run(|envelope| {
        if let Some(Event::StateChanged(change)) = envelope.event()
            && let Entered::Exited { expected: false, pid } = change.entered
        {
            eprintln!("{} (pid {pid}) has ended unexpectedly", change.process);
        }
        Reply::Ok
    })
}
