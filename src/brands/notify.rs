//! How the phones of a brand ask by SIP multicast, and how they are told by SIP to fetch again or to restart.

use std::time::Duration;

use regex::bytes::{Regex, RegexBuilder};

use super::brand::{Brand, user_agent};
use super::dhcp::{DhcpQuery, Text};
use super::manifest::{self, Manifest};
use super::recognise::{Claims, Recognition};
use super::registry::Registry;
use crate::model::{Mac, Transport};

/// What a brand does over SIP, checked.
#[derive(Debug)]
pub(super) struct SipRules {
    pnp: Option<Pnp>,
    manners: Manners,
    resync: Option<String>,
    reboot: Option<String>,
    exceptions: Vec<Exception>,
}

#[derive(Debug)]
struct Pnp {
    vendors: Vec<String>,
    agents: Vec<Regex>,
    answer: Text,
}

#[derive(Debug)]
struct Exception {
    models: Regex,
    resync: Option<String>,
    reboot: Option<String>,
}

/// How phones of a brand take a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manners {
    /// Port at which they listen unless they say otherwise.
    pub port: u16,
    /// How they are spoken to, the most likely first.
    pub transports: Vec<Transport>,
    /// Within which time they fetch after they took a message.
    pub fetches_within: Duration,
    /// Realms with which they ask for the login of their line, besides the name of its server.
    pub realms: Vec<String>,
    /// What to switch on in the phone when it does not react, as a sentence.
    pub switch_on: Option<String>,
    /// Another way to reach them where SIP does not.
    pub otherwise: Option<String>,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            port: 5060,
            transports: vec![Transport::Udp, Transport::Tcp],
            fetches_within: Duration::from_secs(45),
            realms: Vec::new(),
            switch_on: None,
            otherwise: None,
        }
    }
}

/// What a phone says of itself when it asks by SIP multicast. All of it may be forged.
#[derive(Debug, Clone, Copy, Default)]
pub struct SipClaims<'a> {
    /// Its User-Agent.
    pub user_agent: Option<&'a str>,
    /// Parameter of its Event.
    pub vendor: Option<&'a str>,
    /// Parameter of its Event.
    pub model: Option<&'a str>,
    /// Parameter of its Event.
    pub version: Option<&'a str>,
    /// Hardware address.
    pub mac: Option<Mac>,
}

/// What a phone is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Told {
    /// To fetch its files again.
    Resync,
    /// To restart.
    Reboot,
}

impl SipRules {
    pub(super) fn read(manifest: &Manifest) -> Result<Self, String> {
        let events = manifest.notify_of.iter().flat_map(|rule| [&rule.resync, &rule.reboot]).flatten();
        let own = [&manifest.resync, &manifest.reboot].into_iter().flatten().map(|notify| &notify.event);
        for event in events.chain(own) {
            if event.is_empty() || !event.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!("event {event:?} is none"));
            }
        }
        Ok(Self {
            pnp: manifest.pnp.as_ref().map(Pnp::read).transpose()?,
            manners: manifest.sip.as_ref().map(Manners::read).transpose()?.unwrap_or_default(),
            resync: manifest.resync.as_ref().map(|notify| notify.event.clone()),
            reboot: manifest.reboot.as_ref().map(|notify| notify.event.clone()),
            exceptions: manifest.notify_of.iter().map(Exception::read).collect::<Result<_, _>>()?,
        })
    }
}

impl Pnp {
    fn read(written: &manifest::Pnp) -> Result<Self, String> {
        if written.vendors.is_empty() && written.user_agents.is_empty() {
            return Err("pnp: neither vendors nor user-agents".into());
        }
        Ok(Self {
            vendors: written.vendors.clone(),
            agents: written.user_agents.iter().map(|pattern| user_agent(pattern)).collect::<Result<_, _>>()?,
            answer: Text::read(&written.answer)?,
        })
    }
}

impl Manners {
    fn read(written: &manifest::Sip) -> Result<Self, String> {
        let usual = Self::default();
        if written.fetches_within.is_some_and(|seconds| !(1..=3600).contains(&seconds)) {
            return Err("sip: fetches-within is 1 to 3600 seconds".into());
        }
        Ok(Self {
            port: written.port.unwrap_or(usual.port),
            transports: if written.transports.is_empty() { usual.transports } else { written.transports.clone() },
            fetches_within: written.fetches_within.map_or(usual.fetches_within, Duration::from_secs),
            realms: written.realms.clone(),
            switch_on: written.switch_on.clone(),
            otherwise: written.otherwise.clone(),
        })
    }
}

impl Exception {
    fn read(written: &manifest::NotifyOf) -> Result<Self, String> {
        let models = RegexBuilder::new(&written.models).unicode(false).build().map_err(|error| error.to_string())?;
        Ok(Self { models, resync: written.resync.clone(), reboot: written.reboot.clone() })
    }
}

impl Brand {
    /// The Event of the NOTIFY that makes a phone of this model do what it is told; `None` when it knows none.
    pub fn event(&self, told: Told, model: Option<&str>) -> Option<&str> {
        let rules = &self.sip_rules;
        let exception =
            rules.exceptions.iter().find(|rule| model.is_some_and(|model| rule.models.is_match(model.as_bytes())));
        let (resync, reboot) =
            exception.map_or((&rules.resync, &rules.reboot), |exception| (&exception.resync, &exception.reboot));
        match told {
            Told::Resync => resync.as_deref(),
            Told::Reboot => reboot.as_deref(),
        }
    }

    /// How its phones take a message.
    pub fn manners(&self) -> &Manners {
        &self.sip_rules.manners
    }

    /// What a phone of this brand that asks by SIP multicast is told: one line that names its own URL. The usual form
    /// is the URL alone.
    pub fn pnp_answer(&self, query: &DhcpQuery<'_>) -> Option<String> {
        self.sip_rules.pnp.as_ref()?.answer.say(query).ok()
    }

    fn is_vendor(&self, vendor: &str) -> bool {
        let vendors = self.sip_rules.pnp.iter().flat_map(|pnp| &pnp.vendors);
        vendors.into_iter().any(|known| known.eq_ignore_ascii_case(vendor))
    }
}

/// Longer claims are not looked at.
const LONGEST_CLAIM: usize = 256;

impl Registry {
    /// Finds the brand of a phone that asks by SIP multicast: by its User-Agent, else by the vendor it names, else by
    /// its hardware address.
    pub fn recognise_by_sip(&self, claims: &SipClaims<'_>) -> Option<Recognition<'_>> {
        let short = |claim: Option<&'_ str>| {
            claim.filter(|text| text.len() <= LONGEST_CLAIM && !text.is_empty()).map(str::to_owned)
        };
        let (agent, vendor) = (short(claims.user_agent), short(claims.vendor));
        let by_pattern = self.brands().find_map(|brand| {
            let agents = brand.sip_rules.pnp.iter().flat_map(|pnp| &pnp.agents);
            let captures = agents.into_iter().find_map(|pattern| pattern.captures(agent.as_deref()?.as_bytes()))?;
            let named = |name| captures.name(name).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned());
            let mac = named("mac").and_then(|text| text.parse().ok());
            Some(Recognition { brand, model: named("model"), firmware: named("firmware"), mac, phone: true })
        });
        let by_agent = || self.recognise(&Claims { user_agent: agent.as_deref(), ..Claims::default() });
        let by_vendor = || {
            let brand = self.brands().find(|brand| vendor.as_deref().is_some_and(|vendor| brand.is_vendor(vendor)))?;
            Some(Recognition { brand, model: None, firmware: None, mac: None, phone: true })
        };
        let by_mac = || self.recognise(&Claims { mac: claims.mac, ..Claims::default() });
        let found = by_pattern.or_else(by_agent).or_else(by_vendor).or_else(by_mac)?;
        // Some say "OEM" for both, or "VOIP PHONE".
        let named = vendor.as_deref().is_some_and(|vendor| found.brand.is_vendor(vendor));
        Some(Recognition {
            model: found.model.or_else(|| short(claims.model).filter(|_| named)),
            firmware: found.firmware.or_else(|| short(claims.version)),
            ..found
        })
    }
}
