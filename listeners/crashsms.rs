//! crashsms: as crashmailbatch, but short, for gateways from mail to text messages (events.md, section 12).

use std::process::ExitCode;

use supervisor::childutils::batch::{self, Trade};
use supervisor::childutils::program::Manual;
use supervisor::model::event::{Entered, StateChange};

const TRADE: Trade = Trade {
    manual: Manual {
        name: "crashsms",
        purpose: "short mail about crashed programs, for gateways to text messages",
        synopsis: "[OPTION]... -t ADDRESS -f ADDRESS",
        description: &[
            "An event listener for supervisord, like crashmailbatch, but with a short text and no subject \
             unless one is given. Telephone companies hand what is mailed to NUMBER@GATEWAY to a telephone.",
            "A mail that the server does not take is lost; that is said on stderr, as is every exit and every \
             mail.",
        ],
        example: "[eventlistener:crashsms]\n\
                  command=crashsms -t 1234567890@sms.example.com -f supervisord@example.com -e TICK_5 -i 0.5\n\
                  events=PROCESS_STATE_EXITED,TICK_5",
    },
    subject: None,
    line: crashed,
};

fn main() -> ExitCode {
    batch::run(&TRADE)
}

// E-278
fn crashed(change: &StateChange, stamp: &str) -> Option<String> {
    let Entered::Exited { expected: false, pid } = change.entered else {
        return None;
    };
    let (group, name) = (change.process.group(), change.process.name());
    Some(format!("[{group}:{name}]({pid}) exited unexpectedly {stamp}"))
}
