//! `block66 rollouts`: an image for many phones, a few at a time.

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::firmware::named as image_named;
use super::output::{print, table, time};
use crate::admin::types;
use crate::model::Mac;

/// Bring an image to phones: a few first, then waves, and an end when too many fail
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 rollouts plan 66.86.0.160 --name Autumn
  block66 rollouts start Autumn
  block66 rollouts show Autumn
  block66 rollouts stop Autumn
  block66 rollouts back Autumn                      to the release from before
  block66 rollouts remove Autumn")]
pub(super) enum Rollouts {
    /// List the roll-outs, newest first
    List,
    /// Plan a roll-out; nothing happens before it is started
    #[command(after_help = "Examples:
  block66 rollouts plan T46S-66.86.0.160.rom --organisation Branch \\
      --between 22:00-06:00 --zone Europe/Berlin
  block66 rollouts plan 66.86.0.160 --phone 80:5e:c0:12:34:56 --start")]
    Plan(Box<Plan>),
    /// Show a roll-out, phone by phone
    Show {
        /// Its id or name
        rollout: String,
    },
    /// Start a roll-out, or a stopped one again
    Start {
        /// Its id or name
        rollout: String,
    },
    /// Stop a roll-out: no phone is told of its image any more
    Stop {
        /// Its id or name
        rollout: String,
    },
    /// Bring a roll-out's phones back to the release that they ran before
    Back {
        /// Its id or name
        rollout: String,
    },
    /// Take a roll-out off the list
    Remove {
        /// Its id or name
        rollout: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Plan {
    /// The image: its id, version or file name
    image: String,
    /// What to call it
    #[arg(long)]
    name: Option<String>,
    /// Only phones of this organisation
    #[arg(long)]
    organisation: Option<String>,
    /// Only phones of this group
    #[arg(long)]
    group: Option<String>,
    /// Only phones of this model
    #[arg(long)]
    model: Option<String>,
    /// Only this phone; several times for several
    #[arg(long, value_name = "MAC")]
    phone: Vec<Mac>,
    /// Phones that go first, at least one of each model; none of them may fail
    #[arg(long, value_name = "PHONES")]
    canary: Option<u32>,
    /// Phones of each wave after that
    #[arg(long, value_name = "PHONES")]
    wave: Option<u32>,
    /// Phones that may be updating at once
    #[arg(long, value_name = "PHONES")]
    at_once: Option<u32>,
    /// Phones that may fail after the first ones
    #[arg(long, value_name = "PHONES")]
    may_fail: Option<u32>,
    /// Minutes that a phone may take to come back
    #[arg(long, value_name = "MINUTES")]
    patience: Option<u64>,
    /// Hours of the branch in which updates may begin, as 22:00-06:00
    #[arg(long, value_name = "HOURS")]
    between: Option<String>,
    /// Day on which these hours begin, as mon; several times for several
    #[arg(long, value_name = "DAY")]
    on: Vec<String>,
    /// Time zone of the branch, as Europe/Berlin [default: the organisation's]
    #[arg(long)]
    zone: Option<String>,
    /// Start it at once
    #[arg(long)]
    start: bool,
}

impl Rollouts {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::List => {
                let found: types::Rollouts = client.get("rollouts").await?;
                print(&listed(&found));
                Ok(())
            }
            Self::Plan(plan) => plan.run(client).await,
            Self::Show { rollout } => {
                let rollout = named(client, &rollout).await?;
                print(&shown(&rollout));
                Ok(())
            }
            Self::Start { rollout } => order(client, &rollout, "start").await,
            Self::Stop { rollout } => order(client, &rollout, "stop").await,
            Self::Back { rollout } => {
                let rollout = named(client, &rollout).await?;
                let done: types::RolledBack = client.post(&format!("rollouts/{}/back", rollout.id), &()).await?;
                for back in &done.rollouts {
                    eprintln!("{} began: {} phones go back to {}.", back.name, back.scope, back.image.version);
                }
                for phone in &done.stay {
                    eprintln!("{} stays: {}.", phone.mac, phone.why);
                }
                Ok(())
            }
            Self::Remove { rollout } => {
                let rollout = named(client, &rollout).await?;
                let gone: types::Rollout = client.delete(&format!("rollouts/{}", rollout.id)).await?;
                eprintln!("Removed {}.", gone.name);
                Ok(())
            }
        }
    }
}

impl Plan {
    async fn run(self, client: &Client) -> Result<(), Failure> {
        let image = image_named(client, &self.image).await?;
        let usual = types::RolloutPlan::default();
        let plan = types::RolloutPlan {
            canary: self.canary.unwrap_or(usual.canary),
            wave: self.wave.unwrap_or(usual.wave),
            at_once: self.at_once.unwrap_or(usual.at_once),
            patience: self.patience.map_or(usual.patience, |minutes| minutes.saturating_mul(60)),
            may_fail: self.may_fail.unwrap_or(usual.may_fail),
            hours: self.between,
            days: self.on,
            zone: self.zone,
        };
        let draft = json!({
            "name": self.name, "image": image.id, "organisation": self.organisation, "group": self.group,
            "model": self.model, "phones": self.phone, "plan": plan,
        });
        let mut rollout: types::Rollout = client.post("rollouts", &draft).await?;
        if self.start {
            rollout = client.post(&format!("rollouts/{}/start", rollout.id), &()).await?;
        }
        print(&format!("{} · {} to {}\n{}\n", rollout.name, rollout.scope, rollout.image.version, rollout.says));
        Ok(())
    }
}

async fn order(client: &Client, rollout: &str, order: &str) -> Result<(), Failure> {
    let rollout = named(client, rollout).await?;
    let rollout: types::Rollout = client.post(&format!("rollouts/{}/{order}", rollout.id), &()).await?;
    eprintln!("{}: {}", rollout.name, rollout.says);
    if let Some(holds) = rollout.holds {
        eprintln!("No phone's turn comes for now: {holds}.");
    }
    Ok(())
}

/// The one roll-out that a text means, with its phones.
async fn named(client: &Client, text: &str) -> Result<types::Rollout, Failure> {
    let found: types::Rollouts = client.get("rollouts").await?;
    let means =
        |rollout: &types::Rollout| rollout.id.eq_ignore_ascii_case(text) || rollout.name.eq_ignore_ascii_case(text);
    let mut fitting: Vec<types::Rollout> = found.rollouts.into_iter().filter(means).collect();
    match (fitting.pop(), fitting.as_slice()) {
        (Some(rollout), []) => Ok(client.get(&format!("rollouts/{}", rollout.id)).await?),
        (Some(_), more) => Err(Failure::Given(format!(
            "{} roll-outs are called \"{text}\": name one by its id, as `block66 rollouts list` shows it.",
            more.len() + 1
        ))),
        (None, _) => {
            Err(Failure::Given(format!("There is no roll-out \"{text}\". Look it up with `block66 rollouts list`.")))
        }
    }
}

fn listed(found: &types::Rollouts) -> String {
    let rows: Vec<[String; 6]> = found
        .rollouts
        .iter()
        .map(|rollout| {
            let counts = &rollout.counts;
            let all = counts.waiting + counts.updating + counts.put_off + counts.done + counts.failed;
            let state = match &rollout.holds {
                Some(holds) => format!("{}: {holds}", rollout.state),
                None => rollout.state.clone(),
            };
            let done = format!("{} of {all}", counts.done);
            let to = format!("{} {}", rollout.image.brand, rollout.image.version);
            [rollout.id.clone(), rollout.name.clone(), to, done, counts.failed.to_string(), state]
        })
        .collect();
    table(["Id", "Name", "To", "Done", "Failed", "State"], &rows)
}

fn shown(rollout: &types::Rollout) -> String {
    let plan = &rollout.plan;
    let when = match &plan.hours {
        Some(hours) => format!(", {hours} {}", plan.zone.as_deref().unwrap_or_default()),
        None => String::new(),
    };
    let rows: Vec<[String; 5]> = rollout
        .phones
        .iter()
        .map(|phone| {
            let mark = if phone.in_wave { "*" } else { "" };
            let model = phone.model.clone().unwrap_or_default();
            let runs = phone.runs.clone().unwrap_or_default();
            [format!("{}{mark}", phone.mac), phone.name.clone(), model, runs, phone.says.clone()]
        })
        .collect();
    let holds = rollout.holds.as_ref().map(|holds| format!("No turn comes for now: {holds}.\n")).unwrap_or_default();
    let at = rollout.at.as_deref().map(|at| format!(" ({})", time(at))).unwrap_or_default();
    format!(
        "{}: {} to {} {}\n{}{at}\n{holds}{} first, waves of {}, {} at once, {} s each, {} may fail{when}\n\n{}",
        rollout.name,
        rollout.scope,
        rollout.image.brand,
        rollout.image.version,
        rollout.says,
        plan.canary,
        plan.wave,
        plan.at_once,
        plan.patience,
        plan.may_fail,
        table(["Phone", "Name", "Model", "Runs", "How it stands"], &rows)
    )
}
