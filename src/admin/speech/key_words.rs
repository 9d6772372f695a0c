//! What the tasks of keys are called.

use crate::model::settings::KeyKind;

/// A task's name for people, as a text of the catalogue.
pub(in crate::admin) fn word(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::None => "Nothing",
        KeyKind::Line => "Line",
        KeyKind::SpeedDial => "Speed dial",
        KeyKind::Blf => "Busy lamp",
        KeyKind::BlfList => "Busy lamps of a list",
        KeyKind::Park => "Park",
        KeyKind::Pickup => "Pick up",
        KeyKind::GroupPickup => "Pick up in the group",
        KeyKind::Forward => "Forward",
        KeyKind::Dnd => "Do not disturb",
        KeyKind::Intercom => "Intercom",
        KeyKind::Paging => "Paging",
        KeyKind::Voicemail => "Voice mail",
        KeyKind::Conference => "Conference",
        KeyKind::Transfer => "Transfer",
        KeyKind::Hold => "Hold",
        KeyKind::Redial => "Redial",
        KeyKind::Record => "Record",
        KeyKind::Directory => "Phone book",
        KeyKind::Ldap => "Company directory",
        KeyKind::History => "Past calls",
        KeyKind::Dtmf => "Tones",
        KeyKind::Prefix => "Prefix",
        KeyKind::Url => "Call a web address",
        KeyKind::XmlBrowser => "Show a web address",
        KeyKind::HotDesking => "Hot desking",
        KeyKind::Agent => "Queue agent",
        KeyKind::Lock => "Lock the phone",
        KeyKind::Custom => "As the brand numbers it",
    }
}
