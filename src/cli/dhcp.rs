//! `block66 dhcp`: what DHCP does, who is there, and what phones are told.

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::client::Client;
use super::exit::Failure;
use super::output::{encode, print, table, time};
use crate::admin::types;
use crate::dhcp::export::Target;

/// What DHCP does on each network and why; who is there; what phones are told
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  block66 dhcp
        what is done on each network, and why
  block66 dhcp seen
        who is there, and which phones are not
  block66 dhcp ask
        what the other DHCP server tells each brand
  block66 dhcp explain 80:5e:c0:12:34:56
        what this device would be told
  block66 dhcp export --for dnsmasq
        for the DHCP server that you have
  block66 dhcp export-leases --form kea > leases4.csv
  block66 dhcp import-leases --form dnsmasq dnsmasq.leases
  block66 dhcp take-over
        stand in for a server that is gone"
)]
pub(super) struct Dhcp {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Devices that were noticed on the networks, and listed phones that were not
    Seen,
    /// Ask the other DHCP servers as a phone of each brand would, and show what it gets
    Ask {
        /// Name of the network, where there are several
        #[arg(long)]
        network: Option<String>,
    },
    /// Show what a device would be told, and why
    Explain {
        /// Its MAC address, or a vendor class (option 60)
        client: String,
        /// Name of the network, where there are several
        #[arg(long)]
        network: Option<String>,
    },
    /// Stand in for a DHCP server that is gone, with short leases, until it is back
    TakeOver {
        /// Name of the network, where there are several
        #[arg(long)]
        network: Option<String>,
    },
    /// Print configuration for another DHCP server, so that it points phones to this box
    Export {
        /// dnsmasq, kea, isc, windows, mikrotik, fortigate, unifi or opnsense
        #[arg(long = "for", value_name = "SERVER", value_parser = target)]
        target: Target,
        /// Name of the network, where there are several
        #[arg(long)]
        network: Option<String>,
        /// Address of this box as phones see it [default: its own on that network]
        #[arg(long, value_name = "IP")]
        address: Option<std::net::IpAddr>,
        /// VLAN that phones are to be sent into
        #[arg(long, value_name = "VLAN", value_parser = clap::value_parser!(u16).range(1..=4094))]
        voice_vlan: Option<u16>,
    },
    /// Print the leases as another server keeps them
    ExportLeases {
        /// dnsmasq or kea
        #[arg(long)]
        form: String,
        /// Name of the network, where there are several
        #[arg(long)]
        network: Option<String>,
    },
    /// Take over the leases that another server kept: dnsmasq.leases or kea-leases4.csv
    ImportLeases {
        /// The file; `-` reads standard input
        file: PathBuf,
        /// dnsmasq or kea
        #[arg(long)]
        form: String,
        /// Name of the network, where there are several
        #[arg(long)]
        network: Option<String>,
    },
}

fn target(name: &str) -> Result<Target, String> {
    Target::named(name).ok_or_else(|| {
        let names: Vec<&str> = Target::ALL.into_iter().map(Target::name).collect();
        format!("expected one of {}", names.join(", "))
    })
}

impl Dhcp {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let Some(command) = self.command else {
            let all: types::Dhcp = client.get("dhcp").await?;
            print(&overview(&all));
            return Ok(());
        };
        match command {
            Command::Seen => {
                let found: types::Sightings = client.get("sightings").await?;
                print(&sightings(&found));
            }
            Command::Ask { network } => {
                let network = named(client, network).await?;
                let asked: types::Asked = client.post(&format!("dhcp/{}/ask", encode(&network)), &()).await?;
                print(&answers(&asked));
            }
            Command::Explain { client: device, network } => {
                let network = named(client, network).await?;
                let path = format!("dhcp/{}/explain?client={}", encode(&network), encode(&device));
                let explained: types::Explanation = client.get(&path).await?;
                print(&explanation(&explained));
            }
            Command::TakeOver { network } => {
                let network = named(client, network).await?;
                let _: types::Dhcp = client.post(&format!("dhcp/{}/take-over", encode(&network)), &()).await?;
                print(&format!("This box stands in on {network} until the other DHCP server is back.\n"));
            }
            Command::Export { target, network, address, voice_vlan } => {
                let network = match address {
                    Some(_) => network,
                    None => Some(named(client, network).await?),
                };
                let mut path = format!("dhcp/export?for={}", target.name());
                let address = address.map(|address| address.to_string());
                let voice_vlan = voice_vlan.map(|vlan| vlan.to_string());
                for (name, value) in [("network", network), ("address", address), ("voice_vlan", voice_vlan)] {
                    if let Some(value) = value {
                        let _ = write!(path, "&{name}={}", encode(&value));
                    }
                }
                let export: types::DhcpExport = client.get(&path).await?;
                print(&export.text);
            }
            Command::ExportLeases { form, network } => {
                let file: types::LeaseFile = client.get(&leases("export", &form, network.as_deref())).await?;
                print(&file.text);
            }
            Command::ImportLeases { file, form, network } => {
                let path = leases("import", &form, network.as_deref());
                let done: types::LeasesImported = client.post_csv(&path, read(&file)?).await?;
                print(&format!(
                    "{} leases taken over on {}; {} left out: one of their address or client runs here, or they are of another network.\n",
                    done.taken, done.network, done.skipped
                ));
            }
        }
        Ok(())
    }
}

/// The network of that name; the only one when none is named.
async fn named(client: &Client, name: Option<String>) -> Result<String, Failure> {
    if let Some(name) = name {
        return Ok(name);
    }
    let all: types::Dhcp = client.get("dhcp").await?;
    match all.networks.as_slice() {
        [only] => Ok(only.network.clone()),
        networks => {
            let names: Vec<&str> = networks.iter().map(|network| network.network.as_str()).collect();
            Err(Failure::Given(format!("Say which network, with --network: {}.", names.join(", "))))
        }
    }
}

fn leases(what: &str, form: &str, network: Option<&str>) -> String {
    let network = network.map(|network| format!("&network={}", encode(network))).unwrap_or_default();
    format!("leases/{what}?form={}{network}", encode(form))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match file.to_str() {
        Some("-") => std::io::stdin().lock().read_to_end(&mut bytes).map(drop),
        _ => std::fs::read(file).map(|read| bytes = read),
    };
    let unreadable =
        |error: std::io::Error| Failure::Unreadable { path: file.display().to_string(), why: error.to_string() };
    read.map_err(unreadable)?;
    Ok(bytes)
}

fn overview(all: &types::Dhcp) -> String {
    let mut text = String::new();
    for network in &all.networks {
        let mark = if network.alarm { "! " } else { "" };
        let _ = writeln!(
            text,
            "{}  (mode \"{}\", now {})\n  {mark}{}",
            network.network, network.mode, network.now, network.says
        );
        if let Some(advice) = &network.advice {
            let _ = writeln!(text, "  {advice}");
        }
        if network.may_take_over {
            let _ = writeln!(text, "  `block66 dhcp take-over` lets this box stand in.");
        }
        for server in &network.servers {
            let silent = if server.answers { "" } else { ", and never answered when asked" };
            let _ = writeln!(text, "  Server {} was noticed here on {}{silent}.", server.address, time(&server.seen));
        }
        for address in &network.abandoned {
            let _ = writeln!(text, "  {} is set aside: {} uses it unasked.", address.address, address.mac);
        }
        for lost in &network.lost {
            let _ = writeln!(text, "  {lost}");
        }
    }
    if all.networks.is_empty() {
        text += "This box has no network.\n";
    }
    text
}

fn sightings(found: &types::Sightings) -> String {
    let rows: Vec<[String; 6]> = found
        .seen
        .iter()
        .map(|seen| {
            let known = match (&seen.listed, seen.came_to_us) {
                (Some(name), true) => name.clone(),
                (Some(name), false) => format!("{name} (never asked this box)"),
                (None, _) if seen.phone => "not on the list".into(),
                (None, _) => String::new(),
            };
            let brand = seen.brand.clone().or_else(|| seen.class.clone()).unwrap_or_default();
            [
                seen.mac.to_string(),
                seen.address.clone().unwrap_or_default(),
                seen.network.clone(),
                brand,
                time(&seen.last),
                known,
            ]
        })
        .collect();
    let mut text = table(["MAC", "ADDRESS", "NETWORK", "BRAND OR CLASS", "LAST SEEN", "PHONE"], &rows);
    if !found.missing.is_empty() {
        text += "\nOn the list and noticed nowhere:\n";
        for phone in &found.missing {
            let _ = writeln!(text, "  {} {}", phone.mac, phone.name);
        }
    }
    text
}

fn answers(asked: &types::Asked) -> String {
    let mut text = String::new();
    for brand in &asked.brands {
        let finds = if brand.finds_us { "finds this box" } else { "does not find this box" };
        let _ = writeln!(text, "{}: {finds}", brand.brand);
        for says in &brand.says {
            let _ = writeln!(text, "  {says}");
        }
    }
    text
}

fn explanation(explained: &types::Explanation) -> String {
    let mut text = format!("{}\n", explained.says);
    for answer in [&explained.offer, &explained.inform] {
        let _ = writeln!(text, "{}", answer.says);
        for option in &answer.options {
            let _ = writeln!(text, "  {:>3}  {}", option.code, option.value);
        }
    }
    for left_out in &explained.left_out {
        let _ = writeln!(text, "Not told. {left_out}");
    }
    text
}
