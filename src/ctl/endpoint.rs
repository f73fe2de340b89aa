//! What the command line and the configuration come to: where the server is and how to get in.

use std::path::PathBuf;

use super::args::Typed;
use crate::client::proxy::Proxy;
use crate::client::transport::{Credentials, Endpoint, Transport};
use crate::config::ClientConfig;

/// Where the reference looks when nothing is said (C-408).
const DEFAULT_URL: &str = "http://localhost:9001";

/// All that a session needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub serverurl: String,
    pub username: Option<String>,
    pub password: Option<String>,
    pub prompt: String,
    pub history_file: Option<PathBuf>,
    /// A person can be asked (C-421).
    pub interactive: bool,
    /// The file that was read, for messages.
    pub file: Option<String>,
}

impl Settings {
    /// The command line wins, each option by itself (C-411).
    pub fn resolve(typed: Typed, config: ClientConfig) -> Self {
        Self {
            serverurl: typed.serverurl.or(config.serverurl).unwrap_or_else(|| DEFAULT_URL.to_owned()),
            username: typed.username.or(config.username),
            password: typed.password.or(config.password),
            prompt: config.prompt.unwrap_or_else(|| "supervisor".to_owned()),
            history_file: typed.history_file.map(PathBuf::from).or(config.history_file),
            interactive: typed.interactive || typed.words.is_empty(),
            file: config.file,
        }
    }

    /// The server; the error says what is wrong with its URL.
    pub fn server(&self) -> Result<Proxy, String> {
        let endpoint = endpoint(&self.serverurl)?;
        // C-430
        let credentials = match (&self.username, &self.password) {
            (Some(username), Some(password)) => {
                Some(Credentials { username: username.clone(), password: password.clone() })
            }
            _ => None,
        };
        Ok(Proxy::new(Transport::new(endpoint, credentials)))
    }
}

/// Reads a server's URL (C-412).
fn endpoint(url: &str) -> Result<Endpoint, String> {
    if let Some(path) = url.strip_prefix("unix://") {
        return Ok(Endpoint::Unix(path.into()));
    }
    let Some(rest) = url.strip_prefix("http://") else {
        return Err(format!("cannot talk to {url}: a server's URL begins with http:// or unix://"));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Credentials in the URL are not used (C-411).
    let address = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':').unwrap_or_default()),
        None => address.split_once(':').unwrap_or((address, "")),
    };
    let number = if port.is_empty() { Ok(80) } else { port.parse() };
    match number {
        Ok(port) if !host.is_empty() => Ok(Endpoint::Tcp { host: host.to_lowercase(), port }),
        _ => Err(format!("cannot talk to {url}: it should be http://host:port")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-411, C-412
    #[test]
    fn urls() {
        let tcp = |host: &str, port| Ok(Endpoint::Tcp { host: host.into(), port });
        assert_eq!(endpoint("http://Host:9001/RPC2/"), tcp("host", 9001));
        assert_eq!(endpoint("http://u:p@h"), tcp("h", 80));
        assert_eq!(endpoint("http://[::1]:81"), tcp("::1", 81));
        assert_eq!(endpoint("unix:///a b"), Ok(Endpoint::Unix("/a b".into())));
        for bad in ["http://", "http://h:x", "http://h:99999", "ftp://h", "HTTP://h"] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }

    // C-411
    #[test]
    fn the_command_line_wins() {
        let config = ClientConfig {
            serverurl: Some("http://file".into()),
            username: Some("file".into()),
            ..ClientConfig::default()
        };
        let typed = Typed { username: Some("typed".into()), words: vec!["pid".into()], ..Typed::default() };
        let settings = Settings::resolve(typed, config);
        assert_eq!(
            (settings.serverurl.as_str(), settings.username.as_deref()),
            ("http://file", Some("typed"))
        );
        assert!(!settings.interactive);
        assert_eq!(Settings::resolve(Typed::default(), ClientConfig::default()).serverurl, DEFAULT_URL);
    }
}
