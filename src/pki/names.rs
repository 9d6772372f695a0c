use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Error;

/// What a server certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The subject's common name: the box's full DNS name if it has one. The oldest phones compare this alone.
    pub common_name: String,
    /// DNS names.
    pub dns: Vec<String>,
    /// Addresses: phones mostly connect by address.
    pub addresses: Vec<IpAddr>,
}

impl Names {
    /// Longest common name (RFC 5280 appendix A.1, `ub-common-name`).
    const LONGEST_COMMON_NAME: usize = 64;

    /// The same names in the one form that certificates carry them in: lower case, no final dot, sorted, each once,
    /// the common name among the alternative names too (RFC 6125 section 6.4.4: modern clients look only there).
    ///
    /// # Errors
    /// A name that is no host name (a wildcard is none), or no name and no address at all.
    pub fn canonical(&self) -> Result<Self, Error> {
        let mut dns = BTreeSet::new();
        let mut addresses: BTreeSet<IpAddr> = self.addresses.iter().map(IpAddr::to_canonical).collect();
        let mut preferred = None;
        for name in std::iter::once(&self.common_name).filter(|name| !name.is_empty()).chain(&self.dns) {
            if let Ok(address) = name.parse::<IpAddr>() {
                addresses.insert(address.to_canonical());
                continue;
            }
            let name = host_name(name)?;
            if preferred.is_none() && name.len() <= Self::LONGEST_COMMON_NAME {
                preferred = Some(name.clone());
            }
            dns.insert(name);
        }
        let common_name = preferred.or_else(|| addresses.first().map(IpAddr::to_string)).ok_or(Error::Nameless)?;
        Ok(Self { common_name, dns: dns.into_iter().collect(), addresses: addresses.into_iter().collect() })
    }
}

/// A host name by RFC 1123 section 2.1, in lower case; the underscore is let through, as it is found on real LANs.
fn host_name(name: &str) -> Result<String, Error> {
    let bad = |what| Error::Name { name: name.chars().take(80).collect(), what };
    let plain = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    if plain.contains('*') {
        return Err(bad("a certificate for every name below another would let one box pose as all others"));
    }
    if plain.len() > 253 {
        return Err(bad("a DNS name has at most 253 characters"));
    }
    for label in plain.split('.') {
        if label.is_empty() || label.len() > 63 {
            return Err(bad("each part of a DNS name has 1 to 63 characters"));
        }
        if !label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return Err(bad("a DNS name is made of letters, digits, hyphens and dots"));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(bad("no part of a DNS name begins or ends with a hyphen"));
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(common_name: &str, dns: &[&str], addresses: &[[u8; 4]]) -> Names {
        Names {
            common_name: common_name.into(),
            dns: dns.iter().map(|&d| d.into()).collect(),
            addresses: addresses.iter().map(|&a| a.into()).collect(),
        }
    }

    #[test]
    fn one_form_for_the_same_names() {
        let found = names("Box.Example.", &["b", "box.example", "B", "10.66.0.2"], &[[10, 66, 0, 9], [10, 66, 0, 1]]);
        let wanted = names("box.example", &["b", "box.example"], &[[10, 66, 0, 1], [10, 66, 0, 2], [10, 66, 0, 9]]);
        assert_eq!(found.canonical().unwrap(), wanted);
        assert_eq!(wanted.canonical().unwrap(), wanted);
    }

    #[test]
    fn a_common_name_is_always_found() {
        let long = format!("{0}.{0}.example", "a".repeat(40));
        assert_eq!(names(&long, &["short"], &[]).canonical().unwrap().common_name, "short");
        assert_eq!(names(&long, &[], &[[10, 0, 0, 1]]).canonical().unwrap().common_name, "10.0.0.1");
        assert_eq!(names("", &[], &[[10, 0, 0, 1]]).canonical().unwrap().common_name, "10.0.0.1");
        assert!(matches!(names("", &[], &[]).canonical(), Err(Error::Nameless)));
    }

    #[test]
    fn refuses_what_is_no_host_name() {
        let long = "a.".repeat(127) + "com";
        for bad in ["*.example", "a..b", "-a", "a-", "bö", "a b", "a/b", ".", &"a".repeat(64), &long] {
            let error = names(bad, &[], &[]).canonical().unwrap_err();
            assert!(matches!(error, Error::Name { .. }), "{bad}: {error}");
        }
    }
}
