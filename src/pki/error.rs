use std::io;
use std::path::{Path, PathBuf};

/// Why certificates could not be made, read or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The authority's file is there and cannot be used. It is never overwritten.
    #[error(
        "{} holds the certificate authority and is damaged: {what}. It was left as it is. Put back a copy of it from a \
         backup; or move it and the leaf-*.pem files beside it away to begin with a new authority, which every phone \
         must then fetch anew",
        path.display()
    )]
    RootDamaged {
        /// The authority's file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The authority's file is gone, while certificates that it signed are still there.
    #[error(
        "{} held the certificate authority and is gone, while {} which it signed is still there. No new authority was \
         made. Put back a copy of the file from a backup; or move the leaf-*.pem files away to begin with a new \
         authority, which every phone must then fetch anew",
        path.display(), leaf.display()
    )]
    RootMissing {
        /// Where the authority's file should be.
        path: PathBuf,
        /// What shows that it was there once.
        leaf: PathBuf,
    },
    /// A name that cannot stand in a certificate.
    #[error("\"{name}\" cannot stand in a certificate: {what}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// What an administrator gave is no certificate, or none that could serve.
    #[error("this certificate cannot be used: {what}")]
    Unfit {
        /// What is wrong with it.
        what: String,
    },
    /// There is nothing that the certificate could be for.
    #[error("the box has neither a name nor an address to make a certificate for")]
    Nameless,
    /// The disk would not read or write.
    #[error("could not {doing} {}: {source}", path.display())]
    Disk {
        /// What was tried, as `read`.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A key or certificate could not be made.
    #[error("could not make {what}: {source}")]
    Make {
        /// What was to be made.
        what: &'static str,
        /// What the library says.
        source: rcgen::Error,
    },
    /// The TLS library would not take what was made.
    #[error("could not set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl Error {
    pub(super) fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { doing, path: path.to_owned(), source }
    }

    pub(super) fn make(what: &'static str) -> impl FnOnce(rcgen::Error) -> Self {
        move |source| Self::Make { what, source }
    }
}
