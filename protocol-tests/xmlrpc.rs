//! Python's XML-RPC client calls every method, success and each fault, on both supervisors with the same
//! configuration; the answers are compared one by one (control.md, sections 4 to 12).

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::daemon::{Implementation, Launch};
use crate::harness::reference;
use crate::harness::sandbox::Sandbox;

const PROGRAMS: &str = r#"
[include]
files=@DIR@/extra.conf
[program:run]
command=sleep 1000
startsecs=0
[program:a]
command=sleep 1000
startsecs=0
priority=5
[program:b]
command=sleep 1000
startsecs=0
stdout_syslog=false
stderr_logfile=NONE
[group:crew]
programs=b,a
priority=7
[program:bad]
command=false
startsecs=5
startretries=0
[program:once]
command=sh -c "echo out; echo err >&2; exit 3"
startsecs=0
autorestart=false
[program:gone]
command=/no/such/file
autostart=false
[program:noexec]
command=@DIR@/supervisord.conf
autostart=false
[program:badquote]
command=sh "x
autostart=false
[program:idle]
command=sleep 1000
autostart=false
[program:quick]
command=false
autostart=false
startsecs=5
startretries=0
[program:sig]
command=python3 -c "import signal; signal.signal(signal.SIGUSR1, lambda *_: None); [signal.pause() for _ in iter(int, 1)]"
startsecs=1
[program:slow]
command=sh -c "trap 'sleep 2; exit 0' TERM; echo up; while :; do sleep 0.02; done"
autostart=false
startsecs=0
[program:cat]
command=cat
startsecs=0
redirect_stderr=true
stdout_logfile=@DIR@/cat.log
stdout_logfile_maxbytes=5KB
stdout_logfile_backups=3
exitcodes=0,7
umask=022
directory=@DIR@
environment=A="b"
[program:both]
command=sh -c "while read -r x; do echo out$x; echo err$x >&2; done"
startsecs=0
[program:deaf]
command=sh -c "exec sleep 1000 <&-"
startsecs=1
[program:text]
command=sleep 1000
autostart=false
stdout_logfile=@DIR@/text.log
[program:none]
command=sleep 1000
autostart=false
stdout_logfile=NONE
redirect_stderr=true
"#;

// C-060 to C-078, C-200 to C-321
#[test]
fn both_answer_alike() {
    let [ours, theirs] = [Implementation::Ours, Implementation::Reference].map(answers);
    let differences: Vec<String> = ours
        .iter()
        .zip(&theirs)
        .filter(|(ours, theirs)| ours != theirs)
        .map(|(ours, theirs)| format!("{}\n  ours:   {}\n  theirs: {}\n", ours[0], ours[1], theirs[1]))
        .collect();
    assert!(differences.is_empty(), "{}", differences.concat());
    assert_eq!(ours.len(), theirs.len());
    assert!(ours.len() > 300);
}

fn answers(implementation: Implementation) -> Vec<Value> {
    let sandbox = Sandbox::new();
    sandbox.write("extra.conf", "");
    sandbox.configure(PROGRAMS);
    let daemon = Launch::of(implementation, &sandbox).arg("-c").arg("supervisord.conf").start_up();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/oracle/call_methods.py");
    let socket = sandbox.path("s.sock");
    let run = Command::new(reference::program("python")).arg(script).arg(socket).arg(sandbox.dir()).output();
    let run = run.unwrap();
    assert!(run.status.success(), "{implementation:?}: {}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(daemon.wait().code(), Some(0));
    serde_json::from_slice(&run.stdout).unwrap()
}
