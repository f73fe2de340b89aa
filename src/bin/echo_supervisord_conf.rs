//! echo_supervisord_conf: prints a sample configuration; arguments are ignored (D-520).

use std::io::Write;

fn main() {
    let written = std::io::stdout().write_all(supervisor::config::SAMPLE.as_bytes());
    std::process::exit(i32::from(written.is_err()));
}
