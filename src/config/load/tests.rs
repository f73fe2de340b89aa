//! Whole configurations, from files to values and error texts.

use std::sync::Arc;

use super::super::error::render_errors;
use super::super::facts::testing::facts;
use super::super::schema::{FcgiAddress, GroupConfig, LogFile, MainLog, ServerAddress};
use super::*;

/// A folder with files in it.
struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(dir)
    }

    fn facts(&self) -> HostFacts {
        facts(self.0.path())
    }

    fn load(&self) -> Result<Config, ConfigErrors> {
        let request = LoadRequest { file: Some("s.conf".into()), ..Default::default() };
        load(&request, &self.facts())
    }
}

/// Loads `[supervisord]` and this text.
fn loaded(text: &str) -> Config {
    Files::new(&[("s.conf", &format!("[supervisord]\n{text}"))]).load().unwrap()
}

/// The errors of `[supervisord]` and this text, with the place cut off where it is the usual one.
fn refused(text: &str) -> Vec<String> {
    let errors = Files::new(&[("s.conf", &format!("[supervisord]\n{text}"))]).load().unwrap_err();
    errors.iter().map(|e| e.to_string().split(" (file: 's.conf')").next().unwrap().to_owned()).collect()
}

fn names(groups: &[Arc<GroupConfig>]) -> String {
    let shown = groups.iter().map(|group| {
        let members: Vec<&str> = group.processes.iter().map(|p| p.name.name()).collect();
        format!("{}({})", group.name, members.join(" "))
    });
    shown.collect::<Vec<_>>().join(" ")
}

// D-040, D-041
#[test]
fn the_file_is_searched_for() {
    let files = Files::new(&[
        ("opt/bin/supervisord", ""),
        ("opt/etc/supervisord.conf", "[supervisord]\nidentifier=opt"),
        ("etc/supervisord.conf", "[supervisord]\nidentifier=etc"),
    ]);
    let found = |argv0: &str, path: &str| {
        let mut facts = files.facts();
        facts.argv0 = argv0.into();
        facts.environment.push(("PATH".into(), path.into()));
        load(&LoadRequest::default(), &facts).unwrap().supervisord.identifier
    };
    assert_eq!(found("opt/bin/supervisord", ""), "opt");
    assert_eq!(found("supervisord", "none:opt/bin"), "opt");
    assert_eq!(found("supervisord", "none"), "etc");
    let mut facts = facts(std::path::Path::new("/nonexistent"));
    facts.argv0 = "/nonexistent/bin/supervisord".into();
    let candidates = "/nonexistent/etc/supervisord.conf, /nonexistent/supervisord.conf, supervisord.conf, \
                      etc/supervisord.conf, /etc/supervisord.conf, /etc/supervisor/supervisord.conf";
    if let Err(errors) = load(&LoadRequest::default(), &facts) {
        assert!(errors.to_string().contains(&format!("at default paths ({candidates}); use the -c option")));
    }
}

// D-042, D-203
#[test]
fn root_is_warned() {
    let files = Files::new(&[("s.conf", "[supervisord]")]);
    let mut facts = files.facts();
    assert_eq!(search_warning(&LoadRequest::default(), &facts), None);
    facts.uid = 0;
    assert!(search_warning(&LoadRequest::default(), &facts).unwrap().contains("by -c and an absolute path"));
    let mut request = LoadRequest { file: Some("s.conf".into()), ..Default::default() };
    assert_eq!(search_warning(&request, &facts), None);
    let messages = load(&request, &facts).unwrap().messages;
    assert!(
        messages[0].0 == Level::Critical && messages[0].1.starts_with("Supervisor is running as root.  Priv")
    );
    request.overrides.user = Some("root".into());
    assert_eq!(load(&request, &facts).unwrap().messages, []);
}

// D-043, D-044
#[test]
fn files_that_are_not_there() {
    let files = Files::new(&[("s.conf", "[program:x]\ncommand=x"), ("d/x", "")]);
    let error = |file: &str| {
        let request = LoadRequest { file: Some(file.into()), ..Default::default() };
        load(&request, &files.facts()).unwrap_err().to_string()
    };
    assert_eq!(error("none.conf"), "could not find config file none.conf");
    assert_eq!(error("d"), "could not read config file d");
    assert!(error("s.conf").starts_with(".ini file does not include supervisord section"));
}

// D-008, D-076
#[test]
fn all_problems_are_told_in_order_with_their_places() {
    let files = Files::new(&[
        (
            "s.conf",
            "[supervisord]\nminfds=x\nloglevel=loud\n[include]\nfiles=*.inc\n[inet_http_server]\nport=0\n",
        ),
        ("a.inc", "[program:x]\ncommand=%(no)s\nautorestart=Maybe\n[supervisord]\numask=9\n"),
    ]);
    let file = files.0.path().join("a.inc").display().to_string();
    let rendered = render_errors("bin/supervisord", files.load().unwrap_err().iter());
    let lines: Vec<&str> = rendered.lines().collect();
    let expected = [
        "invalid literal for int() with base 10: 'x' in section 'supervisord' (file: 's.conf') (option minfds, line 2)"
            .to_owned(),
        format!(
            "9 can not be converted to an octal type in section 'supervisord' (file: 's.conf') (option umask, file \
             '{file}', line 5)"
        ),
        "bad logging level name 'loud' in section 'supervisord' (file: 's.conf') (option loglevel, line 3)".to_owned(),
        format!("invalid 'autorestart' value 'maybe' in section 'program:x' (file: '{file}') (option autorestart, line 3)"),
    ];
    for (line, text) in lines.iter().zip(&expected) {
        assert_eq!(*line, format!("Error: {text}"));
    }
    assert!(
        lines[4]
            .contains("contains names ('no') which cannot be expanded. Available names: ENV_HOME, ENV_X, ")
    );
    assert!(lines[4].ends_with(&format!("in section 'program:x' (file: '{file}') (option command, line 2)")));
    assert!(lines[5].starts_with("Error: not a valid port number: '0'  in section 'inet_http_server'"));
    assert_eq!(lines[6..], ["For help, use bin/supervisord -h"]);
}

// D-045, D-070 to D-075
#[test]
fn includes() {
    let files = Files::new(&[
        (
            "s.conf",
            "[include]\nfiles=conf.d/*.conf none/* conf.d\n[supervisord]\n[program:m]\ncommand=%(here)s\n",
        ),
        ("conf.d/a.conf", "[program:a]\ncommand=%(here)s\n[include]\nfiles=../x.conf\n"),
        ("conf.d/b.conf", "[supervisord]\nidentifier=b\n[program:m]\numask=1\n"),
        ("x.conf", "[program:x]\ncommand=x\n"),
    ]);
    let here = files.0.path().display().to_string();
    let config = files.load().unwrap();
    assert_eq!(config.supervisord.identifier, "b");
    assert_eq!(names(&config.groups), "a(a) m(m)");
    assert_eq!(config.groups[0].processes[0].command, format!("{here}/conf.d"));
    assert_eq!(config.groups[1].processes[0].command, here);
    let text = |level, text: &str| (level, text.replace("HERE", &here));
    let expected = [
        text(Level::Warn, "No file matches via include \"HERE/none/*\""),
        text(Level::Info, "Included extra file \"HERE/conf.d/a.conf\" during parsing"),
        text(Level::Info, "Included extra file \"HERE/conf.d/b.conf\" during parsing"),
        text(Level::Info, "Included extra file \"HERE/conf.d\" during parsing"),
    ];
    assert_eq!(config.messages, expected);
    assert_eq!(config.file, files.0.path().join("s.conf"));
}

// D-009 to D-029
#[test]
fn the_command_line_wins() {
    let files = Files::new(&[(
        "s.conf",
        "[supervisord]\nloglevel=debug\nlogfile=x\nuser=nobody\nminfds=7\nnodaemon=0",
    )]);
    let overrides = Overrides {
        nodaemon: true,
        user: Some("alice".into()),
        loglevel: Some(Level::Warn),
        logfile: Some(MainLog::Syslog),
        pidfile: Some("/p".into()),
        ..Default::default()
    };
    let config = load(&LoadRequest { file: Some("s.conf".into()), overrides }, &files.facts()).unwrap();
    let s = config.supervisord;
    assert_eq!((s.nodaemon, s.user, s.loglevel, s.minfds), (true, Some(1000), Level::Warn, 7));
    assert_eq!((s.logfile, s.pidfile), (MainLog::Syslog, "/p".into()));
}

// D-111
#[test]
fn automatic_logs_go_where_temporary_files_go() {
    let files = Files::new(&[("s.conf", "[supervisord]"), ("tmp/x", "")]);
    let folder = |variables: &[(&str, &str)]| {
        let mut facts = files.facts();
        facts.environment.extend(variables.iter().map(|(n, v)| (n.to_string(), v.to_string())));
        let request = LoadRequest { file: Some("s.conf".into()), ..Default::default() };
        load(&request, &facts).unwrap().supervisord.childlogdir
    };
    assert_eq!(folder(&[]), std::path::Path::new("/tmp"));
    assert_eq!(folder(&[("TMP", "tmp"), ("TEMP", "none"), ("TMPDIR", "")]), files.0.path().join("tmp"));
}

// D-063, D-066, D-115, D-152
#[test]
fn environments() {
    let config = loaded(
        "environment=A=\"50%%\",B=%(host_node_name)s\n\
         [program:x]\ncommand=%(ENV_A)s %(ENV_B)s %(ENV_C)s\nenvironment=C=3,B=2\nstdout_logfile=a%%b\n",
    );
    let process = &config.groups[0].processes[0];
    let pairs: Vec<String> = process.environment.iter().map(|(n, v)| format!("{n}={v}")).collect();
    assert_eq!(pairs, ["A=50%", "B=2", "C=3"]);
    assert_eq!(process.command, "50% 2 3");
    assert_eq!(process.stdout.logfile, LogFile::Path("a%b".into()));
}

// D-115: without it nothing else can be judged
#[test]
fn a_wrong_environment_is_told_alone() {
    let errors = refused("environment=A\n[program:x]\ncommand=%(ENV_A)s\n");
    assert_eq!(errors, ["Unexpected end of key/value pairs in value '***' in section 'supervisord'"]);
}

// D-132, D-133, D-174
#[test]
fn several_processes() {
    let config = loaded(
        "[program:p]\nnumprocs=3\nnumprocs_start=9\nprocess_name=%(program_name)s_%(process_num)d\n\
         command=%(process_num)02d/%(numprocs)d\n[program:none]\nnumprocs=0\n",
    );
    assert_eq!(names(&config.groups), "none() p(p_10 p_11 p_9)");
    assert_eq!(config.groups[1].processes[2].command, "09/3");
    assert!(
        refused("[program:x]\ncommand=x\nnumprocs=200000\nprocess_name=%(process_num)d")[0]
            .contains("upper bound")
    );
}

// D-142
#[test]
fn one_process_shows_the_problems_of_all() {
    let errors = refused(
        "[program:p]\nnumprocs=3\nprocess_name=%(process_num)d\nstopasgroup=1\nkillasgroup=0\nstartsecs=x\n",
    );
    let expected = [
        "invalid literal for int() with base 10: 'x' in section 'program:p'",
        "Cannot set stopasgroup=true and killasgroup=false in section 'program:p'",
        "program section program:p does not specify a command in section 'program:p'",
    ];
    assert_eq!(errors, expected);
}

// D-170 to D-175
#[test]
fn groups_and_their_order() {
    let config = loaded(
        "[program:b]\ncommand=%(group_name)s\npriority=9\n[program:a]\ncommand=x\npriority=9\n\
         [program:z]\ncommand=x\npriority=-5\n[program:m]\ncommand=x\npriority=1\n\
         [group:g]\nprograms=b,a, m\npriority=9\n[group:empty]\n[group:h]\nprograms=b\npriority=1",
    );
    assert_eq!(names(&config.groups), "z(z) h(b) g(m b a) empty()");
    assert_eq!(config.groups[1].processes[0].command, "h");
    let same = loaded("[group:a]\nprograms=b\npriority=1\n[program:a]\ncommand=x\n[program:b]\ncommand=y\n");
    assert_eq!(names(&same.groups), "a(b)");
    let last = loaded(
        "[program:c]\ncommand=1\nprocess_name=s\n[program:d]\ncommand=2\nprocess_name=s\n[group:g]\nprograms=c,d\n",
    );
    assert_eq!(last.groups[0].processes[0].command, "2");
}

// D-172
#[test]
fn wrong_members_name_the_group() {
    let errors = refused("[program:a]\ncommand=x\n[group:g]\nprograms=a,b,a,c");
    let text =
        |name: &str| format!("[group:g] names unknown program or fcgi-program {name} in section 'group:g'");
    assert_eq!(errors, [text("b"), text("c")]);
}

// D-160, E-163
#[test]
fn listeners() {
    let config = loaded("[eventlistener:l]\ncommand=x\nevents=tick_5\n[program:a]\ncommand=x\npriority=-1\n");
    assert_eq!(names(&config.groups), "a(a) l(l)");
    let pool = config.groups[1].pool.as_ref().unwrap();
    assert_eq!((config.groups[1].priority, config.groups[1].processes[0].priority), (-1, 999));
    assert_eq!((pool.buffer_size, pool.events.len()), (10, 1));
}

// D-176, D-183, D-184
#[test]
fn fastcgi_programs_share_their_socket() {
    let config = loaded(
        "[fcgi-program:f]\ncommand=x\nnumprocs=2\nprocess_name=f%(process_num)d\nsocket=unix:///%(program_name)s\n\
         user=root\n[fcgi-program:m]\ncommand=x\nsocket=tcp://h:1\n[group:g]\nprograms=m\n",
    );
    let [f0, f1] = &config.groups[0].processes[..] else { panic!("two processes") };
    assert!(Arc::ptr_eq(f0.fcgi.as_ref().unwrap(), f1.fcgi.as_ref().unwrap()));
    let expected = FcgiAddress::Unix { path: "/f".into(), mode: 0o700, owner: Some((0, 0)) };
    assert_eq!(f0.fcgi.as_ref().unwrap().address, expected);
    assert!(config.groups[1].processes[0].fcgi.is_some());
}

// C-003, C-007, C-009
#[test]
fn servers() {
    let config = loaded(
        "[unix_http_server:u]\nfile=~/s\n[inet_http_server]\nport=:1\nusername=\npassword=\n\
         [inet_http_serverX]\nport=h:2\nusername=n\npassword=%%p\n",
    );
    let sections: Vec<&str> = config.servers.iter().map(|s| s.section.as_str()).collect();
    assert_eq!(sections, ["inet_http_server", "inet_http_serverX", "unix_http_server:u"]);
    assert_eq!(config.servers[0].credentials, None);
    assert_eq!(config.servers[1].credentials, Some(("n".into(), "%p".into())));
    let expected = ServerAddress::Unix { path: "/home/alice/s".into(), mode: 0o700, owner: None };
    assert_eq!(config.servers[2].address, expected);
}

// C-006, C-372
#[test]
fn servers_and_interfaces_that_are_refused() {
    let factory = "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface";
    let errors = refused(&format!("[rpcinterface:x]\n{factory}\nmore=1\n[inet_http_server]\nport=1\n"));
    assert_eq!(errors, ["Could not make x rpc interface in section 'rpcinterface:x'"]);
    assert_eq!(loaded(&format!("[rpcinterface:x]\n{factory}\nmore=1\n")).rpc_interfaces.len(), 1);
    let errors = refused("[inet_http_server]\nport=1\nusername=x\n");
    assert!(errors[0].starts_with("Section [inet_http_server] contains incomplete authentication: "));
}

// M-001 and before: the reference passes the section over.
#[test]
fn metrics_have_a_server_of_their_own_and_switches() {
    use crate::config::schema::MetricsConfig;

    assert_eq!(loaded("").metrics, MetricsConfig::default());
    let text = "[metrics]\nport=127.0.0.1:9002\nusername=u\npassword=%%p\npath=/m\nprocess_resources=false\n\
                process_tree=true\nnode_supervisord=off\nsupervisord_exporter=on\nother=1\n";
    let metrics = loaded(text).metrics;
    let server = metrics.server.clone().unwrap();
    assert_eq!(server.address, ServerAddress::Inet { host: "127.0.0.1".into(), port: 9002 });
    assert_eq!(server.credentials, Some(("u".into(), "%p".into())));
    let switched = MetricsConfig {
        server: Some(server),
        path: "/m".into(),
        process_resources: false,
        process_tree: true,
        node_supervisord: false,
        supervisord_exporter: true,
    };
    assert_eq!(metrics, switched);
    assert_eq!(
        refused("[metrics]\npath=m\nprocess_tree=maybe\nusername=u\npassword=p\n").len(),
        3,
        "a path, a switch, a password for no server"
    );
    assert_eq!(refused("[metrics]\nport=9002\nusername=u\n").len(), 1);
}
