//! How a process ended: the wait status as a value.

use std::fmt;

use super::signal::Signal;

/// How a process ended (waitpid(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// It exited with this status, 0 to 255.
    Code(i32),
    /// A signal ended it.
    Signaled {
        /// Which signal.
        signal: Signal,
        /// Whether a core file was written.
        core: bool,
    },
}

impl ExitStatus {
    /// The exit code; -1 for a death by signal, which is in nobody's `exitcodes` (D-323).
    pub const fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signaled { .. } => -1,
        }
    }
}

impl fmt::Display for ExitStatus {
    /// As in the activity log (D-307, D-308).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signaled { signal, core: false } => write!(f, "terminated by {signal}"),
            Self::Signaled { signal, core: true } => write!(f, "terminated by {signal} (core dumped)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // D-307, D-308, D-323
    #[test]
    fn texts_and_codes() {
        let killed = ExitStatus::Signaled { signal: Signal::SEGV, core: true };
        assert_eq!(killed.to_string(), "terminated by SIGSEGV (core dumped)");
        assert_eq!(killed.code(), -1);
        assert_eq!(ExitStatus::Code(3).to_string(), "exit status 3");
    }
}
