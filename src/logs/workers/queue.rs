//! What waits for workers, and who is told of it: decided without threads.
//!
//! Jobs are begun in the order in which they came, one after the other: whoever asks for two starts sees them
//! in that order. What is ready is seen to by whoever has time.

use std::collections::VecDeque;

use super::Job;

/// Something to do.
pub(super) enum Task {
    /// A job, and its number.
    Run(Job, u64),
    /// A descriptor is ready.
    Ready(usize),
}

/// Who is to be told that there is something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// One who waits for nothing else.
    Idle,
    /// The one who waits in the poller.
    Polling,
    /// Nobody: whoever was told and has not come yet finds it, or whoever is at work.
    Nobody,
}

/// What there is to do, and what workers do.
#[derive(Default)]
pub(super) struct Queue {
    tasks: VecDeque<Task>,
    /// Jobs that came in; the number of the next one.
    jobs: u64,
    /// The job that the next one waits for.
    running: Option<u64>,
    /// Workers that there are.
    pub threads: usize,
    /// One of them waits in the poller.
    polling: bool,
    /// It was told that there is something to do.
    rung: bool,
    /// So many wait for work.
    idle: usize,
    /// One of them was told that there is some.
    called: bool,
}

impl Queue {
    /// Adds a job; who is to be told.
    pub fn push_job(&mut self, job: Job) -> Call {
        self.tasks.push_back(Task::Run(job, self.jobs));
        self.jobs += 1;
        if self.running.is_some() { Call::Nobody } else { self.call() }
    }

    /// Adds a descriptor that is ready; who is to be told.
    pub fn push_ready(&mut self, key: usize) -> Call {
        self.tasks.push_back(Task::Ready(key));
        self.call()
    }

    /// The next thing to do now.
    pub fn take(&mut self) -> Option<Task> {
        let waits = |task: &Task| matches!(task, Task::Run(..)) && self.running.is_some();
        let at = self.tasks.iter().position(|task| !waits(task))?;
        let task = self.tasks.remove(at);
        if let Some(Task::Run(_, number)) = task {
            self.running = Some(number);
        }
        task
    }

    /// A job is done, or waited for no longer.
    pub fn release(&mut self, number: u64) {
        if self.running == Some(number) {
            self.running = None;
        }
    }

    /// The job that others wait for, if they do.
    pub fn holder(&self) -> Option<u64> {
        self.running.filter(|_| self.has_jobs())
    }

    /// Whether some job waits.
    pub fn has_jobs(&self) -> bool {
        self.tasks.iter().any(|task| matches!(task, Task::Run(..)))
    }

    /// Whether nothing waits, and somebody sees what comes.
    pub fn is_attended(&self) -> bool {
        self.polling && self.tasks.is_empty()
    }

    /// Whether nobody is there to be called.
    pub fn is_deserted(&self) -> bool {
        self.idle == 0 && !self.polling
    }

    /// The one in the poller rather than another one, who would work on what is in the first one's caches. Whoever
    /// was told and has not come yet finds what is added meanwhile.
    pub fn call(&mut self) -> Call {
        let (told, who) = match (self.polling, self.idle > 0) {
            (true, _) => (&mut self.rung, Call::Polling),
            (false, true) => (&mut self.called, Call::Idle),
            (false, false) => return Call::Nobody,
        };
        if std::mem::replace(told, true) { Call::Nobody } else { who }
    }

    /// A worker has nothing to do. False: it waits in the poller, as nobody does.
    pub fn goes_idle(&mut self) -> bool {
        self.idle += usize::from(self.polling);
        self.polling
    }

    /// A worker waits for a moment, though nobody waits in the poller.
    pub fn pauses(&mut self) {
        self.idle += 1;
    }

    /// One who was idle is so no more.
    pub fn came(&mut self) {
        self.idle -= 1;
        self.called = false;
    }

    /// Somebody waits in the poller from now on.
    pub fn polls(&mut self) {
        self.polling = true;
    }

    /// The poller has reported these.
    pub fn polled(&mut self, keys: impl Iterator<Item = usize>) {
        self.polling = false;
        self.rung = false;
        self.tasks.extend(keys.map(Task::Ready));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        Queue { threads: 1, ..Queue::default() }
    }

    fn job() -> Job {
        Box::new(|_| {})
    }

    /// The number of a job, or the key of a descriptor.
    fn taken(queue: &mut Queue) -> Option<Result<u64, usize>> {
        queue.take().map(|task| match task {
            Task::Run(_, number) => Ok(number),
            Task::Ready(key) => Err(key),
        })
    }

    #[test]
    fn a_job_waits_for_the_one_before_it_and_descriptors_do_not() {
        let mut queue = queue();
        queue.push_job(job());
        queue.push_job(job());
        queue.push_ready(7);
        assert_eq!(taken(&mut queue), Some(Ok(0)));
        assert_eq!((taken(&mut queue), queue.holder()), (Some(Err(7)), Some(0)));
        assert_eq!(taken(&mut queue), None);
        queue.release(0);
        assert_eq!((taken(&mut queue), queue.holder()), (Some(Ok(1)), None));
        // That the first one is done at last says nothing of the second.
        queue.push_job(job());
        queue.release(0);
        assert_eq!(taken(&mut queue), None);
    }

    #[test]
    fn who_was_told_is_not_told_again_before_it_comes() {
        let mut queue = queue();
        queue.polls();
        assert_eq!((queue.push_ready(1), queue.push_ready(2)), (Call::Polling, Call::Nobody));
        queue.polled([3].into_iter());
        while queue.take().is_some() {}
        queue.pauses();
        assert_eq!((queue.push_job(job()), queue.push_ready(1)), (Call::Idle, Call::Nobody));
        queue.came();
        assert!(queue.take().is_some());
        queue.polls();
        // A job that could not be begun calls nobody.
        assert_eq!((queue.push_job(job()), queue.push_ready(2)), (Call::Nobody, Call::Polling));
    }
}
