use std::fmt::Write as _;

use super::plan::{self, Group, Who};
use crate::brands::{ClassRule, DhcpForm, DhcpOption};
use crate::sys::hex;

pub(super) fn write(groups: &[Group<'_>]) -> String {
    let mut out = plan::head(
        "#",
        &[
            "Points phones to their provisioning box: commands for RouterOS 7 with matchers for vendor classes.",
            "Set the name of the DHCP server first. RouterOS cannot compare the beginning of a hardware address: phones that",
            "are known by that alone are named below, and need leases of their own with dhcp-option-set.",
        ],
    );
    out.push_str(":local server \"dhcp1\"\n");
    for group in groups {
        let _ = writeln!(out, "\n# {}", group.brand);
        for remark in group.remarks() {
            let _ = writeln!(out, "# {remark}");
        }
        if group.options.is_empty() {
            continue;
        }
        let name = format!("b66-{}", group.name);
        let options: Vec<_> = group.options.iter().filter(|option| !group.needs_a_missing_class(option)).collect();
        for option in &options {
            let _ = writeln!(
                out,
                "/ip dhcp-server option add name={name}-{} code={} value=\"{}\"",
                option.number,
                option.number,
                value(option)
            );
        }
        let names: Vec<_> = options.iter().map(|option| format!("{name}-{}", option.number)).collect();
        let _ = writeln!(out, "/ip dhcp-server option sets add name={name} options={}", names.join(","));
        match &group.who {
            Who::Classes(rules) => {
                for (at, rule) in rules.iter().enumerate() {
                    matcher(&mut out, &format!("{name}-{}", at + 1), &name, rule);
                }
            }
            Who::Prefixes(prefixes) => {
                let prefixes: Vec<_> = prefixes.iter().map(|prefix| hex::joined(&prefix.octets, ":")).collect();
                let _ = writeln!(out, "# cannot be matched here: hardware addresses {}", prefixes.join(", "));
            }
        }
    }
    out
}

fn matcher(out: &mut String, name: &str, set: &str, rule: &ClassRule) {
    let (kind, class) = match rule {
        ClassRule::Exact(class) => ("exact", class),
        ClassRule::Text { prefix, suffix, unless_suffix: None } if suffix.is_empty() => ("substring", prefix),
        ClassRule::Text { prefix, suffix, .. } if prefix.is_empty() => ("substring", suffix),
        other => {
            let _ = writeln!(out, "# cannot be told apart here: vendor class {other}");
            return;
        }
    };
    let _ = writeln!(
        out,
        "/ip dhcp-server matcher add name={name} server=$server code=60 matching-type={kind} value=\"{class}\" option-set={set}"
    );
}

fn value(option: &DhcpOption) -> String {
    match option.form {
        // Without the s a text of digits would be a number; the console takes $ for a variable.
        DhcpForm::Text if !option.value.iter().any(|byte| matches!(byte, b'\'' | b'"' | b'\\' | 0)) => {
            format!("s'{}'", plan::text(option).replace('$', "\\$"))
        }
        _ => format!("0x{}", hex::encode(&option.value)),
    }
}
