use super::escape::Unfit;

/// Why a brand cannot be read or a file cannot be made. No variant ever holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `brand.toml` says something that it may not.
    #[error("brand {brand}: brand.toml: {what}")]
    Manifest {
        /// Name of the folder.
        brand: String,
        /// What is wrong, with the line where one is known.
        what: String,
    },
    /// A template cannot be read, or failed while it was rendered.
    #[error("brand {brand}: templates/{file}{}: {what}", .line.map(|line| format!(" line {line}")).unwrap_or_default())]
    Template {
        /// Name of the folder.
        brand: String,
        /// Name of the file below `templates/`.
        file: String,
        /// Line, from 1.
        line: Option<usize>,
        /// What is wrong.
        what: String,
    },
    /// A value cannot be written in the brand's format without changing its meaning, or that of the file.
    #[error("{field} {unfit}")]
    Value {
        /// Which value, in words: `the display name of line 2`.
        field: String,
        /// Why it cannot be written.
        unfit: Unfit,
    },
    /// The sheet lacks what this file is made from.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The name is served to nobody.
    #[error("no file of this name is ever made")]
    Withheld,
}

impl Error {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Manifest { .. } => "brands.manifest",
            Self::Template { .. } => "brands.template",
            Self::Value { .. } => "brands.value-unfit",
            Self::Missing(_) => "brands.missing",
            Self::Withheld => "brands.withheld",
        }
    }
}
