//! The web page as HTTP clients see it (control.md, section 14, and section 22 for pages); what a browser makes of
//! it is tested elsewhere.

use std::path::Path;
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::harness::daemon::{Daemon, Implementation, Launch};
use crate::harness::http::{Answer, Server};
use crate::harness::ports;
use crate::harness::sandbox::Sandbox;
use crate::harness::wait;

const BOTH: [Implementation; 2] = [Implementation::Ours, Implementation::Reference];

/// What a browser says of itself.
const BROWSER: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0";

fn launch(implementation: Implementation, sandbox: &Sandbox) -> Daemon<'_> {
    Launch::of(implementation, sandbox).arg("-c").arg("supervisord.conf").start_up()
}

/// A sandbox with one more server, on this port.
fn with_port(programs: &str) -> (Sandbox, u16) {
    let (sandbox, port) = (Sandbox::new(), ports::free());
    sandbox.configure(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n{programs}"));
    (sandbox, port)
}

fn text(mut answer: Answer) -> String {
    String::from_utf8(answer.whole()).unwrap()
}

/// What a redirect tells of an action.
fn told(answer: &Answer) -> String {
    let location = answer.header("location");
    let (_, message) = location.split_once("?message=").unwrap_or_else(|| panic!("{}", answer.head()));
    percent_decode_str(message).decode_utf8().unwrap().into_owned()
}

fn act(socket: &Path, query: &str) -> String {
    told(&Server::Unix(socket).get(&format!("/index.html?{query}"), &[]))
}

/// The token in the forms of a page.
fn token(html: &str) -> &str {
    let (_, rest) = html.split_once("name=\"token\" value=\"").expect("a form");
    rest.split('"').next().unwrap()
}

const PROGRAMS: &str = "
[program:cat]
command=cat
autostart=false
[program:missing]
command=@DIR@/missing
autostart=false
[program:noexec]
command=@DIR@/noexec
autostart=false
[program:quick]
command=false
autostart=false
startretries=0
[program:crew]
command=cat
process_name=a
autostart=false
startsecs=0
";

// C-345, C-350 to C-357
#[test]
fn what_actions_tell() {
    for implementation in BOTH {
        let sandbox = Sandbox::new();
        sandbox.write("noexec", "");
        sandbox.configure(PROGRAMS);
        let _daemon = launch(implementation, &sandbox);
        let socket = sandbox.path("s.sock");
        let rows = [
            ("action=start&processname=cat", "Process cat started"),
            ("action=start&processname=cat", "ERROR: Process cat: already started"),
            ("processname=cat&action=stop", "Process cat stopped"),
            ("action=stop&processname=cat", "unexpected rpc fault [70] NOT_RUNNING: cat"),
            ("action=restart&processname=cat", "Process cat restarted"),
            ("action=clearlog&processname=cat", "Log for cat cleared"),
            ("action=start&processname=missing", "ERROR: Process missing: no such file"),
            ("action=restart&processname=missing", "Process missing restarted"),
            ("action=start&processname=noexec", "ERROR: Process noexec: file not executable"),
            ("action=start&processname=quick", "ERROR: Process quick: spawn error"),
            ("action=start&processname=crew%3Aa", "Process crew:a started"),
            ("action=stop&processname=crew:a", "Process crew:a stopped"),
            ("action=start&processname=nope", "No such process named nope"),
            ("action=stop&processname=crew%3A*", "No such process named crew:*"),
            ("action=clearlog&processname=cat%3Cb%3E", "No such process named cat<b>"),
        ];
        for (query, message) in rows {
            assert_eq!(act(&socket, query), message, "{implementation:?} {query}");
        }
        let begins = [
            ("action=refresh", "Page refreshed at "),
            ("action=stopall", "All stopped at "),
            ("action=restartall", "All restarted at "),
        ];
        for (query, begin) in begins {
            let message = act(&socket, query);
            let time = message.strip_prefix(begin).unwrap_or_else(|| panic!("{implementation:?} {message}"));
            assert_eq!(time.len(), "Mon Nov 23 15:40:11 2026".len(), "{message}");
        }
        let form = Server::Unix(&socket).post("/index.html", &[], "action=stop&processname=cat");
        assert_eq!(told(&form), "Process cat stopped", "{implementation:?}");
        for senseless in ["action=dance&processname=cat", "action=start"] {
            let answer = Server::Unix(&socket).get(&format!("/?{senseless}"), &[]);
            assert!([400, 500].contains(&answer.status()), "{implementation:?} {}", answer.head());
        }
    }
}

// C-345
#[test]
fn an_action_is_answered_when_it_is_done_and_the_answer_kept_by_nobody() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:slow]\ncommand=sleep 1000\nautostart=false\nstartsecs=1\n");
    let daemon = launch(Implementation::Ours, &sandbox);
    let socket = sandbox.path("s.sock");
    let answer = Server::Unix(&socket).get("/index.html?action=start&processname=slow", &[]);
    assert_eq!(daemon.process("slow").unwrap().member("statename"), "RUNNING");
    assert_eq!((answer.status(), &*answer.header("cache-control")), (303, "no-store"));
    assert_eq!(answer.header("location"), "./?message=Process%20slow%20started");
    let evil = Server::Unix(&socket).get("/?action=stop&processname=a%0D%0ASet-Cookie:%20x=y", &[]);
    assert!(!evil.head().to_lowercase().contains("\nset-cookie"), "{}", evil.head());
    assert_eq!(told(&evil), "No such process named a\r\nSet-Cookie: x=y");
}

#[test]
fn groups_as_a_whole() {
    let sandbox = Sandbox::new();
    let more = "[program:pair]\nprocess_name=%(process_num)d\nnumprocs=2\ncommand=cat\nautostart=false\nstartsecs=0\n\
                [group:mixed]\nprograms=missing,cat\n";
    sandbox.configure(&format!("{PROGRAMS}{more}"));
    let daemon = launch(Implementation::Ours, &sandbox);
    let socket = sandbox.path("s.sock");
    let act = |action: &str, group: &str| act(&socket, &format!("action={action}&groupname={group}"));
    assert!(act("startgroup", "pair").starts_with("Group pair started at "));
    let states =
        || daemon.processes().unwrap().iter().filter(|it| it.member("statename") == "RUNNING").count();
    assert_eq!(states(), 2);
    assert!(act("stopgroup", "pair").starts_with("Group pair stopped at "));
    assert_eq!(states(), 0);
    let mixed = act("restartgroup", "mixed");
    assert!(mixed.ends_with(", but for mixed:missing (no such file)"), "{mixed}");
    assert_eq!(act("startgroup", "nope"), "No such group named nope");
    assert!(self::act(&socket, "action=startall").starts_with("All started at "));
}

/// Texts of what can be clicked in the row of a process, but for what is not in the reference.
fn controls(html: &str, name: &str) -> Vec<String> {
    let row = html
        .split("<tr")
        .find(|row| row.contains(&format!(">{name}</a>")))
        .unwrap_or_else(|| panic!("{html}"));
    let row = row.split("</tr>").next().unwrap();
    let mut found: Vec<_> = ["</a>", "</button>"]
        .into_iter()
        .flat_map(|end| row.match_indices(end))
        .map(|(at, _)| (at, row[..at].rsplit('>').next().unwrap().to_owned()))
        .collect();
    found.sort();
    let ours = ["Details", "Action", name];
    found.into_iter().map(|(_, text)| text).filter(|text| !ours.contains(&&**text)).collect()
}

// C-340 to C-343, C-358, C-363
#[test]
fn the_page_and_its_rows_by_state() {
    for implementation in BOTH {
        let sandbox = Sandbox::new();
        sandbox.configure(
            "[program:up]\ncommand=cat\nstartsecs=0\n[program:off]\ncommand=cat\nautostart=false\n\
             [program:gone]\ncommand=true\nstartsecs=0\nautorestart=false\n\
             [program:lost]\ncommand=@DIR@/missing\nstartretries=0\n\
             [program:slow]\ncommand=cat\nstartsecs=1000\n",
        );
        let daemon = launch(implementation, &sandbox);
        let states = [
            ("up", "RUNNING"),
            ("off", "STOPPED"),
            ("gone", "EXITED"),
            ("lost", "FATAL"),
            ("slow", "STARTING"),
        ];
        for (name, state) in states {
            daemon.wait_for_state(name, state);
        }
        let socket = sandbox.path("s.sock");
        let answer = Server::Unix(&socket).get("/index.html?message=%3Ci%3Ehello", &[]);
        assert_eq!(answer.header("content-type"), "text/html;charset=utf-8");
        assert_eq!((&*answer.header("pragma"), &*answer.header("cache-control")), ("no-cache", "no-cache"));
        let html = text(answer);
        assert!(html.contains("Supervisor") && !html.contains("<i>hello"), "{html}");
        for (name, state) in states {
            let first: &[&str] = match state {
                "RUNNING" => &["Restart", "Stop"],
                "STARTING" => &[],
                _ => &["Start"],
            };
            let expected = [first, &["Clear Log", "Tail -f Stdout", "Tail -f Stderr"]].concat();
            assert_eq!(controls(&html, name), expected, "{implementation:?} {name}");
            assert!(html.contains(&format!(">{}</span>", state.to_lowercase())), "{html}");
        }
        let ok = Server::Unix(&socket).get("/ok.html", &[]);
        assert_eq!((ok.status(), &*ok.header("content-type")), (200, "text/plain"));
        assert_eq!(text(ok), "OK");
    }
}

// C-342
#[test]
fn without_programs() {
    for implementation in BOTH {
        let sandbox = Sandbox::new();
        sandbox.configure("");
        let _daemon = launch(implementation, &sandbox);
        assert!(Server::Unix(&sandbox.path("s.sock")).page("/").contains("No programs to manage"));
    }
}

// C-360 to C-364
#[test]
fn ends_of_logs() {
    for implementation in BOTH {
        let sandbox = Sandbox::new();
        sandbox.configure(
            "[program:x]\ncommand=cat\nautostart=false\nstdout_logfile=@DIR@/x.log\n[program:mute]\ncommand=cat\n\
             autostart=false\nstdout_logfile=NONE\n",
        );
        let _daemon = launch(implementation, &sandbox);
        sandbox.write("x.log", &format!("first\n{}<b>&\n", "0123456789\n".repeat(200)));
        let socket = sandbox.path("s.sock");
        let page = |query: &str| Server::Unix(&socket).page(&format!("/tail.html?{query}"));
        let body = |query: &str| {
            let html = page(query);
            let pre = html.split("<pre").nth(1).unwrap().split("</pre>").next().unwrap();
            pre.split_once('>').unwrap().1.to_owned()
        };
        for small in [
            "processname=x",
            "processname=x&limit=10",
            "limit=-2000&processname=x",
            "processname=x&limit=many",
        ] {
            let shown = body(small);
            let unescaped = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            let unescaped = unescaped.replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&");
            assert_eq!(unescaped.len(), 1024, "{implementation:?} {small}");
            assert!(unescaped.ends_with("789\n<b>&\n") && !shown.contains("<b>"), "{shown}");
        }
        assert!(body("processname=x&limit=5000").starts_with("first\n"));
        let whole = page("processname=x&limit=2000");
        assert!(whole.contains("<title>Supervisor tail of process x</title>"), "{whole}");
        assert!(whole.contains("tail.html?processname=x&amp;limit=2000"), "{whole}");
        let rows = [
            ("", "No process name found"),
            ("processname=", "No process name found"),
            ("processname=mute", "No file for mute"),
            ("processname=nope", "ERROR: unexpected rpc fault [10] BAD_NAME: nope"),
            ("processname=x%3A*", "ERROR: unexpected rpc fault [10] BAD_NAME: x:*"),
        ];
        for (query, told) in rows {
            assert_eq!(body(query), told, "{implementation:?} {query}");
        }
    }
}

// C-364
#[test]
fn logs_that_are_no_text_stay_what_they_are() {
    let sandbox = Sandbox::new();
    sandbox.configure("[program:x]\ncommand=cat\nautostart=false\nstdout_logfile=@DIR@/x.log\n");
    let _daemon = launch(Implementation::Ours, &sandbox);
    let bytes = b"\x00\xff</pre><script>alert(1)</script>\r\n\xc3".to_vec();
    std::fs::write(sandbox.path("x.log"), &bytes).unwrap();
    let socket = sandbox.path("s.sock");
    for page in ["/tail.html?processname=x", "/process.html?processname=x"] {
        let html = Server::Unix(&socket).page(page);
        assert!(!html.contains("alert(1)</script>") && html.contains("&#60;script&#62;alert(1)"), "{html}");
    }
    let mut file = Server::Unix(&socket).get("/log.txt?processname=x&channel=stdout", &[]);
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"x-stdout.log\"");
    assert_eq!(
        (&*file.header("x-content-type-options"), &*file.header("content-type")),
        ("nosniff", "text/plain;charset=utf-8")
    );
    assert_eq!(file.whole(), bytes);
    for none in ["/log.txt", "/log.txt?processname=nope", "/log.txt?processname=x%3A*"] {
        assert_eq!(Server::Unix(&socket).get(none, &[]).status(), 404, "{none}");
    }
}

const ONE: &str = "[program:cat]\ncommand=cat\nstartsecs=0\n";

// C-600 to C-602, C-605
#[test]
fn other_sites_have_no_say() {
    let (sandbox, port) = with_port(ONE);
    let daemon = launch(Implementation::Ours, &sandbox);
    daemon.wait_for_state("cat", "RUNNING");
    let server = Server::Tcp(port);
    let own = format!("Origin: http://localhost:{port}");
    let host = format!("Host: localhost:{port}");
    let stop = "action=stop&processname=cat";
    let foreign: [&[&str]; 5] = [
        &["Origin: http://evil.example"],
        &["Origin: null"],
        &["Referer: http://evil.example/page"],
        &["Sec-Fetch-Site: cross-site"],
        &["Host: evil.example", "Origin: http://evil.example"],
    ];
    for headers in foreign {
        let posted = server.post("/index.html", headers, stop);
        assert_eq!(posted.status(), 403, "{headers:?} {}", posted.head());
        assert_eq!(server.get(&format!("/index.html?{stop}"), headers).status(), 403, "{headers:?}");
        assert_eq!(server.get("/", headers).status(), 200, "{headers:?}: a page without an action");
    }
    assert!(text(server.post("/", &["Host: evil.example"], stop)).contains("allowed_hosts"));
    // C-604
    for headers in [&[&*host, &*own][..], &[BROWSER], &["Sec-Fetch-Site: same-origin"]] {
        assert_eq!(server.post("/index.html", headers, stop).status(), 403, "{headers:?}: no token");
        let wrong = format!("{stop}&token=0123456789abcdef0123456789abcdef");
        assert_eq!(server.post("/index.html", headers, &wrong).status(), 403, "{headers:?}: a wrong one");
    }
    assert_eq!(daemon.process("cat").unwrap().member("statename"), "RUNNING");
    daemon.wait_for_log("refused '/index.html'");
    let metrics = server.page("/metrics");
    let counted = metrics
        .lines()
        .find(|line| line.starts_with("supervisor_http_requests_total") && line.contains("403"));
    assert!(counted.is_some_and(|line| !line.ends_with(" 0")), "{metrics}");
    let page = server.page("/");
    let form = format!("{stop}&token={}", token(&page));
    assert_eq!(told(&server.post("/index.html", &[&host, &own, BROWSER], &form)), "Process cat stopped");
}

// C-603, C-604
#[test]
fn links_are_obeyed_or_confirmed() {
    let (sandbox, port) = with_port(ONE);
    let daemon = launch(Implementation::Ours, &sandbox);
    daemon.wait_for_state("cat", "RUNNING");
    let server = Server::Tcp(port);
    let link = "/index.html?action=restart&processname=cat&q=c%22";
    let html = text(server.get(link, &[BROWSER]));
    assert!(
        html.contains("Restart process cat?") && html.contains("<form id=\"confirm\" method=\"post\""),
        "{html}"
    );
    for field in [
        "name=\"action\" value=\"restart\"",
        "name=\"processname\" value=\"cat\"",
        "name=\"q\" value=\"c&#34;\"",
    ] {
        assert!(html.contains(field), "{field} in {html}");
    }
    assert_eq!(daemon.count_log("stopped: cat"), 0);
    let form = format!("action=restart&processname=cat&q=c%22&token={}", token(&html));
    let own = format!("Origin: http://127.0.0.1:{port}");
    let done = server.post("/index.html", &[BROWSER, &own, &format!("Host: 127.0.0.1:{port}")], &form);
    assert_eq!(done.header("location"), "./?message=Process%20cat%20restarted&q=c%22");
    let host = format!("Host: localhost:{port}");
    let referer = format!("Referer: http://localhost:{port}/");
    let obeyed: [&[&str]; 4] = [
        &["User-Agent: curl/8.14.1"],
        &[BROWSER, "Sec-Fetch-Site: none"],
        &[BROWSER, "Sec-Fetch-Site: same-origin"],
        &[BROWSER, &host, &referer],
    ];
    for headers in obeyed {
        assert_eq!(
            told(&server.get("/?action=clearlog&processname=cat", headers)),
            "Log for cat cleared",
            "{headers:?}"
        );
    }
}

// C-340, C-341
#[test]
fn pages_bring_what_keeps_them_safe() {
    let (sandbox, port) = with_port("[supervisord]\nidentifier=me&<b>\n[program:cat]\ncommand=cat\n");
    let daemon = launch(Implementation::Ours, &sandbox);
    daemon.wait_for_state("cat", "RUNNING");
    let server = Server::Tcp(port);
    for path in
        ["/", "/index.html", "/tail.html?processname=cat", "/process.html?processname=cat", "/events.html"]
    {
        let answer = server.get(path, &[]);
        let policy = answer.header("content-security-policy");
        let wanted =
            ["default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "form-action 'self'"];
        assert!(wanted.iter().all(|it| policy.contains(it)), "{path} {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        let html = text(answer);
        assert!(html.contains("<strong>me&#38;&#60;b&#62;</strong>"), "{path} {html}");
        for outside in ["style=", "onclick", "http://", "https://", "href=\"/", "src=\"/", "action=\"/"] {
            assert!(!html.contains(outside), "{path} has {outside}: {html}");
        }
    }
    assert!(server.page("/").contains("<title>Supervisor Status: me&#38;&#60;b&#62;</title>"));
    for (path, status) in
        [("/nothing.html", 404), ("/process.html", 400), ("/process.html?processname=nope", 404)]
    {
        assert_eq!(server.get(path, &[]).status(), status, "{path}");
    }
}

/// The addresses of what a page loads.
fn loads(html: &str) -> Vec<String> {
    let linked = html.match_indices("<link ").map(|(at, _)| (at, " href=\""));
    let scripts = html.match_indices("<script ").map(|(at, _)| (at, " src=\""));
    linked
        .chain(scripts)
        .map(|(at, name)| html[at..].split_once(name).unwrap().1.split('"').next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_first_load_is_small_and_kept() {
    const LIMIT: usize = 60_000;
    let (sandbox, port) =
        with_port("[program:web]\nprocess_name=%(process_num)d\nnumprocs=10\ncommand=cat\n");
    let _daemon = launch(Implementation::Ours, &sandbox);
    let server = Server::Tcp(port);
    for path in ["/", "/process.html?processname=web%3A0", "/events.html"] {
        let html = server.page(path);
        let assets = loads(&html);
        assert!(assets.len() >= 3, "{html}");
        let mut total = html.len();
        for asset in &assets {
            let mut answer = server.get(&format!("/{asset}"), &[]);
            assert_eq!(answer.status(), 200, "{asset}");
            assert!(answer.header("cache-control").contains("immutable"), "{asset}");
            total += answer.head().len() + answer.whole().len();
            let tag = format!("If-None-Match: {}", answer.header("etag"));
            assert_eq!(server.get(&format!("/{asset}"), &[&tag]).status(), 304, "{asset}");
        }
        println!("{path}: {total} bytes");
        assert!(total < LIMIT, "{path}: {total} bytes");
    }
}

// Generous where the program is not optimised.
#[test]
fn a_thousand_processes() {
    let limit = Duration::from_millis(if cfg!(debug_assertions) { 2000 } else { 20 });
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:web]\nprocess_name=%(process_num)04d\nnumprocs=1000\ncommand=cat\nautostart=false\n\
         stdout_logfile=NONE\nstderr_logfile=NONE\n",
    );
    let _daemon = launch(Implementation::Ours, &sandbox);
    let socket = sandbox.path("s.sock");
    let took = |_| {
        let begun = Instant::now();
        let html = text(Server::Unix(&socket).get("/", &[]));
        assert_eq!(html.matches("<tr data-name").count(), 1000);
        begun.elapsed()
    };
    let best = (0..5).map(took).min().unwrap();
    println!("the page with 1000 processes came within {best:?}");
    assert!(best < limit, "{best:?}");
    let found = Server::Unix(&socket).page("/?q=web%3A0042");
    assert_eq!(found.matches("<tr data-name").count(), 1);
    assert!(found.contains("<b>1000</b> stopped"), "{found}");
}

#[test]
fn the_page_of_a_process() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:talk]\ncommand=sh -c 'echo out; echo err >&2; exec cat'\nenvironment=KEY=\"swordfish\"\nstartsecs=0\n\
         [eventlistener:ear]\ncommand=cat\nevents=PROCESS_STATE,TICK_60\nstartsecs=0\nbuffer_size=7\n",
    );
    let daemon = launch(Implementation::Ours, &sandbox);
    daemon.wait_for_state("talk", "RUNNING");
    daemon.wait_for_state("ear", "RUNNING");
    let socket = sandbox.path("s.sock");
    let page = |query: &str| Server::Unix(&socket).page(&format!("/process.html?processname={query}"));
    daemon.until("its output", || page("talk").contains(">out\n</pre>"));
    daemon.until("its errors", || page("talk&channel=stderr").contains(">err\n</pre>"));
    let html = page("talk&message=hi%21");
    for part in [
        "<tr data-name=\"talk\" data-state=\"RUNNING\"",
        "class=\"status_msg\">hi!</p>",
        "<td class=\"type\">PROCESS_STATE_RUNNING</td><td class=\"about\">talk</td><td class=\"details\">from_state:STARTING pid:",
        "<th scope=\"row\">environment</th><td>KEY=(hidden)</td>",
        "name=\"then\" value=\"process\"",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    assert!(!html.contains("swordfish") && !html.contains("Listener pool"));
    let ear = page("ear");
    assert!(ear.contains("<h2 id=\"pools-title\">Listener pool</h2>") && ear.contains(" of 7</td>"), "{ear}");
    assert!(ear.contains("<td>PROCESS_STATE,TICK_60</td>"), "{ear}");
    let back =
        Server::Unix(&socket).post("/index.html", &[], "action=clearlog&processname=talk&then=process");
    assert_eq!(back.header("location"), "process.html?processname=talk&message=Log%20for%20talk%20cleared");
}

#[test]
fn the_page_of_events() {
    let sandbox = Sandbox::new();
    sandbox.configure(&format!("{ONE}[eventlistener:ear]\ncommand=cat\nevents=TICK_60\nstartsecs=0\n"));
    let daemon = launch(Implementation::Ours, &sandbox);
    daemon.wait_for_state("cat", "RUNNING");
    daemon.wait_for_state("ear", "RUNNING");
    let socket = sandbox.path("s.sock");
    let page = |query: &str| Server::Unix(&socket).page(&format!("/events.html?{query}"));
    let all = page("");
    assert!(all.contains("<td class=\"type\">SUPERVISOR_STATE_CHANGE_RUNNING</td>"), "{all}");
    assert!(all.contains("<tr data-pool=\"ear\">") && all.contains("<tr data-listener=\"ear\">"), "{all}");
    let some = page("type=PROCESS_STATE&process=cat&group=");
    assert_eq!(some.matches("<td class=\"type\">").count(), 2, "{some}");
    assert!(
        some.contains("<option selected>PROCESS_STATE</option>")
            && some.contains("name=\"process\" value=\"cat\"")
    );
    assert!(page("type=%3Cb%3E").contains("There is no such event type."));
}

fn notes(stream: &mut Answer) -> Vec<Value> {
    stream.read();
    let parsed =
        stream.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    parsed.into_iter().filter(|note| note["type"] == "STATUS").collect()
}

/// What the notes last said of a process.
fn last<'a>(notes: &'a [Value], name: &str) -> Option<&'a Value> {
    let told = notes.iter().flat_map(|note| note["processes"].as_array().unwrap());
    told.rev().find(|it| it["name"] == name)
}

#[test]
fn open_pages_are_told_how_things_are() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        "[program:busy]\ncommand=sh -c 'while :; do :; done'\nstartsecs=0\n\
         [program:fail]\ncommand=false\nautostart=false\nstartretries=0\n\
         [eventlistener:ear]\ncommand=cat\nevents=TICK_60\nstartsecs=0\n",
    );
    let daemon = launch(Implementation::Ours, &sandbox);
    daemon.wait_for_state("busy", "RUNNING");
    let socket = sandbox.path("s.sock");
    let mut stream = Server::Unix(&socket).get("/events?status&format=json&type=PROCESS_GROUP", &[]);
    let first = wait::until("the first note", || notes(&mut stream).into_iter().next());
    assert_eq!(first["processes"].as_array().unwrap().len(), 3, "{first}");
    assert_eq!(first["pools"][0]["name"], "ear");
    let first = [first];
    let busy = last(&first, "busy").unwrap();
    assert!(busy["memory"].as_str().unwrap().ends_with("iB") && busy["start"].is_i64(), "{busy}");
    let pid = daemon.pid_of("busy");
    assert_eq!(busy["pid"], pid);
    // A change comes at once.
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    let begun = Instant::now();
    let again = wait::until("the restart", || {
        let notes = notes(&mut stream);
        last(&notes, "busy").filter(|it| it["restarts"] == 1 && it["state"] == "RUNNING").cloned()
    });
    assert_ne!(again["pid"], pid);
    println!("a restart was told after {:?}", begun.elapsed());
    act(&socket, "action=start&processname=fail");
    let failed = wait::until("the failure", || {
        last(&notes(&mut stream), "fail").filter(|it| it["state"] == "FATAL").cloned()
    });
    assert!(failed["description"].as_str().unwrap().starts_with("Exited too quickly"), "{failed}");
    // Processor time needs two looks.
    let used = wait::until("processor time", || {
        let notes = notes(&mut stream);
        last(&notes, "busy").map(|it| it["cpu"].as_str().unwrap().to_owned()).filter(|cpu| !cpu.is_empty())
    });
    assert!(used.trim_end_matches('%').parse::<f64>().unwrap() > 1.0, "{used}");
    // It comes without a number: resuming is left to events.
    let plain = Server::Unix(&socket).get("/events?status&follow=no", &[]);
    assert!(!text(plain).contains("STATUS"));
}
