use crate::firmware::cache::NoRoom;
use crate::firmware::digest::Digest;

/// Why a download failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// It is no URL that files are fetched from.
    #[error("\"{url}\" is not an http or https address of a file")]
    Url {
        /// What was given.
        url: String,
    },
    /// Nobody answers there.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the system said.
        why: String,
    },
    /// Its certificate cannot be trusted, or TLS failed in another way.
    #[error("no safe connection to {host}: {why}")]
    Tls {
        /// Host and port.
        host: String,
        /// What is wrong.
        why: String,
    },
    /// The proxy does not let us through.
    #[error("the proxy answered {status}")]
    Proxy {
        /// HTTP status.
        status: u16,
    },
    /// It answered with something else than the file.
    #[error("it answered {status} instead of the file")]
    Status {
        /// HTTP status.
        status: u16,
    },
    /// It sent us from one place to the next.
    #[error("it redirects more than {most} times")]
    Redirects {
        /// How often is followed.
        most: usize,
    },
    /// It sent us from https to http.
    #[error("it redirects from https to an address that is not safe")]
    Downgrade,
    /// A web page came, as from a portal or a page that asks for a login.
    #[error("it sent a web page instead of the file")]
    WebPage,
    /// It sent the file in a coding that nobody asked for.
    #[error("it sent the file as {coding}, and was asked for it as it is")]
    Encoded {
        /// What it called the coding.
        coding: String,
    },
    /// Nobody would notice if the end were missing: the answer does not say how long the file is, and the catalogue
    /// neither that nor its SHA-256.
    #[error("it does not say how long the file is, and part of it could pass for all: add the image with its SHA-256")]
    Unbounded,
    /// The file has another length than it should, or than was announced.
    #[error("the file should have {expected} bytes and has {found}")]
    Length {
        /// What it should be.
        expected: u64,
        /// What it is; when more arrived than was announced, what had arrived by then.
        found: u64,
    },
    /// The file is larger than any image.
    #[error("the file is larger than {most} bytes")]
    TooLarge {
        /// The largest that is taken.
        most: u64,
    },
    /// It sends next to nothing, and keeps a place that others wait for.
    #[error("it sends less than {least} bytes a minute")]
    Slow {
        /// What is waited for.
        least: u64,
    },
    /// Connections break off, or nothing comes any more.
    #[error("the connection broke off: {why}")]
    Broken {
        /// How, last time.
        why: String,
    },
    /// The bytes are not those that the catalogue names.
    #[error("its SHA-256 is {found}, and should be {expected}")]
    WrongDigest {
        /// What the catalogue says.
        expected: Digest,
        /// What arrived.
        found: Digest,
    },
    /// It does not fit.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The disk of the box failed.
    #[error("it could not be written: {why}")]
    Disk {
        /// What the system said.
        why: String,
    },
}

impl Failure {
    /// Whether trying again soon may help.
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Broken { .. } => true,
            Self::Status { status } | Self::Proxy { status } => {
                matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
            }
            _ => false,
        }
    }

    /// Whether what has come is worth keeping.
    pub(super) fn leaves_a_beginning(&self) -> bool {
        self.passes() || matches!(self, Self::Slow { .. })
    }

    pub(super) fn disk(error: &impl ToString) -> Self {
        Self::Disk { why: error.to_string() }
    }

    pub(super) fn broken(error: &impl ToString) -> Self {
        Self::Broken { why: error.to_string() }
    }
}
