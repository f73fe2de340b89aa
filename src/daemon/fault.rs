//! Faults as answers: what each refusal of the daemon is called, and with what detail (control.md, section 5).

use std::fmt;

use crate::daemon::command::Refusal;
use crate::daemon::handle::Gone;
pub use crate::model::fault::FaultCode;

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What went wrong.
    pub code: FaultCode,
    /// With what: mostly the name as the caller gave it (C-200).
    pub detail: Option<String>,
}

impl Fault {
    /// A fault with a detail.
    pub fn with(code: FaultCode, detail: impl Into<String>) -> Self {
        Self { code, detail: Some(detail.into()) }
    }
}

impl Fault {
    /// What a client is told of a refusal; `name` is what it had asked for, as it wrote it (C-200).
    pub fn of(refusal: Refusal, name: &str) -> Self {
        use FaultCode as F;
        match refusal {
            Refusal::ShuttingDown => F::ShutdownState.into(),
            Refusal::BadName => Self::with(F::BadName, name),
            Refusal::BadSignal => Self::with(F::BadSignal, name),
            Refusal::CommandNotFound(text) => Self::with(F::NoFile, &*text),
            Refusal::CommandUnusable(text) => Self::with(F::NotExecutable, &*text),
            Refusal::AlreadyStarted => Self::with(F::AlreadyStarted, name),
            Refusal::UnknownState => Self::with(F::Failed, format!("{name} is in an unknown process state")),
            Refusal::StartFailed => Self::with(F::SpawnError, name),
            Refusal::StartInterrupted => Self::with(F::AbnormalTermination, name),
            Refusal::NotRunning => Self::with(F::NotRunning, name),
            Refusal::SignalFailed => Self::with(F::Failed, format!("{name} could not be sent a signal")),
            Refusal::StdinClosed => Self::with(F::NoFile, name),
            Refusal::StdinFull => Self::with(F::Failed, format!("{name} does not read its input")),
            Refusal::NoFile(None) => F::NoFile.into(),
            Refusal::NoFile(Some(path)) => Self::with(F::NoFile, path.to_string_lossy()),
            Refusal::FileFailed => Self::with(F::Failed, name),
            Refusal::BadWindow => F::BadArguments.into(),
            Refusal::AlreadyAdded => Self::with(F::AlreadyAdded, name),
            Refusal::StillRunning => Self::with(F::StillRunning, name),
            Refusal::BadConfiguration(problems) => Self::with(F::CantReread, problems),
        }
    }
}

impl From<FaultCode> for Fault {
    fn from(code: FaultCode) -> Self {
        Self { code, detail: None }
    }
}

impl From<Gone> for Fault {
    /// A daemon that takes no more commands is past its shutdown.
    fn from(Gone: Gone) -> Self {
        FaultCode::ShutdownState.into()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            None => f.write_str(self.code.name()),
            Some(detail) => write!(f, "{}: {detail}", self.code.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-200
    #[test]
    fn texts() {
        assert_eq!(Fault::from(FaultCode::UnknownMethod).to_string(), "UNKNOWN_METHOD");
        assert_eq!(Fault::with(FaultCode::BadName, "crew:nope").to_string(), "BAD_NAME: crew:nope");
    }
}
