use std::net::Ipv4Addr;
use std::time::Duration;

use super::Fault;
use crate::model::Mac;

/// One step on the way into service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// An address and the provisioning URL.
    Dhcp,
    /// A clock that is right.
    Time,
    /// The first files, from where DHCP points.
    Bootstrap,
    /// A CA of its own.
    Authority,
    /// Its own file over verified HTTPS with its own login.
    Configuration,
    /// Everything that its files name.
    Resources,
    /// All of it, and at least one account switched on.
    InService,
}

impl Stage {
    /// Every stage, in the order in which they are reached.
    pub const ALL: [Self; 7] = [
        Self::Dhcp,
        Self::Time,
        Self::Bootstrap,
        Self::Authority,
        Self::Configuration,
        Self::Resources,
        Self::InService,
    ];

    /// The name of the stage in a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dhcp => "dhcp",
            Self::Time => "time",
            Self::Bootstrap => "bootstrap",
            Self::Authority => "ca",
            Self::Configuration => "https",
            Self::Resources => "resources",
            Self::InService => "in service",
        }
    }
}

/// How far a stage got in the present power-on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Outcome {
    /// Not reached.
    #[default]
    NotYet,
    /// Reached.
    Done {
        /// Time since the phone was first switched on.
        at: Duration,
    },
    /// Tried, and failed.
    Failed {
        /// Time since the phone was first switched on.
        at: Duration,
        /// Why.
        fault: Fault,
    },
}

/// Something that the phone did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Time since the phone was first switched on.
    pub at: Duration,
    /// What it did, in words.
    pub what: String,
}

/// One request and its answer, on a connection of its own, which may not have come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The URL that was asked for.
    pub url: String,
    /// Status of the answer; `None` when there was none.
    pub status: Option<u16>,
    /// Bytes that went over the wire in both directions, those of TLS included.
    pub bytes: u64,
    /// How long it took, from the first packet of the connection to the last byte of the answer.
    pub took: Duration,
    /// How long it took to the end of the TLS handshake, where there was one and it came to its end.
    pub handshake: Option<Duration>,
}

/// What a simulated phone did, and how far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The phone.
    pub mac: Mac,
    /// Its present address.
    pub address: Option<Ipv4Addr>,
    /// How often it was switched on.
    pub starts: u32,
    /// DISCOVERs that it sent since it was last switched on: each beyond the first because one brought no lease.
    pub discovers: u32,
    /// How long it took to get its present lease, from the first DISCOVER to the ACK.
    pub leased_in: Option<Duration>,
    /// How often it looked for its files since it was last switched on.
    pub rounds: u32,
    /// Whether it will look again by itself.
    pub asks_again: bool,
    /// How often it looked in a row with the same fault and no progress.
    pub same_fault: u32,
    /// How often it came to the end of looking for its files, since it was first switched on.
    pub looks: u32,
    /// Why its last look brought nothing, where it is in service and keeps what it has.
    pub kept: Option<Fault>,
    /// What it did, oldest first; the last thousand or two.
    pub log: Vec<Moment>,
    /// The exchanges since it was last switched on, oldest first; the last thousand or two.
    pub exchanges: Vec<Exchange>,
    stages: [Outcome; 7],
}

impl Report {
    const MOST: usize = 2000;

    pub(super) fn new(mac: Mac) -> Self {
        Self {
            mac,
            address: None,
            starts: 0,
            discovers: 0,
            leased_in: None,
            rounds: 0,
            asks_again: true,
            same_fault: 0,
            looks: 0,
            kept: None,
            log: Vec::new(),
            exchanges: Vec::new(),
            stages: Default::default(),
        }
    }

    /// How far `stage` got.
    pub fn outcome(&self, stage: Stage) -> &Outcome {
        static NOT_YET: Outcome = Outcome::NotYet;
        self.stages.get(stage as usize).unwrap_or(&NOT_YET)
    }

    /// Whether the phone is in service.
    pub fn in_service(&self) -> bool {
        matches!(self.outcome(Stage::InService), Outcome::Done { .. })
    }

    /// Whether the phone is not in service and will not come there by itself: it does not look again, or has found
    /// the same fault `patience` times.
    pub fn stuck(&self, patience: u32) -> bool {
        !self.in_service() && self.fault().is_some() && (!self.asks_again || self.same_fault >= patience)
    }

    /// The first stage that failed and why.
    pub fn fault(&self) -> Option<(Stage, &Fault)> {
        Stage::ALL.into_iter().find_map(|stage| match self.outcome(stage) {
            Outcome::Failed { fault, .. } => Some((stage, fault)),
            _ => None,
        })
    }

    pub(super) fn set(&mut self, stage: Stage, outcome: Outcome) {
        if let Some(slot) = self.stages.get_mut(stage as usize) {
            *slot = outcome;
        }
    }

    pub(super) fn forget_stages(&mut self) {
        self.stages = Default::default();
        self.exchanges.clear();
        self.discovers = 0;
        self.leased_in = None;
        self.rounds = 0;
        self.same_fault = 0;
        self.kept = None;
        self.asks_again = true;
        self.address = None;
    }

    pub(super) fn note(&mut self, at: Duration, what: String) {
        if self.log.len() >= Self::MOST {
            self.log.drain(..Self::MOST / 4);
        }
        self.log.push(Moment { at, what });
    }

    pub(super) fn exchanged(&mut self, exchange: Exchange) {
        if self.exchanges.len() >= Self::MOST {
            self.exchanges.drain(..Self::MOST / 4);
        }
        self.exchanges.push(exchange);
    }
}
