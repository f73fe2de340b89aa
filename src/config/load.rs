//! Reading a configuration: find the file, read it and its includes, then every section.

use super::client::note_options;
use super::dialect;
use super::document::Document;
use super::error::{ConfigError, ConfigErrors};
use super::expand::{Names, expand};
use super::exposure::Exposure;
use super::facts::HostFacts;
use super::groups::read_groups;
use super::include;
use super::kinds;
use super::metrics::read_metrics;
use super::paths;
use super::reader::{Context, Findings};
use super::schema::{Config, SupervisordConfig};
use super::servers::{check_rpc_interfaces, read_rpc_interfaces, read_servers};
use super::supervisord::{Overrides, Supervisord};
use super::survey::Survey;
use crate::model::notice::Level;

/// What to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadRequest {
    /// `-c`, as typed; without it the file is searched for (D-040).
    pub file: Option<String>,
    /// The rest of the command line.
    pub overrides: Overrides,
}

/// On stderr when root starts without `-c` (D-042).
const ROOT_SEARCHES: &str = "supervisord runs as root and searches for its configuration file in default places, \
    among them the current folder; to be safe, name the file by -c and an absolute path";

/// In the log when root stays root without having been told to (D-203).
const ROOT_STAYS: &str = "Supervisor is running as root.  Privileges were not dropped because no user is specified \
    in the config file.  If you intend to run as root, you can set user=root in the config file to avoid this \
    message.";

/// What is to be said on stderr before the file is searched for (D-042).
pub fn search_warning(request: &LoadRequest, facts: &HostFacts) -> Option<&'static str> {
    (request.file.is_none() && facts.uid == 0).then_some(ROOT_SEARCHES)
}

/// Reads the configuration, or tells all that is wrong with it. Nothing is written or created.
pub fn load(request: &LoadRequest, facts: &HostFacts) -> Result<Config, ConfigErrors> {
    survey(request, facts)?.into_config()
}

/// Reads the configuration and keeps all that is to be said of it. `Err`: its files cannot be read, so
/// there is nothing to say of sections.
pub fn survey(request: &LoadRequest, facts: &HostFacts) -> Result<Survey, ConfigErrors> {
    let file = match &request.file {
        Some(file) => file.clone(),
        None => search(facts)?,
    };
    let here = paths::text(&paths::absolute(paths::folder_of(&file), facts));
    let variables = Names::of_environment(facts.environment.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    let mut findings = Findings::default();
    let document = read_files(&file, &here, &variables, facts, &mut findings)?;
    let context = Context { document: &document, facts, here, variables, environment: Vec::new() };
    let config = read_sections(context, &file, &request.overrides, &mut findings);
    note_options(&document, &mut findings.asked);
    Ok(Survey::new(config, findings, document))
}

/// The first existing default path (D-040, D-041).
fn search(facts: &HostFacts) -> Result<String, ConfigError> {
    first_default_path(facts).ok_or_else(|| {
        ConfigError::new(format!(
            "No config file found at default paths ({}); use the -c option to specify a config file at a different \
             path",
            default_paths(facts).join(", ")
        ))
    })
}

/// The first default path that exists.
pub(super) fn first_default_path(facts: &HostFacts) -> Option<String> {
    default_paths(facts).into_iter().find(|path| paths::located(path, facts).exists())
}

/// Where a configuration is looked for, in this order.
fn default_paths(facts: &HostFacts) -> Vec<String> {
    let base = paths::folder_of(paths::folder_of(&program_path(facts))).to_owned();
    let relative = ["etc/supervisord.conf", "supervisord.conf"];
    let mut candidates: Vec<String> = relative.iter().map(|name| paths::join(&base, name)).collect();
    let others = [
        "supervisord.conf",
        "etc/supervisord.conf",
        "/etc/supervisord.conf",
        "/etc/supervisor/supervisord.conf",
    ];
    candidates.extend(others.map(str::to_owned));
    candidates
}

/// Where the program lies. A name without a slash came from PATH, which the reference does not look at.
fn program_path(facts: &HostFacts) -> String {
    let folders = facts.variable("PATH").unwrap_or_default().split(':');
    let mut candidates = folders.filter(|f| !f.is_empty()).map(|folder| paths::join(folder, &facts.argv0));
    let found = candidates.find(|path| !facts.argv0.contains('/') && paths::located(path, facts).is_file());
    found.unwrap_or_else(|| facts.argv0.clone())
}

/// Reads the main file and what it includes (D-070 to D-076).
fn read_files(
    file: &str,
    here: &str,
    variables: &Names,
    facts: &HostFacts,
    findings: &mut Findings,
) -> Result<Document, ConfigErrors> {
    let mut document = Document::default();
    let mut exposure = Exposure::new(facts);
    document.merge(read_file(file, facts)?);
    exposure.file(file);
    for pattern in include_patterns(&mut document, here, variables, facts, findings)? {
        let pattern = paths::join(here, &pattern);
        exposure.pattern(&pattern);
        let files = include::matches(&pattern, facts);
        if files.is_empty() {
            findings.warnings.push(format!("No file matches via include \"{pattern}\""));
        }
        for file in files {
            findings.infos.push(format!("Included extra file \"{file}\" during parsing"));
            include_file(&mut document, &file, facts, findings);
            exposure.file(&file);
        }
    }
    findings.problems.check()?;
    findings.warnings.extend(exposure.warnings(&document));
    document.spread_defaults();
    if document.section(kinds::SUPERVISORD).is_none() {
        let text = format!(".ini file does not include supervisord section (file: '{file}')");
        return Err(ConfigError::new(text).into());
    }
    Ok(document)
}

/// The sections of the main file alone.
pub(super) fn read_file(file: &str, facts: &HostFacts) -> Result<Vec<dialect::Section>, ConfigError> {
    let path = paths::located(file, facts);
    if !path.exists() {
        return Err(ConfigError::new(format!("could not find config file {file}")));
    }
    let bytes =
        std::fs::read(path).map_err(|_| ConfigError::new(format!("could not read config file {file}")))?;
    parse(bytes, file)
}

/// The patterns of `[include] files`, if there is that section.
fn include_patterns(
    document: &mut Document,
    here: &str,
    variables: &Names,
    facts: &HostFacts,
    findings: &mut Findings,
) -> Result<Vec<String>, ConfigError> {
    if document.section(kinds::INCLUDE).is_none() {
        return Ok(Vec::new());
    }
    document.expand_here(here);
    let Some(section) = document.section(kinds::INCLUDE) else {
        return Ok(Vec::new());
    };
    findings.asked.note(section, &["files"]);
    let Some(files) = section.get("files") else {
        return Err(ConfigError::within(section, ".ini file has [include] section, but no files setting"));
    };
    let names = variables.clone().with("here", here).with("host_node_name", &facts.host_node_name);
    let text =
        expand(&files.value, &names, "include.files").map_err(|e| ConfigError::at(section, files, e))?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// Merges an included file; what cannot be opened is passed over (D-075).
fn include_file(document: &mut Document, file: &str, facts: &HostFacts, findings: &mut Findings) {
    let Ok(bytes) = std::fs::read(paths::located(file, facts)) else {
        return;
    };
    match parse(bytes, file) {
        Ok(sections) => {
            document.merge(sections);
            document.expand_here(&paths::text(&paths::absolute(paths::folder_of(file), facts)));
        }
        Err(error) => findings.problems.push(error),
    }
}

fn parse(bytes: Vec<u8>, file: &str) -> Result<Vec<dialect::Section>, ConfigError> {
    let text = String::from_utf8(bytes).map_err(|e| not_utf8(&e, file))?;
    dialect::read(&text, file).map_err(|malformed| ConfigError::new(malformed.to_string()))
}

/// D-046.
fn not_utf8(error: &std::string::FromUtf8Error, file: &str) -> ConfigError {
    let at = error.utf8_error().valid_up_to();
    let byte = error.as_bytes().get(at).copied().unwrap_or_default();
    let line = 1 + error.as_bytes().iter().take(at).filter(|b| **b == b'\n').count();
    let text = format!(
        "'utf-8' codec can't decode byte 0x{byte:02x} in position {at} (file: '{file}', line {line})"
    );
    ConfigError::new(text)
}

/// Reads all sections, in the reference's order.
fn read_sections(
    mut context: Context<'_>,
    file: &str,
    overrides: &Overrides,
    findings: &mut Findings,
) -> Config {
    let (document, facts) = (context.document, context.facts);
    let section = document.section(kinds::SUPERVISORD).expect("read_files refuses files without it");
    let supervisord = Supervisord::read(&context, findings, section);
    supervisord.extend(&mut context);
    let rpc_interfaces = read_rpc_interfaces(&context, findings);
    let groups = read_groups(&context, findings);
    let servers = read_servers(&context, findings);
    let metrics = read_metrics(&context, findings);
    let supervisord = supervisord.finish(overrides, facts, findings, section);
    if !servers.is_empty() {
        check_rpc_interfaces(&context, findings);
    }
    let messages = messages(&supervisord, facts, findings);
    let file = paths::absolute(file, facts);
    Config { supervisord, groups, servers, metrics, rpc_interfaces, messages, file }
}

/// Criticals, warnings, infos (D-047).
fn messages(
    supervisord: &SupervisordConfig,
    facts: &HostFacts,
    findings: &mut Findings,
) -> Vec<(Level, String)> {
    let stays_root = facts.uid == 0 && supervisord.user.is_none();
    let criticals = stays_root.then(|| (Level::Critical, ROOT_STAYS.to_owned()));
    let warnings = std::mem::take(&mut findings.warnings).into_iter().map(|text| (Level::Warn, text));
    let infos = std::mem::take(&mut findings.infos).into_iter().map(|text| (Level::Info, text));
    criticals.into_iter().chain(warnings).chain(infos).collect()
}

#[cfg(test)]
mod tests;
