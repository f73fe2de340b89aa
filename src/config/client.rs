//! `[supervisorctl]`: what a client reads of the configuration (control.md, section 16).
//!
//! Only the main file is looked at, and only this section of it (C-410).

use std::path::PathBuf;

use serde::Deserialize;

use super::dialect::{Section, Setting};
use super::document::Document;
use super::error::{ConfigError, ConfigErrors};
use super::expand::Names;
use super::facts::HostFacts;
use super::kinds;
use super::load;
use super::paths;
use super::reader::{Findings, Reader};
use super::section::Asked;

/// `[supervisorctl]` as it stands in the file; `None` is what is not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientConfig {
    /// The file that was read; `None` where there is none (C-407).
    pub file: Option<String>,
    /// Where the daemon listens; a `unix://` path is absolute (C-409).
    pub serverurl: Option<String>,
    /// User name for the server.
    pub username: Option<String>,
    /// Password for the server.
    pub password: Option<String>,
    /// What the shell's prompt begins with.
    pub prompt: Option<String>,
    /// Where the shell keeps its history; absolute.
    pub history_file: Option<PathBuf>,
}

#[derive(Deserialize)]
struct ClientOptions {
    serverurl: Option<Setting>,
    username: Option<Setting>,
    password: Option<Setting>,
    prompt: Option<Setting>,
    history_file: Option<Setting>,
}

/// Reads the section from `file`, or from the first default path that exists (C-406).
pub fn load_client(file: Option<&str>, facts: &HostFacts) -> Result<ClientConfig, ConfigErrors> {
    let found = file.map(str::to_owned).or_else(|| load::first_default_path(facts));
    let Some(file) = found else {
        return Ok(ClientConfig::default());
    };
    let mut document = Document::default();
    document.merge(load::read_file(&file, facts)?);
    document.spread_defaults();
    let Some(section) = document.section(kinds::CLIENT) else {
        return Err(ConfigError::new(".ini file does not include supervisorctl section").into());
    };
    let mut findings = Findings::default();
    check_plugins(&document, &mut findings);
    let config = read_section(section, &file, facts, &mut findings);
    findings.problems.check()?;
    Ok(config)
}

fn read_section(section: &Section, file: &str, facts: &HostFacts, findings: &mut Findings) -> ClientConfig {
    let options: ClientOptions = section.options(&mut findings.asked);
    let here = paths::text(&paths::absolute(paths::folder_of(file), facts));
    let plain = Names::of_environment(facts.environment.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    let with_here = plain.clone().with("here", &here);
    let mut reader = Reader { section, names: with_here, findings };
    let serverurl = reader.value(&options.serverurl, |text| Ok(server_url(text, facts)));
    let history_file = reader
        .value(&options.history_file, |text| Ok((!text.is_empty()).then(|| paths::normal(text, facts))));
    reader.names = plain;
    ClientConfig {
        file: Some(file.to_owned()),
        serverurl,
        username: reader.text(&options.username),
        password: reader.secret(&options.password),
        prompt: reader.text(&options.prompt),
        history_file: history_file.flatten(),
    }
}

/// Notes which options a client would look for; the daemon reads none of them.
pub(super) fn note_options(document: &Document, asked: &mut Asked) {
    if let Some(section) = document.section(kinds::CLIENT) {
        let _: ClientOptions = section.options(asked);
    }
}

/// C-409.
fn server_url(text: &str, facts: &HostFacts) -> String {
    match text.strip_prefix("unix://") {
        Some(path) => format!("unix://{}", paths::text(&paths::normal(path, facts))),
        None => text.to_owned(),
    }
}

/// A plugin's section must name its factory (C-374); its commands are not there.
fn check_plugins(document: &Document, findings: &mut Findings) {
    for (section, _) in document.sections_with(kinds::CLIENT_PLUGIN) {
        if section.get("supervisor.ctl_factory").is_none() {
            let text = format!("section [{}] does not specify a supervisor.ctl_factory", section.name);
            findings.problems.push(ConfigError::within(section, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::testing::facts;
    use super::*;

    fn read(text: &str) -> Result<ClientConfig, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f.conf"), text).unwrap();
        let config = load_client(Some("f.conf"), &facts(dir.path())).map_err(|e| e.to_string())?;
        let folder = paths::text(dir.path());
        let serverurl = config.serverurl.map(|url| url.replace(&folder, "DIR"));
        Ok(ClientConfig { serverurl, file: None, ..config })
    }

    // C-408, C-409, C-410
    #[test]
    fn only_the_own_section_counts() {
        let text = "[include]\nfiles=none\n[program:x]\npriority=%(none)s\n[unix_http_server]\nfile=/s\n\
                    [supervisorctl]\nserverurl=unix://%(here)s/../a//s.sock\nusername=%(ENV_X)s\nprompt=a%%\n\
                    history_file=~/h\n";
        let config = read(text).unwrap();
        assert!(config.serverurl.unwrap().ends_with("/a/s.sock"));
        assert_eq!((config.username.as_deref(), config.password), (Some("x"), None));
        assert_eq!(config.prompt.as_deref(), Some("a%"));
        assert_eq!(config.history_file, Some("/home/alice/h".into()));
        let empty = read("[supervisorctl]\nhistory_file=\nserverurl=http://h:1/\n").unwrap();
        assert_eq!((empty.history_file, empty.serverurl.as_deref()), (None, Some("http://h:1/")));
    }

    // C-404, C-408, C-374
    #[test]
    fn what_is_refused() {
        assert_eq!(read("[a]\n").unwrap_err(), ".ini file does not include supervisorctl section");
        let error = load_client(Some("none"), &facts("/nowhere".as_ref())).unwrap_err();
        assert_eq!(error.to_string(), "could not find config file none");
        assert!(read("[supervisorctl]\nprompt=%(here)s\n").unwrap_err().contains("'supervisorctl.prompt'"));
        assert!(read("[supervisorctl]\nserverurl=%(ENV_NO)s\n").unwrap_err().contains("ENV_NO"));
        let plugin = read("[supervisorctl]\n[ctlplugin:p]\na=1\n").unwrap_err();
        assert!(plugin.starts_with("section [ctlplugin:p] does not specify a supervisor.ctl_factory"));
        assert!(read("[supervisorctl]\n[ctlplugin:p]\nsupervisor.ctl_factory=m:f\n").is_ok());
    }

    // C-406, C-407
    #[test]
    fn the_file_is_searched_for() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        std::fs::write(dir.path().join("etc/supervisord.conf"), "[supervisorctl]\nprompt=found\n").unwrap();
        let config = load_client(None, &facts(dir.path())).unwrap();
        assert_eq!(config.prompt.as_deref(), Some("found"));
    }
}
