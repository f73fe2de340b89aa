//! All connections there are: how many may be, and which must go when another needs its place.
//!
//! Descriptors are also needed to start programs, so clients get a fixed share (see
//! [`super::Limits`]). A client that only holds a connection open does not keep others out: the one
//! that has been idle for longest goes first. Where none is idle, those go whose answers are waited for
//! and whose clients have hung up. The system tells of that, but nobody listens while an answer is waited
//! for; so all such connections look when there is need, and a little later the crowd asks what they saw.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::pace::{Claim, Pace, Phase};

/// So many connections are a crowd, whose end leaves memory to give back.
const MANY: usize = 64;
/// Between two looks for a place, if nothing has changed that the crowd is told of.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The connections of all servers.
pub(super) struct Crowd {
    limit: usize,
    members: RefCell<Vec<Rc<Member>>>,
    /// A place became free, or a connection idle.
    changed: Notify,
    /// Somebody needs a place, and nobody is known who need not have one.
    wanted: Notify,
    /// The most members there were since it was last dispersed.
    most: Cell<usize>,
    dispersed: Notify,
}

struct Member {
    pace: Rc<Pace>,
    leave: CancellationToken,
    /// Its answer must not be waited for any longer.
    given_up: Notify,
}

/// A connection's place in the crowd, until it is dropped.
pub(super) struct Place {
    crowd: Rc<Crowd>,
    member: Rc<Member>,
}

impl Crowd {
    pub(super) fn new(limit: usize) -> Rc<Self> {
        Rc::new(Self {
            limit,
            members: RefCell::default(),
            changed: Notify::new(),
            wanted: Notify::new(),
            most: Cell::default(),
            dispersed: Notify::new(),
        })
    }

    /// A place for one more, as soon as there is one; `shutdown` is then its word to leave too.
    pub(super) async fn admit(self: Rc<Self>, shutdown: &CancellationToken) -> Place {
        while self.members.borrow().len() >= self.limit {
            self.make_room();
            let _ = timeout(LOOK_AGAIN, self.change()).await;
        }
        let leave = shutdown.child_token();
        let member = Rc::new(Member { pace: Pace::new(), leave, given_up: Notify::new() });
        self.join(Rc::clone(&member));
        Place { crowd: self, member }
    }

    fn join(&self, member: Rc<Member>) {
        let mut members = self.members.borrow_mut();
        members.push(member);
        self.most.set(self.most.get().max(members.len()));
    }

    fn leave(&self, member: &Rc<Member>) {
        let mut members = self.members.borrow_mut();
        members.retain(|it| !Rc::ptr_eq(it, member));
        if self.most.get() >= MANY && members.len() <= self.most.get() / 4 {
            self.most.set(members.len());
            self.dispersed.notify_one();
        }
    }

    /// Resolves when most of a large number of connections have ended.
    pub(super) async fn dispersed(&self) {
        self.dispersed.notified().await;
    }

    /// Resolves when a connection has ended, or become idle.
    pub(super) async fn change(&self) {
        self.changed.notified().await;
    }

    /// Sends one away, unless one is leaving already. Where none may be, all look whether their clients
    /// have hung up.
    pub(super) fn make_room(&self) {
        let members = self.members.borrow();
        if members.iter().any(|member| member.leave.is_cancelled()) {
            return;
        }
        let now = Instant::now();
        let claims = members.iter().filter_map(|member| Some((member.pace.claim(now)?, member)));
        match claims.min_by_key(|(claim, _)| *claim) {
            Some((claim, member)) => member.dismiss(claim),
            None => self.wanted.notify_waiters(),
        }
    }
}

impl Member {
    fn dismiss(&self, claim: Claim) {
        match claim {
            Claim::Idle(_) => {}
            Claim::Gone(_) | Claim::Silent(_) => self.given_up.notify_one(),
        }
        self.leave.cancel();
    }
}

impl Place {
    /// The connection's time-keeper.
    pub(super) fn pace(&self) -> Rc<Pace> {
        Rc::clone(&self.member.pace)
    }

    /// The connection's request is answered; it is idle, and whoever waits for a place may have its.
    pub(super) fn rest(&self) {
        self.member.pace.enter(Phase::Idle);
        self.crowd.changed.notify_waiters();
    }

    /// The connection begins to answer without end; false if half of all do already. They come with a file
    /// each, and must leave room for others.
    pub(super) fn begin_stream(&self) -> bool {
        let members = self.crowd.members.borrow();
        let streams = members.iter().filter(|member| member.pace.phase() == Phase::Stream).count();
        let room = streams < self.crowd.limit.div_ceil(2);
        if room {
            self.member.pace.enter(Phase::Stream);
        }
        room
    }

    /// Resolves when the connection must be polled, which makes it look whether its client has hung up.
    pub(super) async fn wanted(&self) {
        self.crowd.wanted.notified().await;
    }

    /// Resolves when the connection's answer must not be waited for any longer.
    pub(super) async fn given_up(&self) {
        self.member.given_up.notified().await;
    }

    /// Resolves when the connection must end.
    pub(super) async fn dismissed(&self) {
        self.member.leave.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.leave(&self.member);
        self.crowd.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_crowd_is_dispersed_once() {
        let (crowd, shutdown) = (Crowd::new(1000), CancellationToken::new());
        let mut places = Vec::new();
        for _ in 0..MANY {
            places.push(Rc::clone(&crowd).admit(&shutdown).await);
        }
        let is_told = async |crowd: &Crowd| {
            tokio::select! {
                biased;
                () = crowd.dispersed() => true,
                () = tokio::task::yield_now() => false,
            }
        };
        places.truncate(MANY / 4 + 1);
        assert!(!is_told(&crowd).await);
        places.pop();
        assert!(is_told(&crowd).await);
        places.clear();
        assert!(!is_told(&crowd).await);
    }
}
