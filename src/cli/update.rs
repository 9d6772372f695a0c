//! `block66 update`: the versions of the appliance.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::client::Client;
use super::exit::Failure;
use super::output::{answer, print};
use crate::admin::types;
use crate::model::settings::Zone;
use crate::model::{Timestamp, as_sentence};
use crate::steward::{Error, Request, SOCKET, Standing, Steward, UPDATES};

/// Hours of the branch in which nobody misses its phones.
const NIGHT: Range<u8> = 2..5;

/// The version of the appliance that runs, and newer ones
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "The image has no command line: there a version is installed on the page, over
the API, from a USB stick, or at night.")]
pub(super) enum Update {
    /// Show which version runs, and which starts next
    Show,
    /// Install a signed bundle beside the version that runs
    #[command(after_help = "Examples:
  block66 update install block66-1.2.0-x86_64.raucb
        a file
  block66 update install https://updates.example.net/block66-x86_64.raucb
        streamed, nothing is kept

The new version runs after the next start. If it does not do what the box is
for, the one before comes back by itself.")]
    Install {
        /// File or address
        bundle: String,
        /// Also when it is older than the one that runs
        #[arg(long)]
        older: bool,
        /// Start it at once
        #[arg(long)]
        reboot: bool,
    },
    /// Tell by the exit code whether it is night in the branch
    #[command(after_help = "The appliance looks for a newer version, and starts it, only then: from two to
five by the clocks of the branch (UTC while no time zone is set for its
organisation), and only when something vouches for the clock of the box.")]
    Night,
}

impl Update {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let steward = Steward::new(SOCKET);
        match self {
            Self::Night => {
                let status: types::Status = client.get("status").await?;
                print(&night(&status).map_err(Failure::Given)?);
            }
            Self::Show => tell(&ask(&steward, &Request::Status {}).await?),
            Self::Install { bundle, older, reboot } => {
                let from = if bundle.contains("://") { bundle } else { handed_over(bundle.into())? };
                let removed = PathBuf::from(UPDATES).join(&from);
                let installed = ask(&steward, &Request::Install { from: from.clone(), older }).await;
                if !from.contains("://") {
                    let _ = std::fs::remove_file(removed);
                }
                tell(&installed?);
                if reboot {
                    ask(&steward, &Request::Reboot {}).await?;
                }
            }
        }
        Ok(())
    }
}

/// Copies a file to where the steward takes bundles from, and gives its name there.
fn handed_over(file: PathBuf) -> Result<String, Failure> {
    if !Path::new(UPDATES).is_dir() {
        return Err(not_the_appliance());
    }
    let name = format!("by-hand-{}.raucb", std::process::id());
    let place = PathBuf::from(UPDATES).join(&name);
    let unreadable =
        |error: std::io::Error| Failure::Unreadable { path: file.display().to_string(), why: error.to_string() };
    let unwritable =
        |error: std::io::Error| Failure::Unwritable { path: place.display().to_string(), why: error.to_string() };
    let mut bundle = File::open(&file).map_err(unreadable)?;
    let mut copy = File::create_new(&place).map_err(unwritable)?;
    std::io::copy(&mut bundle, &mut copy).map_err(|error| {
        let _ = std::fs::remove_file(&place);
        unwritable(error)
    })?;
    Ok(name)
}

fn not_the_appliance() -> Failure {
    Failure::NotHere(
        "This is not the appliance: there is no other version beside the one that runs.\n\
         Update the program as you installed it."
            .into(),
    )
}

async fn ask(steward: &Steward, request: &Request) -> Result<Standing, Failure> {
    let watched = std::io::stderr().is_terminal();
    let told = |percent: u8, says: &str| {
        if watched {
            let _ = write!(std::io::stderr(), "\r\x1b[K{percent:3} % {says}");
        } else {
            let _ = writeln!(std::io::stderr(), "{percent:3} % {says}");
        }
    };
    steward.ask(request, told).await.map_err(|error| match error {
        Error::Refused(refusal) => Failure::Given(refusal.says),
        Error::Absent => not_the_appliance(),
        Error::Broken(_) => Failure::NotDone(format!(
            "{}\nLook into the log: journalctl -u 'block66-*'",
            as_sentence(&error.to_string())
        )),
    })
}

/// Says that it is night in the branch, or why not.
fn night(status: &types::Status) -> Result<String, String> {
    if !status.time_trusted {
        return Err("Nothing vouches for the clock of this box.".into());
    }
    let time = OffsetDateTime::parse(&status.time, &Rfc3339).map_err(|error| format!("{}: {error}.", status.time))?;
    let zone = status.zone.as_deref().and_then(Zone::named);
    let ahead = zone.map_or(0, |zone| zone.ahead(Timestamp::from_secs(time.unix_timestamp())));
    let there = time + Duration::minutes(ahead.into());
    let says = format!("{:02}:{:02} in {}", there.hour(), there.minute(), zone.map_or("UTC", Zone::name));
    match NIGHT.contains(&there.hour()) {
        true => Ok(format!("It is night in the branch: {says}.\n")),
        false => Err(format!("It is {says}, which is not the night of the branch.")),
    }
}

fn tell(standing: &Standing) {
    print(&shown(standing));
    answer(standing);
}

fn shown(standing: &Standing) -> String {
    let confirmed = if standing.confirmed { "confirmed" } else { "not confirmed yet" };
    let next = if standing.next == standing.slot { "the same" } else { "the one that was installed" };
    format!(
        "Version     {} in slot {}, {confirmed}\nNext start  {next} (slot {})\nSerial      {}\n",
        standing.version, standing.slot, standing.next, standing.serial
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(time: &str, trusted: bool, zone: Option<&str>) -> types::Status {
        let mut status = serde_json::json!({
            "name": "box", "version": "1.0.0", "uptime_seconds": 1, "time": time, "time_trusted": trusted, "claimed": true,
            "health": "good", "says": "", "alarms": [], "addresses": [], "networks": [],
            "phones": {"total": 0, "in_service": 0, "on_the_way": 0, "not_seen": 0, "attention": 0},
            "authority": {"fingerprint": "", "words": "", "not_before": "", "not_after": ""},
        });
        status["zone"] = zone.into();
        serde_json::from_value(status).unwrap()
    }

    #[test]
    fn night_is_the_branch_s_own() {
        // Summer in Berlin, two hours ahead; in New York it is evening, in Kolkata half past five.
        let at = "2026-07-01T00:15:00Z";
        assert_eq!(
            night(&status(at, true, Some("Europe/Berlin"))).unwrap(),
            "It is night in the branch: 02:15 in Europe/Berlin.\n"
        );
        assert!(night(&status(at, true, Some("America/New_York"))).unwrap_err().contains("20:15 in America/New_York"));
        assert!(night(&status(at, true, Some("Asia/Kolkata"))).unwrap_err().contains("05:45 in Asia/Kolkata"));
        assert!(night(&status("2026-07-01T02:00:00Z", true, None)).unwrap().contains("02:00 in UTC"));
        assert!(night(&status("2026-07-01T05:00:00Z", true, None)).is_err());
    }

    #[test]
    fn without_a_clock_there_is_no_night() {
        assert!(night(&status("2026-07-01T02:00:00Z", false, None)).unwrap_err().contains("vouches"));
    }
}
