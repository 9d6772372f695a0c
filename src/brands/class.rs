use super::manifest;

/// Which vendor classes (DHCP option 60) a brand's phones send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassRule {
    /// This text, in any case and with NULs left out.
    Exact(String),
    /// Text that begins and ends so, in any case and with NULs left out.
    Text {
        /// What it begins with; may be empty.
        prefix: String,
        /// What it ends with; may be empty.
        suffix: String,
        /// What it does not end with.
        unless_suffix: Option<String>,
    },
    /// Octets in the form of RFC 3925, which begin with this enterprise number.
    Enterprise(u32),
}

/// A beginning of hardware addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacPrefix {
    /// Three to five octets.
    pub octets: Vec<u8>,
    /// Whether nothing but phones has it (else more is needed to take a device for one).
    pub phones_only: bool,
    /// The options of which a phone with this prefix asks for at least one.
    pub(super) asks_for: Vec<u8>,
}

impl ClassRule {
    pub(super) fn read(rule: &manifest::VendorClass) -> Result<Self, String> {
        let (prefix, suffix) = (rule.prefix.clone().unwrap_or_default(), rule.suffix.clone().unwrap_or_default());
        if let Some(exact) = &rule.exact {
            let alone = rule.enterprise.is_none() && (prefix.len() + suffix.len()) == 0 && rule.unless_suffix.is_none();
            return match alone && exact.len() >= 3 {
                true => Ok(Self::Exact(exact.clone())),
                false => Err(format!("the vendor class \"{exact}\" is too short, or not all that is said")),
            };
        }
        match rule.enterprise {
            Some(number) if prefix.is_empty() && suffix.is_empty() && rule.unless_suffix.is_none() => {
                Ok(Self::Enterprise(number))
            }
            Some(number) => Err(format!("vendor class of enterprise {number}: it is binary, and has no text")),
            None if prefix.len() + suffix.len() < 3 => Err(format!("the vendor class \"{prefix}\" would fit too much")),
            None => Ok(Self::Text { prefix, suffix, unless_suffix: rule.unless_suffix.clone() }),
        }
    }

    /// Whether a class fits that was sent as `raw` and is `plain` without NULs and in lower case.
    pub(super) fn fits(&self, raw: &[u8], plain: &[u8]) -> bool {
        let ends_with = |suffix: &str| plain.ends_with(suffix.to_ascii_lowercase().as_bytes());
        match self {
            Self::Exact(class) => plain.eq_ignore_ascii_case(class.as_bytes()),
            Self::Text { prefix, suffix, unless_suffix } => {
                plain.len() >= prefix.len() + suffix.len()
                    && plain.starts_with(prefix.to_ascii_lowercase().as_bytes())
                    && ends_with(suffix)
                    && !unless_suffix.as_deref().is_some_and(ends_with)
            }
            // After the number comes a length: without one it is some other class that begins with the same octets.
            Self::Enterprise(number) => {
                raw.split_at_checked(4).is_some_and(|(head, rest)| head == number.to_be_bytes() && !rest.is_empty())
            }
        }
    }
}

impl std::fmt::Display for ClassRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(class) => f.write_str(class),
            Self::Text { prefix, suffix, .. } if suffix.is_empty() => write!(f, "{prefix}\u{2026}"),
            Self::Text { prefix, suffix, .. } => write!(f, "{prefix}\u{2026}{suffix}"),
            Self::Enterprise(number) => write!(f, "enterprise {number}"),
        }
    }
}

impl MacPrefix {
    pub(super) fn read(rule: &manifest::MacPrefix, asks_for: &[u8]) -> Result<Self, String> {
        let wrong = || format!("mac-prefix \"{}\": expected three to five octets, as in 80:5e:c0", rule.prefix);
        let octet = |pair: &str| (pair.len() == 2).then(|| u8::from_str_radix(pair, 16).ok()).flatten();
        let octets: Vec<u8> = rule.prefix.split(':').map(octet).collect::<Option<_>>().ok_or_else(wrong)?;
        if !(3..=5).contains(&octets.len()) {
            return Err(wrong());
        }
        let asks_for = rule.asks_for.clone().unwrap_or_else(|| asks_for.to_vec());
        Ok(Self { octets, phones_only: rule.phones_only, asks_for })
    }
}
