use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::knowledge::Knowledge;
use super::options::code;
use super::request::{Kind, Request};
use crate::brands::{Brand, Claims, DhcpAnswer, DhcpQuery, Registry};
use crate::config::{CustomOption, Dhcp, Scope};
use crate::model::{BoxAddress, Scheme};
use crate::store::Store;

/// Somebody who is no phone, as others may want to tell them something.
#[derive(Debug, Clone, Copy)]
pub struct Stranger<'a> {
    /// Name of the network.
    pub network: &'a str,
    /// The box's address there.
    pub local: Ipv4Addr,
    /// Option 60 as sent.
    pub vendor_class: Option<&'a [u8]>,
    /// Option 55.
    pub requested: &'a [u8],
}

/// What a stranger is told: options by number.
type Rule = dyn Fn(&Stranger<'_>) -> Vec<(u8, Vec<u8>)> + Send + Sync;

/// What strangers are told. Nothing, usually.
#[derive(Clone)]
pub struct ForStrangers(Arc<Rule>);

impl ForStrangers {
    /// By this rule.
    pub fn by(rule: impl Fn(&Stranger<'_>) -> Vec<(u8, Vec<u8>)> + Send + Sync + 'static) -> Self {
        Self(Arc::new(rule))
    }

    /// Nothing to anybody.
    pub fn nothing() -> Self {
        Self::by(|_| Vec::new())
    }
}

impl fmt::Debug for ForStrangers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForStrangers")
    }
}

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
    /// What those are told who are no phones.
    pub strangers: ForStrangers,
}

impl Provisioning {
    /// The brand of the phone that sent a request; `None` when it is none.
    ///
    /// A device is told as a phone when it says enough of itself to be one, or says something and is on the list: a
    /// hardware address alone does not make a phone where the brand makes other things as well.
    pub(super) fn brand(&self, request: &Request, store: &Store) -> Option<&Brand> {
        let listed = store.listed(request.mac);
        let claims = Claims {
            user_agent: None,
            vendor_class: request.vendor_class(),
            mac: Some(request.mac),
            requested: request.requested(),
        };
        let recognised = self.registry.recognise(&claims).filter(|found| found.phone || listed.is_some());
        match recognised {
            Some(found) => Some(found.brand),
            None => listed.and_then(|_| self.brand_on_the_list(request, store)),
        }
    }

    /// What is known of the sender of a request that came in at the box's address `local`, and what an administrator
    /// set for it.
    pub(super) fn knowledge(
        &self,
        request: &Request,
        store: &Store,
        (network, local): (&str, Ipv4Addr),
        dhcp: &Dhcp,
    ) -> Knowledge {
        let brand = self.brand(request, store);
        let options = brand.map(|brand| self.answer(brand, request, store, local, dhcp).into_values());
        let phone = brand.is_some() || store.listed(request.mac).is_some();
        let told = || {
            let (vendor_class, requested) = (request.vendor_class(), request.requested());
            (self.strangers.0)(&Stranger { network, local, vendor_class, requested })
        };
        let options = options.unwrap_or_else(|| if phone { Vec::new() } else { told() });
        // Beside another server an INFORM is answered for whoever is told something; addresses stay the phones'.
        let phone = phone || request.kind == Kind::Inform && !options.is_empty();
        Knowledge { options, phone, custom: custom_for(&dhcp.options, request, brand, store) }
    }

    /// What the sender of a request is told as a phone of `brand`, and what not, with the reasons.
    pub(super) fn answer(
        &self,
        brand: &Brand,
        request: &Request,
        store: &Store,
        local: Ipv4Addr,
        dhcp: &Dhcp,
    ) -> DhcpAnswer {
        // Only a phone that has shown that it has our CA is sent to HTTPS at once.
        let trusts_us = store.listed(request.mac).is_some_and(|listed| listed.trusts_us);
        let scheme = if trusts_us { Scheme::Https } else { Scheme::Http };
        let at = BoxAddress { host: local.into(), http: self.http, https: self.https };
        brand.dhcp_options(&DhcpQuery {
            scheme,
            at: &at,
            also: &self.also,
            mac: Some(request.mac),
            vendor_class: request.vendor_class(),
            user_class: request.options.get(code::USER_CLASS),
            requested: Some(request.requested()),
            voice_vlan: dhcp.voice_vlan(request.giaddr, request.ciaddr),
        })
    }

    fn brand_on_the_list(&self, request: &Request, store: &Store) -> Option<&Brand> {
        self.registry.brand(store.phone_by_mac(request.mac)?.brand.as_deref()?)
    }
}

/// The options that an administrator set for the sender: of several for one code, the narrowest. They are sorted so,
/// the widest first.
fn custom_for(options: &[CustomOption], request: &Request, brand: Option<&Brand>, store: &Store) -> Vec<(u8, Vec<u8>)> {
    let mut found: Vec<(u8, Vec<u8>)> = Vec::new();
    for option in options {
        let meant = match &option.scope {
            Scope::Network => true,
            Scope::Brand(name) => brand.is_some_and(|brand| brand.id == *name),
            Scope::Model(name) => store
                .phone_by_mac(request.mac)
                .is_some_and(|phone| phone.model.as_deref().is_some_and(|model| model.eq_ignore_ascii_case(name))),
            Scope::Phone(mac) => *mac == request.mac,
        };
        if meant {
            found.retain(|(code, _)| *code != option.code);
            found.push((option.code, option.value.clone()));
        }
    }
    found
}
