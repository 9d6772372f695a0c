use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::plan::{self, BOOT_CLASSES, Group, Who};
use crate::brands::{ClassRule, DhcpForm, DhcpOption};
use crate::sys::hex;

/// Numbers that Windows has definitions of its own for.
const DEFINED: [u8; 3] = [43, 66, 67];

pub(super) fn write(groups: &[Group<'_>]) -> String {
    let mut out = plan::head(
        "#",
        &[
            "Points phones to their provisioning box: policies for the DHCP server of Windows Server 2012 R2 and later.",
            "Run it once for each scope as an administrator. A * behind a vendor class stands for the rest of it.",
            "Single values for one phone cannot be told: where a brand needs them, its own macros are used.",
        ],
    );
    out.push_str("param([Parameter(Mandatory)] [string] $Scope)\n$ErrorActionPreference = 'Stop'\n\n");
    for (number, form) in definitions(groups) {
        let kind = match form {
            DhcpForm::Text => "String",
            DhcpForm::Addresses => "IPv4Address",
            DhcpForm::Octets => "BinaryData",
        };
        let _ = writeln!(
            out,
            "Add-DhcpServerv4OptionDefinition -OptionId {number} -Name 'Phones {number}' -Type {kind} -ErrorAction SilentlyContinue"
        );
    }
    for class in BOOT_CLASSES {
        define(&mut out, &format!("b66 {class}"), class);
    }
    for group in groups {
        let _ = writeln!(out, "\n# {}", group.brand);
        for remark in group.remarks() {
            let _ = writeln!(out, "# {remark}");
        }
        let Some(conditions) = conditions(&mut out, group) else { continue };
        let options: Vec<_> = group.options.iter().filter(|option| !group.needs_a_missing_class(option)).collect();
        for option in group.options.iter().filter(|option| group.needs_a_missing_class(option)) {
            let _ = writeln!(out, "# option {} is left out: only for those who send no vendor class", option.number);
        }
        if options.is_empty() {
            continue;
        }
        let name = format!("b66 {}", group.name);
        let _ = writeln!(out, "Add-DhcpServerv4Policy -ScopeId $Scope -Name '{name}' {conditions}");
        for option in options {
            let _ = writeln!(
                out,
                "Set-DhcpServerv4OptionValue -ScopeId $Scope -PolicyName '{name}' -OptionId {} -Value {}",
                option.number,
                value(option)
            );
        }
    }
    out
}

/// What a policy asks of a device, after the classes that it names were defined; `None` when the server cannot ask it.
fn conditions(out: &mut String, group: &Group<'_>) -> Option<String> {
    if group.options.is_empty() {
        return None;
    }
    match &group.who {
        Who::Classes(rules) => {
            let mut names = Vec::new();
            for (at, rule) in rules.iter().enumerate() {
                let name = format!("b66 {} {}", group.name, at + 1);
                match rule {
                    ClassRule::Exact(class) => {
                        define(out, &name, class);
                        names.push(format!("'{name}'"));
                    }
                    ClassRule::Text { prefix, suffix, unless_suffix: None } if suffix.is_empty() => {
                        define(out, &name, prefix);
                        names.push(format!("'{name}*'"));
                    }
                    other => {
                        let _ = writeln!(out, "# cannot be told apart here: vendor class {other}");
                    }
                }
            }
            (!names.is_empty()).then(|| format!("-Condition OR -VendorClass EQ,{}", names.join(",")))
        }
        Who::Prefixes(prefixes) => {
            let prefixes: Vec<_> =
                prefixes.iter().map(|prefix| format!("'{}*'", hex::encode(&prefix.octets).to_uppercase())).collect();
            let boots = BOOT_CLASSES.map(|class| format!("'b66 {class}*'"));
            Some(format!("-Condition AND -MacAddress EQ,{} -VendorClass NE,{}", prefixes.join(","), boots.join(",")))
        }
    }
}

fn define(out: &mut String, name: &str, class: &str) {
    let _ = writeln!(
        out,
        "Add-DhcpServerv4Class -Name '{name}' -Type Vendor -Data '{}' -ErrorAction SilentlyContinue",
        class.replace('\'', "''")
    );
}

fn definitions(groups: &[Group<'_>]) -> BTreeMap<u8, DhcpForm> {
    let options = groups.iter().flat_map(|group| &group.options);
    options.filter(|option| !DEFINED.contains(&option.number)).map(|option| (option.number, option.form)).collect()
}

fn value(option: &DhcpOption) -> String {
    match option.form {
        DhcpForm::Text if option.number != 43 => format!("'{}'", plan::text(option).replace('\'', "''")),
        DhcpForm::Addresses => option
            .value
            .chunks(4)
            .map(|address| format!("'{}'", address.iter().map(u8::to_string).collect::<Vec<_>>().join(".")))
            .collect::<Vec<_>>()
            .join(","),
        DhcpForm::Text | DhcpForm::Octets => {
            let octets: Vec<_> = option.value.iter().map(|octet| format!("0x{octet:02x}")).collect();
            format!("@({}) # {}", octets.join(","), plan::shown(option))
        }
    }
}
