//! `block66 settings`: what phones are told besides their accounts, at any level.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value as Json;

use super::client::Client;
use super::exit::Failure;
use super::output::{encode, print, table};
use super::phones::read;
use super::secret;
use crate::admin::{OverrideEdit, SettingsEdit, types};
use crate::model::Mac;
use crate::model::settings::{Key, KeyKind, definition};

/// What phones are told besides their accounts: for an organisation, a group, or one phone
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 settings list screen
  block66 settings set --group Sales screen.title=Sales
  block66 settings unset --group Sales screen.title
  block66 settings override --group Sales acme ring.type=1
  block66 settings apply --organisation Branch all.json

Where several levels set the same, the phone goes before its model, the model
before its group, and the group before its organisation.")]
pub(super) enum Settings {
    /// List every setting there is
    List {
        /// Only those with this text in their name or meaning
        find: Option<String>,
    },
    /// Show what is set or, for a phone, what holds and where each value comes from
    #[command(after_help = "Examples:
  block66 settings show --phone 80:5e:c0:12:34:56
        what holds for a phone, and from where
  block66 settings show --group Sales
        what a group sets")]
    Show {
        #[command(flatten)]
        level: Level,
    },
    /// Set values of a phone, a group or an organisation
    #[command(after_help = "Examples:
  block66 settings set --organisation Branch regional.language=de \\
      regional.time_zone=Europe/Berlin
  block66 settings set --phone 805ec0123456 access.admin_password
        asks for the secret")]
    Set {
        #[command(flatten)]
        level: Level,
        /// name=value; the name of a secret alone asks for it
        #[arg(required = true)]
        values: Vec<String>,
    },
    /// Take values away, so that what a level above says holds again
    Unset {
        #[command(flatten)]
        level: Level,
        /// Names of settings
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Give a key a task, or take it away
    #[command(after_help = "Examples:
  block66 settings key --phone 805ec0123456 3 blf 202 --label Hall
  block66 settings key --group Sales 4 none
        hides what a level above gave this key
  block66 settings key --group Sales 4 --drop
        leaves it to the levels above")]
    Key(SetKey),
    /// Set a raw setting of one brand, in its own words; it wins over everything
    Override {
        #[command(flatten)]
        level: Level,
        /// Folder name of the brand
        brand: String,
        /// name=value; the name alone takes it away
        setting: String,
    },
    /// Change many at once, from a JSON file with `set`, `keys` and `overrides`
    Apply {
        #[command(flatten)]
        level: Level,
        /// The file; `-` reads standard input
        file: PathBuf,
    },
}

/// Whose settings.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Level {
    /// Of one phone, by its MAC address
    #[arg(long, value_name = "MAC")]
    phone: Option<Mac>,
    /// Of a group, by its name
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Of an organisation, by its name
    #[arg(long, value_name = "NAME")]
    organisation: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct SetKey {
    #[command(flatten)]
    level: Level,
    /// Its place, from 1
    position: u16,
    /// What it does: blf, speed-dial, line, park …
    #[arg(required_unless_present = "drop", value_parser = kind)]
    kind: Option<KeyKind>,
    /// The number it is about
    #[arg(default_value = "")]
    value: String,
    /// Take the key away at this level
    #[arg(long, conflicts_with_all = ["kind", "value", "label"])]
    drop: bool,
    /// What stands beside it
    #[arg(long, default_value = "")]
    label: String,
    /// The line that it works on, from 1
    #[arg(long)]
    line: Option<u8>,
    /// The expansion module that it is on; 0 is the phone itself
    #[arg(long, default_value_t = 0)]
    module: u8,
    /// What is dialled to pick up or to park, where that is not the value
    #[arg(long, default_value = "")]
    extension: String,
}

fn kind(word: &str) -> Result<KeyKind, String> {
    KeyKind::named(word).ok_or_else(|| {
        let words: Vec<&str> = KeyKind::ALL.iter().map(|kind| kind.word()).collect();
        format!("the tasks are {}", words.join(", "))
    })
}

impl Level {
    fn path(&self) -> String {
        match (&self.phone, &self.group, &self.organisation) {
            (Some(mac), ..) => format!("phones/{}/settings", mac.plain()),
            (_, Some(group), _) => format!("groups/{}/settings", encode(group)),
            (_, _, organisation) => {
                format!("organisations/{}/settings", encode(organisation.as_deref().unwrap_or_default()))
            }
        }
    }
}

impl Settings {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::List { find } => list(client, find.as_deref()).await,
            Self::Show { level } => {
                let settings: types::Settings = client.get(&level.path()).await?;
                print(&shown(&settings));
                Ok(())
            }
            Self::Set { level, values } => {
                let mut set = BTreeMap::new();
                for value in values {
                    let (name, value) = match value.split_once('=') {
                        Some((name, value)) => (name.trim().to_owned(), value.to_owned()),
                        None if definition(&value).is_some_and(|definition| definition.kind.is_secret()) => {
                            let secret = secret::read(&value)?;
                            (value, secret.expose().to_owned())
                        }
                        None => return Err(Failure::Given(format!("{value}: say {value}=VALUE."))),
                    };
                    set.insert(name, Json::from(value));
                }
                edit(client, &level, &SettingsEdit { set, ..SettingsEdit::default() }).await
            }
            Self::Unset { level, names } => {
                let set = names.into_iter().map(|name| (name, Json::Null)).collect();
                edit(client, &level, &SettingsEdit { set, ..SettingsEdit::default() }).await
            }
            Self::Key(key) => key.run(client).await,
            Self::Override { level, brand, setting } => {
                let (setting, value) = match setting.split_once('=') {
                    Some((name, value)) => (name.trim_end().to_owned(), Some(value.trim_start().to_owned())),
                    None => (setting, None),
                };
                let overrides = vec![OverrideEdit { brand, setting, value }];
                edit(client, &level, &SettingsEdit { overrides, ..SettingsEdit::default() }).await
            }
            Self::Apply { level, file } => {
                let change: SettingsEdit = serde_json::from_slice(&read(&file)?)
                    .map_err(|e| Failure::Given(format!("{}: {e}", file.display())))?;
                edit(client, &level, &change).await
            }
        }
    }
}

impl SetKey {
    async fn run(self, client: &Client) -> Result<(), Failure> {
        let change = match self.kind {
            Some(kind) => {
                let key = Key {
                    module: self.module,
                    position: self.position,
                    kind,
                    value: self.value.into(),
                    label: self.label.into(),
                    line: self.line,
                    extension: self.extension.into(),
                };
                SettingsEdit { put_keys: vec![key], ..SettingsEdit::default() }
            }
            None => SettingsEdit { drop_keys: vec![(self.module, self.position)], ..SettingsEdit::default() },
        };
        edit(client, &self.level, &change).await
    }
}

async fn edit(client: &Client, level: &Level, change: &SettingsEdit) -> Result<(), Failure> {
    let settings: types::Settings = client.patch(&level.path(), change).await?;
    eprintln!("The {} is changed.", settings.of);
    for unfit in &settings.unfit {
        eprintln!("Note: {unfit}.");
    }
    Ok(())
}

async fn list(client: &Client, find: Option<&str>) -> Result<(), Failure> {
    let catalogue: types::Catalogue = client.get("settings").await?;
    let wanted = find.unwrap_or_default().to_lowercase();
    let settings = catalogue.topics.into_iter().flat_map(|topic| topic.settings);
    let rows: Vec<[String; 3]> = settings
        .filter(|setting| setting.key.contains(&wanted) || setting.meaning.to_lowercase().contains(&wanted))
        .map(|setting| [setting.key, setting.kind, setting.meaning])
        .collect();
    print(&table(["NAME", "HOLDS", "MEANS"], &rows));
    Ok(())
}

fn shown(settings: &types::Settings) -> String {
    let from = |from: &str, name: &Option<String>| match name {
        Some(name) => format!("{from} {name}"),
        None => from.to_owned(),
    };
    let values: Vec<[String; 3]> = settings
        .settings
        .iter()
        .map(|setting| [setting.key.clone(), text(setting), from(&setting.from, &setting.name)])
        .collect();
    let mut said = table(["SETTING", "VALUE", "FROM"], &values);
    if !settings.keys.is_empty() {
        let keys: Vec<[String; 5]> = settings
            .keys
            .iter()
            .map(|placed| {
                let key = &placed.key;
                let place = match key.module {
                    0 => key.position.to_string(),
                    module => format!("{module}/{}", key.position),
                };
                [
                    place,
                    key.kind.word().into(),
                    key.value.to_string(),
                    key.label.to_string(),
                    from(&placed.from, &placed.name),
                ]
            })
            .collect();
        said += &format!("\n{}", table(["KEY", "TASK", "NUMBER", "LABEL", "FROM"], &keys));
    }
    if !settings.overrides.is_empty() {
        let overrides: Vec<[String; 3]> = settings
            .overrides
            .iter()
            .map(|entry| [entry.brand.clone(), entry.setting.clone(), entry.from.clone()])
            .collect();
        said += &format!("\n{}", table(["BRAND", "RAW SETTING", "FROM"], &overrides));
    }
    for unfit in &settings.unfit {
        said += &format!("Note: {unfit}.\n");
    }
    said
}

fn text(setting: &types::Setting) -> String {
    match &setting.value {
        _ if setting.secret => "••••••".into(),
        Json::String(text) => text.clone(),
        Json::Bool(flag) => if *flag { "yes" } else { "no" }.into(),
        Json::Array(entries) => entries.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
