//! A request of somebody else (RFC 3261 sections 17.2.1 and 17.2.2).

use std::time::Duration;

use super::timers::{Next, Timers};

/// Where a server transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its user has not answered yet.
    Trying,
    /// Its user has said 1xx.
    Proceeding,
    /// Its user has said the final answer.
    Completed,
    /// The final answer to an INVITE was acknowledged.
    Confirmed,
    /// Over.
    Terminated,
}

/// What a server transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    None,
    /// Sends its last answer, or sends it again.
    Send,
    /// Tells its user that the acknowledgement never came.
    TimedOut,
}

/// One server transaction.
#[derive(Debug, Clone)]
pub struct Server {
    invite: bool,
    reliable: bool,
    timers: Timers,
    state: State,
    next: Next,
}

impl Server {
    /// Begins with a request that is handed to its user. One that its user never answers ends like an answered one.
    pub fn begin(invite: bool, reliable: bool, timers: Timers, now: Duration) -> Self {
        let next = Next { again: None, end: Some(now + timers.patience()) };
        Self { invite, reliable, timers, state: State::Trying, next }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// When it wants to be looked at again.
    pub fn next(&self) -> Option<Duration> {
        self.next.at()
    }

    /// The request came again.
    pub fn repeated(&self) -> Act {
        match self.state {
            State::Proceeding | State::Completed => Act::Send,
            State::Trying | State::Confirmed | State::Terminated => Act::None,
        }
    }

    /// The acknowledgement of a final answer to an INVITE came.
    pub fn acknowledged(&mut self, now: Duration) {
        if self.invite && self.state == State::Completed {
            // Timer I.
            self.end_after(State::Confirmed, self.timers.t4, now);
        }
    }

    /// Its user answers.
    pub fn answer(&mut self, status: u16, now: Duration) -> Act {
        match self.state {
            State::Trying | State::Proceeding if status < 200 => self.state = State::Proceeding,
            State::Trying | State::Proceeding if self.invite && status < 300 => {
                self.state = State::Terminated;
                self.next = Next::default();
            }
            State::Trying | State::Proceeding if self.invite => {
                self.state = State::Completed;
                // Timers G and H.
                let again = (!self.reliable).then_some((now + self.timers.t1, self.timers.t1 * 2));
                self.next = Next { again, end: Some(now + self.timers.patience()) };
            }
            // Timer J.
            State::Trying | State::Proceeding => self.end_after(State::Completed, self.timers.patience(), now),
            State::Completed | State::Confirmed | State::Terminated => return Act::None,
        }
        Act::Send
    }

    fn end_after(&mut self, state: State, pause: Duration, now: Duration) {
        // Over TCP and TLS nothing comes again.
        self.state = if self.reliable { State::Terminated } else { state };
        self.next = Next { again: None, end: (!self.reliable).then_some(now + pause) };
    }

    /// Time has passed.
    pub fn due(&mut self, now: Duration) -> Act {
        if self.next.end.is_some_and(|end| end <= now) {
            let unheard = self.invite && self.state == State::Completed;
            self.state = State::Terminated;
            self.next = Next::default();
            return if unheard { Act::TimedOut } else { Act::None };
        }
        match self.next.again {
            Some((at, pause)) if at <= now => {
                self.next.again = Some((now + pause, (pause * 2).min(self.timers.t2)));
                Act::Send
            }
            _ => Act::None,
        }
    }
}
