//! The reasons that a standing can have, each with the network that it is about.

use std::net::Ipv4Addr;

use super::Coexistence;
use crate::model::Reason;

impl Coexistence {
    pub(super) fn off(&self) -> Reason {
        Reason::DhcpOff { network: self.setting.network.clone() }
    }

    pub(super) fn unclaimed(&self) -> Reason {
        Reason::DhcpUnclaimed { network: self.setting.network.clone() }
    }

    pub(super) fn inform_only(&self) -> Reason {
        Reason::DhcpInformOnly { network: self.setting.network.clone() }
    }

    pub(super) fn phones_only(&self) -> Reason {
        Reason::DhcpPhonesOnly { network: self.setting.network.clone() }
    }

    pub(super) fn full(&self) -> Reason {
        Reason::DhcpFull { network: self.setting.network.clone() }
    }

    pub(super) fn sole(&self) -> Reason {
        Reason::DhcpSole { network: self.setting.network.clone() }
    }

    pub(super) fn searching(&self) -> Reason {
        Reason::DhcpSearching { network: self.setting.network.clone() }
    }

    pub(super) fn waits(&self) -> Reason {
        Reason::DhcpWaits { network: self.setting.network.clone() }
    }

    pub(super) fn nothing_to_give(&self) -> Reason {
        Reason::DhcpNothingToGive { network: self.setting.network.clone() }
    }

    pub(super) fn beside(&self, server: Ipv4Addr) -> Reason {
        Reason::DhcpBeside { network: self.setting.network.clone(), server }
    }

    pub(super) fn stepping_down(&self, server: Ipv4Addr) -> Reason {
        Reason::DhcpSteppingDown { network: self.setting.network.clone(), server }
    }

    pub(super) fn server_awaited(&self, server: Ipv4Addr) -> Reason {
        Reason::DhcpServerAwaited { network: self.setting.network.clone(), server }
    }

    pub(super) fn server_gone(&self, server: Ipv4Addr) -> Reason {
        Reason::DhcpServerGone {
            network: self.setting.network.clone(),
            server,
            may_stand_in: self.setting.pool.is_some(),
        }
    }

    pub(super) fn standing_in(&self, server: Ipv4Addr) -> Reason {
        Reason::DhcpStandIn { network: self.setting.network.clone(), server }
    }

    pub(super) fn not_alone(&self, server: Ipv4Addr) -> Reason {
        Reason::DhcpNotAlone { network: self.setting.network.clone(), server }
    }

    pub(super) fn own_address_leased(&self) -> Reason {
        Reason::DhcpOwnAddressLeased { network: self.setting.network.clone() }
    }

    pub(super) fn other_box(&self, address: Ipv4Addr) -> Reason {
        Reason::DhcpOtherBox { network: self.setting.network.clone(), address }
    }

    pub(super) fn pool_overlaps(&self, server: Ipv4Addr, address: Ipv4Addr) -> Reason {
        Reason::DhcpPoolOverlaps { network: self.setting.network.clone(), server, address }
    }
}
