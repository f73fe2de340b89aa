//! The end of a log as a page (C-360 to C-364).

use askama::Template;

use super::actions::unexpected;
use super::page::{Frame, encoded};
use crate::daemon::command::{LogSource, Refusal};
use crate::daemon::fault::{Fault, FaultCode};
use crate::daemon::handle::Handle;
use crate::http::Form;
use crate::logs::read::Window;
use crate::model::event::Channel;
use crate::model::name::Target;

/// Bytes that are shown at least, and where nothing else is asked for (C-361).
const LEAST: i64 = 1024;
/// Bytes that a page can show. Whoever wants more downloads the log.
const MOST: i64 = 4 << 20;

/// The page.
#[derive(Template)]
#[template(path = "tail.html")]
pub(super) struct TailPage {
    pub frame: Frame,
    /// The name spec, as it was asked for.
    pub name: Option<String>,
    pub channel: Channel,
    /// In bytes.
    pub limit: i64,
    pub text: String,
}

impl TailPage {
    /// Reads what a form asks for.
    pub(super) async fn read(frame: Frame, form: &Form, daemon: &Handle) -> Self {
        let (channel, limit) = (channel(form), limit(form.get("limit")));
        let name = form.get("processname").map(str::to_owned);
        let text = match &name {
            None => "No process name found".to_owned(),
            Some(name) => last_bytes(name, channel, limit, daemon).await.unwrap_or_else(|problem| problem),
        };
        Self { frame, name, channel, limit, text }
    }

    fn is_stderr(&self) -> bool {
        self.channel == Channel::Stderr
    }

    fn address(&self) -> Option<String> {
        self.name.as_deref().map(encoded)
    }
}

/// Whose output is meant: stdout, unless stderr is asked for.
pub(super) fn channel(form: &Form) -> Channel {
    match form.get("channel") {
        Some("stderr") => Channel::Stderr,
        _ => Channel::Stdout,
    }
}

/// C-361
fn limit(given: Option<&str>) -> i64 {
    let digits = given.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    // A number that is too large for the type is a large number all the same.
    digits.map_or(LEAST, |digits| digits.parse().unwrap_or(i64::MAX)).clamp(LEAST, MOST)
}

/// The end of a process' log, or why there is none to show (C-362).
pub(super) async fn last_bytes(
    name: &str,
    channel: Channel,
    limit: i64,
    daemon: &Handle,
) -> Result<String, String> {
    let read = match Target::of_spec(name) {
        Target::Process(process) => {
            let window = Window::Read { offset: -limit, length: 0 };
            daemon.read_log(LogSource::Process(process, channel), window).await
        }
        Target::Group(_) | Target::All => Err(Refusal::BadName),
    };
    // C-364
    read.map(|excerpt| String::from_utf8_lossy(&excerpt.data).into_owned()).map_err(|refusal| {
        let fault = Fault::of(refusal, name);
        match fault.code {
            FaultCode::NoFile => format!("No file for {name}"),
            _ => format!("ERROR: {}", unexpected(&fault)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-361
    #[test]
    fn limits() {
        for small in
            [None, Some("0"), Some("1023"), Some("-5000"), Some("5000x"), Some(" 5000"), Some("٥٠٠٠")]
        {
            assert_eq!(limit(small), 1024, "{small:?}");
        }
        assert_eq!(limit(Some("5000")), 5000);
        assert_eq!(limit(Some("99999999999999999999")), MOST);
    }
}
