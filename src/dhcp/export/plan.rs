use super::Facts;
use crate::brands::{Brand, ClassRule, DhcpOption, DhcpQuery, LeftOut, MacPrefix, Omission, Registry};
use crate::model::Scheme;

/// Devices of one brand that are told the same.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// A name for tags and classes: the brand's id, and a number from the second group on.
    pub(super) name: String,
    /// The brand as people write it.
    pub(super) brand: &'a str,
    /// By what they are known.
    pub(super) who: Who<'a>,
    /// What they are told.
    pub(super) options: Vec<DhcpOption>,
    /// What they could be told and are not.
    pub(super) left_out: Vec<LeftOut>,
}

/// By what the devices of a group are known.
#[derive(Debug)]
pub(super) enum Who<'a> {
    /// Each of these vendor classes.
    Classes(Vec<&'a ClassRule>),
    /// Each of these hardware addresses. Where they are not phones only, that a device asks for an option is what
    /// makes it one, and these servers say only what is asked for.
    Prefixes(Vec<&'a MacPrefix>),
}

/// Options that belong to a vendor class: by address alone they go only to those who send none.
pub(super) const BY_CLASS: [u8; 2] = [43, 114];

/// Classes of devices that boot from the network, and never get a phone's options.
pub(super) const BOOT_CLASSES: [&str; 2] = ["PXEClient", "HTTPClient"];

pub(super) fn groups<'a>(registry: &'a Registry, facts: &Facts) -> Vec<Group<'a>> {
    let mut all = Vec::new();
    for brand in registry.brands() {
        let mut groups: Vec<Group<'a>> = Vec::new();
        for rule in brand.vendor_classes() {
            let answer = brand.dhcp_options(&query(facts, Some(&sample(rule))));
            let same = groups.iter_mut().find(|group| group.options == answer.options);
            match same.map(|group| &mut group.who) {
                Some(Who::Classes(rules)) => rules.push(rule),
                _ => groups.push(group(brand, Who::Classes(vec![rule]), answer.options, answer.left_out)),
            }
        }
        let prefixes: Vec<_> = brand.mac_prefixes().iter().collect();
        if !prefixes.is_empty() {
            let answer = brand.dhcp_options(&query(facts, None));
            groups.push(group(brand, Who::Prefixes(prefixes), answer.options, answer.left_out));
        }
        for (at, group) in groups.iter_mut().enumerate().skip(1) {
            group.name = format!("{}-{}", brand.id, at + 1);
        }
        all.append(&mut groups);
    }
    all
}

fn group<'a>(brand: &'a Brand, who: Who<'a>, options: Vec<DhcpOption>, left_out: Vec<LeftOut>) -> Group<'a> {
    Group { name: brand.id.clone(), brand: &brand.name, who, options, left_out }
}

fn query<'a>(facts: &'a Facts, vendor_class: Option<&'a [u8]>) -> DhcpQuery<'a> {
    DhcpQuery {
        scheme: Scheme::Http,
        at: &facts.at,
        also: &facts.also,
        mac: None,
        vendor_class,
        user_class: None,
        requested: None,
        voice_vlan: facts.voice_vlan,
    }
}

/// A class that fits the rule.
pub(in crate::dhcp) fn sample(rule: &ClassRule) -> Vec<u8> {
    match rule {
        ClassRule::Exact(class) => class.clone().into_bytes(),
        ClassRule::Text { prefix, suffix, .. } => format!("{prefix}{suffix}").into_bytes(),
        ClassRule::Enterprise(number) => [&number.to_be_bytes()[..], &[0]].concat(),
    }
}

impl Group<'_> {
    /// What a person should know of what is missing here, one line each. What follows from nothing being wrong is not
    /// told.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks: Vec<String> = self
            .left_out
            .iter()
            .filter(|left| {
                !matches!(
                    left.because,
                    Omission::NoVoiceVlan | Omission::OtherClass(_) | Omission::OtherScheme(_) | Omission::NotRequested
                )
            })
            .map(|left| format!("option {} is left out: {}", left.number, left.because))
            .collect();
        if self.options.is_empty() {
            remarks.push("there is nothing to tell".into());
        }
        remarks
    }

    /// Whether an option may be said by address alone where a server cannot see that a device sends no class.
    pub(super) fn needs_a_missing_class(&self, option: &DhcpOption) -> bool {
        matches!(self.who, Who::Prefixes(_)) && BY_CLASS.contains(&option.number)
    }
}

/// The text of an option that is one.
pub(super) fn text(option: &DhcpOption) -> &str {
    std::str::from_utf8(&option.value).unwrap_or_default()
}

/// A comment for people: what the octets of an option are.
pub(super) fn shown(option: &DhcpOption) -> String {
    option.value.escape_ascii().to_string()
}

/// What stands at the top, in a language with this mark for comments.
pub(super) fn head(mark: &str, lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{mark} {line}\n")).collect()
}
