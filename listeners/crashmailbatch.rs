//! crashmailbatch: one mail a period about all that have crashed (events.md, section 12).

use std::process::ExitCode;

use supervisor::childutils::batch::{self, Trade};
use supervisor::childutils::program::Manual;
use supervisor::model::event::{Entered, StateChange};

const TRADE: Trade = Trade {
    manual: Manual {
        name: "crashmailbatch",
        purpose: "mail about crashed programs, once a period",
        synopsis: "[OPTION]... -t ADDRESS -f ADDRESS",
        description: &[
            "An event listener for supervisord. It gathers every exit that was not expected, that is, with a \
             code that is not one of the program's exitcodes, or by a signal. When the period is over and \
             there were any, all of them are mailed together, a line each.",
            "A mail that the server does not take is lost; that is said on stderr, as is every exit and every \
             mail.",
        ],
        example: "[eventlistener:crashmailbatch]\n\
                  command=crashmailbatch -t ops@example.com -f supervisord@example.com -i 5\n\
                  events=PROCESS_STATE_EXITED,TICK_60",
    },
    subject: Some("Crash alert from supervisord"),
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
    Some(format!("{stamp} -- Process {group}:{name} (pid {pid}) died unexpectedly"))
}
