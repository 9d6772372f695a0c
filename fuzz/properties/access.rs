//! Who gets what: any claim, any evidence, any state of a phone, any policy.

use std::net::{IpAddr, Ipv4Addr};

use block66::access::{Ask, Channel, Evidence, File, Lan, LoginProof, Subject, Transition, Verdict, decide};
use block66::brands::Content;
use block66::model::{FirstContact, Id, Login, Mac, Phone, Policy, Secret, SecretPolicy, Settings, Timestamp};

use super::bytes::Bytes;

/// Checks one combination.
pub fn hold(input: &[u8]) -> bool {
    let mut bytes = Bytes(input);
    let [own, other, ours, theirs] = [1, 2, 3, 4].map(|number| Id::new(Timestamp::default(), number));
    let macs = [Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]), Mac::new([0x80, 0x5e, 0xc0, 0, 0, 2])];
    let address = |octet: u8| IpAddr::V4(Ipv4Addr::new(10, 66, 0, octet));
    let ask = Ask {
        channel: bytes.pick(&[Channel::Tls, Channel::Plain, Channel::Tftp]),
        file: bytes.pick(&[File::Own, File::Common, File::Kept, File::Personal, File::Shared]),
        address: address(bytes.u8() % 4),
        unanswered: bytes.flag(),
    };
    let evidence = Evidence {
        login: bytes.pick(&[
            LoginProof::None,
            LoginProof::Wrong,
            LoginProof::Phone(own),
            LoginProof::Phone(other),
            LoginProof::Pending(own),
            LoginProof::Pending(other),
            LoginProof::Organisation(ours),
            LoginProof::Organisation(theirs),
        ]),
        certificate: bytes.pick(&[None, Some(macs[0]), Some(macs[1])]),
        lan: bytes.pick(&[Lan::Disagrees, Lan::Unknown, Lan::Agrees]),
    };
    let policy = Policy {
        secret_files: bytes.pick(&[SecretPolicy::Own, SecretPolicy::OrganisationOnLan, SecretPolicy::Organisation]),
        plain_http: bytes.flag(),
        reopen_after_reset: bytes.flag(),
        ..Policy::default()
    };
    let listed = bytes.flag();
    let login = |user: &str| Login { user: user.into(), password: Secret::new("password") };
    let (has_login, has_pending, stage) = (bytes.flag(), bytes.flag(), bytes.u8() % 4);
    let (now, then) = (Timestamp::from_millis(bytes.i64()), Timestamp::from_millis(bytes.i64()));
    let phone = Phone {
        id: own,
        version: 1,
        origin: Id::new(Timestamp::default(), 9),
        mac: macs[0],
        organisation: ours,
        brand: None,
        model: None,
        name: String::new(),
        lines: Vec::new(),
        group: None,
        settings: Settings::NONE,
        handsets: Vec::new(),
        ports: Vec::new(),
        login: has_login.then(|| login("old")),
        pending_login: has_pending.then(|| login("new")),
        first_contact: match stage {
            0 => FirstContact::Waiting,
            1 => FirstContact::Open { since: then, address: address(bytes.u8() % 4) },
            2 => FirstContact::Closed { at: then },
            _ => FirstContact::Reset { at: then },
        },
        created: then,
    };
    let policy = Policy { lan_alone: bytes.flag(), ..policy };
    let subject = listed.then_some(Subject { phone: &phone, policy });
    let verdict = decide(&ask, &evidence, subject, now);
    assert_eq!(verdict, decide(&ask, &evidence, subject, now), "the same question, another answer");

    let secret = verdict.content().is_some_and(Content::is_secret);
    let certified = evidence.certificate == Some(phone.mac) && ask.channel == Channel::Tls;
    let proven = matches!(evidence.login, LoginProof::Phone(id) | LoginProof::Pending(id) if id == own)
        || evidence.login == LoginProof::Organisation(ours)
        || certified;
    if secret {
        assert!(listed && matches!(ask.file, File::Own | File::Kept), "{ask:?} got a secret");
        assert!(proven || evidence.lan == Lan::Agrees, "{evidence:?} got a secret");
        assert!(ask.channel != Channel::Tftp || policy.plain_http || policy.lan_alone, "a secret leaves by TFTP");
    }
    if verdict.content() == Some(Content::Full) && !(policy.lan_alone && evidence.lan == Lan::Agrees) {
        assert!(proven, "{evidence:?} got everything");
        assert!(ask.channel == Channel::Tls || policy.plain_http, "everything leaves in plain");
    }
    if !listed && !matches!(evidence.login, LoginProof::Organisation(_)) {
        assert!(!matches!(verdict, Verdict::NotFound(_)), "{evidence:?} learned that a MAC is not listed");
    }
    if let Some(Transition::OpenFirstContact { address }) = verdict.transition() {
        assert!(address == ask.address && evidence.lan == Lan::Agrees, "opened for a stranger");
    }
    let more = Evidence { lan: Lan::Agrees, certificate: Some(phone.mac), login: LoginProof::Pending(own) };
    let most = decide(&ask, &more, subject, now);
    if ask.channel != Channel::Tftp {
        assert!(most.content() >= verdict.content(), "{evidence:?} gets {verdict:?}, and all there is {most:?}");
    }
    listed
}
