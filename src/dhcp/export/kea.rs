use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::plan::{self, BOOT_CLASSES, Group, Who};
use crate::brands::{ClassRule, DhcpForm, DhcpOption};
use crate::sys::hex;

pub(super) fn write(groups: &[Group<'_>]) -> String {
    let mut out = plan::head(
        "//",
        &[
            "Points phones to their provisioning box. Merge it into kea-dhcp4.conf, and try that with kea-dhcp4 -t.",
            "Kea says only what a device asks for. Values in hexadecimal are exact octets.",
        ],
    );
    out.push_str("{\n  \"Dhcp4\": {\n    \"option-def\": [\n");
    let named: BTreeSet<u8> = groups
        .iter()
        .flat_map(|group| &group.options)
        .filter(|option| defined_here(option))
        .map(|o| o.number)
        .collect();
    let definitions: Vec<String> = named
        .iter()
        .map(|number| {
            format!(
                "      {{ \"name\": \"b66-{number}\", \"code\": {number}, \"type\": \"string\", \"space\": \"dhcp4\" }}"
            )
        })
        .collect();
    out.push_str(&definitions.join(",\n"));
    out.push_str("\n    ],\n    \"client-classes\": [\n");
    let mut classes = Vec::new();
    let mut pending = String::new();
    for group in groups {
        let _ = writeln!(pending, "      // {}", group.brand);
        for remark in group.remarks() {
            let _ = writeln!(pending, "      // {remark}");
        }
        let test = test(&group.who);
        let (said, own): (Vec<_>, Vec<_>) = group.options.iter().partition(|option| !is_keas_own(option.number));
        for option in own {
            let _ =
                writeln!(pending, "      // option {} is left out: Kea reads its own meaning into it", option.number);
        }
        let (guarded, plain): (Vec<_>, Vec<_>) =
            said.into_iter().partition(|option| group.needs_a_missing_class(option));
        let without = format!("({test}) and not option[60].exists");
        for (name, test, options) in [
            (format!("b66-{}", group.name), test.clone(), plain),
            (format!("b66-{}-without-class", group.name), without, guarded),
        ] {
            if !options.is_empty() {
                classes.push(std::mem::take(&mut pending) + &class(&name, &test, &options));
            }
        }
    }
    out.push_str(&classes.join(",\n"));
    out.push('\n');
    out.push_str(&pending);
    out.push_str("    ]\n  }\n}\n");
    out
}

fn class(name: &str, test: &str, options: &[&DhcpOption]) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "      {{\n        \"name\": \"{name}\",\n        \"test\": \"{test}\",");
    // Kea takes 43 for its own space of sub-options unless a class says otherwise.
    if options.iter().any(|option| option.number == 43) {
        out.push_str("        \"option-def\": [{ \"name\": \"b66-43\", \"code\": 43, \"type\": \"binary\" }],\n");
    }
    let data: Vec<String> = options.iter().map(|option| format!("          {}", datum(option))).collect();
    let _ = write!(out, "        \"option-data\": [\n{}\n        ]\n      }}", data.join(",\n"));
    out
}

fn datum(option: &DhcpOption) -> String {
    let number = option.number;
    if number == 66 || defined_here(option) {
        return format!("{{ \"code\": {number}, \"data\": \"{}\" }}", plan::text(option));
    }
    let hex = hex::encode(&option.value);
    // Kea ends a comment at the end of its line.
    format!(
        "{{ \"code\": {number}, \"csv-format\": false, \"data\": \"{hex}\" }} /* {} */",
        plan::shown(option).replace("*/", "* /")
    )
}

/// Numbers that Kea has definitions of its own for, which cannot be replaced: a text for 159 is cut to its port
/// parameters (RFC 7618), even where it is written as octets.
fn is_keas_own(number: u8) -> bool {
    matches!(number, 137..=146 | 151..=159 | 208..=213)
}

/// Text for a number that Kea has no definition of its own for, and that it would not cut at a comma.
fn defined_here(option: &DhcpOption) -> bool {
    option.form == DhcpForm::Text
        && option.number >= 128
        && option.number != 150
        && !is_keas_own(option.number)
        && !option.value.contains(&b',')
        && !option.value.contains(&0)
}

fn test(who: &Who<'_>) -> String {
    match who {
        Who::Classes(rules) => rules.iter().map(|rule| class_test(rule)).collect::<Vec<_>>().join(" or "),
        Who::Prefixes(prefixes) => {
            let each = |octets: &[u8]| format!("substring(pkt4.mac,0,{}) == 0x{}", octets.len(), hex::encode(octets));
            let any = prefixes.iter().map(|prefix| each(&prefix.octets)).collect::<Vec<_>>().join(" or ");
            let boots = BOOT_CLASSES.map(|class| format!("substring(option[60].hex,0,{}) == '{class}'", class.len()));
            format!("({any}) and not ({})", boots.join(" or "))
        }
    }
}

fn class_test(rule: &ClassRule) -> String {
    let begins = |text: &str| format!("substring(option[60].hex,0,{}) == '{text}'", text.len());
    let ends = |text: &str| {
        let with_nul = [text.as_bytes(), b"\0"].concat();
        let (length, octets) = (with_nul.len(), hex::encode(&with_nul));
        format!(
            "(substring(option[60].hex,-{},all) == '{text}' or substring(option[60].hex,-{length},all) == 0x{octets})",
            text.len()
        )
    };
    match rule {
        ClassRule::Exact(class) => format!("option[60].hex == '{class}'"),
        ClassRule::Enterprise(number) => {
            format!("substring(option[60].hex,0,4) == 0x{}", hex::encode(&number.to_be_bytes()))
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
