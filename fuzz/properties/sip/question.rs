//! A question by multicast: whom the box answers and what leaves then, with a list and a LAN made up.
//!
//! What is known of an asker is put together as the task of the door does it, from a lease, a neighbour table and a list
//! that an input chooses. The recognition, the decision and the answers are the box's own.

use std::net::SocketAddr;
use std::sync::LazyLock;

use block66::access::{self, Lan};
use block66::brands::{Recognition, Registry, SipClaims};
use block66::model::{BoxAddress, Mac, Scheme, provisioning_url};
use block66::sip::pnp::{self, Ask, Known, Parts, Verdict};
use block66::sip::wire::Message;

use super::Plant;

/// The phone of the seeds, and another one that is listed beside it.
const LISTED: [Mac; 2] =
    [Mac::new([0x00, 0x15, 0x65, 0xf4, 0xf9, 0xe1]), Mac::new([0x00, 0x04, 0x13, 0xa1, 0x1f, 0xa7])];
const STRANGER: Mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 9]);

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::builtin().expect("the built-in brands"));

/// What the box knows when somebody asks.
pub(super) struct Around {
    /// Whose lease the asker's address is.
    lease: Option<Mac>,
    /// Who answers for that address on the LAN.
    neighbour: Option<Mac>,
    listed: &'static [Mac],
    /// Whether a window is open in which every phone is let in.
    pairing: bool,
    /// Whether listed phones have shown that they have our CA.
    trusted: bool,
}

impl Around {
    /// Of seven bits, the lowest first: two for the lease and two for the neighbour table (nothing, the phone of the
    /// seeds, the other one on the list, one that is not), and one each for an empty list, an open window, and phones
    /// that have our CA.
    pub(super) fn of(bits: u8) -> Self {
        let whose = |bits: u8| [None, Some(LISTED[0]), Some(LISTED[1]), Some(STRANGER)][usize::from(bits & 3)];
        Self {
            lease: whose(bits),
            neighbour: whose(bits >> 2),
            listed: if bits & 16 == 0 { &LISTED } else { &[] },
            pairing: bits & 32 != 0,
            trusted: bits & 64 != 0,
        }
    }
}

/// Checks what becomes of one question.
pub(super) fn check(message: &Message, ask: &Ask, around: &Around, plant: Plant) {
    let claims = SipClaims {
        user_agent: ask.agent.as_deref(),
        vendor: ask.vendor.as_deref(),
        model: ask.model.as_deref(),
        version: ask.version.as_deref(),
        mac: ask.mac.or(around.neighbour),
    };
    let recognised = REGISTRY.recognise_by_sip(&claims);
    let known = known(ask, around, recognised.as_ref(), plant);
    let verdict = pnp::decide(&known);
    assert_eq!(verdict, pnp::decide(&known), "the same question, another answer");
    let mac = match verdict {
        // Who is put on the list is answered once it is there.
        Verdict::Answer(mac) | Verdict::Adopt(mac) => mac,
        // Nothing leaves.
        Verdict::False(_) | Verdict::Waiting(_) | Verdict::Nobody => return,
    };
    assert!(ask.mac.is_none_or(|said| said == mac), "{ask:?} is taken for {mac}");
    for at_address in [around.lease, around.neighbour].into_iter().flatten() {
        assert_eq!(at_address, mac, "told at the address of another");
    }
    let on_the_lan = around.lease.or(around.neighbour).is_some();
    let listed = around.listed.contains(&mac);
    assert!(listed || (around.pairing && on_the_lan), "{mac} is on no list and is told");
    check_answers(message, ask, mac, recognised.as_ref(), around.trusted && listed);
}

fn known(ask: &Ask, around: &Around, recognised: Option<&Recognition<'_>>, plant: Plant) -> Known {
    let claimed = ask.mac.or_else(|| recognised.and_then(|found| found.mac));
    let mac = claimed.or_else(|| match (around.lease, around.neighbour) {
        (Some(lease), Some(neighbour)) => Some(lease).filter(|mac| *mac == neighbour),
        (lease, neighbour) => lease.or(neighbour),
    });
    let lan = mac.map_or(Lan::Unknown, |mac| access::lan(mac, around.lease, around.neighbour));
    Known {
        mac,
        lan: if plant == Plant::DeafToTheLan { Lan::Unknown } else { lan },
        listed: mac.is_some_and(|mac| around.listed.contains(&mac)),
        pairing: around.pairing && recognised.is_some_and(|found| found.phone),
    }
}

/// The phone is told where its files are and nothing else: no login stands in the URL, no other phone, and no other box.
fn check_answers(message: &Message, ask: &Ask, mac: Mac, recognised: Option<&Recognition<'_>>, trusted: bool) {
    let (from, local): (SocketAddr, SocketAddr) =
        ("10.66.0.10:5062".parse().unwrap(), "10.66.0.1:5060".parse().unwrap());
    let at = BoxAddress { host: local.ip(), http: 80, https: 443 };
    let url = pnp::url(mac, recognised.map(|found| found.brand), trusted, &at);
    let usual = provisioning_url(if trusted { Scheme::Https } else { Scheme::Http }, &at, "");
    let named = url.strip_prefix(&usual).unwrap_or_else(|| panic!("{url} leads elsewhere")).to_ascii_lowercase();
    assert!(!url.contains(['@', '?']) && !url.contains(char::is_control), "{url}");
    let mut others = LISTED.iter().chain([&STRANGER]).filter(|other| **other != mac);
    assert!(others.all(|other| !named.contains(&other.plain())), "{url} is told to {mac}");

    let parts = Parts { tag: "t", local, branch: "z9hG4bKb", url: &url };
    let accepted = pnp::accept(message, &parts);
    assert!(accepted.status() == Some(200) && accepted.body.is_empty());
    let to = ask.tell_at(from);
    assert_eq!(to.ip(), from.ip(), "somebody else is told");
    let told = pnp::tell(message, &ask.event, to, &parts);
    assert_eq!(told.body, url.as_bytes());
    let logins = ["Authorization", "Proxy-Authorization"];
    for sent in [accepted, told] {
        assert!(logins.iter().all(|name| sent.header(name).is_none()), "a login leaves");
        assert!(sent.encode().is_ok(), "an answer cannot be written");
    }
}
