//! `brand.toml` as written. What is unknown is refused; [`super::brand`] checks the rest.
//!
//! Every entry says where it is known from (`source`) and whether that source is a record of what a real phone sent
//! or took (`seen-on-a-phone`), as opposed to a document or an inference.

use serde::Deserialize;

use super::brand::FileKind;
use super::escape::Format;

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
    pub(super) file: Vec<File>,
    pub(super) accounts: Accounts,
    #[serde(default)]
    pub(super) model: Vec<Model>,
    pub(super) resync: Option<Notify>,
    pub(super) reboot: Option<Notify>,
    pub(super) tls: Tls,
}

/// A regular expression over the User-Agent; may capture `model`, `firmware` and `mac`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct UserAgent {
    pub(super) pattern: String,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// What DHCP option 60 begins with, in any case and with NULs left out.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct VendorClass {
    pub(super) prefix: String,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct MacPrefix {
    pub(super) prefix: String,
    pub(super) phones_only: bool,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct DhcpOption {
    pub(super) number: u8,
    pub(super) form: OptionForm,
    pub(super) source: String,
    pub(super) seen_on_a_phone: bool,
}

/// What a DHCP option of this brand holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OptionForm {
    /// The whole URL, ending with `/`.
    Url,
    /// Only the host of the URL.
    Host,
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
