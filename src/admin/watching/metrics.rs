//! For those who watch the box: counters in Prometheus' text form, and whether it lives and serves.

use std::fmt::Write as _;

use hyper::{Method, StatusCode};

use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::admin::route::Who;
use crate::admin::{Admin, types};

/// The text form of Prometheus' exposition.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Admin {
    /// Answers `/metrics`, `/healthz` and `/readyz`. The last two say nothing but yes or no, to anybody.
    pub(in crate::admin) async fn watched(&self, call: &Call, who: &Who) -> Result<Answer, Problem> {
        if call.method != Method::GET {
            return Err(Problem::wrong_method("GET"));
        }
        match call.path.first().map(String::as_str) {
            Some("healthz") => Ok(Answer::bytes("text/plain", b"ok\n".to_vec())),
            Some("readyz") => {
                let faults = self.faults().await;
                if faults.is_empty() {
                    return Ok(Answer::bytes("text/plain", b"ready\n".to_vec()));
                }
                tracing::warn!(?faults, "not ready");
                let next = "Look at the status of this box.";
                let says = "This box does not serve phones now.";
                Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", says, next))
            }
            _ if matches!(who, Who::Local | Who::SignedIn(_) | Who::Program(_)) => {
                Ok(Answer::bytes(TEXT, self.metrics().into_bytes()))
            }
            _ => Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "token-needed",
                "Metrics are read with a token of the API.",
                "Make one that may read, and send it as `Authorization: Bearer …`.",
            )),
        }
    }

    pub(in crate::admin) fn metrics(&self) -> String {
        let status = self.status(&self.listing(), false);
        let counts = self.0.facts.outlets.counts();
        let mut text = Exposition::default();
        text.family("block66_build_info", "gauge", "Version of the program.");
        text.sample("block66_build_info", &[("version", &status.version)], 1);
        text.family("block66_uptime_seconds", "counter", "Seconds since the program started.");
        text.sample("block66_uptime_seconds", &[], status.uptime_seconds);
        text.family("block66_clock_trusted", "gauge", "Whether the clock of the box is vouched for.");
        text.sample("block66_clock_trusted", &[], u64::from(status.time_trusted));
        text.family("block66_phones", "gauge", "Phones on the list, by how they stand.");
        let phones = status.phones;
        for (state, count) in [
            ("in-service", phones.in_service),
            ("on-the-way", phones.on_the_way),
            ("not-seen", phones.not_seen),
            ("attention", phones.attention),
        ] {
            text.sample("block66_phones", &[("state", state)], count as u64);
        }
        text.family("block66_alarms", "gauge", "Alarms that stand, by code.");
        text.family_samples("block66_alarms", "code", status.alarms.iter().map(|alarm| (alarm.code.as_str(), 1)));
        text.networks(&status.networks);
        text.family("block66_events_total", "counter", "Events, by code; repeats within a minute count each.");
        text.family_samples("block66_events_total", "code", counts.events.iter().map(|(code, n)| (code.as_str(), *n)));
        text.family("block66_events_dropped_total", "counter", "Events lost because the journal's queue was full.");
        text.sample("block66_events_dropped_total", &[], self.0.journal.dropped());
        text.family("block66_outlets_missed_total", "counter", "Events that came faster than they could be handed on.");
        text.sample("block66_outlets_missed_total", &[], counts.missed);
        text.family(
            "block66_outlet_messages_total",
            "counter",
            "Messages to collectors and webhooks, by what became of them.",
        );
        for (target, sent) in &counts.targets {
            for (result, count) in [("sent", sent.sent), ("dropped", sent.dropped), ("failed", sent.failed)] {
                text.sample("block66_outlet_messages_total", &[("target", target), ("result", result)], count);
            }
        }
        text.family(
            "block66_phone_log_lines_total",
            "counter",
            "Lines of phones' own syslog, by whether they were kept.",
        );
        text.sample("block66_phone_log_lines_total", &[("result", "kept")], counts.lines);
        text.sample("block66_phone_log_lines_total", &[("result", "dropped")], counts.lines_dropped);
        text.family("block66_firmware_bytes", "gauge", "Bytes that the images on the box take.");
        text.sample("block66_firmware_bytes", &[], self.0.facts.firmware.used());
        text.family(
            "block66_authority_ends_seconds",
            "gauge",
            "When the root certificate ends, in seconds since 1970.",
        );
        let ends = u64::try_from(self.0.facts.authority.not_after.secs()).unwrap_or_default();
        text.sample("block66_authority_ends_seconds", &[], ends);
        text.0
    }
}

/// Text in the making.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<String> = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    /// One sample for each value of a label; several of one value are added up.
    fn family_samples<'a>(&mut self, name: &str, label: &str, samples: impl Iterator<Item = (&'a str, u64)>) {
        let mut sums = std::collections::BTreeMap::new();
        for (text, value) in samples {
            *sums.entry(text).or_insert(0) += value;
        }
        for (text, value) in sums {
            self.sample(name, &[(label, text)], value);
        }
    }

    fn networks(&mut self, networks: &[types::Network]) {
        self.family("block66_leases", "gauge", "Addresses of the pool that are given, by network.");
        for network in networks {
            self.sample("block66_leases", &[("network", &network.name)], network.leases.into());
        }
        self.family("block66_pool_size", "gauge", "Addresses of the pool, by network.");
        for network in networks {
            self.sample("block66_pool_size", &[("network", &network.name)], network.pool_size.into());
        }
    }
}

/// A label's value: backslash, quote and line feed are escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_escaped_and_added_up() {
        let mut text = Exposition::default();
        text.family("a", "gauge", "Help.");
        text.sample("a", &[("b", "x\"y\\z\nw"), ("c", "d")], 3);
        text.family_samples("e", "f", [("g", 1), ("h", 1), ("g", 2)].into_iter());
        assert_eq!(
            text.0,
            "# HELP a Help.\n# TYPE a gauge\na{b=\"x\\\"y\\\\z\\nw\",c=\"d\"} 3\ne{f=\"g\"} 3\ne{f=\"h\"} 1\n"
        );
    }
}
