use std::net::IpAddr;

use super::File;
use crate::brands::Content;
use crate::model::{Login, Phone, Reason};

/// What is to be done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Render the file with this content and hand it out.
    Grant {
        /// How much of the file.
        content: Content,
        /// What changes about the phone, to be stored before the file leaves.
        transition: Option<Transition>,
        /// What it rests on.
        basis: Basis,
    },
    /// Ask for a login (401). The answer is the same whatever the reason.
    Challenge {
        /// Why, for the event.
        reason: Reason,
        /// What changes about the phone.
        transition: Option<Transition>,
    },
    /// There is no such phone (404); said only after a good login.
    NotFound(Reason),
    /// No login of this kind, or none at all on this channel, would do (403).
    Forbidden(Reason),
}

/// What a grant rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// A good login or certificate; or, for a common file, the phone's place on the LAN during first contact.
    Success {
        /// The phone's own login or certificate, as opposed to its organisation's or none.
        own_login: bool,
    },
    /// The phone's place on the LAN, for a file without secrets or where policy says that nothing better is to be had.
    Lan,
    /// The phone's place on the LAN, while its first contact lasts.
    FirstContact,
    /// The phone's place on the LAN, or a login over a plain channel: enough to be told where to go.
    Pointed,
    /// As `Pointed`, for a phone whose first contact is over without its having come back.
    FirstContactOver,
}

/// What a request changes about the phone that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transition {
    /// `FirstContact::Open` from now on, for this address. A phone with no pending login is given a fresh one first;
    /// its old login stays good until the new one was used.
    OpenFirstContact {
        /// The only address that the login is handed to.
        address: IpAddr,
    },
    /// `FirstContact::Closed`; a pending login becomes the phone's login.
    CloseFirstContact,
    /// `FirstContact::Reset`: a phone that had its login came back without it.
    NoticeReset,
}

impl Verdict {
    /// The reason to record, with the ETag of what is handed out where something is, and the resources that it names.
    pub fn reason(&self, file: File, revision: &str, resources: &[Box<str>]) -> Reason {
        let success = |own_login| Reason::Success {
            own_file: file == File::Own,
            own_login,
            revision: revision.to_owned(),
            resources: resources.to_vec(),
        };
        match self {
            Self::Grant { basis, .. } => match *basis {
                Basis::Success { own_login } => success(own_login),
                // Its own file is given on this alone only where nothing better is to be had of the phone.
                Basis::Lan => success(file == File::Own),
                Basis::FirstContact => Reason::FirstContactGiven,
                Basis::Pointed => Reason::Pointed,
                Basis::FirstContactOver => Reason::FirstContactOver,
            },
            Self::Challenge { reason, .. } | Self::NotFound(reason) | Self::Forbidden(reason) => reason.clone(),
        }
    }

    /// The content granted, if any.
    pub fn content(&self) -> Option<Content> {
        match self {
            Self::Grant { content, .. } => Some(*content),
            _ => None,
        }
    }

    /// What changes about the phone, if anything.
    pub fn transition(&self) -> Option<Transition> {
        match self {
            Self::Grant { transition, .. } | Self::Challenge { transition, .. } => *transition,
            Self::NotFound(_) | Self::Forbidden(_) => None,
        }
    }
}

/// The login that a file with secrets carries: the newest one, so that a phone can use it and let the old one go.
pub fn login_to_hand_out(phone: &Phone) -> Option<&Login> {
    phone.pending_login.as_ref().or(phone.login.as_ref())
}
