//! Answers that nobody waits for any more: what was asked for is carried out all the same (C-263).

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Answer;

/// Those that go on.
#[derive(Clone)]
pub(super) struct Unfinished {
    most: usize,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Unfinished {
    /// At most so many, until `shutdown`.
    pub(super) fn new(most: usize, shutdown: CancellationToken) -> Self {
        Self { most, tasks: TaskTracker::new(), shutdown }
    }

    /// Goes on with this one. Beyond the most there may be, it ends where it is: what it has asked for
    /// is done, only the later calls of a `multicall` are not.
    pub(super) fn take(&self, answer: Answer) {
        if self.tasks.len() < self.most {
            let shutdown = self.shutdown.clone();
            self.tasks.spawn_local(async move { shutdown.run_until_cancelled(answer).await.map(drop) });
        }
    }

    /// Resolves when none is left after `shutdown`.
    pub(super) async fn end(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use hyper::StatusCode;
    use tokio::sync::Notify;
    use tokio::task::LocalSet;

    use super::super::response;
    use super::*;

    fn answer_after(go: &Rc<Notify>, done: &Rc<Notify>) -> Answer {
        let (go, done) = (Rc::clone(go), Rc::clone(done));
        Box::pin(async move {
            go.notified().await;
            done.notify_one();
            response::error(StatusCode::NOT_FOUND)
        })
    }

    #[tokio::test]
    async fn they_go_on_as_long_as_they_are_not_too_many() {
        let test = async {
            let unfinished = Unfinished::new(1, CancellationToken::new());
            let (go, done) = (Rc::<Notify>::default(), Rc::<Notify>::default());
            unfinished.take(answer_after(&go, &done));
            unfinished.take(answer_after(&go, &done));
            assert_eq!((Rc::strong_count(&go), unfinished.tasks.len()), (2, 1));
            go.notify_one();
            done.notified().await;
            unfinished.take(answer_after(&go, &done));
            unfinished.shutdown.cancel();
            unfinished.end().await;
            assert_eq!(Rc::strong_count(&go), 1);
        };
        LocalSet::new().run_until(test).await;
    }
}
