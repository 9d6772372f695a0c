//! `block66 update`: the versions of the appliance.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use super::exit::Failure;
use super::output::{answer, print};
use crate::model::as_sentence;
use crate::steward::{Error, Request, SOCKET, Standing, Steward, UPDATES};

/// The version of the appliance that runs, and newer ones
#[derive(Debug, clap::Subcommand)]
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
}

impl Update {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let steward = Steward::new(SOCKET);
        match self {
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
    let name = format!("by-hand-{}.raucb", std::process::id());
    let place = PathBuf::from(UPDATES).join(&name);
    std::fs::copy(&file, &place)
        .map_err(|error| Failure::Unreadable { path: file.display().to_string(), why: error.to_string() })?;
    Ok(name)
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
        Error::Absent => Failure::NotHere(
            "This is not the appliance: there is no other version beside the one that runs.\n\
             Update the program as you installed it."
                .into(),
        ),
        Error::Broken(_) => Failure::NotDone(format!(
            "{}\nLook into the log: journalctl -u 'block66-*'",
            as_sentence(&error.to_string())
        )),
    })
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
