//! What lasts from one command to the next: settings, the server, input and output, the exit status.

use std::fmt;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;

use super::endpoint::Settings;
use super::faults::{UNKNOWN_METHOD, exit};
use super::render::Output;
use crate::client::proxy::{CallError, Proxy};
use crate::client::transport::TransportError;
use crate::sys::interrupts::Interrupts;
use crate::sys::terminal::{LineReader, SilentTerminal};

/// The API that this client talks.
const API_VERSION: &str = "3.0";

/// What ends a command before its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A call failed in a way that the command has no words for (C-428).
    Call(CallError),
    /// Something else is wrong, likewise.
    Other(String),
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl Trouble {
    /// Whether the server wants a user name and password, or others.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Call(CallError::Transport(TransportError::Status(401))))
    }
}

impl fmt::Display for Trouble {
    /// The cause, and where there is something to do about it, what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = match self {
            Self::Call(error) => error,
            Self::Other(text) => return f.write_str(text),
        };
        error.fmt(f)?;
        let CallError::Transport(error) = error else { return Ok(()) };
        f.write_str(match error {
            TransportError::Connect(error) => match error.kind() {
                ErrorKind::PermissionDenied => {
                    " (this user may not open the socket: see chmod and chown in [unix_http_server])"
                }
                ErrorKind::ConnectionRefused | ErrorKind::NotFound => " (is supervisord running?)",
                _ => " (check serverurl in [supervisorctl], or -s)",
            },
            TransportError::Status(401) => " (check username and password, or -u and -p)",
            TransportError::Status(404) => " (is this supervisord's address?)",
            _ => "",
        })
    }
}

/// A command's end.
pub(super) type Outcome = Result<(), Trouble>;

/// The state between commands.
#[derive(Debug)]
pub(super) struct Session {
    pub settings: Settings,
    pub out: Output,
    /// Of the last failure; 0 while there was none (C-424).
    pub status: u8,
    /// Ctrl-C, where it does not simply end the program.
    pub interrupts: Option<Interrupts>,
    server: Option<Proxy>,
    input: Option<LineReader>,
}

impl Session {
    pub fn new(settings: Settings) -> Self {
        Self { settings, out: Output::new(), status: 0, interrupts: None, server: None, input: None }
    }

    /// The server, over the connection that this command has opened already, if any.
    pub fn server(&mut self) -> Result<&mut Proxy, Trouble> {
        let server = match self.server.take() {
            Some(server) => server,
            None => self.settings.server().map_err(Trouble::Other)?,
        };
        Ok(self.server.insert(server))
    }

    /// Ends the connection: the next command makes its own, to whatever is there then.
    pub fn disconnect(&mut self) {
        self.server = None;
    }

    /// Notes a failure.
    pub fn fail(&mut self, status: u8) {
        self.status = status;
    }

    /// Notes a failure and says what it is.
    pub fn refuse(&mut self, status: u8, line: impl AsRef<str>) {
        self.status = status;
        self.out.line(line);
    }

    /// Whether there is a server that talks this API; says so if not (C-425 to C-427).
    pub async fn is_up(&mut self) -> Result<bool, Trouble> {
        let version = match self.server()?.text("supervisor.getVersion", &[]).await {
            Ok(version) => version,
            Err(CallError::Fault(fault)) if fault.code == UNKNOWN_METHOD => {
                let text = "This supervisord does not offer the methods that supervisorctl needs: its \
                            configuration has no [rpcinterface:supervisor] section (echo_supervisord_conf shows it).";
                self.refuse(exit::NO_NAMESPACE, text);
                return Ok(false);
            }
            Err(CallError::Transport(TransportError::Connect(error))) => return self.unreachable(error),
            Err(error) => return Err(error.into()),
        };
        if version != API_VERSION {
            let text = format!(
                "Sorry, this version of supervisorctl expects to talk to a server with API version {API_VERSION}, \
                 but the remote version is {version}."
            );
            self.refuse(exit::OTHER_VERSION, text);
        }
        Ok(version == API_VERSION)
    }

    fn unreachable(&mut self, error: io::Error) -> Result<bool, Trouble> {
        let (status, what) = match error.kind() {
            ErrorKind::ConnectionRefused => (exit::REFUSED, "refused connection"),
            ErrorKind::NotFound => (exit::NOT_RUNNING, "no such file"),
            _ => return Err(CallError::from(TransportError::Connect(error)).into()),
        };
        self.refuse(status, format!("{} {what}", self.settings.serverurl));
        self.hint();
        Ok(false)
    }

    /// What to do about it, for a person only: scripts compare the output.
    fn hint(&mut self) {
        if io::IsTerminal::is_terminal(&io::stderr()) {
            self.out.flush();
            let source = match &self.settings.file {
                Some(file) => format!("the address is from -s or {file}"),
                None => "no configuration file was found; name it with -c, or the address with -s".to_owned(),
            };
            eprintln!("(supervisord is not running, or it listens elsewhere: {source})");
        }
    }

    /// Waits for Ctrl-C; for ever where that ends the program anyway.
    pub async fn interrupted(interrupts: &mut Option<Interrupts>) {
        match interrupts {
            Some(interrupts) => interrupts.next().await,
            None => std::future::pending().await,
        }
    }

    /// The next line of stdin; `None` at its end.
    pub async fn line(&mut self) -> Option<String> {
        self.out.flush();
        if self.input.is_none() {
            self.input = LineReader::new(io::stdin().as_fd()).ok();
        }
        self.input.as_mut()?.next().await
    }

    /// Asks on stdin.
    pub async fn ask(&mut self, question: &str) -> Result<String, Trouble> {
        self.out.raw(question.as_bytes());
        self.line().await.ok_or_else(|| Trouble::Other("no answer: the input has ended".to_owned()))
    }

    /// Asks for user name and password and keeps them (C-484). The password comes from the terminal,
    /// or where there is none from stdin.
    pub async fn ask_credentials(&mut self) -> Outcome {
        let username = self.ask("Username:").await?;
        self.out.flush();
        let password = match SilentTerminal::open("Password:") {
            Ok(terminal) => {
                let mut lines = terminal.lines().map_err(|error| Trouble::Other(error.to_string()))?;
                lines.next().await.ok_or_else(|| Trouble::Other("no password was given".to_owned()))?
            }
            Err(_) => self.ask("Password:").await?,
        };
        self.out.line("");
        self.settings.username = Some(username);
        self.settings.password = Some(password);
        self.disconnect();
        Ok(())
    }
}
