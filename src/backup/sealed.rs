//! The file: a line that says how it is made, the ciphertext, and a checksum.
//!
//! The passphrase goes through Argon2id (RFC 9106); one half of what comes out is the key of AES-256-GCM, of the other
//! half the first line holds the SHA-256, by which a wrong passphrase is told from a damaged file. The first line is
//! authenticated with the rest. The last 32 bytes are the SHA-256 of all before them.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Error;
use crate::model::Secret;
use crate::sys::random;

/// Largest backup, in bytes.
pub const MOST: usize = 128 << 20;
/// Fewest characters of a passphrase.
pub const SHORTEST: usize = 12;

/// What the file begins with.
const MAGIC: &str = "block66-backup ";
const FORMAT: u32 = 1;
/// Longest first line.
const LONGEST_HEADER: usize = 1024;
const CHECKSUM: usize = 32;

/// How the key is made of the passphrase. A file says with how much work; no more than this is done for one.
const MOST_MEMORY: u32 = 256 * 1024;
const MOST_PASSES: u32 = 10;
/// RFC 9106 section 4, the second recommended option: 64 MiB, three passes.
const MEMORY: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    kdf: String,
    /// KiB.
    memory: u32,
    passes: u32,
    salt: String,
    nonce: String,
    /// SHA-256 of the second half of what the passphrase makes.
    verify: String,
}

/// Whether a passphrase may be used for a new backup.
pub(super) fn check(passphrase: &Secret) -> Result<(), Error> {
    let long = passphrase.expose().chars().count() >= SHORTEST;
    if long { Ok(()) } else { Err(Error::ShortPassphrase) }
}

pub(super) fn seal(plain: &[u8], passphrase: &Secret) -> Result<Vec<u8>, Error> {
    let (salt, nonce) = (random::bytes::<16>(), random::bytes::<NONCE_LEN>());
    let (key, verify) = derive(passphrase, &salt, (MEMORY, PASSES))?;
    let header = Header {
        kdf: "argon2id".into(),
        memory: MEMORY,
        passes: PASSES,
        salt: BASE64.encode(salt),
        nonce: BASE64.encode(nonce),
        verify,
    };
    let header = serde_json::to_string(&header).map_err(|e| Error::System(e.to_string()))?;
    let head = format!("{MAGIC}{FORMAT} {header}\n").into_bytes();
    let length = head.len() + plain.len() + AES_256_GCM.tag_len() + CHECKSUM;
    if length > MOST {
        return Err(Error::Overfull);
    }
    let mut file = Vec::with_capacity(length);
    file.extend_from_slice(&head);
    file.extend_from_slice(plain);
    let refused = || Error::System("the cipher refused".into());
    let sealed = file.get_mut(head.len()..).ok_or_else(refused)?;
    let tag = key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&head), sealed);
    file.extend_from_slice(tag.map_err(|_| refused())?.as_ref());
    let sum = digest(&SHA256, &file);
    file.extend_from_slice(sum.as_ref());
    Ok(file)
}

pub(super) fn open(file: &[u8], passphrase: &Secret) -> Result<Zeroizing<Vec<u8>>, Error> {
    if file.len() > MOST {
        return Err(Error::TooLarge);
    }
    let rest = file.strip_prefix(MAGIC.as_bytes()).ok_or(Error::NotABackup)?;
    let end = rest.iter().take(LONGEST_HEADER).position(|byte| *byte == b'\n').ok_or(Error::NotABackup)?;
    let line = rest.get(..end).and_then(|line| std::str::from_utf8(line).ok()).ok_or(Error::NotABackup)?;
    let (format, header) = line.split_once(' ').ok_or(Error::NotABackup)?;
    let found: u32 = format.parse().map_err(|_| Error::NotABackup)?;
    if found != FORMAT {
        return Err(Error::Newer { found, known: FORMAT });
    }
    let damaged = |what: &str| Error::Damaged(what.to_owned());
    let cut = file.len().checked_sub(CHECKSUM).ok_or_else(|| damaged("it is cut off"))?;
    let (whole, sum) = file.split_at_checked(cut).ok_or_else(|| damaged("it is cut off"))?;
    if digest(&SHA256, whole).as_ref() != sum {
        return Err(damaged("it is not what was written: cut off, or changed on its way"));
    }
    let header: Header = serde_json::from_str(header).map_err(|e| damaged(&e.to_string()))?;
    if header.kdf != "argon2id" || header.memory > MOST_MEMORY || header.passes > MOST_PASSES {
        return Err(damaged("its key is made in a way that no backup has"));
    }
    let salt = BASE64.decode(&header.salt).map_err(|_| damaged("its salt"))?;
    let nonce = BASE64.decode(&header.nonce).ok().and_then(|nonce| <[u8; NONCE_LEN]>::try_from(nonce).ok());
    let nonce = nonce.ok_or_else(|| damaged("its nonce"))?;
    let (key, verify) = derive(passphrase, &salt, (header.memory, header.passes))?;
    verify_slices_are_equal(verify.as_bytes(), header.verify.as_bytes()).map_err(|_| Error::WrongPassphrase)?;
    let begin = MAGIC.len() + end + 1;
    let (head, sealed) = whole.split_at_checked(begin).ok_or_else(|| damaged("it is cut off"))?;
    let mut sealed = Zeroizing::new(sealed.to_vec());
    let opened = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(head), &mut sealed);
    let length = opened.map_err(|_| damaged("it was changed by somebody without its passphrase"))?.len();
    sealed.truncate(length);
    Ok(sealed)
}

/// The key, and what tells that it is the right one.
fn derive(passphrase: &Secret, salt: &[u8], (memory, passes): (u32, u32)) -> Result<(LessSafeKey, String), Error> {
    let wrong = |what: String| Error::Damaged(format!("its key cannot be made: {what}"));
    let params = Params::new(memory, passes, LANES, Some(64)).map_err(|e| wrong(e.to_string()))?;
    let mut made = Zeroizing::new([0; 64]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose().as_bytes(), salt, &mut *made)
        .map_err(|e| wrong(e.to_string()))?;
    let (key, verify) = made.split_at(32);
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|e| wrong(e.to_string()))?;
    Ok((LessSafeKey::new(key), BASE64.encode(digest(&SHA256, verify).as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_with_its_passphrase_alone_and_shows_nothing() {
        let passphrase = Secret::new("correct horse battery");
        let file = seal(b"root key and all", &passphrase).unwrap();
        assert_eq!(open(&file, &passphrase).unwrap().as_slice(), b"root key and all");
        assert!(!file.windows(8).any(|window| window == b"root key"));
        assert!(matches!(open(&file, &Secret::new("correct horse batterx")), Err(Error::WrongPassphrase)));
        assert!(matches!(check(&Secret::new("too short!!")), Err(Error::ShortPassphrase)));
    }

    #[test]
    fn what_is_damaged_newer_or_something_else_is_told_apart() {
        let passphrase = Secret::new("correct horse battery");
        let file = seal(b"contents", &passphrase).unwrap();
        for cut in [file.len() - 1, file.len() / 2, file.len() - 40] {
            assert!(matches!(open(&file[..cut], &passphrase), Err(Error::Damaged(_) | Error::NotABackup)), "{cut}");
        }
        for at in [MAGIC.len() + 20, file.len() - 60, file.len() - 1] {
            let mut other = file.clone();
            other[at] ^= 1;
            assert!(matches!(open(&other, &passphrase), Err(Error::Damaged(_))), "{at}");
        }
        let mut newer = file.clone();
        newer[MAGIC.len()] = b'7';
        assert!(matches!(open(&newer, &passphrase), Err(Error::Newer { found: 7, known: 1 })));
        for other in [&b""[..], b"PK\x03\x04", b"block66-backup", b"block66-backup x {}\n"] {
            assert!(matches!(open(other, &passphrase), Err(Error::NotABackup)), "{other:?}");
        }
    }

    #[test]
    fn a_forged_header_costs_no_more_work_than_a_real_one_and_does_not_open() {
        let passphrase = Secret::new("correct horse battery");
        let file = seal(b"contents", &passphrase).unwrap();
        let text = String::from_utf8_lossy(&file[..MAGIC.len() + 40]).into_owned();
        let forged = text.replace("\"memory\":65536", "\"memory\":99999999");
        assert_ne!(text, forged, "{text}");
        let body = &file[text.len()..file.len() - CHECKSUM];
        let mut file = [forged.as_bytes(), body].concat();
        let sum = digest(&SHA256, &file);
        file.extend_from_slice(sum.as_ref());
        assert!(matches!(open(&file, &passphrase), Err(Error::Damaged(_))));
    }
}
