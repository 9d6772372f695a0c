use proptest::prelude::*;

use super::*;
use crate::model::settings::{Key, KeyKind, Override};
use crate::model::{AnaloguePort, Handset, Id, Line, Mac, Settings, Transport};
use crate::store::samples;

fn hand(how: How) -> Hand {
    Hand { at: Timestamp::from_secs(1_800_000_000), by: Some("anna".into()), how }
}

fn key(module: u8, position: u16, label: &str) -> Key {
    let (value, label, extension) = ("201".into(), label.into(), "".into());
    Key { module, position, kind: KeyKind::Blf, value, label, line: None, extension }
}

/// Phones with something of everything, of few kinds so that two of them have things in common.
fn phones() -> impl Strategy<Value = Phone> {
    let line = (0..4_u8, 0..3_u8, any::<bool>()).prop_map(|(user, password, tls)| Line {
        user: format!("20{user}"),
        auth_user: (user > 2).then(|| "auth".into()),
        password: Secret::new(format!("line-secret-{password}")),
        display: format!("Desk {user}"),
        server: "pbx.example.com".into(),
        port: tls.then_some(5061),
        transport: tls.then_some(Transport::Tls),
        expires: None,
        voicemail: None,
        settings: if tls { Settings::NONE.with("line.srtp", "required").unwrap() } else { Settings::NONE },
    });
    let keys = prop::collection::btree_map((0..2_u8, 1..4_u16), 0..3_u8, 0..4);
    let raw = prop::collection::btree_map(0..3_u8, 0..3_u8, 0..3);
    (
        prop::collection::vec(line, 0..4),
        keys,
        raw,
        (0..3_u8, 0..3_u8, prop::option::of(0..3_u8), prop::option::of(0..2_u8)),
        (0..3_u16, 0..3_u16),
    )
        .prop_map(|(lines, keys, raw, (name, language, secret, group), (handsets, ports))| {
            let mut phone = samples::phone(1, 0);
            phone.lines = lines;
            phone.name = format!("Desk {name}");
            phone.model = (name > 0).then(|| format!("T5{name}W"));
            phone.group = group.map(|group| Id::from_bytes([group + 1; 16]));
            let languages = ["de", "fr", "nl"];
            phone.settings.set_text("regional.language", languages[usize::from(language)]).unwrap();
            if let Some(secret) = secret {
                phone.settings.set_text("ldap.password", &format!("ldap-secret-{secret}")).unwrap();
            }
            let on_line = |((module, position), label): (&(u8, u16), &u8)| {
                let line = u8::try_from(*position).ok();
                Key { line, ..key(*module, *position, &label.to_string()) }
            };
            phone.settings.keys = keys.iter().map(on_line).collect();
            let raw = raw.iter().map(|(name, value)| Override {
                brand: "toy".into(),
                name: format!("a.{name}").into(),
                value: format!("raw-secret-{value}").into(),
            });
            phone.settings.overrides = raw.collect();
            let handset = |number| {
                let lines = vec![u8::try_from(number).unwrap()];
                Handset { number, ipei: None, name: "Hall".into(), lines }
            };
            phone.handsets = (1..=handsets).map(handset).collect();
            phone.ports =
                (1..=ports).map(|number| AnaloguePort { number, line: None, caller_id: None, fax: None }).collect();
            phone
        })
}

/// The same with raw settings in an order of their own, which nobody sees.
fn ordered(mut phone: Phone) -> Phone {
    phone.settings.overrides.sort_by(|one, other| (&one.brand, &one.name).cmp(&(&other.brand, &other.name)));
    phone
}

fn change(before: &Phone, after: &Phone) -> Change {
    Change { number: 1, hand: hand(How::Edited), version: 2, altered: Some(between(before, after)) }
}

proptest! {
    #[test]
    fn undoing_brings_back_what_was(before in phones(), after in phones()) {
        let mut now = after.clone();
        change(&before, &after).undo(&mut now).unwrap();
        prop_assert_eq!(ordered(now), ordered(before));
    }

    #[test]
    fn undoing_leaves_alone_what_others_changed(
        before in phones(),
        after in phones(),
        mut later in phones(),
        behind in any::<bool>(),
    ) {
        if behind {
            later.lines.splice(0..0, after.lines.iter().cloned());
        }
        let first = change(&before, &after);
        let mut now = later.clone();
        let touched: Vec<Part> = first.altered.iter().flatten().map(|altered| altered.part.clone()).collect();
        let since: Vec<Part> = between(&after, &later).into_iter().map(|altered| altered.part).collect();
        match first.undo(&mut now) {
            Ok(()) => {
                prop_assert!(!touched.iter().any(|part| since.contains(part)));
                let undone = between(&later, &now);
                // Handsets and ports may close up; nothing else than what the change touched becomes another, and
                // what names a line by its place names the same one.
                for altered in undone {
                    let list = matches!(altered.part, Part::Handset(_) | Part::Port(_));
                    prop_assert!(list || touched.contains(&altered.part), "{:?}", altered.part);
                }
            }
            Err(Irreversible::ChangedSince(parts)) => {
                prop_assert!(!parts.is_empty());
                let line = |part: &Part| matches!(part, Part::Line(_));
                prop_assert!(parts.iter().all(|part| since.contains(part) && (line(part) || touched.contains(part))));
                prop_assert_eq!(now, later);
            }
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn no_secret_is_shown(before in phones(), after in phones()) {
        let change = change(&before, &after);
        let shown = format!("{:?} {:?}", change.differences(), change);
        prop_assert!(!shown.contains("-secret-"), "{shown}");
        let other = |one: &Phone, two: &Phone| one.lines.iter().zip(&two.lines).any(|(a, b)| a.password != b.password);
        if other(&before, &after) {
            prop_assert!(change.differences().iter().any(|one| one.secret && one.field.as_deref() == Some("password")));
        }
    }
}

#[test]
fn a_difference_names_the_field() {
    let before = samples::phone(1, 2);
    let mut after = before.clone();
    after.lines[1].display = "Küche".into();
    after.lines[1].password = Secret::new("other");
    after.settings.keys.push(key(1, 3, "Hall"));
    after.name = "Reception".into();
    after.settings.set_text("ldap.password", "hidden").unwrap();
    let shown: Vec<String> = change(&before, &after)
        .differences()
        .into_iter()
        .map(|one| {
            let field = one.field.map(|field| format!(" {field}")).unwrap_or_default();
            let (before, after) = (one.before.unwrap_or_default(), one.after.unwrap_or_default());
            format!("{}{field}: {before} -> {after}{}", one.part, if one.secret { " (secret)" } else { "" })
        })
        .collect();
    assert_eq!(
        shown,
        [
            "name: Desk 1 -> Reception",
            "line 2 display: Extension 2001 -> Küche",
            "line 2 password:  ->  (secret)",
            "ldap.password:  ->  (secret)",
            "key 3 of module 1 kind:  -> blf",
            "key 3 of module 1 label:  -> Hall",
            "key 3 of module 1 value:  -> 201",
        ]
    );
}

/// Key 1 is for the third line, and stays so.
#[test]
fn a_line_before_others_that_came_later_does_not_go() {
    let before = samples::phone(1, 1);
    let with = |lines| Phone { lines: samples::phone(1, lines).lines, ..before.clone() };
    let added = change(&before, &with(2));
    let mut later = with(3);
    later.settings.keys.push(Key { line: Some(3), ..key(0, 1, "Hall") });
    let mut now = later.clone();
    assert_eq!(added.undo(&mut now), Err(Irreversible::ChangedSince(vec![Part::Line(3)])));
    assert_eq!(now, later);
    // Nor does one come back behind a place that is empty since.
    let removed = change(&with(3), &with(2));
    let mut now = before.clone();
    assert_eq!(removed.undo(&mut now), Err(Irreversible::ChangedSince(vec![Part::Line(2)])));
    // At the end it goes.
    let mut now = with(2);
    added.undo(&mut now).unwrap();
    assert_eq!(now.lines, before.lines);
}

#[test]
fn another_device_is_not_undone() {
    let before = samples::phone(1, 0);
    let mut after = before.clone();
    after.mac = Mac::new([2; 6]);
    assert_eq!(change(&before, &after).undo(&mut after.clone()), Err(Irreversible::OtherDevice));
}

#[test]
fn logins_are_no_part_of_the_entry() {
    let before = samples::phone(1, 1);
    let mut after = before.clone();
    after.pending_login = None;
    after.login = Some(crate::model::Login { user: "x".into(), password: Secret::new("y") });
    assert_eq!(between(&before, &after), []);
}

#[test]
fn a_history_keeps_the_newest_within_its_room() {
    let mut history = History::default();
    let (mut before, mut after) = (samples::phone(1, 0), samples::phone(1, 0));
    for number in 1..=100_u64 {
        (before.name, after.name) = (format!("a{number}"), format!("b{number}"));
        history.add(hand(How::Edited), number, between(&before, &after));
        assert_eq!(history.changes.back().unwrap().number, number);
    }
    assert_eq!((history.changes.len(), history.forgotten), (History::MOST, 70));
    assert!(history.change(70).is_none() && history.change(71).is_some());
    // Large ones push out more than one.
    after.lines = samples::phone(1, 40).lines;
    for version in 101..110 {
        history.add(hand(How::Imported), version, between(&before, &after));
        let size: usize = history.changes.iter().map(Change::size).sum();
        assert!(size <= History::MOST_BYTES, "{size}");
    }
    assert!(history.changes.len() < 10 && history.changes.back().unwrap().altered.is_some());
    // And one that does not fit alone is remembered without what it altered.
    for line in &mut after.lines {
        line.display = "x".repeat(400);
    }
    history.add(hand(How::Imported), 110, between(&before, &after));
    let last = history.changes.back().unwrap();
    assert_eq!((last.number, last.altered.is_none()), (110, true));
    assert_eq!(last.undo(&mut after), Err(Irreversible::NotKept));
}
