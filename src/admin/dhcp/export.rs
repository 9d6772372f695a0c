//! Configuration for other DHCP servers.

use std::net::IpAddr;

use crate::admin::problem::Problem;
use crate::admin::{Admin, types};
use crate::config::Listen;
use crate::dhcp::export::{self, Target};
use crate::model::BoxAddress;

impl Admin {
    /// Configuration for another DHCP server, so that it points the phones of a network to this box: at `address`, or
    /// else at the box's own address in that network.
    pub(in crate::admin) fn export_dhcp(
        &self,
        target: Option<&str>,
        network: Option<&str>,
        address: Option<&str>,
        voice_vlan: Option<&str>,
    ) -> Result<types::DhcpExport, Problem> {
        let target = target.and_then(Target::named).ok_or_else(|| {
            let names: Vec<&str> = Target::ALL.into_iter().map(Target::name).collect();
            Problem::malformed(format!("Say for which server: ?for= with one of {}.", names.join(", ")))
        })?;
        let voice_vlan = voice_vlan.map(|vlan| match vlan.parse() {
            Ok(vlan @ 1..=4094) => Ok(vlan),
            _ => Err(Problem::malformed("A VLAN is a number from 1 to 4094: ?voice_vlan=")),
        });
        let host = match address {
            Some(address) => {
                address.parse().map_err(|_| Problem::malformed("An address is one like 10.66.0.1: ?address="))?
            }
            None => self.own_address(network)?,
        };
        let ports = self.0.facts.ports;
        let at = BoxAddress { host, http: ports.http, https: ports.https };
        // Where a box answers besides, as long as nothing else holds these ports there.
        let also = [Listen::USUAL_TFTP, Listen::USUAL_ALTERNATE].map(|usual| usual.port()).to_vec();
        let facts = export::Facts { at, also, voice_vlan: voice_vlan.transpose()? };
        Ok(types::DhcpExport { text: export::export(target, &self.0.facts.registry, &facts) })
    }

    fn own_address(&self, network: Option<&str>) -> Result<IpAddr, Problem> {
        let network = self.network_named(network)?;
        self.at(&network).map(|at| at.host).ok_or_else(|| {
            Problem::malformed(format!("This box has no address in \"{network}\" now: say at which phones find it."))
        })
    }
}
