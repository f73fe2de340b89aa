//! Fault codes as constants to match on, and the exit statuses that follow from them.

use crate::model::fault::FaultCode;
pub(super) use crate::model::fault::SUCCESS;

pub(super) const UNKNOWN_METHOD: i32 = FaultCode::UnknownMethod.number();
pub(super) const SHUTDOWN_STATE: i32 = FaultCode::ShutdownState.number();
pub(super) const BAD_NAME: i32 = FaultCode::BadName.number();
pub(super) const BAD_SIGNAL: i32 = FaultCode::BadSignal.number();
pub(super) const NO_FILE: i32 = FaultCode::NoFile.number();
pub(super) const NOT_EXECUTABLE: i32 = FaultCode::NotExecutable.number();
pub(super) const FAILED: i32 = FaultCode::Failed.number();
pub(super) const ABNORMAL_TERMINATION: i32 = FaultCode::AbnormalTermination.number();
pub(super) const SPAWN_ERROR: i32 = FaultCode::SpawnError.number();
pub(super) const ALREADY_STARTED: i32 = FaultCode::AlreadyStarted.number();
pub(super) const NOT_RUNNING: i32 = FaultCode::NotRunning.number();
pub(super) const ALREADY_ADDED: i32 = FaultCode::AlreadyAdded.number();
pub(super) const STILL_RUNNING: i32 = FaultCode::StillRunning.number();
pub(super) const CANT_REREAD: i32 = FaultCode::CantReread.number();

/// Exit statuses (C-422, C-423).
pub(super) mod exit {
    pub(in crate::ctl) const FAILURE: u8 = 1;
    pub(in crate::ctl) const BAD_ARGUMENTS: u8 = 2;
    pub(in crate::ctl) const NO_NAMESPACE: u8 = 3;
    pub(in crate::ctl) const REFUSED: u8 = 4;
    pub(in crate::ctl) const OTHER_VERSION: u8 = 5;
    pub(in crate::ctl) const NOT_RUNNING: u8 = 7;
    /// Of status: something is stopped.
    pub(in crate::ctl) const SOME_STOPPED: u8 = 3;
    /// Of status: an unknown name, or no server.
    pub(in crate::ctl) const UNKNOWN: u8 = 4;
}

/// The exit status after a result, if it changes it (C-424); `harmless` is fine for the command.
pub(super) fn status_after(code: i32, harmless: Option<i32>) -> Option<u8> {
    match code {
        SUCCESS => None,
        code if Some(code) == harmless => None,
        ABNORMAL_TERMINATION | SPAWN_ERROR | NOT_RUNNING => Some(exit::NOT_RUNNING),
        _ => Some(exit::FAILURE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-422, C-424
    #[test]
    fn statuses() {
        assert_eq!(status_after(SUCCESS, None), None);
        assert_eq!(status_after(ALREADY_STARTED, Some(ALREADY_STARTED)), None);
        assert_eq!(status_after(SPAWN_ERROR, Some(ALREADY_STARTED)), Some(7));
        assert_eq!(status_after(NOT_RUNNING, None), Some(7));
        assert_eq!(status_after(BAD_NAME, None), Some(1));
    }
}
