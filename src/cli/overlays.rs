//! `block66 overlays`: brand folders of an administrator's own.

use std::path::PathBuf;

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::output::{print, table};
use crate::admin::types;
use crate::appliance::overlays::folder;
use crate::model::Mac;

/// Brand folders of your own: what they change, and what they would make of a phone
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Folders lie in brands/<id>/ of the data directory and are read when the box
starts: single templates of a brand that the program knows, or a whole brand of
your own (docs/templates.md). Try one before you put it there.

Examples:
  block66 overlays try ./acme
  block66 overlays try ./acme --phone 805ec0123456 --file 805ec0123456.cfg
  block66 overlays list
  block66 overlays diff acme")]
pub(super) enum Overlays {
    /// List the folders in the data directory, and whether they are in force
    List,
    /// Show how a folder differs from what came with the program
    Diff {
        /// Name of the folder
        brand: String,
    },
    /// Have the box look at a folder that lies anywhere; nothing of it is kept
    Try {
        /// The folder
        folder: PathBuf,
        /// The brand that it is [default: the name of the folder]
        #[arg(long)]
        brand: Option<String>,
        /// A phone whose file is to be shown as the folder makes it, with secrets masked
        #[arg(long, requires = "file")]
        phone: Option<Mac>,
        /// The file
        #[arg(long, requires = "phone")]
        file: Option<String>,
    },
}

impl Overlays {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::List => {
                let found: types::Overlays = client.get("overlays").await?;
                print(&table(
                    ["FOLDER", "FILES", "CHANGES", "STATE"],
                    &found.overlays.iter().map(row).collect::<Vec<_>>(),
                ));
                Ok(())
            }
            Self::Diff { brand } => {
                let found: types::Overlays = client.get("overlays").await?;
                let overlay = found.overlays.into_iter().find(|overlay| overlay.brand == brand).ok_or_else(|| {
                    Failure::NotDone(format!(
                        "There is no folder {brand} in the data directory: see `block66 overlays list`."
                    ))
                })?;
                for file in overlay.files.into_iter().filter(|file| !file.diff.is_empty()) {
                    print(&format!("==> {}\n{}\n", file.name, file.diff.trim_end()));
                }
                Ok(())
            }
            Self::Try { folder: path, brand, phone, file } => {
                let shown = path.display().to_string();
                let named = || path.canonicalize().ok()?.file_name()?.to_str().map(str::to_owned);
                let brand = brand
                    .or_else(named)
                    .ok_or_else(|| Failure::Given(format!("{shown}: which brand is it? Say --brand.")))?;
                let files = folder(&path).map_err(|why| Failure::Unreadable { path: shown.clone(), why })?;
                if files.is_empty() {
                    return Err(Failure::Given(format!("{shown}: it holds neither brand.toml nor templates/.")));
                }
                let count = files.len();
                let trial = json!({ "brand": brand, "files": files, "mac": phone, "file": file });
                if phone.is_some() {
                    let preview: types::Preview = client.post("overlays/try", &trial).await?;
                    print(&preview.text);
                    return preview
                        .fault
                        .map_or(Ok(()), |fault| Err(Failure::Given(format!("The phone would not get it: {fault}."))));
                }
                let () = client.post("overlays/try", &trial).await?;
                eprintln!(
                    "{shown} is good: {count} files of {brand}. Put it into brands/{brand}/ of the data directory and restart."
                );
                Ok(())
            }
        }
    }
}

fn row(overlay: &types::Overlay) -> [String; 4] {
    let changed = overlay.files.iter().filter(|file| !file.diff.is_empty()).count();
    let state = match (&overlay.fault, overlay.built_in) {
        (Some(fault), _) => format!("refused: {fault}"),
        (None, true) => "changes what came with the program".to_owned(),
        (None, false) => "a brand of its own".to_owned(),
    };
    [overlay.brand.clone(), overlay.files.len().to_string(), changed.to_string(), state]
}
