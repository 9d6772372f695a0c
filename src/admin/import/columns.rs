use std::collections::BTreeMap;

use super::Refusal;
use super::foreign::Dialect;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Mac,
    Name,
    Organisation,
    Brand,
    Model,
    Line,
    User,
    AuthUser,
    Password,
    Display,
    Server,
    Port,
    Transport,
    Expires,
    Voicemail,
    Group,
    /// Brand and model in one, with a slash between.
    Template,
}

impl Column {
    /// The name by which the API knows the field.
    pub(super) const fn field(self) -> &'static str {
        match self {
            Self::Mac => "mac",
            Self::Name => "name",
            Self::Organisation => "organisation",
            Self::Brand => "brand",
            Self::Model => "model",
            Self::Line => "line",
            Self::User => "user",
            Self::AuthUser => "auth_user",
            Self::Password => "password",
            Self::Display => "display",
            Self::Server => "server",
            Self::Port => "port",
            Self::Transport => "transport",
            Self::Expires => "expires",
            Self::Voicemail => "voicemail",
            Self::Group => "group",
            Self::Template => "template",
        }
    }

    /// What people and the exports of other systems call it, without spaces, case and punctuation.
    fn from_plain(plain: &str) -> Option<Self> {
        Some(match plain {
            "mac" | "macaddress" | "macaddr" | "hardwareaddress" | "ethernetaddress" | "deviceaddress" => Self::Mac,
            "name" | "phone" | "phonename" | "device" | "devicename" | "description" | "location" | "place" => {
                Self::Name
            }
            "organisation" | "organization" | "org" | "tenant" | "customer" | "company" => Self::Organisation,
            "brand" | "vendor" | "make" | "manufacturer" => Self::Brand,
            "model" | "type" | "devicemodel" | "devicetype" | "phonemodel" => Self::Model,
            "line" | "lineno" | "linenumber" | "account" | "accountnumber" => Self::Line,
            "user" | "username" | "extension" | "ext" | "number" | "sipuser" | "sipusername" | "userid" | "sipid" => {
                Self::User
            }
            "authuser" | "authusername" | "authname" | "authid" | "authenticationname" | "authenticationuser"
            | "login" | "loginname" | "registername" => Self::AuthUser,
            "password" | "secret" | "sippassword" | "sipsecret" | "authpassword" | "pass" | "pwd" => Self::Password,
            "display" | "displayname" | "callerid" | "calleridname" | "label" | "fullname" => Self::Display,
            "server" | "registrar" | "sipserver" | "sipregistrar" | "proxy" | "sipproxy" | "domain" | "host"
            | "pbx" | "serverhost" | "serveraddress" => Self::Server,
            "port" | "sipport" | "serverport" => Self::Port,
            "transport" | "protocol" | "siptransport" => Self::Transport,
            "expires" | "expiry" | "registerexpires" | "registrationinterval" => Self::Expires,
            "voicemail" | "voicemailnumber" | "mailbox" | "vm" => Self::Voicemail,
            "group" | "site" | "department" => Self::Group,
            "template" => Self::Template,
            _ => return None,
        })
    }
}

/// Which column stands where, from the first row.
#[derive(Debug)]
pub(super) struct Columns {
    /// Who wrote the table.
    pub(super) dialect: Dialect,
    at: BTreeMap<Column, usize>,
    /// Headings that mean nothing to us.
    pub(super) unused: Vec<String>,
}

impl Columns {
    pub(super) fn read<'a>(headings: impl Iterator<Item = &'a str>) -> Result<Self, Refusal> {
        let mut named: BTreeMap<Column, (usize, &str)> = BTreeMap::new();
        let mut unused = Vec::new();
        let all: Vec<&str> = headings.collect();
        let plain: Vec<String> = all.iter().map(|heading| plain(heading)).collect();
        let dialect = Dialect::of(&plain);
        for (index, (heading, plain)) in all.iter().copied().zip(&plain).enumerate() {
            let Some(column) = Column::from_plain(dialect.heading(plain)) else {
                if dialect == Dialect::Usual && !heading.trim().is_empty() {
                    unused.push(heading.trim().chars().take(40).collect());
                }
                continue;
            };
            if let Some((_, first)) = named.insert(column, (index, heading)) {
                return Err(Refusal::SameColumn(first.into(), heading.into()));
            }
        }
        // Lines without a column of devices are phones that wait for theirs.
        if !named.contains_key(&Column::Mac) && !named.contains_key(&Column::User) {
            // A first row of data may hold a password: only what looks like a heading is repeated.
            let heading = |text: &&str| text.chars().all(|c| c.is_alphabetic() || c == ' ') && text.len() < 30;
            let row: Vec<&str> = all.into_iter().map(|t| if heading(&t) { t } else { "…" }).take(12).collect();
            return Err(Refusal::NoMacColumn(row.join(", ")));
        }
        Ok(Self { dialect, at: named.into_iter().map(|(column, (index, _))| (column, index)).collect(), unused })
    }

    /// Whether lines have no devices yet.
    pub(super) fn is_without_devices(&self) -> bool {
        !self.has(Column::Mac)
    }

    pub(super) fn has(&self, column: Column) -> bool {
        self.at.contains_key(&column)
    }

    /// The text of a column in a row, trimmed; nothing when it is empty.
    pub(super) fn of(&self, row: &csv::StringRecord, column: Column) -> Option<String> {
        let text = row.get(*self.at.get(&column)?)?;
        // A password may begin or end with a space on purpose.
        let text = if column == Column::Password { text } else { text.trim() };
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// A heading without spaces, case and punctuation.
fn plain(heading: &str) -> String {
    heading.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_people_call_them() {
        let columns =
            Columns::read(["MAC-Address", "Extension", "Auth. name", "SIP_Secret", "Room"].into_iter()).unwrap();
        for column in [Column::Mac, Column::User, Column::AuthUser, Column::Password] {
            assert!(columns.has(column), "{column:?}");
        }
        assert_eq!(columns.unused, ["Room"]);
    }

    #[test]
    fn refuses_what_is_ambiguous() {
        let refusal = Columns::read(["mac", "user", "extension"].into_iter()).unwrap_err();
        assert_eq!(refusal, Refusal::SameColumn("user".into(), "extension".into()));
    }

    #[test]
    fn a_missing_heading_row_gives_no_password_away() {
        let refusal = Columns::read(["805ec0123456", "201", "hunter2!"].into_iter()).unwrap_err();
        assert!(!refusal.to_string().contains("hunter2"), "{refusal}");
    }
}
