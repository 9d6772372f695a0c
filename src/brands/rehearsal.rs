//! A phone for which everything is set: what a brand's files are tried with before real phones get them.

use super::brand::Brand;
use super::error::Error;
use super::pattern::Places;
use super::sheet::{BookPage, BookTitle, Content, Sheet};
use crate::model::settings::{Key, KeyKind, Level, Override, Resolved, definitions};
use crate::model::{
    AnaloguePort, Contact, FirstContact, Handset, Id, Line, Login, Mac, Organisation, Phone, Policy, Secret, Settings,
    Timestamp,
};

/// A phone, whose it is, and its login.
pub(super) struct Sample {
    phone: Phone,
    organisation: Organisation,
    login: Login,
}

impl Sample {
    /// Every setting has its example, and every list a member.
    #[cfg(test)]
    pub(super) fn whole(brand: &str) -> Self {
        Self::of_lines(brand, 1)
    }

    fn of_lines(brand: &str, lines: usize) -> Self {
        let at = Timestamp::from_secs(1_800_000_000);
        let mut settings = Settings::NONE;
        for definition in definitions() {
            let set = settings.set_text(definition.key, definition.example);
            debug_assert!(set.is_ok(), "the example of {} does not fit", definition.key);
        }
        let key = |module| Key {
            module,
            position: 1,
            kind: KeyKind::Blf,
            value: "202".into(),
            label: "Hall".into(),
            line: Some(1),
            extension: "**202".into(),
        };
        settings.keys = vec![key(0), key(1)];
        settings.overrides = vec![Override { brand: brand.into(), name: "a.b".into(), value: "1".into() }];
        let line = Line {
            user: "201".into(),
            auth_user: None,
            password: Secret::new("secret"),
            display: "Reception".into(),
            server: "sip.example.net".into(),
            port: None,
            transport: None,
            expires: None,
            voicemail: None,
            settings: Settings::NONE,
        };
        let phone = Phone {
            id: Id::new(at, 1),
            version: 1,
            origin: Id::new(at, 9),
            mac: Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56]),
            organisation: Id::new(at, 2),
            brand: Some(brand.into()),
            model: Some("X1".into()),
            name: "Reception".into(),
            lines: vec![line; lines],
            group: None,
            settings,
            handsets: vec![Handset { number: 1, ipei: None, name: "Hall".into(), lines: vec![1] }],
            ports: vec![AnaloguePort { number: 1, line: Some(1), caller_id: None, fax: None }],
            login: None,
            pending_login: None,
            first_contact: FirstContact::Waiting,
            created: at,
        };
        let organisation = Organisation {
            id: Id::new(at, 2),
            version: 1,
            origin: Id::new(at, 9),
            name: "Acme".into(),
            login: Login { user: "acme".into(), password: Secret::new("organisation-password") },
            policy: Policy::default(),
            settings: Settings::NONE,
            created: at,
        };
        Self { phone, organisation, login: Login { user: "p1".into(), password: Secret::new("login-password") } }
    }

    pub(super) fn with_sheet<T>(&self, content: Content, work: impl FnOnce(&Sheet<'_>) -> T) -> T {
        let contact = Contact { name: "Müller".into(), numbers: vec!["201".into()] };
        let settings = Resolved::of([(Level::Phone, &self.phone.settings)]);
        work(&Sheet {
            content,
            phone: Some(&self.phone),
            organisation: Some(&self.organisation),
            login: Some(&self.login),
            settings: &settings,
            books: &[BookTitle { number: 1213, name: "Company" }],
            firmware_url: Some("http://10.66.0.1/f/x.rom"),
            ca_der: b"certificate",
            time_server: [10, 66, 0, 1].into(),
            ca_url: "http://10.66.0.1/p/ca.pem",
            plain_url: "http://10.66.0.1/p/",
            asked: Some(&Places::default()),
            book: Some(BookPage { name: "Company", number: 1213, contacts: &[&contact], search: None }),
            provisioning_url: "https://10.66.0.1/p/",
        })
    }
}

impl Brand {
    /// Makes every file for phones with nothing and with everything set, of none, one and the most lines.
    ///
    /// # Errors
    /// A template fails, loops or names what is not there. That a value does not fit is no fault of a template.
    pub(super) fn rehearse(&self) -> Result<(), Error> {
        for lines in [0, 1, Line::MOST] {
            let everything = Sample::of_lines(&self.id, lines);
            let mut nothing = Sample::of_lines(&self.id, lines);
            nothing.phone.settings = Settings::NONE;
            nothing.phone.handsets.clear();
            nothing.phone.ports.clear();
            for sample in [everything, nothing] {
                for rule in self.files().iter().filter(|rule| rule.is_made()) {
                    // A file that may hold secrets is never made with the settings alone.
                    let told = if rule.secret { Content::Full } else { Content::Settings };
                    for content in [Content::Pointer, Content::FirstContact, told] {
                        match sample.with_sheet(content, |sheet| self.render(rule, sheet)) {
                            Ok(_) | Err(Error::Value { .. }) => {}
                            Err(error) => return Err(error),
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
