use std::net::Ipv4Addr;
use std::sync::Arc;

use super::knowledge::Knowledge;
use super::options::code;
use super::request::Request;
use crate::brands::{Brand, Claims, DhcpQuery, Registry};
use crate::model::{BoxAddress, Scheme};
use crate::store::Store;

/// What tells phones where their configuration is.
#[derive(Debug, Clone)]
pub struct Provisioning {
    /// The brands that are recognised.
    pub registry: Arc<Registry>,
    /// Port of the plain listener.
    pub http: u16,
    /// Port of the TLS listener.
    pub https: u16,
    /// Other ports at which the box answers phones: 69, 6970.
    pub also: Vec<u16>,
}

impl Provisioning {
    /// What is known of the sender of a request that came in at the box's address `local`.
    ///
    /// A device is told as a phone when it says enough of itself to be one, or says something and is on the list: a
    /// hardware address alone does not make a phone where the brand makes other things as well.
    pub(super) fn knowledge(&self, request: &Request, store: &Store, local: Ipv4Addr) -> Knowledge {
        let listed = store.listed(request.mac);
        let claims = Claims {
            user_agent: None,
            vendor_class: request.vendor_class(),
            mac: Some(request.mac),
            requested: request.requested(),
        };
        let recognised = self.registry.recognise(&claims).filter(|found| found.phone || listed.is_some());
        let brand = match recognised {
            Some(found) => Some(found.brand),
            None => listed.and_then(|_| self.brand_on_the_list(request, store)),
        };
        // Only a phone that has shown that it has our CA is sent to HTTPS at once.
        let scheme = if listed.is_some_and(|listed| listed.trusts_us) { Scheme::Https } else { Scheme::Http };
        let at = BoxAddress { host: local.into(), http: self.http, https: self.https };
        let query = DhcpQuery {
            scheme,
            at: &at,
            also: &self.also,
            mac: Some(request.mac),
            vendor_class: request.vendor_class(),
            user_class: request.options.get(code::USER_CLASS),
            requested: Some(request.requested()),
            voice_vlan: None,
        };
        let options = brand.map(|brand| brand.dhcp_options(&query).into_values()).unwrap_or_default();
        Knowledge { options }
    }

    fn brand_on_the_list(&self, request: &Request, store: &Store) -> Option<&Brand> {
        self.registry.brand(store.phone_by_mac(request.mac)?.brand.as_deref()?)
    }
}
