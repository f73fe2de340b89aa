//! The sample configuration that echo_supervisord_conf prints (daemon.md, section 12).

/// A configuration that works as it is. What is optional stands behind a `;`, and is valid without it.
pub const SAMPLE: &str = include_str!("sample.conf");

#[cfg(test)]
mod tests {
    use super::super::facts::{Account, Accounts, testing};
    use super::super::load::{LoadRequest, load};
    use super::super::schema::Config;
    use super::*;

    /// Knows every user and group: which ones there are differs between machines.
    struct Everybody;

    impl Accounts for Everybody {
        fn user_named(&self, _: &str) -> Option<Account> {
            Some(Account { uid: 1, gid: 1, home: "/".into() })
        }

        fn user_with_id(&self, _: u32) -> Option<Account> {
            self.user_named("")
        }

        fn group_named(&self, _: &str) -> Option<u32> {
            Some(1)
        }

        fn has_group(&self, _: u32) -> bool {
            true
        }
    }

    fn loaded(text: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("s.conf"), text).unwrap();
        let mut facts = testing::facts(dir.path());
        facts.accounts = Box::new(Everybody);
        load(&LoadRequest { file: Some("s.conf".into()), ..Default::default() }, &facts)
            .map_err(|e| e.to_string())
    }

    /// The line without its `;`, if it is an option or a header that is commented out.
    fn uncommented(line: &str) -> Option<&str> {
        let rest = line.strip_prefix(';')?;
        let is_option = rest.split_once('=').is_some_and(|(name, _)| !name.contains(' '));
        (is_option || rest.starts_with('[')).then_some(rest)
    }

    // D-520, D-521
    #[test]
    fn it_works_as_it_is() {
        assert!(SAMPLE.starts_with("; Sample supervisor config file"));
        let config = loaded(SAMPLE).unwrap();
        assert_eq!(config.supervisord.pidfile, std::path::Path::new("/tmp/supervisord.pid"));
        assert_eq!((config.servers.len(), config.rpc_interfaces.len(), config.groups.len()), (1, 1, 0));
    }

    // D-522, D-523
    #[test]
    fn all_of_it_works_at_once() {
        let all: Vec<&str> = SAMPLE.lines().map(|line| uncommented(line).unwrap_or(line)).collect();
        let config = loaded(&all.join("\n")).unwrap();
        assert_eq!((config.servers.len(), config.groups.len()), (2, 2));
    }

    // D-523
    #[test]
    fn each_line_works_alone_in_its_section() {
        const NEEDED: [&str; 5] = ["port", "command", "events", "files", "programs"];
        let lines: Vec<&str> = SAMPLE.lines().collect();
        let mut section = "";
        for (at, line) in lines.iter().enumerate() {
            let bare = uncommented(line).unwrap_or(line);
            if bare.starts_with('[') {
                section = bare;
            }
            if uncommented(line).is_none() || bare.starts_with('[') {
                continue;
            }
            let mut inside = "";
            let chosen = lines.iter().enumerate().map(|(n, line)| {
                let Some(bare) = uncommented(line) else {
                    inside = if line.starts_with('[') { line } else { inside };
                    return *line;
                };
                inside = if bare.starts_with('[') { bare } else { inside };
                let name = bare.split('=').next().unwrap_or_default().trim();
                let credentials = ["username", "password"];
                // What a section cannot be without comes along, also the program that a group names.
                let pair = credentials.contains(&name) && credentials.iter().any(|c| lines[at].contains(c));
                let member = section.starts_with("[group:") && inside.starts_with("[program:");
                let wanted = inside == section || member;
                let needed = bare.starts_with('[') || NEEDED.contains(&name) || pair;
                if n == at || (wanted && needed) { bare } else { line }
            });
            let text = chosen.collect::<Vec<_>>().join("\n");
            assert!(loaded(&text).is_ok(), "{line}: {}", loaded(&text).unwrap_err());
        }
    }

    // D-522
    #[test]
    fn every_option_is_in_it() {
        let options = "chmod chown username password allowed_hosts port umask user identifier directory nocleanup childlogdir \
            environment strip_ansi prompt history_file process_name numprocs numprocs_start priority autostart \
            startsecs startretries autorestart exitcodes stopsignal stopwaitsecs stopasgroup killasgroup \
            redirect_stderr stdout_logfile stdout_logfile_maxbytes stdout_logfile_backups stdout_capture_maxbytes \
            stdout_events_enabled stdout_syslog stderr_logfile stderr_logfile_maxbytes stderr_logfile_backups \
            stderr_capture_maxbytes stderr_events_enabled stderr_syslog serverurl events buffer_size result_handler \
            programs files";
        for option in options.split_whitespace() {
            assert!(SAMPLE.lines().any(|line| line.starts_with(&format!(";{option}="))), "{option}");
        }
    }
}
