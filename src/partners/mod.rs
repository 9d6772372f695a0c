//! Other people's systems, each in a folder of its own: what they say on the wire, what the box answers, and how an
//! administrator sets it up.
//!
//! A partner's decisions are pure: messages, digests and state machines are functions of state, input and time.
//! Its doors only move bytes. What it keeps is in settings and secrets of the store whose names begin with its own.

#![allow(
    clippy::result_large_err,
    reason = "a problem ends its call: what it weighs is nothing beside the answer that is made of it"
)]

pub mod bria;
mod change;
mod desk;
pub mod gateway_snmp;
pub mod innovaphone;
mod listing;
pub mod stretto;
pub mod web;
pub mod xml;
pub mod yealink_rps;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use self::desk::Desk as _;
use crate::admin::Desk;
use crate::cli::Client;
use crate::cli::exit::Failure;
use crate::dhcp::ForStrangers;
use crate::firmware::Library;
use crate::http::Service;
use crate::journal::Journal;
use crate::model::Id;
use crate::store::Store;
use crate::sys::clock::Clock;

/// What partners stand on.
#[derive(Clone)]
pub struct Foundations {
    /// What is kept.
    pub store: Store,
    /// Images and installers.
    pub library: Library,
    /// Where everything is recorded.
    pub journal: Journal,
    /// The time.
    pub clock: Clock,
    /// Ports of the plain and of the TLS listener.
    pub ports: (u16, u16),
    /// Identity of the box: the origin of the documents made here.
    pub origin: Id,
    /// When the box stops.
    pub stop: CancellationToken,
}

/// Whether an address is one that the box answers.
pub type Serves = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// All partners of a running box.
pub struct Partners {
    bria: Arc<bria::Door>,
    innovaphone: Arc<innovaphone::Door>,
    desks: BTreeMap<&'static str, Desk>,
}

impl Partners {
    /// Opens them on these foundations.
    pub fn open(on: &Foundations) -> Self {
        let users = bria::Users::new(on.store.clone());
        let softphones = bria::Desk::new(users.clone(), on.clock.clone());
        let tenant = stretto::Desk::new(on.store.clone(), users.clone());
        let keeper = innovaphone::Keeper::new(on.clone());
        let door = innovaphone::Door::new(on.clone(), keeper.clone());
        let provider = innovaphone::Desk::new(on.store.clone(), keeper, door.clone());
        let desks = BTreeMap::from([
            ("bria", softphones.service()),
            ("innovaphone", provider.service()),
            ("stretto", tenant.service()),
            ("yealink-rps", yealink_rps::Desk::new(on.store.clone(), on.clock.clone()).service()),
        ]);
        Self { bria: bria::Door::new(users, on.clone()), innovaphone: door, desks }
    }

    /// What the page and the command line are answered by.
    pub fn desks(&self) -> BTreeMap<&'static str, Desk> {
        self.desks.clone()
    }

    /// Answers over HTTP what is meant for a partner and comes from where the box answers; everything else is
    /// `service`'s.
    pub fn in_front_of(&self, service: Service, serves: Serves) -> Service {
        self.innovaphone.in_front_of(self.bria.in_front_of(service, serves.clone()), serves)
    }

    /// What DHCP tells those who are no phones.
    pub fn for_strangers(&self) -> ForStrangers {
        let softphones = self.bria.clone();
        ForStrangers::by(move |stranger| softphones.tell_strangers(stranger))
    }
}

/// What the command line can be told about each of them.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Bria softphones: users, settings, templates
    #[command(subcommand)]
    Bria(bria::Command),
    /// innovaphone: the box as provider of phones of other makers
    #[command(subcommand)]
    Innovaphone(innovaphone::Command),
    /// Stretto and push: a tenant's users, profiles and attributes
    #[command(subcommand)]
    Stretto(stretto::Command),
    /// Yealink RPS: this box's phones in the maker's redirection service
    #[command(subcommand)]
    YealinkRps(yealink_rps::Command),
}

impl Command {
    /// Does it.
    pub(crate) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::Bria(command) => command.run(client).await,
            Self::Innovaphone(command) => command.run(client).await,
            Self::Stretto(command) => command.run(client).await,
            Self::YealinkRps(command) => command.run(client).await,
        }
    }
}
