use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use super::brand::{Brand, FileKind, FileRule};
use super::error::Error;
use super::pattern::Places;
use super::sheet::{BookPage, Content, Sheet};
use crate::model::{Contact, Line, Login, Mac, Phone, Secret, Transport};

/// The names that a template may use.
pub(super) const NAMES: [&str; 12] = [
    "time_server",
    "ca_url",
    "provisioning_url",
    "poll_minutes",
    "login",
    "lines",
    "accounts",
    "full",
    "phone",
    "organisation",
    "asked",
    "book",
];

/// Minutes between two looks for a new configuration, until the phone was seen over HTTPS.
const POLL_AT_FIRST: u32 = 1;

/// Minutes between two looks from then on: a day, give or take an hour, so that phones which a power cut started
/// together do not stay together.
const POLL_DAILY: std::ops::Range<u32> = 1380..1500;

/// A text that somebody typed or sent. It knows its name, so that a refusal can say which value it is, and it never
/// shows itself in an error.
pub(super) struct Field {
    name: String,
    text: Secret,
}

impl Field {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn text(&self) -> &str {
        self.text.expose()
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••••")
    }
}

impl Object for Field {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.text.is_empty()
    }

    /// A template that joins texts gets the text; what it writes then is checked like any other.
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.expose())
    }
}

/// What a template sees. A value that the content does not allow is not there at all, so that no template can leak it.
pub(super) fn build(brand: &Brand, rule: &FileRule, sheet: &Sheet<'_>) -> Result<Value, Error> {
    let content = match rule.kind {
        FileKind::Withheld | FileKind::Resource | FileKind::Firmware | FileKind::Redirect => {
            return Err(Error::Withheld);
        }
        FileKind::Common => Content::Pointer,
        FileKind::Own | FileKind::Upload if rule.secret => sheet.content,
        FileKind::Own | FileKind::Upload | FileKind::Book => sheet.content.min(Content::Settings),
    };
    let phone = match (rule.kind, sheet.phone) {
        (FileKind::Common, _) => None,
        (FileKind::Own | FileKind::Upload, None) => return Err(Error::Missing("the phone")),
        (_, phone) => phone,
    };
    if rule.kind == FileKind::Book && sheet.book.is_none() {
        return Err(Error::Missing("the phone book"));
    }
    let login = match (content.is_secret(), sheet.login) {
        (true, None) => return Err(Error::Missing("the phone's own login")),
        (true, login) => login,
        (false, _) => None,
    };
    let full = phone.filter(|_| content == Content::Full);
    let told = phone.filter(|_| matches!(content, Content::Settings | Content::Full));
    Ok(map([
        ("time_server", Value::from(sheet.time_server.to_string())),
        ("ca_url", field("the URL of the CA", sheet.ca_url)),
        ("provisioning_url", field("the provisioning URL", sheet.provisioning_url)),
        ("poll_minutes", Value::from(full.map_or(POLL_AT_FIRST, |phone| daily(phone.mac)))),
        ("login", login.map_or_else(none, login_value)),
        ("lines", told.map_or_else(|| Value::from(Vec::<Value>::new()), |phone| lines(phone, full.is_some()))),
        ("accounts", Value::from(phone.map_or(0, |phone| brand.accounts(phone.model.as_deref())))),
        ("full", Value::from(full.is_some())),
        ("phone", phone.map_or_else(none, phone_value)),
        (
            "organisation",
            sheet
                .organisation
                .filter(|_| told.is_some())
                .map_or_else(none, |organisation| map([("name", name("the organisation's name", &organisation.name))])),
        ),
        ("asked", sheet.asked.map_or_else(none, asked)),
        ("book", sheet.book.filter(|_| rule.kind == FileKind::Book).map_or_else(none, |page| book(&page))),
    ]))
}

/// The phone's own number of minutes: always the same for the same MAC (FNV-1a over its octets).
fn daily(mac: Mac) -> u32 {
    let hash =
        mac.octets().iter().fold(0x811c_9dc5_u32, |hash, octet| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193));
    POLL_DAILY.start + hash % (POLL_DAILY.end - POLL_DAILY.start)
}

fn phone_value(phone: &Phone) -> Value {
    map([
        ("mac", Value::from(phone.mac.plain())),
        ("name", name("the phone's name", &phone.name)),
        ("model", phone.model.as_deref().map_or_else(none, |model| field("the phone's model", model))),
    ])
}

fn login_value(login: &Login) -> Value {
    map([
        ("user", field("the user name of the phone's own login", &login.user)),
        ("password", field("the password of the phone's own login", login.password.expose())),
    ])
}

/// What stood in the places of the name: the phone's own words, to be echoed and never trusted.
fn asked(places: &Places) -> Value {
    let word = |what: &str, text: &Option<String>| {
        text.as_deref().map_or_else(none, |text| field(format!("the {what} in the file's name"), text))
    };
    map([
        ("mac", places.mac.map_or_else(none, |mac| Value::from(mac.plain()))),
        ("code", word("code", &places.code)),
        ("model", word("model", &places.model)),
        ("id", word("id", &places.id)),
        ("type", word("type", &places.kind)),
        ("file", word("file", &places.file)),
    ])
}

fn book(page: &BookPage<'_>) -> Value {
    let contact = |(at, contact): (usize, &&Contact)| {
        let what = format!("the name of contact {}", at + 1);
        let number = |number: &String| field(format!("a number of contact {}", at + 1), number.trim());
        map([("name", name(what, &contact.name)), ("numbers", contact.numbers.iter().map(number).collect())])
    };
    map([
        ("name", name("the name of the phone book", page.name)),
        ("number", Value::from(page.number)),
        ("search", page.search.map_or_else(none, |search| field("what is looked for", search))),
        ("contacts", page.contacts.iter().enumerate().map(contact).collect()),
    ])
}

/// Without `secrets` a line has no password: a template that asks for it all the same fails.
fn lines(phone: &Phone, secrets: bool) -> Value {
    phone.lines.iter().take(Line::MOST).enumerate().map(|(at, line)| line_value(at + 1, line, secrets)).collect()
}

fn line_value(number: usize, line: &Line, secrets: bool) -> Value {
    let of = |what: &str| format!("the {what} of line {number}");
    let display = if line.display.trim().is_empty() { &line.user } else { &line.display };
    let secure = line.transport == Transport::Tls;
    let transport = match line.transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
    };
    let voicemail = line.voicemail.as_deref().map(str::trim).filter(|number| !number.is_empty());
    let password = secrets.then(|| ("password", field(of("password"), line.password.expose())));
    let open = [
        ("number", Value::from(number)),
        ("user", field(of("user"), &line.user)),
        ("auth_user", field(of("name for authentication"), line.auth_user.as_ref().unwrap_or(&line.user))),
        ("display", name(of("display name"), display)),
        ("server", field(of("server"), &line.server)),
        ("port", Value::from(line.port.unwrap_or(if secure { 5061 } else { 5060 }))),
        ("transport", Value::from(transport)),
        ("expires", Value::from(line.expires)),
        ("voicemail", voicemail.map_or_else(none, |voicemail| field(of("voice mail number"), voicemail))),
    ];
    Value::from(open.into_iter().chain(password).collect::<BTreeMap<_, _>>())
}

/// A text that must arrive exactly as it is.
fn field(name: impl Into<String>, text: &str) -> Value {
    Value::from_object(Field { name: name.into(), text: Secret::new(text) })
}

/// A text for people, in which outer blanks mean nothing.
fn name(name: impl Into<String>, text: &str) -> Value {
    field(name, text.trim_matches(' '))
}

fn map<const N: usize>(entries: [(&'static str, Value); N]) -> Value {
    Value::from(BTreeMap::from(entries))
}

fn none() -> Value {
    Value::from(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daily_look_is_a_day_give_or_take_an_hour_and_spread() {
        let mut seen = std::collections::BTreeSet::new();
        for last in 0..=255 {
            let minutes = daily(Mac::new([0x80, 0x5e, 0xc0, 1, 2, last]));
            assert!(POLL_DAILY.contains(&minutes), "{minutes}");
            seen.insert(minutes);
        }
        assert!(seen.len() > 60, "256 phones share only {} minutes", seen.len());
        assert_eq!(daily(Mac::new([1, 2, 3, 4, 5, 6])), daily(Mac::new([1, 2, 3, 4, 5, 6])));
    }
}
