//! `block66 check`: whether a configuration makes sense.

use std::path::PathBuf;

use super::exit::Failure;
use super::output::{answer, print};
use crate::config::{self, Config, Network};
use crate::sys::interfaces;

/// Check a configuration, without touching the running box
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  block66 check                  /etc/block66/block66.toml
  block66 check ./block66.toml   this file")]
pub(super) struct Check {
    /// The configuration
    #[arg(default_value = config::USUAL_PATH)]
    file: PathBuf,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (config, warnings) = Config::load(&self.file)?;
        // It may be meant for another machine, so this is no fault.
        let here = interfaces::addresses().unwrap_or_default();
        let mut warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        warnings.extend(config.networks.iter().filter_map(|network| elsewhere(network, &here)));
        for warning in &warnings {
            eprintln!("{}: {warning}", self.file.display());
        }
        print(&format!("{}: in order\n", self.file.display()));
        answer(&serde_json::json!({ "file": self.file, "warnings": warnings }));
        Ok(())
    }
}

/// What is said of a network that this machine has no address in.
fn elsewhere(network: &Network, here: &[interfaces::Address]) -> Option<String> {
    if here.iter().any(|own| own.interface == network.interface && network.subnet.contains(&own.net.addr())) {
        return None;
    }
    let own = here.iter().filter(|own| !own.loopback).map(|own| format!("{} {}", own.interface, own.net));
    let own: Vec<String> = own.collect();
    let has = if own.is_empty() { "it has none yet".to_owned() } else { format!("it has {}", own.join(", ")) };
    Some(format!(
        "this machine has no address of {} on {}, so phones would not find it; {has}",
        network.subnet, network.interface
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_the_machine_is_not_in_is_named_with_those_that_it_is_in() {
        let own = |interface: &str, net: &str| interfaces::Address {
            interface: interface.to_owned(),
            net: net.parse().unwrap(),
            loopback: interface == "lo",
        };
        let text = "[[network]]\nname = \"office\"\ninterface = \"eth0\"\nsubnet = \"10.66.0.0/24\"\n";
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("block66.toml");
        std::fs::write(&file, text).unwrap();
        let (config, _) = Config::load(&file).unwrap();
        let said = |here: &[interfaces::Address]| elsewhere(&config.networks[0], here);

        assert_eq!(said(&[own("eth0", "10.66.0.2/24")]), None);
        let other = said(&[own("lo", "127.0.0.1/8"), own("eth1", "10.66.0.2/24")]).unwrap();
        assert!(other.contains("10.66.0.0/24 on eth0") && other.ends_with("it has eth1 10.66.0.2/24"), "{other}");
        assert!(said(&[own("lo", "127.0.0.1/8")]).unwrap().ends_with("it has none yet"));
    }
}
