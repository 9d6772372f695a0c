//! A store and documents for the tests of this crate.

use std::net::Ipv4Addr;
use std::path::Path;

use super::{Disk, Key, Options};
use crate::model::{
    Contact, Door, Event, FirstContact, Group, Id, Lease, LeaseState, Line, Login, Mac, Organisation, Phone, PhoneBook,
    Policy, Reason, Resource, ResourceKind, Scope, Secret, Settings, Timestamp, Transport, Via,
};
use crate::sys::clock::Clock;

fn id(kind: u8, number: u32) -> Id {
    let mut bytes = [kind; 16];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Id::from_bytes(bytes)
}

/// A store in this directory, on a disk as it is.
pub(crate) fn options(directory: &Path, clock: Clock) -> Options {
    Options { directory: directory.into(), key: Key::new(&[7; 32]), clock, disk: Disk::default() }
}

pub(crate) const CREATED: Timestamp = Timestamp::from_secs(1_700_000_000);

pub(crate) fn organisation(number: u32) -> Organisation {
    Organisation {
        id: id(1, number),
        version: 0,
        origin: id(0, 0),
        name: format!("Organisation {number}"),
        login: Login { user: format!("org{number}"), password: Secret::new(format!("org-password-{number}")) },
        policy: Policy::default(),
        settings: Settings::NONE,
        created: CREATED,
    }
}

/// A phone of the first organisation.
pub(crate) fn phone(number: u32, lines: usize) -> Phone {
    let [_, a, b, c] = number.to_be_bytes();
    Phone {
        id: id(2, number),
        version: 0,
        origin: id(0, 0),
        mac: Mac::new([0x80, 0x5e, 0xc0, a, b, c]),
        organisation: organisation(1).id,
        brand: Some("brand".into()),
        model: Some("T54W".into()),
        name: format!("Desk {number}"),
        lines: (0..lines)
            .map(|line| Line {
                user: format!("{}", 2000 + line),
                auth_user: None,
                password: Secret::new(format!("line-password-{number}-{line}")),
                display: format!("Extension {}", 2000 + line),
                server: "pbx.example.com".into(),
                port: None,
                transport: Some(Transport::Udp),
                expires: None,
                voicemail: None,
                settings: Settings::NONE,
            })
            .collect(),
        group: None,
        settings: Settings::NONE,
        handsets: Vec::new(),
        ports: Vec::new(),
        login: Some(Login { user: format!("p{number}"), password: Secret::new(format!("phone-password-{number}")) }),
        pending_login: None,
        first_contact: FirstContact::Waiting,
        created: CREATED,
    }
}

pub(crate) fn lease(number: u32) -> Lease {
    let [_, a, b, c] = number.to_be_bytes();
    Lease {
        address: Ipv4Addr::new(10, a, b, c),
        mac: Mac::new([0x80, 0x5e, 0xc0, a, b, c]),
        client_id: None,
        host_name: Some(format!("SIP-T54W-{number}")),
        vendor_class: Some("brand".into()),
        state: LeaseState::Bound,
        expires: CREATED,
        seconds_left: 3600,
        via: Via::Wire,
    }
}

pub(crate) fn event(number: u32) -> Event {
    Event::new(CREATED, Door::Https, Reason::WrongCredentials).about(phone(number, 0).mac)
}

/// Every secret of a phone.
pub(crate) fn secrets(phone: &Phone) -> Vec<&str> {
    let logins = phone.login.iter().chain(&phone.pending_login).map(|login| &login.password);
    phone.lines.iter().map(|line| &line.password).chain(logins).map(Secret::expose).collect()
}

pub(crate) fn book(number: u32, contacts: u32) -> PhoneBook {
    let contact =
        |contact: u32| Contact { name: format!("Contact {contact}"), numbers: vec![format!("+4989{contact:06}")] };
    PhoneBook {
        id: id(3, number),
        version: 0,
        origin: id(0, 0),
        organisation: organisation(1).id,
        number,
        name: format!("Book {number}"),
        contacts: (0..contacts).map(contact).collect(),
        created: CREATED,
    }
}

pub(crate) fn resource(number: u32) -> Resource {
    Resource {
        id: id(4, number),
        version: 0,
        origin: id(0, 0),
        organisation: organisation(1).id,
        name: "logo.png".into(),
        kind: ResourceKind::Wallpaper,
        sha256: [9; 32],
        size: 12_345,
        created: CREATED,
    }
}

/// A group of the first organisation.
pub(super) fn group(number: u32) -> Group {
    Group {
        id: id(5, number),
        version: 0,
        origin: id(0, 0),
        organisation: organisation(1).id,
        name: format!("Group {number}"),
        scope: Scope::Members,
        settings: Settings::NONE.with("regional.language", "de").unwrap(),
        created: CREATED,
    }
}
