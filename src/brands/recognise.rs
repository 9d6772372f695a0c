use super::brand::Brand;
use super::registry::Registry;
use crate::model::Mac;

/// What a device says about itself, by whichever door. All of it may be forged.
#[derive(Debug, Clone, Copy, Default)]
pub struct Claims<'a> {
    /// User-Agent header.
    pub user_agent: Option<&'a str>,
    /// DHCP option 60 as sent.
    pub vendor_class: Option<&'a [u8]>,
    /// Hardware address.
    pub mac: Option<Mac>,
    /// DHCP option 55: the numbers of the options it asks for.
    pub requested: &'a [u8],
}

/// What a device seems to be.
#[derive(Debug, Clone)]
pub struct Recognition<'a> {
    /// Its brand.
    pub brand: &'a Brand,
    /// Its model, as the brand spells it.
    pub model: Option<String>,
    /// The firmware it runs.
    pub firmware: Option<String>,
    /// The MAC that its User-Agent names.
    pub mac: Option<Mac>,
    /// Whether this is enough to treat it as a phone. Its address alone is not, unless nothing but phones has such
    /// addresses, or it asks for the very options that bring phones of this brand to their configuration.
    pub phone: bool,
}

/// Longer claims are not looked at.
const LONGEST_CLAIM: usize = 512;

/// Classes of devices that boot from the network: whatever else they are, at that moment they are no phone.
const BOOT_CLASSES: [&[u8]; 2] = [b"pxeclient", b"httpclient"];

impl Registry {
    /// Finds the brand: by User-Agent, else by vendor class, else by MAC prefix.
    pub fn recognise(&self, claims: &Claims<'_>) -> Option<Recognition<'_>> {
        let class = claims.vendor_class.filter(|class| class.len() <= LONGEST_CLAIM);
        let boots = class.is_some_and(|class| boots_from_network(&plain_class(class)));
        self.by_user_agent(claims)
            .or_else(|| self.by_class(class?))
            .or_else(|| self.by_mac(claims))
            .map(|found| Recognition { phone: found.phone && !boots, ..found })
    }

    fn by_user_agent(&self, claims: &Claims<'_>) -> Option<Recognition<'_>> {
        let agent = claims.user_agent.filter(|agent| agent.len() <= LONGEST_CLAIM)?;
        self.brands().find_map(|brand| {
            let captures = brand.user_agents.iter().find_map(|pattern| pattern.captures(agent.as_bytes()))?;
            let named = |name| captures.name(name).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned());
            Some(Recognition {
                brand,
                model: named("model"),
                firmware: named("firmware"),
                mac: named("mac").and_then(|text| text.parse().ok()),
                phone: true,
            })
        })
    }

    fn by_class(&self, class: &[u8]) -> Option<Recognition<'_>> {
        let plain = plain_class(class);
        let brand = self.brands().find(|brand| brand.vendor_classes.iter().any(|rule| rule.fits(class, &plain)))?;
        Some(Recognition { brand, model: None, firmware: None, mac: None, phone: true })
    }

    fn by_mac(&self, claims: &Claims<'_>) -> Option<Recognition<'_>> {
        let octets = claims.mac?.octets();
        self.brands().find_map(|brand| {
            let prefix = brand.mac_prefixes.iter().find(|prefix| octets.starts_with(&prefix.octets))?;
            let asks = claims.requested.iter().any(|number| prefix.asks_for.contains(number));
            Some(Recognition { brand, model: None, firmware: None, mac: None, phone: prefix.phones_only || asks })
        })
    }
}

/// Whether a class, plain, is that of a device that boots from the network.
pub(super) fn boots_from_network(plain: &[u8]) -> bool {
    BOOT_CLASSES.iter().any(|boot| plain.starts_with(boot))
}

/// A class with its NULs left out, in lower case: some end it with NUL, some pad it.
pub(super) fn plain_class(class: &[u8]) -> Vec<u8> {
    class.iter().filter(|byte| **byte != 0).map(u8::to_ascii_lowercase).collect()
}
