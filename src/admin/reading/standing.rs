//! How a phone stands, in words for an administrator: what is the matter, and what to do first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{FirstContact, Journey, Language, Light, Outcome, Phone, Reason, Step, Timestamp};

/// Where a phone is on its way, coarse enough to count and to filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nothing will get better unless somebody acts.
    Attention,
    /// It has begun, and nothing is wrong so far.
    OnTheWay,
    /// It is on the list but was never heard of.
    NotSeen,
    /// It has all that it should have.
    InService,
}

impl Standing {
    /// All of them, most urgent first.
    pub const ALL: [Self; 4] = [Self::Attention, Self::OnTheWay, Self::NotSeen, Self::InService];

    /// Its name in a query and in a style sheet.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::OnTheWay => "on-the-way",
            Self::NotSeen => "not-seen",
            Self::InService => "in-service",
        }
    }

    /// Its name for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Attention => "Needs attention",
            Self::OnTheWay => "On its way",
            Self::NotSeen => "Not seen yet",
            Self::InService => "In service",
        }
    }

    /// The standing of that key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.key() == key)
    }
}

/// What is the matter with a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matter<'a> {
    /// What a light says.
    Reason(&'a Reason),
    /// A text of the catalogue.
    Text(&'static str),
}

impl Matter<'_> {
    /// The same in a sentence.
    pub(crate) fn says(self, language: Language) -> String {
        match self {
            Self::Reason(reason) => reason.sentence_in(language),
            Self::Text(text) => crate::admin::speech::said(language, text).to_owned(),
        }
    }
}

/// A phone's standing with what an administrator needs to know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Situation<'a> {
    pub(crate) standing: Standing,
    /// What is the matter.
    pub(crate) matter: Matter<'a>,
    /// What to do first, when there is something to do.
    pub(crate) advice: Option<&'static str>,
    /// Whether letting it start over is the remedy to offer.
    pub(crate) start_over: bool,
}

/// How `phone` stands at `now`, given how far it came.
pub(crate) fn situation<'a>(phone: &Phone, journey: &'a Journey, now: Timestamp) -> Situation<'a> {
    if let Some(first_contact) = by_first_contact(phone, journey, now) {
        return first_contact;
    }
    let newest_done = |step: Step| journey.lights.get(&step).filter(|l| done(l)).map(|l| l.at);
    // A failure counts until the phone got through after it.
    let through = newest_done(Step::InService).max(newest_done(Step::Resynced));
    let wrong = journey.lights.values().filter(|light| {
        matches!(light.outcome, Outcome::Failed | Outcome::Refused) && through.is_none_or(|through| through < light.at)
    });
    if let Some(light) = wrong.max_by_key(|light| light.at) {
        return Situation {
            standing: Standing::Attention,
            matter: Matter::Reason(&light.reason),
            advice: advice(&light.reason),
            start_over: offers_start_over(&light.reason),
        };
    }
    let expected = matches!(phone.first_contact, FirstContact::Waiting | FirstContact::Open { .. });
    let (standing, says) = match Step::ALL.into_iter().rev().find(|step| newest_done(*step).is_some()) {
        // Lights of the time before it was let start over.
        Some(Step::Resynced | Step::InService) if expected => {
            (Standing::OnTheWay, "Was told its new login; it comes back with it over HTTPS.")
        }
        Some(Step::Resynced) => (Standing::InService, "Has the newest configuration."),
        Some(Step::InService) => (Standing::InService, "Has its configuration and all that belongs to it."),
        Some(Step::Resources) => (Standing::OnTheWay, "Has its configuration; the last step is close."),
        Some(Step::Firmware) => (Standing::OnTheWay, "Has its configuration; it still fetches what belongs to it."),
        Some(Step::Configuration) => {
            (Standing::OnTheWay, "Has its configuration; it still fetches what belongs to it.")
        }
        Some(Step::Ca) => (Standing::OnTheWay, "Has the certificate of this box; fetches its configuration next."),
        Some(Step::Lease) => (Standing::OnTheWay, "Has an address; fetches the certificate of this box next."),
        None => (Standing::NotSeen, "Has not asked this box for anything yet."),
    };
    let advice = (standing == Standing::NotSeen)
        .then_some("Plug it in, or restart it. If nothing happens, compare its label with the address here.");
    Situation { standing, matter: Matter::Text(says), advice, start_over: false }
}

fn by_first_contact(phone: &Phone, journey: &Journey, now: Timestamp) -> Option<Situation<'static>> {
    match phone.first_contact {
        FirstContact::Reset { .. } => Some(Situation {
            standing: Standing::Attention,
            matter: Matter::Text("Was reset to factory settings: it came back without its login."),
            advice: Some(
                "If you or a colleague reset it, let it start over. If nobody did, find out which device is asking.",
            ),
            start_over: true,
        }),
        FirstContact::Open { since, .. } if !FirstContact::lasts(since, now) => Some(Situation {
            standing: Standing::Attention,
            matter: Matter::Reason(&Reason::FirstContactOver),
            advice: Some("Let it start over, then restart the phone."),
            start_over: true,
        }),
        FirstContact::Waiting if journey.lights.is_empty() && phone.login.is_some() => Some(Situation {
            standing: Standing::OnTheWay,
            matter: Matter::Text("May start over: it gets a new login when it asks next."),
            advice: Some("Restart the phone if it does not come back by itself within a few minutes."),
            start_over: false,
        }),
        _ => None,
    }
}

fn done(light: &Light) -> bool {
    matches!(light.outcome, Outcome::Done | Outcome::NotNeeded)
}

/// Whether a fresh first contact mends it.
fn offers_start_over(reason: &Reason) -> bool {
    matches!(reason, Reason::WasReset | Reason::FirstContactOver | Reason::WrongCredentials | Reason::TlsUnknownCa)
}

/// What to do first about a reason, for somebody with no manual. Nothing where its sentence says so itself.
pub(crate) fn advice(reason: &Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::Declined { .. } => "Find the device that uses this address without asking for it, and give it another.",
        Reason::AddressInUse { .. } => "Give that device an address outside the pool, or by a reservation.",
        Reason::DhcpServerGone { may_stand_in: true, .. } => {
            "Start the router or server again. Until then this box can stand in: press \"Take over\"."
        }
        Reason::DhcpServerGone { may_stand_in: false, .. } => {
            "Start the router or server again. This box could stand in if it had a pool on this network."
        }
        Reason::DhcpStandIn { .. } => "Repair the other server: this box steps down by itself when it is back.",
        Reason::DhcpNotAlone { .. } => {
            "Switch one of the two servers off, or set this network's mode to \"auto\" or \"phones-only\"."
        }
        Reason::DhcpOwnAddressLeased { .. } => {
            "Give this box a static address on this network: on the appliance under \"This box\", else in the network configuration of its system."
        }
        Reason::DhcpOtherBox { .. } => "Nothing to do if the other box shall serve; otherwise switch it off.",
        Reason::DhcpPoolOverlaps { .. } => "Give this box a pool that the other server does not give addresses of.",
        Reason::DhcpDeaf { .. } => {
            "Check its cable, the address of this box there, [[network]] in block66.toml, and that no other DHCP server runs on this box."
        }
        Reason::LeaseRefused { .. } => "Nothing to do if it got another address since; otherwise restart the phone.",
        Reason::WrongCredentials => {
            "Let it start over, so that it gets a new login. If it belongs to another provider, reset it to factory settings first."
        }
        Reason::MoreEvidenceNeeded => {
            "Check that it is plugged into a network that this box knows, and that no other device uses its address."
        }
        Reason::TlsUnknownCa => "Let it start over: it then fetches the certificate again.",
        Reason::TlsTooOld { .. } => "Update the phone's firmware.",
        Reason::TlsFailed { .. } => "Check the phone's clock and firmware, then restart it.",
        Reason::RenderFailed { .. } => "Correct the setting that is named.",
        Reason::MacMismatch { .. } => "Find out which device is at that address before you trust it.",
        Reason::DiskFull | Reason::DiskTight => "Make room on the disk of this box.",
        Reason::DiskReadOnly => {
            "Make a backup, and have the disk of this box repaired or replaced before its power goes: it does not start from such a disk."
        }
        Reason::OverlayRefused { .. } => "Correct the file that is named, then restart this box.",
        Reason::StoreRestored { .. } | Reason::StoreGone { .. } => {
            "Look through the list of phones: the newest changes may be missing."
        }
        Reason::PartRestarted { .. } => {
            "Nothing to do if it stays at one; otherwise send the log of this box to support."
        }
        _ => return None,
    })
}

/// The page or the button that ends an alarm, where there is one. The box's own address is set on the page of the
/// `appliance` alone.
pub(crate) fn remedy(reason: &Reason, language: Language, appliance: bool) -> Option<crate::admin::types::Remedy> {
    let remedy = |at: String, form, label| {
        Some(crate::admin::types::Remedy { at, form, label: crate::admin::speech::said(language, label).to_owned() })
    };
    match reason {
        Reason::DhcpServerGone { network, may_stand_in: true, .. } => {
            remedy(format!("/networks/{}/take-over", crate::admin::pages::render::segment(network)), true, "Take over")
        }
        Reason::PoolExhausted { .. }
        | Reason::DhcpNotAlone { .. }
        | Reason::DhcpStandIn { .. }
        | Reason::DhcpPoolOverlaps { .. }
        | Reason::DhcpReservationUnfit { .. }
        | Reason::DhcpDeaf { .. } => remedy("/networks".into(), false, "Look at the networks"),
        Reason::DhcpOwnAddressLeased { .. } if appliance => remedy("/box".into(), false, "Set the address"),
        Reason::StoreRestored { .. } | Reason::StoreGone { .. } => {
            remedy("/phones".into(), false, "Look through the phones")
        }
        Reason::DiskFull | Reason::DiskTight => remedy("/firmware".into(), false, "Look at what takes room"),
        Reason::CertificateEnds { .. } | Reason::CertificateUnusable { .. } => {
            remedy("/certificate".into(), false, "Look at the certificates")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::admin::test_data::phone;
    use std::time::Duration;

    use super::*;

    const T: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn light(seconds: u64, reason: Reason) -> Light {
        Light { at: T.plus(Duration::from_secs(seconds)), outcome: reason.outcome(), reason }
    }

    fn journey(lights: impl IntoIterator<Item = (Step, Light)>) -> Journey {
        Journey { lights: lights.into_iter().collect(), ..Journey::default() }
    }

    fn success(seconds: u64) -> Light {
        light(seconds, Reason::Success { own_file: true, own_login: true, revision: "r".into(), resources: Vec::new() })
    }

    #[test]
    fn from_unseen_to_in_service() {
        let mut phone = phone(1);
        assert_eq!(situation(&phone, &Journey::default(), T).standing, Standing::NotSeen);
        let leased = light(0, Reason::Leased { network: "office".into(), address: [10, 66, 0, 10].into() });
        let mut so_far = journey([(Step::Lease, leased)]);
        assert_eq!(situation(&phone, &so_far, T).standing, Standing::OnTheWay);
        so_far.lights.insert(Step::Configuration, success(2));
        so_far.lights.insert(Step::InService, success(3));
        phone.first_contact = FirstContact::Closed { at: T };
        assert_eq!(situation(&phone, &so_far, T.plus(Duration::from_secs(600))).standing, Standing::InService);
    }

    #[test]
    fn a_failure_counts_until_it_got_through_again() {
        let mut phone = phone(1);
        phone.first_contact = FirstContact::Closed { at: T };
        let broken = journey([(Step::InService, success(10)), (Step::Configuration, light(20, Reason::TlsUnknownCa))]);
        let broken = situation(&phone, &broken, T);
        assert_eq!((broken.standing, broken.start_over), (Standing::Attention, true));
        assert!(broken.advice.is_some());
        let mended = journey([(Step::InService, success(30)), (Step::Configuration, light(20, Reason::TlsUnknownCa))]);
        assert_eq!(situation(&phone, &mended, T).standing, Standing::InService);
    }

    #[test]
    fn a_reset_outweighs_what_was_before() {
        let mut phone = phone(1);
        let served = journey([(Step::InService, success(10))]);
        phone.first_contact = FirstContact::Reset { at: T };
        let reset = situation(&phone, &served, T);
        assert_eq!((reset.standing, reset.start_over), (Standing::Attention, true));
        phone.first_contact = FirstContact::Open { since: T, address: [10, 66, 0, 10].into() };
        assert_eq!(situation(&phone, &served, T).standing, Standing::OnTheWay);
        let over = situation(&phone, &served, T.plus(FirstContact::WINDOW));
        assert_eq!((over.standing, over.start_over), (Standing::Attention, true));
        let set_back = situation(&phone, &served, Timestamp::default());
        assert_eq!(set_back.standing, Standing::Attention, "the page says what the door does");
    }

    #[test]
    fn started_over_is_on_its_way() {
        let mut phone = phone(1);
        phone.first_contact = FirstContact::Waiting;
        phone.login = phone.pending_login.clone();
        let unlit = Journey::default();
        let over = situation(&phone, &unlit, T);
        assert_eq!((over.standing, over.start_over), (Standing::OnTheWay, false));
    }

    #[test]
    fn the_address_is_set_on_the_page_of_the_appliance_alone() {
        let leased = Reason::DhcpOwnAddressLeased { network: "office".into() };
        let offered = |appliance| remedy(&leased, Language::English, appliance).map(|remedy| remedy.at);
        assert_eq!(offered(true).as_deref(), Some("/box"));
        assert_eq!(offered(false), None, "the system around the program has it");
    }

    #[test]
    fn keys_are_their_own_inverse() {
        for standing in Standing::ALL {
            assert_eq!(Standing::from_key(standing.key()), Some(standing));
        }
        assert_eq!(Standing::from_key("none"), None);
    }
}
