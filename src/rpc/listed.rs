//! The answer to `getAllProcessInfo`, kept as long as it is asked for often.
//!
//! Within one second, and while nothing happens to any process, the answer is the same: it is sent again as
//! it is. Otherwise the texts of the processes are (see [`Records`]). Both take more than a kilobyte for each
//! process, so they are dropped when nobody has asked for a while.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::sleep;

use super::codec::SHORT_ANSWER;
use super::info::Records;
use crate::daemon::command::{Edition, ProcessInfo};
use crate::daemon::handle::{Gone, Handle};
use crate::sys::memory;
use crate::wire::xmlrpc::encode::estimate;
use crate::wire::xmlrpc::{Value, Whole};

/// How long it is kept for the next one who asks.
const IDLE: Duration = Duration::from_secs(5);

/// What was answered last.
#[derive(Debug, Default)]
pub struct Listed {
    records: RefCell<Records>,
    last: RefCell<Option<(Edition, Value)>>,
    /// Somebody has asked since it was last looked at.
    used: Cell<bool>,
    /// Somebody looks.
    watched: Cell<bool>,
}

impl Listed {
    /// The list as it is now.
    pub async fn current(self: Rc<Self>, daemon: &Handle) -> Result<Value, Gone> {
        self.used.set(true);
        let listed = match daemon.processes_unless(self.edition()).await? {
            // It was dropped meanwhile: the daemon took its time.
            None if self.edition().is_none() => daemon.processes_unless(None).await?,
            listed => listed,
        };
        // Whoever asked at the same time may have renewed it already.
        if let Some((edition, processes)) = listed.filter(|(edition, _)| self.edition() != Some(*edition)) {
            let value = self.renew(edition, processes);
            self.keep_for_a_while();
            return Ok(value);
        }
        let kept = self.last.borrow().as_ref().map(|(_, value)| value.clone());
        kept.ok_or(Gone)
    }

    fn edition(&self) -> Option<Edition> {
        self.last.borrow().as_ref().map(|(edition, _)| *edition)
    }

    /// What is long is not kept: encoding it is for workers.
    fn renew(&self, edition: Edition, processes: Vec<ProcessInfo>) -> Value {
        let value = self.records.borrow_mut().of_all(processes);
        if estimate(&value) > SHORT_ANSWER {
            return value;
        }
        let whole = Whole::of(&value);
        *self.last.borrow_mut() = Some((edition, whole.clone()));
        whole
    }

    fn keep_for_a_while(self: Rc<Self>) {
        if !self.watched.replace(true) {
            spawn_local(async move {
                while self.used.take() {
                    sleep(IDLE).await;
                }
                self.watched.set(false);
                self.records.take();
                self.last.take();
                memory::give_back();
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::LocalSet;

    use super::*;
    use crate::daemon::command::Command;
    use crate::model::name::ProcessName;
    use crate::model::state::ProcessState;
    use crate::model::time::WallTime;
    use crate::wire::xmlrpc::encode::answer;

    fn process(nanos: i64) -> ProcessInfo {
        ProcessInfo {
            name: ProcessName::new("g".into(), "p"),
            state: ProcessState::Running,
            start: Some(WallTime::from_nanos(0)),
            stop: None,
            now: WallTime::from_nanos(nanos),
            spawnerr: "".into(),
            exitstatus: 0,
            stdout_logfile: None,
            stderr_logfile: None,
            pid: 7,
        }
    }

    /// What is answered at each of these times, when so much had happened, and how often anew.
    async fn answers(asked: &[(i64, u64)]) -> (Vec<bytes::Bytes>, usize) {
        let (daemon, mut mailbox) = Handle::new();
        let (asked_for, made) = (asked.to_vec(), Rc::new(Cell::new(0)));
        let counter = Rc::clone(&made);
        spawn_local(async move {
            let mut times = asked_for.into_iter();
            while let Some(Command::ListProcesses(known, answer)) = mailbox.recv().await {
                let (nanos, changes) = times.next().unwrap();
                let edition = Edition { changes, second: process(nanos).now.secs() };
                let listed = (known != Some(edition)).then(|| (edition, vec![process(nanos)]));
                counter.set(counter.get() + usize::from(listed.is_some()));
                answer.send(listed).unwrap();
            }
        });
        let (listed, mut texts) = (Rc::new(Listed::default()), Vec::new());
        for _ in asked {
            texts.push(answer(&Rc::clone(&listed).current(&daemon).await.unwrap()));
        }
        (texts, made.get())
    }

    fn plain(nanos: i64) -> bytes::Bytes {
        answer(&Records::default().of_all(vec![process(nanos)]))
    }

    // C-221
    #[tokio::test]
    async fn it_is_made_anew_when_it_would_differ() {
        const SECOND: i64 = 1_000_000_000;
        let asked = [(SECOND, 1), (SECOND + 5, 1), (2 * SECOND, 1), (2 * SECOND, 2), (2 * SECOND + 1, 2)];
        let (texts, made) = LocalSet::new().run_until(answers(&asked)).await;
        assert_eq!(made, 3);
        for (text, (nanos, _)) in texts.iter().zip(asked) {
            assert_eq!(*text, plain(nanos));
        }
    }

    #[tokio::test]
    async fn many_who_ask_at_once_have_it_made_once() {
        let run = async {
            let (daemon, mut mailbox) = Handle::new();
            let listed = Rc::new(Listed::default());
            let ask = || Rc::clone(&listed).current(&daemon);
            let answer_both = async {
                let mut asked = Vec::new();
                while asked.len() < 2 {
                    let Some(Command::ListProcesses(None, to)) = mailbox.recv().await else { unreachable!() };
                    asked.push(to);
                }
                for to in asked {
                    to.send(Some((Edition::default(), vec![process(0)]))).unwrap();
                }
            };
            let (first, second, ()) = tokio::join!(ask(), ask(), answer_both);
            let [first, second] = [first, second].map(|value| answer(&value.unwrap()));
            assert_eq!((first.as_ptr(), first.len()), (second.as_ptr(), second.len()));
        };
        LocalSet::new().run_until(run).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_dropped_when_nobody_asks() {
        let run = async {
            let (daemon, mut mailbox) = Handle::new();
            spawn_local(async move {
                while let Some(Command::ListProcesses(_, answer)) = mailbox.recv().await {
                    answer.send(Some((Edition::default(), vec![process(0)]))).unwrap();
                }
            });
            let listed = Rc::new(Listed::default());
            Rc::clone(&listed).current(&daemon).await.unwrap();
            assert!(listed.edition().is_some());
            sleep(IDLE * 3).await;
            assert!(listed.edition().is_none() && !listed.watched.get());
        };
        LocalSet::new().run_until(run).await;
    }
}
