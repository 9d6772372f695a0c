use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::Error;
use crate::model::history::Hand;
use crate::model::{
    Event, Firmware, Group, Id, Journey, Lease, Mac, Organisation, Phone, PhoneBook, Resource, Rollout, Secret,
};

/// One change. The writes of one commit are stored together or not at all.
///
/// A put of a document makes its version one higher than the stored one (1 for a new one), whatever the version in
/// the document given. `expect` is the version that the caller has read, or 0 when there should be none yet: another
/// one found makes [`Error::Conflict`]. `None` overwrites. A deletion of what is not there is no error.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // there are few at a time, and none is kept
pub enum Write {
    /// Stores an organisation. Its name and its login's user name must be free.
    PutOrganisation {
        /// The document.
        organisation: Organisation,
        /// Version that the caller has read.
        expect: Option<u64>,
    },
    /// Deletes an organisation that no phone, group, phone book or resource names.
    DeleteOrganisation(Id),
    /// Stores a phone. Its MAC and the user names of its logins must be free, and its organisation must exist, and so
    /// must its group.
    PutPhone {
        /// The document.
        phone: Phone,
        /// Version that the caller has read.
        expect: Option<u64>,
    },
    /// Stores a phone as [`Write::PutPhone`] does, and keeps in its history what somebody changed of it. With another
    /// MAC it has files of other names: since when those before have been as they are is forgotten.
    ChangePhone {
        /// The document.
        phone: Phone,
        /// Version that the caller has read.
        expect: Option<u64>,
        /// By whom, when and how.
        hand: Hand,
    },
    /// Deletes a phone with its history, and since when its files have been as they are. Its journey stays until
    /// [`Write::DeleteJourney`].
    DeletePhone(Id),
    /// Stores a phone book. Its organisation must exist.
    PutPhoneBook {
        /// The document.
        book: PhoneBook,
        /// Version that the caller has read.
        expect: Option<u64>,
    },
    /// Deletes a phone book.
    DeletePhoneBook(Id),
    /// Stores a group. Its name must be free in its organisation, which must exist.
    PutGroup {
        /// The document.
        group: Group,
        /// Version that the caller has read.
        expect: Option<u64>,
    },
    /// Deletes a group that no phone is in.
    DeleteGroup(Id),
    /// Stores what is known of a resource. Its organisation must exist.
    PutResource {
        /// The document.
        resource: Resource,
        /// Version that the caller has read.
        expect: Option<u64>,
    },
    /// Deletes a resource.
    DeleteResource(Id),
    /// Stores what is known of an image. Brand, release and file name together must be free.
    PutFirmware {
        /// The document.
        firmware: Firmware,
        /// Version that the caller has read.
        expect: Option<u64>,
    },
    /// Deletes an image from the catalogue.
    DeleteFirmware(Id),
    /// Stores a roll-out.
    PutRollout {
        /// The document.
        rollout: Rollout,
        /// Version that the caller has read.
        expect: Option<u64>,
    },
    /// Deletes a roll-out.
    DeleteRollout(Id),
    /// Stores a lease under its address.
    PutLease {
        /// Name of the network: 1 to 64 bytes.
        network: String,
        /// The lease.
        lease: Lease,
    },
    /// Forgets a lease.
    DeleteLease {
        /// Name of the network.
        network: String,
        /// Address of the lease.
        address: Ipv4Addr,
    },
    /// Stores an event under its sequence number, in place of the one that had it. The ring drops its oldest.
    PutEvent {
        /// Sequence number, from [`Store::next_event_sequence`](super::Store::next_event_sequence) on.
        sequence: u64,
        /// The event.
        event: Event,
    },
    /// Stores how far a phone has come.
    PutJourney {
        /// The phone.
        mac: Mac,
        /// Its journey.
        journey: Journey,
    },
    /// Forgets how far a phone has come.
    DeleteJourney(Mac),
    /// Stores a setting.
    PutSetting {
        /// Its name: 1 to 64 bytes.
        key: String,
        /// Its value.
        value: serde_json::Value,
    },
    /// Stores since when a file of a phone has been as it is, under [`Store::served_key`](super::Store::served_key). Of
    /// a phone that is gone it is dropped.
    PutServed {
        /// The phone.
        phone: Id,
        /// Name of the file, in short.
        file: Box<str>,
        /// Since when, and what it is.
        value: serde_json::Value,
    },
    /// Forgets a setting.
    DeleteSetting(String),
    /// Stores a secret setting, encrypted. Its names are apart from those of plain settings.
    PutSecret {
        /// Its name: 1 to 64 bytes.
        key: String,
        /// Its value.
        value: Secret,
    },
    /// Forgets a secret setting.
    DeleteSecret(String),
}

/// The promise of one commit: it is answered when all of the commit is on the disk for good, or nothing of it.
///
/// Tickets are answered in the order of their commits. Dropping one changes nothing about the commit.
#[derive(Debug)]
#[must_use = "what was committed is durable only when its ticket says so"]
pub struct Ticket(oneshot::Receiver<Result<(), Error>>);

/// The writer's end of a ticket.
pub(super) type Answer = oneshot::Sender<Result<(), Error>>;

impl Ticket {
    pub(super) fn new() -> (Answer, Self) {
        let (answer, ticket) = oneshot::channel();
        (answer, Self(ticket))
    }

    /// A ticket that is answered already.
    pub(super) fn refused(error: Error) -> Self {
        let (answer, ticket) = Self::new();
        let _ = answer.send(Err(error));
        ticket
    }

    /// Blocks the thread until the answer is there.
    ///
    /// # Errors
    /// Whatever kept the commit from being stored; [`Error::Closed`] when the writer died, and then it is not known
    /// whether the commit was stored.
    ///
    /// # Panics
    /// When called by a task of an async runtime: `await` the ticket there.
    pub fn wait(self) -> Result<(), Error> {
        self.0.blocking_recv().unwrap_or(Err(Error::Closed))
    }
}

impl Future for Ticket {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(Error::Closed)))
    }
}
