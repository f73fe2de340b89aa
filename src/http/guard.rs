//! What a browser sends from elsewhere: other sites' pages, and names that another's DNS made point here
//! (control.md, section 22).
//!
//! A browser reaches servers that its user can reach, whoever wrote the page it shows. So what changes
//! something is refused where the browser says, or cannot deny, that it was sent from another site. The
//! decision is pure; `server` carries it out. Unix sockets have no guard: no browser gets there.

use std::cell::Cell;
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use hyper::header::{HOST, HeaderMap, ORIGIN, REFERER};
use hyper::{Method, Uri};

use super::browser::{SEC_FETCH_SITE, Site, plain, values};
use super::form;
use crate::config::schema::{ServerAddress, ServerConfig};
use crate::model::pyrepr;

/// Paths of requests that change something begin like this (C-600).
const GUARDED: &str = "/RPC2";
/// A page with this field in its address changes something, too.
const ACTION: &str = "action";
/// What browsers say of requests from other sites.
const FOREIGN: [&str; 2] = ["cross-site", "same-site"];
/// Stands for any host in `allowed_hosts`.
const ANY: &str = "*";
/// Refusals are told no more often than this (C-605).
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// How much of a header is shown in the log, in characters.
const SHOWN: usize = 100;

/// What one TCP server lets through.
pub(super) struct Guard {
    /// Where nobody is asked for a password, only the name tells a request from a rebound one (C-602).
    asks_password: bool,
    own: Vec<String>,
    allowed: Vec<String>,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    kind: Kind,
    /// What the header says, for the log.
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Origin,
    Referer,
    FetchSite,
    Host,
}

impl Guard {
    /// The guard of this server on a machine of this name; none for a unix socket.
    pub(super) fn new(config: &ServerConfig, node: &str) -> Option<Self> {
        let ServerAddress::Inet { host, .. } = &config.address else { return None };
        let short = node.split('.').next().unwrap_or_default();
        let own = ["localhost", node, short, host].into_iter().filter(|name| !name.is_empty());
        Some(Self {
            asks_password: config.credentials.is_some(),
            own: own.map(plain).collect(),
            allowed: config.allowed_hosts.iter().map(|name| plain(name)).collect(),
        })
    }

    /// Whether a request with this head is let through.
    pub(super) fn judge(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        if !is_guarded(method, uri) {
            return Ok(());
        }
        let refusal = self.foreign_page(headers).or_else(|| self.foreign_fetch(headers));
        refusal.or_else(|| self.foreign_name(headers)).map_or(Ok(()), Err)
    }

    /// The page that sent it, if that is another site's (C-601).
    fn foreign_page(&self, headers: &HeaderMap) -> Option<Refusal> {
        let here = Site::of_host(headers);
        let own = |url: &str| here.is_some() && Site::of_url(url) == here;
        let found = |name, kind| {
            let value = values(headers, name).find(|url| !own(url) && !self.allows_page(url))?;
            Some(Refusal { kind, value })
        };
        found(ORIGIN, Kind::Origin).or_else(|| found(REFERER, Kind::Referer))
    }

    /// What the browser says of the sites, unless the page's is one that is allowed (C-601).
    fn foreign_fetch(&self, headers: &HeaderMap) -> Option<Refusal> {
        let value = values(headers, SEC_FETCH_SITE)
            .find(|said| FOREIGN.iter().any(|foreign| said.trim().eq_ignore_ascii_case(foreign)))?;
        let allowed = values(headers, ORIGIN).any(|url| self.allows_page(&url));
        (!allowed).then_some(Refusal { kind: Kind::FetchSite, value })
    }

    /// The name that it calls the server by, if that is none of its own (C-602).
    fn foreign_name(&self, headers: &HeaderMap) -> Option<Refusal> {
        let value = values(headers, HOST).find(|host| !self.asks_password && !self.goes_by(host))?;
        Some(Refusal { kind: Kind::Host, value })
    }

    fn goes_by(&self, host: &str) -> bool {
        if host.trim().is_empty() || self.allows_any() {
            return true;
        }
        let Some(Site { host, .. }) = Site::new("http", host) else { return false };
        host.parse::<IpAddr>().is_ok() || self.own.contains(&host) || self.allows(&host)
    }

    fn allows_page(&self, url: &str) -> bool {
        self.allows_any() || Site::of_url(url).is_some_and(|site| self.allows(&site.host))
    }

    fn allows(&self, host: &str) -> bool {
        self.allowed.iter().any(|name| name == host)
    }

    fn allows_any(&self) -> bool {
        self.allows(ANY)
    }
}

/// Whether a request may change something (C-600). What a form says is not known yet, so all are taken to do.
fn is_guarded(method: &Method, uri: &Uri) -> bool {
    let acts = || {
        form::fields(uri.query().unwrap_or_default()).any(|(name, value)| name == ACTION && !value.is_empty())
    };
    uri.path().starts_with(GUARDED) || *method == Method::POST || acts()
}

impl Refusal {
    /// What the client is told: how to have it allowed, and nothing that the request itself said.
    pub(super) const fn advice(&self) -> &'static str {
        match self.kind {
            Kind::Host => {
                "The Host header has a name that is not known as this server's. If it is, add it to the option \
                 allowed_hosts of the server's section."
            }
            Kind::Origin | Kind::Referer | Kind::FetchSite => {
                "The request comes from a page of another site. If that is as it should be, add the site's host to \
                 the option allowed_hosts of the server's section."
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = shown(&self.value);
        match self.kind {
            Kind::Origin => write!(f, "Origin {value} is another site"),
            Kind::Referer => write!(f, "Referer {value} is another site"),
            Kind::FetchSite => write!(f, "Sec-Fetch-Site is {value}"),
            Kind::Host => write!(f, "Host {value} is not known, see allowed_hosts"),
        }
    }
}

/// What a client sent, fit for a line of the log.
pub(super) fn shown(text: &str) -> String {
    pyrepr::string(&text.chars().take(SHOWN).collect::<String>())
}

/// Counts refusals, of all servers.
#[derive(Default)]
pub struct Refusals {
    count: Cell<u64>,
    told: Cell<Option<Instant>>,
}

impl Refusals {
    /// How many there were since the daemon's start.
    pub fn count(&self) -> u64 {
        self.count.get()
    }

    /// Counts one more; whether it is to be told (C-605).
    pub(super) fn add(&self, now: Instant) -> bool {
        self.count.set(self.count.get().saturating_add(1));
        let due = self.told.get().is_none_or(|told| now.duration_since(told) >= TOLD_EVERY);
        if due {
            self.told.set(Some(now));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::headers;

    fn guard(password: bool, allowed: &[&str]) -> Guard {
        let config = ServerConfig {
            section: "inet_http_server".into(),
            address: ServerAddress::Inet { host: "own.example".into(), port: 9001 },
            credentials: password.then(|| ("u".into(), "p".into())),
            allowed_hosts: allowed.iter().map(|&name| name.to_owned()).collect(),
        };
        Guard::new(&config, "node.lan").unwrap()
    }

    /// The kind of refusal for a call with these headers, `Name: value` each.
    fn refused(guard: &Guard, lines: &[&str]) -> Option<Kind> {
        guard
            .judge(&Method::POST, &Uri::from_static("/RPC2"), &headers(lines))
            .err()
            .map(|refusal| refusal.kind)
    }

    // C-601
    #[test]
    fn pages_of_other_sites() {
        let guard = guard(true, &["Friend.example", "::1"]);
        let rows: &[(&[&str], Option<Kind>)] = &[
            (&[], None),
            (&["Host: a:9001"], None),
            (&["Host: a:9001", "Origin: http://a:9001"], None),
            (&["Host: A:9001", "Origin: http://a.:9001"], None),
            (&["Host: a", "Origin: http://a:80"], None),
            (&["Host: a:80", "Origin: http://a"], None),
            (&["Host: a", "Origin: https://a"], None),
            (&["Host: [::1]:9001", "Origin: http://[::1]:9001"], None),
            (&["Host: a:9001", "Origin: http://friend.example:1"], None),
            (&["Host: a:9001", "Origin: http://[::1]:7"], None),
            (&["Host: a:9001", "Origin: http://a"], Some(Kind::Origin)),
            (&["Host: a:9001", "Origin: http://a:9002"], Some(Kind::Origin)),
            (&["Host: a:9001", "Origin: http://b:9001"], Some(Kind::Origin)),
            (&["Host: a:9001", "Origin: http://a:9001@b"], Some(Kind::Origin)),
            (&["Host: a:9001", "Origin: null"], Some(Kind::Origin)),
            (&["Host: a:9001", "Origin: a:9001"], Some(Kind::Origin)),
            (&["Host: a:9001", "Origin: http://a:9001", "Origin: http://b"], Some(Kind::Origin)),
            (&["Origin: http://a:9001"], Some(Kind::Origin)),
            (&["Host: a:9001", "Referer: http://a:9001/index.html?x=http://b/"], None),
            (&["Host: a:9001", "Referer: http://b/?http://a:9001/"], Some(Kind::Referer)),
            (&["Host: a:9001", "Origin: http://a:9001", "Referer: http://b/"], Some(Kind::Referer)),
            (&["Host: a:9001", "Referer: about:blank"], Some(Kind::Referer)),
        ];
        for (headers, kind) in rows {
            assert_eq!(refused(&guard, headers), *kind, "{headers:?}");
        }
    }

    // C-601
    #[test]
    fn what_the_browser_says_of_the_sites() {
        let guard = guard(true, &["friend.example"]);
        let rows: &[(&[&str], Option<Kind>)] = &[
            (&["Sec-Fetch-Site: same-origin"], None),
            (&["Sec-Fetch-Site: none"], None),
            (&["Sec-Fetch-Site: cross-site"], Some(Kind::FetchSite)),
            (&["Sec-Fetch-Site: Same-Site"], Some(Kind::FetchSite)),
            (&["Sec-Fetch-Site: cross-site", "Host: a", "Origin: http://a"], Some(Kind::FetchSite)),
            (&["Sec-Fetch-Site: cross-site", "Host: a", "Origin: http://friend.example"], None),
        ];
        for (headers, kind) in rows {
            assert_eq!(refused(&guard, headers), *kind, "{headers:?}");
        }
    }

    // C-602
    #[test]
    fn names_of_a_server_without_password() {
        let guard_all = guard(false, &["friend.example"]);
        for known in [
            "",
            "127.0.0.1:9001",
            "10.1.2.3",
            "[::1]:9001",
            "localhost:9001",
            "LOCALHOST.",
            "node.lan:1",
            "node",
            "own.example",
            "friend.example:80",
        ] {
            assert_eq!(refused(&guard_all, &[&format!("Host: {known}")]), None, "{known}");
        }
        let strangers = [
            "evil.example:9001",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "lan",
            "a b",
            "1.2.3",
            "[::1",
        ];
        for stranger in strangers {
            assert_eq!(refused(&guard_all, &[&format!("Host: {stranger}")]), Some(Kind::Host), "{stranger}");
            assert_eq!(refused(&guard(true, &[]), &[&format!("Host: {stranger}")]), None, "{stranger}");
        }
        assert_eq!(refused(&guard_all, &[]), None);
        assert_eq!(refused(&guard_all, &["Host: localhost", "Host: evil.example"]), Some(Kind::Host));
    }

    // C-602
    #[test]
    fn any_host() {
        let guard = guard(false, &["*"]);
        let headers =
            ["Host: evil.example", "Origin: null", "Referer: http://b/", "Sec-Fetch-Site: cross-site"];
        assert_eq!(refused(&guard, &headers), None);
        // There is no sign that whoever sent it is allowed.
        assert_eq!(refused(&guard, &["Sec-Fetch-Site: cross-site"]), Some(Kind::FetchSite));
    }

    // C-600
    #[test]
    fn what_is_guarded() {
        let guard = guard(false, &[]);
        let foreign = headers(&["Origin: null"]);
        let (get, post) = (Method::GET, Method::POST);
        let rows = [
            (&post, "/RPC2", true),
            (&post, "/RPC2/x", true),
            (&get, "/RPC2x", true),
            (&get, "/", false),
            (&get, "/logtail/x", false),
            (&get, "/?message=x&action=", false),
            (&get, "/?message=action=stop", false),
            (&get, "/index.html?processname=x&action=stop", true),
            (&get, "/?%61ction=stop", true),
            (&post, "/index.html", true),
        ];
        for (method, uri, refused) in rows {
            assert_eq!(guard.judge(method, &Uri::from_static(uri), &foreign).is_err(), refused, "{uri}");
        }
        let address = ServerAddress::Unix { path: "/s".into(), mode: 0o700, owner: None };
        let section = "unix_http_server".into();
        let unix = ServerConfig { section, address, credentials: None, allowed_hosts: Vec::new() };
        assert!(Guard::new(&unix, "node").is_none());
    }

    // C-605
    #[test]
    fn refusals_are_counted_and_told_once_a_second() {
        let refusals = Refusals::default();
        let start = Instant::now();
        let told = [0, 1, 999, 1000, 1500, 2000].map(|ms| refusals.add(start + Duration::from_millis(ms)));
        assert_eq!(told, [true, false, false, true, false, true]);
        assert_eq!(refusals.count(), 6);
        let refusal = Refusal { kind: Kind::Host, value: format!("\u{1b}[m{}", "x".repeat(1000)) };
        let line = refusal.to_string();
        assert!(line.starts_with("Host '\\x1b[mxx") && line.len() < 200, "{line}");
        assert!(refusal.advice().contains("allowed_hosts"));
    }
}
