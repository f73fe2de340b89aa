//! A deployment that shows everything a page has to show: states, groups, a pool, logs of several kinds.

use crate::harness::sandbox::Sandbox;

use super::{NAME, Page};

/// The pages there are,
/// with a name for each.
pub const PAGES: [(&str, &str); 8] = [
    ("status", "/"),
    ("found", "/?q=shop&message=Process+shop%3Aweb_00+started"),
    ("process", "/process.html?processname=shop%3Aworker"),
    ("failed", "/process.html?processname=search"),
    ("listener", "/process.html?processname=watchers%3Awatchers_00"),
    ("events", "/events.html"),
    ("question", "/index.html?action=restartgroup&groupname=shop"),
    ("tail", "/tail.html?processname=colours"),
];

const PROGRAMS: &str = r#"
[inet_http_server]
allowed_hosts=@NAME@
[supervisord]
identifier=shop-eu-1

[group:shop]
programs=web,worker
[program:web]
command=sh -c 'n=0; while :; do n=$((n+1)); echo "10.0.0.$((n %% 9 + 1)) GET /basket/$n 200 12ms"; sleep 1; done'
numprocs=3
process_name=%(program_name)s_%(process_num)02d
startsecs=0
[program:worker]
command=sh -c 'while :; do echo "worker: took a job from the queue"; echo "worker: the queue is empty, waiting" >&2; sleep 2; done'
startsecs=0

[program:cleanup]
command=sh -c 'echo "removed 12 files"'
autorestart=false
startsecs=0
[program:import-of-a-supplier-with-a-rather-long-name]
command=sh -c 'echo "cannot reach the supplier" >&2; sleep 0.1; exit 3'
startretries=100000
[program:search]
command=@DIR@/search-server --index /var/lib/search
startretries=0
[program:nightly-report]
command=sleep 1000
autostart=false
[program:warm-up]
command=sleep 1000
startsecs=3600
[program:colours]
command=sh -c 'printf "\033[32mgreen\033[0m and \033[1;31mred\033[0m, a tab\there, umlauts äöü, 日本語, and a line that is much longer than a screen is wide: %%s\n" "$(seq -s " " 1 200)"; exec sleep 1000'
startsecs=0

[eventlistener:watchers]
command=sh @DIR@/listener
events=PROCESS_STATE,TICK_5
numprocs=2
process_name=%(program_name)s_%(process_num)02d
startsecs=0
"#;

/// Takes every event, in a shell.
const LISTENER: &str = r#"
printf 'READY\n'
while read -r header; do
    head -c "${header##*len:}" >/dev/null
    printf 'RESULT 2\nOKREADY\n'
done
"#;

/// Starts it, under its other name, and waits until every program is in its state.
pub fn open(sandbox: &Sandbox) -> Page<'_> {
    sandbox.write("listener", LISTENER);
    let page = Page::open(sandbox, &sandbox.fill(PROGRAMS).replace("@NAME@", NAME));
    let page = Page { host: NAME, ..page };
    for (name, state) in
        [("web_02", "RUNNING"), ("cleanup", "EXITED"), ("search", "FATAL"), ("warm-up", "STARTING")]
    {
        page.daemon.wait_for_state(name, state);
    }
    page
}
