//! Mailing alarms by SMTP (RFC 5321): what begins and ends within a few seconds in one message, to each address by
//! itself, again after a growing pause when the server cannot take it.

use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use rustls::ClientConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use tokio::sync::mpsc;

use super::message::Text;
use super::settings::is_host;
use super::spoken::Spoken;
use super::{Notice, Outlets};
use crate::model::{Language, Secret, Timestamp};
use crate::pki::roots;
use crate::sys::{dial, random};

/// How long one attempt may take, from the connection to the last answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait for what else begins or ends at the same time.
const GATHER: Duration = Duration::from_secs(2);
/// The least time from one message to the next: an alarm that comes and goes fills nobody's mailbox.
const APART: Duration = Duration::from_secs(10);
/// The first and the longest pause before a message is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(600));
/// How long a message is tried before it is dropped.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Most alarms in one message; the rest comes with the next one.
const MOST_IN_ONE: usize = 50;

/// Where alarms are mailed to, and by which server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Name or address of the mail server.
    pub host: String,
    /// Its port; without one the usual one for its security.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the way there is protected.
    #[serde(default)]
    pub security: Security,
    /// How the box signs in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<MailLogin>,
    /// Address that mail comes from.
    pub from: String,
    /// Addresses that it goes to.
    pub to: Vec<String>,
    /// Language of what is said: `en`, `nl`, `fr` or `de`; English without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// How the way to a mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// TLS after STARTTLS (RFC 3207); a server that offers none is given nothing.
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// Not at all, and without a login: for a relay on the same network.
    None,
}

/// A login at a mail server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MailLogin {
    /// User name.
    pub user: String,
    /// Password: taken, and never told. Where it is left out, the one that is kept for that user stays.
    #[serde(default, skip_serializing, deserialize_with = "secret")]
    #[schemars(with = "String")]
    pub password: Secret,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    String::deserialize(from).map(Secret::new)
}

impl MailLogin {
    /// The name of the secret in the store.
    pub(super) const KEY: &'static str = "outlets.mail.password";
}

impl Mail {
    /// Most addresses that mail goes to.
    pub const MOST: usize = 16;
    const LONGEST_LOGIN: usize = 256;

    /// Whether it can be used.
    ///
    /// # Errors
    /// The field, and what is wrong with it in a sentence.
    pub(super) fn check(&self) -> Result<(), (String, &'static str)> {
        let wrong = |field: &str, what| Err((field.to_owned(), what));
        if !is_host(&self.host) {
            return wrong("host", "This is neither a name nor an address.");
        }
        if self.port == Some(0) {
            return wrong("port", "A port is 1 to 65535.");
        }
        if self.from.parse::<Address>().is_err() {
            return wrong("from", "This is no mail address.");
        }
        if self.to.is_empty() || self.to.len() > Self::MOST {
            return wrong("to", "Mail goes to one address at least, and to 16 at most.");
        }
        if let Some(at) = self.to.iter().position(|to| to.parse::<Address>().is_err()) {
            return Err((format!("to.{at}"), "This is no mail address."));
        }
        if self.language.as_deref().is_some_and(|tag| Language::of_tag(tag).is_none()) {
            return wrong("language", "The languages are en, nl, fr and de.");
        }
        let Some(login) = &self.login else { return Ok(()) };
        let fits = |text: &str| (1..=Self::LONGEST_LOGIN).contains(&text.len()) && !text.contains(char::is_control);
        if self.security == Security::None {
            return wrong("login", "A password is sent over TLS alone: choose starttls or tls.");
        }
        if !fits(&login.user) {
            return wrong("login.user", "It has 1 to 256 bytes without control characters.");
        }
        if !fits(login.password.expose()) {
            return wrong("login.password", "It is missing, is longer than 256 bytes or holds control characters.");
        }
        Ok(())
    }

    /// The server, by which it is counted.
    pub(super) fn name(&self) -> String {
        format!("{}:{}/mail", self.host, self.at())
    }

    fn at(&self) -> u16 {
        self.port.unwrap_or(match self.security {
            Security::Starttls => 587,
            Security::Tls => 465,
            Security::None => 25,
        })
    }

    fn language(&self) -> Language {
        self.language.as_deref().and_then(Language::of_tag).unwrap_or_default()
    }
}

/// Mails the alarms that wait, until the queue is gone.
pub(super) async fn send(
    outlets: Outlets,
    mail: Mail,
    (tls, authorities): (Arc<ClientConfig>, Option<String>),
    mut waiting: mpsc::Receiver<Arc<Notice>>,
) {
    let name = mail.name();
    while let Some(first) = waiting.recv().await {
        tokio::time::sleep(GATHER).await;
        let mut notices = vec![first];
        while notices.len() < MOST_IN_ONE
            && let Ok(notice) = waiting.try_recv()
        {
            notices.push(notice);
        }
        let notices: Vec<&Notice> = notices.iter().map(AsRef::as_ref).collect();
        let mut letter = Letter {
            text: Text::of(&notices, &outlets.0.on.name, mail.language()),
            // The same each time it is sent, so that a server that took it already knows it again.
            id: format!("<{}@{}>", random::token(24), mail.from.rsplit('@').next().unwrap_or("localhost")),
            at: outlets.0.on.clock.now().wall,
            left: mail.to.clone(),
        };
        let (began, mut pause) = (Instant::now(), PAUSES.0);
        loop {
            let tried =
                tokio::time::timeout(PATIENCE, letter.deliver(&outlets, &mail, (&tls, authorities.as_deref()))).await;
            let why = match tried {
                Ok(Ok(())) => break,
                Ok(Err(why)) => why,
                Err(_) => "no answer within a minute".into(),
            };
            if pause == PAUSES.0 {
                tracing::warn!(server = name, why, "an alarm could not be mailed, and is tried again");
            } else {
                tracing::debug!(server = name, why, "an alarm could not be mailed");
            }
            outlets.count(&name, |sent| sent.failed += 1);
            if began.elapsed() > LONGEST {
                outlets.count(&name, |sent| sent.dropped += letter.left.len() as u64);
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
        tokio::time::sleep(APART).await;
    }
}

/// A message on its way.
struct Letter {
    text: Text,
    id: String,
    at: Timestamp,
    /// Addresses that it has not reached yet, and that have not refused it.
    left: Vec<String>,
}

impl Letter {
    /// Delivers it to all that are left, each by itself, so that one that is refused, or put off, keeps it from no other.
    async fn deliver(
        &mut self,
        outlets: &Outlets,
        mail: &Mail,
        trust: (&Arc<ClientConfig>, Option<&str>),
    ) -> Result<(), String> {
        let name = mail.name();
        let (mut open, mut put_off) = (None, None);
        for to in self.left.clone() {
            // One that is named twice is reached once.
            if !self.left.contains(&to) {
                continue;
            }
            let mut connection = match open.take() {
                Some(connection) => connection,
                None => connect(mail, trust, &outlets.0.on.name).await?,
            };
            let (envelope, message) = self.message(mail, &to)?;
            // Whatever comes of it, the others have their turn before it has another.
            self.left.retain(|left| *left != to);
            self.left.push(to.clone());
            match connection.send(&envelope, &message).await {
                Ok(_) => {
                    outlets.count(&name, |sent| sent.sent += 1);
                    open = Some(connection);
                }
                Err(error) if error.is_permanent() => {
                    tracing::warn!(server = name, to, why = said(&error), "a mail server refuses an alarm");
                    outlets.count(&name, |sent| sent.dropped += 1);
                }
                Err(error) => {
                    put_off = Some(said(&error));
                    continue;
                }
            }
            self.left.retain(|left| *left != to);
        }
        if let Some(mut connection) = open {
            // It has been taken: how the server says goodbye makes no difference.
            drop(connection.quit().await);
        }
        put_off.map_or(Ok(()), Err)
    }

    fn message(&self, mail: &Mail, to: &str) -> Result<(Envelope, Vec<u8>), String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let (from, to): (Address, Address) =
            (mail.from.parse().map_err(|e| said(&e))?, to.parse().map_err(|e| said(&e))?);
        let envelope = Envelope::new(Some(from.clone()), vec![to.clone()]).map_err(|e| said(&e))?;
        let seconds = u64::try_from(self.at.secs()).unwrap_or_default();
        let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into());
        let message = Message::builder()
            .from(from.into())
            .to(to.into())
            .subject(self.text.subject.as_str())
            .date(UNIX_EPOCH + Duration::from_secs(seconds))
            .message_id(Some(self.id.clone()))
            .raw_header(automatic)
            .header(ContentType::TEXT_PLAIN)
            .body(self.text.body.clone())
            .map_err(|e| said(&e))?;
        Ok((envelope, message.formatted()))
    }
}

/// A connection on which mail can be sent: protected and signed in as it is set.
async fn connect(
    mail: &Mail,
    (tls, authorities): (&Arc<ClientConfig>, Option<&str>),
    name: &str,
) -> Result<AsyncSmtpConnection, String> {
    let host = dial::bare(&mail.host);
    let hello = if is_host(name) { ClientId::Domain(name.to_owned()) } else { ClientId::default() };
    let refused = |error: std::io::Error| error.to_string();
    let stream = dial::connect(host, mail.at()).await.map_err(refused)?;
    let peer = stream.peer_addr().map_err(refused)?;
    let stream: Box<dyn AsyncTokioStream> = if mail.security == Security::Tls {
        Box::new(Spoken::new(dial::secure(stream, host, tls).await.map_err(refused)?, peer))
    } else {
        Box::new(Spoken::new(stream, peer))
    };
    let opened = AsyncSmtpConnection::connect_with_transport(stream, &hello).await;
    let mut connection = opened.map_err(|error| said(&error))?;
    if mail.security == Security::Starttls {
        if !connection.can_starttls() {
            connection.abort().await;
            return Err("the server offers no STARTTLS".into());
        }
        connection.starttls(trusted(host, authorities)?, &hello).await.map_err(|error| said(&error))?;
    }
    if let Some(login) = &mail.login {
        let credentials = Credentials::new(login.user.clone(), login.password.expose().to_owned());
        let signed_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
        signed_in.map_err(|error| said(&error))?;
    }
    Ok(connection)
}

/// TLS towards this host, with the authorities that the other outlets trust, too.
fn trusted(host: &str, authorities: Option<&str>) -> Result<TlsParameters, String> {
    let mut tls = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::None);
    for certificate in roots::certificates(authorities).map_err(|error| error.to_string())? {
        let certificate = Certificate::from_der(certificate.to_vec()).map_err(|error| said(&error))?;
        tls = tls.add_root_certificate(certificate);
    }
    tls.build().map_err(|error| said(&error))
}

/// What a server answered, or what went wrong with it, as a line of a log may have it.
fn said(error: &smtp::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(because) = cause {
        text = format!("{text}: {because}");
        cause = because.source();
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}
