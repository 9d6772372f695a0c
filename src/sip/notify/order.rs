use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::proof::{Fetch, Habit};
use crate::brands::Told;
use crate::model::{Mac, Reason, Transport};
use crate::sip::digest::Challenge;

/// A way to the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Straight to its address.
    Direct,
    /// Through the telephone system's proxy.
    Proxy,
    /// By something else than SIP.
    Other,
}

/// Where a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Which way that is.
    pub way: Way,
    /// How it travels.
    pub transport: Transport,
    /// To whom.
    pub to: SocketAddr,
}

/// The number of one message of a job.
pub type Attempt = u32;

/// What a challenge is answered with, and when it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Realms in which the line's password is known: its server's, the brand's, and those that were configured.
    pub realms: Vec<String>,
    /// Whether the phone's line has a password at all.
    pub known: bool,
}

/// What is to be done, and how.
#[derive(Debug, Clone)]
pub struct Order {
    /// The phone.
    pub mac: Mac,
    /// What it is told to do.
    pub told: Told,
    /// The ways to it, the best first.
    pub targets: VecDeque<Target>,
    /// What its challenges are answered with.
    pub credentials: Credentials,
    /// Within which time it fetches after it took the message.
    pub fetches_within: Duration,
    /// The revision that it has, when the point is that it fetches another.
    pub outdated: Option<String>,
    /// What to switch on in the phone when it does not react.
    pub switch_on: Option<String>,
    /// When it looks for its files by itself.
    pub habit: Habit,
}

/// What happens to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A provisional answer: somebody is there.
    Heard(Attempt),
    /// A final answer that asks for no login.
    Answered {
        /// To which message.
        attempt: Attempt,
        /// 200 to 699.
        status: u16,
        /// What was said beside it.
        phrase: String,
    },
    /// A 401 or 407.
    Challenged {
        /// To which message.
        attempt: Attempt,
        /// 401 or 407.
        status: u16,
        /// What is asked for; none when it is nothing that can be answered.
        challenge: Option<Challenge>,
        /// Whether the phone is proven to be at the address that was asked (see [`crate::sip::presence`]). Of no account
        /// at the proxy, which is known by its address.
        proven: bool,
    },
    /// No answer came in all the time that a transaction waits.
    Silent(Attempt),
    /// The message could not even be sent.
    Unreachable(Attempt),
    /// The message was not sent: it holds a secret, and nothing proves that the phone is at that address.
    Withheld(Attempt),
    /// The phone fetched its own file.
    Fetched(Fetch),
    /// Time has passed.
    Time,
}

/// What a job wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Send the message.
    Send {
        /// Its number: answers are told apart by it.
        attempt: Attempt,
        /// Where to.
        target: Target,
        /// The challenge to answer, whether it is a proxy's, and how often its nonce was answered with this one.
        login: Option<(Challenge, bool, u32)>,
        /// Which one it is of the same exchange, from 1.
        sequence: u32,
    },
    /// The job is over, for this reason.
    Settle(Reason),
}
