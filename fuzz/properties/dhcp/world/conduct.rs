//! What the part that is played allows.

use std::net::Ipv4Addr;

use block66::dhcp::{Conduct, Kind, Knowledge, Request};
use block66::model::LeaseState;

use super::super::Plant;
use super::super::reply::Reply;
use super::{Client, FULL, World};

/// The longest lease while standing in for another server.
const STAND_IN_LEASE: u32 = 600;

impl World {
    /// Another part is played from now on, as [`super::super`] numbers them.
    pub(in super::super) fn set_conduct(&mut self, number: u8) {
        let before = self.conduct;
        self.conduct = match number & 7 {
            1 => FULL,
            2 => Conduct::Full { sole: false },
            3 => Conduct::PhonesOnly,
            4 => Conduct::InformOnly,
            5 => Conduct::StandIn,
            6 => Conduct::Silent,
            _ => return,
        };
        if self.conduct != before {
            self.proven.clear();
        }
        // Who decides that the box is alone knows that the server is gone which clients named, or is none.
        self.rivalled &= self.conduct != FULL;
        if self.plant != Plant::Untold {
            self.segments.conduct(self.conduct);
        }
    }

    /// Nothing is said that the part does not allow which is played.
    pub(super) fn check_conduct(&mut self, reply: &Reply<'_>, request: &Request, knowledge: &Knowledge) {
        let gives = match self.conduct {
            Conduct::Silent => panic!("a reply of somebody who is silent"),
            Conduct::InformOnly => false,
            Conduct::PhonesOnly => knowledge.phone,
            Conduct::Full { .. } | Conduct::StandIn => true,
        };
        match reply.kind {
            6 => assert!(self.conduct == FULL && !self.rivalled, "a NAK, and there may be another server"),
            5 if request.kind == Kind::Inform => {
                if matches!(self.conduct, Conduct::InformOnly | Conduct::PhonesOnly) {
                    assert!(knowledge.phone, "an answer for somebody who is no phone");
                    assert!(!reply.has_any(&[1, 3, 6, 15, 42, 51]), "more than provisioning beside another server");
                }
            }
            2 => {
                assert!(gives, "an offer to somebody who gets no lease");
                assert!(self.conduct != Conduct::StandIn || reply.lease() <= STAND_IN_LEASE);
            }
            5 => {
                let until = self.seconds + u64::from(reply.lease());
                if gives {
                    assert!(self.conduct != Conduct::StandIn || reply.lease() <= STAND_IN_LEASE);
                    self.given.insert(reply.yiaddr, until);
                } else {
                    let given = self.given.get(&reply.yiaddr);
                    assert!(given.is_some_and(|given| until <= *given), "a lease goes on beyond {given:?}");
                }
            }
            other => panic!("{other} is no reply"),
        }
    }

    /// Who stands in for another server gives nobody an address that the other may have given to somebody else: only to
    /// who holds it, who uses it, or after a look; behind a relay there is none to be had.
    pub(super) fn check_proof(&self, reply: &Reply<'_>, request: &Request, client: &Client, held: &[Ipv4Addr]) {
        let gives = reply.kind == 2 || reply.kind == 5 && request.kind != Kind::Inform;
        if self.conduct != Conduct::StandIn || !gives || request.link().is_some() || !request.ciaddr.is_unspecified() {
            return;
        }
        let address = reply.yiaddr;
        let proven = held.contains(&address) || self.proven.get(&address) == Some(client);
        assert!(proven, "{address} may be somebody else's");
    }

    /// The addresses of which a client has a lease that runs.
    pub(super) fn held_by(&self, client: &Client) -> Vec<Ipv4Addr> {
        let runs = |address| self.given.get(address).is_some_and(|until| *until > self.seconds);
        let bound = self.stored.iter().filter(|(address, lease)| lease.state == LeaseState::Bound && runs(address));
        let own = bound.filter(|(_, lease)| self.client(lease.mac, lease.client_id.as_deref()) == *client);
        own.map(|(address, _)| *address).collect()
    }
}
