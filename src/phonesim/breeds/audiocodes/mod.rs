//! AudioCodes: phones of the 4xx series and MP-11x gateways, which have little in common but their maker.

mod gateway;
mod ini;
mod phone;

pub(super) use gateway::BREED as GATEWAY;
pub(super) use phone::BREED as PHONE;
