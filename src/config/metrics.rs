//! `[metrics]`: a server of its own for metrics, and which families there are. The reference passes the
//! section over (D-059), so a configuration with it works there as well.

use serde::Deserialize;

use super::datatypes as types;
use super::dialect::Setting;
use super::kinds;
use super::reader::{Context, Findings, Reader};
use super::schema::{MetricsConfig, ServerConfig};
use super::servers::credentials;

/// Its options.
#[derive(Deserialize)]
struct MetricsOptions {
    port: Option<Setting>,
    username: Option<Setting>,
    password: Option<Setting>,
    path: Option<Setting>,
    process_resources: Option<Setting>,
    process_tree: Option<Setting>,
    node_supervisord: Option<Setting>,
    supervisord_exporter: Option<Setting>,
}

/// The section, or what holds without it.
pub(super) fn read_metrics(context: &Context<'_>, findings: &mut Findings) -> MetricsConfig {
    let mut config = MetricsConfig::default();
    let Some(section) = context.document.section(kinds::METRICS) else { return config };
    let mut reader = Reader { section, names: context.variables.clone(), findings };
    let options: MetricsOptions = reader.options();
    reader.set(&mut config.path, &options.path, path);
    reader.set(&mut config.process_resources, &options.process_resources, types::boolean);
    reader.set(&mut config.process_tree, &options.process_tree, types::boolean);
    reader.set(&mut config.node_supervisord, &options.node_supervisord, types::boolean);
    reader.set(&mut config.supervisord_exporter, &options.supervisord_exporter, types::boolean);
    config.server = server(&mut reader, &options);
    config
}

fn server(reader: &mut Reader<'_>, options: &MetricsOptions) -> Option<ServerConfig> {
    let credentials = credentials(reader, &options.username, &options.password);
    if let (Some(setting), None) = (&options.username, &options.port) {
        reader.refuse(Some(setting), "a username is for a port of its own, and there is no port value");
    }
    let address = reader.value(&options.port, types::inet_address)?;
    Some(ServerConfig {
        section: reader.section.name.clone(),
        address,
        credentials,
        allowed_hosts: Vec::new(),
    })
}

fn path(text: &str) -> types::Converted<String> {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '%');
    let good = text.starts_with('/') && text.chars().all(plain);
    if good {
        Ok(text.to_owned())
    } else {
        Err(format!("not a valid path: '{text}' (it begins with / and is ASCII without blanks, ?, # and %)"))
    }
}
