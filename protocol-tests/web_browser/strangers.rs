//! Pages of other origins in the same browser (C-600 to C-605): what they try, and that nothing comes of it.

use crate::harness::http_server::HttpServer;
use crate::harness::sandbox::Sandbox;

use super::{NAME, Page};

const VICTIM: &str = "[program:victim]\ncommand=sleep 1000\nstartsecs=0\n";

/// Whatever a page can make a browser send by itself; its title tells when all of it has been answered.
const ATTACK: &str = r#"HTTP/1.1 200 OK
Content-Type: text/html

<!doctype html><title>trying</title>
<iframe name=a></iframe><iframe name=b></iframe><iframe name=c></iframe>
<form id=post target=a method=post action="@TARGET@/index.html">
  <input name=action value=stop><input name=processname value=victim></form>
<form id=get target=b action="@TARGET@/index.html">
  <input name=action value=stop><input name=processname value=victim></form>
<form id=rpc target=c method=post enctype=text/plain action="@TARGET@/RPC2">
  <input name="<?xml version" value='"1.0"?><methodCall><methodName>supervisor.shutdown</methodName></methodCall>'></form>
<script>
const stop = '@TARGET@/index.html?action=stop&processname=victim';
const call = '<?xml version="1.0"?><methodCall><methodName>supervisor.shutdown</methodName></methodCall>';
const settled = element => new Promise(done => element.onload = element.onerror = done);
const image = new Image();
const seen = [settled(image), ...[...document.querySelectorAll('iframe')].map(settled)];
image.src = '@TARGET@/index.html?action=stopall';
for (const id of ['post', 'get', 'rpc']) document.getElementById(id).submit();
const quiet = request => request.catch(() => {});
seen.push(
  quiet(fetch(stop, { mode: 'no-cors' })),
  quiet(fetch(stop, { mode: 'no-cors', referrerPolicy: 'no-referrer' })),
  quiet(fetch('@TARGET@/RPC2', { method: 'POST', mode: 'no-cors', body: call })),
  quiet(fetch('@TARGET@/RPC2', { method: 'POST', headers: { 'Content-Type': 'text/xml' }, body: call })),
  quiet(fetch('@TARGET@/', { mode: 'cors' }).then(page => page.text()).then(text => { document.title = 'read it'; })),
);
Promise.all(seen).then(() => { if (document.title === 'trying') document.title = 'done'; });
</script>
<a id=link rel=noreferrer href="@TARGET@/index.html?action=stop&processname=victim">A link</a>
"#;

/// Where the stranger's page is, and by which name it knows the server.
const PLACES: [(&str, &str); 3] =
    [("127.0.0.1", "127.0.0.1"), ("stranger.test", "127.0.0.1"), ("stranger.test", NAME)];

// C-600 to C-604
#[test]
fn pages_of_other_origins_stop_nothing() {
    let sandbox = Sandbox::new();
    let page = Page::open(&sandbox, &format!("[inet_http_server]\nallowed_hosts={NAME}\n{VICTIM}"));
    let pid = page.daemon.pid_of("victim");
    for (host, target) in PLACES {
        let target = page.address("").replace("127.0.0.1", target);
        let stranger = HttpServer::start(&ATTACK.replace("@TARGET@", &target));
        page.browser.go(&stranger.url_at(host, "/"));
        page.browser.until("document.title !== 'trying'");
        assert_eq!(page.browser.title(), "done", "{host}");
        let asked = page.browser.requests();
        let count = |path| asked.iter().filter(|it| it.starts_with(&format!("{target}{path}"))).count();
        assert!(count("/RPC2") >= 3 && count("/index.html") >= 5, "{host}: not even tried: {asked:?}");
        page.browser.click("#link");
        page.browser.until("location.href.includes('action=stop') && document.readyState === 'complete'");
        assert_eq!(page.daemon.pid_of("victim"), pid, "{host}");
    }
    page.daemon.wait_for_log("refused '/");
    // The last link came from nowhere: who followed it is asked, and may mean it.
    page.browser.click("#confirm button");
    page.browser.until("document.querySelector('#message').innerText === 'Process victim stopped'");
}

// C-602: a name of the stranger's that leads here, so that its page is of one origin with ours.
#[test]
fn a_stranger_s_name_for_this_machine_is_no_way_in() {
    let sandbox = Sandbox::new();
    let page = Page::open(&sandbox, VICTIM);
    let pid = page.daemon.pid_of("victim");
    let rebound = page.address("").replace("127.0.0.1", "rebound.test");
    page.browser.go(&format!("{rebound}/"));
    let tries = [
        "fetch('index.html?action=stop&processname=victim')",
        "fetch('index.html', { method: 'POST', body: new URLSearchParams({ action: 'stopall' }) })",
        "fetch('RPC2', { method: 'POST', headers: { 'Content-Type': 'text/xml' }, body:
            '<methodCall><methodName>supervisor.shutdown</methodName></methodCall>' })",
    ];
    for attempt in tries {
        assert_eq!(page.browser.eval(&format!("{attempt}.then(it => it.status)")), 403, "{attempt}");
    }
    assert_eq!(page.daemon.pid_of("victim"), pid);
}
