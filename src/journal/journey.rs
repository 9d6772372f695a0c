//! Which lights an event turns on or off.

use std::net::IpAddr;

use crate::model::{Event, Journey, Light, Outcome, Reason, Step};

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
        Reason::CaGiven if is_the_phone(&journey, event) => {
            journey.lights.insert(Step::Ca, light(Outcome::Done));
        }
        Reason::Success { own_file: true, own_login: true, revision }
        | Reason::NotModified { own_login: true, revision } => {
            configured(&mut journey, revision, event);
        }
        Reason::SipResynced { .. }
        | Reason::SipRestarted { .. }
        | Reason::SipFetchedByChance
        | Reason::SipNotFetched { .. }
        | Reason::SipRefused { .. }
        | Reason::SipLoginRefused { .. }
        | Reason::SipLoginWithheld { .. }
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
        Reason::PhoneChanged => {
            journey.lights.remove(&Step::InService);
        }
        Reason::FirstContactReopened => {
            journey.lights.retain(|step, _| *step == Step::Lease);
            journey.revision = None;
        }
        Reason::WasReset => {
            journey.lights.retain(|step, _| *step == Step::Lease);
            journey.lights.insert(Step::Configuration, light(Outcome::Failed));
            journey.revision = None;
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
    (journey != before).then_some(journey)
}

/// It has its current file, fetched with its own login. The only resource that a file names is the CA, so it is in
/// service when it has that.
fn configured(journey: &mut Journey, revision: &str, event: &Event) {
    let changed = journey.revision.as_deref().is_some_and(|earlier| earlier != revision);
    journey.revision = Some(revision.to_owned());
    let has_ca = journey.lights.get(&Step::Ca).is_some_and(|ca| ca.outcome == Outcome::Done);
    let firmware = journey.lights.get(&Step::Firmware).cloned();
    let mut turn_on = |step, reason: Reason| {
        journey.lights.insert(step, Light { at: event.last, outcome: reason.outcome(), reason });
    };
    turn_on(Step::Configuration, event.reason.clone());
    let assigned = |light: &Light| light.reason != Reason::NoFirmwareAssigned;
    if !firmware.as_ref().is_some_and(assigned) {
        turn_on(Step::Firmware, Reason::NoFirmwareAssigned);
    }
    if has_ca {
        turn_on(Step::Resources, Reason::ResourcesComplete);
        turn_on(Step::InService, Reason::InService);
    }
    if changed {
        turn_on(Step::Resynced, Reason::Resynced);
    }
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
    use crate::model::{Door, Timestamp};

    fn event(reason: Reason, from: [u8; 4]) -> Event {
        Event::new(Timestamp::from_secs(1), Door::Https, reason).from_address(IpAddr::from(from))
    }

    fn success(revision: &str) -> Reason {
        Reason::Success { own_file: true, own_login: true, revision: revision.into() }
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
    fn an_organisations_login_or_a_shared_file_is_no_service() {
        for reason in [
            Reason::Success { own_file: true, own_login: false, revision: "one".into() },
            Reason::Success { own_file: false, own_login: true, revision: "one".into() },
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
