//! What the kernel tells of processes in /proc. Elsewhere than on Linux: nothing.

#[cfg(target_os = "linux")]
pub use linux::{resources, usage_of_child, usages};
#[cfg(not(target_os = "linux"))]
pub use nowhere::{resources, usage_of_child, usages};

/// What a process uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resources {
    /// What its stat file says.
    pub usage: Usage,
    /// Address space, in bytes.
    pub virtual_memory: u64,
    /// Threads.
    pub threads: u64,
    /// Open descriptors, where one may know.
    pub open_fds: Option<u64>,
    /// How many there may be; none: no limit, or one may not know.
    pub max_fds: Option<u64>,
}

/// The part that can be summed up over processes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// The process.
    pub pid: i32,
    /// Its parent.
    pub parent: i32,
    /// User and system time, in seconds.
    pub cpu_seconds: f64,
    /// Resident memory, in bytes.
    pub resident_memory: u64,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::io::Read;

    use procfs::FromRead;
    use procfs::process::{Stat, all_processes};

    use super::{Resources, Usage};
    use crate::sys::rlimit;

    /// A stat file fits: 52 numbers and a name of at most 64 bytes.
    const STAT: usize = 2048;

    /// What this process uses, if it is there. In as few system calls as can be: a scrape reads thousands.
    pub fn resources(pid: i32) -> Option<Resources> {
        let stat = stat(pid)?;
        Some(Resources {
            usage: usage(&stat),
            virtual_memory: stat.vsize,
            threads: u64::try_from(stat.num_threads).unwrap_or(0),
            open_fds: open_descriptors(pid),
            max_fds: rlimit::descriptors_of(pid),
        })
    }

    /// What a child of this process uses: nobody's who got the number of one that is gone.
    pub fn usage_of_child(pid: i32) -> Option<Usage> {
        let usage = usage(&stat(pid)?);
        (i32::try_from(std::process::id()) == Ok(usage.parent)).then_some(usage)
    }

    fn stat(pid: i32) -> Option<Stat> {
        let mut buffer = [0; STAT];
        let length = File::open(format!("/proc/{pid}/stat")).and_then(|mut it| it.read(&mut buffer)).ok()?;
        Stat::from_read(&buffer[..length]).ok()
    }

    /// Since Linux 6.2 the size of the directory tells.
    fn open_descriptors(pid: i32) -> Option<u64> {
        let folder = format!("/proc/{pid}/fd");
        match fs::metadata(&folder).ok()?.len() {
            0 => Some(fs::read_dir(&folder).ok()?.count() as u64),
            count => Some(count),
        }
    }

    /// What all processes of the machine use.
    pub fn usages() -> Vec<Usage> {
        let all = all_processes().into_iter().flatten().flatten();
        all.filter_map(|process| process.stat().ok()).map(|stat| usage(&stat)).collect()
    }

    fn usage(stat: &Stat) -> Usage {
        let ticks = stat.utime + stat.stime;
        Usage {
            pid: stat.pid,
            parent: stat.ppid,
            cpu_seconds: ticks as f64 / procfs::ticks_per_second() as f64,
            resident_memory: stat.rss * procfs::page_size(),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod nowhere {
    use super::{Resources, Usage};

    /// Not known here.
    pub fn resources(_pid: i32) -> Option<Resources> {
        None
    }

    /// Not known here.
    pub fn usage_of_child(_pid: i32) -> Option<Usage> {
        None
    }

    /// Not known here.
    pub fn usages() -> Vec<Usage> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    // M-041, M-042
    #[cfg(target_os = "linux")]
    #[test]
    fn this_process() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let resources = super::resources(pid).unwrap();
        let parent = i32::try_from(std::os::unix::process::parent_id()).unwrap();
        assert_eq!((resources.usage.pid, resources.usage.parent), (pid, parent));
        assert!(resources.virtual_memory > resources.usage.resident_memory);
        assert!(resources.usage.resident_memory > 100_000 && resources.threads > 0);
        assert!(resources.open_fds.is_some_and(|open| open > 2));
        assert_eq!(resources.max_fds, crate::sys::rlimit::descriptors());
        assert!(super::usages().iter().any(|usage| usage.pid == pid));
        assert_eq!((super::resources(-1), super::usage_of_child(parent)), (None, None));
    }
}
