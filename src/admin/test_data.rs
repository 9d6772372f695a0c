//! Phones and other documents for the tests of this module.

use crate::model::{FirstContact, Id, Line, Login, Mac, Organisation, Phone, Policy, Secret, Settings, Timestamp};

pub(crate) const PASSWORD: &str = "line-secret-never-shown";

pub(crate) fn organisation() -> Organisation {
    Organisation {
        id: Id::new(Timestamp::from_secs(1), 1),
        version: 1,
        origin: Id::new(Timestamp::from_secs(1), 0),
        name: "Branch".into(),
        login: Login { user: "branch".into(), password: Secret::new("organisation-secret-never-shown") },
        policy: Policy::default(),
        settings: Settings::NONE,
        created: Timestamp::from_secs(1_700_000_000),
    }
}

pub(crate) fn phone(number: u8) -> Phone {
    let mac = Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, number]);
    Phone {
        id: Id::new(Timestamp::from_secs(2), u128::from(number)),
        version: 1,
        origin: Id::new(Timestamp::from_secs(1), 0),
        mac,
        organisation: organisation().id,
        brand: None,
        model: None,
        name: format!("Desk {number}"),
        lines: vec![Line {
            user: format!("2{number:02}"),
            auth_user: None,
            password: Secret::new(PASSWORD),
            display: format!("Desk {number}"),
            server: "pbx.example.net".into(),
            port: None,
            transport: None,
            expires: None,
            voicemail: None,
            settings: Settings::NONE,
        }],
        group: None,
        settings: Settings::NONE,
        handsets: Vec::new(),
        ports: Vec::new(),
        login: None,
        pending_login: Some(Login { user: mac.plain(), password: Secret::new("login-secret-never-shown") }),
        first_contact: FirstContact::Waiting,
        created: Timestamp::from_secs(1_700_000_000),
    }
}
