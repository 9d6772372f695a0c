//! `brand.toml` as written. What is unknown is refused; [`super::brand`] checks the rest.
//!
//! Every entry says where it is known from (`source`) and whether that source is a record of what a real phone sent
//! or took (`seen-on-a-phone`), as opposed to a document or an inference.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::escape::Format;
use super::file_rule::FileKind;
use crate::model::{ResourceKind, Transport};

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
    #[serde(default)]
    pub(super) maps: BTreeMap<String, Map>,
    /// Whether its phones can log in by HTTP.
    #[serde(default = "yes")]
    pub(super) http_login: bool,
    pub(super) resync: Option<Notify>,
    pub(super) reboot: Option<Notify>,
    #[serde(default)]
    pub(super) notify_of: Vec<NotifyOf>,
    pub(super) pnp: Option<Pnp>,
    pub(super) sip: Option<Sip>,
    pub(super) firmware: Option<Firmware>,
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

fn yes() -> bool {
    true
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
    /// Whether it may hold secrets; only of a phone's own file, whose usual it is.
    pub(super) secret: Option<bool>,
    /// Of a phone's own file or upload: its name does not say whose it is.
    #[serde(default)]
    pub(super) without_mac: bool,
    pub(super) template: Option<String>,
    pub(super) format: Option<Format>,
    pub(super) content_type: Option<String>,
    /// How one setting stands in it, with places for {name} and {value}.
    pub(super) setting: Option<String>,
    pub(super) order: u8,
    /// Of resources: which kinds are found by this name, if not all.
    pub(super) holds: Option<Vec<ResourceKind>>,
    /// Of a phone book: the parameter of the query that says what is looked for.
    pub(super) search: Option<String>,
    /// Of an upload: most bytes that are kept.
    pub(super) largest: Option<usize>,
    /// Of an upload: whether the phone fetches it again, as at its next boot.
    pub(super) given_back: Option<bool>,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// How many accounts a model has that is not listed.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Accounts {
    pub(super) unknown_model: usize,
    #[serde(default)]
    pub(super) keys: u16,
    #[serde(default)]
    pub(super) modules: u8,
    #[serde(default)]
    pub(super) module_keys: u16,
    #[serde(default)]
    pub(super) handsets: u16,
    #[serde(default)]
    pub(super) ports: u16,
    #[serde(default)]
    pub(super) traits: Vec<String>,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// Models that have this many accounts. What is not said of them is as for a model that is not listed.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Model {
    pub(super) names: Vec<String>,
    pub(super) accounts: usize,
    /// Keys of the phone itself that can be given a task, pages included.
    pub(super) keys: Option<u16>,
    /// Expansion modules that can be connected.
    pub(super) modules: Option<u8>,
    /// Keys of one of them.
    pub(super) module_keys: Option<u16>,
    /// Cordless handsets.
    pub(super) handsets: Option<u16>,
    /// Analogue ports.
    pub(super) ports: Option<u16>,
    /// Words of the brand's own that templates may ask for.
    pub(super) traits: Option<Vec<String>>,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// From the neutral model's words to the brand's own.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Map {
    /// What stands for every other word.
    pub(super) default: Option<Word>,
    pub(super) to: BTreeMap<String, Word>,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// A word or a number of a brand's own.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Word {
    Number(i64),
    Text(String),
}

/// The Event header of a NOTIFY.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Notify {
    pub(super) event: String,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// What its images are like.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Firmware {
    /// Regular expressions over the names of images, in lower case.
    pub(super) names: Vec<String>,
    /// So many numbers at the front of a release say which hardware it is for.
    #[serde(default)]
    pub(super) hardware_numbers: usize,
    /// Phones ask for these very names at every start and take what is newer.
    #[serde(default)]
    pub(super) fixed_names: bool,
    /// Whether phones take an older release than they run.
    #[serde(default)]
    pub(super) rollback: bool,
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
