//! What DHCP tells a phone, in the form that its brand reads.

mod answer;
mod option;
mod text;
mod value;

pub use answer::{DhcpAnswer, DhcpForm, DhcpOption, DhcpQuery, LeftOut, Omission};
pub(super) use option::{OptionRule, answer, check};
pub(super) use text::Text;
