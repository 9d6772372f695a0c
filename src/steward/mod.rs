//! What only root may do for the box, behind one socket: address, time, name, updates, restart, factory reset.
//!
//! The service manager opens the socket and starts one process for each connection, whose standard input and output it
//! is: no root process waits for requests. A request is one line of JSON ([`Request`]), the answers are lines, too: any
//! number of [`Answer::Progress`], then one of the others. Only root and the box's own user are heard.

mod act;
mod client;
pub mod preset;
mod request;

use std::io::{self, BufRead, Read, Write};

use ipnet::Ipv4Net;
use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use act::Ground;
pub use client::{Error, SOCKET, Steward};
pub use request::{AddressSetting, LONGEST, Refusal, Request, UPDATES};

/// How long a request may take to arrive, in seconds.
const PATIENCE: i64 = 5;

/// A line of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It goes on.
    Progress {
        /// How far, of 100.
        percent: u8,
        /// What is being done.
        says: String,
    },
    /// It is done.
    Done(Standing),
    /// It is not done.
    Refused(Refusal),
}

/// The versions of the box.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Standing {
    /// The version that runs.
    pub version: String,
    /// The slot that it runs from.
    pub slot: String,
    /// Whether this start was confirmed to be good.
    pub confirmed: bool,
    /// The slot that starts next time.
    pub next: String,
    /// Serial number of the box.
    pub serial: String,
    /// Whether a time server keeps the clock.
    pub clock_kept: bool,
    /// An address is on trial and is taken back unless it is confirmed.
    pub address_on_trial: bool,
}

/// The address that somebody gave this interface of the box, on the page or before its first start.
pub fn set_address(interface: &str) -> Option<Ipv4Net> {
    Ground::of_the_box().set_address(interface)
}

/// Answers the one request on standard input.
///
/// # Errors
/// When the connection breaks, or nobody who may ask is there.
pub fn serve(ground: &Ground) -> io::Result<()> {
    let input = io::stdin();
    let caller = getsockopt(&input, sockopt::PeerCredentials)?;
    setsockopt(&input, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE))?;
    let own = nix::unistd::User::from_name("block66")?.map(|user| user.uid.as_raw());
    let mut output = io::stdout().lock();
    if caller.uid() != 0 && Some(caller.uid()) != own {
        return answer(&mut output, &Answer::Refused(Refusal::new("not-you", "Only root and the box itself may ask.")));
    }
    let mut line = Vec::new();
    input.lock().take(LONGEST as u64).read_until(b'\n', &mut line)?;
    let result = Request::read(&line).and_then(|request| {
        tracing::info!(?request, caller = caller.uid(), "asked");
        ground.act(&request, &mut |percent, says| {
            // Whoever asked may be gone; what was begun goes on.
            let _ = answer(&mut output, &Answer::Progress { percent, says: says.to_owned() });
        })
    });
    let last = result.map_or_else(Answer::Refused, Answer::Done);
    answer(&mut output, &last)
}

fn answer(output: &mut impl Write, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.flush()
}
