//! `block66 status`: how the box is.

use std::fmt::Write as _;

use super::client::Client;
use super::exit::Failure;
use super::output::print;
use crate::admin::types;

/// How the box is, and what needs you
#[derive(Debug, clap::Args)]
pub(super) struct Status {}

impl Status {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let waiting: types::WaitingPhones = client.get("waiting").await?;
        // The last answer is the one that a program gets.
        let status: types::Status = client.get("status").await?;
        print(&text(&status, waiting.waiting.len()));
        Ok(())
    }
}

fn text(status: &types::Status, waiting: usize) -> String {
    let mut text = format!("{}\n", status.says);
    for alarm in &status.alarms {
        let _ = writeln!(text, "  ! {}", alarm.says);
        if let Some(advice) = &alarm.advice {
            let _ = writeln!(text, "    {advice}");
        }
    }
    if let Some(code) = &status.setup_code {
        let _ =
            writeln!(text, "\nNobody administers this box yet. Open its page and claim it with the setup code {code}");
    }
    let phones = status.phones;
    let _ = write!(
        text,
        "\nPhones      {} listed: {} in service, {} on their way, {} not seen yet, {} need attention\n",
        phones.total, phones.in_service, phones.on_the_way, phones.not_seen, phones.attention
    );
    if waiting > 0 {
        let _ = writeln!(text, "Waiting     {waiting} on no list: see `block66 waiting list`");
    }
    for network in &status.networks {
        let _ = writeln!(
            text,
            "Network     {} ({} on {}). {}",
            network.name, network.subnet, network.interface, network.says
        );
        if network.pool_size > 0 {
            let _ = writeln!(text, "            {} of {} addresses are given", network.leases, network.pool_size);
        }
    }
    let pages = status.addresses.iter().map(|address| match address.contains(':') {
        true => format!("https://[{address}]/"),
        false => format!("https://{address}/"),
    });
    let pages: Vec<String> = pages.collect();
    let pages = if pages.is_empty() {
        "no address yet: give this box a static one on the network of the phones".to_owned()
    } else {
        pages.join(" ")
    };
    let trusted = if status.time_trusted { "" } else { " (not confirmed by anything yet)" };
    let _ = write!(
        text,
        "Page        {pages}\nAuthority   {}\n            {}\nClock       {}{trusted}\nVersion     {} on {}, running for {} s\n",
        status.authority.words,
        status.authority.fingerprint,
        super::output::time(&status.time),
        status.version,
        status.name,
        status.uptime_seconds,
    );
    text
}
