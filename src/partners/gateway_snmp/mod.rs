//! AudioCodes gateways by SNMP: the order to fetch their files at once (AC-SYSTEM-MIB). It is the one way that is not
//! SIP to tell a device so.
//!
//! `acSysActionSetAutoUpdate` set to 1 runs the update from the URL that the gateway was given. Before it a number of
//! ours is set beside it, and after it the gateway says under that number how it goes: `id ; success ; reason`.

use std::net::SocketAddr;
use std::time::Duration;

use snmp2::v3::{Auth, AuthProtocol, Cipher, Security};
use snmp2::{AsyncSession, Oid, Value};
use tokio::time::timeout;

use crate::model::Secret;

/// `acSysActionSetAutoUpdate`, Unsigned32.
const AUTO_UPDATE: [u64; 15] = [1, 3, 6, 1, 4, 1, 5003, 9, 10, 10, 3, 1, 1, 5, 0];
/// `acSysActionSetActionId`, Unsigned32.
const ACTION_ID: [u64; 15] = [1, 3, 6, 1, 4, 1, 5003, 9, 10, 10, 3, 1, 1, 12, 0];
/// `acSysActionSetActionResult`, text.
const ACTION_RESULT: [u64; 15] = [1, 3, 6, 1, 4, 1, 5003, 9, 10, 10, 3, 1, 1, 13, 0];

/// Where agents listen.
pub const PORT: u16 = 161;
/// How long an answer is waited for before the question is asked again.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How often a question is asked.
const TRIES: u32 = 3;

/// How the agent is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Version 1.
    V1 {
        /// The community that may write.
        community: Secret,
    },
    /// Version 2c.
    V2c {
        /// The community that may write.
        community: Secret,
    },
    /// Version 3, with the user's password and, for privacy, another one.
    V3 {
        /// The user.
        user: String,
        /// How its messages are signed.
        digest: Digest,
        /// The password that they are signed with: at least eight characters.
        password: Secret,
        /// How its messages are encrypted, and with which password; not at all when there is none.
        privacy: Option<(Privacy, Secret)>,
    },
}

/// How messages are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Digest {
    /// HMAC-MD5-96.
    Md5,
    /// HMAC-SHA-96.
    Sha1,
    /// HMAC-SHA-2 with 256 bits.
    Sha256,
}

/// How messages are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privacy {
    /// DES.
    Des,
    /// AES with 128 bits.
    Aes128,
}

/// Why a gateway was not told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It could not be sent.
    #[error("SNMP: {0}")]
    Io(String),
    /// No answer: the agent is off, a trusted-manager list keeps us out, or the community is another one.
    #[error("SNMP: no answer")]
    Silent,
    /// What came back makes no sense, or was not signed as it should be.
    #[error("SNMP: {0}")]
    Answer(String),
    /// The agent refused: this community or user may not write, or it knows no such object.
    #[error("SNMP: refused with error {0}")]
    Refused(u32),
}

/// How the gateway says that it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It says nothing under our number.
    Unknown,
    /// It has begun.
    InProgress,
    /// It is done.
    Success,
    /// It failed, for this reason.
    Failure(String),
}

/// Orders a gateway to fetch its files now. `number` is what it says under which how that goes.
///
/// # Errors
/// When it cannot be reached or refuses.
pub async fn update_now(agent: SocketAddr, access: &Access, number: u32) -> Result<Progress, Error> {
    let mut last = Error::Silent;
    for _ in 0..TRIES {
        match timeout(PATIENCE * 3, Box::pin(attempt(agent, access, number))).await {
            Ok(Ok(progress)) => return Ok(progress),
            Ok(Err(Error::Silent)) | Err(_) => last = Error::Silent,
            Ok(Err(error)) => return Err(error),
        }
    }
    Err(last)
}

async fn attempt(agent: SocketAddr, access: &Access, number: u32) -> Result<Progress, Error> {
    let mut session = open(agent, access, number).await?;
    // A gateway that has no such object updates all the same.
    let _ = set(&mut session, &ACTION_ID, number).await;
    set(&mut session, &AUTO_UPDATE, 1).await?;
    let object = oid(&ACTION_RESULT)?;
    let said = timeout(PATIENCE, session.get(&object)).await.map_err(|_| Error::Silent);
    // It was told: that it does not say how it goes changes nothing.
    let Ok(Ok(mut answer)) = said else { return Ok(Progress::Unknown) };
    Ok(match answer.varbinds.next() {
        Some((_, Value::OctetString(text))) => progress(&String::from_utf8_lossy(text), number),
        _ => Progress::Unknown,
    })
}

async fn open(agent: SocketAddr, access: &Access, number: u32) -> Result<AsyncSession, Error> {
    let io = |error: std::io::Error| Error::Io(error.to_string());
    let first = i32::try_from(number & 0x3fff_ffff).unwrap_or_default();
    match access {
        Access::V1 { community } => AsyncSession::new_v1(agent, community.expose().as_bytes(), first).await.map_err(io),
        Access::V2c { community } => {
            AsyncSession::new_v2c(agent, community.expose().as_bytes(), first).await.map_err(io)
        }
        Access::V3 { user, digest, password, privacy } => {
            let digest = match digest {
                Digest::Md5 => AuthProtocol::Md5,
                Digest::Sha1 => AuthProtocol::Sha1,
                Digest::Sha256 => AuthProtocol::Sha256,
            };
            let auth = match privacy {
                None => Auth::AuthNoPriv,
                Some((privacy, password)) => Auth::AuthPriv {
                    cipher: if *privacy == Privacy::Des { Cipher::Des } else { Cipher::Aes128 },
                    privacy_password: password.expose().as_bytes().to_vec(),
                },
            };
            let security =
                Security::new(user.as_bytes(), password.expose().as_bytes()).with_auth_protocol(digest).with_auth(auth);
            let mut session = AsyncSession::new_v3(agent, first, security).await.map_err(io)?;
            timeout(PATIENCE, session.init())
                .await
                .map_err(|_| Error::Silent)?
                .map_err(|error| Error::Answer(error.to_string()))?;
            Ok(session)
        }
    }
}

async fn set(session: &mut AsyncSession, object: &[u64; 15], value: u32) -> Result<(), Error> {
    let object = oid(object)?;
    // The agent's clock may have been set anew in between: the second try has it right.
    for _ in 0..2 {
        let answer =
            timeout(PATIENCE, session.set(&[(&object, Value::Unsigned32(value))])).await.map_err(|_| Error::Silent)?;
        match answer {
            Ok(answer) if answer.error_status == snmp2::snmp::ERRSTATUS_NOERROR => return Ok(()),
            Ok(answer) => return Err(Error::Refused(answer.error_status)),
            Err(snmp2::Error::AuthUpdated) => {}
            Err(snmp2::Error::Receive) => return Err(Error::Silent),
            Err(error) => return Err(Error::Answer(error.to_string())),
        }
    }
    Err(Error::Answer("its clock does not settle".into()))
}

fn oid(numbers: &[u64; 15]) -> Result<Oid<'static>, Error> {
    Oid::from(numbers).map_err(|_| Error::Answer("an object's name cannot be written".into()))
}

/// `id ; success|failure|inProgress ; reason`.
fn progress(text: &str, number: u32) -> Progress {
    let mut parts = text.split(';').map(str::trim);
    if parts.next() != Some(number.to_string().as_str()) {
        return Progress::Unknown;
    }
    match parts.next().map(str::to_ascii_lowercase).as_deref() {
        Some("success") => Progress::Success,
        Some("inprogress") => Progress::InProgress,
        Some("failure") => {
            let reason: String =
                parts.next().unwrap_or_default().chars().filter(|letter| !letter.is_control()).take(120).collect();
            Progress::Failure(reason)
        }
        _ => Progress::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_how_it_goes_under_our_number_alone() {
        for (text, expected) in [
            ("7 ; success ; ", Progress::Success),
            ("7;inProgress;", Progress::InProgress),
            ("7 ; failure ; no such file\u{7}", Progress::Failure("no such file".into())),
            ("8 ; success ; ", Progress::Unknown),
            ("", Progress::Unknown),
            ("7", Progress::Unknown),
        ] {
            assert_eq!(progress(text, 7), expected, "{text}");
        }
    }
}
