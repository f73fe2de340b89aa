//! What metrics read of the daemon: one look at everything, by value, as short as can be.
//!
//! The thread that decides copies these figures; what is made of them is made by others.

use super::command::PoolInfo;
use super::process::Process;
use super::supervisor::Supervisor;
use crate::model::name::ProcessName;
use crate::model::state::{ProcessState, SupervisorState};
use crate::model::time::{Now, WallTime};

/// The daemon at one moment.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Its state.
    pub state: SupervisorState,
    /// What became of the configuration.
    pub config: ConfigReading,
    /// All processes, in the order in which they were added.
    pub processes: Vec<ProcessFigures>,
    /// All event listener pools, in the order in which they were added.
    pub pools: Vec<PoolInfo>,
}

/// The last time that the configuration was read (M-022): at a start, by reread, update or reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigReading {
    /// Whether it was good.
    pub successful: bool,
    /// When it was last good.
    pub last_success: WallTime,
}

impl ConfigReading {
    /// It was good.
    pub fn good(at: WallTime) -> Self {
        Self { successful: true, last_success: at }
    }

    /// It was read again.
    #[must_use]
    pub fn again(self, successful: bool, at: WallTime) -> Self {
        if successful { Self::good(at) } else { Self { successful, ..self } }
    }
}

/// One process at one moment.
#[derive(Clone, Debug)]
pub struct ProcessFigures {
    /// Group and name.
    pub name: ProcessName,
    /// Its state.
    pub state: ProcessState,
    /// When it was last started, if ever.
    pub start: Option<WallTime>,
    /// When it last ended, if ever.
    pub stop: Option<WallTime>,
    /// Exit code of the last run, where the API knows one (C-226).
    pub exitstatus: Option<i32>,
    /// Failures in a row.
    pub failures: u32,
    /// The child, from its spawn until its end is decided.
    pub pid: Option<i32>,
}

impl Supervisor {
    pub(super) fn figures(&self, now: Now) -> Figures {
        Figures {
            state: self.state,
            config: self.config_reading,
            processes: self.processes.values().map(Process::figures).collect(),
            pools: self.list_pools(now),
        }
    }
}
