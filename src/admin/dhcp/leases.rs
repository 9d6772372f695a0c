//! Lease databases of other servers, read and written.

use hyper::StatusCode;

use crate::admin::problem::Problem;
use crate::admin::{Admin, types};
use crate::dhcp::{Order, lease_file};

impl Admin {
    /// The leases of a network as another server keeps them.
    pub(in crate::admin) fn export_leases(
        &self,
        network: Option<&str>,
        form: Option<&str>,
    ) -> Result<types::LeaseFile, Problem> {
        let (network, form) = (self.network_named(network)?, lease_form(form)?);
        let text = lease_file::write(form, &self.0.store.leases(&network));
        Ok(types::LeaseFile { network, text })
    }

    /// Takes over the leases that another server kept. What runs here stays as it is.
    pub(in crate::admin) async fn import_leases(
        &self,
        network: Option<&str>,
        form: Option<&str>,
        bytes: &[u8],
    ) -> Result<types::LeasesImported, Problem> {
        let (network, form) = (self.network_named(network)?, lease_form(form)?);
        let read =
            lease_file::read(form, &String::from_utf8_lossy(bytes), self.0.clock.now().wall).map_err(|error| {
                Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "lease-file",
                    format!("{error}."),
                    "Nothing was stored. Choose the form that the file is in: dnsmasq or kea.",
                )
            })?;
        let total = read.len();
        let taken = self.order(&network, |tell| Order::Import(read, tell)).await??;
        Ok(types::LeasesImported { network, taken, skipped: total - taken })
    }

    /// The network of that name; the only one when none is named.
    pub(super) fn network_named(&self, name: Option<&str>) -> Result<String, Problem> {
        let networks = &self.0.facts.networks;
        let found = match name {
            Some(name) => networks.iter().find(|network| network.name == name),
            None => networks.first().filter(|_| networks.len() == 1),
        };
        found.map(|network| network.name.clone()).ok_or_else(|| {
            let names: Vec<&str> = networks.iter().map(|network| network.name.as_str()).collect();
            Problem::malformed(format!("Name one of the networks: {}.", names.join(", ")))
        })
    }
}

fn lease_form(form: Option<&str>) -> Result<lease_file::Form, Problem> {
    match form {
        None | Some("dnsmasq") => Ok(lease_file::Form::Dnsmasq),
        Some("kea") => Ok(lease_file::Form::Kea),
        _ => Err(Problem::malformed("Say which form: ?form=dnsmasq or ?form=kea.")),
    }
}
