//! Signal names and numbers. The numbers are the platform's own.

use std::fmt;

/// A signal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(i32);

/// Names and numbers, the name that messages use first where a number has two (D-328).
const NAMES: &[(&str, i32)] = &[
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("IOT", libc::SIGABRT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    #[cfg(target_os = "linux")]
    ("STKFLT", libc::SIGSTKFLT),
    ("CHLD", libc::SIGCHLD),
    ("CLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    #[cfg(target_os = "linux")]
    ("POLL", libc::SIGPOLL),
    ("IO", libc::SIGIO),
    #[cfg(target_os = "linux")]
    ("PWR", libc::SIGPWR),
    ("SYS", libc::SIGSYS),
    #[cfg(target_os = "linux")]
    ("RTMIN", 34),
    #[cfg(target_os = "linux")]
    ("RTMAX", 64),
];

impl Signal {
    /// SIGTERM.
    pub const TERM: Self = Self(libc::SIGTERM);
    /// SIGKILL.
    pub const KILL: Self = Self(libc::SIGKILL);
    /// SIGINT.
    pub const INT: Self = Self(libc::SIGINT);
    /// SIGQUIT.
    pub const QUIT: Self = Self(libc::SIGQUIT);
    /// SIGHUP.
    pub const HUP: Self = Self(libc::SIGHUP);
    /// SIGUSR1.
    pub const USR1: Self = Self(libc::SIGUSR1);
    /// SIGUSR2.
    pub const USR2: Self = Self(libc::SIGUSR2);
    /// SIGCHLD.
    pub const CHLD: Self = Self(libc::SIGCHLD);
    /// SIGSEGV.
    pub const SEGV: Self = Self(libc::SIGSEGV);

    /// The signal of this number, whether or not it has a name: for what the kernel reports.
    pub const fn from_raw(number: i32) -> Self {
        Self(number)
    }

    /// The signal of this number, if it is one that exists (D-084).
    pub fn from_number(number: i32) -> Option<Self> {
        let realtime = cfg!(target_os = "linux") && (34..=64).contains(&number);
        (realtime || NAMES.iter().any(|(_, n)| *n == number)).then_some(Self(number))
    }

    /// The signal of this name, with or without `SIG`, in any case (D-084).
    pub fn from_name(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let short = upper.strip_prefix("SIG").unwrap_or(&upper);
        NAMES.iter().find(|(n, _)| *n == short).map(|(_, number)| Self(*number))
    }

    /// The number.
    pub const fn number(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Signal {
    /// `SIGTERM`; `signal 35` where there is no name (D-328).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => write!(f, "SIG{name}"),
            None => write!(f, "signal {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // D-328
    #[test]
    fn names_in_messages() {
        assert_eq!(Signal::TERM.to_string(), "SIGTERM");
        assert_eq!(Signal(29).to_string(), "SIGPOLL");
        assert_eq!(Signal(34).to_string(), "SIGRTMIN");
        assert_eq!(Signal(35).to_string(), "signal 35");
        assert_eq!(Signal(64).to_string(), "SIGRTMAX");
        assert_eq!(Signal(6).to_string(), "SIGABRT");
    }

    // D-084
    #[test]
    fn names_in_any_case_with_or_without_prefix() {
        assert_eq!(Signal::from_name("sigterm"), Some(Signal::TERM));
        assert_eq!(Signal::from_name("Hup"), Some(Signal::HUP));
        assert_eq!(Signal::from_name("RTMIN+1"), None);
        assert_eq!(Signal::from_number(99), None);
        assert_eq!(Signal::from_number(0), None);
    }
}
