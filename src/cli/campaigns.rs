//! `block66 campaigns`: many phones told, at a pace.

use std::time::Duration;

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::output::{print, table, time};
use crate::admin::types;
use crate::model::{Id, Mac};
use crate::sip::CampaignView;
use crate::sip::campaign::State;

/// How often it is looked how far a campaign is.
const LOOK: Duration = Duration::from_millis(500);

/// Have many phones fetch their files again or restart, at a pace
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 campaigns start --model T46U --follow
  block66 campaigns list
  block66 campaigns stop 0192c3d4e5f60718293a4b5c6d7e8f90
        the identity stands in the list")]
pub(super) enum Campaigns {
    /// Begin to tell phones: all of them, or those that fit
    #[command(after_help = "Examples:
  block66 campaigns start --model T46U --follow
  block66 campaigns start --reboot --organisation Branch \\
      --between 22:00-06:00 --utc-offset 60 --at-most 5")]
    Start(Box<Start>),
    /// List the campaigns: the twenty newest
    List,
    /// Tell no more phones; those that are being told are waited for
    Stop {
        /// Its identity, as `list` shows it
        id: Id,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Start {
    /// Have them restart, instead of fetching their files again
    #[arg(long)]
    reboot: bool,
    /// These phones alone; may be given several times
    #[arg(long = "mac", value_name = "MAC", conflicts_with_all = ["organisation", "group", "brand", "model"])]
    macs: Vec<Mac>,
    /// Phones of this organisation
    #[arg(long)]
    organisation: Option<String>,
    /// Phones of this group
    #[arg(long)]
    group: Option<String>,
    /// Phones of this brand
    #[arg(long)]
    brand: Option<String>,
    /// Phones of this model
    #[arg(long)]
    model: Option<String>,
    /// How many are told at a time [default: 10]
    #[arg(long)]
    at_most: Option<u32>,
    /// How many are begun in a second [default: 2]
    #[arg(long)]
    per_second: Option<u32>,
    /// Only in these hours of the day, as 22:00-06:00
    #[arg(long, value_name = "HOURS")]
    between: Option<String>,
    /// Minutes east of UTC that the hours are meant in
    #[arg(long, default_value_t = 0, requires = "between", allow_negative_numbers = true)]
    utc_offset: i16,
    /// Percent of failures beyond which no more are told [default: 25]
    #[arg(long)]
    stop_above: Option<u8>,
    /// Show how far it is until it is over
    #[arg(long)]
    follow: bool,
}

impl Campaigns {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::Start(start) => start.run(client).await,
            Self::List => {
                let found: types::Campaigns = client.get("campaigns").await?;
                print(&listed(&found.campaigns));
                Ok(())
            }
            Self::Stop { id } => {
                let stopped: CampaignView = client.delete(&format!("campaigns/{id}")).await?;
                print(&format!("{}\n", said(&stopped)));
                Ok(())
            }
        }
    }
}

impl Start {
    async fn run(self, client: &Client) -> Result<(), Failure> {
        let draft = json!({
            "told": if self.reboot { "reboot" } else { "resync" },
            "macs": self.macs,
            "organisation": self.organisation,
            "group": self.group,
            "brand": self.brand,
            "model": self.model,
            "at-most": self.at_most,
            "per-second": self.per_second,
            "between": self.between,
            "utc-offset": self.utc_offset,
            "stop-above": self.stop_above,
        });
        let mut campaign: CampaignView = client.post("campaigns", &draft).await?;
        print(&format!("{}  {}\n", campaign.id, said(&campaign)));
        let mut last = said(&campaign);
        while self.follow && (campaign.state == State::Running || campaign.phones.running > 0) {
            tokio::time::sleep(LOOK).await;
            let found: types::Campaigns = client.get("campaigns").await?;
            let Some(now) = found.campaigns.into_iter().find(|other| other.id == campaign.id) else { break };
            campaign = now;
            if said(&campaign) != last {
                last = said(&campaign);
                eprintln!("{last}");
            }
        }
        match campaign.state {
            State::Failing => Err(Failure::NotDone(said(&campaign))),
            _ => Ok(()),
        }
    }
}

fn said(campaign: &CampaignView) -> String {
    let state = match campaign.state {
        State::Running => "goes on",
        State::Stopped => "stopped",
        State::Failing => "goes no further: too many fail",
        State::Ended => "ended",
    };
    let phones = campaign.phones;
    let outcomes: Vec<String> = campaign.outcomes.iter().map(|(code, count)| format!("{code} {count}")).collect();
    format!(
        "{state}: {} waiting, {} being told, {} done, {} failed  {}",
        phones.waiting,
        phones.running,
        phones.done,
        phones.failed,
        outcomes.join(", ")
    )
    .trim_end()
    .to_owned()
}

fn listed(campaigns: &[CampaignView]) -> String {
    let rows: Vec<[String; 4]> = campaigns
        .iter()
        .map(|campaign| {
            let told = format!("{:?}", campaign.told).to_lowercase();
            [campaign.id.to_string(), time(&campaign.begun.to_string()), told, said(campaign)]
        })
        .collect();
    table(["ID", "BEGAN (UTC)", "WHAT", "HOW IT STANDS"], &rows)
}
