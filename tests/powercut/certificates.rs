//! The authority and the leaves under it, as the box makes them and renews them: a root that phones trust is there for
//! good once it was handed out, and so is each leaf that was put in use.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use block66::model::{Now, Timestamp};
use block66::pki::{Authority, Certificates, LEAVES, Names};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::workload::mark;

/// What the leaves are called, before a number that grows with each renewal.
const NAME: &str = "box-";
const NOW: Now = Now { monotonic: Duration::ZERO, wall: Timestamp::from_secs(1_790_000_000), trusted: true };

fn names(value: u32) -> Names {
    Names { common_name: format!("{NAME}{value:09}"), dns: Vec::new(), addresses: Vec::new() }
}

/// The names of the root and of the leaves.
pub(crate) fn files() -> impl Iterator<Item = &'static str> {
    [Authority::FILE].into_iter().chain(LEAVES)
}

/// Makes the root at the first start, and reads it at the others.
pub(crate) fn root(directory: &Path, marks: &Mutex<File>) -> Authority {
    let authority = Authority::open(directory, NOW.wall).unwrap();
    mark(marks, &format!("root {}\n", short(&authority)));
    authority
}

/// The beginning of its fingerprint.
fn short(authority: &Authority) -> u32 {
    u32::from_be_bytes(authority.fingerprint().bytes()[..4].try_into().unwrap())
}

/// Has the leaves renewed for ever new names.
pub(crate) fn renew(authority: &Authority, directory: &Path, marks: &Mutex<File>, first: u32, end: Instant) {
    let certificates = Certificates::open(directory, authority, &names(first), NOW).unwrap();
    for value in first + 1.. {
        if Instant::now() >= end {
            return;
        }
        certificates.keep(authority, &names(value), NOW).unwrap().unwrap();
        mark(marks, &format!("leaf {value}\n"));
    }
}

/// Which renewal each of the leaves comes from, where there are any.
pub(crate) fn values(directory: &Path) -> Result<Vec<u32>, String> {
    let there = LEAVES.iter().map(|leaf| directory.join(leaf)).filter(|path| path.exists());
    there.map(|path| value(&path).ok_or(format!("{} is not whole", path.display()))).collect()
}

fn value(path: &Path) -> Option<u32> {
    let certificate = CertificateDer::from_pem_slice(&fs::read(path).ok()?).ok()?;
    let at = certificate.windows(NAME.len()).position(|window| window == NAME.as_bytes())? + NAME.len();
    std::str::from_utf8(certificate.get(at..at + 9)?).ok()?.parse().ok()
}

/// What is left is the root that was acknowledged, if one was, and leaves under it that are at least as new as the last
/// that was acknowledged, and that the box takes as they are.
pub(crate) fn verify(directory: &Path, acknowledged: Option<u32>, leaf: u32) -> Result<(), String> {
    if acknowledged.is_none() && !directory.join(Authority::FILE).exists() {
        return Ok(());
    }
    let authority = Authority::open(directory, NOW.wall).map_err(|error| error.to_string())?;
    if acknowledged.is_some_and(|root| root != short(&authority)) {
        return Err("the root is another one than phones trust".into());
    }
    let values = values(directory)?;
    if leaf > 0 && (values.len() < LEAVES.len() || values.iter().any(|value| *value < leaf)) {
        return Err(format!("the leaves are {values:?}, and {leaf} was acknowledged"));
    }
    let files: Vec<_> = LEAVES.iter().map(|name| directory.join(name)).filter(|path| path.exists()).collect();
    let before: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    let torn = before.iter().position(|bytes| !is_whole(bytes));
    if let Some(at) = torn {
        return Err(format!("{} is not whole", files[at].display()));
    }
    let Some(value) = values.first() else { return Ok(()) };
    Certificates::open(directory, &authority, &names(*value), NOW).map_err(|error| error.to_string())?;
    // The other one may be of another renewal, and then gives way.
    let same = files.iter().zip(&before).zip(&values).filter(|(_, other)| *other == value);
    for ((path, bytes), _) in same {
        if fs::read(path).unwrap() != *bytes {
            return Err(format!("{} had to be made anew", path.display()));
        }
    }
    Ok(())
}

/// Whether a key and the certificate of it are there.
fn is_whole(pem: &[u8]) -> bool {
    let (Ok(chain), Ok(key)) = (CertificateDer::from_pem_slice(pem), PrivateKeyDer::from_pem_slice(pem)) else {
        return false;
    };
    CertifiedKey::from_der(vec![chain], key, &rustls::crypto::aws_lc_rs::default_provider()).is_ok()
}
