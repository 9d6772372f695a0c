//! From the model to what the API says.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::standing::{Standing, advice, situation};
use crate::admin::speech::{said, say};
use crate::admin::types;
use crate::model::{
    Event, FirstContact, Journey, Language, Lease, LeaseState, Line, Mac, Outcome, Phone, Step, Timestamp,
};

/// A phone as the API shows it. `address` is the one leased to it, `names` those of its organisation and its group.
pub(crate) fn phone(
    phone: &Phone,
    journey: &Journey,
    address: Option<Ipv4Addr>,
    (organisation, group): (&str, Option<&str>),
    (now, language): (Timestamp, Language),
) -> types::Phone {
    let situation = situation(phone, journey, now);
    types::Phone {
        id: phone.id.to_string(),
        version: phone.version,
        mac: phone.mac,
        name: phone.name.clone(),
        organisation: types::Named { id: phone.organisation.to_string(), name: organisation.to_owned() },
        group: phone.group.map(|id| types::Named { id: id.to_string(), name: group.unwrap_or_default().to_owned() }),
        unassigned: phone.mac.is_placeholder(),
        letting_go: phone.is_let_go(),
        brand: phone.brand.clone(),
        model: phone.model.clone(),
        firmware: journey.firmware.clone(),
        address: address.map(|a| a.to_string()),
        standing: situation.standing,
        says: situation.matter.says(language),
        advice: situation.advice.map(|advice| said(language, advice).to_owned()),
        start_over: situation.start_over,
        first_contact: first_contact(phone.first_contact, now, language),
        journey: lights(journey, language),
        lines: phone.lines.iter().map(line).collect(),
        handsets: phone.handsets.clone(),
        ports: phone.ports.clone(),
        created: phone.created.to_string(),
        events: Vec::new(),
    }
}

fn first_contact(state: FirstContact, now: Timestamp, language: Language) -> types::FirstContact {
    let (state, since, says) = match state {
        FirstContact::Waiting => {
            ("waiting", None, said(language, "Gets its login when it asks for its file the first time.").to_owned())
        }
        FirstContact::Open { since, address } if FirstContact::lasts(since, now) => (
            "open",
            Some(since),
            say(
                language,
                "Its login was handed to {address}; it has 15 minutes to come back with it over HTTPS.",
                &[("address", &address)],
            ),
        ),
        FirstContact::Open { since, address } => (
            "over",
            Some(since),
            say(
                language,
                "Its login was handed to {address}, but it did not come back with it within 15 minutes.",
                &[("address", &address)],
            ),
        ),
        FirstContact::Closed { at } => {
            ("closed", Some(at), said(language, "Came back over HTTPS with its own login.").to_owned())
        }
        FirstContact::Reset { at } => {
            ("reset", Some(at), said(language, "Came back without the login that it had.").to_owned())
        }
    };
    types::FirstContact { state: state.to_owned(), since: since.map(|t| t.to_string()), says }
}

pub(crate) fn lights(journey: &Journey, language: Language) -> Vec<types::Light> {
    let light = |step: Step| {
        let (key, label, not_yet) = names(step);
        let light = journey.lights.get(&step);
        types::Light {
            step: key.to_owned(),
            label: said(language, label).to_owned(),
            state: light.map_or("none", |l| outcome(l.outcome)).to_owned(),
            at: light.map(|l| l.at.to_string()),
            says: light.map_or_else(|| said(language, not_yet).to_owned(), |l| l.reason.sentence_in(language)),
        }
    };
    Step::ALL.into_iter().map(light).collect()
}

/// A step's stable name, its name for people, and what is said while it was not tried.
fn names(step: Step) -> (&'static str, &'static str, &'static str) {
    match step {
        Step::Lease => ("lease", "Lease", "Has no address from this box yet."),
        Step::Ca => ("ca", "CA", "Has not fetched this box's certificate yet."),
        Step::Configuration => ("configuration", "Configuration", "Has not fetched its own configuration yet."),
        Step::Firmware => ("firmware", "Firmware", "Has not reported the right firmware yet."),
        Step::Resources => ("resources", "Resources", "Has not fetched what its configuration names yet."),
        Step::InService => ("in-service", "In service", "Is not in service yet."),
        Step::Resynced => ("resynced", "Resynced", "Nothing has changed since, or it has not fetched the change yet."),
    }
}

/// Everything that [`outcome`] says.
pub(in crate::admin) const OUTCOMES: [&str; 4] = ["done", "not-needed", "refused", "failed"];

pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::NotNeeded => "not-needed",
        Outcome::Refused => "refused",
        Outcome::Failed => "failed",
    }
}

fn line(line: &Line) -> types::Line {
    types::Line {
        user: line.user.clone(),
        auth_user: line.auth_user.clone(),
        display: line.display.clone(),
        server: line.server.clone(),
        port: line.port,
        transport: line.transport.unwrap_or_default(),
        expires: line.expires.unwrap_or(Line::DEFAULT_EXPIRES),
        voicemail: line.voicemail.clone(),
        settings: line.settings.to_json(),
    }
}

/// An event as the API shows it; `phone` is the name of the phone that it is about.
pub(crate) fn event(sequence: u64, event: &Event, phone: Option<String>, language: Language) -> types::Event {
    types::Event {
        sequence,
        at: event.at.to_string(),
        last: event.last.to_string(),
        count: event.count,
        door: event.door.to_string(),
        mac: event.mac,
        phone,
        address: event.address.map(|a| a.to_canonical().to_string()),
        file: event.file.clone(),
        user_agent: event.user_agent.clone(),
        by: event.by.clone(),
        code: event.reason.code(),
        outcome: outcome(event.reason.outcome()).to_owned(),
        says: event.reason.sentence_in(language),
        advice: advice(&event.reason).map(|advice| said(language, advice).to_owned()),
    }
}

/// A lease as the API shows it; `phone` is the name of the phone that holds it.
pub(crate) fn lease(network: &str, lease: &Lease, phone: Option<String>, now: Timestamp) -> types::Lease {
    let state = match lease.state {
        LeaseState::Bound if lease.expires <= now => "ended",
        LeaseState::Bound => "bound",
        LeaseState::Released => "released",
        LeaseState::Declined => "declined",
    };
    types::Lease {
        network: network.to_owned(),
        address: lease.address.to_string(),
        mac: lease.mac,
        phone,
        host_name: lease.host_name.clone(),
        vendor_class: lease.vendor_class.clone(),
        state: state.to_owned(),
        expires: lease.expires.to_string(),
    }
}

/// The address that each client holds at `now`; of several the one that ends last.
pub(crate) fn addresses(leases: &[Lease], now: Timestamp) -> HashMap<Mac, Ipv4Addr> {
    let mut held: Vec<&Lease> = leases.iter().filter(|l| l.state == LeaseState::Bound && l.expires > now).collect();
    held.sort_by_key(|lease| lease.expires);
    held.into_iter().map(|lease| (lease.mac, lease.address)).collect()
}

/// How many phones stand how.
pub(crate) fn count(standings: impl Iterator<Item = Standing>) -> types::Counts {
    standings.fold(types::Counts::default(), |mut counts, standing| {
        counts.total += 1;
        match standing {
            Standing::Attention => counts.attention += 1,
            Standing::OnTheWay => counts.on_the_way += 1,
            Standing::NotSeen => counts.not_seen += 1,
            Standing::InService => counts.in_service += 1,
        }
        counts
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::test_data;

    #[test]
    fn no_answer_holds_a_secret() {
        let shown = phone(
            &test_data::phone(1),
            &Journey::default(),
            None,
            ("Branch", None),
            (Timestamp::default(), Language::English),
        );
        let text = serde_json::to_string(&shown).unwrap();
        assert!(text.contains("201") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn the_newest_lease_is_where_a_phone_is() {
        let lease = |host: u8, state, expires| Lease {
            address: [10, 66, 0, host].into(),
            mac: test_data::phone(1).mac,
            client_id: None,
            host_name: None,
            vendor_class: None,
            state,
            expires: Timestamp::from_secs(expires),
            seconds_left: 0,
            via: crate::model::Via::Wire,
        };
        let leases = [
            lease(12, LeaseState::Bound, 300),
            lease(10, LeaseState::Bound, 200),
            lease(11, LeaseState::Bound, 100),
            lease(13, LeaseState::Released, 400),
        ];
        let now = Timestamp::from_secs(150);
        assert_eq!(addresses(&leases, now).values().collect::<Vec<_>>(), [&Ipv4Addr::from([10, 66, 0, 12])]);
        assert_eq!(super::lease("office", &leases[2], None, now).state, "ended");
    }
}
