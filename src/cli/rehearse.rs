//! `block66 rehearse`: plays a phone's boot against the running box.

use std::fmt::Write as _;

use super::client::Client;
use super::exit::Failure;
use super::output::print;
use crate::model::Mac;
use crate::rehearsal::Rehearsal;

/// Play a phone's boot against the running box, and name the first thing that would stop it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  block66 rehearse 80:5e:c0:12:34:56

The phone's own first contact, login, lease and history stay as they are. Ends
with exit code 1 when something would stop the phone.")]
pub(super) struct Rehearse {
    /// Its MAC address
    mac: Mac,
}

impl Rehearse {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let played: Rehearsal = client.post(&format!("phones/{}/rehearse", self.mac.plain()), &()).await?;
        print(&text(&played));
        match played.stopped_by {
            None => Ok(()),
            Some(finding) => Err(Failure::NotDone(format!("{}\n{}", finding.says, finding.next))),
        }
    }
}

fn text(played: &Rehearsal) -> String {
    let mut text =
        format!("{} {}, played by a {} on {}\n\n", played.mac, played.name, played.played_by, played.network);
    for step in &played.steps {
        let _ = writeln!(text, "{:>6.1} s  {}", step.after_ms as f64 / 1000.0, step.says);
    }
    let _ = writeln!(text);
    for part in &played.parts {
        let why = part.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        let _ = writeln!(text, "{:<11} {}{why}", part.name, part.state);
    }
    let _ = writeln!(text, "\nNot seen from here:");
    for unseen in &played.unseen {
        let _ = writeln!(text, "  {unseen}");
    }
    let _ = match &played.stopped_by {
        None => writeln!(text, "\nThe phone would come into service, and could come back."),
        Some(finding) => writeln!(text, "\nStopped at {} ({}).", finding.at, finding.code.word()),
    };
    text
}
