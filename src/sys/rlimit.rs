//! Raising the daemon's own limits to what the configuration asks for (D-250, D-251).

use std::fmt;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

/// A limit with its least value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minimum {
    /// `minfds`: open descriptors.
    Descriptors(u64),
    /// `minprocs`: processes of the user.
    Processes(u64),
}

/// A limit is too low and cannot be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitError {
    minimum: Minimum,
    hard: u64,
}

impl Minimum {
    const fn value(self) -> u64 {
        match self {
            Self::Descriptors(n) | Self::Processes(n) => n,
        }
    }

    const fn resource(self) -> Resource {
        match self {
            Self::Descriptors(_) => Resource::RLIMIT_NOFILE,
            Self::Processes(_) => Resource::RLIMIT_NPROC,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Descriptors(_) => "RLIMIT_NOFILE",
            Self::Processes(_) => "RLIMIT_NPROC",
        }
    }

    /// Raises the soft limit to this, and the hard one where it is lower; higher limits are left alone.
    /// Gives the line for the activity log, if anything was done.
    pub fn ensure(self) -> Result<Option<String>, LimitError> {
        let wanted = self.value();
        let (soft, hard) = getrlimit(self.resource()).map_err(|_| LimitError { minimum: self, hard: 0 })?;
        let Some((soft, raised)) = raise(soft, hard, wanted) else {
            return Ok(None);
        };
        setrlimit(self.resource(), soft, raised).map_err(|_| LimitError { minimum: self, hard })?;
        Ok(Some(format!("Increased {} limit to {wanted}", self.name())))
    }
}

/// The soft limit of open descriptors; `None`: there is none, or it cannot be told.
pub fn descriptors() -> Option<u64> {
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    (soft != RLIM_INFINITY).then_some(soft)
}

/// How many descriptors there may be; where there is no limit, as many as can be counted.
pub fn most_descriptors() -> usize {
    descriptors().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// The soft limit of another process.
#[cfg(target_os = "linux")]
pub fn descriptors_of(pid: i32) -> Option<u64> {
    let mut limit = nix::libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: no new limit is given, and the old one is written to a struct of the right type that outlives the call.
    let answer =
        unsafe { nix::libc::prlimit(pid, nix::libc::RLIMIT_NOFILE, std::ptr::null(), &raw mut limit) };
    (answer == 0 && limit.rlim_cur != RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// The new limits, or `None` if the old ones do.
const fn raise(soft: u64, hard: u64, wanted: u64) -> Option<(u64, u64)> {
    if soft == RLIM_INFINITY || soft >= wanted {
        None
    } else if hard == RLIM_INFINITY || hard >= wanted {
        Some((wanted, hard))
    } else {
        Some((wanted, wanted))
    }
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wanted, hard) = (self.minimum.value(), self.hard);
        let (what, option) = match self.minimum {
            Minimum::Descriptors(_) => ("file descriptors", "minfds"),
            Minimum::Processes(_) => ("processes", "minprocs"),
        };
        write!(
            f,
            "The setting \"{option}\" (config file or command line) asks for at least {wanted} {what}, but the hard \
             limit of this environment is {hard}.  Raise that limit or lower \"{option}\""
        )
    }
}

impl std::error::Error for LimitError {}

#[cfg(test)]
mod tests {
    use super::*;

    // D-250
    #[test]
    fn what_is_raised() {
        assert_eq!(raise(1024, 4096, 1024), None);
        assert_eq!(raise(RLIM_INFINITY, RLIM_INFINITY, 1024), None);
        assert_eq!(raise(512, 4096, 1024), Some((1024, 4096)));
        assert_eq!(raise(512, RLIM_INFINITY, 1024), Some((1024, RLIM_INFINITY)));
        assert_eq!(raise(512, 768, 1024), Some((1024, 1024)));
    }

    // D-250: a minimum that is met changes nothing
    #[test]
    fn enough_is_enough() {
        let before = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(Minimum::Descriptors(1).ensure(), Ok(None));
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), before);
    }

    // D-251
    #[test]
    fn the_error_names_option_wish_and_limit() {
        let error = LimitError { minimum: Minimum::Processes(200), hard: 100 }.to_string();
        for part in ["minprocs", "200", "100", "processes"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
