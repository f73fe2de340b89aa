//! Typed values from text, and the error texts for what they refuse (daemon.md, section 3).

use std::path::PathBuf;

use super::facts::{Account, HostFacts};
use super::paths;
use super::schema::{AutoRestart, FcgiAddress, LogFile, MainLog, Owner, ServerAddress};
use super::text::{quoted, strip};
use super::words;
use crate::model::bytesize::{self, BadSize};
use crate::model::event::EventKind;
use crate::model::notice::Level;
use crate::model::signal::Signal;

/// A value, or the text that says why there is none.
pub type Converted<T> = Result<T, String>;

/// yes, true, on, 1; no, false, off, 0 (D-080).
pub fn boolean(text: &str) -> Converted<bool> {
    truth(text).ok_or_else(|| format!("not a valid boolean value: {}", quoted(text)))
}

fn truth(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// An integer (D-081).
pub fn integer(text: &str) -> Converted<i64> {
    bytesize::integer(strip(text)).map_err(|_| not_an_integer(text))
}

fn not_an_integer(text: &str) -> String {
    format!("invalid literal for int() with base 10: {}", quoted(text))
}

/// A number of things to keep: an integer, negative ones count as 0.
pub fn count(text: &str) -> Converted<u32> {
    integer(text).map(|n| u32::try_from(n.max(0)).unwrap_or(u32::MAX))
}

/// A limit of the system: an integer, negative ones count as 0.
pub fn limit(text: &str) -> Converted<u64> {
    integer(text).map(|n| n.max(0).unsigned_abs())
}

/// A size in bytes (D-082); negative ones count as 0.
pub fn size(text: &str) -> Converted<u64> {
    match bytesize::parse(text) {
        Ok(n) => Ok(n.max(0).unsigned_abs()),
        Err(BadSize(refused)) => Err(not_an_integer(&refused)),
    }
}

/// A file mode or mask in octal digits (D-083).
pub fn octal(text: &str) -> Converted<u32> {
    let trimmed = strip(text);
    let unsigned = trimmed.strip_prefix('+').unwrap_or(trimmed);
    let digits = match unsigned.strip_prefix("0o").or_else(|| unsigned.strip_prefix("0O")) {
        Some(rest) => rest.strip_prefix('_').unwrap_or(rest),
        None => unsigned,
    };
    let grouped = digits.split('_').all(|g| !g.is_empty() && g.bytes().all(|b| b.is_ascii_digit()));
    let number = u32::from_str_radix(&digits.replace('_', ""), 8).ok().filter(|_| grouped);
    number.ok_or_else(|| format!("{text} can not be converted to an octal type"))
}

/// A signal, by name or number (D-084).
pub fn signal(text: &str) -> Converted<Signal> {
    let shown = quoted(text);
    match integer(text) {
        Ok(number) => i32::try_from(number)
            .ok()
            .and_then(Signal::from_number)
            .ok_or_else(|| format!("value {shown} is not a valid signal number")),
        Err(_) => {
            Signal::from_name(strip(text)).ok_or_else(|| format!("value {shown} is not a valid signal name"))
        }
    }
}

/// A comma list of integers from 0 to 255 (D-085).
pub fn exit_codes(text: &str) -> Converted<Vec<i32>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let code = |part: &str| integer(part).ok().and_then(|n| u8::try_from(n).ok()).map(i32::from);
    let codes: Option<Vec<i32>> = text.split(',').map(code).collect();
    codes.ok_or_else(|| format!("not a valid list of exit codes: {}", quoted(text)))
}

/// A boolean or `unexpected` (D-086).
pub fn auto_restart(text: &str) -> Converted<AutoRestart> {
    let lower = text.to_lowercase();
    match truth(&lower) {
        Some(true) => Ok(AutoRestart::Always),
        Some(false) => Ok(AutoRestart::Never),
        None if lower == "unexpected" => Ok(AutoRestart::Unexpected),
        None => Err(format!("invalid 'autorestart' value {}", quoted(&lower))),
    }
}

/// A level of the activity log (D-087).
pub fn level(text: &str) -> Converted<Level> {
    Level::from_name(text).ok_or_else(|| format!("bad logging level name {}", quoted(text)))
}

/// A folder that exists, `~` expanded (D-088).
pub fn existing_folder(text: &str, facts: &HostFacts) -> Converted<PathBuf> {
    let path = paths::expand_user(text, facts);
    // An empty path names nothing, not the current folder.
    if !path.is_empty() && paths::is_folder(&path, facts) {
        return Ok(PathBuf::from(path));
    }
    Err(format!("{text} is not an existing directory"))
}

/// A path in a folder that exists, `~` expanded (D-089).
pub fn path_in_existing_folder(text: &str, facts: &HostFacts) -> Converted<String> {
    let path = paths::expand_user(text, facts);
    let folder = paths::folder_of(&path);
    if folder.is_empty() || paths::is_folder(folder, facts) {
        return Ok(path);
    }
    Err(format!("The directory named as part of the path {text} does not exist"))
}

/// [`path_in_existing_folder`], made absolute: for what must not depend on the current folder (D-214).
pub fn absolute_path(text: &str, facts: &HostFacts) -> Converted<PathBuf> {
    path_in_existing_folder(text, facts).map(|path| paths::absolute(&path, facts))
}

/// [`existing_folder`], made absolute.
pub fn absolute_folder(text: &str, facts: &HostFacts) -> Converted<PathBuf> {
    existing_folder(text, facts).map(|path| paths::absolute(&paths::text(&path), facts))
}

/// The activity log: `syslog` or a path (D-100).
pub fn main_log(text: &str, facts: &HostFacts) -> Converted<MainLog> {
    if text == "syslog" { Ok(MainLog::Syslog) } else { absolute_path(text, facts).map(MainLog::File) }
}

/// A user by name or id (D-090).
pub fn user(text: &str, facts: &HostFacts) -> Converted<Account> {
    let accounts = &facts.accounts;
    match integer(text) {
        Ok(id) => u32::try_from(id)
            .ok()
            .and_then(|uid| accounts.user_with_id(uid))
            .ok_or_else(|| format!("Invalid user id {text}")),
        Err(_) => accounts.user_named(text).ok_or_else(|| format!("Invalid user name {text}")),
    }
}

/// `user` or `user:group` (D-091). What the error is called depends on the option.
pub fn owner(text: &str, facts: &HostFacts) -> Option<Owner> {
    let (name, group) = match text.split_once(':') {
        Some((name, group)) => (name, Some(group)),
        None => (text, None),
    };
    let uid = user(name, facts).ok()?.uid;
    let gid = match group {
        Some(group) => Some(group_id(group, facts)?),
        None => None,
    };
    Some(Owner { uid, gid })
}

fn group_id(text: &str, facts: &HostFacts) -> Option<u32> {
    match integer(text) {
        Ok(id) => u32::try_from(id).ok().filter(|gid| facts.accounts.has_group(*gid)),
        Err(_) => facts.accounts.group_named(text),
    }
}

/// A name of a process or group (D-092).
pub fn name(text: &str) -> Converted<String> {
    let trimmed = strip(text);
    match [" ", ":", "/"].into_iter().find(|c| trimmed.contains(c)) {
        None => Ok(trimmed.to_owned()),
        Some(c) => Err(format!("Invalid name: {} because of character: '{c}'", quoted(text))),
    }
}

/// A comma list; nothing in it: an empty list.
pub fn list(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { text.split(',').map(|part| strip(part).to_owned()).collect() }
}

/// An `environment` list (D-093).
pub fn environment(text: &str) -> Converted<Vec<(String, String)>> {
    words::environment(text)
}

/// A child's log (D-094).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildLog {
    /// Where it goes.
    File(LogFile),
    /// The old way to ask for syslog (D-151).
    Syslog,
}

/// `NONE`, `OFF`, `AUTO`, `syslog` in any case, or a path (D-094).
pub fn child_log(text: &str, facts: &HostFacts) -> Converted<ChildLog> {
    Ok(ChildLog::File(match text.to_lowercase().as_str() {
        "" | "none" | "off" => LogFile::None,
        "auto" => LogFile::Auto,
        "syslog" => return Ok(ChildLog::Syslog),
        _ => LogFile::Path(path_in_existing_folder(text, facts)?.into()),
    }))
}

/// A port (C-002).
fn port(text: &str) -> Converted<u16> {
    match integer(text)? {
        n @ ..1 => Err(format!("{n} is below lower bound (1)")),
        n => u16::try_from(n).map_err(|_| format!("{n} is above upper bound (65535)")),
    }
}

/// `9001`, `:9001`, `*:9001`, `host:9001` (C-002, C-005).
pub fn inet_address(text: &str) -> Converted<ServerAddress> {
    let (host, port) = match text.rsplit_once(':') {
        Some((_, "")) => return Err("no port number specified in ''".to_owned()),
        Some((host, digits)) => (host.to_lowercase(), port(digits)?),
        None => {
            (String::new(), port(text).map_err(|_| format!("not a valid port number: {} ", quoted(text)))?)
        }
    };
    Ok(ServerAddress::Inet { host: if host == "*" { String::new() } else { host }, port })
}

/// `events=` of a listener: names in any case, each once (E-160, E-170, E-171).
pub fn events(text: &str, section: &str) -> Converted<Vec<EventKind>> {
    let mut kinds = Vec::new();
    for name in list(text).iter().map(|name| name.to_uppercase()) {
        let kind = EventKind::from_name(&name)
            .ok_or_else(|| format!("Unknown event type {name} in [{section}] events"))?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    if kinds.is_empty() {
        return Err(format!("[{section}] section requires an \"events\" line"));
    }
    Ok(kinds)
}

/// `socket=` of a FastCGI program (D-180, D-181). `access` is the mode and owner for a unix socket.
pub fn fcgi_address(text: &str, facts: &HostFacts, access: FcgiAccess) -> Converted<FcgiAddress> {
    if let Some(path) = text.strip_prefix("unix://") {
        if !path.starts_with('/') {
            return Err(format!("Unix socket path {path} is not an absolute path"));
        }
        let mode = access.mode.unwrap_or(0o700);
        return Ok(FcgiAddress::Unix { path: paths::absolute(path, facts), mode, owner: access.owner() });
    }
    if access.mode.is_some() || access.given_owner.is_some() {
        return Err(
            "socket_owner and socket_mode params should only be used with a Unix domain socket".into()
        );
    }
    let bad = || format!("Bad socket format {text}");
    let (host, digits) = text.strip_prefix("tcp://").and_then(|rest| rest.split_once(':')).ok_or_else(bad)?;
    if host.is_empty() || host.contains(char::is_whitespace) || digits.is_empty() {
        return Err(bad());
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    Ok(FcgiAddress::Tcp { host: host.to_lowercase(), port: port(digits)? })
}

/// What `socket_mode`, `socket_owner` and `user` say of a FastCGI program's unix socket (D-183).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FcgiAccess {
    /// `socket_mode`.
    pub mode: Option<u32>,
    /// `socket_owner`.
    pub given_owner: Option<Owner>,
    /// The program's user, where it is another than the daemon's.
    pub user: Option<Account>,
}

impl FcgiAccess {
    /// User and group id; a group id of all ones leaves the group as it is.
    fn owner(&self) -> Option<(u32, u32)> {
        let given = self.given_owner.map(|owner| (owner.uid, owner.gid.unwrap_or(u32::MAX)));
        given.or_else(|| self.user.as_ref().map(|account| (account.uid, account.gid)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::testing::facts;
    use super::*;

    fn err<T: std::fmt::Debug>(converted: Converted<T>) -> String {
        converted.unwrap_err()
    }

    // D-080
    #[test]
    fn booleans() {
        assert!(["yes", "TRUE", "On", "1"].iter().all(|t| boolean(t) == Ok(true)));
        assert!(["no", "False", "oFF", "0"].iter().all(|t| boolean(t) == Ok(false)));
        assert_eq!(err(boolean("x")), "not a valid boolean value: 'x'");
        assert!(boolean("").is_err() && boolean("t").is_err());
    }

    // D-081, D-082
    #[test]
    fn numbers() {
        assert_eq!(integer(" -5 "), Ok(-5));
        assert_eq!(err(integer("1 2")), "invalid literal for int() with base 10: '1 2'");
        assert_eq!(size("1 KB"), Ok(1024));
        assert_eq!(err(size("1.5Kb")), "invalid literal for int() with base 10: '1.5'");
        assert_eq!(err(size("10q")), "invalid literal for int() with base 10: '10q'");
        assert_eq!(count("-1"), Ok(0));
    }

    // D-083
    #[test]
    fn octals() {
        assert_eq!(["022", "22", "0o22", " 2_2 "].map(octal), [Ok(0o22), Ok(0o22), Ok(0o22), Ok(0o22)]);
        assert_eq!(err(octal("99")), "99 can not be converted to an octal type");
        assert!(["", "0o", "0x1", "2__2", "-1"].iter().all(|t| octal(t).is_err()));
    }

    // D-084
    #[test]
    fn signals() {
        assert_eq!(["TERM", "sigterm", "15"].map(|t| signal(t).unwrap()), [Signal::TERM; 3]);
        assert_eq!(err(signal("FOO")), "value 'FOO' is not a valid signal name");
        assert_eq!(err(signal("99")), "value '99' is not a valid signal number");
    }

    // D-085
    #[test]
    fn lists_of_exit_codes() {
        assert_eq!(exit_codes("0, 2 ,255"), Ok(vec![0, 2, 255]));
        assert_eq!(exit_codes(""), Ok(vec![]));
        assert_eq!(err(exit_codes("256")), "not a valid list of exit codes: '256'");
        assert!(exit_codes("1,").is_err());
    }

    // D-086, D-087
    #[test]
    fn words_of_restart_and_levels() {
        assert_eq!(auto_restart("Unexpected"), Ok(AutoRestart::Unexpected));
        assert_eq!(auto_restart("ON"), Ok(AutoRestart::Always));
        assert_eq!(err(auto_restart("X")), "invalid 'autorestart' value 'x'");
        assert_eq!(level("WARN"), Ok(Level::Warn));
        assert_eq!(err(level("warning")), "bad logging level name 'warning'");
    }

    // D-088, D-089, D-094
    #[test]
    fn paths_that_must_exist() {
        let dir = tempfile::tempdir().unwrap();
        let facts = facts(dir.path());
        std::fs::create_dir(dir.path().join("d")).unwrap();
        assert_eq!(existing_folder("d", &facts), Ok("d".into()));
        assert_eq!(err(existing_folder("e", &facts)), "e is not an existing directory");
        assert!(existing_folder("", &facts).is_err());
        assert_eq!(path_in_existing_folder("d/f", &facts), Ok("d/f".into()));
        assert_eq!(path_in_existing_folder("f", &facts), Ok("f".into()));
        let text = "The directory named as part of the path e/f does not exist";
        assert_eq!(err(path_in_existing_folder("e/f", &facts)), text);
        let log = |t| child_log(t, &facts).unwrap();
        assert_eq!(["None", "OFF", ""].map(log), [const { ChildLog::File(LogFile::None) }; 3]);
        assert_eq!(log("auto"), ChildLog::File(LogFile::Auto));
        assert_eq!(log("Syslog"), ChildLog::Syslog);
        assert_eq!(log("d/x"), ChildLog::File(LogFile::Path("d/x".into())));
    }

    // D-090, D-091
    #[test]
    fn users_and_owners() {
        let facts = facts(std::path::Path::new("/"));
        assert_eq!(user("alice", &facts).unwrap().uid, 1000);
        assert_eq!(user("0", &facts).unwrap().gid, 0);
        assert_eq!(err(user("bob", &facts)), "Invalid user name bob");
        assert_eq!(err(user("99999", &facts)), "Invalid user id 99999");
        assert_eq!(owner("alice:users", &facts), Some(Owner { uid: 1000, gid: Some(100) }));
        assert_eq!(owner("1000", &facts), Some(Owner { uid: 1000, gid: None }));
        assert_eq!([owner("bob", &facts), owner("alice:x", &facts), owner("alice:7", &facts)], [None; 3]);
    }

    // D-092
    #[test]
    fn names() {
        assert_eq!(name(" a "), Ok("a".into()));
        assert_eq!(err(name("a b")), "Invalid name: 'a b' because of character: ' '");
        assert_eq!(err(name("a/b:c")), "Invalid name: 'a/b:c' because of character: ':'");
    }

    // C-002, C-005
    #[test]
    fn addresses_of_servers() {
        let inet = |host: &str, port| Ok(ServerAddress::Inet { host: host.into(), port });
        assert_eq!(inet_address("9001"), inet("", 9001));
        assert_eq!(inet_address("*:9001"), inet("", 9001));
        assert_eq!(inet_address("Host:1"), inet("host", 1));
        assert_eq!(err(inet_address("x")), "not a valid port number: 'x' ");
        assert_eq!(err(inet_address("70000")), "not a valid port number: '70000' ");
        assert_eq!(err(inet_address("h:70000")), "70000 is above upper bound (65535)");
        assert_eq!(err(inet_address("h:0")), "0 is below lower bound (1)");
        assert_eq!(err(inet_address("h:")), "no port number specified in ''");
    }

    // E-160, E-170, E-171
    #[test]
    fn lists_of_events() {
        assert_eq!(events("tick_5,\nEVENT,TICK_5", "s"), Ok(vec![EventKind::Tick5, EventKind::Event]));
        assert_eq!(
            err(events("", "eventlistener:x")),
            "[eventlistener:x] section requires an \"events\" line"
        );
        assert_eq!(err(events("tick_5,", "s")), "Unknown event type  in [s] events");
        assert_eq!(err(events("foo", "s")), "Unknown event type FOO in [s] events");
    }

    // D-180 to D-183
    #[test]
    fn fcgi_sockets() {
        let facts = facts(std::path::Path::new("/"));
        let plain = |t| fcgi_address(t, &facts, FcgiAccess::default());
        let unix = FcgiAddress::Unix { path: "/a/b".into(), mode: 0o700, owner: None };
        assert_eq!(plain("unix:///a//b"), Ok(unix));
        assert_eq!(plain("tcp://Host:9"), Ok(FcgiAddress::Tcp { host: "host".into(), port: 9 }));
        assert_eq!(err(plain("unix://a")), "Unix socket path a is not an absolute path");
        for bad in ["tcp://h", "tcp://:9", "tcp://h:", "tcp://::1:9", "tcp://a b:9", "http://h:9", ""] {
            assert_eq!(err(plain(bad)), format!("Bad socket format {bad}"));
        }
        assert_eq!(err(plain("tcp://h:65536")), "65536 is above upper bound (65535)");
        let given = FcgiAccess { given_owner: Some(Owner { uid: 1, gid: None }), ..Default::default() };
        assert!(
            err(fcgi_address("tcp://h:9", &facts, given.clone())).starts_with("socket_owner and socket_mode")
        );
        let Ok(FcgiAddress::Unix { owner, .. }) = fcgi_address("unix:///a", &facts, given) else { panic!() };
        assert_eq!(owner, Some((1, u32::MAX)));
    }
}
