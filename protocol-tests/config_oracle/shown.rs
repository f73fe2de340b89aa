//! A configuration as JSON, in the shape that `parse_config.py` prints.

use serde_json::{Value, json};
use supervisor::config::schema::{
    AutoRestart, ChannelConfig, Config, FcgiAddress, FcgiSocket, GroupConfig, LogFile, MainLog,
    ProcessConfig, ServerAddress, ServerConfig, SupervisordConfig,
};

/// The whole configuration.
pub fn configuration(config: &Config) -> Value {
    json!({
        "supervisord": supervisord(&config.supervisord),
        "groups": config.groups.iter().map(|g| group(g)).collect::<Vec<_>>(),
        "servers": config.servers.iter().map(server).collect::<Vec<_>>(),
        "rpc_interfaces": config.rpc_interfaces.iter().map(|i| &i.name).collect::<Vec<_>>(),
        "messages": config.messages.iter().map(|(l, t)| json!([format!("{l:?}"), t])).collect::<Vec<_>>(),
    })
}

fn supervisord(s: &SupervisordConfig) -> Value {
    let logfile = match &s.logfile {
        MainLog::File(path) => json!(path),
        MainLog::Syslog => json!("syslog"),
    };
    json!({
        "logfile": logfile, "pidfile": s.pidfile, "umask": s.umask, "directory": s.directory,
        "identifier": s.identifier, "logfile_maxbytes": s.logfile_maxbytes, "logfile_backups": s.logfile_backups,
        "minfds": s.minfds, "minprocs": s.minprocs, "nodaemon": s.nodaemon, "silent": s.silent,
        "nocleanup": s.nocleanup, "strip_ansi": s.strip_ansi, "loglevel": s.loglevel as i32,
        "childlogdir": s.childlogdir, "user": s.user, "environment": s.environment,
    })
}

fn group(g: &GroupConfig) -> Value {
    let pool = g.pool.as_ref().map(|pool| {
        let mut events: Vec<&str> = pool.events.iter().map(|kind| kind.name()).collect();
        events.sort_unstable();
        json!({"events": events, "buffer_size": pool.buffer_size, "result_handler": pool.result_handler.spec()})
    });
    // In the reference a member of another group has no socket (D-176).
    let own = |process: &&std::sync::Arc<ProcessConfig>| {
        process.fcgi.as_ref().is_some_and(|socket| *socket.program == *g.name)
    };
    let socket = g.processes.iter().find(own).and_then(|process| process.fcgi.as_deref());
    json!({
        "name": &*g.name, "priority": g.priority, "pool": pool, "fcgi": socket.map(fcgi),
        "processes": g.processes.iter().map(|p| process(p)).collect::<Vec<_>>(),
    })
}

fn fcgi(socket: &FcgiSocket) -> Value {
    let mut shown = json!({"url": socket.address.to_string(), "backlog": socket.backlog});
    if let FcgiAddress::Unix { mode, owner, .. } = &socket.address {
        shown["mode"] = json!(mode);
        shown["owner"] = json!(owner);
    }
    shown
}

fn process(p: &ProcessConfig) -> Value {
    let autorestart = match p.autorestart {
        AutoRestart::Never => "never",
        AutoRestart::Unexpected => "unexpected",
        AutoRestart::Always => "always",
    };
    json!({
        "name": p.name.name(), "command": p.command, "priority": p.priority, "autostart": p.autostart,
        "startsecs": p.startsecs, "startretries": p.startretries, "exitcodes": p.exitcodes,
        "stopwaitsecs": p.stopwaitsecs, "stopasgroup": p.stopasgroup, "killasgroup": p.killasgroup,
        "redirect_stderr": p.redirect_stderr, "directory": p.directory, "umask": p.umask,
        "serverurl": p.serverurl, "autorestart": autorestart, "stopsignal": p.stopsignal.number(),
        "user": p.user, "environment": p.environment, "stdout": channel(&p.stdout), "stderr": channel(&p.stderr),
    })
}

fn channel(c: &ChannelConfig) -> Value {
    let logfile = match &c.logfile {
        LogFile::None => json!("none"),
        LogFile::Auto => json!("auto"),
        LogFile::Path(path) => json!(path),
    };
    json!({
        "logfile": logfile, "maxbytes": c.maxbytes, "backups": c.backups, "capture_maxbytes": c.capture_maxbytes,
        "events_enabled": c.events_enabled, "syslog": c.syslog,
    })
}

fn server(s: &ServerConfig) -> Value {
    let mut shown = match &s.address {
        ServerAddress::Inet { host, port } => json!({"host": host, "port": port}),
        ServerAddress::Unix { path, mode, owner } => {
            json!({"file": path, "mode": mode, "owner": owner.map(|o| json!([o.uid, o.gid]))})
        }
    };
    shown["section"] = json!(s.section);
    shown["credentials"] = json!(s.credentials);
    shown
}
