use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::plan::{self, BY_CLASS, Group, Who};
use crate::brands::{ClassRule, DhcpForm};
use crate::sys::hex;

pub(super) fn fortigate(groups: &[Group<'_>]) -> String {
    let mut out = plan::head(
        "#",
        &[
            "Points phones to their provisioning box: commands for FortiOS with vci-match within options. Set the number of",
            "the DHCP server, and check that the numbers of its options from 101 on are free. A * stands for the rest of a",
            "class; a FortiOS that does not know it wants the whole class of each model. Hardware addresses cannot be compared.",
        ],
    );
    out.push_str("config system dhcp server\n  edit 1\n    config options\n");
    let mut entry = 100;
    for group in groups {
        let _ = writeln!(out, "      # {}", group.brand);
        for remark in group.remarks() {
            let _ = writeln!(out, "      # {remark}");
        }
        let classes = match &group.who {
            Who::Prefixes(prefixes) => {
                let prefixes: Vec<_> = prefixes.iter().map(|prefix| hex::joined(&prefix.octets, ":")).collect();
                let _ = writeln!(out, "      # cannot be matched here: hardware addresses {}", prefixes.join(", "));
                continue;
            }
            Who::Classes(rules) => {
                let mut classes = Vec::new();
                for rule in rules {
                    match rule {
                        ClassRule::Exact(class) => classes.push(format!("\"{class}\"")),
                        ClassRule::Text { prefix, suffix, unless_suffix: None } if suffix.is_empty() => {
                            classes.push(format!("\"{prefix}*\""));
                        }
                        other => {
                            let _ = writeln!(out, "      # cannot be told apart here: vendor class {other}");
                        }
                    }
                }
                classes
            }
        };
        if classes.is_empty() {
            continue;
        }
        for option in &group.options {
            entry += 1;
            let _ = writeln!(out, "      edit {entry}\n        set code {}", option.number);
            let (kind, field, value) = match option.form {
                DhcpForm::Text => ("string", "value", format!("\"{}\"", plan::text(option))),
                DhcpForm::Addresses => ("ip", "ip", addresses(&option.value)),
                DhcpForm::Octets => ("hex", "value", format!("\"{}\"", hex::encode(&option.value))),
            };
            let _ = writeln!(out, "        set type {kind}\n        set {field} {value}");
            let _ =
                writeln!(out, "        set vci-match enable\n        set vci-string {}\n      next", classes.join(" "));
        }
    }
    out.push_str("    end\n  next\nend\n");
    out
}

fn addresses(value: &[u8]) -> String {
    let each = |address: &[u8]| format!("\"{}\"", address.iter().map(u8::to_string).collect::<Vec<_>>().join("."));
    value.chunks(4).map(each).collect::<Vec<_>>().join(" ")
}

/// UniFi Network tells everybody on a network the same: what can be entered is a value for each number, and which
/// brands read it so.
pub(super) fn unifi(groups: &[Group<'_>]) -> String {
    let mut out = plan::head(
        "#",
        &[
            "What UniFi Network can tell phones of their provisioning box: Settings, Networks, the network of the phones,",
            "DHCP, Custom DHCP Options. It tells everybody on that network the same and knows no classes, so do this only on a",
            "network of phones alone, and choose one value for each number by the brands that are there.",
        ],
    );
    let mut values: BTreeMap<(u8, String), Vec<&str>> = BTreeMap::new();
    let mut withheld: BTreeMap<u8, Vec<&str>> = BTreeMap::new();
    for group in groups {
        for option in &group.options {
            let brands = match option.form {
                DhcpForm::Text if !BY_CLASS.contains(&option.number) => {
                    values.entry((option.number, format!("Text        {}", plan::text(option)))).or_default()
                }
                DhcpForm::Addresses => {
                    values.entry((option.number, format!("IP address  {}", addresses(&option.value)))).or_default()
                }
                _ => withheld.entry(option.number).or_default(),
            };
            if brands.last() != Some(&group.brand) {
                brands.push(group.brand);
            }
        }
    }
    for ((number, value), brands) in values {
        let _ = writeln!(out, "\nCode {number}  {value}\n# for {}", brands.join(", "));
    }
    out.push('\n');
    for (number, brands) in withheld {
        let _ = writeln!(
            out,
            "# option {number} is left out: it is for one vendor class alone, or no text ({})",
            brands.join(", ")
        );
    }
    let told = |brand: &str| groups.iter().any(|group| group.brand == brand && !group.options.is_empty());
    let mut nothing: Vec<_> = groups.iter().map(|group| group.brand).filter(|brand| !told(brand)).collect();
    nothing.dedup();
    if !nothing.is_empty() {
        let _ = writeln!(out, "# there is nothing to tell {}", nothing.join(", "));
    }
    out
}
