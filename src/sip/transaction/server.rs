//! A request of somebody else (RFC 3261 sections 17.2.1 and 17.2.2).
//!
//! An answer is sent once for each time that the request comes, also to an INVITE: this box takes no calls, and answers as
//! one without a state may (section 8.2.7). By timer G it would send eleven datagrams to whomever a single one names.

use std::time::Duration;

use super::timers::Timers;

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
}

/// One server transaction.
#[derive(Debug, Clone)]
pub struct Server {
    invite: bool,
    reliable: bool,
    timers: Timers,
    state: State,
    /// When its state ends.
    end: Option<Duration>,
}

impl Server {
    /// Begins with a request that is handed to its user. One that its user never answers ends like an answered one.
    pub fn begin(invite: bool, reliable: bool, timers: Timers, now: Duration) -> Self {
        Self { invite, reliable, timers, state: State::Trying, end: Some(now + timers.patience()) }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// When it wants to be looked at again.
    pub fn next(&self) -> Option<Duration> {
        self.end
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
                self.end = None;
            }
            State::Trying | State::Proceeding if self.invite => {
                self.state = State::Completed;
                // Timer H.
                self.end = Some(now + self.timers.patience());
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
        self.end = (!self.reliable).then_some(now + pause);
    }

    /// Time has passed.
    pub fn due(&mut self, now: Duration) {
        if self.end.is_some_and(|end| end <= now) {
            self.state = State::Terminated;
            self.end = None;
        }
    }
}
