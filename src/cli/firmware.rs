//! `block66 firmware`: images for phones.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::output::{encode, print, table, time};
use crate::admin::types;
use crate::firmware::Settings;

/// Images for phones: what is in the catalogue, and what is on the box
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 firmware add image.rom --brand acme --version 66.86.0.160
  block66 firmware versions
        which phones are behind
  block66 firmware fetch 66.86.0.160
        before phones ask for it
  block66 firmware pin T46S.rom
  block66 firmware remove 66.86.0.160")]
pub(super) enum Firmware {
    /// List the images
    List,
    /// Put an image into the catalogue: a file, or an address to fetch it from
    #[command(
        disable_version_flag = true,
        after_help = "Examples:
  block66 firmware add T46S-66.86.0.160.rom --brand BRAND --model T46S \\
      --version 66.86.0.160
  block66 firmware add https://vendor.example/T46S.rom --brand BRAND \\
      --version 66.86.0.160 --sha256 … --enable
        phones get it through the box: one download, however many ask"
    )]
    Add(Box<Add>),
    /// Take an image out of the catalogue, and its file off the box
    Remove {
        /// Its id, version or file name
        image: String,
    },
    /// Keep an image on the box whatever else needs the room
    Pin {
        /// Its id, version or file name
        image: String,
        /// Let it go when the room is needed
        #[arg(long)]
        off: bool,
    },
    /// Fetch an image now, before phones ask for it
    Fetch {
        /// Its id, version or file name
        image: String,
    },
    /// Say which phones run what, and how many are behind
    Versions,
    /// Show or change room, rates, proxy and authorities
    #[command(after_help = "Example:
  block66 firmware settings --quota 4G --upstream-rate 500K --phone-rate none")]
    Settings(Set),
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The file, or its http or https address
    file: String,
    /// Brand that it is for, by its short name
    #[arg(long)]
    brand: String,
    /// Model that it is for; several times for several, left out for all of the brand
    #[arg(long)]
    model: Vec<String>,
    /// The release in it, as phones report it
    #[arg(long, id = "release", value_name = "VERSION")]
    version: String,
    /// Its name for phones, when it is not the file's own
    #[arg(long)]
    name: Option<String>,
    /// What its SHA-256 must be
    #[arg(long)]
    sha256: Option<String>,
    /// The oldest release that can be updated to it at once
    #[arg(long, value_name = "VERSION")]
    needs: Option<String>,
    /// What others should know of it
    #[arg(long, default_value = "")]
    notes: String,
    /// Keep it on the box whatever else needs the room
    #[arg(long)]
    pin: bool,
    /// Let the box fetch it from its address
    #[arg(long)]
    enable: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Set {
    /// Room of all images together, as 4G
    #[arg(long, value_parser = bytes)]
    quota: Option<u64>,
    /// Room of the disk that stays free
    #[arg(long, value_parser = bytes)]
    reserve: Option<u64>,
    /// Bytes a second from outside, as 500K; `none` for no bound
    #[arg(long, value_parser = rate)]
    upstream_rate: Option<Bound>,
    /// Bytes a second to one phone; `none` for no bound
    #[arg(long, value_parser = rate)]
    phone_rate: Option<Bound>,
    /// Whether TFTP transfers stay on the port that was asked, for firewalls that know no better
    #[arg(long, value_name = "BOOL")]
    tftp_single_port: Option<bool>,
    /// Whether phones may leave files over TFTP, of those kinds that they may send over HTTP
    #[arg(long, value_name = "BOOL")]
    tftp_uploads: Option<bool>,
    /// Proxy on the way outside, http://host:port; `none` for none
    #[arg(long)]
    proxy: Option<String>,
    /// File with further certificate authorities for servers outside (PEM); `none` for none
    #[arg(long, value_name = "FILE")]
    authorities: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy)]
struct Bound(Option<u64>);

impl Firmware {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::List => {
                let found: types::Images = client.get("firmware").await?;
                print(&listed(&found));
                Ok(())
            }
            Self::Add(add) => add.run(client).await,
            Self::Remove { image } => {
                let image = named(client, &image).await?;
                let gone: types::Image = client.delete(&format!("firmware/{}", image.id)).await?;
                eprintln!("Removed {} {}.", gone.brand, gone.version);
                Ok(())
            }
            Self::Pin { image, off } => {
                let image = named(client, &image).await?;
                let path = format!("firmware/{}/pin", image.id);
                let image: types::Image = client.post(&path, &json!({ "pinned": !off })).await?;
                let stays = if image.pinned { "stays on the box" } else { "may give way to others" };
                eprintln!("{} {} {stays}.", image.brand, image.version);
                Ok(())
            }
            Self::Fetch { image } => fetch(client, &image).await,
            Self::Versions => {
                let found: types::Versions = client.get("firmware/versions").await?;
                print(&versions(&found));
                Ok(())
            }
            Self::Settings(set) => set.run(client).await,
        }
    }
}

impl Add {
    async fn run(self, client: &Client) -> Result<(), Failure> {
        let image: types::Image = if self.file.starts_with("http://") || self.file.starts_with("https://") {
            let body = json!({
                "brand": self.brand, "models": self.model, "version": self.version, "name": self.name,
                "url": self.file, "enabled": self.enable, "sha256": self.sha256, "needs": self.needs,
                "notes": self.notes, "pinned": self.pin,
            });
            client.post("firmware", &body).await?
        } else {
            self.upload(client).await?
        };
        let sha256 = image.sha256.as_deref().unwrap_or("known after it is fetched");
        print(&format!("{} {} for phones at {}\nSHA-256 {sha256}\n", image.brand, image.version, image.path));
        Ok(())
    }

    async fn upload(&self, client: &Client) -> Result<types::Image, Failure> {
        let unreadable =
            |error: std::io::Error| Failure::Unreadable { path: self.file.clone(), why: error.to_string() };
        let file = tokio::fs::File::open(&self.file).await.map_err(unreadable)?;
        let length = file.metadata().await.map_err(unreadable)?.len();
        let own = PathBuf::from(&self.file).file_name().map(|name| name.to_string_lossy().into_owned());
        let name = self.name.clone().or(own).unwrap_or_default();
        let mut path = format!(
            "firmware?brand={}&version={}&name={}&pin={}",
            encode(&self.brand),
            encode(&self.version),
            encode(&name),
            self.pin
        );
        let models = self.model.join(",");
        let more = [
            ("model", Some(&models)),
            ("sha256", self.sha256.as_ref()),
            ("needs", self.needs.as_ref()),
            ("notes", Some(&self.notes)),
        ];
        for (name, value) in more {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                path += &format!("&{name}={}", encode(value));
            }
        }
        let watched = std::io::stderr().is_terminal();
        let told = move |sent: u64| {
            if watched {
                let percent = (sent * 100).checked_div(length).unwrap_or(100);
                let _ = write!(std::io::stderr(), "\r{percent} % of {}", size(length));
            }
        };
        let image = client.put_file(&path, file, length, told).await;
        if watched {
            eprintln!();
        }
        Ok(image?)
    }
}

impl Set {
    async fn run(self, client: &Client) -> Result<(), Failure> {
        let mut settings: Settings = client.get("firmware/settings").await?;
        let before = settings.clone();
        settings.quota = self.quota.unwrap_or(settings.quota);
        settings.reserve = self.reserve.unwrap_or(settings.reserve);
        if let Some(Bound(rate)) = self.upstream_rate {
            settings.upstream_rate = rate;
        }
        if let Some(Bound(rate)) = self.phone_rate {
            settings.phone_rate = rate;
        }
        settings.tftp_single_port = self.tftp_single_port.unwrap_or(settings.tftp_single_port);
        settings.tftp_uploads = self.tftp_uploads.unwrap_or(settings.tftp_uploads);
        if let Some(proxy) = self.proxy {
            settings.proxy = Some(proxy).filter(|proxy| proxy != "none");
        }
        if let Some(path) = self.authorities {
            settings.authorities = match path.to_str() {
                Some("none") => None,
                _ => Some(std::fs::read_to_string(&path).map_err(|error| Failure::Unreadable {
                    path: path.display().to_string(),
                    why: error.to_string(),
                })?),
            };
        }
        if settings != before {
            settings = client.put("firmware/settings", &settings).await?;
        }
        let bound = |rate: Option<u64>| rate.map_or_else(|| "none".to_owned(), |rate| format!("{}/s", size(rate)));
        print(&format!(
            "Room           {}\nKept free      {}\nFrom outside   {}\nTo one phone   {}\nProxy          {}\nAuthorities    {}\n",
            size(settings.quota),
            size(settings.reserve),
            bound(settings.upstream_rate),
            bound(settings.phone_rate),
            settings.proxy.as_deref().unwrap_or("none"),
            if settings.authorities.is_some() { "public ones, and own ones" } else { "public ones" },
        ));
        Ok(())
    }
}

/// Fetches an image and tells how far it is.
async fn fetch(client: &Client, image: &str) -> Result<(), Failure> {
    let image = named(client, image).await?;
    let mut image: types::Image = client.post(&format!("firmware/{}/fetch", image.id), &()).await?;
    let watched = std::io::stderr().is_terminal();
    while image.place == "arriving" {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        image = client.get(&format!("firmware/{}", image.id)).await?;
        if let Some(received) = image.received.filter(|_| watched) {
            let _ = write!(std::io::stderr(), "\r{} ", size(received));
        }
    }
    if let Some(why) = image.why {
        return Err(Failure::Given(format!("{} {} could not be fetched: {why}.", image.brand, image.version)));
    }
    eprintln!("{} {} is on the box.", image.brand, image.version);
    Ok(())
}

/// The one image that a text means: by id, else by path, file name or version.
pub(super) async fn named(client: &Client, text: &str) -> Result<types::Image, Failure> {
    let found: types::Images = client.get("firmware").await?;
    let means = |image: &types::Image| {
        [&image.id, &image.name, &image.version, &image.path].iter().any(|own| own.eq_ignore_ascii_case(text))
    };
    let mut fitting: Vec<types::Image> = found.images.into_iter().filter(means).collect();
    match (fitting.pop(), fitting.as_slice()) {
        (Some(image), []) => Ok(image),
        (Some(_), more) => Err(Failure::Given(format!(
            "{} images are called \"{text}\": name one by its id, as `block66 firmware list` shows it.",
            more.len() + 1
        ))),
        (None, _) => {
            Err(Failure::Given(format!("There is no image \"{text}\". Look it up with `block66 firmware list`.")))
        }
    }
}

fn versions(found: &types::Versions) -> String {
    let rows: Vec<[String; 5]> = found
        .versions
        .iter()
        .map(|kind| {
            let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "not known".into());
            let newer = kind.newer.as_ref().map(|image| image.version.clone()).unwrap_or_default();
            [known(&kind.brand), known(&kind.model), known(&kind.version), kind.phones.to_string(), newer]
        })
        .collect();
    let behind = match found.behind {
        0 => "No phone is behind.\n".to_owned(),
        behind => format!("{behind} phones are behind; `block66 rollouts plan` brings them on.\n"),
    };
    table(["Brand", "Model", "Runs", "Phones", "Newer"], &rows) + &behind
}

fn listed(found: &types::Images) -> String {
    let rows: Vec<[String; 7]> = found
        .images
        .iter()
        .map(|image| {
            let place = match (image.place.as_str(), &image.why) {
                ("failed", Some(why)) => match &image.since {
                    Some(since) => format!("failed since {}: {why}", time(since)),
                    None => format!("failed: {why}"),
                },
                (place, _) if image.pinned => format!("{place}, pinned"),
                (place, _) => place.to_owned(),
            };
            let models = if image.models.is_empty() { "all".to_owned() } else { image.models.join(", ") };
            let length = image.size.map_or_else(String::new, size);
            [image.id.clone(), image.brand.clone(), models, image.version.clone(), image.name.clone(), length, place]
        })
        .collect();
    let room = format!("{} of {} are used.\n", size(found.used), size(found.quota));
    table(["Id", "Brand", "Models", "Version", "File", "Size", "Where"], &rows) + &room
}

/// A number of bytes for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// `500K`, `4G`: powers of a thousand.
fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("\"{text}\" is no number of bytes; write as in 500K, 20M or 4G");
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit: u64 = match unit.trim_end_matches(['b', 'B']).to_ascii_uppercase().as_str() {
        "" => 1,
        "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        _ => return Err(wrong()),
    };
    digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)
}

fn rate(text: &str) -> Result<Bound, String> {
    if text == "none" { Ok(Bound(None)) } else { bytes(text).map(|rate| Bound(Some(rate))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown() {
        for (text, expected) in [("0", 0), ("500K", 500_000), ("4G", 4_000_000_000), ("20MB", 20_000_000)] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "K", "4T", "-1", "99999999999999999999", "9999999999999G"] {
            assert!(bytes(text).is_err(), "{text}");
        }
        assert_eq!([999, 1_500, 32_000_000, 2_147_483_648].map(size), ["999 B", "1.5 kB", "32.0 MB", "2.1 GB"]);
    }
}
