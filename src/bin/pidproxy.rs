//! pidproxy: see `supervisor::pidproxy`.

fn main() {
    std::process::exit(supervisor::pidproxy::run(std::env::args_os().collect()));
}
