//! A request of ours (RFC 3261 sections 17.1.1 and 17.1.2).

use std::time::Duration;

use super::timers::{Next, Timers};

/// Where a client transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Sent, nothing heard: `Calling` for INVITE, `Trying` for others.
    Waiting,
    /// A 1xx was heard.
    Proceeding,
    /// The final answer was heard; repeats of it are swallowed.
    Completed,
    /// Over.
    Terminated,
}

/// What a client transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    None,
    /// Sends the request again.
    Send,
    /// Hands the answer to its user.
    Tell,
    /// Hands the answer to its user and acknowledges it.
    TellAndAcknowledge,
    /// Acknowledges a repeat of the answer.
    Acknowledge,
    /// Tells its user that nothing came.
    TimedOut,
}

/// One client transaction.
#[derive(Debug, Clone)]
pub struct Client {
    invite: bool,
    reliable: bool,
    timers: Timers,
    state: State,
    next: Next,
}

impl Client {
    /// Begins: the request is to be sent now. `reliable` is what TCP and TLS are.
    pub fn begin(invite: bool, reliable: bool, timers: Timers, now: Duration) -> Self {
        // Timer A or E, and timer B or F.
        let again = (!reliable).then_some((now + timers.t1, timers.t1 * 2));
        let next = Next { again, end: Some(now + timers.patience()) };
        Self { invite, reliable, timers, state: State::Waiting, next }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// When it wants to be looked at again.
    pub fn next(&self) -> Option<Duration> {
        self.next.at()
    }

    /// An answer came.
    pub fn receive(&mut self, status: u16, now: Duration) -> Act {
        match self.state {
            State::Waiting | State::Proceeding if status < 200 => {
                self.state = State::Proceeding;
                self.next = match self.invite {
                    // An INVITE that rings is neither sent again nor given up by the transaction.
                    true => Next::default(),
                    // Timer E goes on with T2 from its next turn; timer F stays.
                    false => Next { again: self.next.again.map(|(at, _)| (at, self.timers.t2)), ..self.next },
                };
                Act::Tell
            }
            State::Waiting | State::Proceeding => self.complete(status, now),
            State::Completed if self.invite && status >= 300 => Act::Acknowledge,
            State::Completed | State::Terminated => Act::None,
        }
    }

    fn complete(&mut self, status: u16, now: Duration) -> Act {
        let linger = match (self.invite, self.reliable) {
            // A 2xx to an INVITE ends the transaction: its user acknowledges it.
            (true, _) if status < 300 => None,
            (_, true) => None,
            (true, false) => Some(self.timers.linger()),
            (false, false) => Some(self.timers.t4),
        };
        self.state = if linger.is_some() { State::Completed } else { State::Terminated };
        // Timer D or K.
        self.next = Next { again: None, end: linger.map(|linger| now + linger) };
        if self.invite && status >= 300 { Act::TellAndAcknowledge } else { Act::Tell }
    }

    /// Time has passed.
    pub fn due(&mut self, now: Duration) -> Act {
        if self.next.end.is_some_and(|end| end <= now) {
            let waited = matches!(self.state, State::Waiting | State::Proceeding);
            self.state = State::Terminated;
            self.next = Next::default();
            return if waited { Act::TimedOut } else { Act::None };
        }
        match self.next.again {
            Some((at, pause)) if at <= now => {
                let longer = match (self.invite, self.state) {
                    (true, _) => pause * 2,
                    (false, State::Proceeding) => self.timers.t2,
                    (false, _) => (pause * 2).min(self.timers.t2),
                };
                self.next.again = Some((now + pause, longer));
                Act::Send
            }
            _ => Act::None,
        }
    }
}
