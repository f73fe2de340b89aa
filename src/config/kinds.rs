//! The kinds of sections: the names by which readers look for them, and by which a section is known.

/// The daemon.
pub const SUPERVISORD: &str = "supervisord";
/// Further files.
pub(super) const INCLUDE: &str = "include";
/// A control server on TCP; any name that begins so (C-003).
pub(super) const INET_SERVER: &str = "inet_http_server";
/// A control server on a unix socket; likewise.
pub(super) const UNIX_SERVER: &str = "unix_http_server";
/// A namespace of the API.
pub(super) const RPC_INTERFACE: &str = "rpcinterface:";
/// What clients read.
pub(super) const CLIENT: &str = "supervisorctl";
/// A plugin of clients.
pub(super) const CLIENT_PLUGIN: &str = "ctlplugin:";
/// A program.
pub(super) const PROGRAM: &str = "program:";
/// An event listener pool.
pub(super) const LISTENER: &str = "eventlistener:";
/// A FastCGI program.
pub const FCGI: &str = "fcgi-program:";
/// A group.
pub(super) const GROUP: &str = "group:";
/// Metrics, our addition.
pub(super) const METRICS: &str = "metrics";

/// All kinds.
const ALL: [&str; 12] = [
    SUPERVISORD,
    INCLUDE,
    INET_SERVER,
    UNIX_SERVER,
    RPC_INTERFACE,
    CLIENT,
    CLIENT_PLUGIN,
    PROGRAM,
    LISTENER,
    FCGI,
    GROUP,
    METRICS,
];

/// The kind of the section of this name.
pub(super) fn of(name: &str) -> Option<&'static str> {
    ALL.into_iter().find(|kind| match *kind {
        INET_SERVER | UNIX_SERVER => name.starts_with(kind),
        _ if kind.ends_with(':') => name.starts_with(kind),
        _ => name == *kind,
    })
}

/// The name that a section of no known kind was probably meant to have.
pub(super) fn meant(name: &str) -> Option<String> {
    let (head, rest) = name.split_once(':').unwrap_or((name, "NAME"));
    let heads = ALL.iter().map(|kind| kind.trim_end_matches(':'));
    let kind = ALL.get(nearest(head, heads)?)?;
    Some(if kind.ends_with(':') { format!("{kind}{rest}") } else { (*kind).to_owned() })
}

/// The place of the word that is most like `word`, unless all are too far off: differing by more than a
/// third of their letters.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<usize> {
    let word = word.to_lowercase();
    let near = known.enumerate().filter_map(|(place, other)| {
        let longest = word.chars().count().max(other.len());
        let distance = strsim::osa_distance(&word, other);
        (distance <= (longest / 3).max(1)).then_some((distance, place))
    });
    near.min().map(|(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-003, D-156
    #[test]
    fn kinds_by_name() {
        let kinds = ["program:x", "program", "metrics", "metrics2", "inet_http_serverx", "fcgi-program:"];
        let found = [Some(PROGRAM), None, Some(METRICS), None, Some(INET_SERVER), Some(FCGI)];
        assert_eq!(kinds.map(of), found);
    }

    #[test]
    fn what_was_meant() {
        let meant = |name| meant(name).unwrap_or_default();
        assert_eq!(meant("Program:web"), "program:web");
        assert_eq!(meant("program"), "program:NAME");
        assert_eq!(meant("supervisor"), "supervisord");
        assert_eq!(meant("fcgi_program:a:b"), "fcgi-program:a:b");
        assert_eq!(meant("matrics"), "metrics");
        assert_eq!(meant("uwsgi"), "");
    }

    #[test]
    fn the_nearest_of_several() {
        let known = ["stdout_logfile", "stderr_logfile", "user", "umask"];
        let nearest = |word| nearest(word, known.into_iter()).map(|place| known[place]);
        assert_eq!(nearest("stder_logfile"), Some("stderr_logfile"));
        assert_eq!(nearest("uesr"), Some("user"));
        assert_eq!(nearest("STDOUT_LOG"), Some("stdout_logfile"));
        assert_eq!(nearest("logfile"), None);
        assert_eq!(nearest(""), None);
    }
}
