use std::collections::VecDeque;
use std::time::Duration;

use super::{Act, Credentials, Fetch, Habit, Input, Job, Order, Target, Way};
use crate::brands::Told;
use crate::model::{Mac, Outcome, Reason, Transport};
use crate::sip::digest::{Algorithm, Challenge};

const MAC: Mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn target(way: Way, transport: Transport) -> Target {
    let to = if way == Way::Proxy { "10.66.0.5:5060" } else { "10.66.0.10:5060" };
    Target { way, transport, to: to.parse().unwrap() }
}

fn order() -> Order {
    Order {
        mac: MAC,
        told: Told::Resync,
        targets: VecDeque::from([target(Way::Direct, Transport::Udp), target(Way::Direct, Transport::Tcp)]),
        credentials: Credentials { realms: vec!["pbx.example.net".into()], known: true },
        fetches_within: secs(60),
        outdated: None,
        switch_on: Some("Switch it on.".into()),
        habit: Habit::default(),
    }
}

fn challenge(realm: &str, nonce: &str, stale: bool) -> Option<Challenge> {
    Some(Challenge {
        realm: realm.into(),
        nonce: nonce.into(),
        opaque: None,
        algorithm: Algorithm::Md5,
        quality: true,
        stale,
    })
}

/// Somebody asks for a login, who is proven to be the phone or not.
fn asks(attempt: u32, realm: &str, proven: bool) -> Input {
    Input::Challenged { attempt, status: 401, challenge: challenge(realm, "n1", false), proven }
}

fn answered(attempt: u32, status: u16) -> Input {
    Input::Answered { attempt, status, phrase: "Phrase".into() }
}

fn fetch(at: Duration, revision: &str) -> Input {
    Input::Fetched(Fetch { at, revision: revision.into() })
}

/// The number and way of the one message that is sent.
fn sent(acts: &[Act]) -> (u32, Target) {
    let [Act::Send { attempt, target, .. }] = acts else { panic!("{acts:?}") };
    (*attempt, *target)
}

fn settled(acts: &[Act]) -> &Reason {
    let [Act::Settle(reason)] = acts else { panic!("{acts:?}") };
    reason
}

#[test]
fn only_a_fetch_proves_anything() {
    let (mut job, acts) = Job::begin(order(), secs(100));
    let (attempt, first) = sent(&acts);
    assert_eq!(first.transport, Transport::Udp);
    assert!(job.step(fetch(secs(99), "a"), secs(100)).is_empty(), "one from before does not count");
    assert!(job.step(answered(attempt, 200), secs(101)).is_empty());
    assert!(job.is_accepted());
    assert_eq!(settled(&job.step(fetch(secs(103), "a"), secs(103))), &Reason::SipResynced { seconds: 3 });
    assert!(job.step(Input::Time, secs(999)).is_empty(), "it is over once");
}

#[test]
fn one_that_fetches_first_and_answers_then_is_believed() {
    let (mut job, acts) = Job::begin(order(), secs(100));
    let (attempt, _) = sent(&acts);
    assert!(job.step(fetch(secs(101), "a"), secs(101)).is_empty());
    assert_eq!(settled(&job.step(answered(attempt, 202), secs(102))), &Reason::SipResynced { seconds: 1 });
}

#[test]
fn one_that_accepts_and_does_nothing_is_told_so() {
    let (mut job, acts) = Job::begin(order(), secs(100));
    job.step(answered(sent(&acts).0, 200), secs(101));
    assert_eq!(job.next(), Some(secs(161)));
    assert!(job.step(Input::Time, secs(160)).is_empty());
    let reason = settled(&job.step(Input::Time, secs(161))).clone();
    assert_eq!(reason, Reason::SipNotFetched { seconds: 60, hint: "Switch it on.".into() });
    assert!(reason.sentence().ends_with("within 60 s. Switch it on."), "{}", reason.sentence());
}

#[test]
fn what_it_has_already_is_no_proof_when_something_changed() {
    let order = Order { outdated: Some("old".into()), ..order() };
    let (mut job, acts) = Job::begin(order, secs(100));
    job.step(answered(sent(&acts).0, 200), secs(101));
    assert!(job.step(fetch(secs(102), "old"), secs(102)).is_empty());
    assert_eq!(settled(&job.step(fetch(secs(103), "new"), secs(103))), &Reason::SipResynced { seconds: 3 });
}

#[test]
fn a_change_that_is_in_none_of_its_files_is_no_failure() {
    let order = Order { outdated: Some("old".into()), ..order() };
    let (mut job, acts) = Job::begin(order, secs(100));
    job.step(answered(sent(&acts).0, 200), secs(101));
    assert!(job.step(fetch(secs(102), "old"), secs(102)).is_empty());
    assert_eq!(settled(&job.step(Input::Time, secs(161))), &Reason::SipNothingNew);
    assert_eq!(Reason::SipNothingNew.outcome(), Outcome::NotNeeded);
}

#[test]
fn a_fetch_that_was_due_anyway_is_no_proof() {
    let mut habit = Habit::default();
    for at in [10, 70, 130] {
        habit.add(secs(at));
    }
    assert!(habit.expects(secs(190)) && habit.expects(secs(187)) && habit.expects(secs(250)));
    assert!(!habit.expects(secs(160)) && !habit.expects(secs(140)));
    let (mut job, acts) = Job::begin(Order { habit: habit.clone(), ..order() }, secs(180));
    job.step(answered(sent(&acts).0, 200), secs(181));
    assert!(job.step(fetch(secs(190), "a"), secs(190)).is_empty());
    assert_eq!(settled(&job.step(Input::Time, secs(241))), &Reason::SipFetchedByChance);
    // Another one besides is proof.
    let (mut job, acts) = Job::begin(Order { habit, ..order() }, secs(180));
    job.step(answered(sent(&acts).0, 200), secs(181));
    job.step(fetch(secs(190), "a"), secs(190));
    assert_eq!(settled(&job.step(fetch(secs(215), "a"), secs(215))), &Reason::SipResynced { seconds: 35 });
}

#[test]
fn uneven_fetches_are_no_habit() {
    let mut habit = Habit::default();
    for at in [10, 20, 130] {
        habit.add(secs(at));
        assert!(!habit.expects(secs(240)));
    }
    assert!(!Habit::default().expects(secs(1)));
}

#[test]
fn silence_leads_to_the_next_way_and_a_late_answer_still_counts() {
    let (mut job, acts) = Job::begin(order(), secs(100));
    let (udp, _) = sent(&acts);
    assert_eq!(job.next(), Some(secs(104)));
    let (tcp, second) = sent(&job.step(Input::Time, secs(104)));
    assert_eq!(second.transport, Transport::Tcp);
    assert!(job.step(Input::Unreachable(tcp), secs(105)).is_empty(), "the first is still open");
    assert!(job.step(answered(udp, 200), secs(120)).is_empty());
    assert_eq!(settled(&job.step(fetch(secs(121), "a"), secs(121))), &Reason::SipResynced { seconds: 21 });
}

#[test]
fn silence_on_every_way_names_them_all() {
    let mut order = order();
    order.targets.push_back(target(Way::Proxy, Transport::Udp));
    let (mut job, acts) = Job::begin(order, secs(100));
    let (udp, _) = sent(&acts);
    let (tcp, _) = sent(&job.step(Input::Time, secs(104)));
    // It asks for no time at which it would do nothing: whoever gives it that time would do so without end.
    assert_eq!(job.next(), Some(secs(108)));
    let (proxy, _) = sent(&job.step(Input::Time, secs(108)));
    assert_eq!(job.next(), None);
    assert!(job.step(Input::Unreachable(tcp), secs(109)).is_empty());
    assert!(job.step(Input::Silent(udp), secs(132)).is_empty());
    assert_eq!(
        settled(&job.step(Input::Silent(proxy), secs(140))),
        &Reason::SipNoAnswer {
            tried: "UDP 5060, TCP 5060, UDP 5060 at the proxy".into(),
            hint: "Switch it on.".into()
        }
    );
}

#[test]
fn one_that_is_heard_is_not_told_on_another_way() {
    let (mut job, acts) = Job::begin(order(), secs(100));
    job.step(Input::Heard(sent(&acts).0), secs(101));
    assert_eq!(job.next(), None);
}

#[test]
fn a_restart_is_never_ordered_on_two_ways_at_once() {
    let (mut job, acts) = Job::begin(Order { told: Told::Reboot, ..order() }, secs(100));
    assert_eq!(job.next(), None);
    assert!(job.step(Input::Time, secs(110)).is_empty());
    let (tcp, _) = sent(&job.step(Input::Silent(sent(&acts).0), secs(132)));
    job.step(answered(tcp, 200), secs(133));
    assert_eq!(settled(&job.step(fetch(secs(200), "a"), secs(200))), &Reason::SipRestarted { seconds: 100 });
}

#[test]
fn one_that_fetched_before_it_could_answer_is_not_told_again() {
    let (mut job, acts) = Job::begin(Order { told: Told::Reboot, ..order() }, secs(100));
    assert!(job.step(fetch(secs(125), "a"), secs(125)).is_empty(), "its answer may come yet");
    let over = job.step(Input::Silent(sent(&acts).0), secs(132));
    assert_eq!(settled(&over), &Reason::SipRestarted { seconds: 25 });
    // One that would not restart fetched for a reason of its own.
    let (mut job, acts) = Job::begin(Order { told: Told::Reboot, ..order() }, secs(100));
    job.step(fetch(secs(110), "a"), secs(110));
    let over = job.step(answered(sent(&acts).0, 403), secs(120));
    assert!(matches!(settled(&over), Reason::SipRefused { status: 403, .. }), "{over:?}");
    // Nor where no other way is left.
    let mut last = order();
    last.targets.pop_back();
    let (mut job, acts) = Job::begin(last, secs(100));
    job.step(fetch(secs(101), "a"), secs(101));
    let over = job.step(Input::Silent(sent(&acts).0), secs(132));
    assert_eq!(settled(&over), &Reason::SipResynced { seconds: 1 });
}

#[test]
fn whoever_is_not_proven_to_be_the_gateway_is_not_told_by_snmp() {
    let mut gateway = order();
    gateway.targets.push_back(target(Way::Other, Transport::Udp));
    let (mut job, acts) = Job::begin(gateway, secs(100));
    let (tcp, _) = sent(&job.step(Input::Silent(sent(&acts).0), secs(132)));
    let (snmp, _) = sent(&job.step(Input::Silent(tcp), secs(164)));
    let over = job.step(Input::Withheld(snmp), secs(164));
    assert_eq!(settled(&over), &Reason::SipSnmpWithheld { address: [10, 66, 0, 10].into() });
    // What it said by SIP is what is told.
    let mut gateway = order();
    gateway.targets.push_back(target(Way::Other, Transport::Udp));
    let (mut job, acts) = Job::begin(gateway, secs(100));
    let (snmp, _) = sent(&job.step(answered(sent(&acts).0, 403), secs(101)));
    let over = job.step(Input::Withheld(snmp), secs(101));
    let reason = Reason::SipRefused { status: 403, phrase: "Phrase".into(), hint: "Switch it on.".into() };
    assert_eq!(settled(&over), &reason);
}

#[test]
fn a_refusal_is_the_same_on_every_transport_but_not_at_the_proxy() {
    let (mut job, acts) = Job::begin(order(), secs(100));
    let reason = Reason::SipRefused { status: 403, phrase: "Phrase".into(), hint: "Switch it on.".into() };
    assert_eq!(settled(&job.step(answered(sent(&acts).0, 403), secs(101))), &reason);
    let mut with_proxy = order();
    with_proxy.targets.push_back(target(Way::Proxy, Transport::Udp));
    let (mut job, acts) = Job::begin(with_proxy, secs(100));
    let (proxy, next) = sent(&job.step(answered(sent(&acts).0, 481), secs(101)));
    assert_eq!(next.way, Way::Proxy);
    job.step(answered(proxy, 200), secs(102));
    assert!(job.is_accepted());
    // Another phone has the address that its registrar still names.
    let mut moved = order();
    moved.targets.push_front(Target { to: "10.66.0.66:5060".parse().unwrap(), ..target(Way::Direct, Transport::Udp) });
    let (mut job, acts) = Job::begin(moved, secs(100));
    let acts = job.step(answered(sent(&acts).0, 404), secs(101));
    assert_eq!(sent(&acts).1, target(Way::Direct, Transport::Udp));
    // One that is overloaded may do better elsewhere.
    let (mut job, acts) = Job::begin(order(), secs(100));
    assert_eq!(sent(&job.step(answered(sent(&acts).0, 503), secs(101))).1.transport, Transport::Tcp);
}

#[test]
fn a_challenge_is_answered_in_the_lines_own_realm_alone() {
    let (mut job, acts) = Job::begin(order(), secs(100));
    let acts = job.step(asks(sent(&acts).0, "PBX.example.net", true), secs(101));
    let [Act::Send { attempt, login: Some((answered_challenge, false, 1)), sequence: 2, .. }] = &acts[..] else {
        panic!("{acts:?}")
    };
    assert_eq!(answered_challenge.nonce, "n1");
    job.step(answered(*attempt, 200), secs(102));
    assert!(job.is_accepted());
    let (mut job, acts) = Job::begin(order(), secs(100));
    let asked = asks(sent(&acts).0, "evil", true);
    assert_eq!(settled(&job.step(asked, secs(101))), &Reason::SipLoginWithheld { realm: "evil".into() });
    let poor = Order { credentials: Credentials { known: false, ..order().credentials }, ..order() };
    let (mut job, acts) = Job::begin(poor, secs(100));
    let asked = asks(sent(&acts).0, "pbx.example.net", true);
    assert_eq!(settled(&job.step(asked, secs(101))), &Reason::SipLoginWithheld { realm: "pbx.example.net".into() });
}

#[test]
fn whoever_is_not_proven_to_be_the_phone_gets_no_hash_and_the_phone_is_told_elsewhere() {
    let (mut job, acts) = Job::begin(order(), secs(100));
    let asked = job.step(asks(sent(&acts).0, "pbx.example.net", false), secs(101));
    let unproven = Reason::SipLoginUnproven { realm: "pbx.example.net".into(), address: [10, 66, 0, 10].into() };
    assert_eq!(settled(&asked), &unproven, "nor is anybody there told on another transport");
    // Somebody else is where the phone once said that it listens: the phone itself is at its lease.
    let mut poisoned = order();
    let liar = Target { to: "10.66.0.66:5070".parse().unwrap(), ..target(Way::Direct, Transport::Udp) };
    poisoned.targets.push_front(liar);
    let (mut job, acts) = Job::begin(poisoned, secs(100));
    assert_eq!(job.asked(sent(&acts).0), Some(liar));
    let acts = job.step(asks(sent(&acts).0, "pbx.example.net", false), secs(101));
    assert_eq!(sent(&acts).1, target(Way::Direct, Transport::Udp));
    assert!(matches!(acts[..], [Act::Send { login: None, .. }]), "{acts:?}");
    let acts = job.step(asks(sent(&acts).0, "pbx.example.net", true), secs(102));
    assert!(matches!(acts[..], [Act::Send { login: Some(_), .. }]), "the phone gets its answer: {acts:?}");
}

#[test]
fn a_proxy_is_known_by_its_address_alone() {
    let proxy = target(Way::Proxy, Transport::Udp);
    let (mut job, acts) = Job::begin(Order { targets: VecDeque::from([proxy]), ..order() }, secs(100));
    let acts = job.step(asks(sent(&acts).0, "pbx.example.net", false), secs(101));
    assert!(matches!(acts[..], [Act::Send { login: Some(_), .. }]), "{acts:?}");
}

#[test]
fn a_stale_nonce_is_answered_again_and_a_wrong_password_is_not() {
    let ask = |attempt, nonce: &str, stale| Input::Challenged {
        attempt,
        status: 407,
        challenge: challenge("pbx.example.net", nonce, stale),
        proven: true,
    };
    let begin = || {
        let (mut job, acts) = Job::begin(order(), secs(100));
        let (second, _) = sent(&job.step(ask(sent(&acts).0, "n1", false), secs(101)));
        (job, second)
    };
    let (mut job, second) = begin();
    let acts = job.step(ask(second, "n2", true), secs(102));
    let [Act::Send { login: Some((answered, true, 1)), sequence: 3, .. }] = &acts[..] else { panic!("{acts:?}") };
    assert_eq!(answered.nonce, "n2");
    let wrong = Reason::SipLoginRefused { realm: "pbx.example.net".into() };
    let (mut job, second) = begin();
    assert_eq!(settled(&job.step(ask(second, "n2", false), secs(102))), &wrong);
    let (mut job, second) = begin();
    assert_eq!(settled(&job.step(ask(second, "n1", true), secs(102))), &wrong, "the same nonce again is a loop");
    let (mut job, mut attempt) = begin();
    for nonce in ["n2", "n3"] {
        attempt = sent(&job.step(ask(attempt, nonce, true), secs(102))).0;
    }
    assert_eq!(settled(&job.step(ask(attempt, "n4", true), secs(103))), &wrong, "no more than three times");
}

#[test]
fn with_no_way_there_is_nothing_to_try() {
    let (_, acts) = Job::begin(Order { targets: VecDeque::new(), ..order() }, secs(100));
    assert_eq!(settled(&acts), &Reason::SipNoAddress);
}
