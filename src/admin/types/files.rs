use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The files of one phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Files {
    /// Folder name of the brand whose files these are.
    pub brand: String,
    /// The files, in the order in which the phone asks for them.
    pub files: Vec<File>,
    /// What it sent up.
    pub uploads: Vec<Upload>,
}

/// A file that a phone asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct File {
    /// Its name; with places in braces where those are not known.
    pub name: String,
    /// What it is: `own`, `common`, `book`, `resource`, `upload`, `firmware`, `redirect` or `withheld`.
    pub kind: String,
    /// Whether it may hold secrets.
    pub secret: bool,
    /// Whether it can be shown here as it would be made.
    pub made: bool,
    /// Why it cannot be made for this phone.
    #[serde(default)]
    pub fault: Option<String>,
}

/// A file as a phone would get it, with dots where its secrets stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// Its name.
    pub name: String,
    /// Its content type.
    pub content_type: String,
    /// How much stands in it: `pointer`, `first-contact`, `settings` or `full`.
    pub content: String,
    /// Its text.
    pub text: String,
    /// Why the phone does not get it, although it looks like this with its secrets masked.
    #[serde(default)]
    pub fault: Option<String>,
}

/// A file that a phone sent up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Upload {
    /// Its name.
    pub name: String,
    /// What the phone said it is.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// When it came.
    pub at: String,
}

/// What stands in the place of a phone's device now, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replaced {
    /// Whether nothing was stored.
    pub dry_run: bool,
    /// The phone, as it is now or as it would be.
    pub phone: super::Phone,
    /// What of it the new device cannot do.
    pub unfit: Vec<String>,
}

/// An administrator's brand folder, as it is on the disk: what was changed there is in force after the next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Overlay {
    /// Folder name of the brand.
    pub brand: String,
    /// Whether the program came with a folder of that name.
    pub built_in: bool,
    /// Why it cannot be used.
    #[serde(default)]
    pub fault: Option<String>,
    /// Its files.
    pub files: Vec<OverlayFile>,
}

/// A file of an administrator's brand folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverlayFile {
    /// Its path below the folder.
    pub name: String,
    /// How it differs from the one that came with the program, line by line; empty where they are the same.
    pub diff: String,
}

/// The administrator's brand folders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Overlays {
    /// The folders, by name.
    pub overlays: Vec<Overlay>,
}
