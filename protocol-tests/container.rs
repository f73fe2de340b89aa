//! The example of a container (docs/containers.md): as process 1 of a PID namespace, and how it ends.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;

use crate::harness::daemon::{Daemon, Launch};
use crate::harness::processes;
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

/// The example's configuration with the sandbox in the place of the container's folders, changed by `edit`.
fn configure(sandbox: &Sandbox, edit: impl FnOnce(String) -> String) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(package.join("packaging/container.conf")).unwrap();
    let examples = format!("{}/", package.join("examples").display());
    let text = text.replace("/run/", "@DIR@/").replace("/usr/local/lib/supervisor/", &examples);
    let user = nix::unistd::geteuid().as_raw();
    sandbox.write("supervisord.conf", &edit(text.replace("user=root", &format!("user={user}"))));
}

/// As process 1 where one may make namespaces, else as any process.
fn start(sandbox: &Sandbox) -> Daemon<'_> {
    let program = env!("CARGO_BIN_EXE_supervisord");
    let launch = if nix::unistd::geteuid().is_root() {
        let words = ["--fork", "--pid", "--mount-proc", "--kill-child", program];
        words.iter().fold(Launch::program("unshare", sandbox), Launch::arg)
    } else {
        Launch::program(program, sandbox)
    };
    launch.arg("-c").arg("supervisord.conf").start()
}

/// The supervisord itself, which `unshare` stands in front of.
fn supervisord(sandbox: &Sandbox, daemon: &Daemon<'_>) -> i32 {
    if !nix::unistd::geteuid().is_root() {
        return daemon.pid();
    }
    let child = || {
        processes::belonging_to(sandbox.dir())
            .into_iter()
            .find(|it| processes::parent(*it) == Some(daemon.pid()))
    };
    wait::until("the daemon's pid outside", child)
}

fn says(sandbox: &Sandbox, text: &str) {
    wait::until_true(text, || sandbox.read("out").contains(text));
}

// D-224, D-275, D-351, D-403
#[test]
fn its_output_is_that_of_its_programs_and_a_signal_ends_it_with_0() {
    let sandbox = Sandbox::new();
    configure(&sandbox, |text| {
        text.replace(
            "'while sleep 60; do date; done'",
            "'((sleep 0.2; exit 5) &); echo said; echo complained >&2; exec sleep 1000'",
        )
    });
    let daemon = start(&sandbox);
    says(&sandbox, "success: clock entered RUNNING state");
    says(&sandbox, "said\n");
    wait::until_true("stderr", || sandbox.read("err").contains("complained\n"));
    if nix::unistd::geteuid().is_root() {
        says(&sandbox, "supervisord started with pid 1\n");
        says(&sandbox, "(exit status 5)");
    }
    processes::send(supervisord(&sandbox, &daemon), Signal::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0));
    let out = sandbox.read("out");
    assert!(out.contains("stopped: clock (terminated by SIGTERM)"), "{out}");
    assert_eq!(out.matches("supervisord started with pid").count(), 1, "told once: {out}");
}

// E-187
#[test]
fn a_program_that_is_given_up_ends_it_with_0() {
    let sandbox = Sandbox::new();
    configure(&sandbox, |text| {
        text.replace("sh -c 'while sleep 60; do date; done'", "false\nstartretries=0")
    });
    assert_eq!(start(&sandbox).wait().code(), Some(0));
    let (out, err) = (sandbox.read("out"), sandbox.read("err"));
    assert!(out.contains("gave up: clock entered FATAL state"), "{out}");
    assert!(err.contains("clock was given up: ending supervisord"), "{err}");
}

// D-032, D-033
#[test]
fn what_keeps_it_from_starting_is_in_its_exit_status() {
    let sandbox = Sandbox::new();
    configure(&sandbox, |text| text.replace("autorestart=true", "autorestart=perhaps"));
    assert_eq!(start(&sandbox).wait().code(), Some(2));
    configure(&sandbox, |text| text.replace("logfile=/dev/null", "logfile=@DIR@"));
    assert_eq!(start(&sandbox).wait().code(), Some(1));
}
