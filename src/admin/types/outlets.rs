use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outlets::{Line, Sent};

/// What was counted by the outlets since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutletCounts {
    /// News that came faster than they could be handed on.
    pub missed: u64,
    /// What became of messages, by target.
    pub targets: BTreeMap<String, Sent>,
    /// Lines of phones' own syslog that were kept.
    pub lines: u64,
    /// Lines that were not.
    pub lines_dropped: u64,
}

/// What a phone said by syslog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PhoneLog {
    /// Whether phones' own syslog is taken.
    pub taken: bool,
    /// The last lines, oldest first.
    pub lines: Vec<Line>,
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogFilter {
    /// As `info` or `block66::dhcp=debug,info`.
    pub filter: String,
}
