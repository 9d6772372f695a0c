use crate::model::{BoxAddress, Mac, Scheme};

/// Who asks, and where the box is as seen from there.
#[derive(Debug, Clone, Copy)]
pub struct DhcpQuery<'a> {
    /// How the phone is to reach the box.
    pub scheme: Scheme,
    /// Where the box is.
    pub at: &'a BoxAddress,
    /// Ports besides those two at which the box answers phones: 69 for TFTP, 6970.
    pub also: &'a [u16],
    /// The phone's hardware address; `None` when the answer is for many phones.
    pub mac: Option<Mac>,
    /// Option 60 as sent.
    pub vendor_class: Option<&'a [u8]>,
    /// Option 77 as sent.
    pub user_class: Option<&'a [u8]>,
    /// Option 55; `None` when it is not known and all may be said.
    pub requested: Option<&'a [u8]>,
    /// The VLAN that phones belong in. `None` where that is not known, where the box cannot be reached in it, or where
    /// the phone is in it already: a phone that is told the VLAN it is in may restart for ever.
    pub voice_vlan: Option<u16>,
}

/// What is said to one phone, and what is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DhcpAnswer {
    /// Each number once, in the brand's order.
    pub options: Vec<DhcpOption>,
    /// What this brand could be told and is not.
    pub left_out: Vec<LeftOut>,
}

impl DhcpAnswer {
    /// Numbers and values alone, as they go into a message.
    pub fn into_values(self) -> Vec<(u8, Vec<u8>)> {
        self.options.into_iter().map(|option| (option.number, option.value)).collect()
    }
}

/// An option for one phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DhcpOption {
    /// Its number.
    pub number: u8,
    /// Its bytes, at most 255.
    pub value: Vec<u8>,
    /// What the bytes are.
    pub form: DhcpForm,
    /// Where it is known from that this brand reads it so.
    pub why: String,
}

/// What the bytes of an option are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DhcpForm {
    /// Printable ASCII.
    Text,
    /// IPv4 addresses of four octets each.
    Addresses,
    /// Anything else.
    Octets,
}

/// An option that is not said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its number.
    pub number: u8,
    /// Why not.
    pub because: Omission,
}

/// Why an option is not said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Omission {
    /// Whatever else it is, the device boots from the network at this moment.
    #[error("the device boots from the network, and would take this for its boot server")]
    NetworkBoot,
    /// It is for another vendor class.
    #[error("only for vendor class {0}")]
    OtherClass(String),
    /// It is for another user class.
    #[error("only for user class {0}")]
    OtherUserClass(String),
    /// It is for a URL of the other scheme.
    #[error("only for an address that begins with {0}://")]
    OtherScheme(&'static str),
    /// The phone does not ask for it.
    #[error("the phone does not ask for it")]
    NotRequested,
    /// There is no voice VLAN to tell.
    #[error("no voice VLAN is to be told here")]
    NoVoiceVlan,
    /// No VLAN has this number.
    #[error("{0} is not the number of a VLAN (1 to 4094)")]
    NotAVlan(u16),
    /// It names the phone's hardware address.
    #[error("it names the phone's MAC address, which is not known")]
    NoMac,
    /// It holds IPv4 addresses.
    #[error("it holds an IPv4 address, and the box is known by another")]
    NotIpv4,
    /// It holds a bare host, and the box does not answer at the usual port.
    #[error("it cannot carry a port, and the box answers at {port} and not at {usual}")]
    UnusualPort {
        /// Where the box answers.
        port: u16,
        /// Where the phone would ask.
        usual: u16,
    },
    /// Nothing of the box answers where the phone would ask.
    #[error("the phone would ask at port {}, where nothing of the box answers", .0.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "))]
    NothingThere(Vec<u16>),
    /// The value is too long.
    #[error("{length} bytes, and {longest} fit")]
    TooLong {
        /// Its length.
        length: usize,
        /// The most that fits.
        longest: usize,
    },
    /// Nothing would stand in it.
    #[error("there is nothing to say")]
    Empty,
}
