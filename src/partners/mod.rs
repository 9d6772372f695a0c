//! Other people's protocols, one folder each.

pub mod audiocodes_snmp;

/// The one way that is not SIP to tell a device to fetch its files.
pub use audiocodes_snmp as gateway_snmp;
