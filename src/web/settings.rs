//! The configuration of a process, option by option. Values of its environment are secrets: they are not shown.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::schema::{AutoRestart, ChannelConfig, LogFile, PoolConfig, ProcessConfig};
use crate::daemon::command::ConfiguredProcess;
use crate::machine::result::ResultHandler;

/// What is not set.
const NONE: &str = "none";
/// In place of a secret.
const HIDDEN: &str = "(hidden)";

/// Options with their values.
type Settings = Vec<(&'static str, String)>;

/// All options of a process.
pub(super) fn of(configured: &ConfiguredProcess) -> Settings {
    let ConfiguredProcess { group, process, logs, .. } = configured;
    let mut settings = life(process);
    settings.push(("group priority", group.priority.to_string()));
    if let Some(pool) = &group.pool {
        settings.extend(pool_options(pool));
    }
    let made = |log: fn(&crate::daemon::process::LogPaths) -> &Option<Arc<PathBuf>>| {
        logs.as_ref().and_then(|logs| log(logs).as_deref())
    };
    settings.extend(channel(&STDOUT, &process.stdout, made(|logs| &logs.stdout)));
    settings.push(("redirect_stderr", process.redirect_stderr.to_string()));
    if !process.redirect_stderr {
        settings.extend(channel(&STDERR, &process.stderr, made(|logs| &logs.stderr)));
    }
    settings.extend(surroundings(process));
    settings
}

fn life(process: &ProcessConfig) -> Settings {
    let codes: Vec<_> = process.exitcodes.iter().map(ToString::to_string).collect();
    let autorestart = match process.autorestart {
        AutoRestart::Never => "false",
        AutoRestart::Unexpected => "unexpected",
        AutoRestart::Always => "true",
    };
    vec![
        ("command", process.command.clone()),
        ("priority", process.priority.to_string()),
        ("autostart", process.autostart.to_string()),
        ("autorestart", autorestart.to_owned()),
        ("startsecs", process.startsecs.to_string()),
        ("startretries", process.startretries.to_string()),
        ("exitcodes", codes.join(",")),
        ("stopsignal", process.stopsignal.to_string()),
        ("stopwaitsecs", process.stopwaitsecs.to_string()),
        ("stopasgroup", process.stopasgroup.to_string()),
        ("killasgroup", process.killasgroup.to_string()),
    ]
}

fn pool_options(pool: &PoolConfig) -> Settings {
    let events: Vec<_> = pool.events.iter().map(|kind| kind.name()).collect();
    let handler = match pool.result_handler {
        ResultHandler::Default => "supervisor.dispatchers:default_handler",
        ResultHandler::Stdout => "supervisor_stdout:event_handler",
        ResultHandler::Console => "supervisor_console.events:event_handler",
    };
    vec![
        ("events", events.join(",")),
        ("buffer_size", pool.buffer_size.to_string()),
        ("result_handler", handler.to_owned()),
    ]
}

/// Names of a channel's options, in the order of `channel`.
type ChannelOptions = [&'static str; 6];

const STDOUT: ChannelOptions = [
    "stdout_logfile",
    "stdout_logfile_maxbytes",
    "stdout_logfile_backups",
    "stdout_capture_maxbytes",
    "stdout_events_enabled",
    "stdout_syslog",
];

const STDERR: ChannelOptions = [
    "stderr_logfile",
    "stderr_logfile_maxbytes",
    "stderr_logfile_backups",
    "stderr_capture_maxbytes",
    "stderr_events_enabled",
    "stderr_syslog",
];

fn channel(names: &ChannelOptions, channel: &ChannelConfig, made: Option<&PathBuf>) -> Settings {
    let file = match (&channel.logfile, made) {
        (LogFile::None, _) => NONE.to_owned(),
        (LogFile::Path(path), _) => path.display().to_string(),
        (LogFile::Auto, Some(path)) => format!("AUTO ({})", path.display()),
        (LogFile::Auto, None) => "AUTO".to_owned(),
    };
    let values = [
        file,
        channel.maxbytes.to_string(),
        channel.backups.to_string(),
        channel.capture_maxbytes.to_string(),
        channel.events_enabled.to_string(),
        channel.syslog.to_string(),
    ];
    names.iter().copied().zip(values).collect()
}

fn surroundings(process: &ProcessConfig) -> Settings {
    let or_none = |value: Option<String>| value.unwrap_or_else(|| NONE.to_owned());
    let variables: Vec<_> = process.environment.iter().map(|(name, _)| format!("{name}={HIDDEN}")).collect();
    let mut settings = vec![
        ("user", or_none(process.user.map(|uid| format!("uid {uid}")))),
        ("directory", or_none(process.directory.clone())),
        ("umask", or_none(process.umask.map(|mask| format!("{mask:03o}")))),
        ("environment", or_none(Some(variables.join(", ")).filter(|text| !text.is_empty()))),
        ("serverurl", or_none(process.serverurl.as_deref().map(without_password))),
    ];
    if let Some(socket) = &process.fcgi {
        settings.push(("socket", socket.address.to_string()));
    }
    settings
}

/// A URL without what stands before an `@` in its authority.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{HIDDEN}{}", &rest[at..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::facts;
    use crate::config::{LoadRequest, load};

    /// The settings of the first process of a configuration.
    fn settings(text: &str) -> Settings {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s.conf");
        std::fs::write(&file, text).unwrap();
        let request = LoadRequest { file: Some(file.to_str().unwrap().to_owned()), ..Default::default() };
        let config = load(&request, &facts(dir.path())).unwrap();
        let group = Arc::clone(&config.groups[0]);
        let process = Arc::clone(&group.processes[0]);
        of(&ConfiguredProcess { group, process, inuse: true, logs: None })
    }

    fn value<'a>(settings: &'a Settings, name: &str) -> &'a str {
        settings.iter().find(|(known, _)| *known == name).map_or("(missing)", |(_, value)| value)
    }

    #[test]
    fn secrets_are_not_shown() {
        let text = "[supervisord]\nenvironment=ALL=\"one-secret\"\n[program:x]\ncommand=cat\n\
                    environment=KEY=\"two-secret\"\nserverurl=http://u:three-secret@h:1/x";
        let settings = settings(text);
        assert_eq!(value(&settings, "environment"), "ALL=(hidden), KEY=(hidden)");
        assert_eq!(value(&settings, "serverurl"), "http://(hidden)@h:1/x");
        assert!(settings.iter().all(|(_, value)| !value.contains("secret")), "{settings:?}");
    }

    #[test]
    fn options_as_they_are_written() {
        let settings = settings(
            "[supervisord]\n[eventlistener:x]\ncommand=cat\nevents=TICK,PROCESS_STATE\nexitcodes=0,2\numask=022\n\
             stdout_logfile=NONE\nstopsignal=USR1",
        );
        let rows = [
            ("command", "cat"),
            ("events", "TICK,PROCESS_STATE"),
            ("exitcodes", "0,2"),
            ("umask", "022"),
            ("stdout_logfile", "none"),
            ("stderr_logfile", "AUTO"),
            ("stopsignal", "SIGUSR1"),
            ("autorestart", "unexpected"),
            ("socket", "(missing)"),
        ];
        for (name, expected) in rows {
            assert_eq!(value(&settings, name), expected, "{name}");
        }
    }
}
