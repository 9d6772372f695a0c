//! What DHCP tells phones: the samples of every folder, and what holds whatever a folder says.

use std::net::IpAddr;

use block66::brands::{Brand, DhcpForm, DhcpQuery, Omission, Registry};
use block66::model::{BoxAddress, Mac, Scheme};
use serde::Deserialize;

use crate::toy;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Samples {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Case {
    host: Option<IpAddr>,
    http: Option<u16>,
    https: Option<u16>,
    scheme: Option<String>,
    #[serde(default)]
    also: Vec<u16>,
    mac: Option<Mac>,
    vendor_class: Option<String>,
    vendor_class_hex: Option<String>,
    user_class: Option<String>,
    requested: Option<Vec<u8>>,
    voice_vlan: Option<u16>,
    options: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    number: u8,
    text: Option<String>,
    hex: Option<String>,
}

impl Expected {
    fn value(&self) -> (u8, Vec<u8>) {
        let text = self.text.as_ref().map(|text| text.as_bytes().to_vec());
        (self.number, text.or_else(|| self.hex.as_deref().map(crate::octets)).expect("text or hex"))
    }
}

/// A box that answers over HTTP, and nothing known of who asks.
pub(crate) fn query(at: &BoxAddress) -> DhcpQuery<'_> {
    DhcpQuery {
        scheme: Scheme::Http,
        at,
        also: &[],
        mac: None,
        vendor_class: None,
        user_class: None,
        requested: None,
        voice_vlan: None,
    }
}

pub(crate) fn at() -> BoxAddress {
    BoxAddress { host: [10, 66, 0, 1].into(), http: 80, https: 443 }
}

fn samples(brand: &Brand) -> Vec<Case> {
    let text = std::fs::read_to_string(crate::folder(&brand.id).join("samples/dhcp.toml")).expect("samples/dhcp.toml");
    toml::from_str::<Samples>(&text).unwrap_or_else(|error| panic!("{}: {error}", brand.id)).case
}

/// Compared with bytes that were written down, not with what an encoder of ours makes of them.
#[test]
fn the_options_are_these_bytes() {
    let registry = Registry::builtin().expect("the built-in brands");
    for brand in registry.brands() {
        let cases = samples(brand);
        assert!(cases.iter().any(|case| !case.options.is_empty()), "{}: nothing is told", brand.id);
        for (number, case) in cases.iter().enumerate() {
            let at = BoxAddress {
                host: case.host.unwrap_or(at().host),
                http: case.http.unwrap_or(80),
                https: case.https.unwrap_or(443),
            };
            let hex = case.vendor_class_hex.as_deref().map(crate::octets);
            let answer = brand.dhcp_options(&DhcpQuery {
                scheme: match case.scheme.as_deref() {
                    None | Some("http") => Scheme::Http,
                    Some("https") => Scheme::Https,
                    Some(other) => panic!("{}: scheme {other}", brand.id),
                },
                at: &at,
                also: &case.also,
                mac: case.mac,
                vendor_class: case.vendor_class.as_deref().map(str::as_bytes).or(hex.as_deref()),
                user_class: case.user_class.as_deref().map(str::as_bytes),
                requested: case.requested.as_deref(),
                voice_vlan: case.voice_vlan,
            });
            let expected: Vec<_> = case.options.iter().map(Expected::value).collect();
            assert_eq!(answer.into_values(), expected, "{} case {}", brand.id, number + 1);
        }
    }
}

/// Whatever is asked: each number once, everything fits and has its source, no VLAN unless one was given, and all that
/// is left out has a reason.
#[test]
fn options_fit_and_have_their_reasons() {
    let registry = Registry::builtin().expect("the built-in brands");
    let addresses = [
        at(),
        BoxAddress { host: [255, 255, 255, 255].into(), http: 65_535, https: 65_535 },
        BoxAddress { host: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".parse().expect("an address"), ..at() },
    ];
    for brand in registry.brands() {
        let texts: Vec<Vec<u8>> = samples(brand)
            .iter()
            .filter_map(|case| case.vendor_class.as_ref().map(|class| class.as_bytes().to_vec()))
            .collect();
        let classes = texts.iter().map(|class| Some(class.as_slice())).chain([None, Some(&b"x"[..]), Some(&b""[..])]);
        for class in classes {
            for at in &addresses {
                for (scheme, voice_vlan) in [(Scheme::Http, None), (Scheme::Https, Some(4094)), (Scheme::Http, Some(1))]
                {
                    let query = DhcpQuery {
                        scheme,
                        vendor_class: class,
                        voice_vlan,
                        also: &[69, 6970, 18443],
                        mac: Some(Mac::new([2, 0, 0, 0, 0, 1])),
                        ..query(at)
                    };
                    let answer = brand.dhcp_options(&query);
                    let without = brand.dhcp_options(&DhcpQuery { voice_vlan: None, ..query });
                    for option in &answer.options {
                        assert!((1..=255).contains(&option.value.len()), "{} {}", brand.id, option.number);
                        assert!(option.why.len() > 2);
                        if option.form == DhcpForm::Text {
                            let text = option.value.strip_suffix(b"\0").unwrap_or(&option.value);
                            assert!(text.iter().all(|byte| (0x20..0x7f).contains(byte)));
                        }
                        let times = answer.options.iter().filter(|other| other.number == option.number).count();
                        assert_eq!(times, 1, "{} {}", brand.id, option.number);
                    }
                    for left in &answer.left_out {
                        assert!(!left.because.to_string().is_empty());
                        assert!(answer.options.iter().all(|option| option.number != left.number));
                    }
                    if voice_vlan.is_none() {
                        assert_eq!(answer, without);
                    }
                    for option in &without.options {
                        assert!(!String::from_utf8_lossy(&option.value).contains("VLAN"), "{}", brand.id);
                    }
                }
            }
        }
        for vlan in [0, 4095, u16::MAX] {
            let at = at();
            let bad = brand.dhcp_options(&DhcpQuery { voice_vlan: Some(vlan), ..query(&at) });
            let told: Vec<_> = bad.options.iter().map(|option| option.number).collect();
            assert!(!told.iter().any(|number| matches!(number, 128 | 132 | 232)), "{} {vlan}", brand.id);
        }
    }
}

/// Whoever boots from the network gets no phone's options, whatever else is known of it.
#[test]
fn nothing_for_who_boots_from_the_network() {
    let registry = Registry::builtin().expect("the built-in brands");
    let at = at();
    for class in [&b"PXEClient:Arch:00000:UNDI:002001"[..], b"PXEClient:Arch:00007", b"HTTPClient:Arch:00016"] {
        for brand in registry.brands() {
            let answer = brand.dhcp_options(&DhcpQuery {
                vendor_class: Some(class),
                voice_vlan: Some(10),
                also: &[69, 6970, 18443],
                ..query(&at)
            });
            assert!(answer.options.is_empty(), "{}", brand.id);
            assert!(answer.left_out.iter().all(|left| left.because == Omission::NetworkBoot));
        }
    }
}

/// The toy with these DHCP options instead of its own.
fn with_options(options: &str) -> String {
    let (head, rest) = toy::MANIFEST.split_once("[[dhcp-option]]").expect("options");
    let (_, tail) = rest.split_once("[[file]]").expect("files");
    let sourced = options.replace(';', "\nsource = \"made up\"\nseen-on-a-phone = false\n");
    format!("{head}{sourced}\n[[file]]{tail}")
}

fn toy_with(options: &str) -> Registry {
    Registry::load(&[toy::folder(&with_options(options), toy::OWN)]).expect("the toy")
}

#[test]
fn every_form_is_encoded() {
    let registry = toy_with(
        r#"
        [[dhcp-option]]
        number = 125
        value = { enterprise = { number = 1027, sub-options = [
            { number = 1, value = { text = "id:{host}" } }, { number = 2, value = { voice-vlan = 2 } },
        ] } };
        [[dhcp-option]]
        number = 67
        value = { text = "{MAC}.cfg" };
        [[dhcp-option]]
        number = 67
        value = { text = "$mac.cfg" };
        [[dhcp-option]]
        number = 150
        value = "address"
        asks-at = [69];
        [[dhcp-option]]
        number = 132
        value = { voice-vlan = 2 };
        [[dhcp-option]]
        number = 133
        value = { octets = "00ff" };
        [[dhcp-option]]
        number = 161
        value = { text = "{host}[:{port}]/{path}" };
        "#,
    );
    let brand = registry.brand("toy").expect("the toy");
    let at = at();
    let all = DhcpQuery {
        mac: Some(Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56])),
        voice_vlan: Some(300),
        also: &[69],
        ..query(&at)
    };
    let expected = [
        (125, b"\0\0\x04\x03\x12\x01\x0cid:10.66.0.1\x02\x02\x01\x2c".to_vec()),
        (67, b"805EC0123456.cfg".to_vec()),
        (150, vec![10, 66, 0, 1]),
        (132, vec![1, 44]),
        (133, vec![0, 255]),
        (161, b"10.66.0.1/p".to_vec()),
    ];
    assert_eq!(brand.dhcp_options(&all).into_values(), expected);
    // Without a MAC the second way is taken, which needs none.
    let many = brand.dhcp_options(&DhcpQuery { mac: None, ..all }).into_values();
    assert_eq!(many[1], (67, b"$mac.cfg".to_vec()));
    let elsewhere = BoxAddress { http: 8080, ..at };
    let moved = brand.dhcp_options(&DhcpQuery { at: &elsewhere, also: &[], voice_vlan: None, ..all });
    let left: Vec<_> = moved.left_out.iter().map(|left| (left.number, left.because.clone())).collect();
    let expected = [
        (125, Omission::UnusualPort { port: 8080, usual: 80 }),
        (150, Omission::NothingThere(vec![69])),
        (132, Omission::NoVoiceVlan),
    ];
    assert_eq!(left, expected);
    assert_eq!(moved.into_values().last(), Some(&(161, b"10.66.0.1:8080/p".to_vec())));
    let v6 = BoxAddress { host: "fd00::1".parse().expect("an address"), ..elsewhere };
    let left = brand.dhcp_options(&DhcpQuery { at: &v6, ..all }).left_out;
    assert!(left.iter().any(|left| left.number == 150 && left.because == Omission::NotIpv4));
}

#[test]
fn a_value_that_is_too_long_is_left_out_whole() {
    let registry = toy_with(
        r#"
        [[dhcp-option]]
        number = 114
        classes = ["Toy"]
        longest = 20
        value = { text = "{url}" };
        [[dhcp-option]]
        number = 66
        value = { text = "{url}" };
        "#,
    );
    let brand = registry.brand("toy").expect("the toy");
    let (short, long) = (at(), BoxAddress { http: 8080, ..at() });
    let told = |at| brand.dhcp_options(&DhcpQuery { vendor_class: Some(b"TOY"), ..query(at) });
    assert_eq!(told(&short).into_values().len(), 2);
    let answer = told(&long);
    assert_eq!(answer.left_out[0].because, Omission::TooLong { length: 24, longest: 20 });
    assert_eq!(answer.into_values(), [(66, b"http://10.66.0.1:8080/p/".to_vec())]);
}

#[test]
fn what_an_option_may_not_say_is_refused() {
    for (option, said) in [
        ("number = 6\nvalue = \"address\"\nasks-at = [69];", "the server's"),
        ("number = 108\nvalue = { text = \"x\" };", "the server's"),
        ("number = 255\nvalue = { text = \"x\" };", "the server's"),
        ("number = 43\nvalue = { text = \"{url}\" };", "which?"),
        ("number = 114\nvalue = { text = \"{url}\" };", "which?"),
        ("number = 43\nclasses = [\"x\"]\nvalue = { text = \"{url}\" };", "too much"),
        ("number = 150\nvalue = \"address\";", "where does the phone ask"),
        ("number = 66\nvalue = { text = \"\" };", "printable"),
        ("number = 66\nvalue = { text = \"a\\nb\" };", "printable"),
        ("number = 66\nvalue = { text = \"{url\" };", "no }"),
        ("number = 66\nvalue = { text = \"[{url}\" };", "no ]"),
        ("number = 66\nvalue = { text = \"url}\" };", "closes"),
        ("number = 66\nvalue = { text = \"[x]\" };", "nothing decides"),
        ("number = 66\nvalue = { octets = \"0\" };", "hexadecimal"),
        ("number = 66\nvalue = { octets = \"0+\" };", "hexadecimal"),
        ("number = 132\nvalue = { voice-vlan = 3 };", "3 octets"),
        ("number = 66\nvalue = { colour = 3 };", "colour"),
        ("number = 66\nend-mark = true\nvalue = { text = \"x\" };", "end mark"),
        ("number = 66\nvalue = { enterprise = { number = 1, sub-options = [] } };", "option 125"),
        ("number = 125\nvalue = { text = \"x\" };", "option 125"),
        ("number = 66\nlongest = 3\nvalue = { text = \"four\" };", "at least 4"),
        ("number = 160\nvalue = { sub-options = [{ number = 255, value = { text = \"x\" } }] };", "of their own"),
        (
            "number = 160\nvalue = { sub-options = [{ number = 1, value = { text = \"x\" } }, { number = 1, value = { text = \"y\" } }] };",
            "twice",
        ),
    ] {
        let refusal = toy::refused(&with_options(&format!("[[dhcp-option]]\n{option}")), toy::OWN);
        assert!(refusal.contains(said), "{option}: {refusal}");
    }
    let long = format!("[[dhcp-option]]\nnumber = 66\nvalue = {{ text = \"{}\" }};", "x".repeat(256));
    assert!(toy::refused(&with_options(&long), toy::OWN).contains("255 fit"));
}
