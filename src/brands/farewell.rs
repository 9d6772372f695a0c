use std::net::IpAddr;

use super::pattern::Places;
use super::sheet::{Content, Sheet};
use crate::model::settings::{Resolved, Settings};
use crate::model::{Login, Phone, Secret};

/// An address that nobody has (RFC 6761 section 6.4): what a file leaves out or empty, many phones keep.
const NOWHERE: &str = "https://nobody.invalid/p/";
/// Likewise what replaces its login.
const NOBODY: &str = "nobody";
const NOWHERE_PLAIN: &str = "http://nobody.invalid/p/";

/// What a phone is told that is let go: no line, no setting, an address that
/// nobody has, and nothing of where the box is or what it gave.
#[derive(Debug)]
pub struct Farewell {
    phone: Phone,
    login: Login,
}

impl Farewell {
    /// For this phone, which stays what it is.
    pub fn to(phone: &Phone) -> Self {
        let phone = Phone {
            lines: Vec::new(),
            settings: Settings::NONE,
            handsets: Vec::new(),
            ports: Vec::new(),
            name: String::new(),
            ..phone.clone()
        };
        Self { phone, login: Login { user: NOBODY.to_owned(), password: Secret::new(NOBODY) } }
    }

    /// What its files are made from. The time server stays: a phone without the time trusts nobody.
    pub fn sheet<'a>(&'a self, content: Content, time_server: IpAddr, asked: &'a Places) -> Sheet<'a> {
        Sheet {
            content,
            phone: Some(&self.phone),
            organisation: None,
            login: content.is_secret().then_some(&self.login),
            settings: Resolved::nothing(),
            books: &[],
            firmware_url: None,
            ca_der: &[],
            time_server,
            ca_url: NOWHERE_PLAIN,
            plain_url: NOWHERE_PLAIN,
            provisioning_url: NOWHERE,
            asked: Some(asked),
            book: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brands::rehearsal::Sample;
    use crate::brands::{FileKind, Registry};

    #[test]
    fn nothing_of_the_box_is_left_in_any_file() {
        for brand in Registry::builtin().unwrap().brands() {
            let sample = Sample::whole(&brand.id);
            let own = |rule: &&crate::brands::FileRule| rule.is_made() && rule.kind == FileKind::Own;
            for rule in brand.files().iter().filter(own) {
                let phone = sample.with_sheet(Content::Full, |sheet| sheet.phone.unwrap().clone());
                let (farewell, places) = (Farewell::to(&phone), Places::default());
                let contents = if rule.secret { &[Content::Pointer, Content::Full][..] } else { &[Content::Settings] };
                for content in contents {
                    let made = brand.render(rule, &farewell.sheet(*content, [192, 0, 2, 9].into(), &places));
                    let made = made.unwrap_or_else(|error| panic!("{} {}: {error}", brand.id, rule.name()));
                    let text = String::from_utf8(made.bytes).unwrap();
                    for ours in ["10.66.0.1", "login-password", "sip.example.net", "Reception"] {
                        assert!(!text.contains(ours), "{} {}: {ours} in\n{text}", brand.id, rule.name());
                    }
                }
            }
        }
    }
}
