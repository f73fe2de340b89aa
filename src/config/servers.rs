//! Control servers and RPC interfaces (control.md, section 1; daemon.md, section 4.2, D-162).

use serde::Deserialize;

use super::datatypes as types;
use super::dialect::{Section, Setting};
use super::groups::unresolvable;
use super::kinds;
use super::paths;
use super::reader::{Context, Findings, Reader};
use super::schema::{RpcInterfaceConfig, ServerAddress, ServerConfig};
use super::text::strip;

/// The option of `[rpcinterface:x]`.
const FACTORY: &str = "supervisor.rpcinterface_factory";

/// The one interface that there is (C-370).
const MAIN_FACTORY: &str = "supervisor.rpcinterface:make_main_rpcinterface";

/// The options of a server on TCP.
#[derive(Deserialize)]
struct InetOptions {
    port: Option<Setting>,
    username: Option<Setting>,
    password: Option<Setting>,
    allowed_hosts: Option<Setting>,
}

/// The options of a server on a unix socket.
#[derive(Deserialize)]
struct UnixOptions {
    file: Option<Setting>,
    chmod: Option<Setting>,
    chown: Option<Setting>,
    username: Option<Setting>,
    password: Option<Setting>,
}

/// All `[rpcinterface:x]` sections.
pub(super) fn read_rpc_interfaces(context: &Context<'_>, findings: &mut Findings) -> Vec<RpcInterfaceConfig> {
    let sections = context.document.sections_with(kinds::RPC_INTERFACE);
    sections.filter_map(|(section, name)| rpc_interface(context, findings, section, name)).collect()
}

fn rpc_interface(
    context: &Context<'_>,
    findings: &mut Findings,
    section: &Section,
    name: &str,
) -> Option<RpcInterfaceConfig> {
    let mut reader = Reader { section, names: context.variables.clone(), findings };
    reader.findings.asked.note(section, &[FACTORY]);
    let setting = section.get(FACTORY).cloned();
    if setting.is_none() {
        reader.refuse(None, format!("section [{}] does not specify a {FACTORY}", section.name));
    }
    let factory = reader.value(&setting, |text| match text {
        MAIN_FACTORY => Ok(text.to_owned()),
        _ => Err(unresolvable(text, &section.name)),
    })?;
    Some(RpcInterfaceConfig { name: name.to_owned(), factory })
}

/// Refuses options of an interface that its factory does not know (C-372). Where there is no server,
/// no interface is ever made.
pub(super) fn check_rpc_interfaces(context: &Context<'_>, findings: &mut Findings) {
    for (section, name) in context.document.sections_with(kinds::RPC_INTERFACE) {
        let unknown = section.settings.iter().find(|setting| setting.option != FACTORY);
        if let Some(setting) = unknown {
            let mut reader = Reader { section, names: context.variables.clone(), findings };
            reader.refuse(Some(setting), format!("Could not make {name} rpc interface"));
        }
    }
}

/// All control servers: inet, then unix, each in file order (C-009).
pub(super) fn read_servers(context: &Context<'_>, findings: &mut Findings) -> Vec<ServerConfig> {
    let mut servers = Vec::new();
    for (section, _) in context.document.sections_with(kinds::INET_SERVER) {
        let mut reader = Reader { section, names: context.variables.clone(), findings };
        servers.extend(inet_server(&mut reader));
    }
    for (section, _) in context.document.sections_with(kinds::UNIX_SERVER) {
        let mut reader = Reader { section, names: context.variables.clone(), findings };
        servers.extend(unix_server(context, &mut reader));
    }
    servers
}

fn inet_server(reader: &mut Reader<'_>) -> Option<ServerConfig> {
    let options: InetOptions = reader.options();
    let credentials = credentials(reader, &options.username, &options.password);
    if options.port.is_none() {
        reader.refuse(None, format!("section [{}] has no port value", reader.section.name));
    }
    let allowed_hosts = reader.value(&options.allowed_hosts, |text| Ok(hosts(text))).unwrap_or_default();
    let address = reader.value(&options.port, types::inet_address)?;
    Some(ServerConfig { section: reader.section.name.clone(), address, credentials, allowed_hosts })
}

fn unix_server(context: &Context<'_>, reader: &mut Reader<'_>) -> Option<ServerConfig> {
    let options: UnixOptions = reader.options();
    if options.file.is_none() {
        reader.refuse(None, format!("section [{}] has no file value", reader.section.name));
    }
    let names = reader.names.clone();
    reader.names = reader.names.clone().with("here", &context.here);
    let path = reader.value(&options.file, |text| Ok(paths::normal(strip(text), context.facts)));
    reader.names = names;
    let credentials = credentials(reader, &options.username, &options.password);
    let owner = reader.value(&options.chown, |text| {
        types::owner(text, context.facts).ok_or_else(|| format!("Invalid sockchown value {text}"))
    });
    let mode = reader
        .value(&options.chmod, |text| types::octal(text).map_err(|_| format!("Invalid chmod value {text}")));
    let address = ServerAddress::Unix { path: path?, mode: mode.unwrap_or(0o700), owner };
    let section = reader.section.name.clone();
    Some(ServerConfig { section, address, credentials, allowed_hosts: Vec::new() })
}

/// Host names, separated by blanks or commas (C-602).
fn hosts(text: &str) -> Vec<String> {
    let names = text.split(|c: char| c == ',' || c.is_whitespace());
    names.filter(|name| !name.is_empty()).map(str::to_lowercase).collect()
}

/// User name and password (C-006). An empty user name asks for nothing (C-007).
pub(super) fn credentials(
    reader: &mut Reader<'_>,
    username: &Option<Setting>,
    password: &Option<Setting>,
) -> Option<(String, String)> {
    let given = [username, password].into_iter().flatten().next();
    let (named, told) = (username.is_some(), password.is_some());
    let username = reader.text(username);
    let password = reader.secret(password);
    if named != told {
        let text = format!(
            "Section [{}] contains incomplete authentication: If a username or a password is specified, both the \
             username and password must be specified",
            reader.section.name
        );
        reader.refuse(given, text);
    }
    Some((username.filter(|name| !name.is_empty())?, password?))
}
