//! Other people's protocols, one folder each.

pub mod audiocodes_snmp;
