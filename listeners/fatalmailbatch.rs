//! fatalmailbatch: one mail a period about all that were given up (events.md, section 12).

use std::process::ExitCode;

use supervisor::childutils::batch::{self, Trade};
use supervisor::childutils::program::Manual;
use supervisor::model::event::{Entered, StateChange};

const TRADE: Trade = Trade {
    manual: Manual {
        name: "fatalmailbatch",
        purpose: "mail about programs that could not be started, once a period",
        synopsis: "[OPTION]... -t ADDRESS -f ADDRESS",
        description: &[
            "An event listener for supervisord. It gathers every program that was given up: that has failed \
             startretries times in a row and is FATAL. When the period is over and there were any, all of \
             them are mailed together, a line each.",
            "A mail that the server does not take is lost; that is said on stderr, as is every such program \
             and every mail.",
        ],
        example: "[eventlistener:fatalmailbatch]\n\
                  command=fatalmailbatch -t ops@example.com -f supervisord@example.com\n\
                  events=PROCESS_STATE_FATAL,TICK_60",
    },
    subject: Some("Fatal start alert from supervisord"),
    line: given_up,
};

fn main() -> ExitCode {
    batch::run(&TRADE)
}

// E-278
fn given_up(change: &StateChange, stamp: &str) -> Option<String> {
    let (group, name) = (change.process.group(), change.process.name());
    matches!(change.entered, Entered::Fatal)
        .then(|| format!("{stamp} -- Process {group}:{name} failed to start too many times"))
}
