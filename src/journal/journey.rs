//! Which lights an event turns on or off.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{Door, Event, Journey, Light, Outcome, Reason, Step};

/// The journey after `event`; `None` when the event says nothing about it.
///
/// A refusal counts only when it was this phone that was refused: anybody may ask for a phone's file, and must not
/// be able to turn its lights off.
pub(super) fn advance(mut journey: Journey, event: &Event) -> Option<Journey> {
    let before = journey.clone();
    let light = |outcome| Light { at: event.last, outcome, reason: event.reason.clone() };
    match &event.reason {
        Reason::Leased { .. } => {
            journey.lights.insert(Step::Lease, light(Outcome::Done));
        }
        Reason::PoolExhausted { .. } | Reason::LeaseRefused { .. } => {
            journey.lights.insert(Step::Lease, light(Outcome::Failed));
        }
        Reason::CaGiven | Reason::CaNotNeeded if is_the_phone(&journey, event) => {
            journey.lights.insert(Step::Ca, light(event.reason.outcome()));
            fetched(&mut journey, CA, event);
        }
        Reason::Success { own_file: true, own_login: true, revision, resources }
        | Reason::NotModified { own_login: true, revision, resources } => {
            configured(&mut journey, revision, resources, event);
        }
        Reason::Success { own_file: false, .. } if is_the_phone(&journey, event) => {
            fetched(&mut journey, &name_of(event), event);
        }
        Reason::ResourceMissing { name }
            if is_the_phone(&journey, event) && journey.resources.contains_key(&**name) =>
        {
            journey.lights.insert(Step::Resources, light(Outcome::Failed));
            journey.lights.remove(&Step::InService);
        }
        Reason::SipResynced { .. }
        | Reason::SipRestarted { .. }
        | Reason::SipFetchedByChance
        | Reason::SipNothingNew
        | Reason::SipNotFetched { .. }
        | Reason::SipRefused { .. }
        | Reason::SipLoginRefused { .. }
        | Reason::SipLoginWithheld { .. }
        | Reason::SipLoginUnproven { .. }
        | Reason::SipSnmpWithheld { .. }
        | Reason::SipNoAnswer { .. }
        | Reason::SipNoAddress => {
            journey.lights.insert(Step::Resynced, light(event.reason.outcome()));
        }
        Reason::FirmwareRuns { release } => {
            journey.firmware = Some(release.clone());
        }
        Reason::FirmwareRight { .. } | Reason::FirmwareBehind { .. } | Reason::FirmwareFailed { .. } => {
            journey.lights.insert(Step::Firmware, light(event.reason.outcome()));
        }
        Reason::PhoneChanged | Reason::ProviderConfigured => {
            journey.lights.remove(&Step::InService);
        }
        Reason::FirstContactReopened => {
            start_over(&mut journey);
        }
        Reason::WasReset => {
            start_over(&mut journey);
            journey.lights.insert(Step::Configuration, light(Outcome::Failed));
        }
        Reason::TlsUnknownCa if is_the_phone(&journey, event) => {
            journey.lights.insert(Step::Ca, light(Outcome::Failed));
        }
        Reason::WrongCredentials
        | Reason::OtherOrganisation
        | Reason::MoreEvidenceNeeded
        | Reason::FirstContactOver
        | Reason::RenderFailed { .. }
        | Reason::TlsTooOld { .. }
        | Reason::TlsFailed { .. }
            if is_the_phone(&journey, event) =>
        {
            journey.lights.insert(Step::Configuration, light(Outcome::Failed));
        }
        _ => return None,
    }
    is_news(&before, &journey).then_some(journey)
}

/// How far the times of lights may stay behind while nothing else changes: a phone that asks each second is not written
/// about each second.
const BEHIND: Duration = Duration::from_secs(60);

fn is_news(before: &Journey, after: &Journey) -> bool {
    let said = |light: &Light| (light.outcome, light.reason.clone());
    let same_lights = before.lights.keys().eq(after.lights.keys())
        && before.lights.values().map(said).eq(after.lights.values().map(said));
    let known = |journey: &Journey| (journey.revision.clone(), journey.firmware.clone(), journey.resources.clone());
    let moved = |(before, after): (&Light, &Light)| after.at < before.at || after.at.since(before.at) >= BEHIND;
    !same_lights || known(before) != known(after) || before.lights.values().zip(after.lights.values()).any(moved)
}

/// What stands for the certificate of the authority among the files that a phone is to fetch.
const CA: &str = "ca.pem";

fn start_over(journey: &mut Journey) {
    journey.lights.retain(|step, _| *step == Step::Lease);
    journey.revision = None;
    journey.resources.clear();
}

/// It has its current file, fetched with its own login. It is in service when it has all that the file names, too. Over
/// HTTPS that begins with the CA; where its file comes another way it needs none.
fn configured(journey: &mut Journey, revision: &str, resources: &[Box<str>], event: &Event) {
    let changed = journey.revision.as_deref().is_some_and(|earlier| earlier != revision);
    journey.revision = Some(revision.to_owned());
    // What it fetched once it has: a phone asks for a picture again only when its name changes.
    let has = |name: &str| journey.resources.get(name).copied().unwrap_or_default();
    let has_ca = has(CA) || journey.lights.get(&Step::Ca).is_some_and(|ca| ca.outcome != Outcome::Failed);
    let ca = (event.door == Door::Https).then(|| (Box::from(CA), has_ca));
    let named = resources.iter().map(|name| name.to_lowercase()).map(|name| (Box::from(&*name), has(&name)));
    journey.resources = named.chain(ca).collect();
    turn_on(journey, Step::Configuration, event.reason.clone(), event);
    let firmware = journey.lights.get(&Step::Firmware);
    if !firmware.is_some_and(|light| light.reason != Reason::NoFirmwareAssigned) {
        turn_on(journey, Step::Firmware, Reason::NoFirmwareAssigned, event);
    }
    if changed {
        turn_on(journey, Step::Resynced, Reason::Resynced, event);
    }
    if is_complete(journey) {
        serves(journey, event);
    } else {
        journey.lights.remove(&Step::InService);
        journey.lights.retain(|step, light| *step != Step::Resources || light.outcome != Outcome::Done);
    }
}

/// It fetched a file that its configuration may name; the last one missing brings it into service.
fn fetched(journey: &mut Journey, name: &str, event: &Event) {
    let Some(has) = journey.resources.get_mut(name) else { return };
    if std::mem::replace(has, true) {
        return;
    }
    if is_complete(journey) {
        serves(journey, event);
    }
}

fn is_complete(journey: &Journey) -> bool {
    let configured = journey.lights.get(&Step::Configuration).is_some_and(|light| light.outcome == Outcome::Done);
    configured && journey.resources.values().all(|has| *has)
}

fn serves(journey: &mut Journey, event: &Event) {
    turn_on(journey, Step::Resources, Reason::ResourcesComplete, event);
    turn_on(journey, Step::InService, Reason::InService, event);
}

fn turn_on(journey: &mut Journey, step: Step, reason: Reason, event: &Event) {
    journey.lights.insert(step, Light { at: event.last, outcome: reason.outcome(), reason });
}

/// The last part of the path that was asked for; names count in any case.
fn name_of(event: &Event) -> String {
    let path = event.file.as_deref().unwrap_or_default();
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    path.rsplit('/').next().unwrap_or_default().to_lowercase()
}

/// Whether the event came from the address that was leased to the phone, as far as a lease of ours is known.
fn is_the_phone(journey: &Journey, event: &Event) -> bool {
    match journey.lights.get(&Step::Lease).map(|light| &light.reason) {
        Some(Reason::Leased { address, .. }) => {
            event.address.is_none_or(|from| from.to_canonical() == IpAddr::V4(*address))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn event(reason: Reason, from: [u8; 4]) -> Event {
        Event::new(Timestamp::from_secs(1), Door::Https, reason).from_address(IpAddr::from(from))
    }

    fn success(revision: &str) -> Reason {
        names(revision, &[])
    }

    fn names(revision: &str, resources: &[&str]) -> Reason {
        let resources = resources.iter().map(|name| Box::from(*name)).collect();
        Reason::Success { own_file: true, own_login: true, revision: revision.into(), resources }
    }

    const PHONE: [u8; 4] = [10, 66, 0, 10];

    fn in_service() -> Journey {
        let leased = Reason::Leased { network: "office".into(), address: PHONE.into() };
        [leased, Reason::CaGiven, success("one")]
            .into_iter()
            .fold(Journey::default(), |journey, reason| advance(journey, &event(reason, PHONE)).unwrap())
    }

    fn lit(journey: &Journey, step: Step) -> Option<Outcome> {
        journey.lights.get(&step).map(|light| light.outcome)
    }

    #[test]
    fn a_phone_comes_into_service_and_resyncs() {
        let journey = in_service();
        assert_eq!(lit(&journey, Step::InService), Some(Outcome::Done));
        assert_eq!(lit(&journey, Step::Resynced), None);
        let journey = advance(journey, &event(Reason::PhoneChanged, PHONE)).unwrap();
        assert_eq!(lit(&journey, Step::InService), None);
        let journey = advance(journey, &event(success("two"), PHONE)).unwrap();
        assert_eq!(lit(&journey, Step::InService), Some(Outcome::Done));
        assert_eq!(lit(&journey, Step::Resynced), Some(Outcome::Done));
    }

    #[test]
    fn without_the_ca_it_is_not_in_service() {
        let journey = advance(Journey::default(), &event(success("one"), PHONE)).unwrap();
        assert_eq!(lit(&journey, Step::Configuration), Some(Outcome::Done));
        assert_eq!(lit(&journey, Step::InService), None);
    }

    #[test]
    fn it_is_in_service_when_it_has_all_that_its_file_names() {
        let given = |path: &str| {
            let reason =
                Reason::Success { own_file: false, own_login: false, revision: "r".into(), resources: Vec::new() };
            event(reason, PHONE).for_file(path)
        };
        let after = |journey: Journey, event: &Event| advance(journey.clone(), event).unwrap_or(journey);
        let journey = after(in_service(), &event(names("two", &["Hills.jpg", "bell.wav"]), PHONE));
        assert_eq!((lit(&journey, Step::Resources), lit(&journey, Step::InService)), (None, None));
        let journey = after(journey, &given("/p/pictures/hills.JPG"));
        let journey = after(journey, &given("/p/other.wav"));
        assert_eq!(lit(&journey, Step::InService), None, "one is missing");
        let missing = Reason::ResourceMissing { name: "bell.wav".into() };
        assert_eq!(advance(journey.clone(), &event(missing.clone(), [10, 66, 0, 99])), None, "somebody else asked");
        let journey = after(journey, &event(missing, PHONE));
        assert_eq!(lit(&journey, Step::Resources), Some(Outcome::Failed));
        let journey = after(journey, &event(names("two", &["Hills.jpg", "bell.wav"]), PHONE));
        assert_eq!(lit(&journey, Step::Resources), Some(Outcome::Failed), "a poll mends nothing");
        let journey = after(journey, &given("/p/bell.wav"));
        assert_eq!(lit(&journey, Step::Resources), Some(Outcome::Done));
        assert_eq!(lit(&journey, Step::InService), Some(Outcome::Done));
        let journey = after(journey, &event(names("three", &["hills.jpg"]), PHONE));
        assert_eq!(lit(&journey, Step::InService), Some(Outcome::Done), "a picture that it has is not fetched again");
    }

    #[test]
    fn a_light_that_stays_is_moved_on_once_a_minute() {
        let asked = |seconds: i64| {
            let reason = Reason::NotModified { own_login: true, revision: "one".into(), resources: Vec::new() };
            Event { last: Timestamp::from_secs(1 + seconds), ..event(reason, PHONE) }
        };
        let journey = advance(in_service(), &asked(1)).unwrap();
        assert_eq!(advance(journey.clone(), &asked(60)), None);
        let later = advance(journey.clone(), &asked(61)).unwrap();
        assert_eq!(later.lights[&Step::InService].at.secs(), 62);
        assert!(advance(journey, &asked(0)).is_some(), "the clock was put back");
    }

    #[test]
    fn a_phone_that_never_speaks_tls_needs_no_ca() {
        let asked = Event { door: Door::Http, ..event(success("one"), PHONE) };
        assert_eq!(lit(&advance(Journey::default(), &asked).unwrap(), Step::InService), Some(Outcome::Done));
    }

    #[test]
    fn a_phone_whose_brand_takes_no_ca_waits_for_none() {
        let journey = advance(Journey::default(), &event(Reason::CaNotNeeded, PHONE)).unwrap();
        assert_eq!(lit(&journey, Step::Ca), Some(Outcome::NotNeeded));
        let journey = advance(journey, &event(success("one"), PHONE)).unwrap();
        assert_eq!(lit(&journey, Step::InService), Some(Outcome::Done));
    }

    #[test]
    fn the_ca_may_come_last() {
        let journey = advance(Journey::default(), &event(success("one"), PHONE)).unwrap();
        let journey = advance(journey, &event(Reason::CaGiven, PHONE)).unwrap();
        assert_eq!(lit(&journey, Step::InService), Some(Outcome::Done));
    }

    #[test]
    fn an_organisations_login_or_a_shared_file_is_no_service() {
        for reason in [
            Reason::Success { own_file: true, own_login: false, revision: "one".into(), resources: Vec::new() },
            Reason::Success { own_file: false, own_login: true, revision: "one".into(), resources: Vec::new() },
        ] {
            assert_eq!(advance(Journey::default(), &event(reason, PHONE)), None);
        }
    }

    #[test]
    fn a_stranger_cannot_turn_lights_off() {
        for reason in [Reason::WrongCredentials, Reason::TlsUnknownCa, Reason::MoreEvidenceNeeded] {
            assert_eq!(advance(in_service(), &event(reason.clone(), [10, 66, 0, 99])), None);
            assert!(advance(in_service(), &event(reason, PHONE)).is_some());
        }
    }

    #[test]
    fn what_it_runs_is_kept_and_what_it_should_run_outlives_a_fetch() {
        let runs = Reason::FirmwareRuns { release: "66.86.0.15".into() };
        let journey = advance(in_service(), &event(runs, PHONE)).unwrap();
        assert_eq!(journey.firmware.as_deref(), Some("66.86.0.15"));
        assert_eq!(lit(&journey, Step::Firmware), Some(Outcome::NotNeeded));
        let right = Reason::FirmwareRight { release: "66.86.0.15".into() };
        let journey = advance(journey, &event(right.clone(), PHONE)).unwrap();
        let journey = advance(journey, &event(success("two"), PHONE)).unwrap();
        assert_eq!(journey.lights[&Step::Firmware].reason, right);
    }

    #[test]
    fn a_reset_phone_starts_over() {
        let journey = advance(in_service(), &event(Reason::WasReset, PHONE)).unwrap();
        assert_eq!(lit(&journey, Step::Configuration), Some(Outcome::Failed));
        assert_eq!(lit(&journey, Step::InService), None);
        assert_eq!(lit(&journey, Step::Lease), Some(Outcome::Done));
    }
}
