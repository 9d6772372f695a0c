use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::plan::{self, BOOT_CLASSES, Group, Who};
use crate::brands::{ClassRule, DhcpForm, DhcpOption};
use crate::sys::hex;

const CLASS: &str = "option vendor-class-identifier";

pub(super) fn write(groups: &[Group<'_>]) -> String {
    let mut out = plan::head(
        "#",
        &[
            "Points phones to their provisioning box. Include it at the top level of dhcpd.conf, and try it with dhcpd -t.",
            "dhcpd says only what a device asks for.",
        ],
    );
    out.push('\n');
    for (number, form) in definitions(groups) {
        let kind = if form == DhcpForm::Addresses { "array of ip-address" } else { "string" };
        let _ = writeln!(out, "option b66-{number} code {number} = {kind};");
    }
    for group in groups {
        let _ = writeln!(out, "\n# {}", group.brand);
        for remark in group.remarks() {
            let _ = writeln!(out, "# {remark}");
        }
        let test = test(&group.who);
        let (guarded, plain): (Vec<_>, Vec<_>) =
            group.options.iter().partition(|option| group.needs_a_missing_class(option));
        class(&mut out, &format!("b66-{}", group.name), &test, &plain);
        // Options of a class's own layout, to those who send none.
        let without = format!("({test}) and not exists vendor-class-identifier");
        class(&mut out, &format!("b66-{}-without-class", group.name), &without, &guarded);
    }
    out
}

fn class(out: &mut String, name: &str, test: &str, options: &[&DhcpOption]) {
    if options.is_empty() {
        return;
    }
    let _ = writeln!(out, "class \"{name}\" {{\n    match if {test};");
    for option in options {
        let _ = writeln!(out, "    option {} {};", option_name(option.number), value(option));
    }
    out.push_str("}\n");
}

/// Options that dhcpd does not know by itself, and what they hold.
fn definitions(groups: &[Group<'_>]) -> BTreeMap<u8, DhcpForm> {
    let options = groups.iter().flat_map(|group| &group.options);
    options.filter(|option| known(option.number).is_none()).map(|option| (option.number, option.form)).collect()
}

fn known(number: u8) -> Option<&'static str> {
    Some(match number {
        43 => "vendor-encapsulated-options",
        66 => "tftp-server-name",
        67 => "bootfile-name",
        114 => "default-url",
        125 => "vivso",
        _ => return None,
    })
}

fn option_name(number: u8) -> String {
    known(number).map_or_else(|| format!("b66-{number}"), str::to_owned)
}

fn value(option: &DhcpOption) -> String {
    match option.form {
        DhcpForm::Text if option.number != 43 && !option.value.contains(&0) => format!("\"{}\"", plan::text(option)),
        DhcpForm::Addresses => option
            .value
            .chunks(4)
            .map(|address| address.iter().map(u8::to_string).collect::<Vec<_>>().join("."))
            .collect::<Vec<_>>()
            .join(", "),
        DhcpForm::Text | DhcpForm::Octets => hex::joined(&option.value, ":"),
    }
}

fn test(who: &Who<'_>) -> String {
    match who {
        Who::Classes(rules) => rules.iter().map(|rule| class_test(rule)).collect::<Vec<_>>().join("\n        or "),
        Who::Prefixes(prefixes) => {
            let each =
                |octets: &[u8]| format!("substring(hardware, 1, {}) = {}", octets.len(), hex::joined(octets, ":"));
            let any = prefixes.iter().map(|prefix| each(&prefix.octets)).collect::<Vec<_>>().join("\n        or ");
            let boots = BOOT_CLASSES.map(|class| format!("substring({CLASS}, 0, {}) = \"{class}\"", class.len()));
            // A test on an option that was not sent has no value, and would make the whole test have none.
            format!("({any})\n        and (not exists vendor-class-identifier or not ({}))", boots.join(" or "))
        }
    }
}

fn class_test(rule: &ClassRule) -> String {
    let begins = |text: &str| format!("substring({CLASS}, 0, {}) = \"{text}\"", text.len());
    let ends = |text: &str| {
        let with_nul = [text.as_bytes(), b"\0"].concat();
        let (length, octets) = (with_nul.len(), hex::joined(&with_nul, ":"));
        format!("(suffix({CLASS}, {}) = \"{text}\" or suffix({CLASS}, {length}) = {octets})", text.len())
    };
    match rule {
        ClassRule::Exact(class) => format!("{CLASS} = \"{class}\""),
        ClassRule::Enterprise(number) => {
            format!("substring({CLASS}, 0, 4) = {}", hex::joined(&number.to_be_bytes(), ":"))
        }
        ClassRule::Text { prefix, suffix, unless_suffix } => {
            let mut tests = Vec::new();
            if !prefix.is_empty() {
                tests.push(begins(prefix));
            }
            if !suffix.is_empty() {
                tests.push(ends(suffix));
            }
            tests.extend(unless_suffix.as_deref().map(|suffix| format!("not {}", ends(suffix))));
            format!("({})", tests.join(" and "))
        }
    }
}
