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
        let endpoint = Endpoint::of_url(&self.serverurl)?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
