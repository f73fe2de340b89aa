//! The daemon.

use std::process::ExitCode;

fn main() -> ExitCode {
    supervisor::app::supervisord()
}
