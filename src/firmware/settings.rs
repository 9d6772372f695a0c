use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cache::Room;
use super::upstream;

/// What an administrator may set about firmware.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Settings {
    /// Bytes that all images together may take.
    pub quota: u64,
    /// Bytes of the disk that stay free.
    pub reserve: u64,
    /// Bytes a second that are fetched from outside, all downloads together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_rate: Option<u64>,
    /// Bytes a second that one phone is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_rate: Option<u64>,
    /// Whether TFTP transfers stay on the port that was asked, for firewalls that know no better.
    pub tftp_single_port: bool,
    /// Whether phones may leave files over TFTP, of those kinds that they may send over HTTP.
    pub tftp_uploads: bool,
    /// Proxy on the way outside, `http://host:port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Certificate authorities, besides the public ones, that servers outside may have theirs from; PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
}

impl Settings {
    /// The name of the setting in the store.
    pub(super) const KEY: &str = "firmware.settings";

    /// Whether these can be used.
    ///
    /// # Errors
    /// What is wrong, in a sentence without its full stop.
    pub fn check(&self) -> Result<(), String> {
        if self.quota < 1 << 20 {
            return Err("the quota must be a megabyte at least".into());
        }
        // Below it the store takes nothing any more, and does not start.
        if self.reserve < 64 << 20 {
            return Err("64 megabytes of the disk must stay free at least".into());
        }
        if self.upstream_rate.is_some_and(|rate| rate < 1024) || self.phone_rate.is_some_and(|rate| rate < 1024) {
            return Err("a rate must be a kilobyte a second at least".into());
        }
        upstream::check(self.authorities.as_deref(), self.proxy.as_deref()).map_err(|failure| failure.to_string())
    }

    /// The room of the cache.
    pub fn room(&self) -> Room {
        Room { quota: self.quota, reserve: self.reserve }
    }
}

impl Default for Settings {
    /// Two gigabytes, of a disk of which a quarter of one stays free.
    fn default() -> Self {
        Self {
            quota: 2 << 30,
            reserve: 256 << 20,
            upstream_rate: None,
            phone_rate: None,
            tftp_single_port: false,
            tftp_uploads: false,
            proxy: None,
            authorities: None,
        }
    }
}
