use std::fmt::Write as _;

use super::plan::{self, BOOT_CLASSES, Group, Who};
use crate::brands::{ClassRule, DhcpForm, DhcpOption};
use crate::sys::hex;

/// Tag of those who boot from the network.
const NETBOOT: &str = "b66-netboot";

pub(super) fn write(groups: &[Group<'_>]) -> String {
    let head = plan::head(
        "#",
        &[
            "Points phones to their provisioning box. Put it into a file of dnsmasq's conf-dir, and try it with",
            "dnsmasq --test. dnsmasq says only what a device asks for. It compares vendor classes with their case,",
            "anywhere within what is sent, and ends the texts of 66 and 67 with a NUL, which phones are used to.",
        ],
    );
    head + &body(groups)
}

pub(super) fn write_for_opnsense(groups: &[Group<'_>]) -> String {
    let head = plan::head(
        "#",
        &[
            "Points phones to their provisioning box. For OPNsense with Dnsmasq DNS & DHCP as its DHCP server: save it as",
            "/usr/local/etc/dnsmasq.conf.d/phones.conf and restart the service. The pages of its Kea and ISC servers have",
            "no place for classes of devices: with those, only a network of phones alone can be told of the box.",
        ],
    );
    head + &body(groups)
}

fn body(groups: &[Group<'_>]) -> String {
    let mut out = String::from("\n# Whatever boots from the network gets nothing of this.\n");
    for class in BOOT_CLASSES {
        let _ = writeln!(out, "dhcp-vendorclass=set:{NETBOOT},{class}");
    }
    for group in groups {
        let tag = format!("b66-{}", group.name);
        let _ = writeln!(out, "\n# {}", group.brand);
        for remark in group.remarks() {
            let _ = writeln!(out, "# {remark}");
        }
        if group.options.is_empty() {
            continue;
        }
        let mut tags = format!("tag:{tag},tag:!{NETBOOT}");
        match &group.who {
            Who::Classes(rules) => {
                for rule in rules {
                    let unless = set(&mut out, &tag, rule);
                    if let Some(unless) = unless {
                        let _ = write!(tags, ",tag:!{unless}");
                    }
                }
            }
            Who::Prefixes(prefixes) => {
                for prefix in prefixes {
                    let wild = ":*".repeat(6 - prefix.octets.len());
                    let _ = writeln!(out, "dhcp-mac=set:{tag},{}{wild}", hex::joined(&prefix.octets, ":"));
                }
            }
        }
        for option in &group.options {
            if group.needs_a_missing_class(option) {
                let number = option.number;
                let _ = writeln!(out, "# option {number} is left out: only for those who send no vendor class");
                continue;
            }
            let _ = writeln!(out, "dhcp-option={tags},{},{}", option.number, value(option));
        }
    }
    out
}

/// Sets the tag for a class. What the class must not end with has a tag of its own, which is returned.
fn set(out: &mut String, tag: &str, rule: &ClassRule) -> Option<String> {
    match rule {
        ClassRule::Exact(class) => {
            let _ = writeln!(out, "dhcp-vendorclass=set:{tag},\"{class}\"");
        }
        ClassRule::Text { prefix, suffix, unless_suffix } => {
            let class = if prefix.is_empty() { suffix } else { prefix };
            let _ = writeln!(out, "dhcp-vendorclass=set:{tag},\"{class}\"");
            if !prefix.is_empty() && !suffix.is_empty() {
                let _ = writeln!(out, "# the end of that class, {suffix}, is not compared");
            }
            if let Some(unless) = unless_suffix {
                let not = format!("{tag}-not");
                let _ = writeln!(out, "dhcp-vendorclass=set:{not},\"{unless}\"");
                return Some(not);
            }
        }
        ClassRule::Enterprise(number) => {
            let _ = writeln!(out, "dhcp-match=set:{tag},60,{}", hex::joined(&number.to_be_bytes(), ":"));
        }
    }
    None
}

/// Options that dnsmasq knows to be text: octets would be sent as the text that they are written in.
const TEXTS: [u8; 2] = [66, 67];

/// dnsmasq guesses what a value of the other options is. Text that has a letter which no number has is safe; the rest
/// is written as octets.
fn value(option: &DhcpOption) -> String {
    match option.form {
        DhcpForm::Text if TEXTS.contains(&option.number) => format!("\"{}\"", plan::text(option)),
        DhcpForm::Text if plan::text(option).contains(|c: char| c.is_ascii_alphabetic() && !c.is_ascii_hexdigit()) => {
            format!("\"{}\"", plan::text(option))
        }
        DhcpForm::Addresses => option
            .value
            .chunks(4)
            .map(|address| address.iter().map(u8::to_string).collect::<Vec<_>>().join("."))
            .collect::<Vec<_>>()
            .join(","),
        DhcpForm::Text | DhcpForm::Octets => hex::joined(&option.value, ":"),
    }
}
