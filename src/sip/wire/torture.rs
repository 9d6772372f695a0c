//! The test messages of RFC 4475, written down from its text: valid ones are read, and of the others none is taken for
//! what it is not.

use super::*;
use crate::sip::address::{Uri, Via};

/// Section 3.1.1.1: everything that the grammar allows at once.
const WSINV: &str = "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n\
TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n\
from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n\
MaX-fOrWaRdS: 0068\r\n\
Call-ID: wsinv.ndaksdj@192.0.2.1\r\n\
Content-Length   : 150\r\n\
cseq: 0009\r\n  INVITE\r\n\
Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n\
s :\r\n\
NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n\
UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n\
Content-Type: application/sdp\r\n\
Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n\
v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n\
m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n      newvalue ;\r\n  secondparam ; q = 0.33\r\n\
\r\n\
v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n";

/// Section 3.1.1.2: odd, and valid in every character.
const INTMETH_URI: &str =
    "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com";

fn with(line: &str, fields: &str) -> String {
    format!(
        "{line}\r\nVia: SIP/2.0/UDP host1.example.com;branch=z9hG4bK.t\r\nFrom: <sip:a@example.com>;tag=1\r\n\
         To: <sip:b@example.com>\r\nCall-ID: t@example.com\r\n{fields}\r\n"
    )
}

fn message(text: &str) -> Message {
    read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}")).unwrap()
}

#[test]
fn a_short_tortuous_invite_is_read() {
    let read = message(WSINV);
    assert_eq!(read.as_request(), Some((Method::Invite, "sip:vivekg@chair-dnrc.example.com;unknownparam")));
    assert_eq!(read.all("Via").count(), 3);
    assert!(read.all("via").all(|via| Via::read(via).is_some()), "{:?}", read.all("Via").collect::<Vec<_>>());
    assert_eq!(read.sequence(), Some((9, "INVITE")));
    assert_eq!(parameter(read.header("To").unwrap(), "tag"), Some("1918181833n"));
    assert_eq!(parameter(read.header("From").unwrap(), "tag"), Some("98asjd8"));
    assert_eq!(Uri::read(read.header("From").unwrap()).unwrap().user.as_deref(), Some("jdrosen"));
    assert_eq!(read.header("NewFangledHeader"), Some("newfangled value continued newfangled value"));
    assert_eq!(read.body.len(), 150);
}

#[test]
fn odd_and_valid_messages_are_read() {
    // 3.1.1.2, with a method that is known.
    let odd = message(&with(&format!("OPTIONS {INTMETH_URI} SIP/2.0"), "CSeq: 139122385 OPTIONS\r\n"));
    assert_eq!(odd.as_request().unwrap().1, INTMETH_URI);
    // 3.1.1.3 and 3.1.1.4: escapes, and the NUL that is one.
    let escaped = message(&with("INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0", "CSeq: 1 INVITE\r\n"));
    assert_eq!(Uri::read(escaped.as_request().unwrap().1).unwrap().user.as_deref(), Some("sips:user@example.com"));
    let null = message(&with(
        "REGISTER sip:example.com SIP/2.0",
        "CSeq: 14398234 REGISTER\r\nContact: <sip:%00@host5.example.com>\r\nContact: <sip:%00%00@host5.example.com>\r\n",
    ));
    assert_eq!(null.all("Contact").count(), 2);
    assert_eq!(Uri::read(null.header("Contact").unwrap()).unwrap().user.as_deref(), Some("?"));
    // 3.1.1.6: no blanks between a name and its address. 3.1.1.7: long values. 3.1.1.8: more after the message.
    message(&with(
        "OPTIONS sip:user@example.com SIP/2.0",
        "CSeq: 8 OPTIONS\r\nContact: \"Bell\"<sip:caller@example.net>\r\n",
    ));
    let long = format!("CSeq: 1 OPTIONS\r\nUnknown-{}: a{}a\r\n", "long".repeat(20), "value".repeat(200));
    message(&with("OPTIONS sip:user@example.com SIP/2.0", &long));
    let two = with("REGISTER sip:example.com SIP/2.0", "CSeq: 8 REGISTER\r\nContent-Length: 0\r\n");
    assert!(
        message(&format!("{two}{}", with("INVITE sip:joe@example.com SIP/2.0", "CSeq: 8 INVITE\r\n"))).body.is_empty()
    );
    // 3.1.1.9: semicolons in the user part. 3.1.1.10: transports of all kinds.
    let semicolon = message(&with("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0", "CSeq: 8 OPTIONS\r\n"));
    assert_eq!(Uri::read(semicolon.as_request().unwrap().1).unwrap().user.as_deref(), Some("user;par=u@example.net"));
    let transports = with(
        "OPTIONS sip:user@example.com SIP/2.0",
        "CSeq: 8 OPTIONS\r\nVia: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKa\r\nVia: SIP/2.0/UNKNOWN t5.example.com;branch=z9hG4bKb\r\n",
    );
    assert!(message(&transports).all("Via").all(|via| Via::read(via).is_some()));
    // 3.1.1.12 and 3.1.1.13: phrases, and none.
    let unusual = "= 2**3 * 5**2 \u{43d}\u{43e} \u{441}\u{442}\u{43e}";
    let phrase = message(&with(&format!("SIP/2.0 200 {unusual}"), "CSeq: 35 INVITE\r\n"));
    assert_eq!(phrase.start, Start::Response { status: 200, phrase: unusual.into() });
    assert_eq!(message(&with("SIP/2.0 100 ", "CSeq: 35 INVITE\r\n")).status(), Some(100));
    // 3.2.1: a branch that is the cookie alone is no branch of RFC 3261, and still read.
    message(&with("OPTIONS sip:user@example.com SIP/2.0", "CSeq: 8 OPTIONS\r\n").replace("z9hG4bK.t", "z9hG4bK"));
    // 3.3.3 to 3.3.6: schemes and requirements of others are for whoever answers.
    for uri in ["nobodyKnowsThisScheme:totallyopaquecontent", "soap.beep://192.0.2.103:3002", "name:John_Smith"] {
        assert_eq!(
            message(&with(&format!("OPTIONS {uri} SIP/2.0"), "CSeq: 8 OPTIONS\r\n")).as_request().unwrap().1,
            uri
        );
        assert_eq!(Uri::read(uri), None);
    }
    message(&with(
        "OPTIONS sip:user@example.com SIP/2.0",
        "CSeq: 8 OPTIONS\r\nRequire: nothingSupportsThis\r\nProxy-Require: noProxies\r\nContent-Type: application/unknownformat\r\n",
    ));
}

#[test]
fn what_is_not_valid_is_never_taken_for_something_else() {
    let options = "OPTIONS sip:user@example.com SIP/2.0";
    for (section, text, malformed) in [
        (
            "3.1.2.2 Content-Length larger than the message",
            with(options, "CSeq: 8 OPTIONS\r\nContent-Length: 9999\r\n"),
            Malformed::CutOff,
        ),
        (
            "3.1.2.3 negative Content-Length",
            with(options, "CSeq: 8 OPTIONS\r\nContent-Length: -999\r\n"),
            Malformed::Length,
        ),
        ("3.1.2.4 overlarge CSeq", with(options, "CSeq: 36893488147419103232 OPTIONS\r\n"), Malformed::CSeq),
        (
            "3.1.2.5 overlarge status",
            with("SIP/2.0 4294967301 better not break the receiver", "CSeq: 8 INVITE\r\n"),
            Malformed::StartLine,
        ),
        (
            "3.1.2.7 blanks in the address",
            with("INVITE <sip:user@example.com; lr> SIP/2.0", "CSeq: 8 INVITE\r\n"),
            Malformed::StartLine,
        ),
        (
            "3.1.2.10 blanks at the end of the first line",
            with("OPTIONS sip:a b@example.com SIP/2.0", "CSeq: 8 OPTIONS\r\n"),
            Malformed::StartLine,
        ),
        (
            "3.1.2.16 unknown version",
            with("OPTIONS sip:t@example.com SIP/7.0", "CSeq: 8 OPTIONS\r\n"),
            Malformed::Version,
        ),
        ("3.1.2.17 method of CSeq", with(options, "CSeq: 8 INVITE\r\n"), Malformed::CSeq),
        (
            "3.1.2.18 unknown method",
            with("NEWMETHOD sip:user@example.com SIP/2.0", "CSeq: 8 NEWMETHOD\r\n"),
            Malformed::UnknownMethod,
        ),
        (
            "3.3.1 missing fields",
            format!("{options}\r\nCSeq: 193942 INVITE\r\nVia: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\r\n\r\n"),
            Malformed::Missing("From"),
        ),
        (
            "3.3.9 two Content-Lengths",
            with(options, "CSeq: 8 OPTIONS\r\nContent-Length: 13\r\nContent-Length: 5\r\n"),
            Malformed::Length,
        ),
    ] {
        assert_eq!(read(text.as_bytes()), Err(malformed), "{section}");
    }
    // Faults in fields that are not looked at make no difference; those in the ones that are make them unreadable.
    for (section, field, value) in [
        ("3.1.2.1 separators", "Contact", "\"Joe\" <sip:joe@example.org>;;;;"),
        ("3.1.2.6 unterminated quote", "Contact", "\"Mr. J. User <sip:j.user@example.com>"),
        ("3.1.2.8 escaped headers in a URI", "Contact", "<sip:user@example.com?Route=%3Csip:example.com%3E>"),
        ("3.1.2.12 date with another zone", "Date", "Fri, 01 Jan 2010 16:00:00 EST"),
        ("3.1.2.13 address without brackets", "Contact", "sip:user@example.com?Route=%3Csip:sip.example.com%3E"),
    ] {
        let text = with(options, &format!("CSeq: 8 OPTIONS\r\n{field}: {value}\r\n"));
        assert_eq!(message(&text).header(field), Some(value), "{section}");
    }
    assert_eq!(Uri::read("\"Mr. J. User <sip:j.user@example.com"), None);
    assert_eq!(Uri::read("<sip:user@example.com:>"), None);
}
