//! `brand.toml` as written. What is unknown is refused; [`super::brand`] checks the rest.
//!
//! Every entry says where it is known from (`source`) and whether that source is a record of what a real phone sent
//! or took (`seen-on-a-phone`), as opposed to a document or an inference.

use serde::Deserialize;

use super::brand::FileKind;
use super::escape::Format;
use crate::model::Transport;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) name: String,
    #[serde(default)]
    pub(super) user_agent: Vec<UserAgent>,
    #[serde(default)]
    pub(super) vendor_class: Vec<VendorClass>,
    #[serde(default)]
    pub(super) mac_prefix: Vec<MacPrefix>,
    #[serde(default)]
    pub(super) dhcp_option: Vec<DhcpOption>,
    #[serde(default)]
    pub(super) file: Vec<File>,
    /// Needed where a file is made.
    pub(super) accounts: Option<Accounts>,
    #[serde(default)]
    pub(super) model: Vec<Model>,
    pub(super) resync: Option<Notify>,
    pub(super) reboot: Option<Notify>,
    #[serde(default)]
    pub(super) notify_of: Vec<NotifyOf>,
    pub(super) pnp: Option<Pnp>,
    pub(super) sip: Option<Sip>,
    pub(super) tls: Tls,
    pub(super) inform: Option<Inform>,
}

/// Its phones ask by DHCPINFORM when their lease tells them nothing.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Inform {
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// A regular expression over the User-Agent; may capture `model`, `firmware` and `mac`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct UserAgent {
    pub(super) pattern: String,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// How DHCP option 60 begins and ends, in any case and with NULs left out; or whose binary class it is.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct VendorClass {
    /// The whole class.
    pub(super) exact: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) suffix: Option<String>,
    pub(super) unless_suffix: Option<String>,
    /// An IANA enterprise number: the class is binary, in the form of RFC 3925.
    pub(super) enterprise: Option<u32>,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct MacPrefix {
    pub(super) prefix: String,
    pub(super) phones_only: bool,
    /// Options of which such a phone asks for at least one; else those that bring it to its configuration.
    pub(super) asks_for: Option<Vec<u8>>,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// One way to say a DHCP option. Of several with one number, the first that can be said is.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct DhcpOption {
    pub(super) number: u8,
    pub(super) value: OptionValue,
    /// Only to those whose vendor class begins with one of these.
    #[serde(default)]
    pub(super) classes: Vec<String>,
    /// Also to those who send no vendor class at all.
    #[serde(default)]
    pub(super) without_a_class: bool,
    /// Only to those whose user class (option 77) begins with one of these.
    #[serde(default)]
    pub(super) user_classes: Vec<String>,
    /// Only while the URL has this scheme.
    pub(super) scheme: Option<UrlScheme>,
    /// Only to those who ask for it in option 55.
    #[serde(default)]
    pub(super) when_requested: bool,
    /// The phone asks at one of these ports, whatever the URL says.
    #[serde(default)]
    pub(super) asks_at: Vec<u16>,
    /// Most bytes that the phone takes, where that is less than an option holds.
    pub(super) longest: Option<u8>,
    /// Sub-options end with the octet 255.
    #[serde(default)]
    pub(super) end_mark: bool,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// What an option or sub-option holds.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum OptionValue {
    /// Text with places in braces, and in brackets what is left out when its places have nothing to say.
    Text(String),
    /// The box's IPv4 address.
    Address,
    /// These octets, in hexadecimal.
    Octets(String),
    /// The number of the voice VLAN in so many octets, the highest first.
    VoiceVlan(u8),
    /// Each as number, length, value.
    SubOptions(Vec<SubOption>),
    /// Sub-options behind an enterprise number and their length (RFC 3925 section 4).
    Enterprise(Enterprise),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct SubOption {
    pub(super) number: u8,
    pub(super) value: OptionValue,
    #[serde(default)]
    pub(super) asks_at: Vec<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Enterprise {
    pub(super) number: u32,
    pub(super) sub_options: Vec<SubOption>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum UrlScheme {
    Http,
    Https,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) kind: FileKind,
    pub(super) template: Option<String>,
    pub(super) format: Option<Format>,
    pub(super) content_type: Option<String>,
    pub(super) order: u8,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// How many accounts a model has that is not listed.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Accounts {
    pub(super) unknown_model: usize,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// Models that have this many accounts.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Model {
    pub(super) names: Vec<String>,
    pub(super) accounts: usize,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// The Event header of a NOTIFY.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Notify {
    pub(super) event: String,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) newest: String,
    pub(super) client_certificate: bool,
    pub(super) takes_our_ca: bool,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// Models that are told by other events than the brand's.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct NotifyOf {
    /// A regular expression over the model's name.
    pub(super) models: String,
    /// Event that makes them fetch their files again; none when they know none.
    pub(super) resync: Option<String>,
    /// Event that makes them restart.
    pub(super) reboot: Option<String>,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// How phones of the brand ask by SIP multicast, and what they are told.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Pnp {
    /// What stands in the `vendor` parameter of their Event, in any case.
    #[serde(default)]
    pub(super) vendors: Vec<String>,
    /// Regular expressions over the User-Agent of their SUBSCRIBE; may capture `model`, `firmware` and `mac`.
    #[serde(default)]
    pub(super) user_agents: Vec<String>,
    /// The body of the answer, with places as in a DHCP option.
    pub(super) answer: String,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// How phones of the brand take a NOTIFY.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Sip {
    /// Port at which they listen unless they say otherwise.
    pub(super) port: Option<u16>,
    /// How they are spoken to, the most likely first.
    #[serde(default)]
    pub(super) transports: Vec<Transport>,
    /// Seconds within which they fetch after they took the message.
    pub(super) fetches_within: Option<u64>,
    /// Realms with which they ask for the login of their line, besides the name of its server.
    #[serde(default)]
    pub(super) realms: Vec<String>,
    /// What to switch on in the phone when it does not react, as a sentence.
    pub(super) switch_on: Option<String>,
    /// Another way to reach them where SIP does not: the name of a part under `partners/`.
    pub(super) otherwise: Option<String>,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}
