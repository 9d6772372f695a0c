//! `block66 events`: what happened, and why.

use super::client::Client;
use super::exit::Failure;
use super::output::{encode, is_for_programs, no_answer, time, write_on, write_out};
use crate::admin::types;
use crate::model::Mac;

/// What happened, with the reasons; the newest at the end
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  block66 events                           the last 50
  block66 events --mac 80:5e:c0:12:34:56   those of one phone
  block66 events --kind http --limit 500   files that were asked for
  block66 events --follow                  go on printing what happens")]
pub(super) struct Events {
    /// Only those about this phone
    #[arg(long)]
    mac: Option<Mac>,
    /// Only this kind: dhcp, http, tftp, tls, sip, pairing, journey, firmware, rollout,
    /// softphone, provider, admin or box
    #[arg(long)]
    kind: Option<String>,
    /// How many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Go on printing what happens until interrupted
    #[arg(long, short)]
    follow: bool,
}

impl Events {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let mut path = format!("events?limit={}", self.limit);
        if let Some(mac) = self.mac {
            path += &format!("&mac={}", mac.plain());
        }
        if let Some(kind) = &self.kind {
            path += &format!("&kind={}", encode(kind));
        }
        let mut found: types::Events = client.get(&path).await?;
        if !self.follow && is_for_programs() {
            return Ok(());
        }
        found.events.reverse();
        found.events.iter().for_each(|event| write_out(&said(event)));
        if self.follow {
            no_answer();
            client
                .follow(|kind, data| {
                    if kind == "missed" {
                        eprintln!("Some events came too quickly and are missing here: block66 events");
                    }
                    match serde_json::from_str::<types::Event>(data) {
                        Ok(event) if kind == "event" && self.wants(&event) => write_on(&said(&event)),
                        _ => Ok(()),
                    }
                })
                .await?;
        }
        Ok(())
    }

    fn wants(&self, event: &types::Event) -> bool {
        self.mac.is_none_or(|mac| event.mac == Some(mac))
            && self.kind.as_ref().is_none_or(|kind| event.code.split('.').next() == Some(kind))
    }
}

/// An event on one line: for people, or for a program that follows.
fn said(event: &types::Event) -> String {
    if is_for_programs() {
        return serde_json::to_string(event).unwrap_or_default() + "\n";
    }
    let who = match (&event.phone, event.mac) {
        (Some(name), Some(mac)) if !name.is_empty() => format!("{mac} ({name})"),
        (_, Some(mac)) => mac.to_string(),
        (_, None) => event.address.clone().unwrap_or_else(|| "box".into()),
    };
    let times = if event.count > 1 { format!(" ({} times)", event.count) } else { String::new() };
    let file = event.file.as_ref().map(|file| format!(" [{file}]")).unwrap_or_default();
    format!("{}  {:<5}  {who}  {}{times}{file}\n", time(&event.last), event.door, event.says)
}
