use proptest::prelude::*;

use super::*;
use crate::brands::Content;
use crate::model::{FirstContact, Id, Login, Mac, Phone, Policy, Reason, Secret, SecretPolicy, Settings, Timestamp};

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const ADDRESS: [u8; 4] = [10, 66, 0, 10];

pub(super) fn mac(last: u8) -> Mac {
    Mac::new([0x80, 0x5e, 0xc0, 0, 0, last])
}

pub(super) fn phone_id() -> Id {
    Id::new(NOW, 1)
}

pub(super) fn organisation_id() -> Id {
    Id::new(NOW, 2)
}

pub(super) fn another_id() -> Id {
    Id::new(NOW, 3)
}

pub(super) fn phone() -> Phone {
    Phone {
        id: phone_id(),
        version: 1,
        origin: Id::new(NOW, 9),
        mac: mac(1),
        organisation: organisation_id(),
        brand: None,
        model: None,
        name: "Reception".into(),
        lines: Vec::new(),
        group: None,
        settings: Settings::NONE,
        handsets: Vec::new(),
        ports: Vec::new(),
        login: Some(Login { user: "p1".into(), password: Secret::new("secret") }),
        pending_login: None,
        first_contact: FirstContact::Waiting,
        created: NOW,
    }
}

fn in_state(first_contact: FirstContact) -> Phone {
    Phone { first_contact, ..phone() }
}

fn ask(channel: Channel, file: File) -> Ask {
    Ask { channel, file, address: ADDRESS.into(), unanswered: false }
}

fn evidence(login: LoginProof, certificate: Option<Mac>, lan: Lan) -> Evidence {
    Evidence { login, certificate, lan }
}

const CLOSED: FirstContact = FirstContact::Closed { at: NOW };

#[test]
fn the_fixed_rows() {
    let closed = in_state(CLOSED);
    let waiting = phone();
    let generous = Policy { secret_files: SecretPolicy::Organisation, ..Policy::default() };
    let about = |phone| Some(Subject { phone, policy: generous });
    let own = LoginProof::Phone(phone_id());
    let organisation = LoginProof::Organisation(organisation_id());
    let wrong = Verdict::Challenge { reason: Reason::WrongCredentials, transition: None };

    // A MAC that is cloned after its first contact closed: the LAN agrees, and that is not enough.
    let cloned =
        decide(&ask(Channel::Tls, File::Own), &evidence(LoginProof::None, None, Lan::Agrees), about(&closed), NOW);
    assert_eq!(cloned, Verdict::Challenge { reason: Reason::NoCredentials, transition: None });
    let cloned =
        decide(&ask(Channel::Plain, File::Own), &evidence(LoginProof::None, None, Lan::Agrees), about(&closed), NOW);
    assert_eq!(cloned.content(), Some(Content::Pointer));
    // The right login of one organisation, another organisation's MAC; even on first contact.
    for phone in [&closed, &waiting] {
        let others = evidence(LoginProof::Organisation(another_id()), None, Lan::Agrees);
        assert_eq!(decide(&ask(Channel::Tls, File::Own), &others, about(phone), NOW), wrong);
    }
    // The factory certificate of another MAC; even with this phone's login.
    let others = evidence(own, Some(mac(2)), Lan::Agrees);
    assert_eq!(decide(&ask(Channel::Tls, File::Own), &others, about(&closed), NOW), wrong);
    // An unlisted phone learns nothing without a login, and only of its MAC with one.
    let nothing = evidence(LoginProof::None, Some(mac(1)), Lan::Agrees);
    assert_eq!(
        decide(&ask(Channel::Tls, File::Own), &nothing, None, NOW),
        Verdict::Challenge { reason: Reason::NoCredentials, transition: None }
    );
    assert_eq!(
        decide(&ask(Channel::Tls, File::Own), &evidence(organisation, None, Lan::Agrees), None, NOW),
        Verdict::NotFound(Reason::MacUnknown)
    );
    assert_eq!(decide(&ask(Channel::Tls, File::Own), &evidence(own, None, Lan::Agrees), None, NOW), wrong);
    // TFTP and plain HTTP for a file with secrets, without policy.
    let all = evidence(own, None, Lan::Agrees);
    assert_eq!(
        decide(&ask(Channel::Tftp, File::Own), &all, about(&waiting), NOW),
        Verdict::Forbidden(Reason::TftpRefused)
    );
    assert_eq!(decide(&ask(Channel::Plain, File::Own), &all, about(&closed), NOW).content(), Some(Content::Pointer));
}

#[test]
fn a_phone_gets_from_nothing_to_closed_and_may_be_cut_off_anywhere() {
    let policy = Policy::default();
    let mut phone = Phone {
        login: None,
        pending_login: Some(Login { user: "p1".into(), password: Secret::new("secret") }),
        ..phone()
    };
    let nothing = evidence(LoginProof::None, None, Lan::Agrees);
    let own = evidence(LoginProof::Pending(phone_id()), None, Lan::Agrees);
    // Plain HTTP, again and again: the login each time, the window from the first.
    let first = decide(&ask(Channel::Plain, File::Own), &nothing, Some(Subject { phone: &phone, policy }), NOW);
    assert_eq!(first.transition(), Some(Transition::OpenFirstContact { address: ADDRESS.into() }));
    phone.first_contact = FirstContact::Open { since: NOW, address: ADDRESS.into() };
    let subject = Some(Subject { phone: &phone, policy });
    let again = decide(&ask(Channel::Plain, File::Own), &nothing, subject, NOW);
    assert_eq!((again.content(), again.transition()), (Some(Content::FirstContact), None));
    // HTTPS: asked once, and a phone that has the login answers; one that was cut off before gets it here.
    let tls = ask(Channel::Tls, File::Own);
    assert_eq!(
        decide(&tls, &nothing, subject, NOW),
        Verdict::Challenge { reason: Reason::NoCredentials, transition: None }
    );
    let cut_off = decide(&Ask { unanswered: true, ..tls }, &nothing, subject, NOW);
    assert_eq!(cut_off.content(), Some(Content::FirstContact));
    let there = decide(&tls, &own, subject, NOW);
    assert_eq!((there.content(), there.transition()), (Some(Content::Full), Some(Transition::CloseFirstContact)));
    assert_eq!(login_to_hand_out(&phone).map(|login| login.user.as_str()), Some("p1"));
}

#[test]
fn an_old_login_stays_good_until_the_new_one_was_used() {
    let phone = Phone {
        pending_login: Some(Login { user: "p2".into(), password: Secret::new("secret") }),
        ..in_state(FirstContact::Open { since: NOW, address: ADDRESS.into() })
    };
    let subject = Some(Subject { phone: &phone, policy: Policy::default() });
    let tls = ask(Channel::Tls, File::Own);
    let old = decide(&tls, &evidence(LoginProof::Phone(phone_id()), None, Lan::Agrees), subject, NOW);
    assert_eq!((old.content(), old.transition()), (Some(Content::Full), None));
    assert_eq!(login_to_hand_out(&phone).map(|login| login.user.as_str()), Some("p2"));
    let new = decide(&tls, &evidence(LoginProof::Pending(phone_id()), None, Lan::Agrees), subject, NOW);
    assert_eq!((new.content(), new.transition()), (Some(Content::Full), Some(Transition::CloseFirstContact)));
}

#[test]
fn the_lan_agrees_only_when_nothing_disagrees() {
    let (one, two) = (mac(1), mac(2));
    assert_eq!(lan(one, None, None), Lan::Unknown);
    assert_eq!(lan(one, Some(one), None), Lan::Agrees);
    assert_eq!(lan(one, None, Some(one)), Lan::Agrees);
    assert_eq!(lan(one, Some(one), Some(one)), Lan::Agrees);
    assert_eq!(lan(one, Some(two), Some(one)), Lan::Disagrees);
    assert_eq!(lan(one, Some(one), Some(two)), Lan::Disagrees);
    assert_eq!(lan(one, Some(two), None), Lan::Disagrees);
}

/// How much a login or certificate speaks for the asker. A proof of being somebody else is less than none; a login
/// that is nobody's is an answer to our challenge, and so more than silence. For a MAC on no list, any good login is
/// as good as another.
fn strength(evidence: &Evidence, listed: bool) -> [u8; 3] {
    let login = match evidence.login {
        LoginProof::Phone(_) | LoginProof::Pending(_) | LoginProof::Organisation(_) if !listed => 3,
        LoginProof::None => 1,
        LoginProof::Wrong => 2,
        LoginProof::Organisation(id) if id == organisation_id() => 3,
        LoginProof::Phone(id) if id == phone_id() => 4,
        LoginProof::Pending(id) if id == phone_id() => 4,
        _ => 0,
    };
    let certificate = match evidence.certificate {
        Some(named) if named == mac(1) => 2,
        None => 1,
        Some(_) => 0,
    };
    [login, certificate, evidence.lan as u8]
}

fn evidence_strategy() -> impl Strategy<Value = Evidence> {
    let ids = prop_oneof![Just(phone_id()), Just(organisation_id()), Just(another_id())];
    let login = prop_oneof![
        Just(LoginProof::None),
        Just(LoginProof::Wrong),
        ids.clone().prop_map(LoginProof::Phone),
        ids.clone().prop_map(LoginProof::Pending),
        ids.prop_map(LoginProof::Organisation),
    ];
    let certificate = proptest::option::of((1_u8..3).prop_map(mac));
    let lan = prop_oneof![Just(Lan::Disagrees), Just(Lan::Unknown), Just(Lan::Agrees)];
    (login, certificate, lan).prop_map(|(login, certificate, lan)| Evidence { login, certificate, lan })
}

fn ask_strategy() -> impl Strategy<Value = Ask> {
    let channel = prop_oneof![Just(Channel::Tls), Just(Channel::Plain), Just(Channel::Tftp)];
    let file =
        prop_oneof![Just(File::Own), Just(File::Kept), Just(File::Personal), Just(File::Shared), Just(File::Common)];
    (channel, file, 10_u8..12, any::<bool>()).prop_map(|(channel, file, host, unanswered)| Ask {
        channel,
        file,
        address: [10, 66, 0, host].into(),
        unanswered,
    })
}

fn policy_strategy() -> impl Strategy<Value = Policy> {
    let secret_files =
        prop_oneof![Just(SecretPolicy::Own), Just(SecretPolicy::OrganisationOnLan), Just(SecretPolicy::Organisation)];
    (secret_files, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(secret_files, plain_http, lan_alone, reopen_after_reset)| Policy {
            secret_files,
            plain_http,
            lan_alone,
            reopen_after_reset,
            ..Policy::default()
        },
    )
}

fn phone_strategy() -> impl Strategy<Value = Option<Phone>> {
    let at = (0_i64..2000).prop_map(|ago| Timestamp::from_secs(NOW.secs() - ago));
    let state = prop_oneof![
        Just(FirstContact::Waiting),
        (at.clone(), 10_u8..12)
            .prop_map(|(since, host)| FirstContact::Open { since, address: [10, 66, 0, host].into() }),
        at.clone().prop_map(|at| FirstContact::Closed { at }),
        at.prop_map(|at| FirstContact::Reset { at }),
    ];
    proptest::option::of((state, any::<bool>()).prop_map(|(first_contact, pending)| Phone {
        pending_login: pending.then(|| Login { user: "p2".into(), password: Secret::new("secret") }),
        ..in_state(first_contact)
    }))
}

/// Zero for a refusal, else more for more content.
fn rank(verdict: &Verdict) -> u8 {
    match verdict.content() {
        None => 0,
        Some(Content::Pointer) => 1,
        Some(Content::Settings) => 2,
        Some(Content::FirstContact) => 3,
        Some(Content::Full) => 4,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_evidence_never_grants_a_secret(
        ask in ask_strategy(), given in evidence_strategy(), phone in phone_strategy(), policy in policy_strategy(),
    ) {
        let subject = phone.as_ref().map(|phone| Subject { phone, policy });
        let mut given = given;
        if strength(&given, phone.is_some())[0] > 2 {
            given.login = LoginProof::None;
        }
        if ask.channel == Channel::Tls && strength(&given, phone.is_some())[1] > 1 {
            given.certificate = None;
        }
        if given.lan == Lan::Agrees {
            given.lan = Lan::Unknown;
        }
        let verdict = decide(&ask, &given, subject, NOW);
        prop_assert!(!verdict.content().is_some_and(Content::is_secret), "{:?}", verdict);
    }

    #[test]
    fn the_lan_alone_grants_no_secret_outside_first_contact(
        ask in ask_strategy(), phone in phone_strategy(), policy in policy_strategy(),
    ) {
        let policy = Policy { lan_alone: false, ..policy };
        let subject = phone.as_ref().map(|phone| Subject { phone, policy });
        let verdict = decide(&ask, &evidence(LoginProof::None, None, Lan::Agrees), subject, NOW);
        let admitted = phone.as_ref().is_some_and(|phone| {
            phone.first_contact.admits(ask.address, NOW)
                || policy.reopen_after_reset && matches!(phone.first_contact, FirstContact::Reset { .. })
        });
        prop_assert!(rank(&verdict) < 4);
        prop_assert!(admitted || rank(&verdict) < 3);
    }

    #[test]
    fn more_evidence_never_gets_less(
        ask in ask_strategy(), less in evidence_strategy(), more in evidence_strategy(),
        phone in phone_strategy(), policy in policy_strategy(),
    ) {
        let subject = phone.as_ref().map(|phone| Subject { phone, policy });
        let ordered = strength(&less, phone.is_some()).iter().zip(strength(&more, phone.is_some())).all(|(less, more)| *less <= more);
        if ordered {
            let (lesser, greater) = (decide(&ask, &less, subject, NOW), decide(&ask, &more, subject, NOW));
            prop_assert!(rank(&lesser) <= rank(&greater), "{less:?} {lesser:?}, {more:?} {greater:?}");
        }
    }

    #[test]
    fn what_was_sent_up_goes_back_whole_on_the_evidence_that_opens_everything(
        ask in ask_strategy(), given in evidence_strategy(), phone in phone_strategy(), policy in policy_strategy(),
    ) {
        let subject = phone.as_ref().map(|phone| Subject { phone, policy });
        let kept = decide(&Ask { file: File::Kept, ..ask }, &given, subject, NOW);
        let own = decide(&Ask { file: File::Own, ..ask }, &given, subject, NOW);
        let whole = own.content() == Some(Content::Full);
        prop_assert_eq!(kept.content(), whole.then_some(Content::Full));
        prop_assert_eq!(kept.transition(), None);
    }

    #[test]
    fn a_file_without_secrets_is_never_answered_with_one(
        ask in ask_strategy(), given in evidence_strategy(), phone in phone_strategy(), policy in policy_strategy(),
    ) {
        let subject = phone.as_ref().map(|phone| Subject { phone, policy });
        let verdict = decide(&ask, &given, subject, NOW);
        prop_assert!(matches!(ask.file, File::Own | File::Kept) || !verdict.content().is_some_and(Content::is_secret), "{:?}", verdict);
    }

    #[test]
    fn a_common_file_never_holds_a_secret(
        ask in ask_strategy(), given in evidence_strategy(), phone in phone_strategy(), policy in policy_strategy(),
    ) {
        let subject = phone.as_ref().map(|phone| Subject { phone, policy });
        let verdict = decide(&Ask { file: File::Common, ..ask }, &given, subject, NOW);
        prop_assert!(rank(&verdict) < 2);
        prop_assert!(matches!(verdict.transition(), None | Some(Transition::NoticeReset)), "{verdict:?}");
    }

    #[test]
    fn without_a_login_listed_and_unlisted_are_told_apart_only_from_the_phones_own_address(
        ask in ask_strategy(), login in prop_oneof![Just(LoginProof::None), Just(LoginProof::Wrong)],
        lan in prop_oneof![Just(Lan::Disagrees), Just(Lan::Unknown)],
        phone in phone_strategy(), policy in policy_strategy(),
    ) {
        let given = evidence(login, None, lan);
        let subject = phone.as_ref().map(|phone| Subject { phone, policy });
        prop_assert_eq!(decide(&ask, &given, subject, NOW), decide(&ask, &given, None, NOW));
    }

    #[test]
    fn the_same_input_gets_the_same_verdict(
        ask in ask_strategy(), given in evidence_strategy(), phone in phone_strategy(), policy in policy_strategy(),
    ) {
        let subject = phone.as_ref().map(|phone| Subject { phone, policy });
        let first = decide(&ask, &given, subject, NOW);
        prop_assert_eq!(first.clone(), decide(&ask, &given, subject, NOW));
        prop_assert_eq!(first, decide(&ask, &given, phone.clone().as_ref().map(|phone| Subject { phone, policy }), NOW));
    }
}
