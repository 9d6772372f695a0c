use super::*;

/// A NOTIFY in order.
const PLAIN: &str = "NOTIFY sip:201@10.66.0.10:5060 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 10.66.0.1:5060;branch=z9hG4bKa\r\n\
    From: <sip:box@10.66.0.1>;tag=1\r\n\
    To: <sip:201@10.66.0.10>\r\n\
    Call-ID: one\r\n\
    CSeq: 1 NOTIFY\r\n\
    Event: check-sync\r\n\
    Content-Length: 0\r\n\r\n";

fn message(text: &str) -> Message {
    read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}")).unwrap()
}

#[test]
fn liberties_of_phones_are_put_right() {
    let plain = message(PLAIN);
    for (what, text) in [
        ("line ends", PLAIN.replace("\r\n", "\n")),
        ("leading line ends", format!("\r\n\r\n{PLAIN}")),
        ("no blank line", PLAIN.trim_end().to_owned()),
        ("half a blank line", format!("{}\r\n", PLAIN.trim_end())),
        ("trailing NULs", format!("{}\r\n\0\0", PLAIN.trim_end())),
        ("blank before the colon", PLAIN.replace("From:", "From  :").replace("Event:", "Event\t:")),
        ("folded", PLAIN.replace("CSeq: 1 NOTIFY", "CSeq: 1\r\n  NOTIFY").replace("Event: check", "Event:\r\n\tcheck")),
        ("version", PLAIN.replace(":5060 SIP/2.0", ":5060 sip/2.0")),
        ("blanks", PLAIN.replace(":5060 SIP/2.0", ":5060   SIP/2.0")),
        (
            "short names",
            PLAIN
                .replace("Via:", "v:")
                .replace("From:", "f:")
                .replace("To:", "T:")
                .replace("Call-ID:", "i:")
                .replace("Event:", "o:")
                .replace("Content-Length:", "l:"),
        ),
        ("more body than is said", format!("{PLAIN}and more")),
    ] {
        let read = message(&text);
        assert_eq!(read.start, plain.start, "{what}");
        for name in ["Via", "From", "To", "Call-ID", "CSeq", "Event"] {
            assert_eq!(read.header(name), plain.header(name), "{what}");
        }
        assert_eq!(read.body, plain.body, "{what}");
    }
}

#[test]
fn several_vias_on_one_line_are_several() {
    let text =
        PLAIN.replace("branch=z9hG4bKa", "branch=z9hG4bKa;x=\"a,b\", SIP/2.0/TCP [fe80::1]:5061;branch=z9hG4bKb");
    let read = message(&text);
    let vias: Vec<&str> = read.all("Via").collect();
    assert_eq!(
        vias,
        ["SIP/2.0/UDP 10.66.0.1:5060;branch=z9hG4bKa;x=\"a,b\"", "SIP/2.0/TCP [fe80::1]:5061;branch=z9hG4bKb"]
    );
}

#[test]
fn what_phones_write_is_kept() {
    let text = PLAIN.replace("sip:201@10.66.0.10:5060", "tel:+49301234").replace(
        "<sip:201@10.66.0.10>",
        "\"J\u{fc}rgen \\\"J\\\"\" <sip:201@[2001:db8::10]:5062>;+sip.instance=\"<urn:uuid:0>\"",
    );
    let read = message(&text);
    assert_eq!(read.as_request(), Some((Method::Notify, "tel:+49301234")));
    assert!(read.header("to").unwrap().starts_with("\"J\u{fc}rgen"), "{read:?}");
    let latin = [PLAIN.replace("check-sync", "check").as_bytes(), b""].concat();
    let latin = latin.split(|byte| *byte == b'k').collect::<Vec<_>>().join(&b"\xfc"[..]);
    assert!(super::read(&latin).unwrap().is_some(), "one byte that is no UTF-8 spoils nothing");
}

#[test]
fn answers_without_a_phrase_are_answers() {
    let fields = PLAIN.split_once("\r\n").unwrap().1;
    for (line, status, phrase) in [
        ("SIP/2.0 200 OK", 200, "OK"),
        ("SIP/2.0 200", 200, ""),
        ("SIP/2.0 200 ", 200, ""),
        ("sip/2.0 481 Gone  away", 481, "Gone away"),
        ("SIP/2.0 599 ?", 599, "?"),
    ] {
        let read = message(&format!("{line}\r\n{fields}"));
        assert_eq!(read.start, Start::Response { status, phrase: phrase.into() });
    }
}

#[test]
fn keep_alives_are_nothing() {
    for bytes in [&b"\r\n\r\n"[..], b"\r\n", b"jaK", b"\0\0\0\0", b"", b"  \r\n"] {
        assert_eq!(read(bytes), Ok(None));
    }
}

#[test]
fn what_is_no_message_is_named() {
    let named = |text: &str| read(text.as_bytes()).unwrap_err();
    for (text, malformed) in [
        ("\u{1}\u{2}".into(), Malformed::StartLine),
        ("GET / HTTP/1.1\r\n\r\n".into(), Malformed::StartLine),
        (PLAIN.replace("NOTIFY sip", "NEWMETHOD sip"), Malformed::UnknownMethod),
        (PLAIN.replace("NOTIFY sip", "notify sip"), Malformed::UnknownMethod),
        (PLAIN.replace(":5060 SIP/2.0\r", ":5060 SIP/7.0\r"), Malformed::Version),
        (PLAIN.replace("Event: check-sync", "Event check-sync"), Malformed::Header),
        (PLAIN.replace("Event: check-sync", "Ev ent: check-sync"), Malformed::Header),
        (PLAIN.replace("Event: check-sync", "Event: check\rsync"), Malformed::Header),
        (PLAIN.replace("Content-Length: 0", "Content-Length: -1"), Malformed::Length),
        (PLAIN.replace("Content-Length: 0", "Content-Length: 0\r\nl: 1"), Malformed::Length),
        (PLAIN.replace("Content-Length: 0", "Content-Length: 10"), Malformed::CutOff),
        (PLAIN.replace("Call-ID: one\r\n", ""), Malformed::Missing("Call-ID")),
        (PLAIN.replace("CSeq: 1 NOTIFY", "CSeq: 1 INVITE"), Malformed::CSeq),
        (PLAIN.replace("CSeq: 1 NOTIFY", "CSeq: 36893488147419103232 NOTIFY"), Malformed::CSeq),
        (PLAIN.replace("Event:", &"X: y\r\n".repeat(70)), Malformed::TooManyHeaders),
        (PLAIN.replace("Event:", &format!("X: {}\r\nEvent:", "y".repeat(9000))), Malformed::TooLong),
        ("x".repeat(LONGEST + 1), Malformed::TooLong),
        ("SIP/2.0 99 Low\r\n\r\n".into(), Malformed::StartLine),
        ("SIP/2.0 700 High\r\n\r\n".into(), Malformed::StartLine),
    ] {
        assert_eq!(named(&text), malformed, "{}", &text[..text.len().min(400)]);
    }
}

#[test]
fn nothing_that_is_written_can_add_a_field() {
    let message = message(PLAIN);
    assert_eq!(String::from_utf8(message.encode().unwrap()).unwrap(), PLAIN);
    for value in ["a\r\nEvil: yes", "a\nEvil: yes", "a\rb", "a\0b", "a\u{85}b"] {
        assert!(message.clone().with("Event", value).encode().is_err(), "{value:?}");
        assert!(Message::request(Method::Notify, value).encode().is_err());
        assert!(Message::response(200, value).encode().is_err());
        assert!(message.clone().with(value, "a").encode().is_err());
    }
    assert!(Message::request(Method::Notify, "sip:a b").encode().is_err());
    assert!(Message::request(Method::Notify, "").encode().is_err());
    assert!(message.clone().with("", "x").encode().is_err());
}

#[test]
fn an_answer_copies_what_it_must() {
    let answer = message(PLAIN).answer(200, "OK", "ours");
    assert_eq!(answer.header("To"), Some("<sip:201@10.66.0.10>;tag=ours"));
    assert_eq!(answer.header("Via"), message(PLAIN).header("Via"));
    let tagged = message(&PLAIN.replace("<sip:201@10.66.0.10>", "<sip:201@10.66.0.10>;tag=theirs"));
    assert_eq!(tagged.answer(200, "OK", "ours").header("To"), Some("<sip:201@10.66.0.10>;tag=theirs"));
}

#[test]
fn a_stream_is_cut_into_messages() {
    let with_body = PLAIN.replace("Content-Length: 0\r\n\r\n", "l: 4\r\n\r\nbody");
    let stream = format!("\r\n\r\n{PLAIN}\r\n\r\n{with_body}{PLAIN}");
    // Whatever pieces it arrives in.
    for size in [1, 7, 100, stream.len()] {
        let mut framer = Framer::default();
        let mut messages = Vec::new();
        for piece in stream.as_bytes().chunks(size) {
            framer.take(piece);
            while let Some(message) = framer.cut().unwrap() {
                messages.push(String::from_utf8(message).unwrap());
            }
        }
        assert_eq!(messages, [PLAIN, &with_body, PLAIN], "in pieces of {size}");
        assert!(!framer.is_waiting());
    }
    for endless in [
        "x".repeat(LONGEST_HEAD + 1),
        PLAIN.replace("Content-Length: 0", "Content-Length: 99999"),
        PLAIN.replace("Content-Length: 0", "Content-Length: x"),
    ] {
        let mut framer = Framer::default();
        framer.take(endless.as_bytes());
        assert!(framer.cut().is_err(), "{}", &endless[..endless.len().min(300)]);
    }
}

#[test]
fn parameters_stand_behind_semicolons_that_are_not_quoted() {
    let value = "<sip:a;x=1@b;lr>;tag=\"a;b\";Q = 1 ;flag";
    let found: Vec<_> = parameters(value).collect();
    assert_eq!(found, [("tag", Some("a;b")), ("Q", Some("1")), ("flag", None)]);
    assert_eq!(parameter(value, "TAG"), Some("a;b"));
    assert_eq!(parameter(value, "flag"), None);
}
