//! PURE. Values of the settings that are known. A setting that is not listed here may be anything.
//!
//! From the guides for own servers (2.5, 3.0, 4) and from what other servers send to these clients; which release knows
//! which setting is not written down anywhere.

/// What a value is.
enum Kind {
    /// `0`, `1`, `true` or `false`.
    Flag,
    /// A number from, to.
    Number(u32, u32),
    /// One of these words.
    Word(&'static [&'static str]),
    /// An `http` or `https` URL, with macros.
    Url,
    /// A host, an address, or nothing.
    Host,
}

use Kind::{Flag, Host, Number, Url, Word};

const PORT: Kind = Number(0, 65_535);
const DAY: Kind = Number(0, 604_800);

/// Of an account: `proxies:proxyN:…`.
const ACCOUNT: &[(&str, Kind)] = &[
    ("enabled", Flag),
    ("register", Flag),
    ("protocol", Word(&["xmpp", "sip"])),
    ("domain", Host),
    ("proxy", Host),
    ("outbound_proxy", Host),
    ("use_outbound_proxy", Word(&["0", "1", "0XFFFFFFFF"])),
    ("use_proxy_for_outbound_calls", Flag),
    ("override_outbound_proxy", Flag),
    ("transport", Word(&["automatic", "auto", "udp", "tcp", "tls"])),
    ("security_outgoing_srtp", Flag),
    ("reregister_in_seconds", DAY),
    ("minimum_time_before_reregistration_in_seconds", DAY),
    ("maximum_time_before_reregistration_in_seconds", DAY),
    ("subscribe_to_message_waiting", Flag),
    ("message_waiting_refresh_interval_in_seconds", DAY),
    ("forward_always", Flag),
    ("forward_busy", Flag),
    ("forward_no_answer", Flag),
    ("forward_no_answer_after_in_seconds", Number(0, 600)),
    ("firewall_traversal_mode", Number(0, 3)),
    ("ice_enabled", Flag),
    ("use_rport", Flag),
    ("send_sip_keep_alive_messages", Flag),
    ("sip_udp_port_keep_alive_time_in_seconds", Number(0, 3600)),
    ("sip_tcp_port_keep_alive_time_in_seconds", Number(0, 3600)),
    ("sip_port_range_enable", Flag),
    ("sip_port_range_min", PORT),
    ("sip_port_range_max", PORT),
    ("port_range_enable", Flag),
    ("rtp_port_range_min_audio0", PORT),
    ("rtp_port_range_max_audio0", PORT),
    ("rtp_port_range_min_video0", PORT),
    ("rtp_port_range_max_video0", PORT),
    ("presence_operating_mode", Number(0, 2)),
    ("workgroup_type", Number(0, 1)),
    ("allow_dialog_subscriptions", Flag),
    ("enabled_features", Number(0, 255)),
    ("xmpp_connect_port", PORT),
];

/// Of the whole client, by domain, section and name; `*` is any section.
const WIDE: &[(&str, &str, &str, Kind)] = &[
    ("feature", "auto_update", "config_server_url", Url),
    ("feature", "auto_update", "code_server_url", Url),
    ("feature", "auto_update", "update_check_initial_t1_s", DAY),
    ("feature", "auto_update", "config_check_initial_t_s", DAY),
    ("feature", "auto_update", "code_check_initial_t_s", DAY),
    ("feature", "auto_update", "update_check_t1_s", DAY),
    ("feature", "auto_update", "deffer_timer_t2_s", DAY),
    ("feature", "auto_update", "block_timer_t3_s", DAY),
    ("feature", "auto_update", "timer_factor", Number(1, 1000)),
    ("system", "auto_update", "config_server_url", Url),
    ("system", "auto_update", "code_server_url", Url),
    ("feature", "custom_login", "server", Url),
    ("feature", "custom_login", "always_include_license_in_post", Flag),
    ("codecs", "*", "enabled", Flag),
    ("system", "network", "honor_first_codec", Flag),
    ("rtp", "2833", "enabled", Flag),
    ("rtp", "2833", "payload_number", Number(96, 127)),
    ("feature", "dtmf_strategy", "dtmf_inband", Flag),
    ("feature", "dtmf_strategy", "dtmf_outofband", Flag),
    ("feature", "dtmf_strategy", "dtmf_sip_info", Flag),
    ("feature", "call", "enable_recording", Flag),
];

/// What the value of this setting must be, where it is not that.
pub(super) fn misfit(domain: &str, section: &str, leaf: &str, value: &str) -> Option<String> {
    if domain == "proxies" {
        let number = section.strip_prefix("proxy").and_then(|number| number.parse::<u8>().ok());
        if number.is_none_or(|number| number > 9) || section.len() != 6 {
            return Some("about an account from proxy0 to proxy9".into());
        }
        return ACCOUNT.iter().find(|(name, _)| *name == leaf).and_then(|(_, kind)| kind.misfit(value));
    }
    let fits = |(d, s, n, _): &&(&str, &str, &str, Kind)| *d == domain && (*s == "*" || *s == section) && *n == leaf;
    WIDE.iter().find(fits).and_then(|(.., kind)| kind.misfit(value))
}

/// Whether a name is one of those that are known.
pub(super) fn is_known(name: &str) -> bool {
    /// Of an account, with values of any kind.
    const TEXTS: &[&str] = &[
        "username",
        "password",
        "display_name",
        "authorization_username",
        "account_name",
        "voicemail_url",
        "digit_map",
        "digit_map_timer_critical",
        "digit_map_timer_partial",
        "firewall_traversal_server",
        "firewall_server_username",
        "firewall_server_password",
        "stun_server",
        "override_stun_server",
        "workgroup_subscription_aor",
        "forward_always_uri",
        "forward_busy_uri",
        "forward_no_answer_uri",
        "xmpp_resource",
        "xmpp_port_selection",
        "xmpp_priority",
        "xmpp_connect_timeout_s",
    ];
    let mut parts = name.split(':');
    let (Some(domain), Some(section), Some(leaf)) = (parts.next(), parts.next(), parts.next()) else { return false };
    match domain {
        "proxies" => TEXTS.contains(&leaf) || ACCOUNT.iter().any(|(known, _)| *known == leaf),
        // Whole families that are documented by name only.
        "ui" | "codecs" => true,
        "system" => matches!(
            section,
            "qos" | "contact_list_storage" | "general" | "diagnostics" | "license" | "network" | "auto_update"
        ),
        "feature" => {
            matches!(section, "ldap" | "adsi")
                || WIDE.iter().any(|(d, s, n, _)| (*d, *s, *n) == (domain, section, leaf))
        }
        _ => WIDE.iter().any(|(d, s, n, _)| (*d, *s, *n) == (domain, section, leaf)),
    }
}

impl Kind {
    fn misfit(&self, value: &str) -> Option<String> {
        match self {
            Flag => (!["0", "1", "true", "false"].contains(&value)).then(|| "1 or 0, or true or false".into()),
            Number(least, most) => {
                let fits = value.parse().is_ok_and(|number: u32| (*least..=*most).contains(&number));
                (!fits).then(|| format!("a number from {least} to {most}"))
            }
            Word(words) => (!words.contains(&value)).then(|| format!("one of {}", words.join(", "))),
            Url => {
                let fits = ["http://", "https://"]
                    .iter()
                    .any(|scheme| value.len() > scheme.len() && value.starts_with(scheme));
                (!fits || value.contains(char::is_whitespace))
                    .then(|| "a URL that begins with http:// or https://".into())
            }
            Host => {
                let fits = value.chars().all(|c| c.is_alphanumeric() || ".-_:[]".contains(c));
                (!fits).then(|| "a host name or address, with or without a port".into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::partners::bria::Setting;

    #[test]
    fn known_settings_have_their_values_alone() {
        for (name, right, wrong) in [
            ("proxies:proxy0:enabled", "true", "yes"),
            ("proxies:proxy9:transport", "tls", "TLS"),
            ("proxies:proxy0:domain", "pbx.example.com:5070", "pbx example"),
            ("proxies:proxy0:use_outbound_proxy", "0XFFFFFFFF", "2"),
            ("proxies:proxy0:firewall_traversal_mode", "3", "4"),
            ("feature:auto_update:code_server_url", "https://a/u?b=$build$", "a/u"),
            ("feature:auto_update:update_check_t1_s", "86400", "a day"),
            ("rtp:2833:payload_number", "101", "13"),
            ("codecs:opus:enabled", "1", "2"),
        ] {
            assert!(Setting::new(name, right).is_ok(), "{name}");
            let misfit = Setting::new(name, wrong).unwrap_err().to_string();
            assert!(misfit.starts_with(name) && !misfit.ends_with('.'), "{misfit}");
        }
        for name in ["proxies:proxy10:enabled", "proxies:proxy:username", "proxies:0:username", "proxies:proxy01:x"] {
            assert!(Setting::new(name, "1").is_err(), "{name}");
        }
        assert!(Setting::new("future:thing:setting", "anything at all").is_ok());
    }

    #[test]
    fn names_are_told_from_inventions() {
        for name in ["proxies:proxy0:username", "ui:anything:x", "codecs:g722:priority", "feature:ldap:server"] {
            assert!(super::is_known(name), "{name}");
        }
        for name in ["proxies:proxy0:usrname", "feature:provisioning:x", "future:thing:setting"] {
            assert!(!super::is_known(name), "{name}");
        }
    }
}
